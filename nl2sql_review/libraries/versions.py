"""Version numbers and requirements: PEP 440, and in addition Poetry's `^` and `~` and conda's `=`.

`packaging` decides. It is loaded only if numbers alone do not suffice: for pre-releases, `~=`, wildcards,
epochs.
"""

from __future__ import annotations

import operator as compare
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Iterable

if TYPE_CHECKING:
    from packaging.specifiers import Specifier

_NUMBERS = re.compile(r"\d+(?:\.\d+)*", re.ASCII)  # a release and nothing else
_CLAUSE = re.compile(r"\s*(?:(===|==|!=|<=|>=|~=|<|>|\^|~|=)\s*)?([\w.*+!-]+)\s*$")
# epoch, release, then of the pre-, post- and development release and of the local version where they stand
Key = tuple[int, tuple[int, ...], tuple[int, int], int, tuple[int, int], tuple[tuple[int, str], ...]]
_BY_NUMBER: dict[str, Callable[[Key, Key], bool]] = {
    **{"==": compare.eq, "!=": compare.ne, "<": compare.lt, "<=": compare.le, ">": compare.gt, ">=": compare.ge}
}
_NO_VERSION: Key = (-1, (), (0, 0), 0, (0, 0), ())
_BEFORE, _FINAL = -1, 9  # of a development release alone, of none
MOST_CLAUSES = 50  # of a requirement; real ones have a handful
_LONGEST = 200  # characters of a version: Python turns no text of thousands of digits into a number
_STAGES = {"a": 0, "b": 1, "rc": 2}


@lru_cache(maxsize=4096)
def key_of(version: str) -> Key:
    """Return the sort key of a version. A text that is no version sorts before all others."""
    text = version.strip()
    if len(text) > _LONGEST:
        return _NO_VERSION
    if _NUMBERS.fullmatch(text):
        return 0, _release(int(p) for p in text.split(".")), (_FINAL, 0), -1, (_FINAL, 0), ()
    from packaging.version import InvalidVersion, Version

    try:
        found = Version(text)
    except InvalidVersion:
        return _NO_VERSION
    stage = (_FINAL, 0) if found.dev is None or found.post is not None else (_BEFORE, 0)
    pre = (_STAGES[found.pre[0]], found.pre[1]) if found.pre else stage
    post = -1 if found.post is None else found.post
    dev = (_FINAL, 0) if found.dev is None else (0, found.dev)
    local = tuple((int(p), "") if p.isdigit() else (-1, p) for p in (found.local or "").split(".") if p)
    return found.epoch, _release(found.release), pre, post, dev, local


def _release(numbers: Iterable[int]) -> tuple[int, ...]:
    """Return the numbers without trailing zeros: 1.0 is 1."""
    kept = list(numbers)
    while len(kept) > 1 and kept[-1] == 0:
        kept.pop()
    return tuple(kept)


def is_version(text: str) -> bool:
    return key_of(text) != _NO_VERSION


@lru_cache(maxsize=4096)
def clauses(specifier: str) -> tuple[tuple[str, str], ...] | None:
    """Return `>=0.12,<0.20` as pairs; also Poetry's `^` and `~`, and conda's `=`. None if it cannot be parsed.

    One of more than `MOST_CLAUSES` counts as such.
    """
    found: list[tuple[str, str]] = []
    for part in filter(None, (p.strip() for p in re.split(r",|\s(?=[<>=!~^])", specifier))):
        match = _CLAUSE.match(part)
        if part == "*":
            continue
        if not match or match[1] != "===" and not is_version(match[2].removesuffix(".*")):
            return None
        operator, version = match[1] or "==", match[2]
        if operator in ("^", "~"):
            found += [(">=", version), ("<", _above(operator, version))]
        elif operator == "=":
            found.append(("==", version if version.endswith(".*") else version + ".*"))
        else:
            found.append((operator, version))
    if len(found) > MOST_CLAUSES or not all(_is_numeric(*one) or _specifier(*one) for one in found):
        return None
    return tuple(found)


def _above(operator: str, version: str) -> str:
    """Return the first version that Poetry's `^1.2` or `~1.2` no longer accepts."""
    match = _NUMBERS.search(version.rpartition("!")[2])
    whole = [int(p) for p in match[0].split(".")] if match else [0]
    first = next((i for i, n in enumerate(whole) if n), len(whole) - 1)
    i = first if operator == "^" else min(1, len(whole) - 1)
    return ".".join(map(str, [*whole[:i], whole[i] + 1]))


def allows(specifier: str, version: str) -> bool:
    """Return whether a requirement allows a version; one that cannot be parsed allows none.

    A pre-release counts as any other version: whoever states one wants it.
    """
    parts = clauses(specifier)
    return parts is not None and all(_holds(operator, wanted, version) for operator, wanted in parts)


def _holds(operator: str, wanted: str, version: str) -> bool:
    if _is_numeric(operator, wanted) and _NUMBERS.fullmatch(version):
        return _BY_NUMBER[operator](key_of(version), key_of(wanted))
    specifier = _specifier(operator, wanted)
    return specifier is not None and is_version(version) and specifier.contains(version, prereleases=True)


def _is_numeric(operator: str, wanted: str) -> bool:
    return operator in _BY_NUMBER and _NUMBERS.fullmatch(wanted) is not None


@lru_cache(maxsize=4096)
def _specifier(operator: str, wanted: str) -> Specifier | None:
    from packaging.specifiers import InvalidSpecifier, Specifier

    try:
        return Specifier(operator + wanted)
    except InvalidSpecifier:
        return None


def is_exact(specifier: str) -> bool:
    parts = clauses(specifier)
    return parts is not None and any(op in ("==", "===") and not v.endswith(".*") for op, v in parts)


def is_bounded(specifier: str) -> bool:
    """Return whether a requirement has an upper bound."""
    parts = clauses(specifier)
    return parts is not None and any(op in ("==", "===", "<", "<=", "~=") for op, _ in parts)


def between(specifier: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the known versions that a requirement allows; if it names one in between, its two neighbours.

    Empty if it names only versions older than all known, or cannot be parsed. `known` is in ascending order.
    """
    parts = clauses(specifier)
    if parts is None:
        return ()
    found = tuple(v for v in known if allows(specifier, v))
    if found or not parts:
        return found
    named = [v.removesuffix(".*") for op, v in parts if op in ("==", "===", "~=", ">=", "<=", "<", ">")]
    if not named:
        return ()
    at = min(named, key=key_of) if not is_exact(specifier) else next(v for op, v in parts if op in ("==", "==="))
    older = [v for v in known if key_of(v) < key_of(at)]
    newer = [v for v in known if key_of(v) > key_of(at)]
    if not older:
        return ()
    return (older[-1], *newer[:1])
