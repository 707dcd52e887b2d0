"""Conventions of the project: where files lie, what is tracked, and whether the tracked values are right."""

from __future__ import annotations

import os
import re

from ..files import disk, projects
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Known, Place, Unknown
from .arguments import setting
from .checkpointing import UNSAVED
from .object_settings import last
from .run import Run
from .tracked_settings import untracked
from .tracker import tracker

HYDRA = re.compile(r"^[ \t]{0,8}@hydra\.main\b", re.MULTILINE)
OF_UNSLOTH = "unsloth_training_checkpoints"


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.project
    part.script = script(run)
    part.output_dir = setting(run, "output_dir", ("output_dir",))
    if plan.checkpointing.save_strategy.note == UNSAVED:
        part.output_dir.value = Known(OF_UNSLOTH, part.output_dir.value.trace)
    part.log_file = log_file(run)
    part.dataset_configs_in = dataset_configs(run)
    part.tracker = tracker(run)
    part.untracked_truth = untracked(run, plan)


def script(run: Run) -> Fact:
    """Return the script's path from its project's root: the nearest folder with `.git`, pyproject.toml or settings."""
    path = getattr(run.source, "path", "") or ""
    if not path or not disk.is_file(path):
        return Fact(Known(path), at=run.place, why_not="the script is not a file, so it has no path")
    if path.endswith(".ipynb"):
        return Fact(Known(path), at=run.place, why_not="a notebook is not the project's training script")
    here = os.path.abspath(path)
    folder = projects.marked(os.path.dirname(here))
    shown = path if folder is None else os.path.relpath(here, folder)
    return Fact(Known(shown.replace(os.sep, "/")), at=run.place)


def log_file(run: Run) -> Fact:
    handlers = [
        c for c in run.calls if last(c.callee) in ("FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler")
    ]
    configured = [c for c in run.calls if c.callee.endswith("logging.basicConfig") and "filename" in c.arguments]
    added = [c for c in run.calls if c.callee.startswith("loguru.") and last(c.callee) == "add"]
    for call in (*handlers, *configured, *added):
        value = call.get("filename", "sink", "$0")
        if not isinstance(value, Absent):
            name = next(n for n in ("filename", "sink", "$0") if n in call.arguments)
            return Fact(value, at=call.places.get(name, call.place))
    if run.mentions(HYDRA):
        return Fact(Unknown("Hydra configures a log file, and its job_logging says which"), at=run.place)
    # A launch may still write one, with `tee` or `>`.
    why = "the script configures no log file" if run.configuration is None else "no log file is configured"
    return Fact(Absent(why), at=run.place)


def dataset_configs(run: Run) -> Fact:
    """Return where the class that describes a dataset is defined: in the script or another file of the project."""
    for cls in run.recording.classes:
        fields = {*getattr(cls, "fields", ())}
        if "path" in fields and {"weight", "name"} & fields:
            module = getattr(cls, "module", None)
            node, source = getattr(cls, "node", None), getattr(module, "source", None)
            place = Place(source, node) if node is not None and source is not None else run.place
            own = source is None or source is run.source or getattr(module, "name", "") == "__main__"
            where = "script" if own else str(getattr(source, "path", "another file"))
            return Fact(Known(where, (place,) if place else ()), at=place if own else run.place)
    return Fact(Absent("no class describes the datasets"), at=run.place, why_not="no class describes the datasets")
