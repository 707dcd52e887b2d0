"""Labels that a collator of the script's own copies from the ids it pads, and in which padding stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...source import Source
from ...training_plan.values import Absent, Default, Known, Place
from ..api.arguments import Defect
from ..object_settings import objects
from ..run import Run

if TYPE_CHECKING:
    import libcst as cst

COPY = re.compile(r"(\w+)(?:\[[\"']input_ids[\"']\]|\.input_ids)(?:\.detach\(\))?(?:\.clone\(\)|\.copy\(\))?")
LABELS = re.compile(r"\b(?:labels|\w+\[[\"']labels[\"']\])")
PADS = re.compile(r"\bpadding\s*=\s*(True|[\"'](?:longest|max_length)[\"'])")
MASKED = re.compile(r"(?i)-\s{0,9}100|ignore|pad_token|pad_id|masked_fill|where\(|mask\w{0,60}\(")
NUMBER = re.compile(r"labels\[[^=]*==[^=]*\]\s*=\s*\d+\s*$")
CALLED = ("__call__", "torch_call")


def padded(run: Run) -> Iterator[Defect]:
    """Copies of padded ids that a collator hands on as labels, where nothing takes the padding out of them."""
    assert run.trainer is not None
    for thing in objects(run.trainer.get("data_collator")):
        made = getattr(thing, "cls", thing)
        module = getattr(made, "module", None) or getattr(getattr(thing, "scope", None), "module", None)
        node, source = getattr(made, "node", None), getattr(module, "source", None)
        if source is None or getattr(made, "bases", None):
            continue
        function = called(node)
        if function is not None and (copied := copy_of(run, source, function)) is not None:
            yield Defect(
                "padding",
                "labels",
                Place(source, copied),
                "the collator's labels are a copy of the padded ids, so padding is in the loss; set its labels to -100",
            )


def called(node: cst.CSTNode | None) -> cst.FunctionDef | None:
    """The function that is called with the rows of a batch."""
    import libcst as cst

    if isinstance(node, cst.FunctionDef):
        return node
    if not isinstance(node, cst.ClassDef):
        return None
    methods = (n for n in node.body.body if isinstance(n, cst.FunctionDef) and n.name.value in CALLED)
    return next(methods, None)


def copy_of(run: Run, source: Source, function: cst.FunctionDef) -> cst.CSTNode | None:
    """The statement that hands the copy on as labels; None where padding may be taken out, or there may be none."""
    import libcst as cst

    from ...source.syntax import walk

    if MASKED.search(source.segment(function)):
        return None
    padding, copies = set(), set()
    said: cst.CSTNode | None = None
    for node in walk(function):
        if not isinstance(node, cst.Assign) or len(node.targets) != 1:
            if isinstance(node, cst.Call) and re.search(r"\(\s*labels\b|\blabels\s*,", source.segment(node)):
                return None  # another function may mask them
            continue
        target, value = source.segment(node.targets[0].target), source.segment(node.value)
        how = PADS.search(value)
        if how is not None and isinstance(node.value, cst.Call):
            if "max_length" in how[1] or not alone(run):
                padding.add(target)
        elif (found := COPY.fullmatch(value)) is not None and found[1] in padding and LABELS.fullmatch(target):
            copies.add(target)
            said = node
        elif target in copies:
            return None
        elif value in copies and target.endswith(("['labels']", '["labels"]')):
            said = node
        elif re.match(r"labels\W|\w+\[[\"']labels[\"']\]\[", target) and not NUMBER.match(source.segment(node)):
            return None
    return said


def alone(run: Run) -> bool:
    """Whether a batch may be a single row, which is padded to no other."""
    size = run.arguments.value("per_device_train_batch_size")
    if isinstance(size, Absent):  # the library's own is eight
        return run.arguments.call is None or bool(run.arguments.call.unknown_arguments)
    return not isinstance(size, (Known, Default)) or size.value == 1
