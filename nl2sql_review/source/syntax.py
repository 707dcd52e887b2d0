"""Walks through a tree that skip nodes for layout.

LibCST's own `children` runs a visitor over every blank and bracket, and costs more than parsing the text.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from functools import cache
from typing import Any, Iterable, Iterator, TypeVar

import libcst as cst

N = TypeVar("N", bound=cst.CSTNode)

# Fields of nodes that say how the code is laid out, or only repeat what the type of the node says.
LAYOUT = frozenset(
    "lpar rpar lbracket rbracket lbrace rbrace leading_lines lines_after_decorators header footer comma semicolon star "
    "equal colon first_colon second_colon dot operator indent newline trailing_whitespace leading_whitespace".split()
)
SUITES = ("body", "cases", "handlers", "orelse", "finalbody")  # fields of statements that hold statements, in order


def dotted(node: cst.CSTNode) -> str:
    """Return `a.b.c` for a name or attributes of a name; for any other node "", and `.b` for its attributes."""
    names: list[str] = []
    while isinstance(node, cst.Attribute):
        names.append(node.attr.value)
        node = node.value
    return ".".join([node.value if isinstance(node, cst.Name) else "", *reversed(names)])


def text_of(node: cst.CSTNode | None) -> str | None:
    """Return the text of a string literal, or of several side by side; None for any other node."""
    pieces = []
    while isinstance(node, cst.ConcatenatedString):
        pieces.append(node.left)
        node = node.right
    texts = [string_value(one) if isinstance(one, cst.SimpleString) else None for one in (*pieces, node)]
    return "".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else None


def string_value(node: cst.SimpleString) -> str | bytes:
    """Return the text or the bytes of one string literal."""
    code = node.value
    if code[0] in "\"'" and "\\" not in code and "\r" not in code:  # at a twentieth of the cost
        quotes = 3 if len(code) > 5 and code[1] == code[2] == code[0] else 1
        return code[quotes:-quotes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\d", which is read as it stands
        return node.evaluated_value


class Nodes:
    """The nodes of a module with meaning, each before its children: one walk shared by all callers."""

    __slots__ = ("module", "order", "parents", "_kinds")

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self.order: list[cst.CSTNode] = []
        self.parents: dict[int, cst.CSTNode] = {}  # by the id of a node
        self._kinds: defaultdict[type, list[Any]] = defaultdict(list)
        order, parents, meaning, sentinel = self.order, self.parents, _MEANING, cst.MaybeSentinel
        stack: list[cst.CSTNode] = [module]
        while stack:
            one = stack.pop()
            order.append(one)
            for name in reversed(meaning[type(one)]):  # as `below`, which would make a list for each node
                value = getattr(one, name)
                if value is None:
                    continue
                kind = type(value)
                if kind is list or kind is tuple:
                    for child in reversed(value):
                        parents[id(child)] = one
                        stack.append(child)
                elif kind is not str and kind is not sentinel:
                    parents[id(value)] = one
                    stack.append(value)

    def of(self, kind: type[N]) -> list[N]:
        """All nodes of one kind, in the order of the text."""
        if not self._kinds:
            for one in self.order:
                self._kinds[type(one)].append(one)
        return self._kinds.get(kind, [])

    def path(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """Return the nodes from the root of the tree down to one of its nodes; empty if it is not in the tree."""
        found, outer = [node], self.parents.get(id(node))
        while outer is not None:
            found.append(outer)
            outer = self.parents.get(id(outer))
        return found[::-1] if found[-1] is self.module else []


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and the nodes below it, parents first; white space and punctuation are left out."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        inside = below(one)
        if inside:
            inside.reverse()
            stack += inside


def all_of(kind: type[N], node: cst.CSTNode) -> Iterator[N]:
    """Yield every node of one kind in a node, itself included, each before its children."""
    return (one for one in walk(node) if type(one) is kind)


def below(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the children of a node with meaning, in the order of its fields."""
    found: list[cst.CSTNode] = []
    for name in _MEANING[type(node)]:
        value = getattr(node, name)
        if value is not None:
            kind = type(value)  # asked rather than `isinstance`, which of an abstract class costs as much as the walk
            if kind is list or kind is tuple:
                found += value
            elif kind is not str and kind is not cst.MaybeSentinel:
                found.append(value)
    return found


def statements(node: cst.CSTNode | Iterable[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Yield a node, or the given ones, and the statements, suites, handlers and cases below, without expressions."""
    stack = [node] if isinstance(node, cst.CSTNode) else [*node][::-1]
    while stack:
        one = stack.pop()
        yield one
        for name in _suites(type(one)):
            value = getattr(one, name)
            if isinstance(value, (list, tuple)):
                stack += value[::-1]
            elif value is not None:
                stack.append(value)


class _Meaning(dict[type, tuple[str, ...]]):
    """The fields of a node type that hold nodes with meaning."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        self[kind] = found = tuple(
            name
            for name, field in getattr(kind, "__dataclass_fields__", {}).items()
            if name not in LAYOUT and not name.startswith(("whitespace_", "__")) and field.type not in (str, bool)
        )
        return found


_MEANING = _Meaning()


@cache
def _suites(kind: type) -> tuple[str, ...]:
    return tuple(name for name in reversed(SUITES) if hasattr(kind, name))
