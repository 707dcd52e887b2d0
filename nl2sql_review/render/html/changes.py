"""Lines that a fix changes, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from ...report.report import Edit, Fix, Location
from ..excerpt import LineOf


class ChangedLine(NamedTuple):
    kind: str  # "removed" or "added"
    sign: str
    line: str


def changed_lines(fix: Fix, line_of: LineOf) -> Iterator[tuple[str, list[ChangedLine]]]:
    """Yield (place, lines) for each run of lines that edits of the fix touch, by file, cell and row."""
    for group in _groups(fix.edits):
        at = group[0].location
        last = max(edit.location.end_row for edit in group)
        rows = [line_of(replace(at, row=row, column=1)) for row in range(at.row, last + 1)]
        if any(row is None for row in rows):
            continue
        old = [row or "" for row in rows]
        cell = "" if at.cell is None else f"cell {at.cell}:"
        new = _edited(old, group, at.row)
        removed = [ChangedLine("removed", "-", line) for line in old]
        added = [ChangedLine("added", "+", line) for line in new]
        if len(new) > len(old) and new[-len(old) :] == old:  # lines put before it
            removed, added = [], added[: len(new) - len(old)]
        yield f"{at.path}:{cell}{at.row}", removed + added


def _groups(edits: tuple[Edit, ...]) -> Iterator[list[Edit]]:
    """Yield groups of edits that share a line, in the order of the text."""
    group: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.location.path, e.location.cell or 0, e.location.row, e.location.column)):
        if group and not _touch(group[-1].location, edit.location):
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _touch(one: Location, other: Location) -> bool:
    return (one.path, one.cell) == (other.path, other.cell) and other.row <= one.end_row


def _edited(lines: list[str], edits: list[Edit], first: int) -> list[str]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    text = "\n".join(lines) + "\n"
    for edit in reversed(edits):
        at = edit.location
        start = starts[at.row - first] + at.column - 1
        end = starts[at.end_row - first] + at.end_column - 1
        text = text[:start] + edit.content + text[end:]
    return text.removesuffix("\n").split("\n")
