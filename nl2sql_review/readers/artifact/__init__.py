"""Artifacts after train(): the saved and converted model, its adapter and tokenizer, and how it is prompted."""

from __future__ import annotations

from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Known
from ..api.imports import fact as listed
from ..object_settings import last
from ..run import Run
from . import converted, generation, parity, saved, tokenizer

DEFECTS = ("saved_weights", "merged_into", "tokenizer", "converted", "prompt", "generation")


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.artifact
    if run.configuration is not None:
        why = "a configuration does not say what happens to its model"
        for name in ("saved", *DEFECTS):
            setattr(part, name, Fact(Absent(why), at=run.place, why_not=why))
        return
    why_not = "" if saved.saves_after_training(run) else "the script saves no model after training"
    part.saved = Fact(Known(saved.destinations(run)), at=run.place, why_not=why_not)
    early = list(saved.untrained(run))
    part.saved_weights = listed([*early, *saved.weights(run), *saved.uploads(run)], run.place, "" if early else why_not)
    part.merged_into = listed(list(saved.merged_into(run)), run.place, why_not)
    part.tokenizer = listed(list(tokenizer.left_behind(run)), run.place, why_not)
    part.converted = listed(list(converted.converted(run)), run.place)
    asks = any(last(c.callee) in generation.GENERATES for c in run.calls)
    found = list(generation.generation(run, plan))
    part.generation = listed(found, run.place, "" if asks or found else "the script generates nothing")
    part.prompt = parity.prompt(run, plan)
