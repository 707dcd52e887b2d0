"""Checks the steps of the schedule in a hand-written training loop: how far it gets while the loop trains."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...interpret.core.recording import Call
from ...training_plan.facts import Arguments
from ...training_plan.values import Term, Value
from ..api.arguments import Defect
from ..derive import plain
from ..object_settings import last
from ..run import Run
from . import is_given, is_step, texts
from .schedule import NAMED
from .turn import Turn, calls_accumulate

STEPS_SCHEDULE = re.compile(r"(?i)sched\w{0,30}\.step\(")
# Schedules that begin at a rate of 0 if they warm up.
WARMED_UP = re.compile(r"get_\w+_with_warmup|get_scheduler")


def stands_still(run: Run, turn: Turn, schedule: Call) -> Iterator[Defect]:
    """Yield a schedule that starts its warm-up at 0 and that nothing moves on."""
    if not WARMED_UP.fullmatch(last(schedule.callee)) or moved(run, turn, schedule):
        return
    warm = plain(schedule.get("num_warmup_steps", "$2" if last(schedule.callee) in NAMED else "$1"))
    if isinstance(warm, int) and warm > 0:
        text = "nothing calls step() of the schedule: its warm-up begins at 0, so the learning rate stays 0"
        yield Defect("stands still", "step", schedule.place, text)


def moved(run: Run, turn: Turn, schedule: Call) -> bool:
    """Return whether something may call the schedule's step(): the script, or what it is handed to."""
    return (
        any(last(c.callee) == "step" and not is_step(c, turn.optimizer) for c in run.calls)
        or any(is_given(call, schedule) for call in run.calls)
        or any(STEPS_SCHEDULE.search(text) for text in texts(run))
    )


def scheduled(run: Run, turn: Turn, schedule: Call, arguments: Arguments) -> Iterator[Defect]:
    """Yield where the schedule runs ahead of the optimizer, behind it, or before it."""
    if schedule.result is None:
        return
    calls = (c for c in reversed(run.calls) if c.receiver is schedule.result and last(c.callee) == "step")
    steps = [*{id(c.place.node): c for c in calls}.values()]
    if not steps:
        constant = str(plain(arguments.scheduler.value)).startswith("constant")
        if not constant and not any(stands_still(run, turn, schedule)) and not moved(run, turn, schedule):
            text = "nothing calls step() of the schedule: the rate stays constant"
            yield Defect("never", "step", schedule.place, text)
    elif len(steps) == len(turn.steps) == 1:
        check = in_turn if steps[0] in turn.calls else behind_turns
        yield from check(run, turn, steps[0], arguments.max_steps.value)


def behind_turns(run: Run, turn: Turn, moves: Call, total: Value) -> Iterator[Defect]:
    """Yield a schedule whose steps count batches, and that moves on once all of them have passed."""
    if counts(run, total) == "batches" and turn.loop and turn.loop[: len(moves.conditions)] == moves.conditions:
        text = (
            "the schedule has a step for every batch, and step() runs once an epoch: "
            "the rate hardly leaves its first value"
        )
        yield Defect("behind", "step", moves.place, text)


def in_turn(run: Run, turn: Turn, moves: Call, total: Value) -> Iterator[Defect]:
    """Yield a schedule that moves on before the optimizer steps, or more or less often than its steps are counted."""
    n, every = turn.nth(moves), turn.every
    if moves.order < turn.steps[0].order and n == every:
        text = "the schedule steps before the optimizer: its first learning rate is skipped; call its step() afterwards"
        yield Defect("before", "step", moves.place, text)
    if n == every > 1 and counts(run, total) == "batches" and not calls_accumulate(run):
        text = (
            f"the schedule has a step for every batch, and step() runs for every {n}th: training ends after 1/{n} "
            f"of its course; divide its steps by {n}"
        )
        yield Defect("behind", "step", moves.place, text)
    if n == 1 < every and counts(run, total) == f"every {every}" and not calls_accumulate(run):
        text = (
            f"the schedule has a step for every {every} batches, and step() runs for each: it ends after 1/{every} "
            f"of training; call step() after that of the optimizer"
        )
        yield Defect("ahead", "step", moves.place, text)


def counts(run: Run, total: Value) -> str:
    """Return what the steps of a schedule count: "batches", or "every 4" of them; "" if it is not certain."""
    if not isinstance(total, Term) or run.loader is None:
        return ""
    own = getattr(run.loader.result, "text", "")
    text = total.text.replace(f"len({own})", "batches") if own else ""
    if "batches" not in text or "(" in text.replace("(", "", 2):
        return ""
    divisors = re.findall(r"//? (\d+)", text)
    if not divisors:
        return "batches" if re.fullmatch(r"[\w*() ]+", text) else ""
    return f"every {divisors[0]}" if len(divisors) == 1 and text.count("/") in (1, 2) else ""
