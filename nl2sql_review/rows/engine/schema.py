"""From a schema's text to CREATE statements for SQLite, whatever else the text contains.

These forms are read, in this order: CREATE statements (DDL, alone or inside a prompt),
`table(column type, column)`, and `table : column , column | table : …`. The last table of a truncated text
keeps the columns that are whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .statement import tokens

_CREATE = re.compile(r"\bCREATE\s+(?:(?:TEMP|TEMPORARY)\s+)?(?:TABLE|VIEW|(?:UNIQUE\s+)?INDEX)\b", re.IGNORECASE)
_NAME = r"""(?:"[^"\n]+"|`[^`\n]+`|\[[^\]\n]+\]|[^\W\d][\w$.]*)"""
_CALL = re.compile(rf"^[ \t*#-]*({_NAME})\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)[\s;,]*$", re.MULTILINE)
_COLON = re.compile(rf"({_NAME})\s*:([^:|]+)")
_COLUMN = re.compile(rf"({_NAME})\s*(\w*)")


@dataclass(frozen=True, slots=True)
class Schema:
    """Content of a schema's text: CREATE statements, and whether the last one was cut short."""

    statements: tuple[str, ...]
    cut: bool = False


def read(text: str) -> Schema:
    """Read the schema in a text: DDL, `t(c, c)` or `t : c , c | …`; otherwise it has no statements."""
    starts = [found.start() for found in _CREATE.finditer(text)]
    if starts:
        made = [_statement(text[start:end]) for start, end in zip(starts, [*starts[1:], len(text)])]
        whole = tuple(statement for statement, _ in made if statement)
        return Schema(whole, cut=made[-1][1])
    calls = [(found[1], found[2]) for found in _CALL.finditer(text)]
    if not calls:
        parts = [_COLON.fullmatch(part.strip()) for part in text.strip().strip("|").split("|")]
        calls = [(found[1], found[2]) for found in parts if found] if all(parts) else []
    return Schema(tuple(table(name, _columns(columns)) for name, columns in calls if _columns(columns)))


def table(name: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return CREATE TABLE for (column, type) pairs, with quoted names."""
    return f"CREATE TABLE {quoted(name)} ({', '.join(f'{quoted(column)} {kind}'.rstrip() for column, kind in columns)})"


def quoted(name: str) -> str:
    """Quote a name for SQLite unless it is already quoted."""
    if len(name) > 1 and name[0] + name[-1] in ('""', "``", "[]"):
        return name
    return '"' + name.replace('"', '""') + '"'


def of_tables(entry: Mapping[str, Any]) -> Schema:
    """Return the schema of one database of Spider's `tables.json`. May raise errors of a malformed entry."""
    tables: list[list[tuple[str, str]]] = [[] for _ in entry["table_names_original"]]
    for (number, column), kind in zip(entry["column_names_original"], entry["column_types"]):
        if number >= 0:  # the first column is `*`, of no table
            tables[number].append((str(column), {"number": "NUMERIC", "boolean": "NUMERIC"}.get(kind, "TEXT")))
    pairs = zip(entry["table_names_original"], tables)
    return Schema(
        tuple(
            table(str(name), columns)
            for name, columns in pairs
            if columns and not str(name).lower().startswith("sqlite_")
        )
    )


def _statement(text: str) -> tuple[str, bool]:
    """Return the CREATE statement at the start of a text, "" if nothing can be kept, and whether it was cut short."""
    opened = comma = 0
    view = re.match(r"CREATE\s+(?:\w+\s+)?(?:VIEW|UNIQUE|INDEX)", text, re.IGNORECASE) is not None
    for token in tokens(text):
        if token.text == ";":
            return text[: token.start], False
        if token.kind == "space" and token.text.count("\n") > 1 and opened and token.depth == 0:
            return text[: token.start], False
        if token.text == "(" and token.depth == 0:
            opened = opened or token.end
        elif token.text == ")" and token.depth == 0 and opened and not view:
            return text[: token.end] + _options(text[token.end :]), False
        elif token.text == "," and token.depth == 1:
            comma = token.start
        elif token.text == "```":
            break
    if view:
        return text.strip().rstrip("`").strip(), False
    return (f"{text[:comma]})", True) if opened and comma else ("", True)


def _options(text: str) -> str:
    """Return the table options that SQLite supports, without ENGINE and CHARSET of other engines."""
    found = re.match(r"\s*(?:WITHOUT\s+ROWID|STRICT)(?:\s*,\s*(?:WITHOUT\s+ROWID|STRICT))*", text, re.IGNORECASE)
    return found.group() if found else ""


def _columns(text: str) -> list[tuple[str, str]]:
    """Return (column, type) for each of `id INTEGER, name`, without what follows the type."""
    starts = [0, *(token.end for token in tokens(text) if token.text == "," and token.depth == 0), len(text) + 1]
    parts = [text[start : end - 1].strip() for start, end in zip(starts, starts[1:])]
    found = (_COLUMN.match(part) for part in parts)
    return [(each[1], each[2] if each[2].isascii() else "") for each in found if each]
