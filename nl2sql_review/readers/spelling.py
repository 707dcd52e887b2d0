"""Source of a value, as far as there is any: the calls and reads of an expression, at any depth."""

from __future__ import annotations

from typing import Any

from ..training_plan.values import Default, Known, Term, Text, Unknown

DEPTH = 8


def terms(value: object) -> Term | None:
    """Return a value as an expression, whether it stands for itself or for an object of a library."""
    if isinstance(value, Term):
        return value
    inner: Any = getattr(value, "value", None)
    return (
        Term(inner.text, inner.operation, inner.args)
        if hasattr(inner, "operation") and hasattr(inner, "args")
        else None
    )


def spelt(value: object, depth: int = 0) -> str:
    """Return all the code of a value as one text to search."""
    if depth > DEPTH:
        return ""
    term = terms(value)
    if term is not None:
        return " ".join([term.text, *(spelt(a, depth + 1) for a in term.args)])
    if isinstance(value, (Known, Default)):
        inner = value.value
        if isinstance(inner, (list, tuple)):
            return " ".join(spelt(i, depth + 1) if hasattr(i, "trace") else repr(i) for i in inner[:8])
        return repr(inner)[:200]
    if isinstance(value, Text):
        return " ".join(p if isinstance(p, str) else spelt(p, depth + 1) for p in value.parts)
    if isinstance(value, Unknown):
        parts = value.parts.values() if isinstance(value.parts, dict) else value.parts or ()
        return " ".join([value.why, *(spelt(p, depth + 1) for p in parts)])
    return " ".join(spelt(o, depth + 1) for o in getattr(value, "options", ()))
