"""The closed set of expectations that a rule may have of a value: their tests and their wording.

Expectations are tested on plain values here; the judge handles values that are only partly known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Callable, Iterable, Literal, Union

from ..files.typed_data import ShapeError, did_you_mean
from ..training_plan.facts import FACTS, ROW_FACTS

Scalar = Union[bool, int, float, str]
Unset = Literal["fail", "pass", "not-applicable"]
WIDTH = 90  # characters of a value in a message


class Undecided(Exception):
    """Raised for a value that cannot be compared; the text gives the reason."""


@dataclass(frozen=True)
class FactOf:
    """The value of another fact of the plan."""

    fact: str

    def __post_init__(self) -> None:
        check_fact(self.fact, "fact")


@dataclass(frozen=True)
class Near:
    value: float
    within: float


@dataclass(frozen=True)
class Expectation:
    """Expected value of a fact. All given expectations must hold; `unset` is the verdict on an absent value."""

    equals: Union[Scalar, FactOf, None] = None
    one_of: Union[tuple[Union[Scalar, None], ...], None] = None
    at_least: Union[float, None] = None
    at_most: Union[float, None] = None
    near: Union[Near, None] = None
    includes: Union[tuple[Scalar, ...], None] = None  # of a list: all of these are in it; of a text: it contains these
    excludes: Union[tuple[Scalar, ...], None] = None
    empty: Union[bool, None] = None
    present: Union[bool, None] = None
    matches: Union[str, tuple[str, ...], None] = None  # shell-style globs, one of which must match
    unset: Union[Unset, None] = None

    def given(self) -> dict[str, Any]:
        """Return the expectations that are set, by key, without `unset`."""
        return self._given

    @cached_property
    def _given(self) -> dict[str, Any]:  # every rule asks for it, in every script
        return {k: v for k in WORDS if (v := getattr(self, k)) is not None}

    def with_equal(self, value: Scalar) -> Expectation:
        return replace(self, equals=value)


WORDS = tuple(k for k in Expectation.__dataclass_fields__ if k != "unset")


def check_fact(name: str, key: str) -> None:
    """Raise ShapeError if the plan has no fact of this name."""
    if name not in FACTS and name not in ROW_FACTS:
        raise ShapeError(key, f"the plan has no fact {name}{did_you_mean(name, (*FACTS, *ROW_FACTS))}")


def broken(expected: Expectation, value: object) -> dict[str, Any]:
    """Return the expectations that the plain value does not meet, by key; empty if all hold. May raise Undecided."""
    return {word: wanted for word, wanted in expected.given().items() if not _TESTS[word](wanted, value)}


def equal(a: object, b: object) -> bool:
    """Return whether two values are equal: 16 and 16.0 are, True and 1 are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9)
    return type(a) is type(b) and a == b


def is_plain(value: object) -> bool:
    """Return whether a value is plain data, not one of the interpreter's objects."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    return value is None or isinstance(value, (bool, int, float, str, bytes))


def _comparable(value: object) -> Any:
    if not is_plain(value):
        raise Undecided("decided at run time: it is an object, not a plain value")
    return value


def _number(value: object) -> float:
    _comparable(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan  # fails every test


def _holds_item(value: object, item: object) -> bool:
    if isinstance(value, str):
        return isinstance(item, str) and item in value
    if isinstance(value, Iterable):
        members = list(value)
        if any(is_plain(m) and equal(m, item) for m in members):
            return True
        if not all(map(is_plain, members)):
            raise Undecided("its contents are known only at run time")
        return False
    _comparable(value)
    return False


def _is_empty(value: object) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _matches(globs: Union[str, tuple[str, ...]], value: object) -> bool:
    values = value if isinstance(value, (list, tuple)) else [value]
    paths = [str(_comparable(v)).replace("\\", "/").removeprefix("./") for v in values]
    return any(fnmatchcase(p, g) for p in paths for g in ((globs,) if isinstance(globs, str) else globs))


_TESTS = {
    "equals": lambda wanted, v: equal(_comparable(v), wanted),
    "one_of": lambda wanted, v: any(equal(_comparable(v), w) for w in wanted),
    "at_least": lambda wanted, v: _number(v) >= wanted,
    "at_most": lambda wanted, v: _number(v) <= wanted,
    "near": lambda wanted, v: abs(_number(v) - wanted.value) <= wanted.within * (1 + 1e-9),
    "includes": lambda wanted, v: all(_holds_item(v, w) for w in wanted),
    "excludes": lambda wanted, v: not any(_holds_item(v, w) for w in wanted),
    "empty": lambda wanted, v: _is_empty(v) is wanted,
    "present": lambda wanted, v: (v is not None) is wanted,
    "matches": _matches,
}


# -- words -------------------------------------------------------------------------------------------------------


def spelled(value: object) -> str:
    """Return a plain value as it is written in a script, cut to a line."""
    if isinstance(value, float):
        small = 0 < abs(value) < 1e-3  # 2e-4, as people write learning rates
        text = f"{value:.6e}".replace("e-0", "e-") if small else repr(value)
        text = re.sub(r"(?:\.|(?<![.0]))0+(?=e)", "", text) if small else text
    elif isinstance(value, str):
        text = '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = ", ".join(map(spelled, value))
        text = f"[{items}]" if isinstance(value, list) else f"({items})" if isinstance(value, tuple) else f"{{{items}}}"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{spelled(k)}: {spelled(v)}" for k, v in value.items()) + "}"
    elif is_plain(value):
        text = repr(value)
    else:
        text = getattr(value, "callee", "") or getattr(value, "name", "") or "an object"
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def worded(value: object) -> str:
    """Return a plain value in words instead of script syntax: without quotes and brackets."""
    if value is None or isinstance(value, (list, tuple)) and not value:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(worded, value))
    return value if isinstance(value, str) else spelled(value)


def alternatives(words: Iterable[str]) -> str:
    """Return the words joined as `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def wanted(expectations: dict[str, Any], word: Callable[[object], str] = spelled) -> str:
    """Return the expectations in words that follow "is": `16`, `at least 1`, `"epoch" or "steps"`."""
    return " and ".join(_WANTED[key](v, word) for key, v in expectations.items())


def should(failed: dict[str, Any], value: object = None, word: Callable[[object], str] = spelled) -> str:
    """Return the broken expectations as the end of a sentence about the plain value: `should be 16`."""
    members = value if isinstance(value, (list, tuple, set, frozenset)) else None
    parts = []
    for key, v in failed.items():
        if key == "includes":
            lacking = [str(w) for w in v if members is None or w not in members]
            # of a value that is left to the library, nobody knows here what is missing
            missing = f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing"
            parts.append(missing if value is not None else f"should include {', '.join(lacking)}")
        elif key == "excludes" and members is not None:
            parts.append("should not contain " + ", ".join(str(w) for w in v if w in members))
        elif key == "matches":
            parts.append(f"should match {_first(v)}")
        else:
            parts.append("should be " + _WANTED[key](v, word))
    return " and ".join(parts)


def _or(v: object, word: Callable[[object], str]) -> str:
    return alternatives(map(word, v if isinstance(v, tuple) else (v,)))


def _first(globs: str | tuple[str, ...]) -> str:
    """Return the first of several globs, which is the plain one, and the number of other forms."""
    first, *others = (globs,) if isinstance(globs, str) else globs
    return spelled(first) + (f" (or {len(others)} other {'form' if len(others) == 1 else 'forms'})" if others else "")


_WANTED: dict[str, Callable[[Any, Callable[[object], str]], str]] = {
    "equals": lambda v, word: f"the same as {v.fact}" if isinstance(v, FactOf) else word(v),
    "one_of": _or,
    "at_least": lambda v, word: f"at least {spelled(v)}",
    "at_most": lambda v, word: f"at most {spelled(v)}",
    "near": lambda v, word: f"{spelled(v.value)} (± {spelled(v.within)})",
    "includes": lambda v, word: "with " + ", ".join(map(str, v)),
    "excludes": lambda v, word: "without " + ", ".join(map(str, v)),
    "empty": lambda v, word: "empty" if v else "not empty",
    "present": lambda v, word: "set" if v else "left out",
    "matches": lambda v, word: f"like {_first(v)}",
}
