"""Lexical outline of Python text: strings, comments, brackets and logical lines, without a parser.

It is used if there is no tree: before the parser (how deep does the text nest?), in notebook cells (does a
logical line start here, so that `!` means a shell command?) and for comments. It never raises: text that is not
Python gives some outline and a `fault`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .spans import Lines

_CODE = re.compile(r"#|\"\"\"|'''|[\"'()\[\]{}]|\\(?=[\r\n]|\Z)")
_FIELD = re.compile(r"#|\"\"\"|'''|[\"'()\[\]{}:]|\\(?=[\r\n]|\Z)")  # a replacement field of an f-string
_HAS_CODE = re.compile(r"[ \t\f]*[^ \t\f#\r\n]")  # a row that is not blank, nor only a comment
_ESCAPE = r"\\(?:\r\n|.)"
_STRING = {quote: re.compile(rf"{_ESCAPE}|{quote}", re.DOTALL) for quote in ('"""', "'''", '"', "'")}
_FSTRING = {
    quote: re.compile(rf"\\N\{{[^{{}}\r\n]*\}}|\\(?:\r\n|[^{{}}])|\{{\{{|\}}\}}|\{{|{quote}", re.DOTALL)
    for quote in _STRING
}
_SPEC = {quote: re.compile(rf"\{{|\}}|{quote}") for quote in _STRING}  # what follows the colon of a field
_PLAIN = {quote: re.compile(rf"[^{quote}\\\r\n]*{quote}") for quote in "\"'"}  # what follows the quote, in most strings
_PREFIX = re.compile(r"(?<![^\W_])(?:[rbu]|[rb]{2}|[ft]r?|r[ft])\Z", re.IGNORECASE)
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Comment(NamedTuple):
    """A real comment, including `#`. `alone`: only blanks before it on its line."""

    row: int
    column: int
    text: str
    alone: bool


class Fault(NamedTuple):
    message: str
    row: int
    column: int


class _Open(NamedTuple):
    """An unclosed element: a bracket, a string, an f-string, its replacement field, a field's format spec."""

    kind: str  # "bracket" | "string" | "fstring" | "field" | "spec"
    mark: str  # the bracket, or the quote
    offset: int


class Lexer:
    """Lexer that reads the rows of `lines` in order; `at_statement`: whether the next row starts a logical line."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.comments: list[Comment] = []
        self.logical: list[tuple[int, int]] = []  # first and last row of every logical line that holds code
        self.in_string: list[int] = []  # rows that start inside a string
        self.opaque: list[tuple[int, int]] = []  # offsets of comments, and of strings behind their opening quote
        self.fault: Fault | None = None
        self._stack: list[_Open] = []
        self._backslash = False
        self._first_row = 0  # of the logical line that is under way; 0 when there is none

    @property
    def at_statement(self) -> bool:
        """Return whether a line that begins here begins a statement: outside brackets, not after a backslash."""
        return not self._stack and not self._backslash

    def run(self) -> Lexer:
        for row in range(1, len(self.lines.starts) + 1):
            self.feed(row)
        return self.close()

    def feed(self, row: int) -> None:
        """Read one physical line."""
        stack, starts = self._stack, self.lines.starts
        text, begin, last = self.lines.text, starts[row - 1], row == len(starts)
        stop = len(text) if last else starts[row]
        if stack and stack[-1].kind in ("string", "fstring", "spec"):
            self.in_string.append(row)
        if not self._first_row:
            if _HAS_CODE.match(text, begin, stop):
                self._first_row = row
        self._backslash = False
        position, carried = begin, False  # carried: a backslash joins a one-line string to the next row
        while position < stop:
            top = stack[-1] if stack else None
            if top is None or top.kind in ("bracket", "field"):
                match = (_FIELD if top is not None and top.kind == "field" else _CODE).search(text, position, stop)
                if match is None:
                    break
                position = match.end()
                mark = match[0]
                if mark == "#":
                    self._comment(row, begin, match.start(), stop)
                    break
                if mark == "\\":
                    self._backslash = not last
                    break
                position = self._code(mark, match.start(), top, stop)
            else:
                position, carried = self._literal(top, position, stop)
        self._end_of_row(row, carried)

    def close(self) -> Lexer:
        """End the input: every element that is still open is a fault."""
        if self._stack:
            top = self._stack[0]
            if top.kind == "bracket":
                self._blame(f"'{top.mark}' was never closed", top.offset)
            else:
                self._blame("this string was never closed", top.offset)
        if self._first_row:
            self.logical.append((self._first_row, len(self.lines)))
            self._first_row = 0
        return self

    def outline(self) -> str:
        """Return the text with `opaque` replaced by underscores; offsets stay the same."""
        text, position = self.lines.text, 0
        pieces: list[str] = []
        for begin, end in self.opaque:
            pieces += (text[position:begin], "_" * (end - begin))
            position = end
        return "".join((*pieces, text[position:]))

    def _comment(self, row: int, begin: int, offset: int, stop: int) -> None:
        text = self.lines.text
        comment = text[offset:stop].rstrip("\r\n")
        self.comments.append(Comment(row, offset - begin + 1, comment, not text[begin:offset].strip()))
        self.opaque.append((offset, offset + len(comment)))

    def _code(self, mark: str, offset: int, top: _Open | None, stop: int) -> int:
        """Read a mark outside of strings, and a plain string with it: the new position."""
        stack, position = self._stack, offset + len(mark)
        if mark[0] in "\"'":
            text = self.lines.text
            prefix = _PREFIX.search(text, max(0, offset - 2), offset)
            formatted = prefix is not None and prefix[0].lower().strip("r") in ("f", "t")
            if not formatted and len(mark) == 1 and (rest := _PLAIN[mark].match(text, position, stop)):
                self.opaque.append((position, rest.end()))
                return rest.end()
            stack.append(_Open("fstring" if formatted else "string", mark, offset))
        elif mark in "([{":
            stack.append(_Open("bracket", mark, offset))
        elif mark == ":":
            stack.append(_Open("spec", stack[-2].mark, offset))  # below a field lies what it is a field of
        elif top is not None and mark == "}" and top.kind == "field":
            stack.pop()
        elif top is not None and top.mark == _PAIRS[mark] and top.kind == "bracket":
            stack.pop()
        elif top is not None and top.kind == "bracket":
            self._blame(f"'{mark}' does not match '{top.mark}'", offset)
            stack.pop()
        else:
            self._blame(f"unmatched '{mark}'", offset)
        return position

    def _literal(self, top: _Open, position: int, stop: int) -> tuple[int, bool]:
        """Read on inside a string. Return the new position, and whether the row ended in an escaped line end."""
        text, stack = self.lines.text, self._stack
        table = {"string": _STRING, "fstring": _FSTRING, "spec": _SPEC}[top.kind]
        match = table[top.mark].search(text, position, stop)
        end = stop if match is None else match.end()
        self.opaque.append((position, end - 1 if match and match[0] in "{}" else end))
        if match is None:
            return stop, False
        if match[0] == top.mark:
            while stack.pop().kind not in ("string", "fstring"):
                self._blame("this string was never closed", top.offset)
        elif match[0] == "{":
            stack.append(_Open("field", "{", match.start()))
        elif match[0] == "}" and top.kind == "spec":
            stack.pop()
            stack.pop()
        return end, match[0][0] == "\\" and match[0][-1] in "\r\n"

    def _end_of_row(self, row: int, carried: bool) -> None:
        stack = self._stack
        top = stack[-1] if stack else None
        if top is not None and top.kind in ("string", "fstring", "spec") and len(top.mark) == 1 and not carried:
            while stack and stack[-1].kind not in ("string", "fstring"):
                stack.pop()
            self._blame("this string was never closed", stack.pop().offset)
        if not stack and not self._backslash and self._first_row:
            self.logical.append((self._first_row, row))
            self._first_row = 0

    def _blame(self, message: str, offset: int) -> None:
        if self.fault is None:
            self.fault = Fault(message, *self.lines.place(offset))
