"""The SQL of a row: whether it is one query, and whether its database accepts it, before and after the cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .acceptance import SPOKEN, Acceptance, closed, explained
from .engine.child import Tell
from .engine.limits import Limits
from .engine.statement import COMMANDS, ELSEWHERE, QUERIES, is_plainly_one_query, read
from .row_values import Values
from .texts import bare, quoted

DATABASE_COLUMNS = ("db_id", "db_name", "database", "database_id", "db")
SCHEMA_COLUMNS = ("schema", "context", "sql_context", "create_table", "ddl", "db_schema", "table_schema")


class SqlCheck:
    """Checks of the SQL in rows of one program. Without `sql` in the program no SQL is run."""

    def __init__(self, program: Mapping[str, Any], limits: Limits, tell: Tell | None) -> None:
        self._program = program
        self._longest = limits.sql_length
        self._tell = tell
        self._acceptance = Acceptance(limits, program["dialect"]) if program["sql"] else None

    def defects(self, row: Mapping[str, Any], values: Values, counts: Counter[str]) -> Iterator[tuple[str, str, str]]:
        """Yield (kind, message, what counts as the same) for each defect; `counts` has how many were judged."""
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
        outcome = explained(database.connection, sql) if database.cut else self._acceptance.judge(left, sql)
        if outcome.kind == "name":
            name = outcome.message.partition(": ")[2] or outcome.message
            what = "table" if "table" in outcome.message else "column"
            yield (
                "lost_by_cut",
                f"truncation at {values.limit} characters removes the {what} {name} that the SQL needs: {quoted(sql)}",
                name,
            )
