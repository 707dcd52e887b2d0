"""Scopes of a script: where a name can be read, and the edits that pass it to a function that cannot read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from ..interpret.core.recording import Recording
from ..report.report import Edit
from ..source.syntax import below, dotted, walk
from .edits import imports, python

if TYPE_CHECKING:
    from ..source import Source

DEEPEST = 3  # functions that a name is handed through
FUNCTIONS = (cst.FunctionDef, cst.Lambda)
HARMLESS = ("staticmethod", "torch.no_grad", "torch.inference_mode", "no_grad", "inference_mode")  # decorators


class Scopes:
    """Nested functions of a script, and the names that each binds."""

    def __init__(self, source: Source, recording: Recording) -> None:
        self.source = source
        self.tree: cst.Module = source.tree
        self.parents: dict[int, cst.CSTNode] = source.nodes.parents
        self.mapped = {id(c.place.node) for c in recording.calls if c.callee.startswith("datasets.")}

    def around(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """Return the functions and lambdas that contain a node, the innermost first, and then the module."""
        found: list[cst.CSTNode] = []
        one = self.parents.get(id(node))
        while one is not None:
            if isinstance(one, (*FUNCTIONS, cst.Module)):
                found.append(one)
            one = self.parents.get(id(one))
        return found

    def visible(self, node: cst.CSTNode, name: str) -> bool:
        """Return whether a name is bound, at any time, in one of the scopes that a node can read."""
        return any(name in bound(scope) for scope in self.around(node))

    def handing(self, function: cst.CSTNode, owner: str, seen: tuple[cst.CSTNode, ...] = ()) -> list[Edit] | None:
        """Return edits that add a parameter for `owner` (`tokenizer`, `self.tokenizer`) and make every use pass it.

        None if this is impossible: for a function inside a function, or one that is passed on to something else.
        """
        name = owner.rpartition(".")[2]
        called = self._called(function)
        if not called or len(seen) == DEEPEST or function in seen or name in bound(function):
            return None
        assert isinstance(function, FUNCTIONS)
        parameter = self._parameter(function, name)
        uses = list(self._uses(function, called))
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
        return python.merged(list(dict.fromkeys(edits)))

    def _called(self, function: cst.CSTNode) -> str:
        """Return the name of a function of the module or of a class, or of a named lambda; "" for others."""
        holder = self.parents.get(id(function))
        if isinstance(function, cst.Lambda):
            line = self.parents.get(id(holder))
            if isinstance(holder, cst.Assign) and line in self.tree.body and len(holder.targets) == 1:
                return dotted(holder.targets[0].target)
            return ""
        if not isinstance(function, cst.FunctionDef) or not all(map(self._passes_on, function.decorators)):
            return ""
        name = function.name.value
        if function in self.tree.body:
            return name
        klass = self.parents.get(id(holder))
        namesakes = (n for n in walk(self.tree) if isinstance(n, cst.FunctionDef) and n.name.value == name)
        method = isinstance(klass, cst.ClassDef) and klass in self.tree.body and not name.startswith("__")
        return f".{name}" if method and len(list(namesakes)) == 1 else ""

    def _passes_on(self, decorator: cst.Decorator) -> bool:
        """Return whether a decorator passes on its arguments, as one of the script with `*args, **kwargs` does."""
        made = decorator.decorator
        called = dotted(made.func if isinstance(made, cst.Call) else made)
        if called in HARMLESS:
            return True
        own = (n for n in self.tree.body if isinstance(n, cst.FunctionDef) and n.name.value == called)
        inner = (n for found in own for n in walk(found.body) if isinstance(n, cst.FunctionDef))
        return any(n.params.star_kwarg is not None for n in inner)

    def _uses(self, function: cst.CSTNode, called: str) -> Iterator[cst.BaseExpression]:
        """Yield the places where the function's name is read; for a method, the attributes of that name."""
        own = getattr(function, "name", None)
        for node in walk(self.tree):
            if called.startswith("."):
                if isinstance(node, cst.Attribute) and node.attr.value == called[1:]:
                    yield node
            elif isinstance(node, cst.Name) and node.value == called and node is not own:
                parent = self.parents.get(id(node))
                attribute = isinstance(parent, cst.Attribute) and parent.attr is node
                written = isinstance(parent, cst.AssignTarget)
                if not attribute and not written and not (isinstance(parent, cst.Arg) and parent.keyword is node):
                    yield node

    def _parameter(self, function: cst.FunctionDef | cst.Lambda, name: str) -> Edit | None:
        """Add a parameter after the existing ones."""
        params = function.params
        if params.kwonly_params or params.star_kwarg or not isinstance(params.star_arg, cst.MaybeSentinel):
            return None
        positional = [*params.posonly_params, *params.params]
        if positional:
            content = f", *, {name}" if positional[-1].default is not None else f", {name}"
            at = self.source.span(positional[-1])
            return python.inserted(self.source, at.end_row, at.end_column, at.cell, content)
        if isinstance(function, cst.Lambda):
            return None
        at = self.source.span(function.name)
        brackets = re.match(r"\s*\(\s*\)", self.source.line(at.end_row, at.cell)[at.end_column - 1 :])
        if brackets is None:
            return None
        column = at.end_column + brackets[0].index("(") + 1
        return python.inserted(self.source, at.end_row, column, at.cell, name)

    def _passed(self, use: cst.BaseExpression, owner: str, name: str) -> list[Edit] | None:
        """Return edits that pass the parameter where the function is called, mapped, or given to a trainer."""
        parent = self.parents.get(id(use))
        if isinstance(parent, cst.Call) and parent.func is use:
            return python.added(self.source, parent, f"{name}={owner}")
        call = self.parents.get(id(parent))
        if not isinstance(parent, cst.Arg) or not isinstance(call, cst.Call):
            return None
        if parent.keyword is not None and parent.keyword.value == "formatting_func":
            return self._bound(use, owner, name)
        if id(call) not in self.mapped:
            return None
        first = parent is call.args[0] and parent.keyword is None and not parent.star
        named = parent.keyword is not None and parent.keyword.value == "function"
        keywords = {arg.keyword.value for arg in call.args if arg.keyword is not None}
        if dotted(call.func).rpartition(".")[2] != "map" or not (first or named) or "fn_kwargs" in keywords:
            return None
        if any(arg.star for arg in call.args):
            return None
        return python.added(self.source, call, f'fn_kwargs={{"{name}": {owner}}}')

    def _bound(self, use: cst.BaseExpression, owner: str, name: str) -> list[Edit] | None:
        """Replace `render` by `partial(render, tokenizer=tokenizer)`."""
        found = imports.imported(self.source, "functools", "partial")
        if found is None:
            return None
        edits, partial = found
        return [*edits, python.replaced(self.source, use, f"{partial}({self.source.segment(use)}, {name}={owner})")]


def bound(scope: cst.CSTNode) -> set[str]:
    """Return the names that a module, function or lambda binds, without those of the functions and classes in it."""
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
