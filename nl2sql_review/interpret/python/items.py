"""Items, iteration and membership: the results of `a[b]`, `for x in a` and `b in a`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, extend, join
from ..core.joins import DIFFERS, demote, join_items
from ..core.library import forget_items
from ..core.machine import Machine
from ..core.objects import (
    Arguments,
    Class,
    Instance,
    ItemKey,
    Items,
    Mapping,
    Object,
    Opaque,
    Row,
    Scope,
    Sequence,
    object_of,
)
from ..core.operations import COUNTED, describe, is_scalar, item_term, lift, plain_key, term_of
from .expressions import settled
from .operators import equal

if TYPE_CHECKING:
    import libcst as cst


# -- items -----------------------------------------------------------------------------------------------
def item(m: Machine, owner: Value, key: Value, node: cst.CSTNode | None) -> Value:
    """Return `owner[key]`, whatever the owner is; Unknown with the reason where it cannot be told."""
    if isinstance(owner, (Either, Default)) or isinstance(key, (Either, Default)):
        with m.supposing("one of several values"):  # what raises for one of them does not raise for certain
            return lift(lambda o, k: item(m, o, k, node), owner, key)
    if isinstance(owner, Text):
        return item_of_text(owner, key)
    if not isinstance(owner, Known):
        m.may_raise_count += 1
        return Unknown(
            owner.why if isinstance(owner, (Unknown, Absent)) else f"{describe(owner)}[{describe(key)}]", owner.trace
        )
    v = owner.value
    match v:
        case Mapping():
            return mapping_item(m, owner, v, key)
        case Sequence():
            return sequence_item(m, owner, v, key)
        case Instance():
            return instance_item(m, owner, v, key, node)
        case Class():
            if v.kind == "enum" and isinstance(key, Known) and isinstance(key.value, str):
                member: Value = v.slots.get(key.value, Unknown(f"{v.name} has no member {key.value}"))
                return member
            return owner  # Generic[T]
        case Opaque():
            found = m.library_item(owner, v, key, node)
            if found is not None:
                return found
            return slice_term(owner, key) if is_slice(key) else item_term(owner, key)
    if isinstance(v, (str, bytes)):
        k = slice_of(key) if is_slice(key) else key.value if isinstance(key, Known) else None
        if isinstance(k, (int, slice)):
            try:
                return Known(v[k], owner.trace)
            except IndexError:
                m.certainly_raises("IndexError")
                return Unknown("index out of range", owner.trace)
        return item_term(owner, key)
    m.may_raise_count += 1
    return Unknown(f"an item of {describe(owner)}", owner.trace)


def is_slice(key: Value) -> bool:
    obj = object_of(key)
    return isinstance(obj, Sequence) and obj.kind == "slice"


def slice_of(key: Value) -> slice | None:
    parts = [p.value if isinstance(p, Known) else ... for p in object_of(key).state.items]
    return None if any(not (p is None or isinstance(p, int)) for p in parts) else slice(*parts)


def slice_term(owner: Value, key: Value) -> Value:
    start, stop, step = object_of(key).state.items
    text = ":".join("" if isinstance(p, Known) and p.value is None else describe(p) for p in (start, stop))
    base = describe(owner)
    return Known(Opaque(f"{base}[{text}]", "slice", (owner, start, stop)), owner.trace)


def item_of_text(owner: Text, key: Value) -> Value:
    """Return a slice of a string with holes: only its first and last literal parts can be cut for certain."""
    return slice_term(owner, key) if is_slice(key) else item_term(owner, key)


def is_optional(value: Value) -> TypeGuard[Either]:
    """Return whether a key is set on one path only."""
    return isinstance(value, Either) and any(isinstance(o, Absent) for o in value.options)


def mapping_item(m: Machine, owner: Known, v: Mapping, key: Value, missing: str = "key") -> Value:
    """Return the item of a mapping, or the attribute of one that has its keys as attributes (`missing`: which)."""
    k = plain_key(key)
    state = v.state
    if k is None:
        m.may_raise_count += 1
        values = list(state.items.values())
        if values and not state.why_incomplete and len(values) <= 6:
            out = values[0]
            for x in values[1:]:
                out = join(out, x, f"the key {describe(key)}")
            return settled(out, describe(key))
        return Unknown(f"the key {describe(key)} is known only at run time", owner.trace)
    if k[0] in state.items:
        if is_optional(state.items[k[0]]):
            m.may_raise("KeyError")
        value = settled(state.items[k[0]], repr(k[0]))
        return (
            demote(value, state.overridden_by)
            if state.overridden_by and isinstance(value, Known) and isinstance(state.items[k[0]], Either)
            else value
        )
    if v.factory is not None and not state.why_incomplete:
        made = m.call(v.factory, Arguments(), None)
        m.write(v, "state", Items({**state.items, k[0]: made}, state.why_incomplete, state.overridden_by))
        return made
    m.may_raise_count += 1
    if state.why_incomplete:
        return Unknown(state.why_incomplete, owner.trace)
    if state.overridden_by:
        return Unknown(f"{state.overridden_by} decides whether it has the {missing} {k[0]!r}", owner.trace)
    m.certainly_raises("AttributeError" if missing == "attribute" else "KeyError")
    return Unknown(f"there is no {missing} {k[0]!r} here", owner.trace)


def sequence_item(m: Machine, owner: Known, v: Sequence, key: Value) -> Value:
    """Return the element or the slice of a list, tuple or other sequence."""
    state = v.state
    if is_slice(key):
        s = slice_of(key)
        if s is None or state.why_incomplete:
            return Known(
                Sequence(
                    state.items,
                    v.kind,
                    state.why_incomplete or "a slice whose length is known only at run time",
                    state.overridden_by,
                ),
                owner.trace,
            )
        return Known(
            Sequence(tuple(state.items[s]), "list" if v.kind == "range" else v.kind, "", state.overridden_by),
            owner.trace,
        )
    i = key.value if isinstance(key, Known) else None
    if isinstance(i, bool) or not isinstance(i, int):
        m.may_raise_count += 1
        return either_of(state, f"the index {describe(key)} is known only at run time")
    if state.why_incomplete:
        m.may_raise_count += 1
        if v.order is not None:
            return item_term(v.order, key)
        m.may_raise("IndexError")
        if state.why_incomplete == DIFFERS and not -len(state.items) <= i < len(state.items):
            m.certainly_raises("IndexError")  # no path makes it that long
        return either_of(state, state.why_incomplete)
    try:
        value = state.items[i]
    except IndexError:
        m.certainly_raises("IndexError")
        return Unknown("index out of range", owner.trace)
    return demote(value, state.overridden_by) if state.overridden_by else value


def either_of(state: Items, why: str) -> Value:
    if not state.items or len(state.items) > 6:
        return Unknown(why)
    out = state.items[0]
    for x in state.items[1:]:
        out = join(out, x, why)
    if not isinstance(out, (Text, Either)) and state.why_incomplete:
        obj = object_of(out)
        return out if obj is not None else Unknown(why, out.trace)
    found: Value = out
    return found


def instance_item(m: Machine, owner: Known, v: Instance, key: Value, node: cst.CSTNode | None) -> Value:
    if v.cls.lookup("__getitem__") is not None:
        return m.call(m.attribute(owner, "__getitem__", node), Arguments([key]), node)
    if v.cls.kind == "namedtuple" and isinstance(key, Known) and isinstance(key.value, int):
        names = list(v.cls.fields)
        if -len(names) <= key.value < len(names):
            found: Value = v.slots[names[key.value]]
            return found
    if v.base is not None:
        return item(m, Known(v.base, owner.trace), key, node)
    m.may_raise_count += 1
    return Unknown(f"an item of {v.cls.name}", owner.trace)


def set_item(m: Machine, owner: Value, key: Value, value: Value, node: cst.CSTNode | None, scope: Scope | None) -> None:
    """Set `owner[key] = value`."""
    if isinstance(owner, Either):
        for option in owner.options:
            obj = object_of(option)
            if isinstance(obj, (Mapping, Sequence)):
                m.write(
                    obj,
                    "state",
                    Items(
                        obj.state.items,
                        "changed through a name that may refer to several objects",
                        obj.state.overridden_by,
                    ),
                )
                forget_contents(m, obj)
        return
    obj = object_of(owner)
    if isinstance(owner, Default):
        value = demote(value, owner.overridden_by)
    if isinstance(key, Default):
        value = demote(value, key.overridden_by)
        key = Known(key.value, key.trace)
    if isinstance(obj, Instance) and obj.cls.lookup("__setitem__") is not None:
        m.call(m.attribute(Known(obj), "__setitem__", node), Arguments([key, value]), node)
    elif isinstance(obj, Instance) and isinstance(obj.base, (Mapping, Opaque)):
        set_item(m, Known(obj.base), key, value, node, scope)
    elif isinstance(obj, Mapping):
        k = plain_key(key)
        if k is None:
            forget_contents(m, obj, f"the key {describe(key)} is known only at run time")
        else:
            if k[0] in obj.state.items and is_optional(obj.state.items[k[0]]):
                obj.unordered = "the order of its keys depends on the path"
            m.write(
                obj, "state", Items({**obj.state.items, k[0]: value}, obj.state.why_incomplete, obj.state.overridden_by)
            )
    elif isinstance(obj, Sequence):
        i = slice_of(key) if is_slice(key) else key.value if isinstance(key, Known) else None
        items = list(obj.state.items)
        if isinstance(i, slice) and not obj.state.why_incomplete:
            new = iterate(m, value, node)
            items[i] = new.items
            m.write(obj, "state", Items(tuple(items), new.why_incomplete, obj.state.overridden_by))
        elif isinstance(i, int) and not obj.state.why_incomplete and -len(items) <= i < len(items):
            items[i] = value
            m.write(obj, "state", Items(tuple(items), "", obj.state.overridden_by))
        else:
            if isinstance(i, int) and not obj.state.why_incomplete:
                m.certainly_raises("IndexError")
            m.may_raise("IndexError")
            forget_contents(m, obj, "an element is replaced at a position known only at run time")
    elif isinstance(obj, Row):
        named = key.value if isinstance(key, Known) and not isinstance(key.value, Object) else None
        if named is None:
            forget_items(m, obj, f"an item is set under {describe(key)}")
        m.write(obj, ItemKey(named), value)
    elif isinstance(obj, Opaque):
        m.library_set_item(obj, key, value, node, scope)


def forget_contents(m: Machine, obj: Sequence | Mapping, why: str = "") -> None:
    """Make the contents of a container unknown."""
    state = obj.state
    why = why or state.why_incomplete
    m.write(obj, "state", state.forgotten(why, state.overridden_by))


# -- iteration -------------------------------------------------------------------------------------------
def iterate(m: Machine, value: Value, node: cst.CSTNode | None) -> Items:
    """Return the elements that a loop over `value` gets. Open if only the run decides their number."""
    if isinstance(value, Default):
        inner = iterate(m, Known(value.value, value.trace), node)
        return Items(
            tuple(demote(v, value.overridden_by) for v in inner.items),
            inner.why_incomplete,
            inner.overridden_by or value.overridden_by,
        )
    if isinstance(value, Either):
        out: list[Value] = []
        for option in value.options:
            out.extend(iterate(m, option, node).items)
        return Items(tuple(out), "one of several collections")
    if not isinstance(value, Known):
        m.may_raise_count += 1
        return Items((), value.why if isinstance(value, (Unknown, Absent)) else describe(value))
    v = value.value
    match v:
        case Sequence():
            state = v.state
            if v.source is not None:
                rest, position = v.source.state, v.slots["position"]
                m.write(v, "position", len(rest.items))
                if not isinstance(position, int):  # two paths read it to different places
                    return Items(rest.items, "how far the iterator was read is known only at run time")
                return rest._replace(items=rest.items[position:])
            if v.kind == "generator" and state.items:
                m.write(v, "state", Items((), state.why_incomplete and "a generator that was read before"))
            return state
        case Mapping():
            state = v.state
            why = "some keys are set on only one path" if any(map(is_optional, state.items.values())) else v.unordered
            return Items(
                tuple(Known(k, value.trace) for k in state.items), state.why_incomplete or why, state.overridden_by
            )
        case str():
            return Items(tuple(Known(c) for c in v)) if len(v) <= 64 else Items((), "the characters of a long string")
        case Class() if v.kind == "enum":
            return Items(tuple(x for x in v.slots.values() if isinstance(object_of(x), Instance)))
        case Instance() if v.cls.kind == "namedtuple":
            return Items(tuple(v.slots[n] for n in v.cls.fields))
        case Instance() if isinstance(v.base, Mapping) and v.cls.lookup("__iter__") is None:
            return iterate(m, Known(v.base, value.trace), node)
        case Instance() if v.cls.lookup("__next__") is not None:
            m.may_raise_count += 1
            return Items(
                (m.call(m.attribute(value, "__next__", node), Arguments(), node),),
                f"how often {v.cls.name}.__next__ is called is known only at run time",
            )
        case Instance() if v.cls.lookup("__iter__") is not None:
            return iterate(m, m.call(m.attribute(value, "__iter__", node), Arguments(), node), node)
        case Opaque():
            m.may_raise_count += 1
            found = m.library_iterate(value, v, node)
            if found is not None:
                return found
            return Items(
                (item_term(value, Known(Opaque("i", "symbol"))),),
                f"{COUNTED}{describe(value)}",
            )
    m.may_raise_count += 1
    if not isinstance(v, Object):
        m.certainly_raises("TypeError")
    return Items((), f"iterating over {describe(value)}")


def mapping(m: Machine, value: Value, node: cst.CSTNode | None) -> Items:
    """Return the entries that `**value` adds. Open if there may be others."""
    if isinstance(value, Default):
        inner = mapping(m, Known(value.value, value.trace), node)
        return Items(
            {k: demote(v, value.overridden_by) for k, v in inner.items.items()},
            inner.why_incomplete,
            inner.overridden_by or value.overridden_by,
        )
    if isinstance(value, Either):
        parts = [mapping(m, o, node) for o in value.options if not isinstance(o, Absent)]
        if not parts:
            return Items({}, "not assigned")
        out = parts[0]
        for p in parts[1:]:
            out = join_items(out, p, Known(Opaque(value.condition)) if value.condition else None)
        return out
    if not isinstance(value, Known):
        m.may_raise_count += 1
        return Items({}, value.why if isinstance(value, (Unknown, Absent)) else describe(value))
    v = value.value
    if isinstance(v, Mapping):
        place = value.trace[-1] if value.trace else None
        return Items(
            {k: extend(x, place) if place is not None and x.trace else x for k, x in v.state.items.items()},
            v.state.why_incomplete,
            v.state.overridden_by,
        )
    if isinstance(v, Instance) and v.cls.lookup("keys") is not None:
        keys = iterate(m, m.call(m.attribute(value, "keys", node), Arguments(), node), node)
        return Items(
            {k.value: item(m, value, k, node) for k in keys.items if isinstance(k, Known)}, keys.why_incomplete
        )
    if isinstance(v, Instance) and isinstance(v.base, Mapping):
        return v.base.state
    if isinstance(v, Row) and v.dataset is not None:
        named = {
            *v.dataset.columns,
            *(k.key for k in v.slots if isinstance(k, ItemKey) and isinstance(k.key, str)),
        }
        return Items(
            {k: item(m, value, Known(k), node) for k in sorted(named)}, f"{describe(value)} may have further columns"
        )
    m.may_raise_count += 1
    return Items({}, f"the contents of {describe(value)} are known only at run time")


# -- membership ------------------------------------------------------------------------------------------
def contains(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    return lift(lambda o, v: contains_settled(m, o, v, node), owner, value)


def contains_settled(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    if isinstance(owner, (Unknown, Absent)) or isinstance(value, (Unknown, Absent)):
        bad = owner if isinstance(owner, (Unknown, Absent)) else value
        return Unknown(bad.why, bad.trace)
    v = owner.value if isinstance(owner, Known) else None
    if is_scalar(owner) and is_scalar(value):
        try:
            return Known(value.value in owner.value, owner.trace)
        except TypeError:
            return Unknown("membership raises TypeError")
    if isinstance(v, Mapping):
        k = plain_key(value)
        if k is not None:
            if k[0] in v.state.items:
                x = v.state.items[k[0]]
                if isinstance(x, Either) and any(isinstance(o, Absent) for o in x.options):
                    return Unknown(f"the key {k[0]!r} is set on only one path")
                return Default(True, v.state.overridden_by) if v.state.overridden_by else Known(True)
            if not v.state.why_incomplete:
                return Default(False, v.state.overridden_by) if v.state.overridden_by else Known(False)
        return Unknown(v.state.why_incomplete or f"the key {describe(value)} is known only at run time")
    if isinstance(v, (Sequence, Class)):
        state = iterate(m, owner, node)
        verdicts = [equal(value, x) if not isinstance(x, (Default, Either)) else None for x in state.items]
        if any(verdict is True for verdict in verdicts):
            return (
                Known(True)
                if not state.overridden_by and not state.why_incomplete
                else Default(True, state.overridden_by)
                if state.overridden_by
                else Unknown(state.why_incomplete)
            )
        if not state.why_incomplete and all(verdict is False for verdict in verdicts):
            return Known(False) if not state.overridden_by else Default(False, state.overridden_by)
        if not state.why_incomplete and isinstance(value, Known) and isinstance(value.value, Opaque):
            return term_of("in", value, owner)
        return Unknown(state.why_incomplete or "membership is known only at run time")
    if isinstance(owner, Known) and isinstance(v, Opaque):
        found = m.library_contains(owner, v, value, node)
        if found is not None:
            return found
    if isinstance(v, Instance) and isinstance(v.base, Mapping) and v.cls.lookup("__contains__") is None:
        return contains_settled(m, Known(v.base), value, node)
    if isinstance(v, Instance) and v.cls.lookup("__contains__") is not None:
        return m.call(m.attribute(owner, "__contains__", node), Arguments([value]), node)
    if isinstance(owner, Text) and isinstance(value, Known) and isinstance(value.value, str):
        return (
            Known(True)
            if any(isinstance(p, str) and value.value in p for p in owner.parts)
            else term_of("in", value, owner)
        )
    return term_of("in", value, owner)
