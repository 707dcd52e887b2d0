"""Methods of list, tuple, set and dict. Importing this module fills `builtins.METHODS`."""

from __future__ import annotations

from typing import Any

from ...training_plan.values import Absent, Default, Either, Known, Unknown, Value, extend, is_optional, join, overrider
from ..core.joins import demote
from ..core.machine import Machine
from ..core.model_call import ModelCall
from ..core.objects import Arguments, Items, Mapping, Sequence, object_of
from ..core.operations import describe, plain_key, without_some
from .builtins import BUILTINS, apply, method, method_name
from .iteration import added_by, is_token
from .iterators import sort
from .operators import equal
from .overlays import overlaid
from .variables import settled


def write_items(
    m: Machine,
    obj: Sequence | Mapping,
    items: tuple[Value, ...] | dict[Any, Value],
    open_: str | None = None,
    by: str | None = None,
) -> Value:
    state = obj.state
    m.write(
        obj,
        "state",
        Items(items, state.why_incomplete if open_ is None else open_, state.overridden_by if by is None else by),
    )
    return Known(None)


# -- list ------------------------------------------------------------------------------------------------
@method("list deque", "append")
def append(call: ModelCall) -> Value:
    obj, place = call.owner, call.arguments.place
    given = (extend(one, place) if place and is_token(one) else one for one in call.arguments.positional[:1])
    return write_items(call.machine, obj, (*obj.state.items, *given))


@method("list deque", "extend")
def extend_(call: ModelCall) -> Value:
    obj = call.owner
    extra = added_by(call.machine, call.arguments.get(0), call.arguments.place, call.node)
    call.machine.write(obj, "state", obj.state.followed_by(extra))
    return Known(None)


@method("list deque", "insert")
def insert(call: ModelCall) -> Value:
    args = call.arguments
    obj, at = call.owner, args.get(0)
    if not isinstance(at, Known) or not isinstance(at.value, int) or obj.state.why_incomplete:
        return write_items(
            call.machine,
            obj,
            (*obj.state.items, args.get(1)),
            obj.state.why_incomplete or "inserted at a position known only at run time",
        )
    items = list(obj.state.items)
    items.insert(at.value, args.get(1))
    return write_items(call.machine, obj, tuple(items))


@method("list deque", "pop", "popleft")
def pop(call: ModelCall) -> Value:
    m = call.machine
    obj, at = call.owner, call.arguments.get(0)
    left = method_name(call.node) == "popleft"
    i = at.value if isinstance(at, Known) else 0 if left else -1 if isinstance(at, Absent) else None
    if obj.state.why_incomplete or not isinstance(i, int) or not -len(obj.state.items) <= i < len(obj.state.items):
        if not obj.state.why_incomplete and isinstance(i, int):
            m.certainly_raises("IndexError")
        m.may_raise("IndexError")
        if obj.state.why_incomplete:
            write_items(m, obj, obj.state.items, without_some(obj.state.why_incomplete))
        return Unknown(obj.state.why_incomplete or "pop() at a position known only at run time")
    items = list(obj.state.items)
    value = items.pop(i)
    write_items(m, obj, tuple(items))
    return demote(value, obj.state.overridden_by) if obj.state.overridden_by else value


@method("list set", "remove", "discard")
def remove(call: ModelCall) -> Value:
    m = call.machine
    obj = call.owner
    for i, v in enumerate(obj.state.items):
        verdict = equal(v, call.arguments.get(0))
        if verdict is None:
            return write_items(m, obj, obj.state.items, "an element known only at run time is removed")
        if verdict:
            return write_items(m, obj, obj.state.items[:i] + obj.state.items[i + 1 :])
    if not obj.state.why_incomplete and method_name(call.node) == "remove":
        m.certainly_raises("KeyError" if obj.kind == "set" else "ValueError")
    return Known(None)


@method("list set deque", "clear")
def clear(call: ModelCall) -> Value:
    return write_items(call.machine, call.owner, (), "", "")


@method("list tuple set frozenset deque", "copy", "__copy__")
def copy(call: ModelCall) -> Value:
    obj = call.owner
    return Known(
        Sequence(obj.state.items, obj.kind, obj.state.why_incomplete, obj.state.overridden_by), call.receiver.trace
    )


@method("list", "reverse")
def reverse(call: ModelCall) -> Value:
    state = call.owner.state
    return write_items(call.machine, call.owner, state.items[::-1], without_some(state.why_incomplete))


@method("list", "sort")
def sort_in_place(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    obj = call.owner
    ordered = sort(m, obj.state, args, call.node)
    if ordered is not None:
        return write_items(m, obj, ordered.items, by=ordered.overridden_by)
    obj.order = m.call(
        BUILTINS["sorted"],
        Arguments(
            [Known(Sequence(obj.state.items, "list", obj.state.why_incomplete)), *args.positional], args.keywords
        ),
        call.node,
    )
    return write_items(m, obj, obj.state.items, obj.state.why_incomplete or "sorted by a key known only at run time")


@method("list tuple", "index", "count")
def index(call: ModelCall) -> Value:
    return apply(
        call.machine,
        "index",
        lambda xs, x: (xs.index if method_name(call.node) == "index" else xs.count)(x),
        call.receiver,
        call.arguments.get(0),
    )


# -- set -------------------------------------------------------------------------------------------------
@method("set", "add")
def add(call: ModelCall) -> Value:
    obj = call.owner
    if any(equal(v, call.arguments.get(0)) for v in obj.state.items):
        return Known(None)
    return write_items(call.machine, obj, (*obj.state.items, call.arguments.get(0)))


@method("set", "update")
def update_set(call: ModelCall) -> Value:
    for source in call.arguments.positional:
        for v in call.machine.iterate(source, call.node).items:
            add(ModelCall(call.machine, Arguments([v]), call.node, receiver=call.receiver))
    return Known(None)


@method(
    "set frozenset",
    "union",
    "intersection",
    "difference",
    "symmetric_difference",
    "issubset",
    "issuperset",
    "isdisjoint",
)
def combine(call: ModelCall) -> Value:
    name = method_name(call.node)
    return apply(
        call.machine, name, lambda a, *more: getattr(set(a), name)(*more), call.receiver, *call.arguments.positional
    )


# -- dict ------------------------------------------------------------------------------------------------
@method("dict", "get")
def get(call: ModelCall) -> Value:
    m = call.machine
    obj = call.owner
    fallback = call.arguments.get(1, "default")
    fallback = fallback if not isinstance(fallback, Absent) else Known(None)
    key = call.arguments.get(0, "key")
    if isinstance(key, Either):
        out: Value | None = None
        for k in key.options:
            v = get(ModelCall(m, Arguments([k, fallback]), call.node, receiver=call.receiver))
            out = v if out is None else join(out, v, key.condition)
        return out if out is not None else Unknown("no key given")
    if isinstance(key, Default):
        return demote(
            get(ModelCall(m, Arguments([Known(key.value), fallback]), call.node, receiver=call.receiver)),
            key.overridden_by,
        )
    plain = plain_key(key)
    state = obj.state
    if plain is None:
        m.may_raise_count += 1
        return Unknown(f"the key {describe(key)} is known only at run time")
    if plain[0] in state.items:
        value = state.items[plain[0]]
        if is_optional(value):
            return join(settled(value, repr(plain[0])), fallback, value.condition)
        found: Value = value
        return found
    if state.why_incomplete:
        return Unknown(state.why_incomplete)
    return demote(fallback, state.overridden_by) if state.overridden_by else fallback


@method("dict", "setdefault")
def setdefault(call: ModelCall) -> Value:
    args = call.arguments
    obj, k = call.owner, plain_key(args.get(0))
    fallback = args.get(1) if len(args.positional) > 1 else Known(None)
    if k is None:
        return Unknown(f"the key {describe(args.get(0))} is known only at run time")
    if k[0] in obj.state.items:
        value = obj.state.items[k[0]]
        if not is_optional(value):
            found: Value = value
            return found
        fallback = join(settled(value, repr(k[0])), fallback, value.condition)
    elif obj.state.why_incomplete:
        fallback = Unknown(obj.state.why_incomplete)
    write_items(call.machine, obj, {**obj.state.items, k[0]: fallback})
    return fallback


@method("dict", "update")
def update(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    obj = call.owner
    items, open_, by = dict(obj.state.items), obj.state.why_incomplete, obj.state.overridden_by
    for source in args.positional[:1]:
        pairs = object_of(source)
        above = m.call(BUILTINS["dict"], args, call.node) if isinstance(pairs, Sequence) else source
        laid = overlaid(m, Items(items, open_, by), above, call.node)
        items, open_, by = dict(laid.items), laid.why_incomplete, laid.overridden_by
    items.update(args.keywords)
    if args.unknown:
        items = {k: Unknown(args.unknown) for k in items}
        open_ = open_ or args.unknown
    return write_items(m, obj, items, open_, by)


@method("dict", "pop")
def pop_key(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    obj, k = call.owner, plain_key(args.get(0))
    if k is None:
        why = f"a key known only at run time is removed: {describe(args.get(0))}"
        write_items(m, obj, {x: Unknown(why) for x in obj.state.items}, why)
        return Unknown(why)
    if k[0] in obj.state.items:
        items = dict(obj.state.items)
        found = items.pop(k[0])
        value = settled(found, repr(k[0]))
        write_items(m, obj, items)
        if is_optional(found) and (len(args.positional) > 1 or "default" in args.keywords):
            return join(value, args.get(1, "default"), found.condition)
        if is_optional(found):
            m.may_raise("KeyError")
        return value
    if obj.state.why_incomplete:
        return Unknown(obj.state.why_incomplete)
    if len(args.positional) > 1 or "default" in args.keywords:
        return args.get(1, "default")
    m.certainly_raises("KeyError")
    return Unknown(f"there is no key {k[0]!r} here")


@method("dict", "popitem")
def popitem(call: ModelCall) -> Value:
    write_items(call.machine, call.owner, call.owner.state.items, "popitem()")
    return Unknown("popitem()")


@method("dict", "clear")
def clear_dict(call: ModelCall) -> Value:
    return write_items(call.machine, call.owner, {}, "", "")


@method("dict", "copy", "__copy__")
def copy_dict(call: ModelCall) -> Value:
    obj = call.owner
    return Known(
        Mapping(dict(obj.state.items), obj.state.why_incomplete, obj.kind, obj.state.overridden_by, obj.factory),
        call.receiver.trace,
    )


@method("dict", "keys")
def keys(call: ModelCall) -> Value:
    state = call.machine.iterate(call.receiver, call.node)
    return Known(Sequence(state.items, "list", state.why_incomplete, state.overridden_by), call.receiver.trace)


@method("dict", "values")
def values(call: ModelCall) -> Value:
    state = call.owner.state
    open_ = state.why_incomplete or (
        "some keys are set on only one path" if any(is_optional(v) for v in state.items.values()) else ""
    )
    return Known(
        Sequence(tuple(settled(v, "a value") for v in state.items.values()), "list", open_, state.overridden_by),
        call.receiver.trace,
    )


@method("dict", "items")
def items(call: ModelCall) -> Value:
    state = call.owner.state
    open_ = state.why_incomplete or (
        "some keys are set on only one path" if any(is_optional(v) for v in state.items.values()) else ""
    )
    pairs = tuple(Known(Sequence((Known(k), settled(v, repr(k))), "tuple")) for k, v in state.items.items())
    made = Sequence(pairs, "list", open_, state.overridden_by)
    if not state.why_incomplete:
        made.maybe = frozenset(i for i, v in enumerate(state.items.values()) if is_optional(v))
    return Known(made, call.receiver.trace)


@method("dict", "fromkeys")
def fromkeys(call: ModelCall) -> Value:
    args = call.arguments
    state = call.machine.iterate(args.get(0), call.node)
    value = args.get(1) if len(args.positional) > 1 else Known(None)
    keys = [k for k in state.items if isinstance(k, (Known, Default))]
    why = "" if len(keys) == len(state.items) else "a key is known only at run time"
    by = overrider(*keys)
    items = {k.value: value for k in keys}
    return Known(Mapping(items, state.why_incomplete or why, overridden_by=state.overridden_by or by))
