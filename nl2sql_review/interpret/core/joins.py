"""Joins of one slot over two paths: the join of both, or the likely one with the other as a possible override."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...training_plan.values import (
    UNBOUND,
    Absent,
    Default,
    Either,
    Known,
    Term,
    Text,
    Unknown,
    Value,
    extend,
    join,
    same,
)
from .objects import Instance, Items, Mapping, Object, Opaque, Sequence, SlotKey

BOUND = (Known, Default, Either, Term, Text, Unknown)
VALUES = (*BOUND, Absent)
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()


def join_slot(obj: Object, key: SlotKey, a: object, b: object, condition: Value | None = None) -> Any:
    """Join two contents of one slot. A name bound on only one path keeps its value: the other path cannot use it."""
    if a is b:
        return a
    if a is MISSING or b is MISSING:
        present = b if a is MISSING else a
        if isinstance(obj, Instance) and isinstance(key, str) and isinstance(present, BOUND):
            inherited = obj.cls.lookup(key)
            if inherited is not None:
                return join(present, inherited)
        if isinstance(present, BOUND) and (made := as_made(obj, key)) is not None:
            one, other = (made, present) if a is MISSING else (present, made)
            return join_values(one, other, condition)
        return present
    if isinstance(a, Items) and isinstance(b, Items):
        return join_items(a, b, condition)
    if not isinstance(a, VALUES) or not isinstance(b, VALUES):
        return a
    return join_values(a, b, condition)


def join_values(a: Value, b: Value, condition: Value | None = None) -> Value:
    """Join two values by `join`, but if they are True and False, return the condition that chose between them."""
    if (
        condition is not None
        and isinstance(a, Known)
        and isinstance(b, Known)
        and isinstance(a.value, bool)
        and isinstance(b.value, bool)
        and a.value is not b.value
    ):
        obj = condition.value if isinstance(condition, Known) else None
        if isinstance(obj, Opaque):
            return condition if a.value else Known(Opaque("not " + obj.text, "not", (condition,)), condition.trace)
    text = condition_text(condition)
    joined = join(a, b, text)
    if text and isinstance(joined, Either) and not isinstance(a, Either) and not isinstance(b, Either):
        joined.test = condition
    return joined


def condition_text(condition: Value | None) -> str:
    obj = condition.value if isinstance(condition, (Known, Default)) else None
    if isinstance(obj, (Sequence, Mapping)):
        return obj.state.why_incomplete
    return obj.text if isinstance(obj, Opaque) else condition.text if isinstance(condition, Term) else ""


COMPARED = 10  # objects that another is compared with, so that long lists are joined in linear time
FEW = 24  # elements of two lists that a join keeps in their order
DIFFERS = "its length depends on the path taken"


def join_items(a: Items, b: Items, condition: Value | None = None) -> Items:
    if a == b:
        return a
    open_, by = a.why_incomplete or b.why_incomplete, a.overridden_by or b.overridden_by
    if isinstance(a.items, dict):
        out: dict[Any, Value] = {}
        for key in {**a.items, **b.items}:
            x, y = a.items.get(key, UNBOUND), b.items.get(key, UNBOUND)
            if (isinstance(x, Absent) and a.why_incomplete) or (isinstance(y, Absent) and b.why_incomplete):
                x = y = Unknown(a.why_incomplete if isinstance(x, Absent) else b.why_incomplete)
            out[key] = join_values(x, y, condition)
        return Items(out, open_, by)
    if len(a.items) == len(b.items) and not open_:
        return Items(tuple(join_values(x, y, condition) for x, y in zip(a.items, b.items)), "", by)
    return Items(in_order(a.items, b.items), open_ or DIFFERS, by)


def in_order(a: tuple[Value, ...], b: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return the elements of one of two lists: what both begin with, then the rest of each in its own order.

    Where they are few, an element that a list has twice stays where it is: what ends the list is the last.
    """
    if len(a) + len(b) > FEW:
        return distinct((*a, *b))
    start = 0
    while start < min(len(a), len(b)) and (a[start] is b[start] or same(a[start], b[start])):
        start += 1
    return (*a, *b[start:])


def distinct(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return the values without repeats; one that is no plain value may repeat an earlier one than the last few."""
    seen: set[int] = set()
    kept: list[Value] = []
    alike: dict[object, list[Value]] = {}
    for value in values:
        if id(value) in seen:
            continue
        seen.add(id(value))
        plain = value.value if isinstance(value, (Known, Default)) else None
        scalar = isinstance(plain, (str, bytes, int, float))
        others = alike.setdefault((type(value), type(plain), plain if scalar else None), [])
        if not any(same(value, other) for other in others[-COMPARED:]):
            others.append(value)
            kept.append(value)
    return tuple(kept)


def demote(value: Value, by: str) -> Value:
    """Return a value that holds unless `by` overrides it."""
    match value:
        case Known(v, trace):
            return Default(v, by, trace)
        case Either(options, condition, trace):
            return Either(tuple(demote(o, by) for o in options), condition, trace, value.test)
        case Text(parts, trace):
            return Text(parts, trace, value.overridden_by or by)
        case Term(text, operation, args, trace):
            return Term(text, operation, args, trace, value.place, value.overridden_by or by)
        case Absent(why, trace):
            return Absent(why, trace, value.overridden_by or by)
    return value


def as_made(obj: Object, key: SlotKey) -> Value | None:
    """Return the setting with which a library's object of settings was made; None for anything else.

    A path that does not write the attribute leaves this one. What was left out is `Absent`: the library's default.
    """
    call = obj.call if isinstance(obj, Opaque) else None
    if call is None or not isinstance(key, str) or not call.callee.endswith(("Config", "Arguments")):
        return None
    if key in call.arguments:
        live = call.live_arguments[0].keywords.get(key) if call.live_arguments else None
        given = call.arguments[key] if live is None else live
        return extend(given, call.places[key]) if key in call.places else given
    return Unknown(call.unknown_arguments) if call.unknown_arguments else Absent("not written on this path")


def of_owner(obj: Object, key: SlotKey) -> Any:
    """Return what an attribute is where no path has written it: its class's, or the one the object was made with."""
    if isinstance(obj, Instance):
        return obj.cls.lookup(key) or MISSING if isinstance(key, str) else MISSING
    made = as_made(obj, key)
    return MISSING if made is None else made


def prefer_slot(obj: Object, key: SlotKey, likely: Any, other: Any, by: str) -> Any:
    if likely is other:
        return likely
    if likely is MISSING:
        likely = of_owner(obj, key)
    if likely is MISSING:
        return demote(other, by) if isinstance(other, VALUES) else other
    if other is MISSING:
        other = of_owner(obj, key)
    if other is MISSING:
        return likely
    if isinstance(likely, Either) and any(same(other, option) for option in likely.options):
        return likely
    if isinstance(likely, Items):
        if not isinstance(other, Items) or likely == other:
            return likely
        if isinstance(likely.items, dict):
            items = {k: v if same(v, other.items.get(k)) else demote(v, by) for k, v in likely.items.items()}
            return Items(
                items, likely.why_incomplete, likely.overridden_by if items.keys() == other.items.keys() else by
            )
        return Items(tuple(demote(v, by) for v in likely.items), likely.why_incomplete, likely.overridden_by or by)
    if not isinstance(likely, VALUES) or not isinstance(other, VALUES) or same(likely, other):
        return likely
    return demote(likely, by)
