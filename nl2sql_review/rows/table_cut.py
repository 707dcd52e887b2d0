"""Schema cut to a budget by whole tables, so that the rest can be trusted: no table or column is cut in two.

    from nl2sql_review.rows.table_cut import cut_schema

    schema = cut_schema(row["schema"], 1000, sql=row["sql"])    # for training
    schema = cut_schema(schema, 1000)                           # for asking: the SQL is not there

A slice such as `schema[:1000]` keeps what comes first, and in 8 % of Spider's rows removes what the SQL
needs: the model learns to name what it was not shown. This file imports only Python's own modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

FEWEST = 6  # columns a table keeps before tables are dropped
_CREATE = re.compile(r"\bCREATE\s+(?:TEMP\w*\s+)?TABLE\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_CONSTRAINT = re.compile(r"\s*(?:PRIMARY|FOREIGN|UNIQUE|CHECK|CONSTRAINT|KEY|INDEX)\b", re.IGNORECASE)


@dataclass(slots=True)
class Table:
    """Table of a schema's text: the text before its columns, the columns as written, the text after them."""

    head: str
    columns: list[str]
    tail: str

    @property
    def name(self) -> str:
        words = [word for word in _WORD.findall(self.head) if word.upper() not in _WORDS_OF_CREATE]
        return words[-1].lower() if words else ""

    def text(self, most: int, needed: frozenset[str]) -> str:
        """Return the table with at most `most` columns, in their order, the needed ones always included."""
        if len(self.columns) <= most:
            return self.head + ",".join(self.columns) + self.tail
        wanted = [at for at, column in enumerate(self.columns) if _first_word(column) in needed]
        others = [at for at, column in enumerate(self.columns) if at not in wanted and not _CONSTRAINT.match(column)]
        kept = sorted([*wanted, *others[: max(most - len(wanted), 0)]])
        return self.head + ",".join(self.columns[at] for at in kept).lstrip() + self.tail.lstrip()


_WORDS_OF_CREATE = frozenset("CREATE TEMP TEMPORARY TABLE IF NOT EXISTS".split())


def cut_schema(schema: str, limit: int, sql: str = "", seed: int = 0) -> str:
    """Return a schema of at most `limit` characters, made of whole tables; one that fits is returned as it is.

    Lists of columns are shortened before tables are dropped. The tables and columns that `sql` names are kept,
    and the budget is filled with others, all in an order drawn by `seed`, so that neither presence nor place
    gives a table away. Without `sql`, as when the model is prompted, the result has whole tables in that same
    order. The result exceeds the limit only if what the SQL needs is longer by itself.
    """
    if len(schema) <= limit:
        return schema
    tables, between = tables_of(schema)
    if not tables:
        return schema[:limit]
    named = frozenset(word.lower() for word in _WORD.findall(sql))
    needed = [table for table in tables if table.name in named] if sql else []
    order = list(tables)
    draw = Random(f"{seed} {schema}")
    draw.shuffle(order)
    for most in range(max(len(table.columns) for table in tables), FEWEST - 1, -1):
        made = between.join(table.text(most, named) for table in order)
        if len(made) <= limit:
            return made
    kept, most = _filled(order, needed, named, between, limit)
    draw.shuffle(kept)  # those that are needed would else come late
    return between.join(table.text(most, named) for table in kept)[: max(limit, 0) if not needed else None]


def _filled(
    order: list[Table], needed: list[Table], named: frozenset[str], between: str, limit: int
) -> tuple[list[Table], int]:
    """Return (the needed tables and as many others as fit, the number of columns that each keeps)."""
    for most in (FEWEST, 0):
        texts = {id(table): table.text(most, named) for table in order}
        kept = {id(table) for table in needed}
        used = sum(len(texts[one]) + len(between) for one in kept)
        if used <= limit + len(between) or not most:
            break
    for table in order:
        size = len(texts[id(table)]) + len(between)
        if id(table) not in kept and used + size <= limit + len(between):
            kept.add(id(table))
            used += size
    if not kept:  # not even one fits
        return order[:1], 1
    return [table for table in order if id(table) in kept], most


def tables_of(schema: str) -> tuple[list[Table], str]:
    """Return the tables of a text and the separator between them: DDL, `t(c, c)` by lines, or `t : c , c | …`."""
    starts = [found.start() for found in _CREATE.finditer(schema)]
    if starts:
        pieces = [schema[start:end] for start, end in zip(starts, [*starts[1:], len(schema)])]
        tables = [table for piece in pieces if (table := _ddl(piece)) is not None]
        semicolon = ";" if ";" in schema else ""
        return tables, semicolon + ("\n\n" if "\n\n" in schema else "\n" if "\n" in schema else " ")
    if "|" in schema and ":" in schema:
        parts = [part.partition(":") for part in schema.strip(" |").split("|")]
        if all(colon for _, colon, _ in parts):
            return [Table(f"{head.strip()} :", rest.rstrip().split(","), "") for head, _, rest in parts], " | "
    lines = [_ddl(line) for line in schema.splitlines() if line.strip()]
    tables = [table for table in lines if table is not None]
    return (tables, "\n") if len(tables) == len(lines) else ([], "")


def _ddl(piece: str) -> Table | None:
    """Read `CREATE TABLE t (a INT, b INT) …` or `t(a, b)`, without what follows the closing parenthesis."""
    opened = piece.find("(")
    if opened < 0:
        return None
    depth, starts, end = 0, [opened + 1], len(piece)
    for at, char in _signs(piece, opened):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 1:
            starts.append(at + 1)
        if depth == 0:
            end = at
            break
    columns = [piece[start : stop - 1] for start, stop in zip(starts, [*starts[1:], end + 1])]
    kept = columns[-1].rstrip()
    columns[-1], space = kept, columns[-1][len(kept) :]
    return Table(piece[: opened + 1], columns, space + ")") if any(map(str.strip, columns)) else None


def _signs(text: str, start: int) -> list[tuple[int, str]]:
    """Return the parentheses and commas from a position on, without those in quotes."""
    found = []
    quote = ""
    for at in range(start, len(text)):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char in "(),":
            found.append((at, char))
    return found


def _first_word(column: str) -> str:
    found = _WORD.search(column)
    return found[0].lower() if found else ""
