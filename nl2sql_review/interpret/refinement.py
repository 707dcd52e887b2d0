"""What a test says of the values it tests, on the path where a default does not hold.

In `if args.model: …` with `--model` left out by default, the body only runs when the command line says something else:
there `args.model` is not the default. The same holds after `if args.model is None: raise …` and `assert args.model`.
"""

from __future__ import annotations

import ast
from typing import Any

from ..source.syntax import Argument, below, text_of
from ..values import Default, Known, Unknown, Value
from .machine import Machine
from .objects import Instance, Items, Mapping, Object, Opaque, Scope, object_of

INNER = (ast.BoolOp, ast.BinOp, ast.Compare, ast.UnaryOp, ast.Call, Argument)


def contradict(m: Machine, test: Any, scope: Scope, taken: bool) -> None:
    """Enter the side of a test that its default does not choose. `taken`: the test is true there."""
    exact = equals_text(m, test, scope) if taken else None
    for node in tested(test):
        place = slot_of(m, node, scope)
        if place is None:
            continue
        obj, key, value = place
        if isinstance(value, Default) and not isinstance(value.value, Object):
            new: Value = Unknown(f"{value.by} says otherwise on this path", value.trace)
            if exact is not None and exact[0] is node:
                new = Known(exact[1], value.trace)
            put(m, obj, key, new)


def tested(node: Any) -> list[Any]:
    """The names, attributes and items that a test reads."""
    if isinstance(node, ast.Attribute):
        return [node, *tested(node.value)]
    if isinstance(node, (ast.Name, ast.Subscript)):
        return [node]
    if isinstance(node, INNER):
        return [found for child in below(node) for found in tested(child)]
    return []


def equals_text(m: Machine, test: Any, scope: Scope) -> tuple[Any, str] | None:
    """(what, text) of a test `what == "text"`."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return None
    text = text_of(test.comparators[0])
    return (test.left, text) if text is not None else None


def slot_of(m: Machine, node: Any, scope: Scope) -> tuple[Any, Any, Value] | None:
    """Where the value of a name, an attribute or an item is kept; None when it is computed."""
    if isinstance(node, ast.Name):
        holder: Scope | None = scope
        while holder is not None and node.id not in holder.slots:
            holder = holder.parent
        holder = holder or scope.module.scope
        return (holder, node.id, holder.slots[node.id]) if node.id in holder.slots else None
    if not isinstance(node, (ast.Attribute, ast.Subscript)):
        return None
    owner = slot_of(m, node.value, scope)
    obj = object_of(owner[2]) if owner is not None else None
    if isinstance(node, ast.Attribute):
        name: Any = node.attr
        if isinstance(obj, Instance) and name in obj.slots or isinstance(obj, Opaque) and name in obj.slots:
            return obj, name, obj.slots[name]
        if isinstance(obj, Mapping) and obj.kind in ("namespace", "config") and name in obj.state.items:
            return obj, name, obj.state.items[name]
        return None
    name = text_of(node.slice)
    if isinstance(obj, Mapping) and name is not None:
        return (obj, name, obj.state.items[name]) if name in obj.state.items else None
    return None


def put(m: Machine, obj: Any, key: Any, value: Value) -> None:
    if isinstance(obj, Mapping):
        m.write(obj, "state", Items({**obj.state.items, key: value}, obj.state.open, obj.state.by))
    else:
        m.write(obj, key, value)
