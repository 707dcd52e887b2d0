"""Readers from recorded calls to the training plan: one file per section, each mostly a table of spellings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..interpret.core.recording import Recording
from ..training_plan.facts import TrainingPlan
from ..training_plan.values import Unknown, same

if TYPE_CHECKING:
    from ..source import Source
    from ..training_plan.stated import ProjectSettings
    from .run import Run


STEPS_OF_RUN = 1_000  # of the interpreter, as which each run but the first is counted


def read(recording: Recording, source: Source, settings: ProjectSettings | None = None) -> list[TrainingPlan]:
    """Return the plans of a script: one per trainer that it constructs.

    If it constructs none, there is one plan for its adapter, arguments and model calls; without any of those the
    list is empty: the script does not train. Two runs of one call site that produce the same plan are one plan.
    """
    from . import run

    runs = run.runs(recording, source, settings)
    recording.steps += STEPS_OF_RUN * len(runs[1:])
    return _plans(runs, recording, source, settings) if runs else []


def _plans(
    runs: list[Run], recording: Recording, source: Source, settings: ProjectSettings | None
) -> list[TrainingPlan]:
    from ..flavours import launch
    from . import defaults
    from .api import versions_of
    from .api.accepted import installed, possible
    from .api.imports import replaced
    from .cut_short import cut_short

    versions: Any = None
    defects: Any = None
    by_unsloth = replaced(recording)
    found: list[tuple[Any, TrainingPlan]] = []
    recording.launch = launch.find(recording, source, settings)
    for number, one in enumerate(runs):
        one.number = number
        one.versions = versions = versions or versions_of(recording, source, settings)
        one.defects = defects
        with defaults.under(installed(one), by_unsloth, partial(possible, one)):
            site, plan = one.trainer and one.trainer.place.node, read_run(one)
        if recording.exhausted:
            cut_short(plan, recording.exhausted, one)
        defects = one.defects
        if not any(site is other_site and alike(plan, other) for other_site, other in found):
            found.append((site, plan))
    return [plan for _, plan in found]


def read_run(one: Run) -> TrainingPlan:
    """Return the plan of one run: each section is filled in by its reader."""
    from . import (
        accumulated_loss,
        api,
        arguments,
        artifact,
        assumed_model,
        checkpointing,
        configuration,
        dataset,
        distributed,
        idle_settings,
        joined_samples,
        kept,
        launcher,
        lora,
        memory,
        new_tokens,
        project,
        prompt,
        repeated_training,
        trainable,
        untrained,
    )
    from .dataset import dropped, removed_columns
    from .hand_loop import steps
    from .memory import device_map
    from .prompt import labels, silent_failures

    plan = TrainingPlan()
    plan.place, plan.trained = one.place, one.trainer is not None
    plan.command = one.trainer.command if one.trainer is not None else ""
    api.read(one, plan)
    # project comes last: it compares what is tracked with the facts of the others
    for section in (lora, prompt, dataset, arguments, memory, device_map, checkpointing, silent_failures, project):
        section.read(one, plan)
    silent = (trainable, new_tokens, labels, accumulated_loss, kept, idle_settings, joined_samples, distributed)
    for section in (*silent, repeated_training, steps, dropped, removed_columns, artifact):
        section.read(one, plan)
    assumed_model.mark(one, plan)
    if one.configuration is not None:
        configuration.read(one, plan)
    launcher.read(one, plan)
    untrained.read(one, plan)
    return plan


def alike(a: TrainingPlan, b: TrainingPlan) -> bool:
    for (_, x), (_, y) in zip(a.facts(), b.facts()):
        unknown = isinstance(x.value, Unknown) and isinstance(y.value, Unknown) and x.value.why == y.value.why
        if not unknown and not same(x.value, y.value):
            return False
    return True
