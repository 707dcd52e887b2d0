"""Finds a trainer that a loop trains several times over: each call of `train()` draws the schedule anew."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Iterable

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Known, Place
from .api.arguments import Defect, branch
from .api.imports import fact as listed
from .derive import plain
from .idle_settings import word
from .object_settings import last, objects
from .run import Run

if TYPE_CHECKING:
    import libcst as cst

# Schedules without a beginning that would come again.
LEVEL = ("constant", "reduce_lr_on_plateau")
# How the names of methods begin that leave a trainer, a model and a dataset as they are.
KEEPS = ("train", "eval", "predict", "save", "log", "push", "create_model_card", "generate", "print", "to", "wait")


def read(run: Run, plan: TrainingPlan) -> None:
    plan.arguments.restarted_schedule = restarted(run)


def restarted(run: Run) -> Fact:
    """Return the calls of `train()` that run again on the same trainer and do not resume."""
    why = cannot(run)
    if why:
        return Fact(Absent(why), at=run.place, why_not=why)
    again, may_end = next(filter(None, map(turns, by_place(run.train))), ([], False))
    if not again or any(map(resumes, again)) or len({id(call.receiver) for call in again}) > 1:
        return listed([], run.place)
    if changed_between(run, again) or changed_in_loop(run, again[0].place):
        return listed([], run.place)
    text = (
        "a loop calls train() on the same trainer again: each call trains for all its epochs, and the learning rate "
        "runs through its schedule from the start, with the step counter at 0"
    )
    # How often the loop turns may hang on an option that nobody states.
    open_count = may_end or bool(run.recording.options) and run.recording.started is None
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


def by_place(calls: Iterable[Call]) -> list[list[Call]]:
    found: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        found[id(call.place.node)].append(call)
    return list(found.values())


def turns(calls: list[Call]) -> tuple[list[Call], bool] | None:
    """Return the calls that a loop makes and whether it may end after the first; None if it does not call again."""
    import libcst as cst

    from ..source.syntax import walk

    place = calls[0].place
    outer, loops = place.source.nodes.path(place.node), loops_around(place)
    may_end = any(isinstance(node, (cst.Break, cst.Return)) for loop in loops for node in walk(loop))
    if not loops:  # the loop calls the function, or is a comprehension
        may_end = bool(place.source.nodes.of(cst.Break))
    certain = [call for call in calls if call.certain and not call.conditional]
    if not certain or may_end and (not loops or any(isinstance(node, (cst.Try, cst.TryStar)) for node in outer)):
        return None  # another turn may be another attempt
    again = calls if may_end else certain
    return (again, may_end) if len(again) > 1 else None


def loops_around(place: Place) -> list[cst.For | cst.While]:
    import libcst as cst

    return [node for node in place.source.nodes.path(place.node) if isinstance(node, (cst.For, cst.While))]


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


def changed_in_loop(run: Run, place: Place) -> bool:
    """Return whether the loop changes what the trainer was given: weights are loaded, the rows move to a next stage."""
    import libcst as cst

    from ..source.syntax import dotted, walk

    assert run.trainer is not None
    given = [at.node.value for at in run.trainer.places.values() if isinstance(at.node, cst.Arg)]
    call = place.node
    trainer = call.func.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) else None
    held = {dotted(node) for node in (*given, trainer) if isinstance(node, (cst.Name, cst.Attribute))}
    for node in (one for loop in loops_around(place) for one in walk(loop)):
        if isinstance(node, (cst.AssignTarget, cst.AugAssign)):
            changed: cst.BaseExpression = node.target
            while isinstance(changed, cst.Subscript):
                changed = changed.value
            owner = dotted(changed) if changed is not node.target else dotted(changed).rpartition(".")[0]
        elif isinstance(node, cst.Expr) and isinstance(node.value, cst.Call):
            owner, _, method = dotted(node.value.func).rpartition(".")
            if method.startswith(KEEPS):
                continue
        else:
            continue
        if any(owner == name or owner.startswith(f"{name}.") for name in held if name):
            return True
    return False
