"""Properties of an SQL text by its words, without a parser: number of statements, kind, order, clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

QUERIES = frozenset(("SELECT", "WITH", "VALUES"))
# Statements of SQLite that are no query.
COMMANDS = frozenset(
    "ALTER ANALYZE ATTACH BEGIN COMMIT CREATE DELETE DETACH DROP END EXPLAIN INSERT PRAGMA REINDEX RELEASE REPLACE "
    "ROLLBACK SAVEPOINT UPDATE VACUUM".split()
)
# Statements of other engines that are no query.
ELSEWHERE = frozenset("CALL COPY DESCRIBE EXEC EXECUTE GRANT LOAD MERGE RENAME REVOKE SET SHOW TRUNCATE USE".split())
CLAUSES = (
    "join",
    "where",
    "group by",
    "having",
    "order by",
    "limit",
    "distinct",
    "aggregate",
    "nested",
    "set operation",
)
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<string>'[^']*(?:''[^']*)*'?)
      | (?P<name>"[^"]*(?:""[^"]*)*"?|`[^`]*(?:``[^`]*)*`?|\[[^\]]*\]?)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<number>[\d.]+(?:[eE][+-]?\d+)?)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_AGGREGATES = frozenset(("COUNT", "SUM", "AVG", "MIN", "MAX", "TOTAL", "GROUP_CONCAT"))
_BY_WORD = {"JOIN": "join", "WHERE": "where", "HAVING": "having", "LIMIT": "limit", "DISTINCT": "distinct"}
_BY_WORD |= dict.fromkeys(("UNION", "INTERSECT", "EXCEPT"), "set operation")


@dataclass(frozen=True, slots=True)
class Token:
    """Piece of SQL: its kind (space, string, name, word, number, sign), text, offset, and depth in parentheses."""

    kind: str
    text: str
    start: int
    depth: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Statement:
    """Properties of an SQL text.

    It contains `count` statements, the first of which begins with `verb` (upper case, empty if it begins with no
    word); `ordered`: its outermost query has ORDER BY; `clauses`: those of CLAUSES that occur at any depth.
    """

    count: int
    verb: str
    ordered: bool
    clauses: tuple[str, ...]


def tokens(sql: str) -> Iterator[Token]:
    """Yield the pieces of an SQL text; comments are space. An unclosed string or comment ends with the text."""
    depth = 0
    for found in _TOKEN.finditer(sql):
        text = found.group()
        depth -= text == ")"
        yield Token(found.lastgroup or "sign", text, found.start(), depth)
        depth += text == "("


@lru_cache(maxsize=8192)
def read(sql: str) -> Statement:
    """Read the properties of an SQL text from its words."""
    count, verb, ordered, inside = 0, "", False, False
    clauses: set[str] = set()
    before = ""
    for token in tokens(sql):
        if token.kind == "space":
            continue
        if token.text == ";":
            inside = False
            continue
        word = token.text.upper() if token.kind == "word" else token.text
        if not inside:
            count, inside = count + 1, True
            if count == 1 and token.kind == "word":
                verb = word
        if token.kind == "word":
            if word in _BY_WORD:
                clauses.add(_BY_WORD[word])
            elif word == "BY" and before in ("ORDER", "GROUP"):
                clauses.add(f"{before.lower()} by")
                ordered = ordered or (before == "ORDER" and token.depth == 0)
            elif word == "SELECT" and token.depth > 0:
                clauses.add("nested")
        elif word == "(" and before in _AGGREGATES:
            clauses.add("aggregate")
        before = word
    return Statement(count, verb, ordered, tuple(clause for clause in CLAUSES if clause in clauses))


_BEGINS = re.compile(r"\s*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)


def is_plainly_one_query(sql: str) -> bool:
    """Return whether a text is one query by its first word and without a semicolon, which is cheap and common."""
    return _BEGINS.match(sql) is not None and ";" not in sql.rstrip("; \t\r\n")


def objection(sql: str) -> str:
    """Return why a text is not one query, before any engine gets it, or "" if it may be one."""
    if "\0" in sql:
        return "it contains a null character"
    if not sql.isascii() and any("\ud800" <= char <= "\udfff" for char in sql):
        return "it is not text: it contains half of a surrogate pair"
    if is_plainly_one_query(sql):
        return ""
    said = read(sql)
    if said.count == 0:
        return "it contains no statement"
    if said.count > 1:
        return f"{said.count} statements; only a single query is run"
    if said.verb in COMMANDS or said.verb in ELSEWHERE:
        return f"{said.verb} is not a query"
    return ""
