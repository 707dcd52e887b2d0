"""What the libraries really take, in the versions the script runs on."""

from __future__ import annotations

import os
from typing import Any, Iterable

from ..api import chosen
from ..api.chosen import Versions
from ..interpret.recording import Recording
from ..plan import Fact, TrainingPlan
from ..values import Absent, Known, Unknown
from . import api_conflicts, api_imports
from .api_arguments import Defect, judging, patched
from .api_imports import fact
from .run import Run

LISTS = {
    "unknown": "unknown_arguments",
    "removed": "removed_arguments",
    "moved": "moved_arguments",
    "deprecated": "deprecated_arguments",
    "missing in range": "missing_in_range",
}
MARKS = (".git", "pyproject.toml", "nl2sql-review.toml")


def versions_of(recording: Recording, source: Any, settings: Any) -> Versions:
    """Which versions of the libraries the script is judged by; the files that say so count as read."""
    folder = os.path.dirname(os.path.abspath(getattr(source, "path", "") or "."))
    found = chosen.of_script(source, folder, _root(folder), settings, patched(recording))
    recording.files_read += [f for f in found.files if f not in recording.files_read]
    return found


def _root(folder: str) -> str:
    where = folder
    while not any(os.path.exists(os.path.join(where, mark)) for mark in MARKS):
        parent = os.path.dirname(where)
        if parent == where:
            return folder
        where = parent
    return where


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.api
    trainer, call = run.trainer, run.arguments.call
    part.trainer = Fact(Known(trainer.callee, (trainer.place,)) if trainer else Absent("no trainer is made"), at=run.place)
    if call is not None:
        part.arguments_class = Fact(Known(call.callee, (call.place,)), at=call.place)
    else:
        why = run.arguments.unknown
        part.arguments_class = Fact(Unknown(why) if why else Absent("no training arguments are made"), at=run.place)
    versions = run.versions or Versions()
    used = [c for c in versions.choices.values() if c.library != "unsloth_zoo"]
    note = ", ".join(f"{c.library}: {c.said or 'assumed'}" for c in used)
    part.versions = Fact(Known({c.library: c.number for c in used}), at=run.place, note=note)
    made = judging(run)
    part.patched = Fact(Known(made.patched), at=run.place)
    defects = [d for one in run.calls for d in made.defects(one)]
    for kind, name in LISTS.items():
        setattr(part, name, fact(_distinct(d for d in defects if d.kind == kind), run.place))
    part.removed_imports = fact(list(api_imports.removed(run.recording, made)), run.place)
    no_unsloth = "" if made.patched else "the script does not use Unsloth"
    part.late_imports = fact(list(api_imports.late(run.recording, made)), run.place, no_unsloth)
    no_trainer = "" if trainer is not None else "no trainer is made"
    part.wrong_classes = fact(list(api_conflicts.wrong_class(run, made)), run.place, no_trainer)
    part.conflicting_arguments = fact(list(api_conflicts.conflicts(run, made)), run.place)
    part.changed_defaults = fact(list(api_conflicts.changed_defaults(run, made)), run.place)


def _distinct(defects: Iterable[Defect]) -> list[Defect]:
    """One for each place and name: a call in a loop is recorded more than once."""
    return list({(id(d.place.node), d.name): d for d in defects}.values())
