"""Elements and entries: the results of `for x in a` and `**a`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Default, Either, Known, Place, Unknown, Value, extend, is_optional
from ..core.datasets import Row
from ..core.joins import demote, join_items
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Instance, ItemKey, Items, Mapping, Object, Opaque, Sequence, object_of
from ..core.operations import COUNTED, describe, item_term

if TYPE_CHECKING:
    import libcst as cst

TOKENS = ("item", "attribute")


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
        each = [iterate(m, option, node) for option in value.options]
        filled = [one for one in each if one.items or one.why_incomplete]
        if len(filled) == 1 and filled[0].why_incomplete:  # which may have no elements, as the others have none
            return filled[0]
        on = f"`{value.condition}`" if value.condition else "the path taken"
        return Items(
            tuple(item for one in each for item in one.items), f"which of several collections it is depends on {on}"
        )
    if not isinstance(value, Known):
        m.may_raise_count += 1
        return Items((), value.why if isinstance(value, (Unknown, Absent)) else describe(value))
    v = value.value
    match v:
        case Sequence():
            return elements(m, v)
        case Mapping():
            state = v.state
            why = "some keys are set on only one path" if any(map(is_optional, state.items.values())) else v.unordered
            keys = tuple(Known(k, value.trace) for k in state.items)
            return Items(keys, state.why_incomplete or why, state.overridden_by)
        case str():
            return Items(tuple(Known(c) for c in v)) if len(v) <= 64 else Items((), "the characters of a long string")
        case Class() if v.kind == "enum":
            return Items(tuple(x for x in v.slots.values() if isinstance(object_of(x), Instance)))
        case Instance() if (found := elements_of_instance(m, value, v, node)) is not None:
            return found
        case Opaque():
            m.may_raise_count += 1
            given = m.library_iterate(value, v, node)
            if given is not None:
                return given
            return Items((item_term(value, Known(Opaque("i", "symbol"))),), f"{COUNTED}{describe(value)}")
    m.may_raise_count += 1
    if not isinstance(v, Object):
        m.certainly_raises("TypeError")
    return Items((), f"iterating over {describe(value)}")


def added_by(m: Machine, value: Value, place: Place | None, node: cst.CSTNode | None) -> Items:
    """Return the elements that a list gets from another one; token ids of the run say where they are added.

    Of two lists, one of which a condition chooses, they do not say it.
    """
    extra = iterate(m, value, node)
    if place is None or isinstance(value, Either):
        return extra
    return extra._replace(items=tuple(extend(one, place) if is_token(one) else one for one in extra.items))


def is_token(value: Value) -> bool:
    """Return whether a value may be a token id: a number, a special token's, or one of those that a call returns."""
    thing = value.value if isinstance(value, Known) else None
    return type(thing) is int or isinstance(thing, Opaque) and not thing.kind and thing.operation in TOKENS


def elements(m: Machine, v: Sequence) -> Items:
    """Return the elements that are left to read of a list, an iterator or a generator."""
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


def elements_of_instance(m: Machine, value: Known, v: Instance, node: cst.CSTNode | None) -> Items | None:
    """Return the elements of an object of the script, or None if its class says nothing of them."""
    if v.cls.kind == "namedtuple":
        return Items(tuple(v.slots[n] for n in v.cls.fields))
    if isinstance(v.base, Mapping) and v.cls.lookup("__iter__") is None:
        return iterate(m, Known(v.base, value.trace), node)
    if v.cls.lookup("__next__") is not None:
        m.may_raise_count += 1
        element = m.call(m.attribute(value, "__next__", node), Arguments(), node)
        return Items((element,), f"how often {v.cls.name}.__next__ is called is known only at run time")
    if v.cls.lookup("__iter__") is not None:
        return iterate(m, m.call(m.attribute(value, "__iter__", node), Arguments(), node), node)
    return None


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
        return Items({k.value: m.item(value, k, node) for k in keys.items if isinstance(k, Known)}, keys.why_incomplete)
    if isinstance(v, Instance) and isinstance(v.base, Mapping):
        return v.base.state
    if isinstance(v, Row) and v.dataset is not None:
        named = {
            *v.dataset.columns,
            *(k.key for k in v.slots if isinstance(k, ItemKey) and isinstance(k.key, str)),
        }
        return Items(
            {k: m.item(value, Known(k), node) for k in sorted(named)}, f"{describe(value)} may have further columns"
        )
    m.may_raise_count += 1
    return Items({}, f"the contents of {describe(value)} are known only at run time")
