"""Converts places of a report to the protocol: rows and columns from 0, columns in the client's units, cells as files.

A report counts from 1 and in code points; a client counts in UTF-16 units unless otherwise agreed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Protocol

from lsprotocol.types import Location as Target
from lsprotocol.types import Position, PositionEncodingKind, Range

from ...report.report import Location
from ...source.spans import Lines
from .documents import Documents


class Placed(Protocol):
    """A Location or a Span."""

    @property
    def row(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def end_row(self) -> int: ...
    @property
    def end_column(self) -> int: ...


class Positions:
    """Converts places for one client; `encoding` is the agreed one."""

    def __init__(self, documents: Documents, encoding: str = PositionEncodingKind.Utf16) -> None:
        self.documents = documents
        self._units = _in(encoding)

    def uri(self, at: Location) -> str:
        """Return the URI of the file, or the cell, of a place."""
        return self.documents.uri(at.path, at.cell)

    def range(self, at: Location) -> Range:
        """Return a place as a range of its file; for a notebook that is open as text, its first line."""
        uri = self.uri(at)
        if at.cell is not None and self.documents.cell_of(uri) is None:
            return Range(Position(0, 0), Position(0, 0))
        return self.range_in(uri, at)

    def mark(self, at: Location) -> Range:
        """Return the part of a place that an editor underlines: its first line, as calls may be long."""
        whole = self.range(at)
        if whole.start.line == whole.end.line:
            return whole
        uri = self.uri(at)
        return Range(whole.start, self.position(uri, at.row, len(self.documents.line(uri, at.row).rstrip()) + 1))

    def range_in(self, uri: str, at: Placed) -> Range:
        """Return rows and columns of a file as a range."""
        return Range(self.position(uri, at.row, at.column), self.position(uri, at.end_row, at.end_column))

    def target(self, at: Location) -> Target:
        return Target(self.uri(at), self.range(at))

    def named(self, path: str, row: int, cell: int | None = None) -> str:
        """Return a place in words: `train.py:5`, `train.ipynb:cell 2:5`; of joined cells their line."""
        document = self.documents.of_path(path)
        if document is not None and document.joined:
            return f"line {row} of all cells"
        return f"{path.rpartition('/')[2]}:{f'cell {cell}:' if cell is not None else ''}{row}"

    def renamed(self, message: str) -> str:
        """Return a message in which places in joined cells are named as lines of theirs."""
        for document in self.documents:
            if document.joined:
                name = re.escape(os.path.basename(document.path))
                message = re.sub(rf"(?:[^\s()]{{0,200}}/)?{name}:(\d+)", r"line \1 of all cells", message)
        return message

    def position(self, uri: str, row: int, column: int) -> Position:
        """Return the position in a document for a row and column from 1, in the client's units."""
        before = self.documents.line(uri, max(row, 1))[: max(column - 1, 0)]
        return Position(max(row - 1, 0), self._units(before))

    def place(self, uri: str, position: Position) -> tuple[int, int]:
        """Return the (row, column) of a position in an open file."""
        line = self.documents.line(uri, position.line + 1)
        return position.line + 1, _characters(line, position.character, self._units) + 1


def offset(lines: Lines, position: Position, encoding: str | None) -> int:
    """Return the offset of a client's position in a text; of one beyond its line, or beyond the text, the end."""
    if position.line >= len(lines):
        return len(lines.text)
    return lines.starts[position.line] + _characters(lines[position.line + 1], position.character, _in(encoding))


def _characters(line: str, units: int, measured: Callable[[str], int]) -> int:
    """Return how many characters of a line make so many units, at most all."""
    if line.isascii():
        return min(units, len(line))
    for index, character in enumerate(line):
        if units <= 0:
            return index
        units -= measured(character)
    return len(line)


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


_UNITS: dict[str, Callable[[str], int]] = {
    PositionEncodingKind.Utf16: _utf16,
    PositionEncodingKind.Utf8: _utf8,
    PositionEncodingKind.Utf32: len,
}


def _in(encoding: str | None) -> Callable[[str], int]:
    return _UNITS.get(encoding or PositionEncodingKind.Utf16, _utf16)
