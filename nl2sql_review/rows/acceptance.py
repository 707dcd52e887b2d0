"""Acceptance of a row's SQL on the row's schema: by SQLite first, then by sqlglot for what SQLite refuses.

Nothing is run: SQLite prepares the query on an empty database in memory. A refusal is classified by its
cause: a name that the schema lacks is wrong in every dialect, a word that SQLite does not accept may be valid
in another one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Literal, NamedTuple

from .engine import schema as schemas
from .engine.guarded import Guarded, Refused
from .engine.limits import Limits
from .engine.statement import tokens

Kind = Literal["accepted", "name", "syntax", "function", "other", "guard", "time", "schema", "no schema"]

KEPT = 256  # databases that stay open
ANSWERS = 50_000  # distinct pairs that are remembered
NAMES = re.compile(r"no such (?:column|table)|ambiguous column name|has no column named")
FUNCTION = re.compile(r"(?:no such function: |wrong number of arguments to function )(?P<name>\w+)")
# Compiled into some builds of SQLite only: that this one lacks them says nothing about the SQL.
SOME_BUILDS = frozenset(
    "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power "
    "radians sin sinh sqrt tan tanh trunc sign concat concat_ws string_agg iif format unixepoch timediff octet_length "
    "json json_extract json_each json_array_length soundex median percentile regexp match".split()
)
DIALECTS = ("postgres", "mysql", "tsql")  # tried where no word tells
SPOKEN = {
    "tsql": "T-SQL", "mysql": "MySQL", "postgres": "PostgreSQL", "bigquery": "BigQuery", "snowflake": "Snowflake",
    "oracle": "Oracle", "duckdb": "DuckDB", "spark": "Spark SQL", "clickhouse": "ClickHouse", "presto": "Presto",
    "sqlite": "SQLite",
}  # fmt: skip
TELLING = (
    ("tsql", re.compile(r"\bSELECT\s+(?:DISTINCT\s+)?TOP\b|\bGETDATE\(|\bDATEADD\(|\bISNULL\(", re.IGNORECASE)),
    ("postgres", re.compile(r"::|\bILIKE\b|\bDATE_TRUNC\(|\bINTERVAL\s+'", re.IGNORECASE)),
    (
        "mysql",
        re.compile(
            r"\bDATE_(?:SUB|ADD|FORMAT)\(|\bINTERVAL\s+\d|\bCURDATE\(|\bYEAR\(|\bCOUNT\(\s*DISTINCT\s+[\w.]+\s*,",
            re.IGNORECASE,
        ),
    ),
    ("oracle", re.compile(r"\bROWNUM\b|\bSYSDATE\b|\bNVL\(|\bFROM\s+DUAL\b", re.IGNORECASE)),
    ("snowflake", re.compile(r"\bQUALIFY\b|\bDATEDIFF\(\s*'?\w+'?\s*,[^,]+,[^,]+\)", re.IGNORECASE)),
    ("bigquery", re.compile(r"\bSAFE_|\bUNNEST\(|`[\w-]+\.[\w-]+", re.IGNORECASE)),
)
_TABLE = re.compile(
    r"CREATE\s+(?:TEMP\w*\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    r"""(?P<name>(?:(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[\w$]+)\s*\.\s*)*(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[\w$]+))\s*\(""",
    re.IGNORECASE,
)
_OWN = re.compile(r"CREATE\s+TABLE\s+[\"`\[]?sqlite_", re.IGNORECASE)  # SQLite makes these tables itself
_COLUMN = re.compile(r"""\s*("[^"]+"|`[^`]+`|\[[^\]]+\]|'[^']+'|[^\W\d][\w$]*)\s*(\w*)""")
_CONSTRAINTS = frozenset(
    "PRIMARY FOREIGN UNIQUE CHECK CONSTRAINT KEY INDEX FULLTEXT SPATIAL EXCLUDE PERIOD LIKE".split()
)


class Outcome(NamedTuple):
    """Verdict on an SQL text: `reading` is the dialect that accepts what SQLite does not, "" if none is known."""

    kind: Kind
    message: str = ""
    reading: str = ""


class Database(NamedTuple):
    """Empty database of a schema; `broken` is what does not load, `cut` means that its text ends early."""

    connection: Guarded | None
    broken: str = ""
    cut: bool = False


class Acceptance:
    """Judge of SQL on schemas, which judges each distinct pair once."""

    def __init__(self, limits: Limits, dialect: str = "") -> None:
        self._limits = limits
        self._dialect = "" if dialect == "sqlite" else dialect
        self._databases: OrderedDict[str, Database] = OrderedDict()
        self._answers: dict[tuple[str, str], Outcome] = {}
        self._lately = ""

    def judge(self, schema: str, sql: str) -> Outcome:
        """Return the verdict on `sql` for the schema in a text."""
        key = (schema, sql)
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= ANSWERS:
                self._answers.clear()
            known = self._answers[key] = self._judged(self.database(schema), sql)
        return known

    def database(self, schema: str) -> Database:
        """Return the empty database of a schema's text, made once while it is in use."""
        known = self._databases.get(schema)
        if known is not None:
            self._databases.move_to_end(schema)
            return known
        made = self._databases[schema] = loaded(schema, self._limits)
        if len(self._databases) > KEPT:
            _, old = self._databases.popitem(last=False)
            if old.connection is not None:
                old.connection.close()
        return made

    def _judged(self, database: Database, sql: str) -> Outcome:
        if database.connection is None:
            return Outcome("no schema")
        if self._dialect:
            return self._as_dialect(database, sql)
        if database.broken:
            return Outcome("schema", database.broken)
        outcome = explained(database.connection, sql)
        if outcome.kind == "accepted":
            return outcome
        if outcome.kind == "name" and database.cut:
            return Outcome("other", outcome.message)
        if outcome.kind in ("syntax", "function"):
            reading, named = self._read_as(database.connection, sql)
            if named is not None and not database.cut:
                return named  # its dialect is plain by its words, and a name is wrong in every dialect
            return outcome._replace(reading=reading)
        return outcome

    def _as_dialect(self, database: Database, sql: str) -> Outcome:
        """Judge SQL of a stated dialect: sqlglot parses it, and SQLite checks the names."""
        from .engine.dialect import to_sqlite

        try:
            translated = to_sqlite(sql, self._dialect)
        except Refused as refused:
            return Outcome("guard" if refused.kind == "guard" else "syntax", str(refused))
        assert database.connection is not None
        outcome = explained(database.connection, translated)
        if outcome.kind == "name" and not database.cut:
            return Outcome("schema", database.broken) if database.broken else outcome
        return Outcome("accepted") if outcome.kind in ("accepted", "function", "syntax", "name") else outcome

    def _read_as(self, connection: Guarded, sql: str) -> tuple[str, Outcome | None]:
        """Return (the dialect of the SQL, the verdict on its names if one is wrong).

        It is a dialect by which sqlglot parses the SQL, and whose translation SQLite then accepts, apart from names.
        """
        try:
            import sqlglot  # noqa: F401
        except ImportError:
            return "", None
        from .engine.dialect import to_sqlite

        told = [name for name, telling in TELLING if telling.search(sql)]
        for name in dict.fromkeys((*told, *([self._lately] if self._lately else []), *DIALECTS)):
            try:
                outcome = explained(connection, to_sqlite(sql, name))
            except Refused:
                continue
            if outcome.kind in ("accepted", "name") or (name in told and outcome.kind == "function"):
                self._lately = name
                return name, outcome if outcome.kind == "name" and name in told else None
        return "", None


def sqlglot_is_there() -> bool:
    """Return whether sqlglot is installed, so that dialects other than SQLite's can be recognized."""
    from importlib.util import find_spec

    return find_spec("sqlglot") is not None


def explained(connection: Guarded, sql: str) -> Outcome:
    """Return how a database takes a query that it only plans, not runs."""
    try:
        connection.explain(sql)
    except Refused as refused:
        text = str(refused)
        if refused.kind != "engine":
            return Outcome("guard" if refused.kind == "guard" else "time", text)
        if NAMES.search(text):
            return Outcome("name", text)
        found = FUNCTION.search(text)
        if found:
            builtin = found["name"].lower() in SOME_BUILDS
            return Outcome("accepted") if builtin else Outcome("function", text)
        return Outcome("name" if "misuse of" in text or "number of result columns" in text else "syntax", text)
    return Outcome("accepted")


def loaded(text: str, limits: Limits) -> Database:
    """Make the empty database of a schema's text, without what other engines add to names and types."""
    made = schemas.read(text)
    if not made.statements:
        return Database(None)
    statements = [statement for statement in made.statements if statement and not _OWN.match(statement)]
    connection, failed = Guarded.empty(statements, limits)
    if not failed:
        return Database(connection, cut=made.cut)
    twice = _twice(statements)
    if twice:
        return Database(connection, f"it has the table {twice} twice", made.cut)
    connection.close()
    connection, failed = Guarded.empty(map(simplified, statements), limits)
    return Database(connection, failed[0] if failed else "", made.cut)


def _twice(statements: list[str]) -> str:
    seen: set[str] = set()
    for statement in statements:
        found = _TABLE.match(statement)
        if found:
            name = found["name"].strip('"`[]').lower()
            if name in seen:
                return name
            seen.add(name)
    return ""


def simplified(statement: str) -> str:
    """Return a CREATE TABLE with only the names of its columns and their types; another statement as it is."""
    found = _TABLE.match(statement)
    if found is None:
        return statement
    body = statement[found.end() : statement.rindex(")") if ")" in statement[found.end() :] else len(statement)]
    starts = [0, *(token.end for token in tokens(body) if token.text == "," and token.depth == 0), len(body) + 1]
    columns = []
    for start, end in zip(starts, starts[1:]):
        column = _COLUMN.match(body[start : end - 1])
        if column and column[1].upper() not in _CONSTRAINTS:
            columns.append((column[1].strip("'"), column[2] if column[2].isascii() else ""))
    name = found["name"].rpartition(".")[2].lstrip()
    return schemas.table(name, columns) if columns else statement


def closed(text: str) -> str:
    """Return a truncated schema text with its last table closed after the whole columns: `t(a, b, c` → `t(a, b)`."""
    if re.search(r"\bCREATE\s", text, re.IGNORECASE):
        return text  # of a CREATE statement `schema.read` keeps the whole columns
    opened = text.rfind("(")
    if opened > text.rfind(")"):
        comma = text.rfind(",")
        return text[:comma] + ")" if comma > opened else text[: text.rfind("\n") + 1]
    if ":" in text and "|" in text and text.rfind(",") > text.rfind("|"):
        return text[: text.rfind(",")]
    return text
