"""One row as the model will see it: its training text, line by line, and the lines that the loss is on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..data_files.records import Batch, read, row_of
from .check import Checked, Result
from .checker import Checker


@dataclass(frozen=True, slots=True)
class Example:
    """First row of a file whose text is known; for each line, whether the loss is on it."""

    path: str
    row: int
    lines: tuple[tuple[str, bool], ...]


def examples(result: Result) -> Iterator[Example]:
    """Yield one row of every file that is used for training."""
    for one in result.checked:
        if one.role == "train" and one.program.texts:
            example = _of(one)
            if example is not None:
                yield example


def _of(one: Checked) -> Example | None:
    checker = Checker({**one.program.plain(), "sql": False})
    for batch in read(one.file, one.feed.rows.records):
        if not isinstance(batch, Batch):
            continue
        tried = 0
        for number, row in zip(batch.numbers, batch.rows):
            if one.chosen is not None and number not in one.chosen:
                continue
            if (tried := tried + 1) > 50:
                return None
            try:
                made = row_of(row) if isinstance(row, str) else row
            except ValueError:
                continue
            pieces = checker.pieces(made)
            if pieces is not None:
                return Example(one.file.path, number, tuple(_lines(pieces, one.learnt)))
        if tried:
            return None
    return None


def _lines(pieces: list[tuple[str, bool]], learnt: str) -> Iterator[tuple[str, bool]]:
    """Yield whole lines; a line that is partly in the loss is split where the loss begins."""
    line, marked = "", False
    for text, answer in pieces:
        on = learnt == "all" or (answer and learnt != "nothing")
        if line and on != marked:
            yield line, marked
            line = ""
        marked = on
        *whole, line = (line + text).split("\n")
        for each in whole:
            yield each, marked
    if line:
        yield line, marked
