"""Values implied by a test, on the path where a default does not hold.

In `if args.model: …` with `--model` left out by default, the body runs only if the command line gives another value:
there `args.model` is not the default. The same holds after `if args.model is None: raise …` and `assert args.model`.
"""

from __future__ import annotations

from typing import Any

import libcst as cst

from ...source.syntax import below, text_of
from ...training_plan.values import Default, Known, Unknown, Value
from ..core.machine import Machine
from ..core.objects import Instance, Items, Mapping, Object, Opaque, Scope, SlotKey, object_of
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
