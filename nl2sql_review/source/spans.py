"""Places in a source, the errors with such places, and the table of a text's lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

NEWLINE = re.compile(r"\r\n?|\n")  # what Python calls a line end; str.splitlines() knows more of them
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Span:
    """A range from (row, column) up to but not including (end_row, end_column).

    1-based, columns count code points. `cell` is the 1-based index over all cells of a notebook, and rows then count
    within that cell; it is None in a script.
    """

    row: int
    column: int
    end_row: int
    end_column: int
    cell: int | None = None


class SourceError(Exception):
    """Raised if a file, or a cell of a notebook, cannot be read.

    `rule` is "file/unreadable" (there is no text) or "file/syntax" (the text is not Python, or not JSON), `message`
    one line for users, `span` the place.
    """

    def __init__(self, rule: str, message: str, span: Span) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.span = span


def point(row: int, column: int, cell: int | None = None) -> Span:
    """Return the span of the one character at (row, column)."""
    return Span(row, column, row, column + 1, cell)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends; a form feed or U+2028 ends none, unlike in `str.splitlines`."""
    return _LINE.findall(text)


class Lines:
    """Starts and ends of the lines of `text`. Rows and columns are 1-based, offsets 0-based."""

    __slots__ = ("text", "starts", "_ends")

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        self._ends: list[int] = []
        if "\r" in text:
            for match in NEWLINE.finditer(text):
                self._ends.append(match.start())
                self.starts.append(match.end())
            self._ends.append(len(text))
        else:
            position = 0
            for line in text.split("\n"):
                position += len(line)
                self._ends.append(position)
                position += 1
                self.starts.append(position)
            self.starts.pop()

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> str:
        """Return the line without its line end."""
        return self.text[self.starts[row - 1] : self._ends[row - 1]]

    def place(self, offset: int) -> tuple[int, int]:
        """Return the (row, column) of an offset."""
        row = bisect_right(self.starts, offset)
        return row, offset - self.starts[row - 1] + 1
