"""Values implied by a test: on the path where a default does not hold, and on both where only the run decides.

In `if args.model: …` with `--model` left out by default, the body runs only if the command line gives another value:
there `args.model` is not the default. The same holds after `if args.model is None: raise …` and `assert args.model`.
Of a value that earlier branches left open, `if model: …` keeps the options that are true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst

from ...source.syntax import below, text_of
from ...training_plan.values import Default, Either, Known, Unknown, Value
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import Instance, Items, Mapping, Object, Opaque, Scope, SlotKey, object_of
from ..core.operations import truth
from ..core.state import Changes
from .displays import several

INNER = (cst.BooleanOperation, cst.BinaryOperation, cst.Comparison, cst.ComparisonTarget, cst.UnaryOperation, cst.Call)


def contradict(m: Machine, test: cst.BaseExpression, scope: Scope, taken: bool) -> None:
    """Enter the side of a test that its default does not choose. `taken`: the test is true there."""
    exact = equals_text(test) if taken else None
    for node in tested(test):
        place = slot_of(node, scope)
        if place is None:
            continue
        obj, key, value = place
        if isinstance(value, Default) and not isinstance(value.value, Object):
            new: Value = Unknown(f"{value.overridden_by} says otherwise on this path", value.trace)
            if exact is not None and exact[0] is node:
                new = Known(exact[1], value.trace)
            put(m, obj, key, new)


def narrow(m: Machine, test: cst.BaseExpression, scope: Scope, taken: bool) -> Changes:
    """Keep, of the open values that a test reads, the options for which it is true or not; return what was written."""
    written: Changes = {}
    for node, holds in parts(test, taken):
        place = slot_of(node, scope)
        if place is None:
            continue
        obj, key, value = place
        if isinstance(obj, Mapping) or not isinstance(value, Either):
            continue
        left = tuple(option for option in value.options if holds(option) is not False)
        if left and len(left) < len(value.options):
            new = left[0] if len(left) == 1 else Either(left, value.condition, value.trace)
            m.write(obj, key, new)
            written[obj, key] = new
    return written


def not_none(m: Machine, value: Either, error: str) -> Value:
    """Return a value that is called or asked for an attribute without its option None, which raises this error there.

    If None is only the default, what overrides it may be anything: the options that are left are defaults, too.
    """
    none = [o for o in value.options if isinstance(o, (Known, Default)) and o.value is None]
    left = [o for o in value.options if not any(o is one for one in none)]
    if not none or not left:
        return value
    m.may_raise(error)
    for option in none:
        if isinstance(option, Default):
            left = [demote(o, option.overridden_by) for o in left]
    return left[0] if len(left) == 1 else Either(tuple(left), value.condition, value.trace)


def parts(test: cst.BaseExpression, taken: bool) -> Iterator[tuple[cst.BaseExpression, Callable[[Value], bool | None]]]:
    """Yield the names and attributes that a test decides, each with what it says of a value; None where it is open."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield from parts(test.expression, not taken)
    elif isinstance(test, cst.BooleanOperation):
        if isinstance(test.operator, cst.And) is taken:
            yield from parts(test.left, taken)
            yield from parts(test.right, taken)
    elif isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        operator, other = test.comparisons[0].operator, test.comparisons[0].comparator
        if isinstance(operator, (cst.Is, cst.IsNot)) and isinstance(other, cst.Name) and other.value == "None":
            none = isinstance(operator, cst.Is) is taken
            yield test.left, lambda value: (value.value is None) is none if isinstance(value, Known) else None
    elif isinstance(test, (cst.Name, cst.Attribute)):
        yield test, lambda value: None if (said := truth(value))[0] is None or said[1] else said[0] is taken


def tested(test: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return the names, attributes and items that a test reads."""
    found: list[cst.BaseExpression] = []
    stack: list[cst.CSTNode] = [test]
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)):
            found.append(node)
        if isinstance(node, (cst.Attribute, cst.Arg)):
            stack.append(node.value)
        elif isinstance(node, INNER):
            stack += reversed(below(node))
    return found


def equals_text(test: cst.BaseExpression) -> tuple[Any, str] | None:
    """Return (expression, text) of a test `expression == "text"`."""
    if (
        not isinstance(test, cst.Comparison)
        or len(test.comparisons) != 1
        or not isinstance(test.comparisons[0].operator, cst.Equal)
    ):
        return None
    text = text_of(test.comparisons[0].comparator)
    return (test.left, text) if text is not None else None


def slot_of(node: cst.BaseExpression, scope: Scope) -> tuple[Any, Any, Value] | None:
    """Return the holder, slot and value of a name, an attribute or an item, or None if the value is computed."""
    if isinstance(node, cst.Name):
        holder: Scope | None = scope
        while holder is not None and node.value not in holder.slots:
            holder = holder.parent
        holder = holder or scope.module.scope
        return (holder, node.value, holder.slots[node.value]) if node.value in holder.slots else None
    if not isinstance(node, (cst.Attribute, cst.Subscript)):
        return None
    owner = slot_of(node.value, scope)
    obj = object_of(owner[2]) if owner is not None else None
    if isinstance(node, cst.Attribute):
        name: Any = node.attr.value
        if isinstance(obj, Instance) and name in obj.slots or isinstance(obj, Opaque) and name in obj.slots:
            return obj, name, obj.slots[name]
        if isinstance(obj, Mapping) and obj.kind in ("namespace", "config") and name in obj.state.items:
            return obj, name, obj.state.items[name]
        return None
    index = node.slice[0].slice
    name = text_of(index.value) if isinstance(index, cst.Index) and not several(node) else None
    if isinstance(obj, Mapping) and name is not None:
        return (obj, name, obj.state.items[name]) if name in obj.state.items else None
    return None


def put(m: Machine, obj: Object, key: SlotKey, value: Value) -> None:
    if isinstance(obj, Mapping):
        m.write(obj, "state", Items({**obj.state.items, key: value}, obj.state.why_incomplete, obj.state.overridden_by))
    else:
        m.write(obj, key, value)
