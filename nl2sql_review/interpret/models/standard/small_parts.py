"""Models of os, sys, functools, copy, collections, math and other small parts of the standard library."""

from __future__ import annotations

import math
from typing import Any

from ....training_plan.values import Absent, Default, Known, Unknown, Value
from ...core.library import CONSTANTS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Builtin, Function, Instance, Mapping, Opaque, Partial, Sequence, object_of
from ...python.builtins import BUILTINS, apply, open_term

# -- constants -------------------------------------------------------------------------------------------
CONSTANTS.update(
    {
        "typing.TYPE_CHECKING": Known(False),
        "typing_extensions.TYPE_CHECKING": Known(False),
        "os.sep": Known("/"),
        "os.linesep": Known("\n"),
        "math.pi": Known(math.pi),
        "math.e": Known(math.e),
        "math.inf": Known(math.inf),
        "sys.maxsize": Known(2**63 - 1),
        "os.path.sep": Known("/"),
    }
)


# -- functools, copy, collections -----------------------------------------------------------------------
@model("functools.partial")
def partial(call: ModelCall) -> Value:
    args = call.arguments
    rest = Arguments(args.positional[1:], args.keywords, args.place)
    rest.places = {(k - 1 if isinstance(k, int) else k): p for k, p in args.places.items() if k != 0}
    rest.open_as(args)
    return Known(Partial(args.get(0), rest))


@model(
    "functools.wraps",
    "functools.lru_cache",
    "functools.cache",
    "contextlib.contextmanager",
    "atexit.register",
    "functools.update_wrapper",
)
def transparent(call: ModelCall) -> Value:
    callee = call.callee
    fn = object_of(call.arguments.get(0))
    if callee != "functools.wraps" and isinstance(fn, Function):
        if callee in ("functools.cache", "functools.lru_cache"):
            fn.slots["__cache__"] = {}
        return call.arguments.positional[0]
    if callee == "functools.lru_cache":  # @lru_cache(maxsize=None)
        return Known(
            Builtin(callee, lambda call: transparent(ModelCall(call.machine, call.arguments, call.node, callee)))
        )
    name = Known(fn.name) if isinstance(fn, Function) and callee == "functools.wraps" else None
    return Known(Builtin(callee, lambda call: named(call.arguments.get(0), name)))


def named(wrapper: Value, name: Value | None) -> Value:
    """Return the wrapper after @wraps: it has the name of the wrapped function."""
    target = object_of(wrapper)
    if isinstance(target, Function) and name is not None:
        target.slots["__name__"] = name
    return wrapper


@model("functools.reduce")
def reduce(call: ModelCall) -> Value:
    args = call.arguments
    items = call.machine.iterate(args.get(1), call.node)
    values = list(items.items)
    if items.why_incomplete or not (values or len(args.positional) > 2):
        return Unknown(items.why_incomplete or "reduce() of nothing")
    total = args.positional[2] if len(args.positional) > 2 else values.pop(0)
    for v in values:
        total = call.machine.call(args.positional[0], Arguments([total, v]), call.node)
    return total


@model("copy.copy", "copy.deepcopy")
def copy(call: ModelCall) -> Value:
    value = call.arguments.get(0)
    obj = object_of(value)
    if isinstance(obj, Opaque) and obj.operation == "op":  # of joined lists, whose elements may be replaced
        return Known(Opaque(f"{call.callee}({obj.text})", "call", (value,), obj.kind), value.trace)
    return copied(call.machine, value, call.callee.endswith("deepcopy"), {})


def copied(m: Machine, value: Value, deep: bool, seen: dict[int, Any]) -> Value:
    """Return a copy with the same sharing as the original. Spends steps, since copies of copies grow without end."""
    obj = object_of(value)
    if id(obj) in seen:
        new = seen[id(obj)]
    elif isinstance(obj, (Sequence, Mapping)):
        state = obj.state
        new = Sequence((), obj.kind) if isinstance(obj, Sequence) else Mapping({}, "", obj.kind, "", obj.factory)
        seen[id(obj)] = new
        items = state.items
        m.spend(4 + len(items) // 4)
        if deep:
            items = (
                {k: copied(m, v, True, seen) for k, v in items.items()}
                if isinstance(items, dict)
                else tuple(copied(m, v, True, seen) for v in items)
            )
        new.slots["state"] = state._replace(items=items)
    elif isinstance(obj, Instance) and obj.cls.kind != "enum":
        new = Instance(obj.cls)
        new.payload = obj.payload
        new.base = object_of(copied(m, Known(obj.base), deep, seen)) if isinstance(obj.base, Mapping) else obj.base
        seen[id(obj)] = new
        new.slots.update({k: copied(m, v, True, seen) if deep else v for k, v in obj.slots.items()})
    else:
        return value
    return Default(new, value.overridden_by, value.trace) if isinstance(value, Default) else Known(new, value.trace)


@model("collections.OrderedDict")
def ordered_dict(call: ModelCall) -> Value:
    return call.machine.call(BUILTINS["dict"], call.arguments, call.node)


@model("collections.defaultdict")
def defaultdict(call: ModelCall) -> Value:
    args = call.arguments
    made = call.machine.call(BUILTINS["dict"], Arguments(args.positional[1:], args.keywords), call.node)
    factory = args.get(0)
    obj = object_of(made)
    if isinstance(obj, Mapping) and not isinstance(factory, Absent):
        obj.factory = factory
    return made


@model("collections.deque")
def deque(call: ModelCall) -> Value:
    items = call.machine.iterate(call.arguments.get(0), call.node) if call.arguments.positional else None
    return Known(Sequence(items.items if items else (), "deque", items.why_incomplete if items else ""))


@model("itertools.chain")
def chain(call: ModelCall) -> Value:
    parts = [call.machine.iterate(v, call.node) for v in call.arguments.positional]
    return Known(
        Sequence(
            tuple(x for p in parts for x in p.items),
            "list",
            next((p.why_incomplete for p in parts if p.why_incomplete), ""),
            next((p.overridden_by for p in parts if p.overridden_by), ""),
        )
    )


@model("types.SimpleNamespace", "argparse.Namespace")
def namespace(call: ModelCall) -> Value:
    args = call.arguments
    items = dict(args.keywords)
    for v in args.positional:
        items.update(call.machine.mapping(v, call.node).items)
    return Known(Mapping(items, args.unknown, "namespace"), (args.place,) if args.place else ())


# -- math ------------------------------------------------------------------------------------------------
def math_function(name: str) -> None:
    model(f"math.{name}")(
        lambda call: apply(call.machine, call.callee, getattr(math, name), *call.arguments.positional)
    )


for _name in ("sqrt", "ceil", "floor", "log", "log2", "log10", "exp", "pow", "gcd", "isclose", "prod", "fabs", "trunc"):
    math_function(_name)


# -- leaving ---------------------------------------------------------------------------------------------
@model("sys.exit", "os._exit")
def leave(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}()", "exit"))


@model("typing.cast")
def cast(call: ModelCall) -> Value:
    return call.arguments.get(1)


@model(
    "os.path.isdir",
    "os.listdir",
    "os.scandir",
    "os.walk",
    "os.path.getsize",
    "os.path.getmtime",
    "glob.glob",
    "glob.iglob",
    "os.cpu_count",
    "multiprocessing.cpu_count",
)
def on_disk(call: ModelCall) -> Value:
    return open_term(call.machine, call.callee, *call.arguments.positional)
