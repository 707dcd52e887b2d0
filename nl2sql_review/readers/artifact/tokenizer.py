"""Checks whether a modified tokenizer is saved beside the model."""

from __future__ import annotations

from typing import Any, Iterator

from ...interpret.core.objects import Object
from ...interpret.core.recording import Call
from ...training_plan.values import Absent, Known, Value
from ..api.arguments import Defect, branch
from ..new_tokens import COMMON, tokens
from ..object_settings import last, objects
from ..run import Run, is_trainer
from .saved import MERGED, SAVES, saves

TOKENIZER = "transformers.PreTrainedTokenizer"
WRITES = (".chat_template=", ".eos_token=")
HOLDS = ("processing_class", "tokenizer")


def left_behind(run: Run) -> Iterator[Defect]:
    start = max((c.order for c in run.train), default=None)
    if start is None or not run.train:
        return
    changes = [c for c in run.calls if c.order < start and not c.conditional and changed(c)]
    holders = {id(o): (o, c) for c in changes if (o := owner(c)) is not None}
    done = [c for c in saves(run) if c.order > start and not c.conditional]
    if not done or not holders:
        return
    for thing, change in holders.values():
        if kept(run, thing):
            continue
        what = {"add_tokens": "tokens are added", "add_special_tokens": "tokens are added"}.get(
            last(change.callee), f"its {last(change.callee).rstrip('=').replace('_', ' ')} is set"
        )
        text = f"the tokenizer is modified ({what}) but not saved with the model: loading it gives different token ids"
        save = done[-1]
        yield Defect("missing", last(change.callee).rstrip("="), save.place, text, branch(save), trace=(change.place,))
        return


def changed(call: Call) -> bool:
    if call.callee.startswith(TOKENIZER) and call.callee.endswith(WRITES):
        return True
    if last(call.callee) not in ("add_tokens", "add_special_tokens") or not call.callee.startswith(TOKENIZER):
        return False
    return any(isinstance(t, str) and not COMMON.fullmatch(t) for t in tokens(call))


def owner(call: Call) -> Any:
    return call.receiver if getattr(call.receiver, "kind", "") == TOKENIZER else None


def kept(run: Run, thing: Object) -> bool:
    """Return whether the tokenizer is saved: by itself, by a trainer that has it, or by Unsloth's merge."""
    for call in run.calls:
        name = last(call.callee)
        own = call.receiver is thing or any(is_it(v, thing) for v in call.arguments.values())
        if name in (*SAVES, *MERGED) and own:
            return True
        if name in SAVES and str(call.callee).startswith(TOKENIZER):
            return True  # another name of it, or another tokenizer: it is not told
        if is_trainer(call) and any(is_it(call.get(h), thing) or not known(call.get(h)) for h in HOLDS):
            return True
        if is_trainer(call) and any(holds(o, thing) for o in objects(call.get("data_collator"))):
            if any(c.callee.endswith("Trainer.save_model") for c in run.calls):
                return True  # the trainer then saves its collator's tokenizer
    return False


def is_it(value: Value, thing: Object) -> bool:
    return any(o is thing for o in objects(value))


def known(value: Value) -> bool:
    return isinstance(value, Absent) or isinstance(value, Known)


def holds(collator: Object, thing: Object) -> bool:
    call = getattr(collator, "call", None)
    return call is not None and any(is_it(v, thing) for v in call.arguments.values())
