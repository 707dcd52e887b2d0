"""Requirements of each release on other libraries and on Python, and stated versions that no installer accepts.

`requirements.json` is made by `refresh` from the metadata of released wheels, with unconditional requirements
only. A conflict is reported if two requirements on one library have no version in common, whatever is
released later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from .versions import allows, clauses, is_exact, key_of

FILE = Path(__file__).with_name("requirements.json")
TRIED, STEP = 24, 6  # releases that are tried for a set that holds: the nearest, and of those further away each sixth
MOST_TOLD = 8  # stated versions that are told as a set that holds; of a longer list, those that have to do with it
MOST_OF_ONE = 20  # different requirements on one library that are compared with each other
PYTHON = "python"
ABOVE_ALL = "99999"
BUT_MACOS = "but macOS"  # under which a release has what it requires on every other system


@dataclass(frozen=True)
class Requirement:
    """`specifier` on `library`; `by` is a release (`unsloth 2026.10.9`), or the line that states it (`setup.cfg`)."""

    library: str
    specifier: str
    by: str
    stated: bool = True

    def __str__(self) -> str:
        what = f"{self.library}{self.specifier}" if self.specifier[:1] in "=<>!~^" else self.specifier
        return f"{self.by} {'states' if self.stated else 'requires'} {what}"


@dataclass(frozen=True)
class Incompatible:
    """Two requirements that no version meets. `holds`: the nearest set that holds, of a long one what is concerned."""

    one: Requirement
    other: Requirement
    holds: tuple[tuple[str, str], ...] = ()

    @property
    def sentence(self) -> str:
        near = ", ".join(f"{library}=={version}" for library, version in self.holds)
        return f"{self.one}, {self.other}: no installer accepts both" + (
            f"; {near} would be compatible" if near else ""
        )


@lru_cache(maxsize=1)
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return stored


def libraries() -> tuple[str, ...]:
    return tuple(_stored()["releases"])


def released(library: str) -> tuple[str, ...]:
    """Return every version that the index had that day for some Python, newest first; () for an unknown library."""
    return tuple(_stored()["released"].get(library, ()))


@lru_cache(maxsize=64)
def releases(library: str) -> dict[str, dict[str, Any]]:
    """Return the requirements of each known release: {version: {library: specifier}}."""
    of: dict[str, Any] = _stored().get("releases", {}).get(library, {})
    return {version: of[said] if isinstance(said, str) else said for version, said in of.items()}


@lru_cache(maxsize=64)
def known(library: str) -> tuple[str, ...]:
    """Return the versions whose requirements are known, oldest first."""
    return tuple(sorted(releases(library), key=key_of))


def required(library: str, version: str) -> Iterator[Requirement]:
    """Yield the requirements of a release, also on Python; none for an unknown release."""
    of = releases(library)
    name = version if version in of else next((v for v in of if key_of(v) == key_of(version)), "")
    for other, specifier in of.get(name, {}).items():
        if other == BUT_MACOS:
            yield from (
                Requirement(n, s, f"{library} {name} (but on macOS)", stated=False) for n, s in specifier.items()
            )
        else:
            yield Requirement(other, specifier, f"{library} {name}", stated=False)


def incompatible(stated: Sequence[Requirement]) -> list[Incompatible]:
    """Return the conflicts among requirements installed together, one per library, with versions that hold."""
    found = list(_conflicts(stated))
    return [replace(one, holds=_nearest(stated, one)) for one in found]


def _conflicts(stated: Sequence[Requirement]) -> Iterator[Incompatible]:
    asked: dict[str, list[Requirement]] = {}
    waiting, seen = list(stated), set[tuple[str, str]]()
    for one in waiting:  # which grows by what pinned releases require
        if clauses(one.specifier) is None:
            continue
        others = asked.setdefault(one.library, [])
        if len(others) < MOST_OF_ONE and all(one.specifier != other.specifier for other in others):
            others.append(one)
        version = pinned(one.specifier)
        if version and (one.library, version) not in seen:
            seen.add((one.library, version))
            waiting += required(one.library, version)
    told = set[str]()
    for library, of in asked.items():
        pairs = ((a, b) for i, a in enumerate(of) for b in of[i + 1 :] if disjoint(a.specifier, b.specifier))
        pair = next(pairs, None)
        if pair is not None:
            told.add(library)
            one, other = sorted(pair, key=lambda r: r.stated)
            yield Incompatible(one, other)
    if not told:
        yield from _through_ranges(asked)


def _through_ranges(asked: dict[str, list[Requirement]]) -> Iterator[Incompatible]:
    """Yield conflicts with a requirement that all releases in a bounded range have, if all are known."""
    for library, of in asked.items():
        closed = next((one for one in of if _is_closed(one)), None)
        if closed is None or library == PYTHON or any(pinned(one.specifier) for one in of):
            continue
        left = (v for v in released(library) if all(allows(one.specifier, v) for one in of))  # the newest first
        newest = next(left, "")
        refused = [(found, wanted) for wanted in asked.values() if (found := _refused(library, newest, wanted))]
        if not newest or not refused:
            continue
        others = list(left)
        for (one, other), wanted in refused:
            if all(_refused(library, version, wanted) for version in others):
                by = f"{library} {newest} (the newest that {closed.by} allows)"
                yield Incompatible(replace(one, by=by), other)
                return


def _is_closed(one: Requirement) -> bool:
    """Return whether no later release can meet a requirement."""
    return disjoint(one.specifier, f">={ABOVE_ALL}")


def _refused(library: str, version: str, wanted: list[Requirement]) -> tuple[Requirement, Requirement] | None:
    """Return a release's requirement that one of the wanted requirements excludes, together with that one."""
    library_of = wanted[0].library
    for one in required(library, version):
        if one.library == library_of:
            for other in wanted:
                if disjoint(one.specifier, other.specifier):
                    return one, other
    return None


def pinned(specifier: str) -> str:
    """Return the one version that a requirement allows, or "" for a range."""
    exact = is_exact(specifier)
    return next((v for op, v in clauses(specifier) or () if op == "==" and "*" not in v), "") if exact else ""


def disjoint(one: str, other: str) -> bool:
    """Return whether no version at all, released or not, meets both; False if one of them cannot be parsed."""
    parts = [*(clauses(one) or ()), *(clauses(other) or ())]
    if clauses(one) is None or clauses(other) is None:
        return False
    named = [version.removesuffix(".*") for _, version in parts]
    final = [match[0] for v in named if (match := re.match(r"(?:\d+!)?\d+(?:\.\d+)*", v))]  # of 1.0rc1: 1.0
    tried = {"0", ABOVE_ALL, *named, *final, *(f"{v}.1" for v in final)}
    return not any(allows(one, v) and allows(other, v) for v in tried)


def _nearest(stated: Sequence[Requirement], conflict: Incompatible) -> tuple[tuple[str, str], ...]:
    """Return the stated versions with one changed as little as possible, so that all hold; () if none is known."""
    pins = {r.library: pinned(r.specifier) for r in stated if pinned(r.specifier)}
    owners = [library for library in pins if conflict.one.by == f"{library} {pins[library]}"]
    others = [library for library in pins if conflict.other.by == f"{library} {pins[library]}"]
    first = [conflict.one.library] if conflict.one.library in pins else []
    for library in dict.fromkeys([*first, *others, *owners]):
        order: Sequence[str] = known(library)
        if library == conflict.one.library:
            order = [v for v in order if allows(conflict.one.specifier, v)]
        at = key_of(pins[library])
        older = [v for v in reversed(order) if key_of(v) < at]
        newer = [v for v in order if key_of(v) > at]
        nearest = [*older, *newer]
        for version in (*nearest[:TRIED], *nearest[TRIED::STEP]):
            changed = [r if r.library != library else replace(r, specifier=f"=={version}") for r in stated]
            if next(_conflicts(changed), None) is None:
                told = {library, conflict.one.library, *others, *owners} if len(pins) > MOST_TOLD else set(pins)
                return tuple((one, of) for one, of in {**pins, library: version}.items() if one in told)
    return ()
