"""Changes by code that was not followed: to the whole module, or to all values reachable from given ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from ...source.syntax import walk
from ...training_plan.values import Default, Either, Known, Text, Unknown, Value
from ..core.machine import Machine
from ..core.objects import (
    Arguments,
    Bound,
    Class,
    Function,
    Instance,
    Mapping,
    Module,
    Object,
    Opaque,
    Partial,
    Scope,
    Sequence,
    object_of,
)

MANY = 400  # objects: from here on it is all of the module


def forget(m: Machine, why: str) -> None:
    """Make the module unknown after code that is not followed: it may have assigned any name and changed its value."""
    scope = m.frame.scope.module.scope
    for name, value in list(scope.slots.items()):
        obj = object_of(value) if isinstance(value, (Known, Default)) else None
        if not isinstance(name, str) or name.startswith("__") or isinstance(obj, (Function, Class, Module, Opaque)):
            continue
        if isinstance(obj, (Sequence, Mapping, Instance)):
            forget_object(m, obj, why)
        elif isinstance(value, (Known, Default, Either, Text)):
            m.write(scope, name, Unknown(why))


def forget_object(m: Machine, obj: Object, why: str) -> None:
    """Make the contents of a container or an object of the script unknown."""
    if isinstance(obj, (Sequence, Mapping)):
        m.write(obj, "state", obj.state.forgotten(why))
        return
    classes = [c for c in obj.cls.mro() if isinstance(c, Class)] if isinstance(obj, Instance) else []
    for key, value in [item for one in (*reversed(classes), obj) for item in one.slots.items()]:
        if not isinstance(object_of(value), (Function, Class)):
            m.write(obj, key, Unknown(why))


def forget_reached(m: Machine, roots: Iterable[Value], why: str) -> None:
    """Make everything unknown that code may change if it receives these values or names them."""
    seen: dict[int, Any] = {}
    left = [object_of(value) for value in roots]
    globals_: list[tuple[Scope, str]] = []
    while left:
        obj = left.pop()
        if obj is None or id(obj) in seen:
            continue
        seen[id(obj)] = obj
        if len(seen) > MANY:
            forget(m, why)
            return
        if isinstance(obj, Function):
            named, assigned = words(obj.node)
            module = obj.scope.module.scope
            globals_ += [(module, name) for name in assigned]
            left += [object_of(value) for name in named if (value := found(obj.scope, name)) is not None]
            left += [object_of(value) for value in obj.defaults.values()]
        elif isinstance(obj, Bound):
            left += [object_of(obj.receiver), obj.function]
        elif isinstance(obj, Partial):
            left += [object_of(obj.function), *map(object_of, values_of(obj.arguments))]
        elif isinstance(obj, (Sequence, Mapping)):
            items = obj.state.items
            left += [object_of(value) for value in (items.values() if isinstance(items, dict) else items)]
        elif isinstance(obj, (Instance, Class)):
            left += [object_of(value) for value in obj.slots.values()]
            left += [obj.cls] if isinstance(obj, Instance) else [b for b in obj.bases if isinstance(b, Class)]
        elif isinstance(obj, Module):
            left += [object_of(value) for value in obj.scope.slots.values() if hasattr(value, "trace")]
            globals_ += [(obj.scope, name) for name in obj.scope.slots if isinstance(name, str)]
    for obj in seen.values():
        if isinstance(obj, (Sequence, Mapping, Instance, Class)):
            forget_object(m, obj, why)
    for scope, name in globals_:
        if isinstance(scope.slots.get(name), (Known, Default, Either, Text)) and not isinstance(
            object_of(scope.slots[name]), (Function, Class, Module, Opaque)
        ):
            m.write(scope, name, Unknown(why))


def words(node: cst.CSTNode) -> tuple[set[str], set[str]]:
    """Return the names in a piece of code, and those of them that it declares `global`."""
    named, assigned = set(), set()
    for inner in walk(node):
        if isinstance(inner, cst.Name):
            named.add(inner.value)
        elif isinstance(inner, cst.Global):
            assigned |= {item.name.value for item in inner.names}
    return named, assigned


def found(scope: Scope | None, name: str) -> Value | None:
    """Return the value of a name where a function is defined."""
    while scope is not None:
        if name in scope.slots:
            value: Value = scope.slots[name]
            return value
        scope = scope.parent
    return None


def values_of(args: Arguments) -> list[Value]:
    """Return all arguments of a call."""
    return [*args.positional, *args.keywords.values()]
