"""A candidate: edits that may be a fix, and what they may change besides the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..report.report import Edit


@dataclass(frozen=True)
class Candidate:
    """Edits that may be a fix, and what they may change: facts of the plan, arguments, and calls they add."""

    title: str
    edits: tuple[Edit, ...]
    facts: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()  # ends of callees
    unsafe: bool = False  # whatever the plan says: more may depend on it than the plan shows
    nodes: tuple[int, ...] = ()  # ids of calls whose `arguments` may change although no fact comes through them
    idle: str = ""  # real path of a file whose setting has no effect afterwards, unless another script reads it
    chooses: bool = False  # it sets another value besides, so that it is policy also where it is for a trap


# What the releases decide that take the script's arguments: what the trainer does with the rows, its default tracker.
OF_RELEASE = ("prompt.padding", "prompt.appended", "prompt.ending", "project.tracker")
# What follows from a fact, so that it changes with it. The memory estimate follows from nearly everything.
DERIVED: dict[str, tuple[str, ...]] = {
    "api.removed_arguments": OF_RELEASE,
    "api.moved_arguments": OF_RELEASE,
    "api.unknown_arguments": OF_RELEASE,
    "arguments.per_device_batch_size": ("arguments.effective_batch",),
    "arguments.gradient_accumulation": ("arguments.effective_batch",),
    "arguments.effective_batch": ("arguments.per_device_batch_size",),
    "arguments.mixed_precision": ("arguments.bf16", "arguments.fp16"),
    "arguments.warmup": (
        "arguments.warmup_ratio",
        "arguments.warmup_steps",
        "arguments.warmup_conflict",
        "arguments.warmup_spelling",
    ),
    "arguments.warmup_spelling": ("arguments.warmup",),
    "checkpointing.save_strategy": ("checkpointing.save_steps", "checkpointing.save_conflict"),
    "checkpointing.save_conflict": ("checkpointing.save_strategy",),
    "checkpointing.resume": ("checkpointing.resume_by", "checkpointing.resumed_state"),
    "lora.r": ("lora.scaling",),
    "lora.alpha": ("lora.scaling",),
    "lora.target_modules": ("lora.unmatched_modules",),
    "lora.unmatched_modules": ("lora.target_modules",),
    "lora.load_in_4bit": ("lora.quantized_by",),
    "lora.quantized_by": ("lora.load_in_4bit",),
    "lora.misplaced_gradient_checkpointing": ("lora.gradient_checkpointing",),
    "memory.sequence_length": ("memory.model_length", "memory.trainer_length", "memory.length_conflict"),
    "memory.length_conflict": ("memory.sequence_length",),
    "memory.monitoring": ("memory.monitoring_sees",),
    "dataset.weights_sum": ("dataset.weights",),
    "dataset.schema_limit": ("dataset.truncation_cuts", "dataset.schema_fills", "prompt.text"),
    "dataset.bare_fields": ("dataset.late_fallbacks", "prompt.text"),
    "prompt.ending": ("prompt.text", "prompt.eos_from"),
    "prompt.loss_on": ("prompt.loss_by", "prompt.instruction_marker", "prompt.response_marker", "prompt.markers"),
    "prompt.markers": ("prompt.instruction_marker", "prompt.response_marker", "prompt.loss_on"),
}


def union(candidates: Sequence[Candidate]) -> Candidate:
    """Several candidates as one."""
    parts = ("edits", "facts", "arguments", "calls", "nodes")
    whole: dict[str, Any] = {of: tuple(dict.fromkeys(n for c in candidates for n in getattr(c, of))) for of in parts}
    return Candidate("", **whole)


def affected(facts: Iterable[str]) -> set[str]:
    """The facts, and what derives from them."""
    waiting, found = list(facts), set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += DERIVED.get(name, ())
    return found
