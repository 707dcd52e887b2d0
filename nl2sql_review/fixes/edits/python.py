"""Edits of Python code: replace a value, add or remove an argument, add an import or a statement.

All edits follow the style of the surrounding code: its quotes, indentation, line ends, trailing commas.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from ...policy.expectations import spelled
from ...report.report import Edit, Location
from ...source import Span
from ...source.syntax import dotted, text_of, walk

if TYPE_CHECKING:
    from ...source import Source

WIDTH = 120  # characters of a line of code
FIRST = re.compile(r"\w+=[^\n]*")  # code that gives an argument to a call that has none
SPREAD = re.compile(
    r"(,?\r?\n[ \t]*\w+=[^\n]*)+,\r?\n[ \t]*"
)  # arguments for a call that is spread over lines for them


def location(source: Source, span: Span) -> Location:
    return Location(source.path, span.row, span.column, span.end_row, span.end_column, span.cell)


def replaced(source: Source, node: cst.CSTNode | Span, content: str) -> Edit:
    """Replace `node` (a node, or a Span) by other code."""
    return Edit(location(source, source.span(node)), content)


def inserted(source: Source, row: int, column: int, cell: int | None, content: str) -> Edit:
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
            inner = outer + (outer[:1] if outer[:1] == "\t" else "    ")
            flat = "".join(f"\n{inner}{one}," for one in arguments) + f"\n{outer}"
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
    lines = ",".join(f"\n{before}{one}" for one in arguments)
    if re.fullmatch(r"\s*,\s*(#.*)?", rest):
        return [inserted(source, last.end_row, row_end, last.cell, f"{lines},")]
    if re.fullmatch(r"\s*#.*", rest):
        comma = inserted(source, last.end_row, last.end_column, last.cell, ",")
        return [comma, inserted(source, last.end_row, row_end, last.cell, lines)]
    return [inserted(source, last.end_row, last.end_column, last.cell, f",{lines}")]


def _spread(source: Source, call: cst.Call, arguments: tuple[str, ...]) -> list[Edit]:
    """Spread the arguments of a one-line call to a line each and add more; to a longer call only add these."""
    places = [source.span(arg) for arg in call.args]
    last, end = places[-1], source.span(call)
    outer = margin(source.line(last.row, last.cell))
    if end.row != end.end_row:
        lines = ",".join(f"\n{outer}{one}" for one in arguments)
        return [inserted(source, last.end_row, last.end_column, last.cell, f",{lines}")] if arguments else []
    inner = outer + (outer[:1] if outer[:1] == "\t" else "    ")
    edits = [inserted(source, places[0].row, places[0].column, places[0].cell, f"\n{inner}")]
    for one, two in zip(places, places[1:]):
        between = Location(source.path, one.end_row, one.end_column, two.row, two.column, one.cell)
        edits.append(Edit(between, f",{source.newline(one.cell)}{inner}"))
    lines = "".join(f",\n{inner}{one}" for one in arguments)
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


def top_level(tree: cst.Module) -> Iterator[cst.BaseSmallStatement]:
    """Yield the simple statements of a module that are in no other statement."""
    for line in tree.body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body


def importing(source: Source, module: str) -> list[cst.FunctionDef]:
    """Return the functions of a script that import a module themselves."""
    found = []
    for function in (node for node in walk(source.tree) if isinstance(node, cst.FunctionDef)):
        imports = (node for node in walk(function.body) if isinstance(node, cst.Import))
        if any(alias.evaluated_name == module and alias.asname is None for one in imports for alias in one.names):
            found.append(function)
    return found


def imported_module(source: Source, module: str, user: cst.CSTNode | None = None) -> tuple[list[Edit], str] | None:
    """Return the edits and the name as `imported` does, for `import module`.

    If functions import the module themselves, so does that of `user`: a top-level import would clash with theirs.
    """
    for statement in top_level(source.tree):
        for alias in statement.names if isinstance(statement, cst.Import) else ():
            if alias.evaluated_name == module:
                return [], alias.evaluated_alias or module
    if re.search(rf"^[ \t]*(?:{module}\b\s*=|def {module}\b|class {module}\b)", source.text, re.MULTILINE):
        return None
    functions = importing(source, module) if user is not None else []
    if user is not None and functions:
        inside = any(any(one is user for one in walk(function)) for function in functions)
        return ([] if inside else above(source, user, f"import {module}")), module
    return [new_import(source, f"import {module}")], module


def imported(source: Source, module: str, name: str) -> tuple[list[Edit], str] | None:
    """Return the edits that import `name` from `module`, and its local name; None if the name is taken."""
    imports = (s for s in top_level(source.tree) if isinstance(s, cst.ImportFrom) and not s.relative)
    of_module = (s.names for s in imports if s.module is not None and dotted(s.module) == module)
    found = [names for names in of_module if not isinstance(names, cst.ImportStar)]
    for alias in (alias for names in found for alias in names):
        if alias.evaluated_name == name:
            return [], alias.evaluated_alias or name
    if re.search(rf"(?<![\w.\"'#]){name}\b(?!\s*=[^=])", _without_comments(source.text)):
        return None
    if found:
        return [_named(source, list(found[0]), name)], name
    return [new_import(source, f"from {module} import {name}")], name


def _named(source: Source, aliases: list[cst.ImportAlias], name: str) -> Edit:
    """Add a name to an import: at its sorted place if the other names are sorted, else at the end."""
    keys = [_rank(alias.evaluated_name) for alias in aliases]
    after = next((n for n, key in enumerate(keys) if key > _rank(name)), None) if keys == sorted(keys) else None
    if after is not None:
        at = source.span(aliases[after])
        return inserted(source, at.row, at.column, at.cell, f"{name}, ")
    at = source.span(aliases[-1])
    return inserted(source, at.end_row, at.end_column, at.cell, f", {name}")


def _rank(name: str) -> tuple[int, str]:
    """Return the sort key that isort gives a name: constants, classes, the rest."""
    return 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name


def new_import(source: Source, code: str) -> Edit:
    """Add an import line among the top-level imports, where isort would put it, else below the docstring.

    Nothing goes above an import of Unsloth, which patches the modules imported after it.
    """
    lines = [one for one in source.tree.body if isinstance(one, cst.SimpleStatementLine)]
    runs = _runs(source.tree)
    patching = [run for run in runs if any(_order(line.body[0])[2].split(".")[0] == "unsloth" for line in run)]
    if runs:
        return _among(source, (patching or runs)[0], code)
    first = source.tree.body[0]
    if lines and lines[0] is first and _is_text(lines[0].body[0]):
        return below(source, lines[0], code)
    at = source.span([*getattr(first, "decorators", ()), first][0])
    return inserted(source, at.row, 1, at.cell, f"{code}\n")


def _runs(tree: cst.Module) -> list[list[cst.SimpleStatementLine]]:
    """Return the groups of adjacent top-level imports; code that runs early may use the first group."""
    runs: list[list[cst.SimpleStatementLine]] = []
    before: cst.CSTNode | None = None
    for line in tree.body:
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], (cst.Import, cst.ImportFrom)):
            if runs and before is runs[-1][-1]:
                runs[-1].append(line)
            else:
                runs.append([line])
        before = line
    return runs


def _among(source: Source, imports: list[cst.SimpleStatementLine], code: str) -> Edit:
    """Insert an import line into a block of imports: below the last one that sorts before it.

    A section that the block lacks is separated from the others by an empty line.
    """
    statement = cst.parse_statement(code)
    assert isinstance(statement, cst.SimpleStatementLine)
    own = _order(statement.body[0])
    keys = [_order(one.body[0]) for one in imports]
    start = next((n + 1 for n, key in enumerate(keys) if key[2].split(".")[0] == "unsloth"), 0)
    before = [n for n in range(start, len(keys)) if keys[n] < own]
    beside = [n for n in range(start, len(keys)) if keys[n][0] == own[0]]
    if above := [n for n in beside if n in before]:
        return below(source, imports[above[-1]], code)
    if start == len(keys):
        return below(source, imports[-1], code)
    if before and not beside:
        parted = "\n" if _parted(source, imports) else ""
        return below(source, imports[before[-1]], f"{parted}{code}")
    follows = beside[0] if beside else start
    at = source.span(imports[follows].body[0])
    parted = "\n" if not beside and _parted(source, imports) else ""
    return inserted(source, at.row, 1, at.cell, f"{code}\n{parted}")


def _parted(source: Source, imports: list[cst.SimpleStatementLine]) -> bool:
    """Return whether imports are of one section or have an empty line among them, as isort separates sections."""
    if len({_order(one.body[0])[0] for one in imports}) == 1:
        return True
    rows = source.span(imports[0].body[0]).row, source.span(imports[-1].body[0]).row
    cell = source.span(imports[0].body[0]).cell
    return any(not source.line(row, cell).strip() for row in range(*rows))


def _order(statement: cst.CSTNode) -> tuple[int, int, str]:
    """Return isort's sort key of an import: the standard library first, `import` before `from`, then by name."""
    if isinstance(statement, cst.ImportFrom):
        name = "." * len(statement.relative) + (dotted(statement.module) if statement.module is not None else "")
    elif isinstance(statement, cst.Import):
        name = dotted(statement.names[0].name)
    else:
        name = ""
    section = 2 if name.startswith(".") else 0 if name.split(".")[0] in sys.stdlib_module_names else 1
    return section if name != "__future__" else -1, isinstance(statement, cst.ImportFrom), name.casefold()


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


def _is_text(statement: cst.BaseSmallStatement) -> bool:
    return isinstance(statement, cst.Expr) and text_of(statement.value) is not None


def _without_comments(text: str) -> str:
    """Return the code without comments that have no quotes: lines are cut at the first # after the last quote."""
    lines = []
    for line in text.split("\n"):
        comment = line.find("#", max(line.rfind('"'), line.rfind("'")) + 1)
        lines.append(line if comment < 0 else line[:comment])
    return "\n".join(lines)
