"""Database files and schema of a question."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from ...files import disk
from ..engine import schema
from ..engine.schema import Schema
from ..spelling import option
from .inputs import SIZE_LIMIT, InputError

SUFFIXES = (".sqlite", ".sqlite3", ".db")
LISTED = 10  # missing databases that are named
MAGIC = b"SQLite format 3\0"


class NoDatabase(LookupError):
    """Raised if a database has no file."""


class Databases:
    """Databases of a directory, `DIR/<db_id>/<db_id>.sqlite` and further files beside it, or one file for all rows.

    `allow` is called with every path before it is opened, and may raise.
    """

    def __init__(self, path: str, allow: Callable[[str], object] | None = None) -> None:
        if not os.path.exists(path):
            raise InputError(
                f"{path}: the file or directory does not exist; {option('databases')} names the location of the "
                "databases"
            )
        self.path = path
        self._one = not os.path.isdir(path)
        self._allow = allow
        self._known: dict[str, tuple[str, ...]] = {}

    def all_files(self, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        """Return the files of each (database, place). Raises InputError with every missing database."""
        found: list[tuple[str, ...]] = []
        missing: dict[str, str] = {}
        for database, place in wanted:
            try:
                found.append(self.files(database, place))
            except NoDatabase:
                missing.setdefault(database, place)
        if missing:
            names = list(missing)
            listed = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED:,} more" if len(names) > LISTED else "")
            place, first = missing[names[0]], os.path.join(self.path, names[0], f"{names[0]}.sqlite")
            also = f"; {len(names):,} db_ids have none ({listed})" if len(names) > 1 else ""
            raise InputError(
                f"{place}: there is no database {first}{also}; {option('databases')} names the directory that contains "
                f"one directory per db_id"
            )
        return found

    def files(self, database: str, place: str) -> tuple[str, ...]:
        """Return the files of one database, its own name first. Raises InputError with `place`, or NoDatabase."""
        if self._one:
            database = ""
        elif not database:
            raise InputError(
                f"{place}: there is no `db_id` to select the database in {self.path} (in a text file it follows the "
                f"SQL and a tab); add it, or name one database file for all rows"
            )
        if database not in self._known:
            self._known[database] = self._find(database, place)
        return self._known[database]

    def _find(self, database: str, place: str) -> tuple[str, ...]:
        if self._one:
            files = [self.path]
        else:
            if database in (".", "..") or os.path.basename(database) != database or "\0" in database:
                raise InputError(f"{place}: the db_id {database!r} is not the name of a directory")
            folder = os.path.join(self.path, database)
            names = sorted(name for name in _listed(folder) if name.lower().endswith(SUFFIXES))
            names.sort(key=lambda name: os.path.splitext(name)[0] != database)
            files = [os.path.join(folder, name) for name in names]
            if not files:
                raise NoDatabase(database)
        for file in files:
            if self._allow is not None:
                self._allow(file)
            _check(file)
        return tuple(files)


class Schemas:
    """Schemas of Spider's `tables.json`, a `.sql` file (for all rows), or a folder with `<db_id>/schema.sql`."""

    def __init__(self, path: str, allow: Callable[[str], object] | None = None) -> None:
        self.path = path
        self._allow = allow
        self._known: dict[str, Schema] = {}
        self._one = False
        if os.path.isdir(path):
            return
        text = _text(path)
        if path.lower().endswith(".json"):
            self._known = _tables(path, text)
        else:
            self._known[""] = schema.read(text)
            self._one = True
            if not self._known[""].statements:
                raise InputError(f"{path}: it contains no CREATE TABLE")

    def texts(self) -> dict[str, str]:
        """Return database → the CREATE statements of its schema; the key is "" for one schema for all rows."""
        names = self._known or dict.fromkeys(_listed(self.path))
        made = {}
        for name in names:
            try:
                statements = (self._known.get(name) or self.of(name, name)).statements
            except InputError:
                continue
            made[name] = ";\n".join(statements)
        return made

    def of(self, database: str, place: str) -> Schema:
        """Return the schema of a database. Raises InputError with `place`."""
        key = "" if self._one else database
        if (
            key not in self._known
            and os.path.isdir(self.path)
            and key == os.path.basename(key)
            and key not in ("", "..")
        ):
            for name in (os.path.join(key, "schema.sql"), os.path.join(key, f"{key}.sql"), f"{key}.sql"):
                file = os.path.join(self.path, name)
                if os.path.isfile(file):
                    if self._allow is not None:
                        self._allow(file)
                    self._known[key] = schema.read(_text(file))
                    break
        if key not in self._known:
            raise InputError(f"{place}: {self.path} has no schema of {database!r}")
        return self._known[key]


def _tables(path: str, text: str) -> dict[str, Schema]:
    try:
        entries: Any = json.loads(text)
        return {str(entry["db_id"]): schema.of_tables(entry) for entry in entries}
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise InputError(
            f"{path}: it is not Spider's tables.json ({type(error).__name__}: {error}); {option('schemas')} "
            "takes that, a .sql file, or a folder with <db_id>/schema.sql"
        ) from None


def _text(path: str) -> str:
    try:
        return disk.whole(path, SIZE_LIMIT).decode("utf-8-sig", "replace")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _check(path: str) -> None:
    """Raise InputError unless a file is a database at rest: one that is open elsewhere could be read half written."""
    try:
        head = disk.head(path, len(MAGIC))
        if head != MAGIC:
            raise InputError(f"{path} is not an SQLite database" if head else f"{path} is empty")
        for suffix in ("-wal", "-journal"):
            if os.path.exists(path + suffix) and os.path.getsize(path + suffix):
                raise InputError(
                    f"{path}{suffix} contains changes that are not in the database yet: close the program that "
                    f"writes to it, or open the file once with sqlite3 and run PRAGMA journal_mode = delete"
                )
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
