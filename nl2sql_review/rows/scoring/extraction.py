"""Extraction of the SQL from a model's answer.

The rule. The answer ends at the first end-of-turn token (`</s>`, `<|im_end|>`, …). If code fences hold SQL,
their content is the SQL. Otherwise it begins at the start of the answer if a statement begins there, else at
the first line, or after the first colon, where one begins. It ends at its semicolon, or at an empty line
after which it does not continue. Text around it makes the answer chatty. If that text holds another
statement, nothing is extracted: several statements are never cut down to the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..engine.statement import COMMANDS, tokens

_END = re.compile(
    r"</s>|<\|(?:im_end|eot_id|eom_id|end_of_text|endoftext|end|end_of_turn)\|>|<end_of_turn>|<EOT>|<｜end▁of▁sentence｜>"
)
_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\r?\n?(.*?)(?:```|\Z)", re.DOTALL)
_NAME = r"""(?:\w+|"[^"]+"|`[^`]+`|\[[^\]]{1,200}\])"""
_WITH = rf"WITH\s+(?:RECURSIVE\s+)?{_NAME}\s*(?:\([^()]*\)\s*)?AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\("
_QUERY = rf"SELECT\b|VALUES\s*\(|{_WITH}"
# Other statements, with as much of each as no English sentence begins with.
_OTHER = (
    r"INSERT\s+(?:OR\s+\w+\s+)?INTO\b|REPLACE\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b|TRUNCATE\s+TABLE\b"
    r"|(?:CREATE|DROP|ALTER)\s+(?:TEMP(?:ORARY)?\s+|UNIQUE\s+)?(?:TABLE|VIEW|INDEX|TRIGGER|DATABASE|VIRTUAL)\b"
    r"|PRAGMA\s+\w+|ATTACH\s+(?:DATABASE\s+)?['\"]|DETACH\s+\w+\s*;|VACUUM\b|SAVEPOINT\s+\w+|EXPLAIN\s+(?:QUERY|SELECT)\b"
    r"|(?:BEGIN|COMMIT|END|ROLLBACK|ANALYZE|REINDEX)(?:\s+(?:DEFERRED|IMMEDIATE|EXCLUSIVE|TRANSACTION))*\s*(?:;|\Z)"
)
_BEGINS = re.compile(rf"(?:{_QUERY}|{_OTHER})", re.IGNORECASE)
_PLACE = re.compile(rf"(?:^[ \t]*|:[ \t*]*)(?P<tick>`?)(?={_QUERY}|{_OTHER})", re.IGNORECASE | re.MULTILINE)
_COMMENTS = re.compile(r"\A(?:--[^\n]*(?:\n\s*|\Z)|/\*.*?\*/\s*)+", re.DOTALL)
_GOES_ON = frozenset(
    "FROM WHERE GROUP ORDER HAVING LIMIT OFFSET UNION INTERSECT EXCEPT JOIN LEFT RIGHT FULL INNER OUTER CROSS NATURAL "
    "ON USING AND OR NOT IN AS CASE WHEN THEN ELSE END WINDOW".split()
)
# A query may follow these.
_JOINS = frozenset(("UNION", "ALL", "INTERSECT", "EXCEPT", "AS", "FROM", "WHERE", "IN", "("))


@dataclass(frozen=True, slots=True)
class Extracted:
    """SQL of an answer; empty if there is none, or if `refused` gives a reason. `chatty`: there is text around it."""

    sql: str
    chatty: bool = False
    refused: str = ""


def extract(answer: str) -> Extracted:
    """Find the one statement in an answer, by the rule of this module."""
    text = _END.split(answer, maxsplit=1)[0].strip()
    said = bool(text)
    if "```" in text:
        blocks = [block.strip() for block in _FENCE.findall(text)]
        different = {" ".join(block.rstrip("; \n").split()): block for block in blocks if _BEGINS.match(block)}
        if len(different) > 1:
            return Extracted("", True, f"{len(different)} different statements in its code blocks")
        if different:
            return _first(next(iter(different.values())), chatty=True)
        text = text.replace("```", "\n")
    text = _COMMENTS.sub("", text.strip())
    if _BEGINS.match(text):
        return _first(text)
    place = _PLACE.search(text)
    if place is None:
        return Extracted("", chatty=said)
    text = text[place.end() :]
    if place["tick"]:
        line, newline, after = text.partition("\n")
        sql, tick, rest = line.rpartition("`")
        text = f"{sql}\n\n{rest}{newline}{after}" if tick else text
    return _first(text, chatty=True)


def _first(text: str, chatty: bool = False) -> Extracted:
    """Return the statement at the start of a text, unless another one follows."""
    end = _end(text)
    sql, rest = text[:end].strip(), text[end:].strip("; \t\r\n`*")
    if _PLACE.search(rest) or any(_is_statement(part) for part in rest.split(";")):
        return Extracted("", chatty, "more than one statement")
    return Extracted(sql, chatty or bool(rest))


def _is_statement(text: str) -> bool:
    """Return whether the text after a semicolon is a statement of SQLite's."""
    text = _COMMENTS.sub("", text.strip())
    word = re.match(r"\w*", text)
    return _BEGINS.match(text) is not None or (word is not None and word[0].upper() in COMMANDS)


def _end(text: str) -> int:
    """Return the offset where the statement at the start of a text ends."""
    blank = 0  # where an empty line began, behind which nothing has come yet
    before = ""
    selected = not text[:4].upper() == "WITH"  # whether the query that a WITH is for has begun
    for token in tokens(text):
        if token.text == ";" and token.kind == "sign":
            return token.start
        if token.kind == "space":
            if token.depth == 0 and re.search(r"\n[ \t\r]*\n", token.text):
                blank = blank or token.start
            continue
        word = token.text.upper()
        begins = word in ("SELECT", "VALUES") and token.depth == 0
        if blank and not (word in _GOES_ON or word in ",()=<>+-*/|" or before in _JOINS or (begins and not selected)):
            return blank
        selected = selected or begins
        blank, before = 0, word
    return len(text)
