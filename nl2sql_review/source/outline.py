"""Comments and lines of a configuration: YAML and TOML alike, as far as comments are concerned."""

from __future__ import annotations

import re

from .lexer import Comment
from .spans import Lines

# A quoted text, which opens where a value or key may begin, or a comment, which follows white space.
_MARKS = re.compile(r"""(?:^|(?<=[\s:\[{,=-]))(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|(?:^|(?<=\s))\#.*""")


class Outline:
    """Like `lexer.Lexer`, for a text without statements: every line with a key or value is a statement of its own."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.comments: list[Comment] = []
        self.logical: list[tuple[int, int]] = []

    def run(self) -> Outline:
        for row in range(1, len(self.lines) + 1):
            line = self.lines[row]
            comment = next((m for m in _MARKS.finditer(line) if m[0].startswith("#")), None)
            before = line[: comment.start()] if comment else line
            if comment:
                self.comments.append(Comment(row, comment.start() + 1, comment[0], not before.strip()))
            if before.strip():
                self.logical.append((row, row))
        return self
