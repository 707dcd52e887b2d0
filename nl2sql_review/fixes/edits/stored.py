"""Places of a notebook's code in its file: the line and column of the JSON that holds it.

Tools that show the file itself (a diff, a pull request, an editor without notebooks) use only these places,
and edits by these places leave the rest of the JSON as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ...source.spans import Lines, Span

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
CHARACTER = re.compile(  # one character of a text, as a string of JSON has it
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
Strings = list[tuple[int, int]]  # where the strings of a cell's source stand in the JSON, quotes included


class StoredCells:
    """Cells in the JSON of a notebook, which must be valid. Cells of all kinds are numbered together, as everywhere."""

    def __init__(self, text: str) -> None:
        self.lines = Lines(text)
        self._sources = cell_sources(text)
        self._maps: dict[int | None, tuple[Lines, list[int]]] = {}

    def span(self, at: Span) -> Span | None:
        """Return the place in the file for a place in a cell, or None if the cell, or the row in it, does not exist."""
        start = self._offset(at.cell, at.row, at.column)
        if start is None:
            return None
        end = self._offset(at.cell, at.end_row, at.end_column, behind=True)
        row, column = self.lines.place(start)
        end_row, end_column = self.lines.place(max(end if end is not None else start, start))
        return Span(row, column, end_row, end_column)

    def _offset(self, cell: int | None, row: int, column: int, behind: bool = False) -> int | None:
        """Return the offset in the file of the character at (row, column); `behind`: the end of the one before it."""
        lines, starts = self._map(cell)
        if not 1 <= row <= len(lines):
            return None
        index = min(lines.starts[row - 1] + column - 1, len(starts) // 2)
        if behind and index:
            return starts[2 * index - 1]
        return starts[2 * index] if 2 * index < len(starts) else starts[-1] if starts else None

    def _map(self, number: int | None) -> tuple[Lines, list[int]]:
        """Return (the code of a cell, the offsets where each of its characters starts and ends in the file)."""
        if number not in self._maps:
            offsets: list[int] = []
            code = []
            place = self._sources[number - 1] if number is not None and 1 <= number <= len(self._sources) else None
            first, last = place or (0, 0)
            for start, end in strings_of(self.lines.text[first:last]) if place else ():
                for match in CHARACTER.finditer(self.lines.text, first + start + 1, first + end - 1):
                    offsets += (match.start(), match.end())
                    code.append(json.loads(f'"{match[0]}"') if match[0][0] == "\\" else match[0])
            self._maps[number] = Lines("".join(code)), offsets
        return self._maps[number]


def cell_sources(text: str) -> list[tuple[int, int] | None]:
    """Return the place of every cell's source in a notebook's JSON, None for a cell without one."""
    found: list[tuple[int, int] | None] = []
    top = dict(_members(text, _skip(text, 0)))
    groups = [top["cells"]] if "cells" in top else []
    if not groups and "worksheets" in top:  # format 3
        groups = [
            sheet["cells"]
            for at, _ in _elements(text, top["worksheets"][0])
            if "cells" in (sheet := dict(_members(text, at)))
        ]
    for start, _ in groups:
        for at, _ in _elements(text, start):
            members = dict(_members(text, at)) if text[at] == "{" else {}
            found.append(members.get("source", members.get("input")))
    return found


def strings_of(source: str) -> Strings:
    """Return the places of the strings in a cell's source, a string or a list of strings; none if it is neither."""
    if source[0] == '"':
        return [(0, len(source))]
    return [(s, e) for s, e in _elements(source, 0) if source[s] == '"'] if source[0] == "[" else []


def _members(text: str, at: int) -> Iterable[tuple[str, tuple[int, int]]]:
    """Yield the members of the JSON object that starts at `at`: the key, and the place of its value."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, end) + 1)
        end = _end(text, start)
        yield key, (start, end)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _elements(text: str, at: int) -> Iterable[tuple[int, int]]:
    """Yield the places of the elements of the JSON array that starts at `at`."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _end(text, at)
        yield at, end
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _end(text: str, start: int) -> int:
    return _DECODER.raw_decode(text, start)[1]


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string too
