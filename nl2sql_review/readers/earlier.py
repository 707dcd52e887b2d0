"""Checks whether the checkpoints on this disk that a resumed run will find have the same schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

from ..files import disk
from ..training_plan.facts import TrainingPlan
from ..training_plan.values import Default, Known, Place
from .api.arguments import Defect
from .derive import numeric
from .run import Run

MOST_STEPS = 10**12  # a number of steps that is larger is none


def changed(run: Run, plan: TrainingPlan, at: Place | None) -> Iterator[Defect]:
    """Yield the schedule settings that differ from those of the newest checkpoint in the output directory."""
    folder = run.arguments.value("output_dir")
    if not isinstance(folder, (Known, Default)) or not isinstance(folder.value, str) or at is None:
        return
    found = newest(run, folder.value)
    if found is None:
        return
    name, state = found
    for setting, before, now in differences(state, plan):
        text = f"{name} is of a run with {setting} {before:g}, and this one has {now:g}: " + (
            "a resumed run keeps the checkpoint's learning rate"
            if setting == "learning_rate"
            else "the schedule is recomputed over a different number of steps, and the learning rate jumps"
        )
        yield Defect("schedule", setting, at, text, trace=folder.trace)


def differences(state: dict[str, Any], plan: TrainingPlan) -> Iterator[tuple[str, float, float]]:
    """Yield (setting, in the checkpoint, in the plan) of the first that differs; steps take precedence over epochs."""
    part = plan.arguments
    steps, epochs, rate = map(numeric, (part.max_steps.value, part.epochs.value, part.learning_rate.value))
    rates = [e.get("learning_rate") for e in state.get("log_history") or () if isinstance(e, dict)]
    highest = max((r for r in rates if isinstance(r, float)), default=None)
    if rate and highest is not None and highest > rate * 1.001:
        yield "learning_rate", highest, rate
    elif steps and steps > 0:
        before = state.get("max_steps")
        if isinstance(before, int) and 0 < before < MOST_STEPS and before != steps:
            yield "max_steps", before, steps
    elif epochs:
        before = state.get("num_train_epochs")
        if isinstance(before, (int, float)) and 0 < before < MOST_STEPS and before != epochs:
            yield "num_train_epochs", before, epochs


def newest(run: Run, folder: str) -> tuple[str, dict[str, Any]] | None:
    """Return (path as shown, trainer_state.json) of the checkpoint with the most steps in a project directory."""
    project = run.recording.project
    if project is None or project.script is None or project.root is None:
        return None
    for base in dict.fromkeys((project.script.parent, project.root)):
        for _, name in checkpoints(str(base / folder))[:1]:
            state = read(project.read(base / folder / name / "trainer_state.json"))
            if state is not None:
                return str(Path(folder) / name), state
    return None


def checkpoints(folder: str) -> list[tuple[int, str]]:
    """Return (step, name) of the checkpoints in a directory, the last one first."""
    found = []
    for name in disk.names(folder, prefix="checkpoint-")[:1000]:
        number = name.removeprefix("checkpoint-")
        if number.isdecimal() and len(number) < 12:
            found.append((int(number), name))
    return sorted(found, reverse=True)


def read(data: bytes | None) -> dict[str, Any] | None:
    try:
        state = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return None  # torn by a run that was killed: what it says cannot be known
    return state if isinstance(state, dict) else None
