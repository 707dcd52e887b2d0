"""Checks the optimizer's steps in a hand-written training loop: which gradients each of them sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent
from ..api.arguments import Defect
from ..api.imports import fact as listed
from ..derive import plain
from ..object_settings import last
from ..run import Run
from ..untrained import FORWARD, takes_model_loss
from . import OPTIMIZERS, is_given, last_of, texts, trains, unread
from .schedule import NAMED, SCHEDULES
from .schedule_steps import STEPS_SCHEDULE, scheduled, stands_still
from .turn import Turn, calls_accumulate, may_count_batches

CLEARS = re.compile(r"\bzero_grad\b|\.grad\s?=\s?None|\bset_to_none\b|\bzero_\(|(?i:deepspeed)")
BACKWARD = "accelerate.Accelerator.backward"
TAKES_OPTIMIZER = (*SCHEDULES, *NAMED, "prepare", "prepare_optimizer")  # and steps none
NO_GRADIENTS = re.compile(r"\b(?:no_grad|inference_mode)\(\s*\)")


def read(run: Run, plan: TrainingPlan) -> None:
    """Fill in the facts on the steps of the optimizer and of the schedule."""
    arguments = plan.arguments
    if not trains(run):
        why = "no hand-written loop trains"
        arguments.optimizer_steps = Fact(Absent(why), at=run.place, why_not=why)
        arguments.schedule_steps = Fact(Absent(why), at=run.place, why_not=why)
        return
    turn = Turn.of(run)
    if turn is None and (optimizer := never_stepped(run)) is not None:
        text = "nothing calls step() of the optimizer: no weight changes"
        arguments.optimizer_steps = listed([Defect("never", "step", optimizer.place, text)], run.place)
        arguments.schedule_steps = listed([], run.place)
        return
    if turn is None:
        arguments.optimizer_steps = unread(run, "where it steps its optimizer")
        arguments.schedule_steps = unread(run, "where it steps its optimizer")
        return
    schedule = last_of(run, (*SCHEDULES, *NAMED))
    still = [*stands_still(run, turn, schedule)] if schedule is not None else []
    without = without_graph(turn) if takes_model_loss(run) else ()
    found = [*without, *cleared(run, turn), *clipped(turn), *still, *by_accelerate(run, turn)]
    arguments.optimizer_steps = listed(found, turn.at)
    if turn.unclear and not found and not calls_accumulate(run):
        arguments.optimizer_steps = unread(run, "after how many batches the optimizer steps", turn.at)
    if schedule is None and any(STEPS_SCHEDULE.search(text) for text in texts(run)):
        arguments.schedule_steps = unread(run, "how far its schedule gets", turn.at)
        return
    moved = [*scheduled(run, turn, schedule, arguments)] if schedule is not None else []
    arguments.schedule_steps = listed(moved, turn.at)


def never_stepped(run: Run) -> Call | None:
    """Return the optimizer of a script that says `.step(` nowhere and hands it to nothing that may step it, or None."""
    optimizer = last_of(run, OPTIMIZERS)
    if optimizer is None or any(is_given(c, optimizer) for c in run.calls if last(c.callee) not in TAKES_OPTIMIZER):
        return None
    steps = any(last(c.callee) == "step" for c in run.calls) or any(".step(" in text for text in texts(run))
    return None if steps else optimizer


def by_accelerate(run: Run, turn: Turn) -> Iterator[Defect]:
    """Yield an accumulation that nothing counts, and gradients that do not go through Accelerate."""
    accelerator = last_of(run, ("Accelerator",))
    number = plain(accelerator.get("gradient_accumulation_steps")) if accelerator is not None else None
    if accelerator is None or not any(last(c.callee) == "prepare" for c in run.calls):
        return
    if not isinstance(number, int) or number <= 1 or turn.every != 1:
        return
    if not may_count_batches(run):
        place = accelerator.places.get("gradient_accumulation_steps", accelerator.place)
        divided = f", with gradients divided by {number}" if turn.backward.callee == BACKWARD else ""
        text = (
            f"gradient_accumulation_steps={number} counts only under accelerator.accumulate(): each batch is a step"
            f"{divided}"
        )
        yield Defect("not accumulated", "gradient_accumulation_steps", place, text)
    elif turn.backward.callee.endswith(".loss.backward"):
        text = (
            f"the loss goes backward without accelerator.backward(), so nothing divides it by {number}: the gradients "
            f"of the batches are summed"
        )
        yield Defect("not divided", "backward", turn.backward.place, text)


def without_graph(turn: Turn) -> Iterator[Defect]:
    """Yield a model that is called where no gradients are recorded."""
    calls = [call for call in turn.calls if call.callee == FORWARD and call.order < turn.backward.order]
    if calls and all(map(unrecorded, calls)):
        text = (
            "the model is called under no_grad(): its loss has no gradients, so that backward() raises, or changes "
            "nothing where the loss is told to require them"
        )
        yield Defect("no graph", "no_grad", calls[0].place, text)


def unrecorded(call: Call) -> bool:
    """Return whether a call stands in a `with torch.no_grad():` of its own function."""
    import libcst as cst

    source, inside = call.place.source, False
    for node in source.nodes.path(call.place.node):
        if isinstance(node, (cst.FunctionDef, cst.Lambda)):
            inside = False
        elif isinstance(node, cst.With):
            inside = inside or any(NO_GRADIENTS.search(source.segment(item.item)) for item in node.items)
    return inside


def cleared(run: Run, turn: Turn) -> Iterator[Defect]:
    """Yield where the gradients are cleared too often, too early or never."""
    if not turn.clears:
        if not any(CLEARS.search(text) for text in texts(run)):
            text = (
                "nothing clears the gradients: each step adds those of every earlier batch to its own; call zero_grad()"
            )
            yield Defect("never cleared", "step", turn.at, text)
        return
    for clear in turn.clears:
        if turn.later and not turn.decides(clear):
            text = (
                "zero_grad() runs for every batch and step() once, after the loop: it sees the gradients of the last "
                "batch alone"
            )
            yield Defect("cleared too often", "zero_grad", clear.place, text)
        elif turn.every > 1 and not turn.decides(clear) and not calls_accumulate(run):
            text = (
                f"zero_grad() runs for every batch and step() for every {turn.every}th: the gradients of the other "
                f"{turn.every - 1} are discarded; clear them after step()"
            )
            yield Defect("cleared too often", "zero_grad", clear.place, text)
        elif turn.clears_before_step(clear):
            text = "zero_grad() stands between backward() and step(): the step finds no gradients and trains nothing"
            yield Defect("cleared too early", "zero_grad", clear.place, text)


def clipped(turn: Turn) -> Iterator[Defect]:
    """Yield where gradients are clipped at a place where none of a step's gradients pass."""
    if len(turn.clips) != 1 or len(turn.steps) != 1:
        return
    (clip,), (step,) = turn.clips, turn.steps
    emptied = any(c.order < clip.order and not turn.decides(c) for c in turn.clears)
    if clip.order > step.order > turn.backward.order or clip.order < turn.backward.order and emptied:
        where = "after step()" if clip.order > step.order else "before backward()"
        text = f"the gradients are clipped {where}: those of the step are not; clip them between backward() and step()"
        yield Defect("clipped", last(clip.callee), clip.place, text)
