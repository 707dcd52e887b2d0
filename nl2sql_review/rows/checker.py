"""One pure function over a batch of rows, for any caller: a process of our pool, or an engine of many machines.

    check(program, numbers, rows) -> {"defects": […], "keys": […], …}

All inputs and outputs are JSON's own types. A row is evaluated as the script would, by `row_values`;
its SQL is judged by `sql_check`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..data_files.records import kind_of, lines_of, row_of
from .engine.child import Tell
from .engine.limits import Limits
from .row_values import RowValues, Values
from .sql_check import DATABASE_COLUMNS, SqlCheck
from .texts import ENTITY, FENCE, SPECIAL_TOKENS, hashed, plain_sql, quoted

NO_TEXT = ("", "none", "null", "nan")
AROUND = 2  # tokens that a tokenizer may set around a text: BOS and EOS
KEPT_HASHES = 50_000  # of the names, or the schemas, of databases


class Checker:
    """Checker of rows by one program."""

    def __init__(self, program: Mapping[str, Any], limits: Limits | None = None, tell: Tell | None = None) -> None:
        self._program = program
        limits = limits or Limits()
        self._tokenizer = _tokenizer(program["tokenizer"]) if program["tokenizer"] else None
        self._evaluated = RowValues(program, self._tokenizer)
        self._sql = SqlCheck(program, limits, tell)
        self._lacking = dict.fromkeys(program["columns"]) if program["table"] else {}
        self._texts_in = program["texts_in"]
        self._columns = frozenset(program["columns"])
        self._markers = [marker for marker in program["markers"] if marker]
        self._length = program["length"]
        self._longest = limits.sql_length
        self._hashes: dict[str, int] = {}

    def check(self, numbers: Sequence[int], rows: Sequence[Any]) -> dict[str, Any]:
        """Check rows (dicts or lines of JSON) with these `numbers`; return what `found.Found` adds up."""
        defects: list[list[Any]] = []
        keys: list[list[Any]] = []
        counts: Counter[str] = Counter()
        unknown: Counter[str] = Counter()
        for number, row in zip(numbers, rows):
            if isinstance(row, str):
                try:
                    row = row_of(row)
                except ValueError as error:
                    defects.append([number, "unreadable", str(error), ""])
                    continue
            counts["rows"] += 1
            try:
                self._row(number, row, defects, keys, counts, unknown)
            except RecursionError:
                defects.append([number, "unreadable", "it is nested too deeply", ""])
        return {"defects": defects, "keys": keys, "counts": counts, "unknown": unknown}

    def pieces(self, given: Mapping[str, Any]) -> list[tuple[str, bool]] | None:
        """Return a row's training text in pieces, each with whether it is the answer; None if it is unknown."""
        values = self._evaluated.values({**self._lacking, **given})
        return None if values.unknown else values.pieces

    def _row(
        self,
        number: int,
        given: Mapping[str, Any],
        defects: list[list[Any]],
        keys: list[list[Any]],
        counts: Counter[str],
        unknown: Counter[str],
    ) -> None:
        row = {**self._lacking, **given} if self._lacking else given
        for name in self._texts_in:
            value = given.get(name)
            if value.__class__ is not str and value is not None:
                why = f"{name!r} is {kind_of(value)}, but text in the rows before: load_dataset stops"
                defects.append([number, "unreadable", why, name])
                return
        before = len(defects)
        missing = [name for name in self._program["reads"] if name not in given]
        for name in missing:
            if name in self._columns or not self._program["table"]:
                stops = "KeyError" if not self._program["table"] else "it is None there"
                defects.append([number, "missing_columns", f"there is no {name!r}: {stops}", name])
        kept = self._evaluated.kept(row, unknown)
        if kept is False:
            counts["dropped"] += 1
            del defects[before:]
            return
        if not self._program["texts"]:
            return
        values = self._evaluated.values(row)
        for role, why in values.unknown.items():
            unknown[f"{role}: {why}"] += 1
        if raised := values.unknown.get("raises"):
            if not missing:
                defects.append([number, "missing_columns", f"the script stops here: {raised}", ""])
            return
        found = list(self._defects(row, values, missing, counts))
        database = self._database(row, values)
        if kept is None:  # whether the script drops the row is not known
            counts["undecided"] += 1
            if len(defects) > before or found:
                unknown["filter: a filter that may drop the row"] += 1
                del defects[before:]
            return
        defects += [[number, *defect] for defect in found]
        if "sql" in values.roles:
            key = self._key(database, values)
            if key is not None:
                keys.append([number, *key])

    # -- defects: (kind, message, what counts as the same)

    def _defects(
        self, row: Mapping[str, Any], values: Values, missing: Sequence[str], counts: Counter[str]
    ) -> Iterator[tuple[str, str, str]]:
        empty = False
        for role in ("question", "sql"):
            if role in values.roles and values.roles[role].strip().lower() in NO_TEXT:
                if values.roles[role].strip().lower() == "none" and not self._holds_none(row):
                    continue
                empty = empty or role == "sql"
                if not missing:
                    yield "empty_parts", f"the {_SAID[role]} is empty", role
        for role, kind in values.no_text.items():
            if role != "schema":
                yield "empty_parts", f"the {_SAID[role]} is not text but {kind}: {quoted(values.roles[role])}", role
                return
        for role in ("question", "sql"):
            if role in values.roles:
                yield from self._marks(role, values.roles[role])
        if "schema" in values.roles:
            yield from self._markers_in("schema", values.roles["schema"])
        if "sql" in values.roles and not empty:
            yield from self._sql.defects(row, values, counts)
        yield from self._too_long(values, counts)

    @staticmethod
    def _holds_none(row: Mapping[str, Any]) -> bool:
        return any(value is None for value in row.values())

    def _marks(self, role: str, text: str) -> Iterator[tuple[str, str, str]]:
        if "`" in text and FENCE.search(text):
            yield "markup", f"there is a code fence in the {_SAID[role]}: {quoted(text)}", "fence"
        if "&" in text and (found := ENTITY.search(text)):
            yield "markup", f"the HTML entity {found[0]} is in the {_SAID[role]}: {quoted(text)}", "entity"
        if "\0" in text and role != "sql":  # SQL with one is not run, which is said there
            yield "markup", f"there is a null character in the {_SAID[role]}: {quoted(text)}", "null"
        yield from self._markers_in(role, text)

    def _markers_in(self, role: str, text: str) -> Iterator[tuple[str, str, str]]:
        marker = ""
        for each in self._markers:
            if each in text:
                marker = each
                break
        if not marker and ("<" in text or "[" in text):
            found = SPECIAL_TOKENS.search(text)
            marker = found[0] if found else ""
            if not marker and self._program["eos"] and self._program["eos"] in text:
                marker = self._program["eos"]
        if marker:
            yield "foreign_markers", f"{marker!r} is in the {_SAID[role]}: {quoted(text, marker)}", marker

    def _too_long(self, values: Values, counts: Counter[str]) -> Iterator[tuple[str, str, str]]:
        if self._length is None or "text" in values.unknown or values.unknown:
            return
        size = sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text, _ in values.pieces)
        if size + AROUND <= self._length:
            return  # a token is a byte at least
        before = "".join(text for text, answer in values.pieces if not answer)
        text = "".join(text for text, _ in values.pieces)
        if self._tokenizer is not None:
            number = len(self._tokenizer(text))
            if number > self._length:
                gone = len(self._tokenizer(before)) >= self._length
                what = "nothing of the answer is left" if gone else "the end of the answer is cut off"
                yield "too_long", f"{number:,} tokens, but only {self._length:,} are kept: {what}", "tokens"
            return
        words = len(text.split())
        if words > self._length:
            gone = len(before.split()) >= self._length
            what = "nothing of the answer is left" if gone else "the end of the answer is cut off"
            many = f"{words:,} words, more than {self._length:,} tokens with any tokenizer"
            yield "too_long", f"{many}: {what}", "words"
        else:
            counts["not counted"] += 1

    # -- keys

    @staticmethod
    def _database(row: Mapping[str, Any], values: Values) -> str:
        for column in DATABASE_COLUMNS:
            value = row.get(column)
            if isinstance(value, (str, int)) and value != "":
                return str(value)
        return values.whole

    def _key(self, database: str, values: Values) -> tuple[int, int, int] | None:
        """Return hashes of (database, question), of the SQL, and of the database; None for a row without a question."""
        question = values.roles.get("question")
        if question is None:
            question = "".join(text for text, answer in values.pieces if not answer)
        if not question.strip() or not values.roles["sql"].strip():
            return None
        known = self._hashes.get(database)
        if known is None:
            if len(self._hashes) > KEPT_HASHES:
                self._hashes.clear()
            known = self._hashes[database] = hashed(database)
        same = f"{known} {' '.join(question.split()).casefold()}"
        sql = values.roles["sql"]
        return hashed(same), hashed(plain_sql(sql) if len(sql) <= self._longest else sql), known


_SAID = {"question": "question", "sql": "SQL", "schema": "schema"}


@lru_cache(maxsize=4)
def _tokenizer(path: str) -> Any:
    import os

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(path)
    made.no_truncation()
    made.no_padding()
    return lambda text: made.encode(text).ids


@lru_cache(maxsize=8)
def _checker(program: str, limits: Limits) -> Checker:
    return Checker(json.loads(program), limits)


def check_lines(program: Mapping[str, Any], path: str, start: int, size: int, number: int) -> dict[str, Any]:
    """Check a part of a file of lines, as `data_files.records.ranges` gives it, by a program."""
    batch = lines_of(path, start, size, number)
    return check(program, batch.numbers, batch.rows)


def check(program: Mapping[str, Any], numbers: Sequence[int], rows: Sequence[Any]) -> dict[str, Any]:
    """Check a batch of rows by a program (`Program.plain()`); see `Checker.check`."""
    return _checker(json.dumps(program), Limits()).check(numbers, rows)


_MADE: dict[str, Checker] = {}


def handle(task: dict[str, Any], limits: Limits, tell: Tell) -> Iterator[dict[str, Any]]:
    """Yield the result for each batch of a task: the handler that our own processes run."""
    name = task["program"]
    if name not in _MADE:
        with open(name, encoding="utf-8") as file:
            _MADE[name] = Checker(json.load(file), limits, tell)
    for item in task["items"]:
        tell("rows")
        if isinstance(item, dict):  # a part of a file, to be read here
            batch = lines_of(**item)
            yield _MADE[name].check(batch.numbers, batch.rows)
        else:
            yield _MADE[name].check(*item)
