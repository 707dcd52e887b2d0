"""The versions that a claim about behaviour rests on: the stated one itself, where exactly one is stated.

What a signature is may be read of the nearest version in the tables; what a release does may have changed in between.
"""

from __future__ import annotations

from ..libraries.versions import is_exact, key_of
from .run import Run


def judged(run: Run, library: str) -> tuple[str, ...]:
    """The versions of a library that must all agree; empty when none is known."""
    if run.versions is None:
        return ()
    choice = run.versions[library]
    return (choice.number,) if choice.versions and is_exact(choice.specifier) else choice.judged


def within(run: Run, library: str, low: str, high: str = "") -> bool:
    """Whether every judged version is at least `low`, and below `high` if one is given; False when none is known."""
    found = judged(run, library)
    return bool(found) and all(key_of(low) <= key_of(v) and (not high or key_of(v) < key_of(high)) for v in found)
