"""Columns of a data file, by its beginning, so that a plain review does not have to read the whole file.

A schema of CSV, Parquet or Arrow gives the columns of all rows, and so does a file that is read whole. For a
larger file, the first rows are an example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..files import disk
from . import tables
from .formats import DataFile, Unreadable
from .records import Batch, Problem, read, row_of

WHOLE = 1_000_000  # bytes of a file that is read to its end
FIRST = 100  # rows read of a larger one


@dataclass(slots=True)
class Head:
    """Columns of a file's rows. `counts` gives how many of the `rows` that were read have each column.

    `whole`: these are all rows, or a schema holds for all rows. `missing` maps a column to the first row without
    it. `problem` is the reason why nothing is known.
    """

    path: str
    whole: bool = False
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    numbers: list[int] = field(default_factory=list)
    kept: list[frozenset[str]] = field(default_factory=list)
    texts: dict[str, bool] = field(default_factory=dict)  # column -> whether it held text where it first held anything
    problem: str = ""

    @classmethod
    def of_columns(cls, path: str, columns: Iterable[str]) -> Head:
        """Return the columns of a file all of whose rows have the same."""
        names = list(columns)
        return cls(path, True, 1, Counter(names), [1], [frozenset(names)])

    def lacking(self, column: str) -> int:
        """Return the number of the first row that lacks a column, or 0 if all rows that were read have it."""
        if not self.rows or self.counts[column] == self.rows:
            return 0
        return next((number for number, names in zip(self.numbers, self.kept) if column not in names), self.numbers[0])


def head(file: DataFile) -> Head:
    """Return the columns that the beginning of a file shows; the cache records what the result depends on."""
    made = Head(file.path)
    if not disk.data(file.path):
        made.problem = "the file does not exist"
        return made
    try:
        if file.format in ("parquet", "arrow"):
            return Head.of_columns(file.path, tables.columns(file))
    except Unreadable as error:
        made.problem = str(error)
        return made
    made.whole = disk.size(file.path) <= WHOLE and not file.packed
    for one in read(file):
        if isinstance(one, Problem):
            if not one.row and not made.rows:
                made.problem = one.message
            continue
        if file.format in ("csv", "tsv") and one.rows:
            row = one.rows[0]
            return Head.of_columns(file.path, row)
        if _add(made, one):
            break
    return made


def _add(made: Head, batch: Batch) -> bool:
    """Add the rows of a batch; return whether enough rows are read."""
    for number, row in zip(batch.numbers, batch.rows):
        if isinstance(row, str):
            try:
                row = row_of(row)
            except ValueError:
                continue
        made.rows += 1
        for name, value in row.items():
            if value is not None and name not in made.texts:
                made.texts[name] = isinstance(value, str)
        names = frozenset(row)
        made.counts.update(names)
        made.numbers.append(number)
        made.kept.append(_shared(made, names))
        if not made.whole and made.rows >= FIRST:
            return True
    return False


def _shared(made: Head, names: frozenset[str]) -> frozenset[str]:
    """Return the set of the row before if it is equal, as it is for most rows; otherwise the given set."""
    return made.kept[-1] if made.kept and made.kept[-1] == names else names
