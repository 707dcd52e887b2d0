"""Connection to SQLite that answers queries and does nothing else: no write, no file, no extension, no setting.

Four guards, each sufficient against most attacks: the file is opened read-only and immutable, an authorizer
allows only reading, a progress handler stops what takes too long, and results are fetched within limits.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from .limits import MIB, Limits
from .statement import objection

Kind = Literal["engine", "guard", "time"]
STEPS = 2_000  # of SQLite's machine between two looks at the clock: well under a millisecond
BATCH = 256  # rows fetched between two looks at the limits
ROW = 64  # bytes that a row counts as, beside its text and blobs

_READING = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
_FORBIDDEN = frozenset(("load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"))
# What CREATE TABLE, INDEX and VIEW do to the list of tables, and to the table itself.
_MAKING = _READING | frozenset(
    getattr(sqlite3, f"SQLITE_{name}")
    for name in "CREATE_TABLE CREATE_INDEX CREATE_VIEW INSERT UPDATE DELETE REINDEX ALTER_TABLE".split()
)
_ACTIONS = {
    number: name.removeprefix("SQLITE_").replace("_", " ")
    for name, number in vars(sqlite3).items()
    if name.startswith(("SQLITE_CREATE", "SQLITE_DROP", "SQLITE_ALTER"))
    or name.removeprefix("SQLITE_") in ("INSERT", "UPDATE", "DELETE", "PRAGMA", "ATTACH", "DETACH", "TRANSACTION")
    or name.removeprefix("SQLITE_") in ("ANALYZE", "REINDEX", "SAVEPOINT")
}


class Refused(Exception):
    """Raised if a statement was not run to its end: refused by the `engine` or our `guard`, or out of `time`."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Rows:
    """Result: number of columns, rows, and their size in bytes; not `complete` if reading stopped early."""

    columns: int
    rows: list[tuple[Any, ...]]
    size: int
    complete: bool = True


class Guarded:
    """Connection that answers queries, within limits."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._deadline = 0.0
        self._denied = ""
        connection.isolation_level = None
        for setting in ("trusted_schema = 0", "temp_store = 2", "cell_size_check = 1", "query_only = 1"):
            connection.execute(f"PRAGMA {setting}")
        if sys.version_info >= (3, 11):
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.value_bytes)
            connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, limits.sql_length + 16)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
        connection.set_progress_handler(self._late, STEPS)
        connection.set_authorizer(self._authorize)

    @classmethod
    def file(cls, path: str, limits: Limits) -> Guarded:
        """Open a database file, which nobody may write meanwhile: no lock is taken and no file is made beside it."""
        uri = Path(path).absolute().as_uri() + "?mode=ro&immutable=1"
        return cls(sqlite3.connect(uri, uri=True), limits)

    @classmethod
    def empty(cls, statements: Iterable[str], limits: Limits) -> tuple[Guarded, tuple[str, ...]]:
        """Make an empty database in memory from CREATE statements; also return the errors of those that failed."""
        connection = sqlite3.connect(":memory:")
        until = monotonic() + limits.seconds
        connection.set_authorizer(_authorize_making)
        connection.set_progress_handler(lambda: monotonic() > until, STEPS)
        failed = []
        for statement in statements:
            try:
                connection.execute(statement)
            except (sqlite3.Error, sqlite3.Warning, ValueError, MemoryError) as error:
                failed.append(str(error))
        connection.set_authorizer(lambda *_: sqlite3.SQLITE_OK)  # None takes it away from Python 3.11 on only
        return cls(connection, limits), tuple(failed)

    def close(self) -> None:
        self._connection.close()

    def run(self, sql: str, at_most: int | None = None) -> Rows:
        """Run one query and return its rows; if there are more than `at_most`, only one more. Raises Refused."""
        try:
            return self._ask(sql, at_most)
        except sqlite3.OperationalError as error:
            if not str(error).startswith("Could not decode"):
                raise
        factory = self._connection.text_factory  # text that is not UTF-8: different bytes stay different
        self._connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        try:
            return self._ask(sql, at_most)
        finally:
            self._connection.text_factory = factory

    def explain(self, sql: str) -> None:
        """Prepare a query without running it. Raises Refused if the engine does not accept it on this schema."""
        self._ask(sql, 0, "EXPLAIN ")

    def _ask(self, sql: str, at_most: int | None, prefix: str = "") -> Rows:
        if len(sql) > self._limits.sql_length:
            raise Refused("guard", f"it is {len(sql):,} characters long; the limit is {self._limits.sql_length:,}")
        said = objection(sql)
        if said:
            raise Refused("guard", said)
        self._denied = ""
        self._deadline = monotonic() + self._limits.seconds
        cursor = self._connection.cursor()
        try:
            cursor.execute(prefix + sql)
            if prefix:
                return Rows(0, [], 0)
            return self._fetch(cursor, at_most)
        except MemoryError:
            raise self._memory() from None
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._refusal(error) from None
        finally:
            cursor.close()

    def _fetch(self, cursor: sqlite3.Cursor, at_most: int | None) -> Rows:
        limits = self._limits
        columns = len(cursor.description or ())
        rows: list[tuple[Any, ...]] = []
        size = 0
        while True:
            batch = cursor.fetchmany(BATCH if at_most is None else min(BATCH, at_most + 1 - len(rows)))
            rows += batch
            sizes = [len(value) for row in batch for value in row if isinstance(value, (str, bytes))]
            if max(sizes, default=0) > limits.value_bytes:  # before Python 3.11 SQLite cannot be told
                raise Refused("guard", f"a value takes more than {limits.value_bytes // MIB} MiB")
            size += ROW * len(batch) + sum(sizes)
            if len(batch) < BATCH and (at_most is None or len(rows) <= at_most):
                return Rows(columns, rows, size)
            if at_most is not None and len(rows) > at_most:
                return Rows(columns, rows, size, complete=False)
            if len(rows) > limits.rows:
                raise Refused("guard", f"its result has more than {limits.rows:,} rows")
            if size > limits.result_bytes:
                raise Refused("guard", f"its result takes more than {limits.result_bytes // MIB} MiB")
            if self._late():
                raise self._time()

    def _refusal(self, error: Exception) -> Exception:
        text = str(error)
        if isinstance(error, sqlite3.OperationalError) and text.startswith("Could not decode"):
            return error  # for `run`, which tries again
        if self._denied:
            return Refused("guard", self._denied)
        if text == "interrupted":
            return self._time()
        if isinstance(error, sqlite3.DataError):
            return Refused("guard", f"a value or the text is too long: {text}")
        if text == "out of memory":
            return self._memory()
        if "readonly database" in text:
            return Refused("guard", "it writes")
        return Refused("engine", text)

    def _time(self) -> Refused:
        return Refused("time", f"not finished after {self._limits.seconds:g} s")

    def _memory(self) -> Refused:
        return Refused("guard", f"it takes more than {self._limits.memory_bytes // 2 // MIB} MiB of memory")

    def _late(self) -> bool:
        return monotonic() > self._deadline

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in _READING:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            if (second or "").lower() not in _FORBIDDEN:
                return sqlite3.SQLITE_OK
            self._denied = f"the function {second} reaches outside the database"
        elif action == sqlite3.SQLITE_PRAGMA and first == "data_version":  # full-text tables ask it of themselves
            return sqlite3.SQLITE_OK
        else:
            named = " ".join(part for part in (_ACTIONS.get(action, "this"), first) if part)
            self._denied = self._denied or f"{named} is not a query"
        return sqlite3.SQLITE_DENY


def _authorize_making(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _FORBIDDEN else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _MAKING else sqlite3.SQLITE_DENY
