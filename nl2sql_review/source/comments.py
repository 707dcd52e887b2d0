"""Comments for the reviewer: `# nl2sql: ignore[lora/rank] reason`, `# gpu: 16GB`, `# processes: 2`."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from .lexer import Lexer
from .outline import Outline
from .spans import Lines

_MENTION = re.compile(r"#[ \t]*(?:nl2sql|gpu|processes)[ \t]*:")
_REQUEST = re.compile(r"#[ \t]*nl2sql[ \t]*:")
_SAID = re.compile(
    r"#[ \t]*(?:(?P<gpu>gpu)[ \t]*:[ \t]*(?P<card>[^#]*)|processes[ \t]*:[ \t]*(?P<count>[1-9]\d{0,3})[ \t]*(?:#|$))"
)


class Request(NamedTuple):
    """A comment from its `# nl2sql:` on, with its place and the rows of its statement, both included.

    That is the statement in whose rows the comment lies, or the next one if it stands alone; a compound statement
    counts with its header only, a decorated one with its decorators.
    """

    text: str
    row: int
    column: int
    cell: int | None
    first_row: int
    last_row: int


class Comments(NamedTuple):
    """Content of the reviewer's comments in one program; rows are those of the program."""

    requests: list[Request]
    directives: dict[str, str]


def read(text: str, outline: type[Lexer] | type[Outline] = Lexer) -> Comments:
    """Return the real comments of `text` for the reviewer; strings and docstrings do not count."""
    found = Comments([], {})
    if not _MENTION.search(text):
        return found
    lexer = outline(Lines(text)).run()
    for comment in lexer.comments:
        if match := _REQUEST.search(comment.text):
            said, column = comment.text[match.start() :], comment.column + match.start()
            found.requests.append(Request(said, comment.row, column, None, *_statement(lexer, comment.row)))
        elif comment.alone and (match := _SAID.match(comment.text.rstrip())):
            said = (match["card"] if match["gpu"] else match["count"]).strip()
            if said:
                found.directives.setdefault(match["gpu"] or "processes", said)
    return found


def _statement(lexer: Lexer | Outline, row: int) -> tuple[int, int]:
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
