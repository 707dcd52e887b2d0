"""Finds calls that make a changed dataset or data frame, which nothing takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...interpret.core.objects import Function
from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Known
from ..api.arguments import Defect, branch
from ..api.imports import fact as listed
from ..derive import plain
from ..object_settings import last, objects
from ..run import Run

if TYPE_CHECKING:
    import libcst as cst

# Methods that return the changed rows and leave the receiver as it is.
OF_DATASETS = frozenset(
    "map filter shuffle select sort shard train_test_split rename_column rename_columns remove_columns select_columns "
    "add_column add_item cast cast_column class_encode_column with_format with_transform take skip repeat".split()
)
OF_FRAMES = frozenset(
    "dropna drop_duplicates drop rename reset_index set_index fillna replace sort_values sample astype assign".split()
)
CELL = re.compile(r"#\s*(?:In\s?\[|%%)")  # begins a cell of a notebook that was exported as a script
FILLS = frozenset("append add extend update insert setdefault put".split())  # what they are called on
WRITES = frozenset("write writelines writerow save savefig dump".split())  # a file


def read(run: Run, plan: TrainingPlan) -> None:
    if run.configuration is not None:
        why = "a configuration makes no calls of its own"
        plan.dataset.dropped_results = Fact(Absent(why), at=run.place, why_not=why)
        return
    plan.dataset.dropped_results = listed(list(dropped(run)), run.place)


def dropped(run: Run) -> Iterator[Defect]:
    seen: set[int] = set()
    for call in run.calls:
        owner, _, name = call.callee.rpartition(".")
        if id(call.place.node) in seen or not changes(call, owner, name) or not is_statement(call):
            continue
        seen.add(id(call.place.node))
        if name == "map" and not maps_for_rows(run, call) or name in ("map", "filter") and puts_elsewhere(call):
            continue
        what = "data frame" if owner.startswith("pandas") else "dataset"
        text = f"{name}() returns a changed {what} and nothing takes it: the rows stay as they were; assign the result"
        yield Defect("dropped", name, call.place, text, branch(call))


def changes(call: Call, owner: str, name: str) -> bool:
    if owner == "pandas.DataFrame":
        inplace = call.get("inplace")
        in_new = isinstance(inplace, (Known, Absent)) and not plain(inplace) and not call.unknown_arguments
        return name in OF_FRAMES and in_new
    return owner in ("datasets.Dataset", "datasets.DatasetDict") and name in OF_DATASETS


def is_statement(call: Call) -> bool:
    """Return whether a call is a statement of its own, and no last one of a notebook's cell, which is shown."""
    import libcst as cst

    source = call.place.source
    line, statement = source.nodes.path(call.place.node)[-3:-1] or (None, None)
    if not isinstance(statement, cst.Expr) or not isinstance(line, cst.SimpleStatementLine):
        return False
    body = source.tree.body
    if line not in body:
        return True
    after = body[body.index(line) + 1 : body.index(line) + 2]
    if source.kind != "notebook":
        above = (one.comment.value for node in after for one in node.leading_lines if one.comment is not None)
        return not any(map(CELL.match, above))
    source.locate([line, *after])
    return bool(after) and source.span(after[0]).cell == source.span(line).cell


def maps_for_rows(run: Run, call: Call) -> bool:
    """Return whether `map` is called for the rows that its function returns, not to look at them or to cache them."""
    function = next(objects(call.get("function", "$0")), None)
    if not isinstance(function, Function) or not returns(function.node):
        return False
    others = (one for one in run.calls if last(one.callee) == "map" and one.place.node is not call.place.node)
    return not any(function is next(objects(one.get("function", "$0")), None) for one in others)


def puts_elsewhere(call: Call) -> bool:
    """Return whether the function of a call writes a file or fills something from outside it: it is called for that."""
    import libcst as cst

    from ...source.syntax import dotted, walk

    function = next(objects(call.get("function", "$0")), None)
    if not isinstance(function, Function):
        return False
    nodes = list(walk(function.node))
    filled = []
    own = {node.name.value for node in nodes if isinstance(node, cst.Param)}
    for node in nodes:
        if isinstance(node, (cst.Global, cst.Nonlocal)):
            return True
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value in WRITES:
                return True
            filled += [node.func.value] if node.func.attr.value in FILLS else []
        elif isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.For, cst.CompFor)):
            if isinstance(node.target, cst.Subscript):
                filled.append(node.target.value)
            else:
                own |= {name.value for name in walk(node.target) if isinstance(name, cst.Name)}
    roots = {dotted(node).partition(".")[0] for node in filled}
    return bool(roots - own - {""})


def returns(function: cst.FunctionDef | cst.Lambda) -> bool:
    """Return whether a function returns rows: a lambda that calls something may return None."""
    import libcst as cst

    from ...source.syntax import walk

    if isinstance(function, cst.Lambda):
        return isinstance(function.body, (cst.Dict, cst.DictComp))
    return any(isinstance(node, cst.Return) and node.value is not None for node in walk(function))
