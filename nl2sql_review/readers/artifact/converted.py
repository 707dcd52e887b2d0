"""Input of a converter: the merged model, or a folder that lacks the fine-tuned weights."""

from __future__ import annotations

import re
from typing import Iterator

from ...interpret.core.recording import Call
from ...training_plan.values import Absent, Default, Known, Value
from ..api.arguments import Defect, branch
from ..derive import contents
from ..model_state import loads_adapter
from ..object_settings import last, objects
from ..run import Run, call_of, is_model_load
from ..spelling import spelt
from .saved import MERGED, destination, saves

RUNS = ("subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen",
        "os.system")  # fmt: skip
CONVERTER = re.compile(r"convert[-_]hf[-_]to[-_]gguf(\.py)?|convert\.py")


def converted(run: Run) -> Iterator[Defect]:
    start = max((c.order for c in run.train), default=None)
    if start is None:
        return
    bases, adapters, whole = folders(run)
    for call in run.calls:
        if call.callee not in RUNS or call.order < start:
            continue
        words = command(call.get("args", "command", "$0"))
        if not any(CONVERTER.search(w) for w in words):
            continue
        for word in words:
            if word in whole or not word:
                continue
            if word in bases or word in adapters:
                text = (
                    f"the base model ({word}) is converted: the fine-tuned weights are not in it"
                    if word in bases
                    else f"{word} contains only the adapter: there is no model in it to convert"
                )
                kind = "base" if word in bases else "adapter"
                yield Defect(kind, "convert_hf_to_gguf", call.place, text, branch(call))
                break


def command(value: Value) -> list[str]:
    """Return the words of a command as text; for those known only at run time, their code."""
    plain = value.value if isinstance(value, (Known, Default)) else None
    if isinstance(plain, str):
        return plain.split()
    items = contents(value)
    if not isinstance(items, (list, tuple)):
        return spelt(value).split()
    return [str(v) if not hasattr(v, "trace") else said(v) for v in items]


def said(value: Value) -> str:
    return str(value.value) if isinstance(value, (Known, Default)) and isinstance(value.value, str) else spelt(value)


def folders(run: Run) -> tuple[set[str], set[str], set[str]]:
    """Return the names of the base models loaded for training, the saved adapters and the whole models."""
    bases, adapters, whole = set(), set(), set()
    for call in run.calls:
        if is_model_load(call) and not call.callee.startswith("unsloth"):
            bases.add(said(call.get("pretrained_model_name_or_path", "$0")))
    if run.trainer is not None and not list(objects(run.trainer.get("model"))):
        bases.add(said(run.trainer.get("model")))
    for call in saves(run):
        place = said(destination(call))
        if last(call.callee) in MERGED:
            whole.add(place)
        elif adapts(run, call):
            adapters.add(place)
        else:
            whole.add(place)
    return {b for b in bases if b} - whole, adapters - whole, whole


def adapts(run: Run, call: Call) -> bool:
    """Return whether a save writes an adapter."""
    trainer = call_of(call.receiver) if call.receiver is not None else None
    if call.callee.endswith("save_model"):
        return bool(run.adapter)
    if trainer is None:
        return False
    made = last(trainer.callee)
    if made.endswith("Trainer"):
        return not isinstance(trainer.get("peft_config"), Absent)
    return made == "get_peft_model" or loads_adapter(trainer)
