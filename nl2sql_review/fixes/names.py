"""Names in a syntax tree: the nodes that read a value by its name, as an attribute or by a key."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from ..source.syntax import below, dotted, text_of

# Where a name stands that is no expression: of an attribute, a keyword, what is defined or imported.
NO_EXPRESSION: dict[type[cst.CSTNode], tuple[str, ...]] = {
    cst.Attribute: ("attr",),
    cst.Arg: ("keyword",),
    cst.Param: ("name",),
    cst.FunctionDef: ("name", "type_parameters"),
    cst.ClassDef: ("name", "type_parameters"),
    cst.TypeAlias: ("type_parameters",),
    cst.NameItem: ("name",),
    cst.ImportFrom: ("module",),
    cst.ImportAlias: ("name", "asname"),
    cst.ExceptHandler: ("name",),
    cst.MatchAs: ("name",),
    cst.MatchStar: ("name",),
    cst.MatchMapping: ("rest",),
    cst.MatchKeywordElement: ("key",),
}


@lru_cache(maxsize=8)
def laid_out(
    tree: cst.Module,
) -> tuple[list[cst.CSTNode], dict[int, cst.CSTNode], dict[str, cst.FunctionDef]]:
    """Return the expressions of a module, the parent of each by its id, and the functions by their names."""
    nodes: list[cst.CSTNode] = []
    parents: dict[int, cst.CSTNode] = {}
    functions: dict[str, cst.FunctionDef] = {}
    for node in expressions(tree):
        if isinstance(node, cst.FunctionDef):
            functions[node.name.value] = node
        nodes.append(node)
        parents.update((id(child), node) for child in _below(node))
    return nodes, parents, functions


def expressions(tree: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and its descendants, without names that are not expressions."""
    stack = [tree]
    while stack:
        one = stack.pop()
        yield one
        stack += reversed(_below(one))


def _below(node: cst.CSTNode) -> list[cst.CSTNode]:
    written = [id(getattr(node, name)) for name in NO_EXPRESSION.get(type(node), ())]
    return [child for child in below(node) if id(child) not in written]


def last_name(node: cst.CSTNode) -> str:
    """Return the last name or key that a node reads: `r` for `settings.lora.r` and for `config["r"]`."""
    match node:
        case cst.Attribute():
            return node.attr.value
        case cst.Subscript():
            return text_key(node) or ""
        case cst.Name() if not hasattr(builtins, node.value):
            return node.value
        case cst.Call() if dotted(node.func).endswith(".get") and node.args:
            return text_of(node.args[0].value) or ""
    return ""


def other_names(node: cst.CSTNode) -> set[str | None]:
    """Return the names in a node that are not expressions but may be names of a value."""
    match node:
        case cst.Attribute():
            return {node.attr.value}
        case cst.ImportAlias():
            return {node.evaluated_name.rpartition(".")[2], node.evaluated_alias}
        case cst.ImportFrom() if node.module is not None:
            return {dotted(node.module).rpartition(".")[2]}
        case cst.ExceptHandler(name=cst.AsName(name=cst.Name(name))):
            return {name}
        case cst.MatchAs(name=cst.Name(name)) | cst.MatchStar(name=cst.Name(name)):
            return {name}
        case cst.MatchMapping(rest=cst.Name(name)) | cst.MatchKeywordElement(key=cst.Name(name)):
            return {name}
    return set()


def is_target(node: cst.CSTNode, parent: cst.CSTNode | None) -> bool:
    """Return whether a node is the target of an assignment."""
    giving = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)
    return isinstance(parent, giving) and parent.target is node


def targets(statement: cst.Assign | cst.AnnAssign | cst.AugAssign | cst.NamedExpr) -> Iterator[cst.BaseExpression]:
    """Yield the targets of an assignment; for a tuple or a list, each member."""
    for target in [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]:
        if isinstance(target, (cst.Tuple, cst.List)):
            yield from (element.value for element in target.elements)
        else:
            yield target


def text_key(node: cst.Subscript) -> str | None:
    """Return the text in the brackets of `x["text"]`."""
    inner = node.slice[0].slice if len(node.slice) == 1 else None
    return text_of(inner.value) if isinstance(inner, cst.Index) else None
