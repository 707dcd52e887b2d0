"""Variables: the value of a name where it is read, and the scope in which it is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Known, Unknown, Value, is_optional, present
from ..core.library import star_library
from ..core.machine import Machine
from ..core.objects import Scope
from .builtins import BUILTINS

if TYPE_CHECKING:
    import libcst as cst

CONSTANTS: dict[str, Value] = {
    "None": Known(None), "True": Known(True), "False": Known(False),
    "__magic__": Unknown("the result of a notebook's magic command"),
}  # fmt: skip


def name(m: Machine, node: cst.Name, scope: Scope) -> Value:
    """Return the value of a name, Unknown if it is not bound or was deleted; the recording keeps which are not."""
    value = lookup(m, node.value, scope)
    if value is None:
        m.recording.undefined[id(node)] = node.value
        m.may_raise_count += 1
        m.certainly_raises("NameError")
        return Unknown(f"the name {node.value} is not defined here")
    if isinstance(value, Absent):
        m.recording.undefined[id(node)] = node.value
        return Unknown(f"{node.value} was deleted")
    return value


def lookup(m: Machine, word: str, scope: Scope) -> Value | None:
    """Return the value of a name where it is read: Absent if it was deleted, None if it is not bound."""
    if word in CONSTANTS:
        return CONSTANTS[word]
    s: Scope | None = scope if word not in scope.globals_ else None
    while s is not None:
        if word in s.slots and not (s is not scope and s.kind == "class"):
            v = s.slots[word]
            return v if isinstance(v, Absent) else settled(v, word)
        s = s.parent
    top = scope.module.scope
    if word in top.slots:
        v = top.slots[word]
        return v if isinstance(v, Absent) else settled(v, word)
    if word in BUILTINS:
        return BUILTINS[word]
    libraries = starred(top)
    return m.library_name(star_library(libraries, word), word) if libraries else None


def starred(top: Scope) -> tuple[str, ...]:
    """Return the libraries that a module imports everything from; none where only the run decides which."""
    libraries = top.slots.get("*", ())
    return libraries if isinstance(libraries, tuple) else ()


def settled(v: Value, word: str) -> Value:
    """Return the value of a name bound on one path only: it has that path's value wherever it can be read."""
    if is_optional(v):
        return present(v)
    return Unknown(f"{word} was deleted") if isinstance(v, Absent) else v


def bind(m: Machine, name: str, value: Value, scope: Scope) -> None:
    """Bind a name in the scope it belongs to: this one, or as `global` and `nonlocal` say."""
    if scope.kind == "comprehension":
        m.write(scope, name, value)
        return
    if name in scope.globals_:
        scope = scope.module.scope
    elif name in scope.nonlocals:
        s = scope.parent
        while s is not None and name not in s.slots:
            s = s.parent
        scope = s or scope
    m.write(scope, name, value)
