"""Edits of Python code: a value replaced, an argument added or taken out, an import, a statement.

All in the manner of the code around: its quotes, indentation, line ends, trailing commas.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from ..expectations import spelled
from ..report import Edit, Location
from ..source import Span
from ..source.syntax import SUITES, Argument, arguments_of, text_of, walk

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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
        escaped = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
        return quote + re.sub(r"[\x00-\x1f\x7f]", lambda found: repr(found[0])[1:-1], escaped) + quote
    if isinstance(value, (list, tuple)):
        quoted = re.search(r"['\"]", like)
        items = ", ".join(literal(v, quoted[0] if quoted else "") for v in value)
        brackets = "()" if like[:1] == "(" else "[]"
        return brackets[0] + items + ("," if brackets == "()" and len(value) == 1 else "") + brackets[1]
    return spelled(value)


# -- arguments ---------------------------------------------------------------------------------------------------


def added(source: Any, call: ast.Call, *arguments: str) -> list[Edit]:
    """`call` with more arguments (`name=value`) after its last, each on a line of its own where that has one."""
    end, given = source.span(call), arguments_of(call)
    flat = ", ".join(arguments)
    if not given:
        return [inserted(source, end.end_row, end.end_column - 1, end.cell, flat)]
    last = _extent(source, call, given[-1])
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


def call_of(source: Any, arg: Argument) -> ast.Call | None:
    """The call that an argument is one of."""
    return next((n for n in walk(source.tree) if isinstance(n, ast.Call) and arg in arguments_of(n)), None)


def merged(edits: list[Edit]) -> list[Edit]:
    """Insertions at one point as one, in the order they are given."""
    made: dict[Location, Edit] = {}
    for edit in edits:
        before = made.get(edit.location)
        made[edit.location] = edit if before is None else Edit(edit.location, before.content + edit.content)
    return list(made.values())


def removed(source: Any, call: ast.Call, arg: Argument) -> Edit:
    """`call` without one of its arguments; where that has a line of its own, without the line. A comment there stays."""
    args = arguments_of(call)
    number = args.index(arg)
    at = _extent(source, call, arg)
    before = source.line(at.row, at.cell)[: at.column - 1]
    rest = source.line(at.end_row, at.cell)[at.end_column - 1 :]
    comma = re.match(r"\s*,?", rest)[0]  # type: ignore[index]
    if not before.strip() and at.row > source.span(call).row and re.fullmatch(r"\s*,\s*", rest):
        return Edit(Location(source.path, at.row, 1, at.end_row + 1, 1, at.cell), "")
    if not before.strip() and (noted := re.match(r"\s*,?\s*(?=#)", rest)):
        return Edit(Location(source.path, at.row, at.column, at.end_row, at.end_column + noted.end(), at.cell), "")
    if number + 1 < len(args):
        after = _extent(source, call, args[number + 1])
        return Edit(Location(source.path, at.row, at.column, after.row, after.column, at.cell), "")
    if number:
        previous = _extent(source, call, args[number - 1])
        return Edit(
            Location(source.path, previous.end_row, previous.end_column, at.end_row, at.end_column, at.cell), ""
        )
    return Edit(Location(source.path, at.row, at.column, at.end_row, at.end_column + len(comma), at.cell), "")


def renamed(source: Any, arg: Argument, name: str) -> Edit:
    """A keyword argument under another name."""
    at = source.span(arg)
    return replaced(source, Span(at.row, at.column, at.row, at.column + len(arg.keyword or ""), at.cell), name)


def value_of(source: Any, arg: Argument) -> str:
    """The code of a keyword argument's value, in the parentheses it stands in: `(x := 1)` cannot do without."""
    return re.sub(r"\A\w+\s*=\s*", "", source.segment(arg))


def _extent(source: Any, call: ast.Call, arg: Argument) -> Span:
    """Where an argument stands, with the parentheses around it: the inner ones of `f((x))`, which are not the node's.

    Those of `f(x for x in y)` are the node's, but the call's as well.
    """
    at, end = source.span(arg), source.span(call)
    if _end_together(at, end):
        return Span(at.row, at.column + 1, at.end_row, at.end_column - 1, at.cell)
    while (wider := parentheses(source, at)) is not None and not _end_together(wider, end):
        at = wider
    return at


def in_parentheses(source: Any, node: ast.expr) -> bool:
    """Whether an expression stands in parentheses of its own; those of a call it is the argument of are none."""
    found = parentheses(source, source.span(node))
    calls = (n for n in walk(source.tree) if isinstance(n, ast.Call))
    return found is not None and not any(_end_together(found, source.span(call)) for call in calls)


def parentheses(source: Any, at: Span) -> Span | None:
    """The pair of parentheses right around a place, whatever it belongs to; None where there is none."""
    rows = [text for cell, _, text in source.rows() if cell == at.cell]
    row, before = at.row, rows[at.row - 1][: at.column - 1]
    while row > 1 and not before.strip():
        row -= 1
        before = _without_comments(rows[row - 1]).removesuffix("\\")
    end_row, after = at.end_row, rows[at.end_row - 1][at.end_column - 1 :]
    while end_row < len(rows) and re.fullmatch(r"\s*(#.*|\\)?", after):
        end_row += 1
        after = rows[end_row - 1]
    closing = re.match(r"\s*\)", after)
    if closing is None or not before.rstrip().endswith("("):
        return None
    end_column = len(rows[end_row - 1]) - len(after) + closing.end() + 1
    return Span(row, len(before.rstrip()), end_row, end_column, at.cell)


def _end_together(a: Span, b: Span) -> bool:
    return (a.end_row, a.end_column, a.cell) == (b.end_row, b.end_column, b.cell)


# -- imports and statements --------------------------------------------------------------------------------------


def imported_module(source: Any, module: str) -> tuple[list[Edit], str] | None:
    """As `imported`, for `import module`."""
    for statement in source.tree.body:
        for alias in statement.names if isinstance(statement, ast.Import) else ():
            if alias.name == module:
                return [], alias.asname or module
    if re.search(rf"^[ \t]*(?:{module}\b\s*=|def {module}\b|class {module}\b)", source.text, re.MULTILINE):
        return None
    return [new_import(source, f"import {module}")], module


def imported(source: Any, module: str, name: str) -> tuple[list[Edit], str] | None:
    """What makes `name` of `module` usable in the script, and what it is called there; None if the name is taken."""
    imports = [s for s in source.tree.body if isinstance(s, ast.ImportFrom) and s.module == module and not s.level]
    found = [statement for statement in imports if statement.names[0].name != "*"]
    for alias in (alias for statement in found for alias in statement.names):
        if alias.name == name:
            return [], alias.asname or name
    if re.search(rf"(?<![\w.\"'#]){name}\b(?!\s*=[^=])", _without_comments(source.text)):
        return None
    if found:
        at = source.span(found[0].names[-1])
        return [inserted(source, at.end_row, at.end_column, at.cell, f", {name}")], name
    return [new_import(source, f"from {module} import {name}")], name


def new_import(source: Any, code: str) -> Edit:
    """A line of its own below the imports of the top level; where there are none, below the docstring."""
    suite = source.tree.body
    after = [s for s in suite if isinstance(s, (ast.Import, ast.ImportFrom))]
    if not after and isinstance(suite[0], ast.Expr) and text_of(suite[0].value) is not None:
        after = suite[:1]
    if after:
        return below(source, line_of(suite, after[-1]), code)
    at = source.span([*getattr(suite[0], "decorator_list", ()), suite[0]][0])
    return inserted(source, at.row, 1, at.cell, f"{code}\n")


def is_simple(node: Any) -> bool:
    """Whether a node is a statement that holds no others."""
    return isinstance(node, ast.stmt) and not any(name in node._fields for name in SUITES)


def line_of(suite: list[Any], statement: Any) -> list[Any]:
    """The statements of a suite that stand on the line of one of them: `a = 1; b = 2`."""
    first = last = suite.index(statement)
    while first > 0 and suite[first - 1].end_lineno == suite[first].lineno:
        first -= 1
    while last + 1 < len(suite) and suite[last].end_lineno == suite[last + 1].lineno:
        last += 1
    return suite[first : last + 1]


def below(source: Any, line: list[Any], code: str) -> Edit:
    """A line of code below the statements of a line, as far indented."""
    at, end = source.span(line[0]), source.span(line[-1])
    indent = re.match(r"\s*", source.line(at.row, at.cell))[0]  # type: ignore[index]
    column = len(source.line(end.end_row, end.cell)) + 1
    return inserted(source, end.end_row, column, end.cell, "\n" + "\n".join(indent + one for one in code.split("\n")))


def _without_comments(text: str) -> str:
    return re.sub(r"#[^\n\"']*$", "", text, flags=re.MULTILINE)
