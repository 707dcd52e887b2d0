"""From files of gold rows and of predictions to questions, each with its gold SQL and its predictions.

The formats are JSON (a list of rows, or BIRD's `{"0": "SQL<tab>----- bird -----<tab>db"}`), JSONL, and
Spider's text forms: one line per question, `SQL<tab>db_id` for gold. Every error is reported with file, row
and remedy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...files import disk
from ...source.spans import lines_of
from .columns import DATABASE, GOLD, ID, PREDICTED, QUESTION, SCHEMA, first, text_of

SIZE_LIMIT = 2_000_000_000  # bytes of a file that is still read
OTHER_FORMATS = (".csv", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods", ".gz", ".zip", ".zst")
BIRD = "\t----- bird -----\t"


class InputError(ValueError):
    """Raised if a file of rows cannot be used; the message names the file, the row and the remedy."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. `place` is its place, such as `line 3`; `sql` is None if the row has none."""

    place: str
    id: str | None
    database: str | None
    question: str
    sql: str | None
    schema: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a file; `by_line`: they are from a text file, whose empty lines count."""

    path: str
    rows: tuple[Row, ...]
    by_line: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Gold row with its prediction in each set: None if there is no prediction."""

    id: str
    database: str
    question: str
    gold: str
    schema: str | None
    predicted: tuple[str | None, ...]
    place: str


def gold_rows(path: str) -> Rows:
    """Read a file of gold rows. Raises InputError, also for a row without SQL."""
    read = _read(path, GOLD)
    rows = tuple(row for row in read.rows if row.sql is not None) if read.by_line else read.rows
    for row in rows:
        if not (row.sql or "").strip():
            raise InputError(f"{path}, {row.place}: there is no gold SQL; its column must be one of {_named(GOLD)}")
    _unique(path, rows)
    return Rows(path, rows, read.by_line)


def predicted_rows(path: str) -> Rows:
    """Read a file of predictions. Raises InputError; a prediction may be empty, but a row must have the column."""
    read = _read(path, PREDICTED)
    if not read.by_line:
        for row in read.rows:
            if row.sql is None:
                raise InputError(
                    f"{path}, {row.place}: there is no prediction; its column must be one of {_named(PREDICTED)}"
                )
    _unique(path, read.rows)
    return read


def by_order(gold: Rows, predictions: Rows) -> str:
    """Return a note that files were joined by order and which lacks ids; "" if joined by id or for two text files."""
    if not gold.rows or gold.by_line and predictions.by_line:
        return ""
    without = [rows.path for rows in (gold, predictions) if any(row.id is None for row in rows.rows)]
    named = " and ".join(without)
    return f"joined by order, because {named} {'have' if len(without) > 1 else 'has'} no `id`" if without else ""


def questions(gold: Rows, sets: Sequence[Rows]) -> tuple[Question, ...]:
    """Join gold rows and predictions: by id if all have one, by order if a file has none. Raises InputError."""
    joined = [_joined(gold, predictions) for predictions in sets] if gold.rows else []
    return tuple(
        Question(
            id=row.id if row.id is not None else str(number + 1),
            database=row.database or "",
            question=row.question,
            gold=row.sql or "",
            schema=row.schema,
            predicted=tuple(each[number] for each in joined),
            place=f"{gold.path}, {row.place}",
        )
        for number, row in enumerate(gold.rows)
    )


def _joined(gold: Rows, predictions: Rows) -> list[str | None]:
    """Return the prediction for each gold row."""
    path = predictions.path
    if not predictions.rows:
        raise InputError(f"{path}: it contains no predictions: was it written completely?")
    if gold.rows and predictions.rows and all(row.id is not None for row in (*gold.rows, *predictions.rows)):
        by_id = {row.id: row for row in predictions.rows}
        known = {row.id for row in gold.rows}
        stray = next((row for row in predictions.rows if row.id not in known), None)
        if stray is not None:
            raise InputError(f"{path}, {stray.place}: no row of {gold.path} has the id {stray.id!r}")
        pairs = [(row, by_id.get(row.id)) for row in gold.rows]
    else:
        _told_apart(gold, predictions)
        rows = _in_order(gold, predictions)
        pairs = [(row, rows[at] if at < len(rows) else None) for at, row in enumerate(gold.rows)]
    for row, found in pairs:
        for name, ours, theirs in (
            ("db_id", found and found.database, row.database),
            ("question", found and found.question, row.question),
        ):
            if ours and theirs and ours != theirs:
                assert found is not None
                raise InputError(
                    f"{path}, {found.place}: its {name} is {ours!r}, and {theirs!r} in {gold.path}, {row.place}: "
                    f"the files do not belong together, or their order differs: add an `id` to both"
                )
    return [found.sql if found else None for _, found in pairs]


def _told_apart(gold: Rows, predictions: Rows) -> None:
    """Refuse to join by order if only some rows have ids: if one is lost, the others may be anywhere."""
    for rows, other in ((predictions, gold), (gold, predictions)):
        named = next((row for row in rows.rows if row.id is not None), None)
        nameless = next((row for row in rows.rows if row.id is None), None)
        if named and nameless and any(row.id is not None for row in other.rows):
            raise InputError(
                f"{rows.path}, {nameless.place}: it has no id, but {named.place} has {named.id!r}: "
                "give every row an `id`, or none"
            )


def _in_order(gold: Rows, predictions: Rows) -> Sequence[Row | None]:
    """Return the predictions in the order of the gold rows.

    Empty lines between sessions, which Spider's text forms have in both files, are no predictions; other empty
    lines are empty predictions.
    """
    rows: Sequence[Row | None] = predictions.rows
    if predictions.by_line:
        full = [row for row in predictions.rows if row.sql is not None]
        sessions = gold.by_line and bool(gold.rows) and int(gold.rows[-1].place.split()[-1]) > len(gold.rows)
        if sessions and len(full) == len(gold.rows):
            return full
        if sessions and len(full) < len(gold.rows):
            by_place = {row.place: row for row in full}
            return [by_place.get(row.place) for row in gold.rows]
        while len(rows) > len(gold.rows) and predictions.rows[len(rows) - 1].sql is None:  # empty lines at the end
            rows = rows[:-1]
    if len(rows) > len(gold.rows):
        remedy = (
            "write one line per question, in order, without line breaks in the SQL"
            if predictions.by_line
            else "add an `id` to both files, or give one prediction per row, in order"
        )
        raise InputError(
            f"{predictions.path} has {len(rows):,} predictions, but {gold.path} has {len(gold.rows):,} rows: {remedy}"
        )
    return rows


def _unique(path: str, rows: Sequence[Row]) -> None:
    seen: dict[str, Row] = {}
    for row in rows:
        if row.id is not None and row.id in seen:
            raise InputError(f"{path}, {row.place}: the id {row.id!r} is already used in {seen[row.id].place}")
        if row.id is not None:
            seen[row.id] = row


def _read(path: str, columns: Sequence[str]) -> Rows:
    if path.lower().endswith(OTHER_FORMATS):
        raise InputError(f"{path}: rows must be JSON, JSONL or text; convert it, as with pandas' to_json(lines=True)")
    text = _text(path)
    start = text.lstrip()[:1]
    if path.lower().endswith((".jsonl", ".ndjson")) or (start == "{" and _is_lines(text)):
        return Rows(path, tuple(_row(path, f"line {n}", _parsed(path, n, line), columns) for n, line in _lines(text)))
    if start in ("[", "{") or path.lower().endswith(".json"):
        return Rows(path, tuple(_document(path, text, columns)))
    return Rows(path, tuple(_text_row(f"line {n}", line) for n, line in enumerate(lines_of(text), 1)), by_line=True)


def _text(path: str) -> str:
    try:
        data = disk.head(path, SIZE_LIMIT + 1)
    except OSError as error:
        if os.path.isdir(path):
            raise InputError(f"{path} is a directory: name a file (JSON, JSONL or text)") from None
        raise InputError(f"{path}: {error.strerror or error}") from None
    if len(data) > SIZE_LIMIT:
        raise InputError(f"{path} is larger than {SIZE_LIMIT:,} bytes: split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: it is not UTF-8 ({error.reason}): save it as UTF-8") from None


def _is_lines(text: str) -> bool:
    """Return whether a text that begins with a brace is JSONL: its first line is an object and more text follows."""
    line, _, rest = text.lstrip().partition("\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _parsed(path: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}, line {number}: it is not JSON ({_json_fault(error)}): one object per line") from None


def _document(path: str, text: str, columns: Sequence[str]) -> list[Row]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: it is not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: it is not JSON ({_json_fault(error)})") from None
    if isinstance(data, dict) and any(name in data for name in columns):  # one row, as a line of JSONL would hold it
        return [_row(path, "row 1", data, columns)]
    if isinstance(data, dict) and data and all(isinstance(value, str) for value in data.values()):
        return [_bird(key, value) for key, value in data.items()]
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else data
    if not isinstance(data, list):
        raise InputError(f'{path}: it must contain a list of rows, as in [{{"db_id": …, "query": …}}]')
    return [_row(path, f"row {number}", item, columns) for number, item in enumerate(data, 1)]


def _json_fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _bird(key: str, value: str) -> Row:
    sql, _, database = value.partition(BIRD)
    return Row(f"key {key!r}", key, database.strip() or None, "", sql, None)


def _text_row(place: str, line: str) -> Row:
    """Return the row of a line: `SQL<tab>db_id`, or SQL alone."""
    sql, tab, database = line.rpartition("\t")
    if not tab or " " in database.strip():
        sql, database = line, ""
    return Row(place, None, database.strip() or None, "", sql.strip() if line.strip() else None, None)


def _row(path: str, place: str, item: object, columns: Sequence[str]) -> Row:
    if isinstance(item, str):
        return Row(place, None, None, "", item, None)
    if not isinstance(item, Mapping):
        raise InputError(f"{path}, {place}: it is not an object but {json.dumps(item)[:40]}")
    sql = first(item, columns, lambda value: isinstance(value, str) or value is None)
    if sql is None and not any(name in item and item[name] is None for name in columns):
        for name in columns:
            if name in item:
                held = json.dumps(item[name], ensure_ascii=False)[:40]
                raise InputError(f"{path}, {place}: `{name}` is {held}, not a string: write the SQL as a string")
    is_text: Callable[[Any], bool] = lambda value: isinstance(value, str)  # noqa: E731
    return Row(
        place=place,
        id=_name(path, place, item, ID),
        database=text_of(_name(path, place, item, DATABASE)),
        question=text_of(first(item, QUESTION, is_text)) or "",
        sql=sql if sql is not None else ("" if any(name in item and item[name] is None for name in columns) else None),
        schema=text_of(first(item, SCHEMA, is_text)),
    )


def _name(path: str, place: str, item: Mapping[Any, Any], columns: Sequence[str]) -> str | None:
    """Return the id of a row or database: text or a whole number, also written as 7.0 by tables. Raises InputError."""
    for name in columns:
        value = item.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)
        if value is not None:
            held = json.dumps(value, ensure_ascii=False)[:40]
            raise InputError(f"{path}, {place}: `{name}` is {held}: write it as a string or an integer")
    return None


def _named(columns: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)
