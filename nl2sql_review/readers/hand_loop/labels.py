"""Labels that a hand-written training loop gives the model: whether they are those of its batches."""

from __future__ import annotations

import re

from ...interpret.core.recording import Call
from ...training_plan.values import Absent
from ..run import Run
from ..spelling import spelt, terms
from ..untrained import FORWARD, takes_model_loss
from . import enclosing_loops

OF_IDS = re.compile(r"[^\n]*(?:\[['\"]input_ids['\"]\]|\.input_ids)(?:\.clone\(\)|\.detach\(\))*")
# A statement that gives labels a value, other than moving those of the batch to a device.
CHANGES_LABELS = re.compile(
    r"(?m)^[^=\n(]{0,80}labels[^=\n(]{0,80}=(?!=)"
    r"(?!\s{0,9}\w{1,60}\[[\"']labels[\"']\](?:\.(?:to|cuda)\(.{0,100}\))?\s{0,9}$).{0,200}(?<!,)$"
    r"|-100|masked_fill|where\("
)


def labels_of_ids(run: Run) -> Call | None:
    """Return the call of the model, if it is given the ids themselves as labels wherever it is called to train."""
    forward = [c for c in run.calls if c.callee == FORWARD]
    given = [terms(c.arguments.get("labels", Absent())) for c in forward]
    if forward and takes_model_loss(run) and all(one is not None and OF_IDS.fullmatch(one.text) for one in given):
        return forward[-1]
    return None


def batches_changed(run: Run) -> str:
    """Return why a loop may train on other labels than its batches have, or on a loss of its own; "" if neither."""
    forward = [c for c in run.calls if c.callee == FORWARD]
    if not forward or not takes_model_loss(run):
        return "it is unknown whether the loop trains on the model's own loss"
    if any("labels" in c.arguments and "labels" not in spelt(c.arguments["labels"]) for c in forward):
        return "the loop makes the labels itself"
    for call in run.backward:
        around = enclosing_loops(call)
        if not around or CHANGES_LABELS.search(call.place.source.segment(around[0])):
            return "it is unknown whether the loop changes the labels of a batch"
    return ""
