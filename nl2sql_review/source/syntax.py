"""Ways through a tree that pass by what only lays it out.

LibCST's own `children` runs a visitor over every blank and bracket, and costs more than to parse the text.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Iterable, Iterator

import libcst as cst

# Fields of nodes that say how the code is laid out, or only repeat what the type of the node says.
LAYOUT = frozenset(
    "lpar rpar lbracket rbracket lbrace rbrace leading_lines lines_after_decorators header footer comma semicolon star "
    "equal colon first_colon second_colon dot operator indent newline trailing_whitespace leading_whitespace".split()
)
SUITES = ("body", "cases", "handlers", "orelse", "finalbody")  # fields of statements that hold statements, in order


def dotted(node: cst.CSTNode) -> str:
    """`a.b.c` of a name or of attributes of a name; of anything else "", and `.b` of its attributes."""
    names: list[str] = []
    while isinstance(node, cst.Attribute):
        names.append(node.attr.value)
        node = node.value
    return ".".join([node.value if isinstance(node, cst.Name) else "", *reversed(names)])


def text_of(node: cst.CSTNode | None) -> str | None:
    """The text of a string literal, or of several side by side; None of anything else."""
    pieces = []
    while isinstance(node, cst.ConcatenatedString):
        pieces.append(node.left)
        node = node.right
    texts = [string_value(one) if isinstance(one, cst.SimpleString) else None for one in (*pieces, node)]
    return "".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else None


def string_value(node: cst.SimpleString) -> str | bytes:
    """The text or the bytes of one string literal."""
    code = node.value
    if code[0] in "\"'" and "\\" not in code and "\r" not in code:  # at a twentieth of the cost
        quotes = 3 if len(code) > 5 and code[1] == code[2] == code[0] else 1
        return code[quotes:-quotes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\d", which is read as it stands
        return node.evaluated_value


def walk(node: cst.CSTNode, closed: type[cst.CSTNode] | None = None) -> Iterator[cst.CSTNode]:
    """A node and every node below it that means something, each before what is in it; `closed` ones stay closed."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        if type(one) is not closed:
            stack += reversed(below(one))


def below(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The children of a node that mean something, in the order of its fields."""
    found: list[cst.CSTNode] = []
    for name in _meaning(type(node)):
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            found += value
        elif isinstance(value, cst.CSTNode):
            found.append(value)
    return found


def statements(node: cst.CSTNode | Iterable[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """A node, or those given, and the statements, suites, handlers and cases below, in order; no expressions."""
    stack = [node] if isinstance(node, cst.CSTNode) else [*node][::-1]
    while stack:
        one = stack.pop()
        yield one
        for name in reversed(SUITES):
            value = getattr(one, name, None)
            if isinstance(value, (list, tuple)):
                stack += reversed(value)
            elif value is not None:
                stack.append(value)


@cache
def _meaning(kind: type) -> tuple[str, ...]:
    return tuple(
        name
        for name, field in getattr(kind, "__dataclass_fields__", {}).items()
        if name not in LAYOUT and not name.startswith(("whitespace_", "__")) and field.type not in (str, bool)
    )
