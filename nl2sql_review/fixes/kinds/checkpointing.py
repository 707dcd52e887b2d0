"""Fixes of checkpoints: save them, and resume a restarted run from the newest."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ...readers.checkpointing import CHECKPOINT
from ...readers.derive import plain
from ...source.syntax import all_of
from ...training_plan.values import Place
from .. import places
from ..candidate import Candidate
from ..context import Task, setting, wanted
from ..edits import imports, python

STRATEGY = "checkpointing.save_strategy"


def saved(task: Task) -> Iterator[Candidate]:
    """Set the save strategy, preferably by steps if the script sets their number.

    Unsloth chooses another directory, too, where it would save nothing.
    """
    accepted = list(wanted(task.expectation(STRATEGY), None, task.plan))
    by_steps = not places.omitted(task.plan["checkpointing.save_steps"])
    for value in sorted(accepted, key=lambda v: v != "steps") if by_steps else accepted:
        yield from setting(
            task, STRATEGY, task.plan[STRATEGY], value, ("checkpointing.save_conflict", "project.output_dir")
        )


def newest(task: Task) -> Iterator[Candidate]:
    """Resume from `get_last_checkpoint` of the output directory, called only if the directory exists."""
    if task.expected.equals != "newest" or not task.run.train:
        return
    call = task.run.train[-1]
    given = [c for c in task.run.train if any(name in c.places for name in CHECKPOINT)]
    call = given[-1] if given else call
    node = call.place.node
    if (
        call.place.source is not task.source
        or not isinstance(node, cst.Call)
        or not isinstance(node.func, cst.Attribute)
    ):
        return
    directory = _directory(task, node.func.value)
    found = imports.imported(task.source, "transformers.trainer_utils", "get_last_checkpoint", node)
    os_found = imports.imported_module(task.source, "os")
    if not directory or found is None or os_found is None:
        return
    (edits, name), (more, os_name) = found, os_found
    text = f"{name}({directory}) if {os_name}.path.isdir({directory}) else None"
    place = next((call.places[n] for n in CHECKPOINT if n in call.places), None)
    if plain(task.plan["checkpointing.resume"].value) == "unguarded" and _fails_before(task, place):
        return
    if place is None:
        edits = [*edits, *more, *python.added(task.source, node, f"resume_from_checkpoint={text}")]
    elif place.node in node.args and not place.node.star:
        edits = [*edits, *more, *python.fitted(task.source, node, [(place.node, text)])]
    else:
        return
    edits = python.merged(edits)
    title = f"resume from {name}({directory})"
    names = ("resume_from_checkpoint", "$0", "model_path")
    yield Candidate(
        title, tuple(edits), (task.name, "checkpointing.resume_by"), names, ("get_last_checkpoint", "isdir"), True
    )


def _fails_before(task: Task, argument: Place | None) -> bool:
    """Return whether `get_last_checkpoint`, which raises if there is no directory, is called outside the argument."""
    inside = [] if argument is None else list(map(id, all_of(cst.Call, argument.node)))
    searches = [call for call in task.run.calls if call.callee.endswith("get_last_checkpoint")]
    return any(id(call.place.node) not in inside for call in searches)


def _directory(task: Task, trainer: cst.BaseExpression) -> str:
    """Return code for the output directory that can be used where the training starts."""
    if isinstance(trainer, (cst.Name, cst.Attribute)):
        return f"{task.source.segment(trainer)}.args.output_dir"
    value = plain(task.plan["project.output_dir"].value)
    return python.literal(value) if isinstance(value, str) else ""
