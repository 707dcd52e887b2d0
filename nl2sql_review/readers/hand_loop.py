"""Hand-written training loop: what is read of it in common.

The code of a loop between its calls is not read, but for some tests. So a setting in no call is unknown here, and never
"does not apply".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Place, Unknown
from .object_settings import last
from .run import Run
from .spelling import spelt
from .untrained import FORWARD, takes_model_loss, trains_nothing

if TYPE_CHECKING:
    import libcst as cst

OPTIMIZERS = (
    *("AdamW", "Adam", "SGD", "Adafactor", "Lion", "RMSprop", "NAdam", "RAdam", "Adagrad"),
    *("AdamW8bit", "Adam8bit", "PagedAdamW", "PagedAdamW8bit", "PagedAdamW32bit", "PagedLion8bit", "Lion8bit"),
    *("FusedAdam", "DeepSpeedCPUAdam"),
)
OF_IDS = re.compile(r"^[^\n]*(?:\[['\"]input_ids['\"]\]|\.input_ids)(?:\.clone\(\)|\.detach\(\))*(?= |$)")
# A statement that gives labels a value, other than moving those of the batch to a device.
CHANGES_LABELS = re.compile(
    r"(?m)^[^=\n(]{0,80}labels[^=\n(]{0,80}=(?!=)"
    r"(?!\s{0,9}\w{1,60}\[[\"']labels[\"']\](?:\.(?:to|cuda)\(.{0,100}\))?\s{0,9}$).{0,200}(?<!,)$"
    r"|-100|masked_fill|where\("
)


def trains(run: Run) -> bool:
    """Return whether the script trains in a loop of its own."""
    if run.trainer is not None or run.arguments or run.arguments.unknown or run.configuration is not None:
        return False
    return bool(run.backward) and not trains_nothing(run)


def unread(run: Run, what: str, at: Place | None = None) -> Fact:
    return Fact(Unknown(f"{what} is not evaluated in a custom training loop"), at=at or run.place)


def last_of(run: Run, names: tuple[str, ...]) -> Call | None:
    """Return the last call of one of these names, not counting methods of an object that one of them made."""
    made = [c for c in run.calls if last(c.callee) in names and "(" not in c.callee]
    return made[-1] if made else None


def given(run: Run, call: Call | None, what: str, *names: str) -> Fact:
    if call is None:
        return unread(run, what)
    name = next((n for n in names if n in call.arguments), "")
    if not name:
        if call.unknown_arguments:
            return Fact(Unknown(f"{what} may be given: {call.unknown_arguments}"), at=call.place)
        return Fact(
            Unknown(f"{what} is left to the default of {last(call.callee)}, or set per parameter group"), at=call.place
        )
    return Fact(call.arguments[name], at=call.places.get(name, call.place), argument="" if name[0] == "$" else name)


def texts(run: Run) -> list[str]:
    """Return the text of the script and of the files of its `backward` calls."""
    sources = [run.source, *(c.place.source for c in run.backward)]
    return [getattr(source, "text", "") or "" for source in dict.fromkeys(sources)]


def labels_of_ids(run: Run) -> Call | None:
    """Return the call of the model, if it is given the ids themselves as labels wherever it is called to train."""
    forward = [c for c in run.calls if c.callee == FORWARD]
    given = [spelt(c.arguments.get("labels", Absent())) for c in forward]
    if forward and takes_model_loss(run) and all(OF_IDS.search(text) for text in given):
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


def enclosing_loops(call: Call) -> list[cst.CSTNode]:
    """Return the loops around a call in its own function, the outermost first."""
    import libcst as cst

    found: list[cst.CSTNode] = []
    for node in call.place.source.nodes.path(call.place.node):
        if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            found = []
        elif isinstance(node, (cst.For, cst.While)):
            found.append(node)
    return found


def innermost(call: Call) -> cst.CSTNode | None:
    """Return the innermost loop that runs a call, if any."""
    return call.turns[-1].loop if call.turns else None
