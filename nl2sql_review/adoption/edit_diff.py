"""Finds what an edit of a file touched or caused: compares the reviews before and after it, line by line."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from ..report.report import ChecklistItem, FileReport, Finding, Location
from ..source import Source, SourceError

Row = tuple[int | None, int]  # a line of a file: its cell (None in a script) and its row there


HUNKS = 1_000  # of a patch that is undone; each costs a copy of the text


class DoesNotFit(ValueError):
    """Error for a patch that did not produce this text."""


def undone(text: str, patch: Sequence[dict[str, Any]]) -> str:
    """Return the text before a patch, given as hunks {newStart, lines}, each line marked "+", "-" or " ".

    Raises DoesNotFit if the text is not the result of the patch, for example if the file has changed since.
    """
    lines = text.split("\n")
    if len(patch) > HUNKS:
        raise DoesNotFit
    for hunk in reversed(patch):
        marked = [line for line in hunk["lines"] if not line.startswith("\\")]  # "\ No newline at end of file"
        after = [line[1:] for line in marked if line[:1] != "-"]
        before = [line[1:] for line in marked if line[:1] != "+"]
        start = max(hunk["newStart"] - 1, 0)
        if [line.rstrip("\r") for line in lines[start : start + len(after)]] != [line.rstrip("\r") for line in after]:
            raise DoesNotFit
        lines[start : start + len(after)] = before
    return "\n".join(lines)


@dataclass(frozen=True)
class Edit:
    """New lines of `after`, and the new positions of the other lines of `before`."""

    path: str
    touched: frozenset[Row]
    moved: dict[Row, Row]

    @classmethod
    def between(cls, before: Source, after: Source) -> Edit:
        """Return the edit that leads from one state of a script to another; rows that only moved count as kept."""
        old, new = before.rows(), after.rows()
        moved = {
            old[a + i][:2]: new[b + i][:2]
            for a, b, size in _alike([r[2] for r in old], [r[2] for r in new])
            for i in range(size)
        }
        kept = set(moved.values())
        return cls(after.path, frozenset(row[:2] for row in new if row[:2] not in kept), moved)

    def touches(self, finding: Finding) -> bool:
        """Return whether the finding, or a place that its value passed through, is on a new line."""
        return stands_on(finding, lambda path: self.touched if path == self.path else frozenset())

    def identity(self, finding: Finding, old: bool) -> tuple[Any, ...]:
        """Return what identifies a finding both before and after the edit: rule, place, value and message."""
        at: Location = finding.location
        row = (at.cell, at.row)
        place = self.moved.get(row) if old and at.path == self.path else row
        return finding.rule, at.path, place, at.column, repr(finding.value), without_places(finding.message)


def stands_on(finding: Finding, touched: Callable[[str], Container[Row]]) -> bool:
    """Return whether the finding, or a place that its value passed through, is on a line of `touched`, by path."""
    return any(
        (at.cell, row) in touched(at.path)
        for at in (finding.location, *(step.location for step in finding.trace))
        for row in range(at.row, max(at.end_row - (at.end_column == 1), at.row) + 1)
    )


def _alike(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the runs of unchanged lines: (start in `old`, start in `new`, length)."""
    same = min(len(old), len(new))
    head = next((i for i in range(same) if old[i] != new[i]), same)
    same -= head
    tail = next((i for i in range(same) if old[-1 - i] != new[-1 - i]), same)
    yield 0, 0, head
    # Only what lies between is compared, whose cost grows with its square.
    middle, other = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle) * len(other) > SQUARE:
        stayed = [(a, b, 1) for a, b in _unique_in_order(middle, other)]
    else:
        stayed = [(a, b, size) for a, b, size in SequenceMatcher(None, middle, other).get_matching_blocks()]
    yield from ((head + a, head + b, size) for a, b, size in stayed)
    yield len(old) - tail, len(new) - tail, tail


SQUARE = 1_000_000  # pairs of lines that are compared; of more, only lines that stand once in both texts are


def _unique_in_order(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return the longest run of pairs (index in `old`, index in `new`) of lines unique in both texts and in order."""
    often, again = Counter(old), Counter(new)
    where = {line: b for b, line in enumerate(new) if again[line] == 1}
    pairs = [(a, where[line]) for a, line in enumerate(old) if often[line] == 1 and line in where]
    ends: list[int] = []  # of the best run of each length, the last number in `new`
    best: list[int] = []  # its pair
    before: list[int] = []  # of each pair, the pair before it in its run
    for number, (_, b) in enumerate(pairs):
        length = bisect_left(ends, b)
        before.append(best[length - 1] if length else -1)
        ends[length : length + 1] = [b]
        best[length : length + 1] = [number]
    run, number = [], best[-1] if best else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]


_PLACE = re.compile(r":(?:cell \d+:)?\d+\b")


def without_places(message: str) -> str:
    """Return a message without its line numbers, which change with every line above."""
    return _PLACE.sub("", message)


def narrowed(now: FileReport, after: Source, before: str, review: Callable[[bytes], FileReport]) -> FileReport:
    """Return the report with only the findings and unknown items that the edit touched or caused.

    `before` is the text before the edit, `review` reviews it. Everything is kept if that text cannot be read.
    """
    try:
        old = Source(after.path, before, encoding=after.encoding, bom=after.bom)
        data = after.to_bytes(before)
    except (SourceError, UnicodeError):
        return now
    edit = Edit.between(old, after)
    earlier = review(data)
    if earlier.status != "reviewed":  # what could not be judged before was not there before
        return now
    known = Counter(edit.identity(f, old=True) for f in earlier.findings if f.suppressed is None)
    findings = []
    for finding in now.findings:
        identity = edit.identity(finding, old=False)
        there_before = known[identity] > 0
        known[identity] -= there_before
        if not there_before or edit.touches(finding):
            findings.append(finding)
    undecided = {item.rule for item in earlier.checklist if item.verdict == "unknown"}
    checklist: tuple[ChecklistItem, ...] = tuple(
        item for item in now.checklist if item.verdict != "unknown" or item.rule not in undecided
    )
    return replace(now, findings=tuple(findings), checklist=checklist)
