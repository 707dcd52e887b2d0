"""Comparison of two results by a stated rule, and the difference if they are not the same."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..engine.guarded import Rows

Row = tuple[Any, ...]
ORDERS = 10_000  # of columns that are tried, where their contents do not tell them apart
LOOK = 20_000  # rows up to which a difference is looked into


@dataclass(frozen=True, slots=True)
class Match:
    """Rule by which two results are the same; two without rows always are, whatever their columns.

    `rows`: as a multiset, and in order if the gold SQL orders; or as a set, whose order never counts. `columns`:
    in their order, or in any. Numbers within `tolerance` (relative, near zero absolute) are equal if one has a
    fraction.
    """

    rows: Literal["multiset", "set"] = "multiset"
    columns: Literal["ordered", "any"] = "ordered"
    tolerance: float = 1e-9


def difference(gold: Rows, predicted: Rows, ordered: bool, match: Match) -> str:
    """Return how a result differs from the gold's, or "" if it is the same. `ordered`: the gold SQL orders its rows."""
    if not gold.rows and not predicted.rows:
        return ""
    if predicted.columns != gold.columns:
        return f"{_count(predicted.columns, 'column')}, the gold has {gold.columns}"
    if not predicted.complete:
        return f"more rows than the gold's {len(gold.rows):,}"
    if match.rows == "multiset" and len(predicted.rows) != len(gold.rows):
        return f"{_count(len(predicted.rows), 'row')}, the gold has {len(gold.rows):,}"
    ours = predicted.rows
    if _same(gold.rows, ours, ordered, match):
        return ""
    if match.tolerance and _has_fractions(gold.rows, ours):
        reference, ours = _snapped(gold.rows, ours, match.tolerance)
        if _same(reference, ours, ordered, match):
            return ""
    else:
        reference = gold.rows
    return _reason(reference, ours, ordered, match)


def _same(gold: Sequence[Row], predicted: Sequence[Row], ordered: bool, match: Match) -> bool:
    """Return whether two lists of rows of equal width are the same, value for value."""
    as_set = match.rows == "set"
    if _equal(gold, predicted, ordered, as_set):
        return True
    return match.columns == "any" and _permuted(gold, predicted, ordered, as_set)


def _equal(gold: Sequence[Row], predicted: Sequence[Row], ordered: bool, as_set: bool) -> bool:
    if as_set:
        return set(gold) == set(predicted)
    return gold == predicted or (not ordered and Counter(gold) == Counter(predicted))


def _permuted(gold: Sequence[Row], predicted: Sequence[Row], ordered: bool, as_set: bool) -> bool:
    """Return whether the rows are the same with the columns in some other order."""
    if not gold or not predicted:
        return False
    theirs, ours = list(zip(*gold)), list(zip(*predicted))
    if ordered and not as_set:
        return Counter(theirs) == Counter(ours)
    kept = [_content(column, as_set) for column in ours]
    choices = [[at for at, one in enumerate(kept) if one == _content(column, as_set)] for column in theirs]
    left = ORDERS

    def extend(chosen: tuple[int, ...]) -> bool:
        """Return whether the chosen columns match the gold's first ones, and the others can be chosen too."""
        nonlocal left
        if len(chosen) > 1:
            left -= 1
            beginning = zip(*(ours[at] for at in chosen))
            if left < 0 or _content(beginning, as_set) != _content(zip(*theirs[: len(chosen)]), as_set):
                return False
        if len(chosen) == len(theirs):
            return True
        return any(extend((*chosen, at)) for at in choices[len(chosen)] if at not in chosen)

    return all(choices) and extend(())


def _content(values: Iterable[Hashable], as_set: bool) -> Hashable:
    return frozenset(values) if as_set else frozenset(Counter(values).items())


def _has_fractions(*results: Sequence[Row]) -> bool:
    return any(isinstance(value, float) for rows in results for row in rows for value in row)


def _snapped(gold: Sequence[Row], predicted: Sequence[Row], tolerance: float) -> tuple[list[Row], list[Row]]:
    """Return both results with numbers that are equal within the tolerance made identical. Whole numbers stay."""
    numbers = [value for rows in (gold, predicted) for row in rows for value in row if isinstance(value, (int, float))]
    whole = sorted({value for value in numbers if isinstance(value, int)})
    stands_for: dict[float, float] = {}
    last: float | None = None  # the number before: two that are equal must meet, whatever lies between them
    for value in sorted({value for value in numbers if isinstance(value, float)}):
        at = bisect_left(whole, value)
        near = [each for each in whole[max(at - 1, 0) : at + 1] if _close(each, value, tolerance)]
        if near:
            stands_for[value] = min(near, key=lambda each: abs(each - value))
        else:
            stands_for[value] = stands_for[last] if last is not None and _close(last, value, tolerance) else value
        last = value

    def snap(rows: Sequence[Row]) -> list[Row]:
        return [tuple(stands_for[v] if isinstance(v, float) else v for v in row) for row in rows]

    return snap(gold), snap(predicted)


def _close(one: float, other: float, tolerance: float) -> bool:
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)


def _reason(gold: Sequence[Row], predicted: Sequence[Row], ordered: bool, match: Match) -> str:
    """Return why two results differ, as far as a quick look shows."""
    if max(len(gold), len(predicted)) > LOOK:
        return "other rows than the gold"
    as_set = match.rows == "set"
    if ordered and not as_set and Counter(gold) == Counter(predicted):
        return "the gold's rows in another order"
    if match.columns == "ordered" and _permuted(gold, predicted, ordered, as_set):
        return "the gold's columns in another order"
    if not as_set and set(gold) == set(predicted):
        return "the gold's rows, other ones of them repeated"
    theirs = set(gold)
    stray = next((row for row in predicted if row not in theirs), None)
    if stray is None:
        return "rows of the gold are missing"
    return f"the row {_shown(stray)} is not in the gold"


def _shown(row: Row) -> str:
    text = f"({', '.join('NULL' if value is None else repr(value) for value in row)})"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def soft_f1(gold: Sequence[Row], predicted: Sequence[Row]) -> float:
    """Return BIRD's soft F1 of two results, from 0 to 1: rows without duplicates by position, values by membership."""
    if not gold and not predicted:
        return 1.0
    theirs, ours = list(dict.fromkeys(gold)), list(dict.fromkeys(predicted))
    hits = only_ours = only_theirs = 0.0
    for one, other in zip(theirs, ours):
        hits += sum(value in one for value in other) / len(one)
        only_ours += sum(value not in one for value in other) / len(one)
        only_theirs += sum(value not in other for value in one) / len(one)
    only_theirs += max(len(theirs) - len(ours), 0)
    only_ours += max(len(ours) - len(theirs), 0)
    return 2 * hits / (2 * hits + only_ours + only_theirs) if hits else 0.0
