"""Items: the results of `a[b]` and of `a[b] = c`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, is_optional, join
from ..core.datasets import Row
from ..core.joins import DIFFERS, demote
from ..core.library_items import forget_items
from ..core.machine import Machine
from ..core.objects import (
    REPLACED,
    Arguments,
    Class,
    Instance,
    ItemKey,
    Items,
    Mapping,
    Object,
    Opaque,
    Scope,
    Sequence,
    object_of,
)
from ..core.operations import SET_ANYWHERE, describe, item_term, lift, plain_key, without_some
from .variables import settled

if TYPE_CHECKING:
    import libcst as cst


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
        if isinstance(key, Default) and isinstance(value, Known):
            return demote(value, key.overridden_by)  # another key may be given
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


def part_of(why: str, key: Value) -> str:
    """Return why a slice of an open list is open; one that leaves out the first or the last elements says so."""
    start, stop, step = (part.value if isinstance(part, Known) else None for part in object_of(key).state.items)
    begins = start in (None, 0) and isinstance(object_of(key).state.items[0], Known)
    whole = begins and step in (None, 1) and not (isinstance(stop, int) and stop <= 0)
    return why if whole else without_some(why)


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
                    part_of(state.why_incomplete, key) or "a slice whose length is known only at run time",
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
        return one_of(state, f"the index {describe(key)} is known only at run time")
    if state.why_incomplete:
        m.may_raise_count += 1
        if v.order is not None:
            return item_term(v.order, key)
        m.may_raise("IndexError")
        if state.why_incomplete == DIFFERS and not -len(state.items) <= i < len(state.items):
            m.certainly_raises("IndexError")  # no path makes it that long
        return one_of(state, state.why_incomplete)
    try:
        value = state.items[i]
    except IndexError:
        m.certainly_raises("IndexError")
        return Unknown("index out of range", owner.trace)
    return demote(value, state.overridden_by) if state.overridden_by else value


def one_of(state: Items, why: str) -> Value:
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
            why = "changed through a name that may refer to several objects"
            if isinstance(obj, (Mapping, Sequence)):
                forget_contents(m, obj, why)
            elif isinstance(obj, Opaque) and not obj.kind and not isinstance(obj, Row):
                m.write(obj, REPLACED, Unknown(f"some of its elements are {why}"))
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
        set_entry(m, obj, key, value)
    elif isinstance(obj, Sequence):
        set_elements(m, obj, key, value, node)
    elif isinstance(obj, Row):
        named = key.value if isinstance(key, Known) and not isinstance(key.value, Object) else None
        if named is None:
            forget_items(m, obj, f"an item is set under {describe(key)}")
        m.write(obj, ItemKey(named), value)
    elif isinstance(obj, Opaque):
        m.library_set_item(obj, key, value, node, scope)


def set_entry(m: Machine, obj: Mapping, key: Value, value: Value) -> None:
    """Set the value of a key of a dict."""
    k = plain_key(key)
    if k is None:
        forget_contents(m, obj, f"the key {describe(key)} is known only at run time")
        return
    state = obj.state
    if k[0] in state.items and is_optional(state.items[k[0]]):
        obj.unordered = "the order of its keys depends on the path"
    m.write(obj, "state", Items({**state.items, k[0]: value}, state.why_incomplete, state.overridden_by))


def set_elements(m: Machine, obj: Sequence, key: Value, value: Value, node: cst.CSTNode | None) -> None:
    """Set one element of a list, or those that a slice selects."""
    i = slice_of(key) if is_slice(key) else key.value if isinstance(key, Known) else None
    state = obj.state
    items = list(state.items)
    if isinstance(i, slice) and not state.why_incomplete:
        new = m.iterate(value, node)
        items[i] = new.items
        m.write(obj, "state", Items(tuple(items), new.why_incomplete, state.overridden_by))
    elif isinstance(i, int) and not state.why_incomplete and -len(items) <= i < len(items):
        items[i] = value
        m.write(obj, "state", Items(tuple(items), "", state.overridden_by))
    else:
        if isinstance(i, int) and not state.why_incomplete:
            m.certainly_raises("IndexError")
        m.may_raise("IndexError")
        forget_contents(m, obj, SET_ANYWHERE)


def forget_contents(m: Machine, obj: Sequence | Mapping, why: str = "") -> None:
    """Make the contents of a container unknown."""
    state = obj.state
    why = why or state.why_incomplete
    m.write(obj, "state", state.forgotten(why, state.overridden_by))
