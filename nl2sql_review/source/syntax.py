"""Ways through a tree that pass by what only lays it out.

LibCST's own `children` runs a visitor over every blank and bracket, and costs more than to parse the text.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Iterator

import libcst

# Fields of nodes that say how the code is laid out, or only repeat what the type of the node says.
LAYOUT = frozenset(
    "lpar rpar lbracket rbracket lbrace rbrace leading_lines lines_after_decorators header footer comma semicolon equal "
    "colon first_colon second_colon dot operator indent newline star trailing_whitespace leading_whitespace".split()
)
SUITES = ("body", "cases", "handlers", "orelse", "finalbody")  # fields of statements that hold statements, in order


def walk(node: libcst.CSTNode, closed: type | None = None) -> Iterator[Any]:
    """A node and every node below it that means something, each before what is in it; what is in `closed` ones is left out."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        if type(one) is closed:
            continue
        for name in reversed(_meaning(type(one))):
            value = getattr(one, name)
            if isinstance(value, (list, tuple)):
                stack += reversed(value)
            elif _is_node(type(value)):
                stack.append(value)


def below(node: libcst.CSTNode) -> list[Any]:
    """The children of a node that mean something, in the order of its fields."""
    found: list[Any] = []
    for name in _meaning(type(node)):
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            found += value
        elif _is_node(type(value)):
            found.append(value)
    return found


def statements(node: Any) -> Iterator[Any]:
    """A node and the statements, suites, handlers and cases below it, in the order of the text; expressions are not entered."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        for name in reversed(_suites(type(one))):
            value = getattr(one, name)
            if isinstance(value, (list, tuple)):
                stack += reversed(value)
            elif value is not None:
                stack.append(value)


@cache
def _meaning(kind: type) -> tuple[str, ...]:
    fields = getattr(kind, "__dataclass_fields__", {})
    return tuple(
        name
        for name, field in fields.items()
        if name not in LAYOUT and not name.startswith(("whitespace_", "__")) and field.type not in (str, bool)
    )


@cache
def _suites(kind: type) -> tuple[str, ...]:
    fields = getattr(kind, "__dataclass_fields__", {})
    return tuple(name for name in SUITES if name in fields)


@cache
def _is_node(kind: type) -> bool:
    return issubclass(kind, libcst.CSTNode)
