"""Where the expressions inside f-strings stand, which Python says rightly only since 3.12.

Older parsers read the code of a replacement field as a text of its own, and guess its place afterwards: wrong where the
string has several lines or parts, or says the same twice. Here the fields are found in the text once more, by the
parser's own rules, read all at once, and put in the place of those with the wrong positions. An f-string inside a field
is such an expression, and its own fields come in the next round.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Any, Iterator

from nl2sql_review.source.parsing import compiled

_PREFIX = re.compile(rb"[fF][rR]?[\"']")
# What may stand before a string, its prefix and its opening quote.
_OPENING = re.compile(rb"(?:[ \t\f\n\\]|#[^\n]*)*([A-Za-z]{0,2})(\"\"\"|'''|\"|')")
_REST = {  # from the opening quote to the closing one
    b'"': re.compile(rb'[^\\"]*(?:\\.[^\\"]*)*"', re.DOTALL),
    b"'": re.compile(rb"[^\\']*(?:\\.[^\\']*)*'", re.DOTALL),
    b'"""': re.compile(rb'[^\\"]*(?:(?:\\.|"(?!""))[^\\"]*)*"""', re.DOTALL),
    b"'''": re.compile(rb"[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''", re.DOTALL),
}
# What counts in the text of an f-string, and in a format spec, where a doubled brace means nothing.
_BRACES = rb"\{\{|\}\}|[{}]"
_LITERAL = {False: re.compile(rb"\\N\{[^}]*\}|\\[^{}]|" + _BRACES, re.DOTALL), True: re.compile(_BRACES)}
_SPEC = {False: re.compile(rb"\\N\{[^}]*\}|\\[^{}]|[{}]", re.DOTALL), True: re.compile(rb"[{}]")}
# What counts in the code of a field: strings, which hold no backslash, comparisons, brackets, and what ends it.
_CODE = re.compile(rb"'''.*?'''|\"\"\".*?\"\"\"|'[^']*'|\"[^\"]*\"|[!=<>]=|[()\[\]{}!:=]", re.DOTALL)
_BLANKS = re.compile(rb"\s*")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BRACKETED = (ast.Tuple, ast.GeneratorExp)  # their place takes in the brackets around them


def place_fields(tree: ast.Module, text: str) -> None:
    """Give the expressions in the f-strings of `tree`, which was read from `text`, their true places.

    What cannot be found again in the text gets the place of the whole string.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.encode()
    starts = [0, *accumulate(len(line) + 1 for line in data.split(b"\n"))]
    rows = [bisect_right(starts, match.start()) for match in _PREFIX.finditer(data)]
    strings = list(_formatted(tree, rows))
    while strings:
        strings = _placed(strings, data, starts)


def _formatted(tree: ast.Module, rows: list[int]) -> Iterator[ast.JoinedStr]:
    """The outermost f-strings below `tree`; `rows` are those in which one may start."""
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if type(node) is ast.JoinedStr:
            yield node
            continue
        first = getattr(node, "lineno", None)
        if first is not None:
            if isinstance(node, _DEFINITIONS) and node.decorator_list:
                first = node.decorator_list[0].lineno
            index = bisect_left(rows, first)
            if index == len(rows) or rows[index] > node.end_lineno:
                continue
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                stack += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                stack.append(value)


def _placed(strings: list[ast.JoinedStr], data: bytes, starts: list[int]) -> list[ast.JoinedStr]:
    """Place what is in the fields of `strings`; the f-strings that are inside them."""
    found: list[tuple[ast.JoinedStr, Any, int, int]] = []
    for string in strings:
        values = list(_values(string))
        places = _Scan(data).fields(
            starts[string.lineno - 1] + string.col_offset,
            starts[(string.end_lineno or 0) - 1] + (string.end_col_offset or 0),
        )
        if len(places) == len(values):
            found += [(string, value, *place) for value, place in zip(values, places)]
        else:
            for value in values:
                _lump(value.value, string)
    inside: list[ast.JoinedStr] = []
    for (string, value, start, end), read in zip(found, _read([data[start:end] for *_, start, end in found])):
        if read is None or type(read.value) is not type(value.value):
            _lump(value.value, string)
            continue
        row = bisect_right(starts, start)
        node: Any = read.value
        if isinstance(node, _BRACKETED) and node.col_offset == 0:  # the brackets that it was read with
            _strip(node, b"(" + data[start:end])
        _shift(node, read.lineno, row - read.lineno, start - starts[row - 1] - 1, inside)
        value.value = node
    return inside


def _values(string: ast.JoinedStr) -> Iterator[Any]:
    """The replacement fields of an f-string and of its format specs, in the order of the text."""
    for part in string.values:
        if isinstance(part, ast.FormattedValue):
            yield part
            if isinstance(part.format_spec, ast.JoinedStr):
                yield from _values(part.format_spec)


def _read(codes: list[bytes]) -> list[ast.Expr | None]:
    """The code of every field, in brackets, as a statement; None for what is not a single expression."""
    read: list[Any] = _statements(codes)
    if len(read) != len(codes):
        each = map(_statements, ([code] for code in codes))
        read = [found[0] if len(found) == 1 else None for found in each]
    return [one if isinstance(one, ast.Expr) else None for one in read]


def _statements(codes: list[bytes]) -> list[ast.stmt]:
    text = "".join(f"({code.decode()})\n" for code in codes)
    try:
        return list(compiled(text, ast.PyCF_ONLY_AST).body)
    except (SyntaxError, ValueError):
        return []


def _strip(node: Any, code: bytes) -> None:
    """Take the bracket that `code` starts with, and blanks, out of the place of what was read from it."""
    blanks = _BLANKS.match(code, 1)
    before, code = code[: blanks.end() if blanks else 1], code.rstrip()
    first = node.lineno
    node.lineno, node.col_offset = first + before.count(b"\n"), len(before) - before.rfind(b"\n") - 1
    node.end_lineno, node.end_col_offset = first + code.count(b"\n"), len(code) - code.rfind(b"\n") - 1


def _shift(node: Any, first: int, rows: int, columns: int, inside: list[ast.JoinedStr]) -> None:
    """Move a tree down by `rows`, and what is in the `first` row to the right; note the f-strings in it."""
    stack = [node]
    while stack:
        node = stack.pop()
        if "lineno" in node._attributes:
            if node.lineno == first:
                node.col_offset += columns
            if node.end_lineno == first:
                node.end_col_offset += columns
            node.lineno += rows
            node.end_lineno += rows
        if type(node) is ast.JoinedStr:
            inside.append(node)
            _lump_parts(node, node)
        else:
            stack += ast.iter_child_nodes(node)


def _lump(node: ast.AST, whole: Any) -> None:
    """Give a tree the place of the whole string that it is in."""
    for one in ast.walk(node):
        if "lineno" in one._attributes:
            _lump_one(one, whole)


def _lump_parts(string: ast.JoinedStr, whole: ast.JoinedStr) -> None:
    """Give the parts of an f-string its place, but for the expressions in them."""
    for part in string.values:
        _lump_one(part, whole)
        if isinstance(part, ast.FormattedValue) and isinstance(part.format_spec, ast.JoinedStr):
            _lump_one(part.format_spec, whole)
            _lump_parts(part.format_spec, whole)


def _lump_one(node: Any, whole: Any) -> None:
    node.lineno, node.col_offset = whole.lineno, whole.col_offset
    node.end_lineno, node.end_col_offset = whole.end_lineno, whole.end_col_offset


class _Unlike(Exception):
    """The text is not as expected."""


class _Scan:
    """Finds replacement fields in the text of string literals."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.found: list[tuple[int, int]] = []  # where the code of each field starts and ends

    def fields(self, at: int, end: int) -> list[tuple[int, int]]:
        """Those of the literals that stand side by side from `at` to `end`; none if the text is not as expected."""
        try:
            while at < end:
                opening = _OPENING.match(self.data, at, end)
                rest = opening and _REST[opening[2]].match(self.data, opening.end(), end)
                if not opening or not rest:
                    return []
                prefix = opening[1].lower()
                if b"f" in prefix:
                    self._literal(opening.end(), rest.end() - len(opening[2]), b"r" in prefix)
                at = rest.end()
        except _Unlike:
            return []
        return self.found

    def _literal(self, at: int, end: int, raw: bool) -> None:
        while mark := _LITERAL[raw].search(self.data, at, end):
            at = self._field(mark.end(), end, raw) if mark[0] == b"{" else mark.end()

    def _field(self, at: int, end: int, raw: bool) -> int:
        """Read the field whose code starts at `at`; where it ends."""
        start, depth, mark = at, 0, b""
        for match in _CODE.finditer(self.data, at, end):
            mark = match[0]
            if mark in b"([{":
                depth += 1
            elif depth:
                depth -= mark in b")]}"
            elif mark in b"}!:=":
                self.found.append((start, match.start()))
                return self._manner(mark, match.end(), end, raw)
        raise _Unlike

    def _manner(self, mark: bytes, at: int, end: int, raw: bool) -> int:
        """Read on behind the code of a field, from the `mark` that ended it; where the field ends."""
        data = self.data
        if mark == b"=" and (blanks := _BLANKS.match(data, at, end)):
            at = blanks.end() + 1
            mark = data[at - 1 : at]
        if mark == b"!":
            at += 2
            mark = data[at - 1 : at]
        if mark == b":":
            while (found := _SPEC[raw].search(data, at, end)) and found[0] != b"}":
                at = self._field(found.end(), end, raw) if found[0] == b"{" else found.end()
            if found is None:
                raise _Unlike
            return found.end()
        if mark != b"}":
            raise _Unlike
        return at
