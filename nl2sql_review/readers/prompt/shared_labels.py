"""Labels that are the input ids themselves: what masks them writes -100 into the ids, too.

`labels = ids` copies nothing, neither a list nor a tensor, and the model has no embedding for -100.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Place
from ..api.arguments import Defect
from ..object_settings import objects
from ..run import Run
from ..spelling import spelt
from .collated import alone, functions_of, own
from .label_parts import parts_of
from .tokens import cell
from .training_text import TrainingText

if TYPE_CHECKING:
    import libcst as cst

    from ...source import Source

IDS = re.compile(r"\w+(?:\[[\"']input_ids[\"']\]|\.input_ids)(?:\.detach\(\))?")  # without a copy
TARGET = re.compile(r"labels|\w+\[[\"']labels[\"']\]")
MASKS = re.compile(r"-100$|\[-100\]\*")
SAID = (
    "the labels are the input ids themselves, not a copy: masking them writes -100 into input_ids, and the embedding "
    "raises IndexError; mask a copy"
)


def in_rows(run: Run, text: TrainingText, place: Place) -> Iterator[Defect]:
    """Yield the defect of rows whose input ids are masked together with the labels."""
    ids, labels = text.columns.get("input_ids"), text.columns.get("labels", Absent())
    if ids is not None and "-100" in spelt(ids) and any(part.masked or part.without for part in parts_of(cell(ids))):
        yield Defect("shared", "input_ids", place, SAID)
        return
    for source, function in {id(f): (s, f) for s, f in functions_of(labels.trace)}.values():  # a tokenizer's own result
        if (masking := masked_in_place(run, source, function)) is not None:
            yield Defect("shared", "input_ids", Place(source, masking), SAID)


def in_batches(run: Run) -> Iterator[Defect]:
    """Yield the defect of collators of the script that mask labels which are the ids of the batch."""
    assert run.trainer is not None
    for thing in objects(run.trainer.get("data_collator")):
        function = own(thing)
        if function is not None and (masking := masked_in_place(run, *function)) is not None:
            yield Defect("shared", "input_ids", Place(function[0], masking), SAID)


def _filled(source: Source, call: cst.Call) -> str:
    """Return what `labels.masked_fill_(mask, -100)` fills; "" of another call."""
    import libcst as cst

    if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "masked_fill_":
        return ""
    given = (source.segment(argument.value).replace(" ", "") for argument in call.args)
    return source.segment(call.func.value) if "-100" in given else ""


def masked_in_place(run: Run, source: Source, function: cst.FunctionDef) -> cst.CSTNode | None:
    """Return the statement that masks labels which are the ids; None if they may be a copy, or none be masked."""
    import libcst as cst

    from ...source.syntax import walk

    given = {one.name.value for one in function.params.params}  # what a row holds is not what is returned
    labels: set[str] = set()
    taken = ""
    found: cst.CSTNode | None = None
    for node in walk(function):
        if isinstance(node, cst.Call) and (filled := _filled(source, node)):
            if filled in labels and is_always_run(source, function, node, run):
                found = found or node
        if not isinstance(node, cst.Assign) or len(node.targets) != 1:
            continue
        target, value = source.segment(node.targets[0].target), source.segment(node.value)
        if TARGET.fullmatch(target):
            if IDS.fullmatch(value) and re.split(r"\W", value, maxsplit=1)[0] not in given:
                labels, taken = {target}, value
            elif value in labels:  # `batch["labels"] = labels`
                labels.add(target)
            else:
                labels.discard(target)
        elif taken and target in (taken, taken.removesuffix(".detach()")):
            return None  # the ids of the batch are others now
        elif MASKS.match(value.replace(" ", "")) and any(target.startswith(f"{one}[") for one in labels):
            if is_always_run(source, function, node, run):
                found = found or node
    return found if found is not None and hands_on(source.segment(function), taken) else None


def hands_on(code: str, taken: str) -> bool:
    """Return whether the function hands on the ids that became the labels, and reads them nowhere else."""
    given = re.findall(r"[\"']input_ids[\"']\s{0,9}:\s{0,9}([^,}\n]*)", code)
    return all(one.strip() == taken for one in given) and code.count(taken) - len(given) == 1


def is_always_run(source: Source, function: cst.FunctionDef, node: cst.CSTNode, run: Run) -> bool:
    """Return whether every batch comes to a statement, and what it masks is there in some batches."""
    import libcst as cst

    path = source.nodes.path(node)
    inner = path[path.index(function) + 1 :] if function in path else ()
    tests = [source.segment(one.test) for one in inner if isinstance(one, cst.If)]
    if any("pad_token" not in test for test in tests):
        return False
    if any(isinstance(one, (cst.Try, cst.FunctionDef, cst.Lambda, cst.Else)) for one in inner):
        return False
    return not (alone(run) and re.search(r"pad|attention", source.segment(node)))
