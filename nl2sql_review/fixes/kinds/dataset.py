"""Fixes of the data: other spellings of a column, a schema cut, weights that sum to one, a seed for the mix."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ...readers.dataset.columns import COLUMNS, column_role
from ...readers.derive import plain
from ...report.report import Edit
from ...source.literals import is_variable
from ...source.syntax import dotted, walk
from ...training_plan.values import Absent
from .. import names, places, uses
from ..candidate import Candidate
from ..context import Task, setting, wanted
from ..edits import imports, python
from . import columns
from .prompt import expressions

PROMPT = (
    "prompt.text",
    "dataset.bare_fields",
    "dataset.late_fallbacks",
    "dataset.schema_limit",
    "dataset.truncation_cuts",
)
SPELLINGS = 2  # besides the one that is there: how many other spellings of a column are tried


def fallbacks(task: Task) -> Iterator[Candidate]:
    """Replace a read by one spelling, or by a `.get` that never falls back, by alternatives: `a or b or ""`."""
    names = plain(task.fact.value) or []
    bare = task.name.endswith("bare_fields")
    edits: list[Edit] = []
    for node, row, column in columns.reads(task):
        read = columns.columns_of(node)
        if column not in names and read[-1] not in names or bare != (len(read) == 1):
            continue
        if len(read) == 1:
            others = [c for c in COLUMNS.get(column_role(column), "").split() if c != column]
            read += others[:SPELLINGS]
        quote = "'" if "'" in task.source.segment(node) else '"'
        chain = " or ".join([*(f"{row}.get({quote}{name}{quote})" for name in read), quote * 2])
        edits.append(python.replaced(task.source, node, _embedded(task, node, chain)))
    if edits:
        yield Candidate(f"read {', '.join(names)} by other names too", tuple(edits), PROMPT, unsafe=True)


def _embedded(task: Task, node: cst.CSTNode, text: str) -> str:
    """Return the code in parentheses, unless the surrounding code makes them unnecessary."""
    span = task.source.span(node)
    before = task.source.line(span.row, span.cell)[: span.column - 1]
    after = task.source.line(span.end_row, span.cell)[span.end_column - 1 :]
    plainly = re.search(r"(=|\{|\(|,|:|return)\s*$", before) and re.match(r"\s*(#.*)?$|\s*[},)]", after)
    return text if plainly else f"({text})"


# -- the schema --------------------------------------------------------------------------------------------------


TABLE_CUT = "from nl2sql_review.rows.table_cut import cut_schema"


def cut(task: Task) -> Iterator[Candidate]:
    """Cut the schema by whole tables where it is read, or lower the limit of an existing cut."""
    for limit in wanted(task.expected, 0, task.plan):
        if not isinstance(task.fact.value, Absent):
            if edits := tuple(places.at_origin(task.fact, limit)):
                hidden = not uses.compared(task.examined, task.fact, _cuts(task))
                yield Candidate(f"truncate the schema to {limit} characters", edits, PROMPT, unsafe=hidden)
            continue
        title = f"truncate the schema to {limit} characters by whole tables; nl2sql-review must be installed to train"
        sql = [task.source.segment(node) for node in columns.elements(task, "sql")]
        if cuts := [_by_tables(task, node, limit, sql) for node in columns.elements(task)]:
            yield Candidate(title, (*cuts, *_imported(task)), PROMPT, unsafe=True)
        if any(plain(call.get("batched")) for call in task.run.calls):
            continue  # what stands for a column of a batch is no one schema
        reads = [(_chain(task, node), row, column) for node, row, column in columns.reads(task)]
        for node, row, column in reads:
            if column_role(column) == "schema" and not columns.is_whole(task, node):
                named = [task.source.segment(n) for n, other, c in reads if other == row and column_role(c) == "sql"]
                yield Candidate(title, (_by_tables(task, node, limit, named), *_imported(task)), PROMPT, unsafe=True)


def _by_tables(task: Task, node: cst.CSTNode, limit: int, sql: list[str]) -> Edit:
    """Return the edit to `cut_schema(ex["schema"], 1000, ex["sql"])`, which keeps what the SQL names."""
    kept = next(filter(None, (_within(task, node, one) for one in sql)), "")
    given = f"{task.source.segment(node)}, {limit}" + (f", {kept}" if kept else "")
    return python.replaced(task.source, node, f"cut_schema({given})")


def _within(task: Task, node: cst.CSTNode, code: str) -> str:
    """Return code as it may stand at a node, "" if it may not: before Python 3.12 no quotes of the f-string around."""
    for outer in task.source.nodes.path(node):
        if isinstance(outer, cst.FormattedString) and (quote := outer.end[:1]) in code:
            other = "'" if quote == '"' else '"'
            code = "" if other in code else code.replace(quote, other)
    return code


def _imported(task: Task) -> tuple[Edit, ...]:
    has = any(isinstance(n, cst.ImportFrom) and "cut_schema" in task.source.segment(n) for n in walk(task.source.tree))
    return () if has else (imports.new_import(task.source, TABLE_CUT),)


def _chain(task: Task, node: cst.CSTNode) -> cst.CSTNode:
    """Return the whole expression that a read is part of: `ex.get("a") or ex.get("b") or ""`."""
    return next((one for one in task.source.nodes.path(node) if isinstance(one, cst.BooleanOperation)), node)


def _cuts(task: Task) -> list[cst.CSTNode]:
    """Return the code that may cut the schema: slices, uses of a length, calls of functions with a slice."""
    scopes = [task.function(expression) for expression in expressions(task)]
    found = [node for scope in scopes for node in _slices(scope)]
    for call in (n for scope in scopes for n in walk(scope) if isinstance(n, cst.Call)):
        for one in walk(task.source.tree):
            if isinstance(one, cst.FunctionDef) and one.name.value == dotted(call.func):
                slices = list(_slices(one))
                found += [call, *slices] if slices else []
    return found


def _slices(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for node in walk(scope):
        if isinstance(node, cst.Comparison) and dotted(getattr(node.left, "func", node.left)) == "len":
            yield node
        elif isinstance(node, cst.Subscript):
            roles = {column_role(column) for one in walk(node.value) for column in columns.columns_of(one)}
            if not roles or "schema" in roles:
                yield from (one.slice for one in node.slice if isinstance(one.slice, cst.Slice))


# -- mixing ------------------------------------------------------------------------------------------------------


def normalised(task: Task) -> Iterator[Candidate]:
    """Divide the weights by their sum."""
    place = places.argument(task.plan["dataset.weights"])
    if place is None or place.node.star:
        return
    facts = ("dataset.weights_sum", "dataset.weights")
    value = place.node.value
    if is_variable(value) or isinstance(value, cst.Attribute):
        text = place.source.segment(value)
        edit = python.replaced(place.source, value, f"[w / sum({text}) for w in {text}]")
        yield Candidate("divide the weights by their sum", (edit,), facts, ("probabilities",))
        return
    numbers = plain(task.plan["dataset.weights"].value)
    if isinstance(numbers, (list, tuple)) and all(isinstance(n, (int, float)) for n in numbers) and sum(numbers) > 0:
        shares = [round(n / sum(numbers), 6) for n in numbers]
        shares[-1] = round(1 - sum(shares[:-1]), 6)
        edit = python.replaced(place.source, value, python.literal(shares))
        yield Candidate("divide the weights by their sum", (edit,), facts, ("probabilities",))


def seeded(task: Task) -> Iterator[Candidate]:
    """Set the seed of the mix to the seed of the training."""
    seed = plain(task.plan["arguments.seed"].value)
    if isinstance(seed, int):
        yield from setting(task, task.name, task.fact, seed, (), ("seed",))


def names_imported(task: Task) -> Iterator[Candidate]:
    """Import names that annotations use without an import, from `typing`, `dataclasses` or `pathlib`."""
    import dataclasses
    import pathlib
    import typing

    for name in plain(task.fact.value) or []:
        for module in (typing, dataclasses, pathlib):
            if hasattr(module, name) and not name.startswith("_"):
                edit = imports.new_import(task.source, f"from {module.__name__} import {name}")
                if any(isinstance(n, cst.Name) and n.value == name for n in names.expressions(task.source.tree)):
                    yield Candidate(f"import {name} from {module.__name__}", (edit,), (task.name,))
                break
