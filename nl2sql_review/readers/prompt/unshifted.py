"""Finds a loss of the script that compares each position of a causal model with its own token, not with the next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...source import Source
from ...training_plan.values import Place
from .. import accumulated_loss, hand_loop
from ..api.arguments import Defect
from ..run import Run

if TYPE_CHECKING:
    import libcst as cst

SLICE = r"\[[^\]\n]{0,80}(?:\b1:|:\s?-1\b)[^\]\n]{0,40}\]"
# What moves tokens by one place: in the code of the loss, and in a line about tokens elsewhere.
SHIFTS = re.compile(rf"(?i){SLICE}|shift|\.roll\(|logits\s?\[")
SHIFTS_TOKENS = re.compile(rf"(?im)^.{{0,120}}(?:ids|labels?|tokens?|targets?)\b.{{0,80}}{SLICE}|shift|\.roll\(")
LOSS = re.compile(r"(?i)(?:^|\.)(?:(?=\w*?(?:loss|criterion|cross_entropy$))\w+|fct|ce)$")
LOGITS = re.compile(
    r"^[\w.'\"\[\]]{0,60}logits\W{0,2}(?:\.(?:float|contiguous)\(\))*\.(?:view|reshape|transpose|permute|flatten)\("
)
LABELS = re.compile(r"(?:labels|input_ids|targets?|target_ids)\b")
# Where labels are made: those of rows that the script does not make may be shifted already.
MADE = re.compile(
    r"[\"'](?:labels|targets?|target_ids)[\"'](?:\]\s*=(?!=)|\s*:)|(?:labels|targets?)\s*=[^=\n]{0,40}ids|"
    r"DataCollatorFor(?:LanguageModeling|Seq2Seq)\("
)


def unshifted(run: Run) -> Iterator[Defect]:
    if "CausalLM" not in run.load.callee and not run.load.callee.startswith("unsloth."):
        return
    for source, node in losses(run):
        text = source.segment(node)
        if SHIFTS.search(text) or run.mentions(SHIFTS_TOKENS) or SHIFTS_TOKENS.search(source.text):
            continue
        if "cross_entropy" not in text and "CrossEntropyLoss" not in source.text:
            continue
        call = compared(source, node)
        if call is not None and ("input_ids" in source.segment(call) or run.mentions(MADE)):
            text = (
                "the loss compares each position with its own token, already in the input: the model learns to copy; "
                "compare logits[:, :-1] with labels[:, 1:], or take the model's own loss"
            )
            yield Defect("unshifted", "labels", Place(source, call), text)
            return


def losses(run: Run) -> Iterator[tuple[Source, cst.CSTNode]]:
    """Yield the code that computes the loss: a method of the trainer, or what stands around `backward()`."""
    import libcst as cst

    if run.trainer is not None:
        function, _ = accumulated_loss.own_loss(run)
        if function is not None:
            yield function.scope.module.source, function.node
        return
    for call in run.backward if hand_loop.trains(run) else ():
        source = call.place.source
        around = [n for n in source.nodes.path(call.place.node) if isinstance(n, (cst.For, cst.While, cst.FunctionDef))]
        if around:
            yield source, around[-1] if isinstance(around[-1], cst.FunctionDef) else around[0]


def compared(source: Source, code: cst.CSTNode) -> cst.Call | None:
    """Return the call that compares all logits with all labels."""
    import libcst as cst

    from ...source.syntax import dotted, walk

    for node in walk(code):
        if not isinstance(node, cst.Call) or len(node.args) < 2 or not LOSS.search(dotted(node.func)):
            continue
        logits, labels = (source.segment(argument.value) for argument in node.args[:2])
        if LOGITS.match(logits) and LABELS.search(labels):
            return node
    return None
