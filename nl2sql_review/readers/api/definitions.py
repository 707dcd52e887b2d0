"""Finds where the name of an argument is defined: in a callable or its base classes, and in which releases."""

from __future__ import annotations

from functools import cache

from ...libraries import store
from ...libraries.chosen import Choice
from ...libraries.replacements import ARGUMENTS, Change
from ...libraries.store import owners
from ...libraries.versions import key_of


def chain(library: str, callable: str) -> list[str]:
    return list(dict.fromkeys(where for where, _ in owners(library, callable)))


@cache
def home(library: str, callable: str, name: str) -> tuple[str, str] | None:
    """Return the first of the owners that had the name in any version."""
    return next((owner for owner in owners(library, callable) if name in store.ever(*owner)), None)


def inherited(library: str, callable: str, name: str) -> Change | None:
    return next(
        (ARGUMENTS[k][name] for k in (".".join(o) for o in owners(library, callable)) if name in ARGUMENTS.get(k, {})),
        None,
    )


def accepts_own(library: str, callable: str, name: str, version: str) -> bool:
    found = store.signature(library, callable, version)
    return found is not None and found.accepts(name)


def gone(library: str, callable: str, name: str, choice: Choice) -> str:
    """Return the first known version after the last one with the name, if all judged versions are at least that new."""
    known = store.versions(library)
    having = [i for i, v in enumerate(known) if accepts_own(library, callable, name, v)]
    if not having or having[-1] + 1 >= len(known):
        return ""
    since = known[having[-1] + 1]
    return since if all(key_of(v) >= key_of(since) for v in choice.judged) else ""
