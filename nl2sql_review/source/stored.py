"""Where the code of a notebook stands in its file: the line and column of the JSON that holds it.

Whoever shows the file itself (a diff, a pull request, an editor without notebooks) knows these places only.
"""

from __future__ import annotations

import json
import re
from typing import Any

from nl2sql_review.source.spans import Lines, Span

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]', re.DOTALL)
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_CODE = ("source", "input")  # of format 4, of format 3


_Strings = dict[str, list[tuple[int, int]]]  # by key: where each string starts and ends, without its quotes


class StoredCells:
    """Made from the JSON of a notebook, which must be valid. Cells are numbered as everywhere, over all kinds."""

    def __init__(self, text: str) -> None:
        self.lines = Lines(text)
        self._cells = _cells(text)
        self._maps: dict[int | None, tuple[Lines, list[int]]] = {}

    def span(self, at: Span) -> Span | None:
        """The place in the file of a place in a cell; None when there is no such cell, or no such row in it."""
        start = self._offset(at.cell, at.row, at.column)
        if start is None:
            return None
        end = self._offset(at.cell, at.end_row, at.end_column, behind=True)
        row, column = self.lines.place(start)
        end_row, end_column = self.lines.place(max(end if end is not None else start, start))
        return Span(row, column, end_row, end_column)

    def _offset(self, cell: int | None, row: int, column: int, behind: bool = False) -> int | None:
        """Where the character at (row, column) starts in the file; `behind`: where the one before it ends."""
        lines, starts = self._map(cell)
        if not 1 <= row <= len(lines):
            return None
        index = min(lines.starts[row - 1] + column - 1, len(starts) // 2)
        if behind and index:
            return starts[2 * index - 1]
        return starts[2 * index] if 2 * index < len(starts) else starts[-1] if starts else None

    def _map(self, number: int | None) -> tuple[Lines, list[int]]:
        """(the code of a cell, the offsets where each of its characters starts and ends in the file)."""
        if number not in self._maps:
            offsets: list[int] = []
            code = []
            strings = self._cells.get(number or 0, {})
            for start, end in next((strings[key] for key in _CODE if key in strings), []):
                for match in _CHARACTER.finditer(self.lines.text, start, end):
                    offsets += (match.start(), match.end())
                    code.append(json.loads(f'"{match[0]}"') if match[0][0] == "\\" else match[0])
            self._maps[number] = Lines("".join(code)), offsets
        return self._maps[number]


def _cells(text: str) -> dict[int, _Strings]:
    """By the number of a cell its strings of code. Follows the brackets; what is no notebook has no cells."""
    found: dict[int, _Strings] = {}
    path: list[Any] = []  # of the open brackets: the key under way, or the index in a list
    awaited = ""  # a string that is a key if a colon follows
    before = number = 0  # cells of earlier worksheets, cells so far
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "{":
            path.append(None)
            if _is_cell(path[:-1]):
                number = before + path[-2] + 1
                found[number] = {}
        elif token == "[":
            if _is_cell([*path, 0]):
                before = number
            path.append(0)
        elif token in "]}":
            path.pop()
        elif token == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif token == ":":
            path[-1] = json.loads(awaited)
            if _is_cell(path[:-1]):
                found[number].pop(path[-1], None)  # of a key given twice, the last counts
        else:
            awaited = token
            where = path[:-1] if path and isinstance(path[-1], int) else path  # code may be a list of strings
            if where and where[-1] in _CODE and _is_cell(where[:-1]):
                found[number].setdefault(where[-1], []).append((match.start() + 1, match.end() - 1))
    return found


def _is_cell(path: list[Any]) -> bool:
    """Whether a path leads to an element of the list of cells: in format 4 of the notebook, in 3 of a worksheet."""
    match path:
        case ["cells", int()] | ["worksheets", int(), "cells", int()]:
            return True
    return False
