"""Execution accuracy of predictions: the same rows as the gold SQL, on every filling of the database."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from pathlib import Path

SECONDS = 2.0  # a statement may take
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, 33}  # 33: a recursive query
Rows = list[tuple[object, ...]]


class Databases:
    """The files of each database, opened once, read only."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.open = folder, dict[str, list[sqlite3.Connection]]()
        self.gold: dict[tuple[str, str], list[Rows]] = {}

    def files(self, name: str) -> list[sqlite3.Connection]:
        if name not in self.open:
            self.open[name] = []
            for path in sorted((self.folder / name).glob("*.sqlite")):
                connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
                connection.set_authorizer(
                    lambda what, *_: sqlite3.SQLITE_OK if what in ALLOWED else sqlite3.SQLITE_DENY
                )
                self.open[name].append(connection)
        return self.open[name]

    def rows(self, connection: sqlite3.Connection, sql: str) -> Rows:
        end = time.monotonic() + SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        return connection.execute(sql).fetchmany(10_000)

    def outcome(self, name: str, gold: str, predicted: str) -> str:
        """right, wrong rows, refused, timed out, or empty."""
        if not predicted.strip():
            return "empty"
        for connection in self.files(name):
            wanted = self.rows(connection, gold)
            try:
                got = self.rows(connection, predicted)
            except sqlite3.OperationalError as problem:
                return "timed out" if "interrupted" in str(problem) else "refused"
            except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError):
                return "refused"
            if not same(wanted, got, ordered="ORDER BY" in gold):
                return "wrong rows"
        return "right"


def cell(value: object) -> object:
    return float(f"{value:.9g}") if isinstance(value, int | float) else value


def same(wanted: Rows, got: Rows, ordered: bool) -> bool:
    left, right = ([tuple(map(cell, row)) for row in rows] for rows in (wanted, got))
    return left == right if ordered else Counter(left) == Counter(right)


def first_statement(text: str) -> str:
    """The SQL in a text that goes on after it: inside a fence if there is one, from SELECT or WITH to its end.

    Its end is a semicolon, an empty line, the next heading or a fence.
    """
    fenced = re.search(r"```(?:sql)?\s*(.*?)```", text, re.DOTALL | re.IGNORECASE)
    text = fenced[1] if fenced else text
    start = re.search(r"\b(?:SELECT|WITH)\b", text, re.IGNORECASE)
    return re.split(r";|\n\s*\n|\n?###|```|<\|", text[start.start() :])[0].strip() if start else ""
