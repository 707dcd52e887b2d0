"""Code on one line, for messages."""

from __future__ import annotations

from .lexer import Lexer
from .spans import Lines


def one_line(code: str, limit: int) -> str:
    """Return `code` without comments and line breaks, of at most `limit` characters (an ellipsis marks a cut)."""
    if "\n" in code or "\r" in code:
        code = _joined(Lines(code[: 20 * limit + 1000]))
    code = code.strip()
    return code if len(code) <= limit else code[: max(limit - 1, 0)] + "…"


def _joined(lines: Lines) -> str:
    lexer = Lexer(lines).run()
    comments = {comment.row: comment.column for comment in lexer.comments}
    in_string = set(lexer.in_string)
    joined = ""
    for row in range(1, len(lines) + 1):
        line = lines[row]
        if row in comments:
            line = line[: comments[row] - 1]
        if row in in_string:
            joined += "\\n" + line
            continue
        if row + 1 not in in_string:
            line = line.rstrip()
            line = line.removesuffix("\\").rstrip()
        line = line.lstrip()
        if not line:
            continue
        if line[0] in ")]}":
            if not (line[0] == ")" and _may_be_a_tuple_of_one(joined)):
                joined = joined.removesuffix(",")
        elif joined and joined[-1] not in "([{" and line[0] not in ".,":
            joined += " "
        joined += line
    return joined


def _may_be_a_tuple_of_one(joined: str) -> bool:
    opening = joined.rfind("(")
    called = opening > 0 and (joined[opening - 1].isalnum() or joined[opening - 1] in "_)]")
    return not called and "," not in joined[opening:-1]
