"""Version numbers and what a requirement allows: as much of PEP 440 as requirements of libraries use."""

from __future__ import annotations

import re
from functools import lru_cache

_VERSION = re.compile(
    r"v?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|rc|alpha|beta|c|pre)[-_.]?(\d*))?(?:[-_.]?(post|rev|r)[-_.]?(\d*))?(?:\.?(dev)(\d*))?(?:\+.*)?$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\s*(?:(===|==|!=|<=|>=|~=|<|>|\^|~|=)\s*)?([\w.*+!-]+)\s*$")
Key = tuple[tuple[int, ...], int, int, int]


@lru_cache(maxsize=4096)
def key_of(version: str) -> Key:
    """What versions are ordered by. Text that is no version comes first of all."""
    match = _VERSION.match(version.strip())
    if not match:
        return ((-1,), 0, 0, 0)
    release = [int(p) for p in match[1].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    # dev < pre < release < post
    stage = -1 if match[2] else -2 if match[6] else 0
    number = int(match[3] or 0) if match[2] else 0
    post = int(match[5] or 0) + 1 if match[4] else 0
    return tuple(release), stage, number, post


def is_version(text: str) -> bool:
    return _VERSION.match(text.strip()) is not None


@lru_cache(maxsize=4096)
def clauses(specifier: str) -> tuple[tuple[str, str], ...] | None:
    """`>=0.12,<0.20` as pairs; Poetry's `^` and `~`, and conda's `=` too. None when it cannot be read."""
    found: list[tuple[str, str]] = []
    for part in filter(None, (p.strip() for p in re.split(r",|\s(?=[<>=!~^])", specifier))):
        match = _CLAUSE.match(part)
        if part == "*":
            continue
        if not match or not is_version(match[2].removesuffix(".*")):
            return None
        operator, version = match[1] or "==", match[2]
        if operator == "^":
            whole = [int(p) for p in re.findall(r"\d+", version)]
            i = next((i for i, n in enumerate(whole) if n), len(whole) - 1)
            found += [(">=", version), ("<", ".".join(map(str, [*whole[:i], whole[i] + 1])))]
        elif operator == "~":
            whole = [int(p) for p in re.findall(r"\d+", version)]
            i = 1 if len(whole) > 1 else 0
            found += [(">=", version), ("<", ".".join(map(str, [*whole[:i], whole[i] + 1])))]
        elif operator == "=":
            found.append(("==", version if version.endswith(".*") else version + ".*"))
        else:
            found.append((operator, version))
    return tuple(found)


def allows(specifier: str, version: str) -> bool:
    """Whether a requirement admits a version; one that cannot be read admits none."""
    parts = clauses(specifier)
    return parts is not None and all(_holds(operator, wanted, version) for operator, wanted in parts)


def _holds(operator: str, wanted: str, version: str) -> bool:
    if wanted.endswith(".*"):
        prefix = [int(p) for p in re.findall(r"\d+", wanted[:-2])]
        have = [int(p) for p in re.findall(r"\d+", version)]
        same = (have + [0] * len(prefix))[: len(prefix)] == prefix
        return same if operator in ("==", "===") else not same if operator == "!=" else False
    a, b = key_of(version), key_of(wanted)
    if operator == "~=":
        prefix = [int(p) for p in wanted.split(".") if p.isdigit()][:-1]
        have = [int(p) for p in re.findall(r"\d+", version)]
        return a >= b and (have + [0] * len(prefix))[: len(prefix)] == prefix
    return {"==": a == b, "===": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def is_exact(specifier: str) -> bool:
    parts = clauses(specifier)
    return parts is not None and any(op in ("==", "===") and not v.endswith(".*") for op, v in parts)


def is_bounded(specifier: str) -> bool:
    """Whether there is an upper end to it."""
    parts = clauses(specifier)
    return parts is not None and any(op in ("==", "===", "<", "<=", "~=") for op, _ in parts)


def between(specifier: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Of the known versions, those a requirement allows; where it names one in between, its two neighbours.

    Empty when it names only versions older than all known, or cannot be read. `known` is in ascending order.
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
