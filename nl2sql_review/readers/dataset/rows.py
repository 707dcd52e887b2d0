"""Finds the row of an expression, and whether its columns come from a file or from the script itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...interpret.core.datasets import Dataset, Row
from ...interpret.core.objects import Instance, Opaque
from ...interpret.core.operations import COUNTED, freeze
from ...interpret.core.recording import Call
from ...training_plan.values import Absent, Default, Known, Term, Unknown, Value
from ..object_settings import last
from ..prompt.training_text import DEEP

MAKERS = ("from_list", "from_dict", "from_generator", "from_pandas", "from_polars")
READERS = (
    "json.load",
    "json.loads",
    "read_csv",
    "read_json",
    "read_parquet",
    "read_excel",
    "read_sql",
    "read_table",
    "read_pickle",
    "DataFrame.from_records",
)
# Expressions that open a file, and how the length of a list reads that a loop over the content of one, or over the
# rows of a dataset, fills.
OPENERS = (
    "json.load(",
    "open(",
    "a line of ",
    "pandas.read_csv(",
    "pandas.read_json(",
    "pandas.read_excel(",
    "pandas.read_parquet(",
)
REASONS = (COUNTED, "how many rows ", "range(len(", "the lines of ")
FILLED = tuple(f"{before}{reason}" for before in ("", "filled in a loop (") for reason in REASONS)


def row_of(term: object) -> Row | None:
    """Return the row that an `item` or `get` expression reads, through any number of subscripts."""
    owner: Any = term
    for _ in range(8):
        if not isinstance(owner, Term) or not owner.args:
            break
        owner = owner.args[0]
    thing = owner.value if isinstance(owner, (Known, Default)) else None
    return thing if isinstance(thing, Row) else None


def collected(value: object) -> str:
    """Return why a cell may hold more than the file's value of that name, or "" if it comes from a file as it is.

    The script then built the row itself, in a way that could not be followed.
    """
    row = row_of(value)
    dataset = row.dataset if row is not None else None
    if dataset is None:
        return ""
    for call in dataset.sources:
        if call is None or last(call.callee) not in MAKERS:
            continue
        if not _from_file(rows_given(call)):
            return f"the script collects the rows and passes them to {last(call.callee)}"
    return ""


def rows_given(call: Call) -> Value:
    """Return the rows that a call such as `Dataset.from_list(rows)` gets, with all that is known of each."""
    return whole(call, 0, "mapping", "df", "generator", "data", "$0")


def whole(call: Call, position: int | None, *names: str) -> Value:
    """Return an argument of a call; of an open list or dictionary, all that is known of its elements."""
    value = call.get(*names)
    if not isinstance(value, Unknown) or call.live_arguments is None:
        return value
    live = call.live_arguments[0].get(position, *names)
    return value if isinstance(live, Absent) else freeze(live, DEEP)


def from_one_file(rows: Value) -> bool:
    """Return whether a loop over the content of one file fills the rows, and nothing else."""
    if not isinstance(rows, Unknown) or not isinstance(rows.parts, (list, tuple)) or not rows.why.startswith(FILLED):
        return False
    files = {frozenset(files_read(row)) for row in rows.parts}
    (one, *others) = files or {frozenset()}
    return not others and len(one) == 1 and not any("[i]" in file for file in one)  # of several files, one by one


def held(dataset: Value) -> bool:
    """Return whether a dataset is an object of the script's own class, whose attributes hold one file's content."""
    thing = dataset.value if isinstance(dataset, (Known, Default)) else None
    if not isinstance(thing, Instance) or thing.cls.lookup("__getitem__") is None:
        return False
    attributes = [value for value in thing.slots.values() if isinstance(value, Value)]
    files = {file for value in attributes for file in files_read(freeze(value, DEEP))}
    return len(files) == 1 and not any("[i]" in file for file in files)


def made_from(rows: Value) -> Dataset | None:
    """Return the one dataset whose rows a list is made from, element by element; None if there is no such dataset.

    The columns of a dictionary are of one length: it is enough that one of them is such a list, and none has rows of
    another dataset.
    """
    parts = rows.parts if isinstance(rows, Unknown) else None
    if isinstance(parts, dict):
        found = next((made for made in map(made_from, parts.values()) if made is not None), None)
        return found if list(datasets_in(rows)) == [found] else None
    if not isinstance(rows, Unknown) or not isinstance(parts, (list, tuple)) or not rows.why.startswith(FILLED):
        return None
    (first, *others) = [list(datasets_in(row)) for row in parts] or [[]]
    return first[0] if len(first) == 1 and all(other == first for other in others) else None


def datasets_in(value: Value) -> Iterator[Dataset]:
    """Yield each dataset once of whose rows a value is made."""
    rows = (row_of(term) for term in _terms(value))
    found = {id(row.dataset): row.dataset for row in rows if row is not None and row.dataset is not None}
    yield from found.values()


def files_read(value: Value) -> Iterator[str]:
    """Yield each expression in a value that opens a file; one whose path is unknown is told from any other."""
    for term in _terms(value):
        of_object = any(isinstance(arg, Term) and arg.operation == "receiver" for arg in term.args)
        if term.operation == "call" and term.text.startswith(OPENERS) and not of_object:
            unnamed = sorted({id(path) for path in _paths(term) if isinstance(path, Unknown)})
            yield f"{term.text} {unnamed}" if unnamed else term.text


def _paths(opened: Term) -> Iterator[Value]:
    """Yield the path of each file that an expression opens."""
    for arg in opened.args:
        inner = getattr(arg, "value", None)
        if isinstance(inner, Opaque) and inner.operation == "open":
            yield inner.args[0]
        elif isinstance(arg, Term):
            yield from _paths(arg)


def _terms(value: object, depth: int = 0) -> Iterator[Term]:
    """Yield the expressions in a value, each before its operands."""
    if isinstance(value, Term):
        yield value
    if depth < 20:
        inner: Any = getattr(value, "parts", None) or getattr(value, "args", ())
        for part in inner.values() if isinstance(inner, dict) else inner:
            yield from _terms(part, depth + 1)


def _from_file(value: Value) -> bool:
    if isinstance(value, Term):
        return any(f"{name}(" in value.text for name in READERS)
    if isinstance(value, (Known, Default)):
        text = getattr(value.value, "text", "")
        return any(f"{name}(" in text for name in READERS)
    return False
