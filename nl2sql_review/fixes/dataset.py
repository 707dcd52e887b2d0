"""Fixes of the data: other spellings of a column, a cut of the schema, weights that sum up to one, a seed for the mix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from ..readers.columns import COLUMNS, column_role, columns_read
from ..readers.dataset_fields import Read, reads_of
from ..readers.training_text import texts_before_mixing, texts_of
from ..source.syntax import walk
from ..values import Absent, Term
from . import code, places
from .proof import Candidate
from .task import Task, plain, setting, wanted

PROMPT = (
    "prompt.text",
    "dataset.bare_fields",
    "dataset.late_fallbacks",
    "dataset.schema_limit",
    "dataset.truncation_cuts",
)
SPELLINGS = 2  # besides the one that is there: how many other spellings of a column are tried
TRANSFORMS = ("function", "formatting_func", "$0")  # arguments that hold the function that makes the text


def fallbacks(task: Task) -> Iterator[Candidate]:
    """A read by one spelling, or by a `.get` that never falls back, as a chain of alternatives: `a or b or ""`."""
    for read in _reads(task):
        place = read.place
        if place is None or place.source is not task.source or not isinstance(place.node, (cst.Subscript, cst.Call)):
            continue
        text = _chain(task, place.node, read)
        if text:
            edit = code.replaced(task.source, place.node, _embedded(task, place.node, text))
            title = f"read {read.columns[0]} by its other spellings too"
            yield Candidate(title, (edit,), PROMPT, TRANSFORMS, (), unsafe=True)


def _reads(task: Task) -> Iterator[Read]:
    names = plain(task.fact.value) or []
    how = "bare" if task.name.endswith("bare_fields") else "get"
    texts = texts_of(task.run)
    before = [t for text in texts if text.dataset is not None for t in texts_before_mixing(task.run, text.dataset)]
    for read in reads_of([*texts, *before]):
        if read.how == how and read.columns and (read.columns[0] in names or read.columns[-1] in names):
            yield read


def _chain(task: Task, node: Any, read: Read) -> str:
    """`ex.get("question") or ex.get("sql_prompt") or ""`, in the quotes of the code."""
    source = task.source.tree.code_for_node(node)
    row = source.partition("[")[0] if isinstance(node, cst.Subscript) else source.partition(".get(")[0]
    if not re.fullmatch(r"[\w.]+", row):
        return ""
    quote = "'" if "'" in source else '"'
    columns = list(dict.fromkeys(read.columns))
    role = read.role or column_role(columns[0])
    others = [c for c in COLUMNS.get(role, "").split() if c not in columns]
    if len(columns) == 1:
        columns += others[:SPELLINGS]
    return " or ".join([*(f"{row}.get({quote}{name}{quote})" for name in columns), quote * 2])


def _embedded(task: Task, node: Any, text: str) -> str:
    """In brackets, unless the code around makes them needless."""
    span = task.source.span(node)
    before = task.source.line(span.row, span.cell)[: span.column - 1]
    after = task.source.line(span.end_row, span.cell)[span.end_column - 1 :]
    plainly = re.search(r"(=|\{|\(|,|:|return)\s*$", before) and re.match(r"\s*(#.*)?$|\s*[},)]", after)
    return text if plainly else f"({text})"


# -- the schema --------------------------------------------------------------------------------------------------


def cut(task: Task) -> Iterator[Candidate]:
    """The schema cut where it is read; a longer cut made shorter."""
    for limit in wanted(task.expected, 0, task.plan):
        if not isinstance(task.fact.value, Absent):
            for edits in (places.at_origin(task.fact, limit),):
                if edits:
                    yield Candidate(f"cut the schema to {limit} characters", tuple(edits), PROMPT, TRANSFORMS)
            continue
        for text in texts_of(task.run):
            for piece in (
                p for pieces in text.texts for p in pieces if "schema" in p.roles and isinstance(p.hole, Term)
            ):
                for place in piece.hole.trace:  # type: ignore[union-attr]
                    if (
                        place.source is task.source
                        and isinstance(place.node, cst.BaseExpression)
                        and columns_read(piece.hole)
                    ):
                        edit = _cut(task, place.node, limit)
                        yield Candidate(f"cut the schema to {limit} characters", (edit,), PROMPT, TRANSFORMS)


def _cut(task: Task, node: Any, limit: int) -> Any:
    if isinstance(node, (cst.Subscript, cst.Call, cst.Name, cst.Attribute)):
        span = task.source.span(node)
        return code.inserted(task.source, span.end_row, span.end_column, span.cell, f"[:{limit}]")
    return code.replaced(task.source, node, f"({task.source.tree.code_for_node(node)})[:{limit}]")


# -- mixing ------------------------------------------------------------------------------------------------------


def normalised(task: Task) -> Iterator[Candidate]:
    """The weights divided by their sum."""
    place = places.argument(task.plan["dataset.weights"])
    if place is None or place.node.star:
        return
    facts = ("dataset.weights_sum", "dataset.weights")
    value = place.node.value
    if isinstance(value, (cst.Name, cst.Attribute)):
        text = place.source.tree.code_for_node(value)
        edit = code.replaced(place.source, value, f"[w / sum({text}) for w in {text}]")
        yield Candidate("divide the weights by their sum", (edit,), facts, ("probabilities",))
        return
    numbers = plain(task.plan["dataset.weights"].value)
    if isinstance(numbers, (list, tuple)) and all(isinstance(n, (int, float)) for n in numbers) and sum(numbers) > 0:
        shares = [round(n / sum(numbers), 6) for n in numbers]
        shares[-1] = round(1 - sum(shares[:-1]), 6)
        edit = code.replaced(place.source, value, code.literal(shares))
        yield Candidate("divide the weights by their sum", (edit,), facts, ("probabilities",))


def seeded(task: Task) -> Iterator[Candidate]:
    """The mix by the seed of the training."""
    seed = plain(task.plan["arguments.seed"].value)
    if isinstance(seed, int):
        yield from setting(task.name, task.fact, seed, (), ("seed",))


def names_imported(task: Task) -> Iterator[Candidate]:
    """What annotations use and nothing imports, if it is of `typing`, `dataclasses` or `pathlib`."""
    import dataclasses
    import pathlib
    import typing

    for name in plain(task.fact.value) or []:
        for module in (typing, dataclasses, pathlib):
            if hasattr(module, name) and not name.startswith("_"):
                edit = code.new_import(task.source, f"from {module.__name__} import {name}")
                if any(isinstance(n, cst.Name) and n.value == name for n in walk(task.source.tree)):
                    yield Candidate(f"import {name} from {module.__name__}", (edit,), (task.name,))
                break
