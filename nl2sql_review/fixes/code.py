"""Edits of Python code: a value replaced, an argument added or taken out, an import, a statement.

All in the manner of the code around: its quotes, indentation, line ends, trailing commas.
"""

from __future__ import annotations

import re
from typing import Any

import libcst as cst

from ..expectations import spelled
from ..report import Edit, Location
from ..source import Span
from ..source.syntax import walk


def location(source: Any, span: Span) -> Location:
    return Location(source.path, span.row, span.column, span.end_row, span.end_column, span.cell)


def replaced(source: Any, node: Any, content: str) -> Edit:
    """`node` (a node, or a Span) with other code in its place."""
    return Edit(location(source, source.span(node)), content)


def inserted(source: Any, row: int, column: int, cell: int | None, content: str) -> Edit:
    newline = source.newline(cell)
    return Edit(Location(source.path, row, column, row, column, cell), content.replace("\n", newline))


def literal(value: Any, like: str = "") -> str:
    """A plain value as Python code, in the quotes of the code it replaces."""
    if isinstance(value, str):
        quote = "'" if like.lstrip("rRbBuUfF")[:1] == "'" else '"'
        return quote + value.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n") + quote
    if isinstance(value, (list, tuple)):
        quoted = re.search(r"['\"]", like)
        items = ", ".join(literal(v, quoted[0] if quoted else "") for v in value)
        brackets = "()" if like[:1] == "(" else "[]"
        return brackets[0] + items + ("," if brackets == "()" and len(value) == 1 else "") + brackets[1]
    return spelled(value)


# -- arguments ---------------------------------------------------------------------------------------------------


def added(source: Any, call: cst.Call, *arguments: str) -> list[Edit]:
    """`call` with more arguments (`name=value`) after its last, each on a line of its own where that has one."""
    source.locate([call, *call.args])
    end = source.span(call)
    flat = ", ".join(arguments)
    if not call.args:
        return [inserted(source, end.end_row, end.end_column - 1, end.cell, flat)]
    last = source.span(call.args[-1])
    before = source.line(last.row, last.cell)[: last.column - 1]
    rest = source.line(last.end_row, last.cell)[last.end_column - 1 :]
    if before.strip() or last.row == end.row:
        return [inserted(source, last.end_row, last.end_column, last.cell, f", {flat}")]
    row_end = last.end_column + len(rest)
    lines = ",".join(f"\n{before}{one}" for one in arguments)
    if re.fullmatch(r"\s*,\s*(#.*)?", rest):
        return [inserted(source, last.end_row, row_end, last.cell, f"{lines},")]
    if re.fullmatch(r"\s*#.*", rest):
        comma = inserted(source, last.end_row, last.end_column, last.cell, ",")
        return [comma, inserted(source, last.end_row, row_end, last.cell, lines)]
    return [inserted(source, last.end_row, last.end_column, last.cell, f",{lines}")]


def call_of(source: Any, arg: cst.Arg) -> cst.Call | None:
    """The call that an argument is one of."""
    return next((n for n in walk(source.tree) if isinstance(n, cst.Call) and any(a is arg for a in n.args)), None)


def merged(edits: list[Edit]) -> list[Edit]:
    """Insertions at one point as one, in the order they are given."""
    made: dict[Location, Edit] = {}
    for edit in edits:
        before = made.get(edit.location)
        made[edit.location] = edit if before is None else Edit(edit.location, before.content + edit.content)
    return list(made.values())


def removed(source: Any, call: cst.Call, arg: cst.Arg) -> Edit:
    """`call` without one of its arguments; where that has a line of its own, without the line. A comment there stays."""
    args = list(call.args)
    number = next(i for i, a in enumerate(args) if a is arg)
    source.locate([call, *args])
    at = source.span(arg)
    before = source.line(at.row, at.cell)[: at.column - 1]
    rest = source.line(at.end_row, at.cell)[at.end_column - 1 :]
    comma = re.match(r"\s*,?", rest)[0]  # type: ignore[index]
    if not before.strip() and at.row > source.span(call).row and re.fullmatch(r"\s*,\s*", rest):
        return Edit(Location(source.path, at.row, 1, at.end_row + 1, 1, at.cell), "")
    if not before.strip() and (noted := re.match(r"\s*,?\s*(?=#)", rest)):
        return Edit(Location(source.path, at.row, at.column, at.end_row, at.end_column + noted.end(), at.cell), "")
    if number + 1 < len(args):
        after = source.span(args[number + 1])
        return Edit(Location(source.path, at.row, at.column, after.row, after.column, at.cell), "")
    if number:
        previous = source.span(args[number - 1])
        return Edit(
            Location(source.path, previous.end_row, previous.end_column, at.end_row, at.end_column, at.cell), ""
        )
    return Edit(Location(source.path, at.row, at.column, at.end_row, at.end_column + len(comma), at.cell), "")


# -- imports and statements --------------------------------------------------------------------------------------


def imported_module(source: Any, module: str) -> tuple[list[Edit], str] | None:
    """As `imported`, for `import module`."""
    last: Any = None
    for statement in source.tree.body:
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, (cst.Import, cst.ImportFrom)):
                last = statement
            for alias in small.names if isinstance(small, cst.Import) else ():
                if dotted(alias.name) == module:
                    return [], dotted(alias.asname.name) if alias.asname else module
    if re.search(rf"^[ \t]*(?:{module}\b\s*=|def {module}\b|class {module}\b)", source.text, re.MULTILINE):
        return None
    return [_new_line(source, last, f"import {module}")], module


def imported(source: Any, module: str, name: str) -> tuple[list[Edit], str] | None:
    """What makes `name` of `module` usable in the script, and what it is called there; None if the name is taken."""
    found: list[tuple[cst.SimpleStatementLine, cst.ImportFrom]] = []
    last: cst.SimpleStatementLine | None = None
    for statement in source.tree.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        for small in statement.body:
            if isinstance(small, (cst.Import, cst.ImportFrom)):
                last = statement
            if isinstance(small, cst.ImportFrom) and small.module is not None and not small.relative:
                if dotted(small.module) == module and not isinstance(small.names, cst.ImportStar):
                    found.append((statement, small))
    for _, one in found:
        for alias in one.names:  # type: ignore[union-attr]
            if dotted(alias.name) == name:
                return [], dotted(alias.asname.name) if alias.asname else name
    if re.search(rf"(?<![\w.\"'#]){name}\b(?!\s*=[^=])", _without_comments(source.text)):
        return None
    if found:
        alias = found[0][1].names[-1]  # type: ignore[index]
        at = source.span(alias)
        return [inserted(source, at.end_row, at.end_column, at.cell, f", {name}")], name
    return [_new_line(source, last, f"from {module} import {name}")], name


def new_import(source: Any, line: str) -> Edit:
    """A line of its own below the imports at the top level."""
    simple = [s for s in source.tree.body if isinstance(s, cst.SimpleStatementLine)]
    imports = [s for s in simple if any(isinstance(one, (cst.Import, cst.ImportFrom)) for one in s.body)]
    return _new_line(source, imports[-1] if imports else None, line)


def whole(source: Any, arg: cst.Arg) -> Span:
    """An argument with its name."""
    value = source.span(arg.value)
    start = source.span(arg.keyword) if arg.keyword is not None else value
    return Span(start.row, start.column, value.end_row, value.end_column, value.cell)


def _new_line(source: Any, after: Any, code: str) -> Edit:
    """A line below a statement of the top level; without one, below the docstring."""
    if after is None:
        first = source.tree.body[0] if source.tree.body else None
        if (
            isinstance(first, cst.SimpleStatementLine)
            and isinstance(first.body[0], cst.Expr)
            and isinstance(first.body[0].value, cst.SimpleString)
        ):
            after = first
        else:
            at = source.span(first)
            return inserted(source, at.row, 1, at.cell, f"{code}\n")
    return below(source, after, code)


def below(source: Any, statement: Any, code: str) -> Edit:
    """A line of code below a statement, as far indented."""
    at = source.span(statement)
    line = source.line(at.end_row, at.cell)
    indent = re.match(r"\s*", source.line(at.row, at.cell))[0]  # type: ignore[index]
    return inserted(
        source, at.end_row, len(line) + 1, at.cell, "\n" + "\n".join(indent + one for one in code.split("\n"))
    )


def dotted(node: Any) -> str:
    if isinstance(node, cst.Attribute):
        return f"{dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def _without_comments(text: str) -> str:
    return re.sub(r"#[^\n\"']*$", "", text, flags=re.MULTILINE)
