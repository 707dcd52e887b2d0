"""Edits of Python code: replace a value, add or remove an argument, add a statement.

All edits follow the style of the surrounding code: its quotes, indentation, line ends, trailing commas.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from ...policy.expectations import spelled
from ...report.report import Edit, Location
from ...source import Span

if TYPE_CHECKING:
    from ...source import Source

WIDTH = 120  # characters of a line of code
FIRST = re.compile(r"\w+=[^\n]*")  # code that gives an argument to a call that has none
# Arguments for a call that is spread over lines for them.
SPREAD = re.compile(r"(,?\r?\n[ \t]*\w+=[^\n]*)+,\r?\n[ \t]*")


def location(source: Source, span: Span) -> Location:
    return Location(source.path, span.row, span.column, span.end_row, span.end_column, span.cell)


def replaced(source: Source, node: cst.CSTNode | Span, content: str) -> Edit:
    """Replace `node` (a node, or a Span) by other code."""
    return Edit(location(source, source.span(node)), content)


def inserted(source: Source, row: int, column: int, cell: int | None, content: str) -> Edit:
    """Return the edit that inserts text before a column, with the line ends of the source."""
    newline = source.newline(cell)
    return Edit(Location(source.path, row, column, row, column, cell), content.replace("\n", newline))


def after(source: Source, node: cst.CSTNode, content: str) -> Edit:
    """Insert code directly after an expression."""
    at = source.span(node)
    return inserted(source, at.end_row, at.end_column, at.cell, content)


def margin(line: str) -> str:
    """Return the leading whitespace of a line."""
    return line[: len(line) - len(line.lstrip())]


def literal(value: object, like: str = "") -> str:
    """Return a plain value as Python code, in the quotes of the code that it replaces."""
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


def added(source: Source, call: cst.Call, *arguments: str) -> list[Edit]:
    """Add arguments (`name=value`) after the last of `call`, each on its own line if the last one has its own.

    A one-line call that would be too long is spread to one line per argument.
    """
    source.locate([call, *call.args])
    end = source.span(call)
    flat = ", ".join(arguments)
    if not call.args:
        line = source.line(end.end_row, end.cell)
        if len(line) + len(flat) > WIDTH and line[end.end_column - 3 : end.end_column - 1] == "()":
            outer = margin(line)
            inner = _deeper(outer)
            flat = "".join(f"\n{_on_lines(one, inner)}," for one in arguments) + f"\n{outer}"
        return [inserted(source, end.end_row, end.end_column - 1, end.cell, flat)]
    last = source.span(call.args[-1])
    line = source.line(last.end_row, last.cell)
    before = source.line(last.row, last.cell)[: last.column - 1]
    rest = line[last.end_column - 1 :]
    if before.strip() or last.row == end.row:
        if len(line) + len(flat) + 2 <= WIDTH:
            return [inserted(source, last.end_row, last.end_column, last.cell, f", {flat}")]
        return _spread(source, call, arguments)
    row_end = last.end_column + len(rest)
    lines = ",".join(f"\n{_on_lines(one, before)}" for one in arguments)
    if re.fullmatch(r"\s*,\s*(#.*)?", rest):
        return [inserted(source, last.end_row, row_end, last.cell, f"{lines},")]
    if re.fullmatch(r"\s*#.*", rest):
        comma = inserted(source, last.end_row, last.end_column, last.cell, ",")
        return [comma, inserted(source, last.end_row, row_end, last.cell, lines)]
    return [inserted(source, last.end_row, last.end_column, last.cell, f",{lines}")]


def _on_lines(argument: str, indent: str) -> str:
    """Return an argument on its own line, its value in parentheses on the next if the line would be too long."""
    name, equals, value = argument.partition("=")
    if len(indent) + len(argument) < WIDTH or not equals:
        return f"{indent}{argument}"
    return f"{indent}{name}={_in_parentheses(value, indent)}"


def _in_parentheses(value: str, indent: str) -> str:
    return f"(\n{_deeper(indent)}{value}\n{indent})"


def _deeper(indent: str) -> str:
    """Return the indentation of the next level, by a tab where tabs are used."""
    return indent + (indent[:1] if indent[:1] == "\t" else "    ")


def _spread(source: Source, call: cst.Call, arguments: tuple[str, ...]) -> list[Edit]:
    """Spread the arguments of a one-line call to a line each and add more; to a longer call only add these."""
    places = [source.span(arg) for arg in call.args]
    last, end = places[-1], source.span(call)
    outer = margin(source.line(last.row, last.cell))
    if end.row != end.end_row:
        lines = ",".join(f"\n{_on_lines(one, outer)}" for one in arguments)
        return [inserted(source, last.end_row, last.end_column, last.cell, f",{lines}")] if arguments else []
    inner = _deeper(outer)
    edits = [inserted(source, places[0].row, places[0].column, places[0].cell, f"\n{inner}")]
    for one, two in zip(places, places[1:]):
        between = Location(source.path, one.end_row, one.end_column, two.row, two.column, one.cell)
        edits.append(Edit(between, f",{source.newline(one.cell)}{inner}"))
    lines = "".join(f",\n{_on_lines(one, inner)}" for one in arguments)
    return [*edits, inserted(source, last.end_row, last.end_column, last.cell, f"{lines},\n{outer}")]


def fitted(source: Source, call: cst.Call, changed: list[tuple[cst.Arg, str]], *more: str) -> list[Edit]:
    """Change the values of some arguments of a call and add more; spread the call if it would be too long."""
    source.locate([call, *call.args])
    edits = [replaced(source, arg.value, content) for arg, content in changed]
    end = source.span(call)
    grown = sum(len(content) - len(source.segment(arg.value)) for arg, content in changed)
    length = len(source.line(end.end_row, end.cell)) + grown + sum(len(one) + 2 for one in more)
    if end.row != end.end_row or length <= WIDTH or not call.args:
        return [*edits, *(added(source, call, *more) if more else [])]
    spread = _spread(source, call, more)
    inner = _deeper(margin(source.line(end.row, end.cell)))
    for n, (arg, content) in enumerate(changed):
        if len(inner) + len(source.segment(arg)) - len(source.segment(arg.value)) + len(content) >= WIDTH:
            wrapped = _in_parentheses(content, inner).replace("\n", source.newline(end.cell))
            edits[n] = Edit(edits[n].location, wrapped)
    if call.args[0] not in [arg for arg, _ in changed] or call.args[0].keyword is not None:
        return [*edits, *spread]
    start, *rest = spread  # a first argument that is changed starts where the line is broken
    first = Edit(edits[0].location, start.content + edits[0].content)
    return [first, *edits[1:], *rest]


def call_of(source: Source, arg: cst.Arg) -> cst.Call | None:
    """Return the call that an argument belongs to."""
    holder = source.nodes.parents.get(id(arg))
    return holder if isinstance(holder, cst.Call) else None


def merged(edits: list[Edit]) -> list[Edit]:
    """Join insertions at one point, in the given order; put commas between the first arguments of a call."""
    made: dict[Location, Edit] = {}
    for edit in edits:
        before = made.get(edit.location)
        made[edit.location] = edit if before is None else Edit(edit.location, _joined(before.content, edit.content))
    return list(made.values())


def _joined(first: str, second: str) -> str:
    """Join two insertions at one point: arguments on one line with a comma, those on their own lines one by one."""
    if FIRST.fullmatch(first) and FIRST.fullmatch(second):
        return f"{first}, {second}"
    if SPREAD.fullmatch(first) and SPREAD.fullmatch(second):
        return first.rstrip().removesuffix("," if second.startswith(",") else "") + second
    return first + second


def removed(source: Source, arg: cst.Arg) -> Edit:
    """Remove one argument from the call that it is written in, with its line if it has its own. A comment stays.

    The call that gets it may be another one: an argument of a `partial` is removed there.
    """
    call = call_of(source, arg)
    assert call is not None
    args = list(call.args)
    number = args.index(arg)
    source.locate([call, *args])
    at = source.span(arg)
    before = source.line(at.row, at.cell)[: at.column - 1]
    rest = source.line(at.end_row, at.cell)[at.end_column - 1 :]
    comma = re.match(r"\s*,", rest)
    if not before.strip() and at.row > source.span(call).row and re.fullmatch(r"\s*,\s*", rest):
        return Edit(Location(source.path, at.row, 1, at.end_row + 1, 1, at.cell), "")
    if not before.strip() and (noted := re.match(r"\s*(?:,\s*)?(?=#)", rest)):
        return Edit(Location(source.path, at.row, at.column, at.end_row, at.end_column + noted.end(), at.cell), "")
    if number + 1 < len(args):
        after = source.span(args[number + 1])
        return Edit(Location(source.path, at.row, at.column, after.row, after.column, at.cell), "")
    if number:
        previous = source.span(args[number - 1])
        return Edit(
            Location(source.path, previous.end_row, previous.end_column, at.end_row, at.end_column, at.cell), ""
        )
    return Edit(
        Location(
            source.path,
            at.row,
            at.column,
            at.end_row,
            at.end_column + (comma.end() if comma is not None else 0),
            at.cell,
        ),
        "",
    )


def renamed(source: Source, arg: cst.Arg, name: str) -> Edit:
    """Rename a keyword argument."""
    assert arg.keyword is not None
    return replaced(source, arg.keyword, name)


def value_of(source: Source, arg: cst.Arg) -> str:
    """Return the code of a keyword argument's value with its parentheses, which `(x := 1)` needs."""
    return re.sub(r"\A\w+\s*=\s*", "", source.segment(arg))


# -- imports and statements --------------------------------------------------------------------------------------


def below(source: Source, line: cst.BaseStatement, code: str) -> Edit:
    """Insert a line of code below a line of statements or a compound statement, with the same indentation."""
    at = source.span(line)
    indent = margin(source.line(at.row, at.cell))
    column = len(source.line(at.end_row, at.cell)) + 1
    return inserted(source, at.end_row, column, at.cell, "\n" + "\n".join(indent + one for one in code.split("\n")))


def above(source: Source, node: cst.CSTNode, code: str) -> list[Edit]:
    """Insert a line of code above the statement that contains a node, with the same indentation."""
    line = next((one for one in source.nodes.path(node) if isinstance(one, cst.SimpleStatementLine)), None)
    if line is None:
        return []
    at = source.span(line.body[0])
    indent = source.line(at.row, at.cell)[: at.column - 1]
    return [inserted(source, at.row, 1, at.cell, f"{indent}{code}\n")] if not indent.strip() else []
