"""Labels as a collator of the script's own makes them: the rows' own, or a copy of the ids, with or without padding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, Iterator

from ...interpret.core.objects import Function, Scope
from ...source import Source
from ...training_plan.values import Absent, Default, Known, Place, Value
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
# What a collator makes of the labels
OF_THE_ROWS, PADDING_MASKED = "the rows' own", "those of all tokens but padding"
TOKEN_MASKED = "those of all tokens but the padding token, wherever it stands"
LABELS_OF_ROW = re.compile(r"\w\[[\"']labels[\"']\](?!\s*\[)")
FILLED = re.compile(  # with what a shorter row is filled up
    r"\+\s*\[-100\]\s*\*|padding_value\s*=\s*-100|\bpad\w{0,20}\(\s*\w+\[[\"']labels[\"']\],\s*-100\)"
)
PADDING_OUT = re.compile(
    r"\w+(?:\[[\"']labels[\"']\])?\[.{1,200}(?:pad_token_id|\bpad_id|attention_mask.{0,9}==\s*0).{0,5}\]\s*=\s*-100"
)
IDS = r"\w+(?:\[[\"']input_ids[\"']\]|\.input_ids)?(?:\.clone\(\))?"
PAD_TOKEN = re.compile(r"pad_token_id|\bpad_id")
PAD, ATTENDED = r"[\w.]*(?:pad_token_id|\bpad_id)", r"\w+(?:\[[\"']attention_mask[\"']\]|\.attention_mask)"
PADDING, TEXT = rf"(?:{IDS} == {PAD}|{ATTENDED} == 0)", rf"(?:{IDS} != {PAD}|{ATTENDED}(?: == 1| != 0|\.bool\(\)))"
CHOSEN = re.compile(  # `torch.where(ids == pad_id, -100, ids)`
    rf"torch\.where\((?:{PADDING}, -100, {IDS}|{TEXT}, {IDS}, -100)\)|{IDS}\.masked_fill\({PADDING}, -100\)"
)
KEEPS = ("tensor", "stack", "LongTensor", "pad_sequence", "append", "extend", "cat")


def padded(run: Run) -> Iterator[Defect]:
    """Copies of padded ids that a collator hands on as labels, where nothing takes the padding out of them."""
    assert run.trainer is not None
    for thing in objects(run.trainer.get("data_collator")):
        function = own(thing) if not getattr(getattr(thing, "cls", thing), "bases", None) else None
        if function is not None and (copied := copy_of(run, *function)) is not None:
            yield Defect(
                "padding",
                "labels",
                Place(function[0], copied),
                "the collator's labels are a copy of the padded ids, so padding is in the loss; set its labels to -100",
            )


def labels_of(collator: Value) -> str:
    """Return what a function or class of the script makes of the labels, "" where that is not clear."""
    functions = [defined(thing) for thing in objects(collator)]
    found = {labels_by(function[0], function[1]) if function is not None else "" for function in functions}
    return found.pop() if len(found) == 1 else ""


def functions_of(trace: Iterable[Place]) -> Iterator[tuple[Source, cst.FunctionDef]]:
    """Yield the functions of the script in which a value is made, the innermost at each place that it came through."""
    import libcst as cst

    for step in trace:
        path = step.source.nodes.path(step.node) if isinstance(step.node, cst.CSTNode) else []
        inner = [node for node in path if isinstance(node, cst.FunctionDef)]
        if inner:
            yield step.source, inner[-1]


def defined(thing: object) -> tuple[Source, cst.FunctionDef | cst.Lambda] | None:
    """Return the function that a collator calls: itself, its class's method, or what its lambda hands the batch to.

    A lambda that makes the batch itself is that function.
    """
    import libcst as cst

    node = getattr(thing, "node", None)
    if isinstance(thing, Function) and isinstance(node, cst.Lambda):
        body = node.body
        if isinstance(body, cst.Dict):
            return thing.scope.module.source, node
        name = body.func.value if isinstance(body, cst.Call) and isinstance(body.func, cst.Name) else None
        scope: Scope | None = thing.scope
        value = None
        while name is not None and scope is not None and value is None:
            value, scope = scope.slots.get(name), scope.parent
        thing = getattr(value, "value", None)
        if not isinstance(thing, Function):
            return None
    return own(thing)


def own(thing: object) -> tuple[Source, cst.FunctionDef] | None:
    """Return a function of the script, or the method of a class that is called with a batch, and its source."""
    made = getattr(thing, "cls", thing)
    module = getattr(made, "module", None) or getattr(getattr(made, "scope", None), "module", None)
    function = called(getattr(made, "node", None))
    return (module.source, function) if module is not None and function is not None else None


def labels_by(source: Source, function: cst.FunctionDef | cst.Lambda) -> str:
    """Return what a collating function makes of the labels."""
    import libcst as cst

    from ...source.syntax import walk

    made, changed = [], []
    for node in walk(function):
        if isinstance(node, cst.Assign):
            target = source.segment(node.targets[0].target)
            if LABELS.fullmatch(target):
                made.append(source.segment(node.value))
            elif re.match(LABELS.pattern + r"\[", target):
                changed.append(source.segment(node))
        elif isinstance(node, cst.AugAssign) and LABELS.match(source.segment(node.target)):
            return ""
        elif isinstance(node, cst.DictElement) and source.segment(node.key).strip("\"'") == "labels":
            made.append(source.segment(node.value))
        elif isinstance(node, cst.Call) and any(source.segment(a.value) == "labels" for a in node.args):
            if source.segment(node.func).rpartition(".")[2] not in KEEPS:
                return ""
    made = [value for value in made if value != "labels"]
    if not made:
        return ""
    if all(LABELS_OF_ROW.search(value) and "input_ids" not in value for value in made):
        left = FILLED.sub("", source.segment(function))
        return (
            OF_THE_ROWS if not changed and "-100" not in left and not re.search(r"mask\w{0,60}\(|where\(", left) else ""
        )
    if len(made) != 1 or source.segment(function).count("-100") != 1:
        return ""
    (mask,) = changed if len(changed) == 1 and COPY.fullmatch(made[0]) else made
    if changed and not PADDING_OUT.fullmatch(mask.strip()) or not changed and not CHOSEN.fullmatch(mask):
        return ""
    return TOKEN_MASKED if PAD_TOKEN.search(mask) else PADDING_MASKED


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
        return run.arguments.call is None or bool(run.arguments.call.unread_arguments)
    return not isinstance(size, (Known, Default)) or size.value == 1
