"""Finds the row of an expression, and whether its columns come from a file or from the script itself."""

from __future__ import annotations

from typing import Any

from ...interpret.core.objects import Row
from ...training_plan.values import Default, Known, Term, Value
from ..object_settings import last

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
        given = call.get("mapping", "df", "generator", "data", "$0")
        if not _from_file(given):
            return f"the script collects the rows and passes them to {last(call.callee)}"
    return ""


def _from_file(value: Value) -> bool:
    if isinstance(value, Term):
        return any(f"{name}(" in value.text for name in READERS)
    if isinstance(value, (Known, Default)):
        text = getattr(value.value, "text", "")
        return any(f"{name}(" in text for name in READERS)
    return False
