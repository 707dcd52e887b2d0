"""Values that a script declares as allowed: the type and choices of an option, the annotation of a name or field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from ..source import Source
from ..source.literals import evaluated
from ..source.syntax import dotted
from ..training_plan.values import Place

PLAIN = ("int", "float", "str", "bool")


def refuses(place: Place, wanted: Any) -> str:
    """Return why a declaration excludes a value in place of a literal, or "" if no declaration does.

    Python would still run it: `type=int` converts no default. But nobody could pass the value on the command
    line.
    """
    for said in _said(place.source, place.node):
        if isinstance(said, cst.BaseExpression) and (named := _types(place.source.segment(said))):
            if type(wanted).__name__ not in named and not (type(wanted) is int and "float" in named):
                return f"it is declared as {' or '.join(named)}, and {wanted!r} is not one of these"
        elif isinstance(said, cst.Arg):
            try:
                allowed = evaluated(said.value)
            except ValueError:
                continue
            if isinstance(allowed, (list, tuple)) and wanted not in allowed:
                return f"{wanted!r} is not one of the declared choices"
    return ""


def _said(source: Source, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the types (expressions) and choices (arguments) that are declared for a literal."""
    path = source.nodes.path(node)
    for one, held in zip(path, path[1:]):
        match one:
            case cst.Call() if any(arg.value is node for arg in one.args):
                given = {arg.keyword.value: arg for arg in one.args if arg.keyword is not None}
                if dotted(one.func).endswith(("add_argument", ".option", ".Option")):
                    if "type" in given:
                        yield given["type"].value
                    if "choices" in given:
                        yield given["choices"]
            case cst.AnnAssign(value=value) if value is held:
                yield one.annotation.annotation
            case cst.Param(default=default) if default is node and one.annotation is not None:
                yield one.annotation.annotation


def _types(code: str) -> list[str]:
    """Return the plain types that an annotation allows, or none if it allows or may allow more."""
    names = re.findall(r"[\w.]+", code.strip("\"'"))
    named = [name for name in names if name in PLAIN]
    others = set(names) - {*PLAIN, "Optional", "Union", "None", "typing.Optional", "typing.Union", "ClassVar", "Final"}
    return [] if others else named
