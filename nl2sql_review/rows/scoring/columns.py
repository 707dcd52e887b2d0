"""Names of the columns of gold rows and predictions, in order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

ID = ("id", "question_id")
DATABASE = ("db_id", "database", "db")
QUESTION = ("question", "sql_prompt")
GOLD = ("query", "sql", "SQL", "gold")
PREDICTED = ("predicted", "prediction", "predicted_sql", "pred", "output", "response", "sql", "query", "SQL")
SCHEMA = ("schema", "context", "sql_context", "create_table", "prompt")


def first(row: Mapping[str, Any], names: Sequence[str], fits: Callable[[Any], bool]) -> Any:
    """Return the value of the first of these columns that a row has and that fits, or None."""
    return next((row[name] for name in names if name in row and row[name] is not None and fits(row[name])), None)


def text_of(value: object) -> str | None:
    """Return a text without the space around it, or None if nothing is left."""
    return value.strip() or None if isinstance(value, str) else None
