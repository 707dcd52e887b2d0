"""Reads of columns in the code that makes the training text: of a row, or element by element of a whole column."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ...readers.dataset.columns import column_role
from ...source.syntax import below, dotted, text_of, walk
from ..context import Task
from .prompt import expressions


def reads(task: Task) -> Iterator[tuple[cst.CSTNode, str, str]]:
    """Yield the reads of a row in the functions that make the text: the expression, the row's name, the column."""
    seen: set[int] = set()  # a script that makes part of the text itself has the functions within it
    for scope in scopes(task):
        for node in walk(scope):
            row, columns = _row(node), columns_of(node)
            if row and columns and id(node) not in seen:
                seen.add(id(node))
                yield node, row, columns[0]


def _row(node: cst.CSTNode) -> str:
    """Return the name of the row in `ex["a"]` or `ex.get("a")`, or "" if it has no name."""
    owner = node.value if isinstance(node, cst.Subscript) else getattr(getattr(node, "func", None), "value", None)
    return owner.value if isinstance(owner, cst.Name) else ""


def columns_of(node: cst.CSTNode) -> list[str]:
    """Return the columns that `ex["a"]` or `ex.get("a", ex.get("b", ""))` reads, the first one first."""
    keys: list[cst.BaseExpression] = []
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        keys = [node.slice[0].slice.value]
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "get":
        keys = [arg.value for arg in node.args]
    name = text_of(keys[0]) if keys else None
    more = columns_of(keys[1]) if len(keys) > 1 else []
    return [name, *more] if name is not None else []


def scopes(task: Task) -> list[cst.CSTNode]:
    """Return the functions that make the text, or the script if no function does."""
    found: list[cst.CSTNode] = []
    for expression in expressions(task):
        scope = task.function(expression)
        if not any(one is scope for one in found):
            found.append(scope)
    return found


def is_whole(task: Task, node: cst.CSTNode) -> bool:
    """Return whether a read gives a whole column, which is indexed by number or iterated, not a row's text."""
    parents = _parents(task.source.tree)
    parent = parents.get(id(node))
    if isinstance(parent, cst.Subscript):
        return _by_number(parent)
    if isinstance(parent, (cst.For, cst.CompFor)):
        return parent.iter is node
    call = parents.get(id(parent))
    return isinstance(parent, cst.Arg) and isinstance(call, cst.Call) and dotted(call.func) in ("zip", "enumerate")


def elements(task: Task, role: str = "schema") -> Iterator[cst.BaseExpression]:
    """Yield the expressions for one row's schema where whole columns are read: `column[i]`, the target of a loop.

    With another `role`, yield the question or SQL of one row in the same way.
    """
    seen: set[int] = set()
    for scope in scopes(task):
        parents = _parents(scope)
        named = {
            target.target.value
            for node in walk(scope)
            if isinstance(node, cst.Assign) and _is_column(node.value, set(), role)
            for target in node.targets
            if isinstance(target.target, cst.Name)
        }
        for node in walk(scope):
            if isinstance(node, cst.Subscript) and _by_number(node) and _is_column(node.value, named, role):
                found: list[cst.BaseExpression] = [node]
            elif isinstance(node, (cst.For, cst.CompFor)) and (name := _target(node.target, node.iter, named, role)):
                body = node.body if isinstance(node, cst.For) else parents[id(node)]
                found = [_outermost(n, parents) for n in walk(body) if _is_used(n, name, parents)]
            else:
                continue
            for one in found:
                if id(one) not in seen:
                    seen.add(id(one))
                    yield one


def _parents(tree: cst.CSTNode) -> dict[int, cst.CSTNode]:
    return {id(child): node for node in walk(tree) for child in below(node)}


def _is_column(node: cst.CSTNode, named: set[str], role: str) -> bool:
    """Return whether an expression is the column of a role: `examples["schema"]`, or a name bound to it."""
    if isinstance(node, cst.Name):
        return node.value in named
    read = columns_of(node)
    return bool(_row(node)) and bool(read) and column_role(read[0]) == role


def _by_number(node: cst.Subscript) -> bool:
    inner = node.slice[0].slice if len(node.slice) == 1 else None
    return isinstance(inner, cst.Index) and text_of(inner.value) is None


def _target(target: cst.CSTNode, iterated: cst.CSTNode, named: set[str], role: str) -> str:
    """Return the loop's name for one row's element of a column, or "" if the loop is not over the column."""
    if isinstance(target, cst.Name):
        return target.value if _is_column(iterated, named, role) else ""
    if not isinstance(target, cst.Tuple) or not isinstance(iterated, cst.Call):
        return ""
    parts, callee = [element.value for element in target.elements], dotted(iterated.func)
    if callee == "enumerate" and len(parts) == 2 and iterated.args:
        return _target(parts[1], iterated.args[0].value, named, role)
    if callee == "zip" and len(parts) == len(iterated.args):
        return next(filter(None, (_target(p, a.value, named, role) for p, a in zip(parts, iterated.args))), "")
    return ""


def _is_used(node: cst.CSTNode, name: str, parents: dict[int, cst.CSTNode]) -> bool:
    """Return whether a node reads a name into a text: as an argument, in an f-string, or added to another text."""
    if not isinstance(node, cst.Name) or node.value != name:
        return False
    outer = _outermost(node, parents)
    parent = parents.get(id(outer))
    if isinstance(parent, cst.Arg):
        call = parents.get(id(parent))
        return parent.keyword is not node and not (isinstance(call, cst.Call) and dotted(call.func) in ("len", "zip"))
    return isinstance(parent, (cst.FormattedStringExpression, cst.BinaryOperation))


def _outermost(node: cst.CSTNode, parents: dict[int, cst.CSTNode]) -> cst.BaseExpression:
    """Return the outermost method call on a node: `s.strip()` for `s`."""
    while True:
        attribute = parents.get(id(node))
        call = parents.get(id(attribute))
        if not (isinstance(attribute, cst.Attribute) and attribute.value is node and isinstance(call, cst.Call)):
            assert isinstance(node, cst.BaseExpression)
            return node
        node = call
