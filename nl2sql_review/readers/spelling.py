"""Source of a value, as far as there is any: the calls and reads of an expression, at any depth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..training_plan.values import Default, Known, Term, Text, Unknown, Value

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


def spelt(value: object) -> str:
    """Return all the code of a value as one text to search; what several parts of it share is in it once."""
    said: list[str] = []
    seen: set[int] = set()

    def say(part: object, depth: int) -> None:
        if depth > DEPTH or id(part) in seen:
            return
        if isinstance(part, Value):
            seen.add(id(part))
        inside: Iterable[object] = ()
        if (term := terms(part)) is not None:
            said.append(term.text)
            inside = term.args
        elif isinstance(part, (Known, Default)):
            if not isinstance(part.value, (list, tuple)):
                said.append(repr(part.value)[:200])
                return
            inside = part.value[:8]
        elif isinstance(part, Text):
            inside = part.parts
        elif isinstance(part, Unknown):
            said.append(part.why)
            inside = part.parts.values() if isinstance(part.parts, dict) else part.parts or ()
        elif isinstance(part, Value):
            inside = getattr(part, "options", ())
        else:
            said.append(part if isinstance(part, str) else repr(part))
        for one in inside:
            say(one, depth + 1)

    say(value, 0)
    return " ".join(said)
