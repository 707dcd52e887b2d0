"""The arguments that the libraries accept, in the versions that the script runs on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterable

from ...files import projects
from ...interpret.core.recording import Recording
from ...libraries import chosen, store
from ...libraries.chosen import Versions
from ...libraries.versions import is_exact
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Known, Unknown
from ..run import Run
from . import changed_defaults, conflicts, imports, install_calls, refused, requirements
from .arguments import Defect, defects_of, judging, on_some_branch, patched
from .imports import fact as listed

if TYPE_CHECKING:
    from ...source import Source
    from ...training_plan import facts
    from ...training_plan.stated import ProjectSettings

# kinds of a configuration's defects -> the fact that lists them
KEYS = {
    ("unknown",): "unknown_arguments",
    ("removed",): "removed_arguments",
    ("conflict",): "conflicting_arguments",
    ("ignored", "duplicate"): "ignored_keys",
    ("value",): "refused_values",
}
LISTS = {
    "unknown": "unknown_arguments",
    "removed": "removed_arguments",
    "moved": "moved_arguments",
    "deprecated": "deprecated_arguments",
    "missing in range": "missing_in_range",
}
SCRIPT = "this is a script, not a configuration"


def versions_of(recording: Recording, source: Source, settings: ProjectSettings | None) -> Versions:
    """Return the library versions that the script is judged by, and count the files that state them as read."""
    if recording.configuration is not None:
        stated: Versions = recording.configuration.versions
        return stated
    folder = os.path.dirname(os.path.abspath(getattr(source, "path", "") or "."))
    root, installed = projects.root(folder), install_calls.stated(recording)
    found = chosen.of_script(source, folder, root, settings, patched(recording), installed=installed)
    more = [file for file in found.files if file not in recording.files_read]
    recording.files_read, recording.looked_at = recording.files_read + more, recording.looked_at + more
    return found


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.api
    trainer, call = run.trainer, run.arguments.call
    part.trainer = Fact(
        Known(trainer.callee, (trainer.place,)) if trainer else Absent("no trainer is created"), at=run.place
    )
    if call is not None:
        part.arguments_class = Fact(Known(call.callee, (call.place,)), at=call.place)
    else:
        why = run.arguments.unknown
        part.arguments_class = Fact(Unknown(why) if why else Absent("no training arguments are created"), at=run.place)
    versions = run.versions or Versions()
    used = [c for c in versions.choices.values() if c.library in store.TOGETHER and c.library != "unsloth_zoo"]
    note = ", ".join(f"{c.library}: {c.said or 'assumed'}" for c in used)
    part.versions = Fact(Known({c.library: c.number for c in used}), at=run.place, note=note)
    plan.notes = versions.beyond(_used(run))
    part.incompatible_versions = requirements.incompatible(run)
    if run.configuration is not None:
        return configured(run, part)
    part.ignored_keys = Fact(Absent(SCRIPT), at=run.place, why_not=SCRIPT)
    made = judging(run)
    values = _distinct(refused.refused(run, made))
    # Few values of a script are judged, so that none refused is no reason to pass.
    part.refused_values = listed(values) if values else Fact(Absent(SCRIPT), at=run.place, why_not=SCRIPT)
    part.patched = Fact(Known(made.patched), at=run.place)
    defects = defects_of(run)
    for kind, name in LISTS.items():
        setattr(part, name, listed(_distinct(d for d in defects if d.kind == kind), run.place))
    part.removed_imports = listed(list(imports.missing(run.recording, made)), run.place)
    no_unsloth = "" if made.patched else "the script does not use Unsloth"
    part.late_imports = listed(list(imports.late(run.recording, made)), run.place, no_unsloth)
    no_trainer = "" if trainer is not None else "no trainer is created"
    part.wrong_classes = listed(list(conflicts.wrong_class(run, made)), run.place, no_trainer)
    conflicting = on_some_branch(run, lambda one: conflicts.conflicts(one, made))
    part.conflicting_arguments = listed(conflicting, run.place)
    part.changed_defaults = listed(list(changed_defaults.changed_defaults(run, made)), run.place)


def _used(run: Run) -> set[str]:
    """Return the libraries that a script calls, if known; for a configuration, the libraries that belong together."""
    if run.configuration is not None:
        return set(store.TOGETHER)
    parted = [call.callee.partition(".") for call in run.calls]
    return {library for library, _, name in parted if library in store.TOGETHER or store.knows(library, name)}


def configured(run: Run, part: facts.Api) -> None:
    """Fill in the facts of a configuration, whose keys the parser judges instead of the calls made from them."""
    found = run.configuration
    part.patched = Fact(Known(any(name == "unsloth" for name, _ in run.recording.imports)), at=run.place)
    versions, library = run.versions or Versions(), found.flavour.keys.library
    guessed = not is_exact(versions[library].specifier)  # other releases of the program may take a value
    for kinds, name in KEYS.items():
        made = [
            Defect(d.kind, d.name, d.place, d.sentence, assumed=guessed and d.kind == "value")
            for d in found.defects
            if d.kind in kinds
        ]
        setattr(part, name, listed(made, run.place))
    for kind, name in (("unknown", "unknown_arguments"), ("ignored", "ignored_keys")):
        if kind in found.doubts and not getattr(part, name).cases:
            setattr(part, name, Fact(Unknown(found.doubts[kind]), at=run.place))
    why = "a configuration makes no calls of its own"
    for name in (
        *("moved_arguments", "deprecated_arguments", "missing_in_range", "removed_imports"),
        *("late_imports", "wrong_classes", "changed_defaults"),
    ):
        setattr(part, name, Fact(Absent(why), at=run.place, why_not=why))


def _distinct(defects: Iterable[Defect]) -> list[Defect]:
    """Return one defect for each place and name, since a call in a loop is recorded more than once."""
    return list({(id(d.place.node if d.place is not None else None), d.name): d for d in defects}.values())
