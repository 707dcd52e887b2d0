"""The tree of a program: Python's own `ast`, and ways through it.

Two things `ast` spreads over several fields are put together here: the arguments of a call in the order in which they
are written, each with its name and stars, and the parameters of a function, each with its annotation and default.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import Any, Iterator

SUITES = ("body", "cases", "handlers", "orelse", "finalbody")  # fields of statements that hold statements, in order
# Fields that hold no nodes, or only say how a node is meant.
PLAIN = frozenset(
    "id attr name asname module level arg rest kwd_attrs ctx op ops kind conversion is_async simple "
    "type_comment type_ignores type_params".split()
)


class Argument(ast.AST):
    """One argument of a call, or one base or keyword of a class.

    keyword   its name, None where it has none
    star      "", "*" or "**"
    value     the expression, without the star
    """

    _fields = ("value",)
    _attributes = ("lineno", "col_offset", "end_lineno", "end_col_offset")

    def __init__(self, node: Any) -> None:
        super().__init__()
        self.keyword: str | None = None
        self.star = ""
        self.value: Any = node
        if isinstance(node, ast.keyword):
            self.keyword, self.value = node.arg, node.value
            self.star = "" if node.arg is not None else "**"
        elif isinstance(node, ast.Starred):
            self.star, self.value = "*", node.value
        self.lineno: int = node.lineno
        self.col_offset: int = node.col_offset
        self.end_lineno: int = node.end_lineno
        self.end_col_offset: int = node.end_col_offset


class Parameter:
    """One parameter of a function: `node` is the `ast.arg`."""

    __slots__ = ("name", "annotation", "default", "node")

    def __init__(self, node: ast.arg, default: Any = None) -> None:
        self.name, self.annotation, self.default, self.node = node.arg, node.annotation, default, node


class Parameters:
    """Those of a function or lambda: the positional ones, `*rest`, those by keyword only, `**keywords`."""

    __slots__ = ("positional", "rest", "keyword_only", "keywords")

    def __init__(self, given: ast.arguments) -> None:
        positional = [*given.posonlyargs, *given.args]
        defaults = [None] * (len(positional) - len(given.defaults)) + given.defaults  # type: ignore[operator]
        self.positional = [Parameter(node, default) for node, default in zip(positional, defaults)]
        self.rest = Parameter(given.vararg) if given.vararg is not None else None
        self.keyword_only = [Parameter(node, default) for node, default in zip(given.kwonlyargs, given.kw_defaults)]
        self.keywords = Parameter(given.kwarg) if given.kwarg is not None else None

    def every(self) -> list[Parameter]:
        """All of them, in the order they are written."""
        rest = [self.rest] if self.rest is not None else []
        return [*self.positional, *rest, *self.keyword_only, *([self.keywords] if self.keywords is not None else [])]


def arguments_of(call: Any) -> list[Argument]:
    """The arguments of a call, or the bases and keywords of a class, as they are written; made once for each node."""
    found: list[Argument] | None = getattr(call, "written", None)
    if found is None:
        values = call.bases if isinstance(call, ast.ClassDef) else call.args
        found = [Argument(node) for node in (*values, *call.keywords)]
        if values and call.keywords:  # `f(a=1, *b)`
            found.sort(key=lambda one: (one.lineno, one.col_offset))
        call.written = found
    return found


def parameters_of(function: Any) -> Parameters:
    """The parameters of a function definition or a lambda."""
    found: Parameters | None = getattr(function, "taken", None)
    if found is None:
        found = function.taken = Parameters(function.args)
    return found


def dotted(node: Any) -> str:
    """`a.b.c` of a name or of attributes of a name; of anything else "", and `.b` of its attributes."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: Any) -> str | None:
    """The text of a string literal, None of anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def walk(node: Any) -> Iterator[Any]:
    """A node and every node below it that means something, each before what is in it."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack += reversed(below(one))


def below(node: Any) -> list[Any]:
    """The children of a node that mean something, in the order of its fields; those of a call are its `Argument`s."""
    kind = type(node)
    found: list[Any] = []
    if kind is ast.Call:
        return [node.func, *arguments_of(node)]
    if kind is ast.ClassDef:
        return [*node.decorator_list, *arguments_of(node), *node.body]
    for name in _meaning(kind):
        value = getattr(node, name, None)
        if type(value) is list:
            found += [one for one in value if one is not None] if None in value else value
        elif value is not None:
            found.append(value)
    return found


def statements(node: Any) -> Iterator[Any]:
    """A node, or those of a list, and the statements, handlers and cases below, in the order of the text; expressions are not entered."""
    stack = [*reversed(node)] if isinstance(node, list) else [node]
    while stack:
        one = stack.pop()
        yield one
        for name in reversed(SUITES):
            stack += reversed(getattr(one, name, None) or ())


@cache
def _meaning(kind: type) -> tuple[str, ...]:
    if kind in (ast.Constant, ast.Global, ast.Nonlocal, ast.MatchSingleton):
        return ()
    return tuple(name for name in kind._fields if name not in PLAIN)  # type: ignore[attr-defined]
