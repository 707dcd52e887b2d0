"""One pure function over a batch of rows, for any caller: a process of our pool, or an engine of many machines.

    check(program, numbers, rows) -> {"defects": […], "keys": […], …}

All inputs and outputs are JSON's own types. A row is evaluated as the script would, by `expressions`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..data_files.records import kind_of, lines_of, row_of
from .acceptance import SPOKEN, Acceptance, Database, closed
from .engine.child import Tell
from .engine.limits import Limits
from .engine.statement import COMMANDS, ELSEWHERE, QUERIES, is_plainly_one_query, read
from .expressions import Compiler, Evaluate, NotKnown, Raises
from .texts import ENTITY, FENCE, SPECIAL_TOKENS, bare, hashed, plain_sql, quoted

DATABASE_COLUMNS = ("db_id", "db_name", "database", "database_id", "db")
SCHEMA_COLUMNS = ("schema", "context", "sql_context", "create_table", "ddl", "db_schema", "table_schema")
NO_TEXT = ("", "none", "null", "nan")
ROLES = ("schema", "question", "sql")
AROUND = 2  # tokens that a tokenizer may set around a text: BOS and EOS
KEPT_HASHES = 50_000  # of the names, or the schemas, of databases


class Values:
    """Values of a row: the holes of its training text by role, its text in pieces, and what is unknown of it."""

    __slots__ = ("roles", "whole", "pieces", "unknown", "limit", "cut", "no_text")

    def __init__(self) -> None:
        self.roles: dict[str, str] = {}
        self.whole = ""  # the schema before it was cut
        self.pieces: list[tuple[str, bool]] = []  # text, and whether it is the answer
        self.no_text: dict[str, str] = {}  # role -> what it is instead
        self.unknown: dict[str, str] = {}  # role -> why it is not known; "text" for the whole
        self.limit: int | None = None
        self.cut = False


class Checker:
    """Checker of rows by one program."""

    def __init__(self, program: Mapping[str, Any], limits: Limits | None = None, tell: Tell | None = None) -> None:
        self._program = program
        self._tell = tell
        self._tokenizer = _tokenizer(program["tokenizer"]) if program["tokenizer"] else None
        # A token that is not known is shown as what stands for it.
        tokens = {name: program[name] or f"{{tokenizer.{name}_token}}" for name in ("eos", "bos")}
        compiler = Compiler(tokens, self._tokenizer)
        self._texts = [[self._piece(piece, compiler) for piece in pieces] for pieces in program["texts"]]
        self._filters = [compiler.compile(made) for made in program["filters"]]
        self._lacking = dict.fromkeys(program["columns"]) if program["table"] else {}
        self._texts_in = program["texts_in"]
        self._columns = frozenset(program["columns"])
        self._markers = [marker for marker in program["markers"] if marker]
        self._length = program["length"]
        self._longest = (limits or Limits()).sql_length
        self._acceptance = Acceptance(limits or Limits(), program["dialect"]) if program["sql"] else None
        roles = {role for pieces in program["texts"] for piece in pieces for role in piece.get("roles", ())}
        self._has = {role: role in roles for role in ROLES}
        self._hashes: dict[str, int] = {}

    @staticmethod
    def _piece(piece: Mapping[str, Any], compiler: Compiler) -> dict[str, Any]:
        if "hole" not in piece:
            return dict(piece)
        whole = piece["whole"] if piece["whole"] != piece["hole"] else None
        return {
            **piece,
            "role": next((role for role in ROLES if role in piece["roles"]), ""),
            "is_eos": "eos" in piece["roles"],
            "evaluate": compiler.compile(piece["hole"]),
            "uncut": compiler.compile(whole) if whole is not None and piece["kind"] else None,
        }

    def check(self, numbers: Sequence[int], rows: Sequence[Any]) -> dict[str, Any]:
        """Check rows (dicts or lines of JSON) with these `numbers`; return what `report.Found` adds up."""
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
        values = self._values({**self._lacking, **given})
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
        kept = self._kept(row, unknown)
        if kept is False:
            counts["dropped"] += 1
            del defects[before:]
            return
        if not self._texts:
            return
        values = self._values(row)
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

    # -- evaluation

    def _kept(self, row: Mapping[str, Any], unknown: Counter[str]) -> bool | None:
        """Return whether the script's filters keep a row; None if that is unknown."""
        known: bool | None = True
        for evaluate in self._filters:
            try:
                if not evaluate(row, []):
                    return False
            except Raises:
                known = None if known else known
            except NotKnown as error:
                unknown[f"filter: {error}"] += 1
                known = None
        return known

    def _values(self, row: Mapping[str, Any]) -> Values:
        made = [self._text(row, pieces) for pieces in self._texts]
        if len(made) == 1:
            return made[0]
        first = made[0]
        for other in made[1:]:
            _agree(first, other)
        return first

    def _text(self, row: Mapping[str, Any], pieces: Sequence[Mapping[str, Any]]) -> Values:
        values = Values()
        answer = False
        for piece in pieces:
            if "turn" in piece:
                answer = piece["turn"] in ("completion", "assistant")
                continue
            if "text" in piece:
                values.pieces.append((piece["text"], answer))
                continue
            evaluate: Evaluate = piece["evaluate"]
            role = piece["role"]
            try:
                value = evaluate(row, [])
            except Raises as error:
                values.unknown["raises"] = str(error)
                return values
            except NotKnown as error:
                if not piece["is_eos"]:
                    values.unknown[role or "text"] = str(error)
                continue
            text = value if isinstance(value, str) else "" if value is None and role else str(value)
            if role and not isinstance(value, (str, type(None), int, float)):
                values.no_text[role] = kind_of(value)
            if role == "schema":
                self._schema(row, piece, text, values)
            if role:
                values.roles[role] = f"{values.roles[role]}\n{text}" if role in values.roles else text
            values.pieces.append((str(value), answer or role == "sql"))
        return values

    @staticmethod
    def _schema(row: Mapping[str, Any], piece: Mapping[str, Any], text: str, values: Values) -> None:
        whole = text
        if piece["uncut"] is not None:
            try:
                whole = str(piece["uncut"](row, []) or "")
            except (Raises, NotKnown):
                whole = text
            cut_off = piece["kind"] == "tables" or whole.startswith(text.rstrip())
            if whole.rstrip() != text.rstrip() and not cut_off:
                whole = text  # put together anew rather than cut
            values.cut, values.limit = whole.rstrip() != text.rstrip(), piece["limit"]
        values.whole = f"{values.whole}\n{whole}" if values.whole else whole

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
            yield from self._statement(row, values, counts)
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

    def _statement(
        self, row: Mapping[str, Any], values: Values, counts: Counter[str]
    ) -> Iterator[tuple[str, str, str]]:
        sql = bare(values.roles["sql"])
        if len(sql) > self._longest:
            why = f"it is {len(sql):,} characters long; the limit is {self._longest:,}"
            yield "refused_sql", f"not run: {why}: {quoted(sql[:1000])}", "guard"
            return
        if "\0" in sql:  # with or without a schema to ask
            yield "refused_sql", f"not run: it contains a null character: {quoted(sql)}", "guard"
            return
        plainly = is_plainly_one_query(sql)
        if not plainly:
            said = read(sql)
            if said.count > 1:
                yield "statements", f"{said.count} statements, not one query: {quoted(sql)}", "several"
                return
            if said.verb in COMMANDS or said.verb in ELSEWHERE:
                yield "statements", f"{said.verb} is not a query: {quoted(sql)}", said.verb
                return
            if not said.count:
                return
        if self._acceptance is None:
            return
        if self._tell is not None:
            self._tell("sql")
        schema = self._schema_of(row, values)
        if not schema:
            counts["without schema"] += 1
            return
        outcome = self._acceptance.judge(schema, sql)
        counts[f"sql {outcome.kind}"] += 1
        if outcome.kind == "accepted":
            yield from self._lost(values, schema, sql, counts)
        elif outcome.kind == "name":
            yield "refused_sql", f"invalid on the row's schema: {outcome.message}: {quoted(sql)}", "name"
        elif outcome.kind in ("syntax", "function"):
            read_as = f"; it is valid {SPOKEN[outcome.reading]}" if outcome.reading else ""
            dialect = self._program["dialect"] or "sqlite"
            query = plainly or read(sql).verb in QUERIES
            what = f"it is not valid {SPOKEN.get(dialect, dialect)}" if query else "it is not a query"
            yield "refused_sql", f"{what}: {outcome.message}{read_as}: {quoted(sql)}", outcome.reading or "syntax"
        elif outcome.kind in ("guard", "time"):
            yield "refused_sql", f"not run: {outcome.message}: {quoted(sql)}", "guard"
        elif outcome.kind == "schema":
            yield "broken_schemas", f"the row's schema does not load: {outcome.message}", outcome.message

    def _schema_of(self, row: Mapping[str, Any], values: Values) -> str:
        """Return the schema to judge a row's SQL by: that of its prompt before the cut, else another one at hand."""
        whole = values.whole.strip()
        if whole and self._loads(whole):
            return whole
        known = self._program["schemas"]
        if known:
            name = next((str(row[column]) for column in DATABASE_COLUMNS if row.get(column)), "")
            if name in known or "" in known:
                return str(known.get(name) or known.get("", ""))
        for column in SCHEMA_COLUMNS:
            text = row.get(column)
            if isinstance(text, str) and text.strip() and self._loads(text):
                return text
        prompt = "".join(text for text, answer in values.pieces if not answer)
        return prompt if "CREATE" in prompt.upper() and self._loads(prompt) else ""

    def _loads(self, text: str) -> bool:
        assert self._acceptance is not None
        return self._acceptance.database(text).connection is not None

    def _lost(self, values: Values, schema: str, sql: str, counts: Counter[str]) -> Iterator[tuple[str, str, str]]:
        """Yield what the SQL needs and the cut of the schema removed."""
        if not values.cut or schema != values.whole.strip() or self._acceptance is None:
            return
        counts["cut"] += 1
        left = closed(values.roles["schema"])
        database = self._acceptance.database(left)
        if database.connection is None:
            message = f"truncation at {values.limit} characters leaves no complete table of the schema"
            yield "lost_by_cut", message, "all"
            return
        outcome = self._acceptance.judge(left, sql) if not database.cut else self._on_cut(database, sql)
        if outcome.kind == "name":
            name = outcome.message.partition(": ")[2] or outcome.message
            what = "table" if "table" in outcome.message else "column"
            yield (
                "lost_by_cut",
                f"truncation at {values.limit} characters removes the {what} {name} that the SQL needs: {quoted(sql)}",
                name,
            )

    @staticmethod
    def _on_cut(database: Database, sql: str) -> Any:
        from .acceptance import _explained

        assert database.connection is not None
        return _explained(database.connection, sql)

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


def _agree(first: Values, other: Values) -> None:
    """Keep the values in which two branches agree. If a schema is cut only when needed, the shorter text counts."""
    for role in dict.fromkeys((*first.roles, *other.roles)):
        one, two = first.roles.get(role), other.roles.get(role)
        if one == two:
            continue
        if one is not None and two is not None and (one.startswith(two) or two.startswith(one)) and role == "schema":
            shorter = first if len(one) < len(two) else other
            first.roles[role] = shorter.roles[role]
            first.cut, first.limit = first.cut or other.cut, first.limit or other.limit
            first.whole = max(first.whole, other.whole, key=len)
        else:
            first.unknown[role] = "it depends on a branch of the script"
            if one is None and two is not None:
                first.roles[role] = two
                first.unknown.pop(role)
    if "raises" in other.unknown and "raises" not in first.unknown:
        first.unknown["text"] = "it depends on a branch of the script"


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
