"""Reads the files of a report again for display: their lines, and places in them as stored."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..files import disk
from ..report.report import Edit, Location
from ..source import Source, SourceError, Span
from ..source.decoding import decode

if TYPE_CHECKING:
    from ..fixes.edits.stored import StoredCells


class Files:
    """Lines and places by location; None, or the location itself, if a file can no longer be read."""

    def __init__(self, stdin: tuple[str, bytes] | None = None) -> None:
        self._stdin = stdin
        self._source = lru_cache(maxsize=16)(self._read)  # findings come file by file; the traces of one go to a few
        self._stored = lru_cache(maxsize=4)(self._read_stored)

    def line(self, at: Location) -> str | None:
        """Return the line on which a location starts, without its line end."""
        source = self._source(at.path)
        return None if source is None else source.line(at.row, at.cell)

    def stored(self, at: Location) -> Location:
        """Return the place in the file itself: for a cell of a notebook, the place in the JSON."""
        if at.cell is None:
            return at
        cells = self._stored(at.path)
        span = cells.span(Span(at.row, at.column, at.end_row, at.end_column, at.cell)) if cells is not None else None
        if span is None:
            return Location(at.path, 1, 1, 1, 1)
        return Location(at.path, span.row, span.column, span.end_row, span.end_column)

    def stored_edit(self, edit: Edit) -> Edit:
        """Return the edit as one of the file itself: for a notebook the new text is written as JSON."""
        if edit.location.cell is None:
            return edit
        return replace(edit, location=self.stored(edit.location), content=json.dumps(edit.content)[1:-1])

    def bytes_before(self, at: Location) -> tuple[int, int]:
        """Return the number of UTF-8 bytes before the start of a stored place, and before its end, on their lines."""
        rows = self._stored(at.path) if at.path.endswith(".ipynb") else None
        counts = []
        for row, column in ((at.row, at.column), (at.end_row, at.end_column)):
            if rows is not None:
                line = rows.lines[row] if row <= len(rows.lines) else ""
            else:
                line = self.line(Location(at.path, row, 1, row, 1)) or ""
            before = line[: column - 1]
            counts.append(len(before.encode("utf-8", "surrogatepass")) + column - 1 - len(before))
        return counts[0], counts[1]

    def _read(self, path: str) -> Source | None:
        """Return the text of a file; characters that are not valid text are replaced."""
        data = self._bytes(path)
        if data is None:
            return None
        try:
            return Source.from_bytes(data, path)
        except SourceError:
            pass
        try:
            return Source(path, data[:100_000].decode("utf-8", "replace"))
        except SourceError:  # a notebook whose JSON is broken
            return None

    def _read_stored(self, path: str) -> StoredCells | None:
        from ..fixes.edits.stored import StoredCells  # of notebooks alone: the fixers load LibCST

        data = self._bytes(path)
        try:
            return None if data is None else StoredCells(decode(data, cookie=False)[0])
        except (SourceError, ValueError, IndexError, TypeError):  # changed since it was reviewed
            return None

    def _bytes(self, path: str) -> bytes | None:
        if self._stdin is not None and path == self._stdin[0]:
            return self._stdin[1]
        try:
            return disk.script(path)
        except (OSError, ValueError):
            return None
