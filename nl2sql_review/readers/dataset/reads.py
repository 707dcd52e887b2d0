"""Reads of columns in the holes of training texts: by one name, by `.get` or by alternatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator

from ...interpret.core.datasets import Dataset, Row
from ...source.spans import Span
from ...training_plan.values import Either, Place, Term, Text
from ..derive import plain
from ..prompt.training_text import TrainingText
from ..run import Run
from .columns import columns_read, reading
from .rows import row_of

if TYPE_CHECKING:
    import libcst as cst

ROLES = ("question", "sql", "schema")


@dataclass(slots=True)
class Read:
    """An expression that reads a row: `ex["a"]` (bare), `ex.get("a", …)` (get), or alternatives joined by `or`."""

    how: str
    role: str
    columns: tuple[str, ...]
    owner: Row | str | None  # a row of a dataset, or the expression of what else is read, such as a line of a file
    term: Term

    @property
    def dataset(self) -> Any:
        """The dataset of the row; for other owners their expression, so that two files are distinct."""
        return self.owner.dataset if isinstance(self.owner, Row) else self.owner

    @property
    def origin(self) -> Any:
        """Key of a dataset, by the calls that loaded it: each step makes a new dataset of the same rows."""
        if isinstance(self.dataset, Dataset) and self.dataset.sources:
            return tuple(id(call) for call in self.dataset.sources)
        return self.dataset if isinstance(self.dataset, str) else id(self.dataset)

    @property
    def place(self) -> Place | None:
        """The expression that reads the column."""
        return self.term.trace[0] if self.term.trace else None

    @property
    def site(self) -> Any:
        """The expression in the source: one expression for several datasets is one site."""
        return id(self.place.node) if self.place is not None else self.term.text

    @property
    def guarded(self) -> bool:
        """Whether `if "a" in ex:` encloses `ex["a"]`: a row without the column takes another branch.

        It guards nothing in rows of a mix, which have every column.
        """
        return not self.mixed and self.place is not None and is_guarded(self.place, self.columns[-1])

    @property
    def mixed(self) -> bool:
        """Whether the rows are those of several datasets."""
        return isinstance(self.dataset, Dataset) and self.dataset.mixed is not None


def reads_of(texts: list[TrainingText]) -> Iterator[Read]:
    """Yield the reads of columns in the holes of the texts, once for each role that a hole has."""
    for piece in (piece for text in texts for pieces in text.texts for piece in pieces if piece.hole is not None):
        for role in ROLES:
            if role in piece.roles:
                for one in _reads(piece.hole, 0):
                    one.role = role
                    yield one


def every_read(run: Run, texts: list[TrainingText]) -> list[Read]:
    """Return the reads of columns that the training script itself makes in the texts, whatever they hold."""
    holes = (piece.hole for text in texts for pieces in text.texts for piece in pieces)
    return [one for hole in holes if hole is not None for one in _reads(hole, 0) if is_own(run, one)]


def _reads(value: object, depth: int) -> Iterator[Read]:
    """Yield the outermost reads of an expression: the fallback of a `.get` belongs to it and is not a separate read."""
    if depth > 10:
        return
    if isinstance(value, Text):
        for part in value.parts:
            yield from _reads(part, depth + 1)
    elif isinstance(value, Either):
        for option in value.options:
            yield from _reads(option, depth + 1)
    elif isinstance(value, Term):
        read = reading(value)
        if len(read) > 1 and isinstance(plain(read[1]), str):
            owner = row_of(value) or (read[0].text if isinstance(read[0], Term) else None)
            if owner is not None:
                yield Read(
                    "bare" if value.operation == "item" else "get",
                    "",
                    tuple(dict.fromkeys(columns_read(value))),
                    owner,
                    value,
                )
            return
        if value.operation == "or":
            columns = tuple(dict.fromkeys(columns_read(value)))
            if columns:
                yield Read(
                    "or" if len(columns) > 1 else "get",
                    "",
                    columns,
                    next((r.owner for a in value.args for r in _reads(a, depth + 1)), None),
                    value,
                )
            return
        for arg in value.args:
            yield from _reads(arg, depth + 1)


def is_own(run: Run, read: Read) -> bool:
    """Return whether a read is one of the training script, and not of another that writes its rows."""
    own = run.sources
    loads = read.dataset.sources if isinstance(read.dataset, Dataset) else ()
    places = [*(call.place for call in loads if call is not None), read.term.place or read.place]
    return all(place is None or any(place.source is source for source in own) for place in places)


def is_guarded(place: Place, column: str) -> bool:
    """Return whether all reads of a column by subscript at a place are reached only if the same row has it."""
    if isinstance(place.node, Span):
        return False
    import libcst as cst

    from ...source.syntax import walk

    nodes = place.source.nodes
    found = [n for n in walk(place.node) if isinstance(n, cst.Subscript) and _key_of(n) == column]
    return bool(found) and all(_encloses(nodes.path(one), one.value, column) for one in found)


def _key_of(node: cst.Subscript) -> object:
    """Return the string that a subscript is given, or None."""
    import libcst as cst

    index = node.slice[0].slice if len(node.slice) == 1 else None
    key = index.value if isinstance(index, cst.Index) else None
    return key.evaluated_value if isinstance(key, cst.SimpleString) else None


def _encloses(path: list[cst.CSTNode], row: cst.BaseExpression, column: str) -> bool:
    """Return whether a branch on the path to a read is taken only if the row has the column."""
    import libcst as cst

    return any(
        isinstance(outer, (cst.If, cst.IfExp))
        and inner is outer.body
        and any(_asks_for(test, column, row) for test in _all_of(outer.test))
        for outer, inner in zip(path, path[1:])
    )


def _all_of(test: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return the conditions that all hold where a test does."""
    import libcst as cst

    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return [*_all_of(test.left), *_all_of(test.right)]
    return [test]


def _asks_for(test: cst.BaseExpression, column: str, row: cst.BaseExpression) -> bool:
    """Return whether a test is `"column" in row`."""
    import libcst as cst

    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    (target,) = test.comparisons
    name = test.left
    return (
        isinstance(target.operator, cst.In)
        and isinstance(name, cst.SimpleString)
        and name.evaluated_value == column
        and target.comparator.deep_equals(row)
    )
