"""Where a name of a script may be read, and what it takes to hand it to a function that cannot read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from ..interpret.core.recording import Recording
from ..report.report import Edit
from ..source.syntax import below, dotted, walk
from .edits import python

DEEPEST = 3  # functions that a name is handed through
FUNCTIONS = (cst.FunctionDef, cst.Lambda)


class Scopes:
    """The functions of a script, one in the other, and the names that each binds."""

    def __init__(self, source: Any, recording: Recording) -> None:
        self.source = source
        self.tree: cst.Module = source.tree
        self.parents = {id(child): node for node in walk(self.tree) for child in below(node)}
        self.mapped = {id(c.place.node) for c in recording.calls if c.callee.startswith("datasets.")}

    def around(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """The functions and lambdas that a node stands in, the innermost first, and the module."""
        found = []
        one = self.parents.get(id(node))
        while one is not None:
            if isinstance(one, (*FUNCTIONS, cst.Module)):
                found.append(one)
            one = self.parents.get(id(one))
        return found

    def visible(self, node: cst.CSTNode, name: str) -> bool:
        """Whether a name is bound in one of the scopes that a node can read, at whatever time."""
        return any(name in bound(scope) for scope in self.around(node))

    def handing(self, function: cst.CSTNode, owner: str, seen: tuple[cst.CSTNode, ...] = ()) -> list[Edit] | None:
        """Edits that give a function a parameter for `owner` (`tokenizer`, `self.tokenizer`) and have every use of the
        function pass it; None where one cannot: a method, a function that is handed on to something else.
        """
        name = owner.rpartition(".")[2]
        if not isinstance(function, cst.FunctionDef) or function not in self.tree.body or function.decorators:
            return None
        if len(seen) == DEEPEST or function in seen or name in bound(function):
            return None
        parameter = self._parameter(function, name)
        uses = list(self._uses(function))
        if parameter is None or not uses:
            return None
        edits = [parameter]
        for use in uses:
            made = self._passed(use, owner, name)
            if made is None:
                return None
            edits += made
            if not self.visible(use, owner.partition(".")[0]):
                through = self.handing(self.around(use)[0], owner, (*seen, function)) if owner == name else None
                if through is None:
                    return None
                edits += through
        return list(dict.fromkeys(edits))

    def _uses(self, function: cst.FunctionDef) -> Iterator[cst.Name]:
        """The places where the function's name is read."""
        for node in walk(self.tree):
            if isinstance(node, cst.Name) and node.value == function.name.value and node is not function.name:
                parent = self.parents.get(id(node))
                attribute = isinstance(parent, cst.Attribute) and parent.attr is node
                if not attribute and not (isinstance(parent, cst.Arg) and parent.keyword is node):
                    yield node

    def _parameter(self, function: cst.FunctionDef, name: str) -> Edit | None:
        """One more parameter, after those there are."""
        params = function.params
        if params.kwonly_params or params.star_kwarg or not isinstance(params.star_arg, cst.MaybeSentinel):
            return None
        positional = [*params.posonly_params, *params.params]
        if positional:
            content = f", *, {name}" if positional[-1].default is not None else f", {name}"
            at = self.source.span(positional[-1])
            return python.inserted(self.source, at.end_row, at.end_column, at.cell, content)
        at = self.source.span(function.name)
        brackets = re.match(r"\s*\(\s*\)", self.source.line(at.end_row, at.cell)[at.end_column - 1 :])
        if brackets is None:
            return None
        column = at.end_column + brackets[0].index("(") + 1
        return python.inserted(self.source, at.end_row, column, at.cell, name)

    def _passed(self, use: cst.Name, owner: str, name: str) -> list[Edit] | None:
        """What passes the parameter where the function is called, or mapped over a dataset."""
        parent = self.parents.get(id(use))
        if isinstance(parent, cst.Call) and parent.func is use:
            return python.added(self.source, parent, f"{name}={owner}")
        call = self.parents.get(id(parent))
        if not isinstance(parent, cst.Arg) or not isinstance(call, cst.Call) or id(call) not in self.mapped:
            return None
        first = parent is call.args[0] and parent.keyword is None and not parent.star
        named = parent.keyword is not None and parent.keyword.value == "function"
        keywords = {arg.keyword.value for arg in call.args if arg.keyword is not None}
        if dotted(call.func).rpartition(".")[2] != "map" or not (first or named) or "fn_kwargs" in keywords:
            return None
        if any(arg.star for arg in call.args):
            return None
        return python.added(self.source, call, f'fn_kwargs={{"{name}": {owner}}}')


def bound(scope: cst.CSTNode) -> set[str]:
    """The names that a module, function or lambda binds, those of functions and classes in it apart."""
    found: set[str] = set()
    stack = below(scope)
    if isinstance(scope, FUNCTIONS):
        found |= {one.name.value for one in walk(scope.params) if isinstance(one, cst.Param)}
        stack = [scope.body]
    while stack:
        one = stack.pop()
        found |= set(_binds(one))
        if isinstance(one, (*FUNCTIONS, cst.ClassDef)):
            if isinstance(scope, cst.Module):
                found |= {item.name.value for g in walk(one) if isinstance(g, cst.Global) for item in g.names}
        else:
            stack += below(one)
    return found


def _binds(node: cst.CSTNode) -> Iterator[str]:
    match node:
        case cst.FunctionDef() | cst.ClassDef():
            yield node.name.value
        case cst.ImportAlias():
            yield node.evaluated_alias or node.evaluated_name.partition(".")[0]
        case cst.AsName():
            yield from _names(node.name)
        case cst.AssignTarget() | cst.AnnAssign() | cst.NamedExpr() | cst.For():
            yield from _names(node.target)


def _names(target: cst.CSTNode) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _names(element.value)
