"""Facts that a configuration states itself, and facts that no configuration can have."""

from __future__ import annotations

from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent
from .prompt.objective import objective
from .run import Run

ELSEWHERE = ("script", "log_file", "dataset_configs_in")  # of a project: what a script has and a configuration has not


def read(run: Run, plan: TrainingPlan) -> None:
    """Replace the facts read from the calls with the facts that the flavour states."""
    for name, fact in run.configuration.facts.items():
        section, _, attribute = name.partition(".")
        setattr(getattr(plan, section), attribute, fact)
    why = "this is a configuration, not a script"
    for attribute in ELSEWHERE:
        setattr(plan.project, attribute, Fact(Absent(why), at=run.place, why_not=why))
    if other := objective(run):
        for attribute in plan.prompt.names():
            setattr(plan.prompt, attribute, Fact(Absent(other), at=run.place, why_not=other))
