"""Checks that fp16 training has weights whose gradients can be unscaled: those of a full fine-tune in float32."""

from __future__ import annotations

import re
from typing import Iterator

from ...training_plan.values import Absent, Known, Term, Value
from ..derive import plain
from ..object_settings import last
from ..run import Run
from .arguments import Defect, branch

TRAINERS = ("transformers.Trainer", "transformers.Seq2SeqTrainer", "trl.SFTTrainer")
CASTS = re.compile(r"float32|\.float\(\)|\.to\(torch\.(?!device)|cast_|requires_grad")
SHARDS = re.compile(r"(?i)deepspeed|fsdp|accelerate[ -]launch")  # DeepSpeed and FSDP scale gradients in their own way


def unscaled(run: Run) -> Iterator[Defect]:
    """Yield fp16=True for a model that is loaded in float16 and trained as a whole."""
    given, trainer = run.arguments, run.trainer
    if (
        trainer is None
        or trainer.callee not in TRAINERS
        or trainer.unknown_arguments
        or run.adapter
        or run.adapter.unknown
    ):
        return
    if not isinstance(trainer.get("peft_config"), Absent) or not run.load.callee.startswith("transformers."):
        return
    if run.recording.parsed_classes or given.unknown or launched(run):
        return
    fp16 = given.value("fp16")
    if not isinstance(fp16, Known) or fp16.value is not True or CASTS.search(run.source.text):
        return
    dtype = run.load.value("dtype", "torch_dtype")
    halved = any(c.callee == "transformers.PreTrainedModel.half" and not c.conditional for c in run.calls)
    if not is_half(dtype) and not halved:
        return
    text = (
        "fp16=True trains with scaled gradients, and those of weights in float16 cannot be unscaled: ValueError at the "
        "first step; load the model in float32"
    )
    place = given.where("fp16") or given.place
    # Named after no argument: without fp16=True it would train in float16 alone, which is worse.
    yield Defect("conflict", "float16 weights", place, text, branch(given.call), trace=dtype.trace)


def launched(run: Run) -> bool:
    """Return whether DeepSpeed or FSDP may train: named in the script, or where it is started."""
    launch, started = run.recording.launch, run.recording.started
    line = getattr(started, "text", "")
    return bool(launch is not None and launch.files) or bool(SHARDS.search(line)) or run.mentions(SHARDS)


def is_half(dtype: Value) -> bool:
    said = dtype.text if isinstance(dtype, Term) else plain(dtype)
    return isinstance(said, str) and last(said) in ("float16", "half", "fp16")
