"""What stays known of a run if the script was not followed to its end."""

from __future__ import annotations

from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Unknown
from .run import Run

# Facts that nothing can change any more once train() has been called, by section; these are all but those named.
BEFORE_TRAINING = {
    "lora": (),
    "prompt": (),
    "dataset": (),
    "arguments": ("restarted_schedule", "optimizer_steps", "schedule_steps"),
    "memory": ("monitoring", "monitoring_sees"),
    "checkpointing": ("resume", "resume_by", "best_model", "resumed_state"),
}
OF_TRAINER = (
    *("project.script", "project.output_dir", "project.tracker"),
    *("api.trainer", "api.arguments_class", "api.versions", "api.patched"),
)
REFUTABLE = "api.unread"  # code that was not followed may read a setting; other defects of calls stay what they are


def cut_short(plan: TrainingPlan, why: str, run: Run | None = None) -> TrainingPlan:
    """Mark as unknown what the part of the script that was not followed may change, and return the plan.

    Without a run, nothing of the script is known. What is only the value of an argument stays.
    """
    trained = run is not None and any(call.certain for call in run.train)
    for name, fact in plan.facts():
        if not (trained and decided(name) or stands(name, fact)):
            fact.value, fact.why_not, fact.cases = Unknown(why, fact.value.trace), "", ()
    return plan


def decided(name: str) -> bool:
    """Return whether a fact is decided when the training begins."""
    section, _, field = name.partition(".")
    return name in OF_TRAINER or section in BEFORE_TRAINING and field not in BEFORE_TRAINING[section]


def stands(name: str, fact: Fact) -> bool:
    """Return whether a fact is known wherever the script was left."""
    if fact.cases:
        return name.startswith("api.") and name != REFUTABLE
    return bool(fact.argument) and not isinstance(fact.value, Absent)
