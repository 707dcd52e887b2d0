"""Values without their places, to compare those of a script before and after an edit."""

from __future__ import annotations

import re
from typing import Any

from ..interpret.core.objects import Opaque
from ..training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown

DEPTH = 6  # levels of a value that are compared
WIDE = 8  # for each so many parts of a term it is one level less: a term may hold itself many times


def placeless(text: str) -> str:
    """Return a text without the rows and columns in it."""
    return re.sub(r"(?<=:)\d+(:\d+)?", "", text)


def image(value: object, depth: int = 0) -> Any:
    """Return a value without its places, as tuples and lists that can be compared."""
    if depth > DEPTH:
        return "…"
    deeper = depth + 1
    match value:
        case Known(plain) | Default(plain):
            return type(value).__name__, _plain(plain, deeper)
        case Either(options, condition):
            return "either", condition, [image(o, deeper) for o in options]
        case Term(text, head, args):
            wide = len(args) // WIDE  # such a term is compared by its text
            return "term", head if args and not wide else text, [image(a, deeper + wide) for a in args]
        case Text(parts):
            return "text", [p if isinstance(p, str) else image(p, deeper) for p in parts]
        case Unknown(why, _, parts):
            return "unknown", placeless(why), _plain(parts, deeper)
        case Absent():
            return "absent"
    return _plain(value, deeper)


def _plain(value: object, depth: int) -> Any:
    if depth > DEPTH:
        return "…"
    if isinstance(value, (Known, Default, Either, Term, Text, Unknown, Absent)):
        return image(value, depth)
    if isinstance(value, dict):
        return [(str(k), _plain(v, depth + 1)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [_plain(v, depth + 1) for v in value]
    if isinstance(value, (set, frozenset)):
        return "set", sorted(map(str, value))
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return type(value).__name__, repr(value)
    if (call := getattr(value, "call", None)) is not None:
        return "made by", call.callee
    if isinstance(value, Opaque) and value.args:
        return (
            type(value).__name__,
            value.operation,
            [image(a, depth + 1 + len(value.args) // WIDE) for a in value.args],
        )
    return type(value).__name__, getattr(value, "text", "") or getattr(value, "name", "")
