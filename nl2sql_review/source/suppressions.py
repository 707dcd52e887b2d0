"""What comments ask and say: `# nl2sql: ignore[lora/rank] reason`, `# nl2sql: ignore-file[...]`, `# gpu: 16GB`."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from .lexer import Comment, Lexer
from .outline import Outline
from .spans import Lines, Span

_MENTION = re.compile(r"#[ \t]*(?:nl2sql|gpu|processes)[ \t]*:")
_REQUEST = re.compile(r"#[ \t]*nl2sql[ \t]*:[ \t]*(?P<verb>[\w-]*)(?P<rest>.*)", re.DOTALL)
_RULES = re.compile(r"\[(?P<rules>[^\]\[]*)\]")
_RULE = re.compile(r"[a-z][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*(?:=[^\s=]+)?)?\Z")
_SAID = re.compile(
    r"#[ \t]*(?:(?P<gpu>gpu)[ \t]*:[ \t]*(?P<card>[^#]*)|processes[ \t]*:[ \t]*(?P<count>[1-9]\d{0,3})[ \t]*(?:#|$))"
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A request to silence `rules` (ids or sections; empty: every rule) from first_row to last_row, both included.

    `lora/rank=32` asks it for one value alone.

    row and column are those of the request itself. File-level ones hold for the whole file (in a notebook for every
    cell), whatever their rows say.
    """

    rules: tuple[str, ...]
    reason: str
    row: int
    column: int
    cell: int | None
    first_row: int
    last_row: int
    file_level: bool


@dataclass(frozen=True, slots=True)
class SuppressionError:
    """A request that cannot be understood, and so silences nothing."""

    message: str
    span: Span


class Requests(NamedTuple):
    """Everything asked for in one program; rows are those of the program."""

    suppressions: list[Suppression]
    errors: list[SuppressionError]
    directives: dict[str, str]


def read(text: str, outline: type[Lexer] | type[Outline] = Lexer) -> Requests:
    """The requests in the real comments of `text`; strings and docstrings ask nothing."""
    requests = Requests([], [], {})
    if not _MENTION.search(text):
        return requests
    lexer = outline(Lines(text)).run()
    for comment in lexer.comments:
        if match := _REQUEST.search(comment.text):
            _request(match, comment, lexer, requests)
        elif comment.alone and (match := _SAID.match(comment.text.rstrip())):
            said = (match["card"] if match["gpu"] else match["count"]).strip()
            if said:
                requests.directives.setdefault(match["gpu"] or "processes", said)
    return requests


def _request(match: re.Match[str], comment: Comment, lexer: Lexer | Outline, requests: Requests) -> None:
    column = comment.column + match.start()
    span = Span(comment.row, column, comment.row, comment.column + len(comment.text))

    def wrong(message: str) -> None:
        requests.errors.append(SuppressionError(message, span))

    verb, rest = match["verb"], match["rest"]
    if verb not in ("ignore", "ignore-file"):
        return wrong(f"unknown request '{verb}': write ignore[rule] or ignore-file[rule]")
    rules: tuple[str, ...] = ()
    if rest.lstrip().startswith("["):
        rest = rest.lstrip()
        listed = _RULES.match(rest)
        if listed is None:
            return wrong(f"'{verb}[' is not closed: write {verb}[rule, rule] reason")
        rules = tuple(rule.strip() for rule in listed["rules"].split(",") if rule.strip())
        if not rules:
            return wrong(f"{verb}[] names no rule: name one, or remove the brackets to ignore every rule")
        for rule in rules:
            if not _RULE.match(rule):
                return wrong(f"'{rule}' is not the name of a rule or section")
        rest = rest[listed.end() :]
    elif rest and not rest[0].isspace() and rest[0] not in ":#":
        return wrong(f"unknown request '{verb}{rest.split()[0]}': write {verb}[rule] reason")
    reason = rest.split(" #")[0].strip(" \t:-–—")
    first, last = (1, len(lexer.lines)) if verb == "ignore-file" else _statement(lexer, comment.row)
    requests.suppressions.append(
        Suppression(rules, reason, comment.row, column, None, first, last, verb == "ignore-file")
    )


def _statement(lexer: Lexer | Outline, row: int) -> tuple[int, int]:
    """The rows of the statement that a comment on `row` stands in, or of the next one if it stands alone.

    A compound statement counts with its header only, a decorated one with its decorators.
    """
    logical = lexer.logical
    index = bisect_left(logical, row, key=lambda rows: rows[1])
    if index == len(logical):
        return row, row
    first, last = logical[index]
    if first <= row:
        return first, last
    while lexer.lines[logical[index][0]].lstrip().startswith("@") and index + 1 < len(logical):
        index += 1
    return first, logical[index][1]
