"""Edits that import what other edits use: at the top level as isort would, or in a function that imports by itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from ...report.report import Edit
from ...source.syntax import dotted, text_of, walk
from .python import above, below, inserted

if TYPE_CHECKING:
    from ...source import Source

# A script may leave them to its functions: they are slow.
LIBRARIES = frozenset(("unsloth", "trl", "peft", "transformers"))


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
        if any(any(one is user for one in walk(function)) for function in functions):
            return [], module
        own = _imports_of_function(source, user)
        code = f"import {module}"
        return ([below(source, own[-1], code)] if own else above(source, user, code)), module
    return [new_import(source, f"import {module}")], module


def imported(source: Source, module: str, name: str, user: cst.CSTNode | None = None) -> tuple[list[Edit], str] | None:
    """Return the edits that import `name` from `module`, and its local name; None if the name is taken.

    If the function of `user` imports the libraries, and the top level does not, so does the function: an import at the
    top level would come before that of Unsloth. If a `try` of the top level imports them, so that the script runs
    without them, the name is imported there.
    """
    lazy: list[cst.SimpleStatementLine] = []
    if user is not None and not any(_library(statement) in LIBRARIES for statement in top_level(source.tree)):
        lazy = _imports_of_function(source, user, LIBRARIES)
    optional = [] if lazy else _optional(source.tree, module)
    imports = [line.body[0] for line in lazy] or [*top_level(source.tree), *(line.body[0] for line in optional)]
    of_module = (s.names for s in imports if isinstance(s, cst.ImportFrom) and _from(s) == module)
    found = [names for names in of_module if not isinstance(names, cst.ImportStar)]
    for alias in (alias for names in found for alias in names):
        if alias.evaluated_name == name:
            return [], alias.evaluated_alias or name
    if re.search(rf"(?<![\w.\"'#]){name}\b(?!\s*=[^=])", _without_comments(source.text)):
        return None
    if found:
        return [_named(source, list(found[0]), name)], name
    code = f"from {module} import {name}"
    beside = lazy or optional
    return [below(source, beside[-1], code) if beside else new_import(source, code)], name


def _optional(tree: cst.Module, module: str) -> list[cst.SimpleStatementLine]:
    """Return the imports of a package that stand in a `try` of the top level, if no other of the top level do."""
    package = module.split(".")[0]
    if any(_library(statement) == package for statement in top_level(tree)):
        return []
    lines = (line for one in tree.body if isinstance(one, cst.Try) for line in one.body.body)
    return [x for x in lines if isinstance(x, cst.SimpleStatementLine) and _library(x.body[0]) == package]


def _from(statement: cst.ImportFrom) -> str:
    """Return the module that names are imported from, "" if it is relative."""
    return dotted(statement.module) if statement.module is not None and not statement.relative else ""


def _imports_of_function(
    source: Source, user: cst.CSTNode, libraries: frozenset[str] | None = None
) -> list[cst.SimpleStatementLine]:
    """Return the imports above `user` in its function, if some are of these libraries; None: of any."""
    row = source.span(user).row
    for function in reversed(source.nodes.path(user)):
        if isinstance(function, cst.FunctionDef):
            lines = [one for one in function.body.body if isinstance(one, cst.SimpleStatementLine)]
            own = [one for one in lines if _library(one.body[0]) and source.span(one).row < row]
            if any(libraries is None or _library(one.body[0]) in libraries for one in own):
                return own
    return []


def _library(statement: cst.CSTNode) -> str:
    """Return the top-level package that a statement imports, "" if it is no import."""
    return _order(statement)[2].split(".")[0] if isinstance(statement, (cst.Import, cst.ImportFrom)) else ""


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

    If the block imports from the same package, the line stands there. A section that the block lacks is separated from
    the others by an empty line.
    """
    statement = cst.parse_statement(code)
    assert isinstance(statement, cst.SimpleStatementLine)
    own = _order(statement.body[0])
    keys = [_order(one.body[0]) for one in imports]
    package = own[2].split(".")[0]
    start = next((n + 1 for n, key in enumerate(keys) if key[2].split(".")[0] == "unsloth"), 0)
    if alike := [
        n for n, key in enumerate(keys) if key[2].split(".")[0] == package and (n >= start or package == "unsloth")
    ]:
        lower = [n for n in alike if keys[n] < own]
        at = source.span(imports[alike[0]].body[0])
        return below(source, imports[lower[-1]], code) if lower else inserted(source, at.row, 1, at.cell, f"{code}\n")
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


def _is_text(statement: cst.BaseSmallStatement) -> bool:
    return isinstance(statement, cst.Expr) and text_of(statement.value) is not None


def _without_comments(text: str) -> str:
    """Return the code without comments that have no quotes: lines are cut at the first # after the last quote."""
    lines = []
    for line in text.split("\n"):
        comment = line.find("#", max(line.rfind('"'), line.rfind("'")) + 1)
        lines.append(line if comment < 0 else line[:comment])
    return "\n".join(lines)
