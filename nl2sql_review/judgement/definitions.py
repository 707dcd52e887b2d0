"""Finds the functions, classes and statements around a row of a source, from its lexical outline."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from ..source.lexer import Lexer
from ..source.spans import Lines

if TYPE_CHECKING:
    from ..source import Source

_STATEMENT = re.compile(r"(?P<indent>[ \t\f]*)(?:(?:async[ \t]+)?(?:def|class)[ \t]+(?P<name>\w+))?")


class Definitions:
    """Lookup of the definitions and statements of one source. Rows are those of the file, or of a notebook cell."""

    def __init__(self, source: Source) -> None:
        self._rows_before = source.rows_before
        lexer = Lexer(Lines(source.text)).run()
        self._lines = lexer.lines
        self._rows = [first for first, _ in lexer.logical]
        self._ends = [last for _, last in lexer.logical]
        self._read: dict[int, tuple[int, str]] = {}

    def at(self, row: int, cell: int | None = None) -> str:
        """Return the names of the definitions around a row, outermost first, as `Trainer.build`; "" at top level."""
        index = bisect_right(self._rows, row + self._rows_before(cell)) - 1
        if index < 0:
            return ""
        inner, name = self._statement(index)
        names = [name] if name else []  # what stands in the header of a definition belongs to it
        while inner and index:
            index -= 1
            indent, name = self._statement(index)
            if indent < inner:
                inner = indent
                names += [name] if name else []
        return ".".join(reversed(names))

    def last_row(self, row: int, cell: int | None = None) -> int:
        """Return the last row of the statement at a row; for a compound statement, the last row of its header."""
        before = self._rows_before(cell)
        index = bisect_right(self._rows, row + before) - 1
        return max(self._ends[index] - before, row) if index >= 0 else row

    def _statement(self, index: int) -> tuple[int, str]:
        """(the indentation of a logical line in cells, the name it defines or "")."""
        if index not in self._read:
            match = _STATEMENT.match(self._lines[self._rows[index]])
            assert match is not None  # it matches the empty string
            self._read[index] = len(match["indent"].expandtabs()), match["name"] or ""
        return self._read[index]
