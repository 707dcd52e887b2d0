"""Methods of list, tuple, set and dict. Importing this module fills `builtins.METHODS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...training_plan.values import Absent, Default, Either, Known, Unknown, Value, join
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import Arguments, Items, Mapping, Sequence, object_of
from ..core.operations import describe
from .builtins import BUILTINS, apply, method, method_name
from .displays import merge_optional, plain_key
from .expressions import settled
from .iterators import sort
from .operators import equal

if TYPE_CHECKING:
    import libcst as cst


def write_items(m: Machine, obj: Any, items: Any, open_: str | None = None, by: str | None = None) -> Value:
    state = obj.state
    m.write(obj, "state", Items(items, state.open if open_ is None else open_, state.by if by is None else by))
    return Known(None)


# -- list ------------------------------------------------------------------------------------------------
@method("list deque", "append")
def append(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    return write_items(m, obj, (*obj.state.items, *args.positional[:1]))


@method("list deque", "extend")
def extend_(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    extra = m.iterate(args.get(0), node)
    return write_items(m, obj, obj.state.items + extra.items, obj.state.open or extra.open, obj.state.by or extra.by)


@method("list deque", "insert")
def insert(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj, at = receiver.value, args.get(0)
    if not isinstance(at, Known) or obj.state.open:
        return write_items(
            m, obj, (*obj.state.items, args.get(1)), obj.state.open or "inserted at a place only the run knows"
        )
    items = list(obj.state.items)
    items.insert(at.value, args.get(1))
    return write_items(m, obj, tuple(items))


@method("list deque", "pop", "popleft")
def pop(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj, at = receiver.value, args.get(0)
    left = method_name(node) == "popleft"
    i = at.value if isinstance(at, Known) else 0 if left else -1 if isinstance(at, Absent) else None
    if obj.state.open or not isinstance(i, int) or not -len(obj.state.items) <= i < len(obj.state.items):
        if not obj.state.open and isinstance(i, int):
            m.certainly_raises("IndexError")
        m.may_raise("IndexError")
        return Unknown(obj.state.open or "pop at a place only the run knows")
    items = list(obj.state.items)
    value = items.pop(i)
    write_items(m, obj, tuple(items))
    return demote(value, obj.state.by) if obj.state.by else value


@method("list set", "remove", "discard")
def remove(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    for i, v in enumerate(obj.state.items):
        verdict = equal(v, args.get(0))
        if verdict is None:
            return write_items(m, obj, obj.state.items, "an element only the run knows is removed")
        if verdict:
            return write_items(m, obj, obj.state.items[:i] + obj.state.items[i + 1 :])
    if not obj.state.open and method_name(node) == "remove":
        m.certainly_raises("KeyError" if obj.kind == "set" else "ValueError")
    return Known(None)


@method("list set deque", "clear")
def clear(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return write_items(m, receiver.value, (), "", "")


@method("list tuple set frozenset deque", "copy", "__copy__")
def copy(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    return Known(Sequence(obj.state.items, obj.kind, obj.state.open, obj.state.by), receiver.trace)


@method("list", "reverse")
def reverse(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return write_items(m, receiver.value, receiver.value.state.items[::-1])


@method("list", "sort")
def sort_in_place(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    ordered = sort(m, obj.state, args, node)
    if ordered is not None:
        return write_items(m, obj, ordered)
    obj.order = m.call(
        BUILTINS["sorted"],
        Arguments([Known(Sequence(obj.state.items, "list", obj.state.open)), *args.positional], args.keywords),
        node,
    )
    return write_items(m, obj, obj.state.items, obj.state.open or "sorted by what only the run knows")


@method("list tuple", "index", "count")
def index(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return apply(
        m, "index", lambda xs, x: (xs.index if method_name(node) == "index" else xs.count)(x), receiver, args.get(0)
    )


# -- set -------------------------------------------------------------------------------------------------
@method("set", "add")
def add(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    if any(equal(v, args.get(0)) for v in obj.state.items):
        return Known(None)
    return write_items(m, obj, (*obj.state.items, args.get(0)))


@method("set", "update")
def update_set(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    for source in args.positional:
        for v in m.iterate(source, node).items:
            add(m, receiver, Arguments([v]), node)
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
def combine(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    name = method_name(node)
    return apply(m, name, lambda a, *more: getattr(set(a), name)(*more), receiver, *args.positional)


# -- dict ------------------------------------------------------------------------------------------------
@method("dict", "get")
def get(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    fallback = args.get(1, "default")
    fallback = fallback if not isinstance(fallback, Absent) else Known(None)
    key = args.get(0, "key")
    if isinstance(key, Either):
        out: Value | None = None
        for k in key.options:
            v = get(m, receiver, Arguments([k, fallback]), node)
            out = v if out is None else join(out, v, key.condition)
        return out if out is not None else Unknown("no key")
    if isinstance(key, Default):
        return demote(get(m, receiver, Arguments([Known(key.value), fallback]), node), key.by)
    k = plain_key(key)
    state = obj.state
    if k is None:
        m.risks += 1
        return Unknown(f"the key {describe(key)} is only known to the run")
    if k[0] in state.items:
        value = state.items[k[0]]
        if isinstance(value, Either) and any(isinstance(o, Absent) for o in value.options):
            return join(settled(value, repr(k[0])), fallback, value.condition)
        return value
    if state.open:
        return Unknown(state.open)
    return demote(fallback, state.by) if state.by else fallback


@method("dict", "setdefault")
def setdefault(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj, k = receiver.value, plain_key(args.get(0))
    fallback = args.get(1) if len(args.positional) > 1 else Known(None)
    if k is None:
        return Unknown(f"the key {describe(args.get(0))} is only known to the run")
    if k[0] in obj.state.items:
        value = obj.state.items[k[0]]
        if not (isinstance(value, Either) and any(isinstance(o, Absent) for o in value.options)):
            return value
        fallback = join(settled(value, repr(k[0])), fallback, value.condition)
    elif obj.state.open:
        fallback = Unknown(obj.state.open)
    write_items(m, obj, {**obj.state.items, k[0]: fallback})
    return fallback


@method("dict", "update")
def update(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    items, open_, by = dict(obj.state.items), obj.state.open, obj.state.by
    for source in args.positional[:1]:
        pairs = object_of(source)
        state = m.mapping(m.call(BUILTINS["dict"], args, node) if isinstance(pairs, Sequence) else source, node)
        if state.open:
            items = {k: Unknown(state.open) for k in items}
        items.update(merge_optional(items, state.items))
        open_, by = open_ or state.open, by or state.by
    items.update(args.keywords)
    if args.unknown:
        items = {k: Unknown(args.unknown) for k in items}
        open_ = open_ or args.unknown
    return write_items(m, obj, items, open_, by)


@method("dict", "pop")
def pop_key(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj, k = receiver.value, plain_key(args.get(0))
    if k is None:
        why = f"a key only the run knows is removed: {describe(args.get(0))}"
        write_items(m, obj, {x: Unknown(why) for x in obj.state.items}, why)
        return Unknown(why)
    if k[0] in obj.state.items:
        items = dict(obj.state.items)
        found = items.pop(k[0])
        value = settled(found, repr(k[0]))
        write_items(m, obj, items)
        if optional(found) and (len(args.positional) > 1 or "default" in args.keywords):
            return join(value, args.get(1, "default"), found.condition)
        if optional(found):
            m.may_raise("KeyError")
        return value
    if obj.state.open:
        return Unknown(obj.state.open)
    if len(args.positional) > 1 or "default" in args.keywords:
        return args.get(1, "default")
    m.certainly_raises("KeyError")
    return Unknown(f"there is no key {k[0]!r} here")


@method("dict", "popitem")
def popitem(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    write_items(m, receiver.value, receiver.value.state.items, "popitem()")
    return Unknown("popitem()")


@method("dict", "clear")
def clear_dict(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return write_items(m, receiver.value, {}, "", "")


@method("dict", "copy", "__copy__")
def copy_dict(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    obj = receiver.value
    return Known(Mapping(dict(obj.state.items), obj.state.open, obj.kind, obj.state.by, obj.factory), receiver.trace)


def optional(v: Value) -> bool:
    return isinstance(v, Either) and any(isinstance(o, Absent) for o in v.options)


@method("dict", "keys")
def keys(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    state = m.iterate(receiver, node)
    return Known(Sequence(state.items, "list", state.open, state.by), receiver.trace)


@method("dict", "values")
def values(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    state = receiver.value.state
    open_ = state.open or (
        "some keys are set on one path only" if any(optional(v) for v in state.items.values()) else ""
    )
    return Known(
        Sequence(tuple(settled(v, "a value") for v in state.items.values()), "list", open_, state.by), receiver.trace
    )


@method("dict", "items")
def items(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    state = receiver.value.state
    open_ = state.open or (
        "some keys are set on one path only" if any(optional(v) for v in state.items.values()) else ""
    )
    pairs = tuple(Known(Sequence((Known(k), settled(v, repr(k))), "tuple")) for k, v in state.items.items())
    return Known(Sequence(pairs, "list", open_, state.by), receiver.trace)


@method("dict", "fromkeys")
def fromkeys(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    state = m.iterate(args.get(0), node)
    value = args.get(1) if len(args.positional) > 1 else Known(None)
    return Known(Mapping({k.value: value for k in state.items if isinstance(k, Known)}, state.open))
