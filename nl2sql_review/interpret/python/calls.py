"""Calls: user functions inlined, user classes instantiated, library calls passed to their models."""

from __future__ import annotations

import re

import libcst as cst

from ...source.syntax import dotted
from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, extend, is_optional, join
from ..core.joins import demote, join_values
from ..core.machine import Machine
from ..core.model_call import ModelCall, PythonModel
from ..core.objects import (
    ArgumentMissing,
    Arguments,
    Bound,
    Builtin,
    Class,
    Function,
    Instance,
    Items,
    Mapping,
    Object,
    Opaque,
    Partial,
    Scope,
    Sequence,
    Super,
    object_of,
)
from ..core.operations import GENERATED, describe
from ..core.recording import GIVEN_BY_CALLERS, NOT_GIVEN, Choice
from ..core.state import Frame, Rest, place_of
from . import budget
from .attributes import method_of
from .builtins import BUILTINS, METHODS
from .classes import define_class, instance_method, instantiate
from .refinement import not_none
from .variables import settled

__all__ = ["call", "call_function", "decorate", "define_class", "super_object", "yielded"]


def call(m: Machine, callee: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Call anything that may be called, with evaluated arguments, and return what it returns."""
    if isinstance(callee, Default):
        mark = m.mark()
        value = demote(call(m, Known(callee.value, callee.trace), args, node), callee.overridden_by)
        m.prefer(mark, m.changes(mark), {}, callee.overridden_by)
        return value
    if isinstance(callee, Either):
        left = not_none(m, callee, "TypeError")
        return call_either(m, left, args, node) if isinstance(left, Either) else call(m, left, args, node)
    if not isinstance(callee, Known):
        if starts_backward(m, node):  # whatever the loss is, this trains
            m.call_library(Opaque("torch.Tensor.backward"), args, node)
        m.may_raise_count += 1
        if isinstance(node, cst.Call):
            m.recording.not_followed.add(dotted(node.func).rpartition(".")[2])
        escape(m, args, "it was passed to an unknown function")
        return Unknown(callee.why if isinstance(callee, (Unknown, Absent)) else f"{describe(callee)}(…)", callee.trace)
    f = callee.value
    match f:
        case Function():
            return call_function(m, f, args, node)
        case Bound():
            return call_bound(m, f, args, node)
        case Class():
            return instantiate(m, f, args, node)
        case Builtin():
            try:
                return f.run(ModelCall(m, args, node, f.name))
            except OverflowError as error:  # a number that no float, or no len(), holds
                return Unknown(f"{f.name}() of numbers this large: {error}")
            except ArgumentMissing:
                return Unknown(f"{f.name}() lacks an argument")
        case Opaque():
            m.may_raise_count += 1
            try:
                return m.call_library(f, args, node)
            except ArgumentMissing:
                return Unknown(f"{describe(callee)}() lacks an argument")
        case Partial():
            return call(m, f.function, arguments_of(f, args), node)
        case Instance():
            if f.cls.lookup("__call__") is not None:
                return call(m, m.attribute(callee, "__call__", node), args, node)
            if f.base is not None:
                return call(m, Known(f.base), args, node)
    m.may_raise_count += 1
    if not isinstance(f, Object):
        m.certainly_raises("TypeError")
    return Unknown(f"{describe(callee)} is not callable here", callee.trace)


def arguments_of(partial: Partial, args: Arguments) -> Arguments:
    """Return the arguments that a partial passes on: its own, and behind or over them those of the call."""
    own = partial.arguments
    merged = Arguments([*own.positional, *args.positional], {**own.keywords, **args.keywords}, args.place)
    offset = len(own.positional)
    merged.places = {
        **own.places,
        **{(key + offset if isinstance(key, int) else key): place for key, place in args.places.items()},
    }
    merged.unknown = args.unknown or own.unknown
    merged.overridden_by = args.overridden_by or own.overridden_by
    return merged


def starts_backward(m: Machine, node: cst.CSTNode | None) -> bool:
    """Return whether a call is that of a `backward` method, in a script that imports PyTorch."""
    method = node.func if isinstance(node, cst.Call) else None
    if not isinstance(method, cst.Attribute) or method.attr.value != "backward":
        return False
    return any(name.partition(".")[0] == "torch" for name, _ in m.recording.imports)


def call_either(m: Machine, callee: Either, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Call one of several functions: each is tried on its own path."""
    mark, out, paths = m.mark(), None, []
    options = [option for option in callee.options if not isinstance(option, Absent)]
    for option in options:
        with m.supposing(Choice(callee.condition or "one of several functions", options)):
            r = call(m, option, args, node)
        out = r if out is None else join(out, r, callee.condition)
        paths.append(m.changes(mark))
        m.rollback(mark)
    m.join_paths(mark, paths or [{}])
    return out if out is not None else Unknown("no function could be found for this call")


def escape(m: Machine, args: Arguments, why: str) -> None:
    """Open containers passed to code that is not followed: it may change them."""
    for v in (*args.positional, *args.keywords.values()):
        obj = object_of(v)
        if isinstance(obj, (Mapping, Sequence)):
            m.spend(len(obj.state.items))
        if isinstance(obj, Mapping):
            m.write(obj, "state", Items({k: Unknown(why) for k in obj.state.items}, why, obj.state.overridden_by))
        elif isinstance(obj, Sequence) and obj.kind == "list":
            m.write(obj, "state", Items(tuple(Unknown(why) for _ in obj.state.items), why, obj.state.overridden_by))


def call_bound(m: Machine, f: Bound, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Call a method with the object that it was read from."""
    if isinstance(f.function, Function):
        inner = Arguments([f.receiver, *args.positional], args.keywords, args.place)
        inner.places = {(k + 1 if isinstance(k, int) else k): p for k, p in args.places.items()}
        inner.open_as(args)
        return call_function(m, f.function, inner, node, f.cls)
    receiver = f.receiver
    if isinstance(receiver, Text):
        return call_method(METHODS["str", f.name], ModelCall(m, args, node, f.name, receiver))
    obj = object_of(receiver)
    if isinstance(obj, Super) or isinstance(f.cls, (Opaque, Class)) or isinstance(obj, (Instance, Class)):
        return instance_method(m, f, args, node)
    if isinstance(obj, Function):
        return m.call_library(Opaque(f"{obj.name}.{f.name}", "attribute", (receiver, Known(f.name))), args, node)
    method = method_of(receiver.value, f.name) if isinstance(receiver, Known) else None
    if method is None:
        return Unknown(f"{f.name}() of {describe(receiver)} is not modelled")
    return call_method(method, ModelCall(m, args, node, f.name, receiver))


def call_method(method: PythonModel, call: ModelCall) -> Value:
    try:
        return method(call)
    except ArgumentMissing:
        return Unknown(f"{call.callee}() lacks an argument")


# -- user functions --------------------------------------------------------------------------------------
def too_deep(m: Machine, fn: Function, args: Arguments) -> bool:
    """Return whether a function has called itself too often: a few times on an uncertain path, else more often.

    On an uncertain path it is not followed into a thing of which nothing is known: that shows nothing new.
    """
    mine = [frame for frame in m.frames if frame.function is fn]
    if not mine:
        return False
    if len(m.conditions) == mine[0].conditions and m.silent == mine[0].silent:
        return len(mine) >= 4 * m.MAX_RECURSION
    given = (*args.positional, *args.keywords.values())
    return len(mine) >= m.MAX_RECURSION or bool(given) and all(map(only_the_run_decides, given))


def only_the_run_decides(value: Value) -> bool:
    return isinstance(value, (Unknown, Absent)) or isinstance(object_of(value), Opaque)


def call_function(
    m: Machine, fn: Function, args: Arguments, node: cst.CSTNode | None, cls: Class | None = None
) -> Value:
    """Call a function of the script."""
    fn.called = True
    if budget.says_nothing(m, fn):
        return budget.call_aside(m, fn, args, node, cls)
    if "__cache__" in fn.slots:
        return call_cached(m, fn, args, node, cls)
    return run_function(m, fn, args, node, cls)


def call_cached(m: Machine, fn: Function, args: Arguments, node: cst.CSTNode | None, cls: Class | None) -> Value:
    """Call a function with @lru_cache: the second call with the same arguments runs no code."""
    key = repr([describe(v) for v in args.positional] + sorted((k, describe(v)) for k, v in args.keywords.items()))
    seen = fn.slots["__cache__"]
    if not isinstance(seen, dict):  # only the run knows which calls were made before
        return run_function(m, fn, args, node, cls)
    if key not in seen:
        m.write(fn, "__cache__", {**seen, key: run_function(m, fn, args, node, cls)})
    found: Value = fn.slots["__cache__"][key]
    return found


def run_function(
    m: Machine, fn: Function, args: Arguments, node: cst.CSTNode | None, cls: Class | None = None
) -> Value:
    if len(m.frames) > m.MAX_DEPTH or too_deep(m, fn, args):
        m.may_raise_count += 1
        escape(m, args, f"{fn.name}() is recursive")
        return Unknown(f"{fn.name}() recurses too deeply to follow")
    scope = Scope(
        fn.scope.module, fn.scope, "function", f"{fn.owner.name}.{fn.name}" if fn.owner is not None else fn.name
    )
    bind_parameters(m, fn, args, scope)
    if isinstance(fn.node, cst.Lambda):
        return m.evaluate(fn.node.body, scope)
    frame = Frame(scope, fn, m.mark(), len(m.unlikely))
    frame.cls = cls or fn.owner
    frame.receiver = args.positional[0] if args.positional else None
    frame.silent, frame.conditions = m.silent, len(m.conditions)
    m.frames.append(frame)
    m.loops.append(None)
    try:
        alive = m.execute(fn.node.body, scope)
    finally:
        m.frames.pop()
        m.loops.pop()
    if alive:
        m.frames.append(frame)
        frame.rest = alive.by if isinstance(alive, Rest) else ""
        m.leave(frame.exits, frame.mark, Known(None), frame.unlikely_depth)
        m.frames.pop()
    result = returned(frame)
    m.settle(frame.mark, frame.exits, False)
    if frame.yields or frame.yield_open:
        m.deferred(frame.mark, f"the generator {fn.name}()")
        made = Sequence(tuple(frame.yields), "generator", frame.yield_open)
        made.lazy = True
        return Known(made, (place_of(fn.scope, fn.node),))
    return result


def returned(frame: Frame) -> Value:
    likely = [e.value for e in frame.exits if not e.unlikely and e.value is not None]
    unlikely = [e for e in frame.exits if e.unlikely and e.value is not None]
    if not likely:
        likely, unlikely = [e.value for e in unlikely if e.value is not None], []
    if not likely:
        name = frame.function.name if frame.function is not None else "it"
        return Unknown(f"{name}() does not return on any path examined")
    out = likely[0]
    for v in likely[1:]:
        out = join_values(out, v)
    for e in unlikely:
        if e.value is not out and e.value != out:
            out = demote(out, e.unlikely)
    return out


def bind_parameters(m: Machine, fn: Function, args: Arguments, scope: Scope) -> None:
    """Set the parameters of a function in its scope: from the arguments, or from the defaults."""
    params, positional = fn.node.params, fn.positional
    left = dict(args.keywords)
    more = args.unknown or passed_on(m, fn)
    for i, p in enumerate(positional):
        name = p.name.value
        if i < len(args.positional):
            value, where = args.positional[i], args.places.get(i)
        elif name in left:
            value, where = left.pop(name), args.places.get(name)
        elif args.unknown:
            value, where = Unknown(args.unknown), None
        elif name in fn.defaults:
            value, where = args.left_out(fn.defaults[name]), None
            if m.uncalled == fn.name:
                value = left_to_callers(fn, name, value)
        else:
            value, where = not_given(m, fn, p), None
        m.write(scope, name, or_default(extend(value, where) if where is not None else value, fn, name))
    if isinstance(params.star_arg, cst.Param):
        rest = tuple(args.positional[len(positional) :])
        m.write(scope, params.star_arg.name.value, Known(Sequence(rest, "tuple", more)))
    for p in params.kwonly_params:
        name = p.name.value
        if name in left:
            value = or_default(left.pop(name), fn, name)
        elif args.unknown:
            value = Unknown(args.unknown)
        else:
            value = args.left_out(fn.defaults[name]) if name in fn.defaults else not_given(m, fn, p)
            if m.uncalled == fn.name and name in fn.defaults:
                value = left_to_callers(fn, name, value)
        m.write(scope, name, value)
    too_many = len(args.positional) > len(positional) and not isinstance(params.star_arg, cst.Param)
    if left and params.star_kwarg is None or too_many:
        m.certainly_raises("TypeError")
    if params.star_kwarg is not None:
        m.write(scope, params.star_kwarg.name.value, Known(Mapping(left, more, overridden_by=args.overridden_by)))


def passed_on(m: Machine, fn: Function) -> str:
    """Return why `*args` and `**kwargs` may hold more, "" if they do not.

    Nobody makes an object of a class that is only tried, and its `__init__` hands them to that of a library's class
    (`class Own(Trainer)`), which needs them: that they are empty is the one thing that cannot be.
    """
    owner = fn.owner if m.uncalled == fn.name == "__init__" else None
    return f"the arguments of {owner.name}(), {NOT_GIVEN}" if owner is not None and owner.library_base() else ""


def left_to_callers(fn: Function, name: str, value: Value) -> Value:
    """Return the default of a parameter of a function without callers here, unless every call gives another value."""
    whole = f"{fn.name}()"
    if given_everywhere(fn, name):
        return Unknown(f"parameter {name} of {whole}, {GIVEN_BY_CALLERS}", value.trace)
    return demote(value, f"parameter {name} of {whole}")


def given_everywhere(fn: Function, name: str) -> bool:
    """Return whether the module calls a function, or the class it initializes, always with a parameter by name."""
    source = fn.scope.module.source
    text: str = getattr(source, "text", "")
    if text.count(f"{name}=") < 2 and f"{name} =" not in text:
        return False
    owner = fn.name if fn.name != "__init__" else f"cls|{getattr(fn.owner, 'name', 'cls')}"
    calls = list(re.finditer(rf"(?<![\w.])(?:{owner})\(", text))
    inside = [
        text[c.end() : c.end() + 2000] for c in calls if not re.search(r"(?:def|class)\s+$", text[: c.start()][-8:])
    ]
    return bool(inside) and all(re.search(rf"\b{name}\s*=(?!=)", one.partition("\n\n")[0]) for one in inside)


def or_default(value: Value, fn: Function, name: str) -> Value:
    """Return an argument that only one path passes (`**` of a dict that may hold it), joined with the default."""
    if name not in fn.defaults or not is_optional(value):
        return value
    return join(settled(value, name), fn.defaults[name], value.condition)


def not_given(m: Machine, fn: Function, p: cst.Param) -> Value:
    """Return the value of a parameter that is not passed.

    While a function is tried, a parameter declared as a configuration of the script has that configuration's defaults.
    """
    if not m.uncalled:
        m.certainly_raises("TypeError")
    value = m.supposed_parameter(fn, p) if m.uncalled == fn.name and p.annotation is not None else None
    return value if value is not None else Unknown(f"parameter {p.name.value} of {fn.name}(), {NOT_GIVEN}")


def yielded(m: Machine, values: list[Value], open_: str) -> None:
    frame = m.frame
    frame.yield_count += 1
    if m.silent > frame.silent:
        return
    frame.yields.extend(values)
    if open_ or len(m.conditions) > frame.conditions:
        frame.yield_open = open_ or GENERATED


def super_object(m: Machine, scope: Scope) -> Value:
    frame = next((f for f in reversed(m.frames) if f.function is not None and f.cls is not None), None)
    if frame is None or frame.function is None or frame.receiver is None:
        return Unknown("super() outside of a method")
    return Known(Super(frame.receiver, frame.function.owner or frame.cls))


# -- decorators ------------------------------------------------------------------------------------------
def decorate(m: Machine, decorator: Value, value: Value, node: cst.CSTNode | None, scope: Scope) -> Value:
    """Return what the decorators above a function or class make of it."""
    target = object_of(value)
    d = object_of(decorator)
    if isinstance(target, Function):
        for kind in ("staticmethod", "classmethod", "property"):
            if decorator is BUILTINS[kind]:
                target.kind = kind
                return value
    if isinstance(d, Bound) and d.name in ("setter", "getter", "deleter") and isinstance(target, Function):
        if d.name == "setter":
            m.write(scope, target.name + ".setter", value)
        return d.receiver
    if isinstance(d, (Function, Bound, Partial, Instance)) or isinstance(d, Class) and not isinstance(target, Class):
        return call(m, decorator, Arguments([value], place=place_of(scope, node)), node)
    if isinstance(d, Builtin):
        return d.run(ModelCall(m, Arguments([value]), node, d.name))
    if isinstance(d, Opaque):
        if d.text.split("(")[0] in ("functools.cached_property", "abc.abstractproperty") and isinstance(
            target, Function
        ):
            target.kind = "cached" if "cached" in d.text else "property"
        elif d.text.startswith("functools.singledispatch"):
            return Unknown(f"{describe(value)} depends on the type of its argument")
        elif isinstance(target, Function):
            if d.text in ("functools.lru_cache", "functools.cache"):
                target.slots["__cache__"] = {}
            target.marks.append(d)
            return m.decorated(d, value, node) or value
        elif isinstance(target, Class):
            m.decorated_class(d, target)
        return value
    return (
        Unknown(f"decorated by an unknown decorator, {describe(decorator)}")
        if isinstance(decorator, Unknown)
        else value
    )
