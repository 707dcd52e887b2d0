"""Rows that a split such as `train[:90%]` selects from its files, counted as `datasets` counts them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# One instruction of `datasets`: a split, the ends of its slice in rows or per cent, and how per cent are rounded.
INSTRUCTION = re.compile(
    r"(?P<split>\w+(?:\.\w+)*)"
    r"(?:\[(?:(?P<start>-?[\d_]+)(?P<start_percent>%)?)?:(?:(?P<stop>-?[\d_]+)(?P<stop_percent>%)?)?\])?"
    r"(?:\((?P<rounding>[^)]*)\))?"
)


def instructions(split: str) -> list[str]:
    """Return the parts of a split that are joined by `+`, or one empty part if no split is given."""
    return [part.strip() for part in split.split("+")] if split else [""]


def name_of(instruction: str) -> str:
    """Return the split of an instruction, without its slice."""
    return re.split(r"[\[(]", instruction)[0]


def taken(instruction: str, count: int) -> tuple[int, int]:
    """Return the first row and the one after the last, from 0, that an instruction selects from `count` rows.

    Return all rows if the instruction cannot be parsed.
    """
    found = INSTRUCTION.fullmatch(re.sub(r"\s", "", instruction))
    if found is None:
        return 0, count
    percent = bool(found["start_percent"] or found["stop_percent"])
    ends = []
    for text, otherwise in ((found["start"], 0), (found["stop"], count)):
        at = otherwise if text is None else int(text)
        if text is not None and percent:
            # What `datasets` does: a share of each hundred where asked, else to the nearest row.
            at = at * (count // 100) if found["rounding"] == "pct1_dropremainder" else round(at * count / 100.0)
        ends.append(min(max(count + at, 0) if at < 0 else at, count))
    return ends[0], max(ends)


def within(start: int, stop: int, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the part of a slice of consecutive files in each file: (first, after the last), counted from 0."""
    made = []
    before = 0
    for size in sizes:
        made.append((min(max(start - before, 0), size), min(max(stop - before, 0), size)))
        before += size
    return made
