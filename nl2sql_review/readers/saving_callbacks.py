"""Callbacks of a script that save while the model trains, whatever save_strategy says."""

from __future__ import annotations

import re

from ..training_plan.values import Absent
from .object_settings import last
from .run import Run

ASKS_TO_SAVE = re.compile(r"\bcontrol\.should_save\s*=(?!\s*(?:False\b|=))")
# a callback's method that is called while the model trains, with the lines that are indented more than its head
DURING = re.compile(
    r"^([ \t]+)def on_(?:step_end|substep_end|optimizer_step|epoch_end|evaluate|log)\b.*\n"
    r"(?:(?:\1[ \t]+\S.*|[ \t]*)\n)*",
    re.MULTILINE,
)
WRITES = re.compile(r"\.save_(?:pretrained|model|checkpoint|state)\(|\btorch\.save\(")


def has_callbacks(run: Run) -> bool:
    """Return whether the trainer has callbacks."""
    added = any(last(call.callee) == "add_callback" for call in run.calls)
    return run.trainer is not None and (added or not isinstance(run.trainer.get("callbacks"), Absent))


def how(run: Run) -> str:
    """Return how a callback of the script, or of one of its modules, saves during the training; "" if none does."""
    if run.mentions(ASKS_TO_SAVE):
        return "decides when to save: it sets control.should_save"
    if any(WRITES.search(method.group()) for source in run.sources for method in DURING.finditer(source.text)):
        return "writes the weights itself while the model trains"
    return ""
