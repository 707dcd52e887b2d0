"""Requests in comments: `# nl2sql: ignore[lora/rank] reason`, `# nl2sql: ignore-file[...]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..source.spans import Span

if TYPE_CHECKING:
    from ..source import Source
    from ..source.comments import Request

_REQUEST = re.compile(r"#[ \t]*nl2sql[ \t]*:[ \t]*(?P<verb>[\w-]*)(?P<rest>.*)", re.DOTALL)
_RULES = re.compile(r"\[(?P<rules>[^\]\[]*)\]")
_RULE = re.compile(r"[a-z][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*(?:=[^\s=]+)?)?\Z")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A request to silence `rules` (ids or sections; empty: every rule) from first_row to last_row, both included.

    `lora/rank=32` silences the rule for that value only.

    row and column are those of the request itself. A file-level request holds for the whole file (in a notebook
    for every cell), whatever its rows are.
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
    """A malformed request, which silences nothing."""

    message: str
    span: Span


class Requests(NamedTuple):
    """All requests in one source."""

    suppressions: list[Suppression]
    errors: list[SuppressionError]


def read(source: Source) -> Requests:
    """Return the requests in the comments of a source, with their places in its file."""
    asked = Requests([], [])
    for request in source.requests:
        found = _understood(request)
        if isinstance(found, Suppression):
            asked.suppressions.append(found)
        else:
            span = Span(request.row, request.column, request.row, request.column + len(request.text), request.cell)
            asked.errors.append(SuppressionError(found, span))
    return asked


def _understood(request: Request) -> Suppression | str:
    """Return the suppression that a request asks for, or a message if it is malformed."""
    match = _REQUEST.match(request.text)
    assert match is not None  # the comment was found by its start
    verb, rest = match["verb"], match["rest"]
    if verb not in ("ignore", "ignore-file"):
        return f"unknown request '{verb}': write ignore[rule] or ignore-file[rule]"
    rules: tuple[str, ...] = ()
    if rest.lstrip().startswith("["):
        rest = rest.lstrip()
        listed = _RULES.match(rest)
        if listed is None:
            return f"'{verb}[' is not closed: write {verb}[rule, rule] reason"
        rules = tuple(rule.strip() for rule in listed["rules"].split(",") if rule.strip())
        if not rules:
            return f"{verb}[] names no rule: name one, or remove the brackets to ignore every rule"
        for rule in rules:
            if not _RULE.match(rule):
                return f"'{rule}' is not the name of a rule or section"
        rest = rest[listed.end() :]
    elif rest and not rest[0].isspace() and rest[0] not in ":#":
        return f"unknown request '{verb}{rest.split()[0]}': write {verb}[rule] reason"
    reason = rest.split(" #")[0].strip(" \t:-–—")
    _, row, column, cell, first, last = request
    return Suppression(rules, reason, row, column, cell, first, last, verb == "ignore-file")
