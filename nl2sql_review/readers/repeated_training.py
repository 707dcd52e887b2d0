"""Finds a trainer that a loop trains several times over: each call of `train()` draws the schedule anew."""

from __future__ import annotations

from collections import defaultdict

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Known, Place
from .api.arguments import Defect, branch
from .api.imports import fact as listed
from .derive import plain
from .idle_settings import word
from .object_settings import last, objects
from .run import Run

# Schedules without a beginning that would come again.
LEVEL = ("constant", "reduce_lr_on_plateau")


def read(run: Run, plan: TrainingPlan) -> None:
    plan.arguments.restarted_schedule = restarted(run)


def restarted(run: Run) -> Fact:
    """Return the calls of `train()` that run again on the same trainer and do not resume."""
    why = cannot(run)
    if why:
        return Fact(Absent(why), at=run.place, why_not=why)
    by_place: dict[int, list[Call]] = defaultdict(list)
    for call in run.train:
        by_place[id(call.place.node)].append(call)
    again = next((calls for calls in by_place.values() if len(calls) > 1), [])
    if not again or any(map(resumes, again)) or any(call.conditional or not call.certain for call in again):
        return listed([], run.place)
    if len({id(call.receiver) for call in again}) > 1 or changed_between(run, again) or may_end(again[0].place):
        return listed([], run.place)
    text = (
        "a loop calls train() on the same trainer again: each call trains for all its epochs, and the learning rate "
        "runs through its schedule from the start, with the step counter at 0"
    )
    # How often the loop turns may hang on an option that nobody states.
    open_count = bool(run.recording.options) and run.recording.started is None
    return listed([Defect("restarted", "train", again[1].place, text, branch(again[1]), open_count)], run.place)


def cannot(run: Run) -> str:
    """Return why the schedule is none that the trainer draws anew, or ""."""
    if run.trainer is None or run.configuration is not None:
        return "no trainer is created"
    if run.trainer.instance is not None:
        return "the script's own trainer may make the schedule"
    if not isinstance(given := run.trainer.get("optimizers"), Absent) or run.trainer.unknown_arguments:
        return getattr(given, "why", "") or "the script may make the schedule"
    if run.arguments.unknown:
        return run.arguments.unknown
    kind = run.arguments.value("lr_scheduler_type")
    if not isinstance(kind, Absent) and (not word(kind) or word(kind) in LEVEL):
        return "the schedule has no course, or is unknown"
    return ""


def resumes(call: Call) -> bool:
    """Return whether a call resumes, or may."""
    given = call.get("resume_from_checkpoint", "$0")
    nothing = isinstance(given, Absent) or isinstance(given, Known) and plain(given) in (None, False)
    return not nothing or bool(call.unknown_arguments)


def may_end(place: Place) -> bool:
    """Return whether the loop may end after its first turn: by a `break` or `return` in it, or anywhere if unseen."""
    import libcst as cst

    from ..source.syntax import walk

    nodes = place.source.nodes
    loops = [node for node in nodes.path(place.node) if isinstance(node, (cst.For, cst.While))]
    if not loops:  # the loop calls the function, or is a comprehension
        return bool(nodes.of(cst.Break))
    return any(isinstance(node, (cst.Break, cst.Return)) for loop in loops for node in walk(loop))


def changed_between(run: Run, calls: list[Call]) -> bool:
    """Return whether the script changes the trainer or its arguments, or makes objects for it, between the calls."""
    trainer = run.trainer
    assert trainer is not None
    first, final = calls[0].order, calls[-1].order
    held = {id(thing) for value in trainer.arguments.values() for thing in objects(value)}
    held |= {id(trainer.result), id(calls[0].receiver)}
    return any(
        first < call.order < final
        and (last(call.callee).endswith("=") or last(call.callee) in ("add_callback", "create_optimizer_and_scheduler"))
        and (id(call.receiver) in held or call.receiver is None)
        for call in run.recording.every()
    )
