"""Versions that a claim about behaviour rests on: the stated version itself, if exactly one is stated.

A signature may be read from the nearest version in the tables; the behaviour of a release may have changed in
between. If the assumed releases refuse the script, those that take it count.
"""

from __future__ import annotations

from ..libraries.versions import is_exact, key_of
from .api.accepted import accepting
from .run import Run


def judged(run: Run, library: str) -> tuple[str, ...]:
    """Return the versions of a library that must all agree; empty if none is known."""
    if run.versions is None:
        return ()
    fits = accepting(run, library)
    if fits is not None:
        return tuple(reversed(fits))
    choice = run.versions[library]
    return (choice.number,) if choice.versions and is_exact(choice.specifier) else choice.judged


def within(run: Run, library: str, low: str, high: str = "") -> bool:
    """Return whether all judged versions are at least `low`, and below `high` if given; False if none is known."""
    found = judged(run, library)
    return bool(found) and all(key_of(low) <= key_of(v) and (not high or key_of(v) < key_of(high)) for v in found)
