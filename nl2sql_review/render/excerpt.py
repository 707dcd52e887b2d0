"""Source lines of a finding, with carets under the argument and a remark at each place of its trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Iterator, NamedTuple, Optional
from urllib.parse import quote

from ..report.report import Finding, Location, TraceStep
from .terminal import Terminal, cut, escape, escape_code, width

# The line a location starts on, without its end; None if it cannot be read.
LineOf = Callable[[Location], Optional[str]]


SHORTEST = 6  # cells of an underline that makes room for its label


class Remark(NamedTuple):
    location: Location
    label: str = ""
    primary: bool = False


def place(location: Location) -> str:
    """Return `path:row:column`, in a notebook `path:cell 3:row:column`; the path alone for a whole data file."""
    if not location.row:
        return escape(location.path)
    cell = "" if location.cell is None else f"cell {location.cell}:"
    return f"{escape(location.path)}:{cell}{location.row}:{location.column}"


def linked_place(location: Location, terminal: Terminal) -> str:
    """Return the place, as a link to the file if the terminal supports links."""
    text = place(location)
    if not terminal.links:
        return text
    address = f"file://{quote(os.path.abspath(location.path))}#{location.row}"
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


def gutter_of(finding: Finding) -> int:
    """Return the width in cells of the line numbers of a finding's excerpt."""
    return max(len(str(row)) for row in (finding.location.row, *(step.location.row for step in finding.trace)))


def excerpt(finding: Finding, line_of: LineOf, terminal: Terminal) -> Iterator[str]:
    """Yield the finding's place and its lines of code, then those of its trace in other files."""
    remarks = list(_remarks(finding, line_of))
    lines = {(r.location.path, r.location.cell, r.location.row): line_of(r.location) for r in remarks}
    gutter = gutter_of(finding)
    groups: dict[tuple[str, int | None], list[Remark]] = {}
    for remark in remarks:
        groups.setdefault((remark.location.path, remark.location.cell), []).append(remark)
    bar = terminal.paint(" " * gutter + " |", "place")
    for number, group in enumerate(groups.values()):
        arrow = terminal.paint(" " * gutter + (":::" if number else "-->"), "place")
        yield f"{arrow} {linked_place(group[0].location, terminal)}"
        group = [r for r in group if lines[r.location.path, r.location.cell, r.location.row] is not None]
        if not group:
            continue
        group.sort(key=lambda r: (r.location.row, not r.primary, r.location.column))
        last = group[0].location.row
        for index, remark in enumerate(group):
            row = remark.location.row
            if index == 0 or row != last:
                if row == last + 2 and (between := line_of(_line(remark.location, last + 1))) is not None:
                    yield _code(last + 1, between, gutter, terminal)
            line = lines[remark.location.path, remark.location.cell, row] or ""
            start, room = _window(remark.location, line, terminal.columns - gutter - 4)
            if index == 0 or row != last:
                yield _code(row, line, gutter, terminal, start, room)
            for carets in _carets(remark, line, finding, terminal, start, room):
                yield f"{bar} {carets}"
            last = row


def _remarks(finding: Finding, line_of: LineOf) -> Iterator[Remark]:
    """Yield the finding's own place, then the places that its value passed through, one per line of code."""
    here = finding.location
    yield Remark(here, "", True)
    seen: set[tuple[str, int | None, int]] = set()
    for number, step in enumerate(finding.trace):
        at = step.location
        line = (at.path, at.cell, at.row)
        if line in seen or ((at.path, at.cell) == (here.path, here.cell) and _overlap(at, here)):
            continue
        said = "and goes through here" if seen else "it goes through here" if number else "the value comes from here"
        seen.add(line)
        yield Remark(at, said if _is_code(step, line_of) else " ".join(step.text.split()))


def _overlap(a: Location, b: Location) -> bool:
    return (a.row, a.column) < (b.end_row, b.end_column) and (b.row, b.column) < (a.end_row, a.end_column)


def _is_code(step: TraceStep, line_of: LineOf) -> bool:
    """Return whether the text of a step repeats the code at its place, rather than describing it."""
    line = line_of(step.location) or ""
    last = step.location.end_column - 1 if step.location.end_row == step.location.row else None
    code = "".join(line[step.location.column - 1 : last].split())
    text = "".join(step.text.split())
    return not text or (bool(code) and (code in text or text.startswith(code[:12])))


def _line(location: Location, row: int) -> Location:
    return Location(location.path, row, 1, row, 1, location.cell)


def _window(location: Location, line: str, room: int) -> tuple[int, int]:
    """Return the first character to show and the number of cells, so that the place is in view on a long line."""
    room = max(room, 20)
    if width(escape_code(line)) <= room or width(escape_code(line[: location.end_column])) <= room - 2:
        return 0, room
    return max(min(location.column - 1 - room // 4, len(line) - room + 3), 0), room


def _code(row: int, line: str, gutter: int, terminal: Terminal, start: int = 0, room: int = 0) -> str:
    number = terminal.paint(f"{row:>{gutter}} |", "place")
    ellipsis = terminal.glyphs.ellipsis
    room = room or max(terminal.columns - gutter - 4, 20)
    text = (ellipsis if start else "") + escape_code(line[start:]).rstrip()
    if width(text) > room:
        text = cut(text, room - width(ellipsis)) + ellipsis
    return f"{number} {text}".rstrip()


def _carets(remark: Remark, line: str, finding: Finding, terminal: Terminal, start: int, room: int) -> Iterator[str]:
    """Yield the underline of the place with its label, below it if there is no room beside it."""
    at = remark.location
    ellipsis = width(terminal.glyphs.ellipsis) if start else 0
    first = min(max(at.column - 1, start), len(line))
    last = at.end_column - 1 if at.end_row == at.row else len(line.rstrip())
    before = min(ellipsis + width(escape_code(line[start:first])), room - 1)
    length = max(width(escape_code(line[first : max(last, first)])), 1)
    length = max(min(length, room - before), 1)
    mark = "^" if remark.primary else "-"
    style = finding.severity if remark.primary else "place"
    label = escape(remark.label)
    if width(label) > room:
        label = cut(label, room - width(terminal.glyphs.ellipsis)) + terminal.glyphs.ellipsis
    if label and not remark.primary:  # a long underline says no more than a short one: the label goes first
        length = max(min(length, room - before - 1 - width(label)), min(length, SHORTEST))
    if not label or before + length + 1 + width(label) <= room:
        yield " " * before + terminal.paint((mark * length + " " + label).rstrip(), style)
        return
    yield " " * before + terminal.paint(mark * length, style)
    yield " " * min(before, room - width(label)) + terminal.paint(label, style)
