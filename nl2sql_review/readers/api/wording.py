"""Wording of sentences about versions: since when, why this version is judged, what to use instead."""

from __future__ import annotations

from ...libraries import requirements, store
from ...libraries.chosen import Choice
from ...libraries.replacements import Change
from ...libraries.versions import between, clauses, is_exact, key_of


def short(version: str) -> str:
    """Return a version without a trailing zero: `0.16.0` is 0.16."""
    return version[:-2] if version.endswith(".0") and version.count(".") > 1 else version


def from_on(library: str, version: str) -> str:
    """Return `since trl 0.16`, or `in trl 0.16 and later` if an unknown minor release lies between it and the last."""
    known = store.versions(library)
    before = known[max(known.index(version) - 1, 0)]
    minor = before.rpartition(".")[0] if before.count(".") > 1 else before
    between = (v for v in requirements.released(library) if key_of(before) < key_of(v) < key_of(version))
    exact = all(v.startswith(f"{minor}.") for v in between)
    return f"since {library} {short(version)}" if exact else f"in {library} {short(version)} and later"


def use(change: Change | None) -> str:
    return f"use {change.instead}" if change is not None and change.instead else ""


def lower_end(choice: Choice) -> bool:
    return any(op in (">=", ">", "~=") for op, _ in clauses(choice.specifier) or ())


def requirement(choice: Choice) -> str:
    """Return a requirement as it is written, and its place: `trl>=0.9 (requirements.txt:3)`."""
    space = "" if choice.specifier[:1] in "=<>!~^" else " "
    return f"{choice.library}{space}{choice.specifier} ({choice.said})"


def allowed(choice: Choice) -> str:
    beside = f", beside {choice.held_by}," if choice.held_by else ""
    return f"{requirement(choice)}{beside} allows versions up to {short(choice.versions[-1])}"


def stated(choice: Choice) -> str:
    """Return why this version is judged: `trl 0.20 is stated (requirements.txt:3)`."""
    if choice.open and not is_exact(choice.specifier):
        low, high = short(choice.versions[0]), short(choice.versions[-1])
        if choice.said and choice.specifier and len(choice.versions) > 1:
            alone = between(choice.specifier, store.versions(choice.library)) == choice.versions
            allow = "allows" if alone else "and the versions of the other libraries allow"
            return f"in every known version that {requirement(choice)} {allow}, {low} to {high}"
        return (
            f"in every version from {low} to {high}"
            if len(choice.versions) > 1
            else f"{choice.library} {short(choice.number)}"
        )
    if not choice.said:
        return f"{choice.library} {short(choice.versions[-1])} is assumed"
    if not choice.specifier:
        newest = f"newest that goes with {choice.held_by}" if choice.held_by else "newest known"
        return (
            f"{choice.said} names {choice.library} without a version, so {short(choice.versions[-1])}, the {newest}, "
            f"is assumed"
        )
    if not is_exact(choice.specifier) and len(choice.versions) > 1:
        return allowed(choice)
    return f"{choice.library} {short(choice.number)} is stated ({choice.said})"
