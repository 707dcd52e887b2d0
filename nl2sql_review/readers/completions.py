"""What a row of the batch is where a trainer of TRL samples several completions of each prompt."""

from __future__ import annotations

from ..training_plan.facts import Arguments
from ..training_plan.values import Unknown
from .derive import numeric
from .judged_versions import judged, within
from .object_settings import last
from .run import Run

COUNTED_SINCE = "0.15.0"  # https://github.com/huggingface/trl/pull/2776
PROMPTS = "before trl 0.15 the batch of GRPO counts prompts, and each of them is answered num_generations times"


def count(run: Run, part: Arguments) -> None:
    """Say in the effective batch of GRPO that it counts completions; before they were counted, it is unknown."""
    trainer = run.trainer
    if trainer is None or last(trainer.callee) not in ("GRPOTrainer", "UnslothGRPOTrainer"):
        return
    fact = part.effective_batch
    if judged(run, "trl") and not within(run, "trl", COUNTED_SINCE):
        fact.value = Unknown(PROMPTS, fact.value.trace)
        return
    group = numeric(run.arguments.fact("num_generations").value)
    fact.note += f"; it counts completions, {group:g} of each prompt" if group else "; it counts completions"
