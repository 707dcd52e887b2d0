"""Edits by place on the bytes of a file: everything outside them stays as it is, byte for byte.

A place is that of a report: rows and columns of the file, or of one cell of a notebook. The text of a cell is
stored in JSON and is edited there.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable

from ...report.report import Edit, Location
from ...source import kind_of
from ...source.decoding import decode
from ...source.spans import Lines
from .stored import CHARACTER, cell_sources, strings_of


class EditError(Exception):
    """Raised if edits overlap, lie outside the text, or cannot be written in the file's encoding."""


def applied(data: bytes, path: str, edits: Iterable[Edit]) -> bytes:
    """Return the file's bytes with the edits made. Raises EditError."""
    notebook = kind_of(path) == "notebook"
    text, encoding, bom = decode(data, cookie=kind_of(path) == "script")
    mark = codecs.BOM_UTF8 if bom else b""
    try:
        if mark + text.encode(encoding) != data:
            raise EditError(f"the file cannot be written back as it is in {encoding}")
        made = _in_cells(text, edits) if notebook else spliced(text, edits)
        return mark + made.encode(encoding)
    except UnicodeEncodeError:
        raise EditError(f"the text cannot be encoded in {encoding}") from None


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with edits made, whose places are those of the text before."""
    lines = Lines(text)
    made = [text]
    for start, end, content in reversed(_offsets(lines, edits)):
        head = made.pop()
        made += [head[end:], content, head[:start]]
    return "".join(reversed(made))


def overlap(a: Location, b: Location) -> bool:
    """Return whether two edits exclude each other: they overlap, or both insert at one point in no defined order."""
    if (a.path, a.cell) != (b.path, b.cell):
        return False
    (a_start, a_end), (b_start, b_end) = _ends(a), _ends(b)
    return a_start < b_end and b_start < a_end or a_start == b_start


def _ends(at: Location) -> tuple[tuple[int, int], tuple[int, int]]:
    return (at.row, at.column), (at.end_row, at.end_column)


def _offsets(lines: Lines, edits: Iterable[Edit]) -> list[tuple[int, int, str]]:
    """Return (start, end, content) in the text, in order. Raises EditError for overlaps and for missing places."""
    found = []
    for edit in edits:
        (row, column), (end_row, end_column) = _ends(edit.location)
        if not 1 <= row <= end_row <= len(lines):
            raise EditError(f"there is no row {end_row}")
        start, end = lines.starts[row - 1] + column - 1, lines.starts[end_row - 1] + end_column - 1
        if not start <= end <= len(lines.text):
            raise EditError(f"there is no column {end_column} in row {end_row}")
        found.append((start, end, edit.content))
    found.sort(key=lambda one: one[:2])
    for before, after in zip(found, found[1:]):
        if after[0] < before[1] or after[0] == before[0]:
            raise EditError("two edits overlap")
    return found


# -- notebooks ---------------------------------------------------------------------------------------------------


def _in_cells(text: str, edits: Iterable[Edit]) -> str:
    by_cell: dict[int, list[Edit]] = {}
    for edit in edits:
        if edit.location.cell is None:
            raise EditError("an edit of a notebook names its cell")
        by_cell.setdefault(edit.location.cell, []).append(edit)
    sources = cell_sources(text)
    for number in sorted(by_cell, reverse=True):
        place = sources[number - 1] if 1 <= number <= len(sources) else None
        if place is None:
            raise EditError(f"there is no code in cell {number}")
        start, end = place
        text = text[:start] + _rewritten(text[start:end], by_cell[number], text.isascii()) + text[end:]
    return text


def _rewritten(source: str, edits: list[Edit], ascii_only: bool) -> str:
    """Return the JSON of a cell's source (a string, or a list of strings) with the edits made in its text."""
    cell = _Cell(source)
    for start, end, content in reversed(_offsets(Lines("".join(cell.texts)), edits)):
        cell = cell.edited(start, end, json.dumps(content, ensure_ascii=ascii_only)[1:-1])
    return cell.source


class _Cell:
    """Source of a cell in JSON: its strings, their texts, and the offset of each character of these, escaped or not."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.strings = strings_of(source)
        self.texts = [json.loads(source[start:end]) for start, end in self.strings]
        self.characters = [
            [m.start() + start + 1 for m in CHARACTER.finditer(source[start + 1 : end - 1])] + [end - 1]
            for start, end in self.strings
        ]

    def edited(self, start: int, end: int, escaped: str) -> _Cell:
        """Return the cell with other text between two offsets of the whole text."""
        first, at = self._find(start, end == start)
        last, until = self._find(end, True) if end > start else (first, at)
        if any(len(self.characters[k]) != len(self.texts[k]) + 1 for k in (first, last)):
            raise EditError("the notebook contains half of a surrogate pair")
        head = self.source[self.strings[first][0] + 1 : self.characters[first][at]]
        tail = self.source[self.characters[last][until] : self.strings[last][1] - 1]
        return _Cell(self._put(first, last, head + escaped + tail))

    def _put(self, first: int, last: int, raw: str) -> str:
        """Replace strings `first` to `last` by one or, in a list, by one per line as Jupyter writes it."""
        source, strings = self.source, self.strings
        start, end = strings[first][0], strings[last][1]
        if source[0] != "[":
            return source[:start] + f'"{raw}"' + source[end:]
        between = source[strings[0][1] : strings[1][0]] if len(strings) > 1 else "," + source[1 : strings[0][0]]
        pieces = re.findall(r"(?:[^\\]|\\(?!n).)*?\\n|(?:[^\\]|\\(?!n).)+\Z", raw, re.DOTALL)
        if not pieces and last + 1 < len(strings):  # the lines are gone, and the comma after them
            end = strings[last + 1][0]
        elif not pieces and first > 0:
            start = strings[first - 1][1]
        return source[:start] + between.join(f'"{piece}"' for piece in pieces) + source[end:]

    def _find(self, offset: int, at_end: bool) -> tuple[int, int]:
        """Return the string at an offset, and the offset in it; `at_end`: the end of a string counts too."""
        for number, text in enumerate(self.texts):
            ends_here = number == len(self.texts) - 1 or at_end and not text.endswith("\n")
            if offset < len(text) or offset == len(text) and ends_here:
                return number, offset
            offset -= len(text)
        raise EditError("there is no code in this cell")
