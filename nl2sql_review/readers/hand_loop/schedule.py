"""Learning rate schedule of a hand-written training loop: a library's, one that the loop computes itself, or none."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...interpret.core.recording import Call, Condition
from ...training_plan.facts import Arguments, Fact
from ...training_plan.values import Absent, Default, Known, Term, Trace, Unknown, Value
from ..derive import plain
from ..object_settings import last
from ..run import Run
from ..spelling import spelt
from . import calls_of, given, last_of, texts, unread

SCHEDULES = {
    "get_cosine_schedule_with_warmup": "cosine",
    "get_cosine_with_hard_restarts_schedule_with_warmup": "cosine_with_restarts",
    "get_linear_schedule_with_warmup": "linear",
    "get_constant_schedule_with_warmup": "constant_with_warmup",
    "get_constant_schedule": "constant",
    "get_polynomial_decay_schedule_with_warmup": "polynomial",
    "CosineAnnealingLR": "cosine",
    "CosineAnnealingWarmRestarts": "cosine_with_restarts",
    "LinearLR": "linear",
    "StepLR": "step",
    "ExponentialLR": "exponential",
    "OneCycleLR": "one cycle",
}
NAMED = ("get_scheduler",)
HALF_COSINE = re.compile(r"\(1(?:\.0)? \+ (?:math|np|numpy|torch)\.cos\(\(*3\.14159\d* \* ")
# What may change the rate of an optimizer: `for group in optimizer.param_groups: group["lr"] = …`
CHANGES_RATE = re.compile(r"(?i)schedul\w{0,30}\s?[(.=]|param_groups|_lr\s?\(|[\"']lr[\"']\]\s?=")


def schedule(run: Run, part: Arguments) -> None:
    """Fill in the schedule, its warm-up and its steps; a loop without one keeps the learning rate constant."""
    call = last_of(run, (*SCHEDULES, *NAMED))
    if call is None:
        part.max_steps = unread(run, "how many steps it takes")
        if any(CHANGES_RATE.search(text) for text in texts(run)):
            part.scheduler = set_by_hand(run) or unread(run, "its schedule")
            part.warmup_steps = part.warmup_ratio = unread(run, "whether the rate warms up")
            return
        note = "the loop creates no schedule: the learning rate stays constant"
        trace = (run.place,) if run.place else ()
        part.scheduler = Fact(Known("constant", trace), at=run.place, note=note)
        part.warmup_steps = Fact(Known(0, trace), at=run.place, note=note)
        part.warmup_ratio = Fact(Absent(note), at=run.place)
        return
    by_name = last(call.callee) in NAMED
    if by_name:
        value = call.get("name", "$0")
        part.scheduler = Fact(value, at=call.places.get("name", call.place))
    else:
        part.scheduler = named(call, lambda name: SCHEDULES[name])
    if call.conditional and not call.certain and not on_every_branch(run, call):
        why = f"which schedule the loop uses depends on {call.condition}"
        part.scheduler = Fact(Unknown(why, (call.place,)), at=part.scheduler.at)
    warm, total = ("$2", "$3") if by_name else ("$1", "$2")
    part.warmup_steps = given(run, call, "the warm-up", "num_warmup_steps", warm)
    part.warmup_ratio = Fact(Absent("a number of steps is set"), at=call.place)
    part.max_steps = given(run, call, "the number of steps", "num_training_steps", "T_max", "total_steps", total)
    if (ratio := share(run, part.warmup_steps.value, part.max_steps.value)) is not None:
        part.warmup_ratio = Fact(ratio, at=part.warmup_steps.at)
        part.warmup_steps = Fact(Absent("the warm-up is a share of all steps"), at=call.place)


def on_every_branch(run: Run, call: Call) -> bool:
    """Return whether a schedule is made in several branches, and each of them makes the same one."""
    made = {last(c.callee) for c in calls_of(run, (*SCHEDULES, *NAMED))}
    return len(calls_of(run, (*SCHEDULES, *NAMED))) > 1 and made == {last(call.callee)} and not made & {*NAMED}


def named(call: Call, name: Callable[[str], str]) -> Fact:
    return Fact(Known(name(last(call.callee)), (call.place,)), at=call.place)


def set_by_hand(run: Run) -> Fact | None:
    """Return the schedule of a loop that sets the rate itself: half a cosine, on its own or after a warm-up."""
    loops = {turn.loop for c in run.backward for turn in c.turns}
    writes = [c for c in run.calls if c.callee == "torch.optim.Optimizer.lr="]
    cosines = {c.place.node for c in writes if HALF_COSINE.search(spelt(c.arguments["lr"]))}
    decays = [c for c in writes if c.place.node in cosines and ".cos(" in spelt(c.arguments["lr"])]
    after = {str(test) for c in decays for test in c.conditions if isinstance(test, Condition) and not test.holds}
    for c in writes:
        before = {str(test) for test in c.conditions if isinstance(test, Condition) and test.holds}
        if loops.isdisjoint(turn.loop for turn in c.turns) or c not in decays and before.isdisjoint(after):
            return None
    if not decays:
        return None
    (first, *_), note = decays, "the loop sets the learning rate itself"
    trace = (first.place,)
    value = Default("cosine", first.assumed[0], trace) if first.assumed else Known("cosine", trace)
    return Fact(value, at=first.place, note=note)


def share(run: Run, warm: Value, total: Value) -> Value | None:
    """Return the r of a warm-up of `int(total * r)` steps, or None if it is no share of all steps."""
    rounded = isinstance(warm, Term) and re.match(r"(?:int|round|math\.ceil|math\.floor)\(", warm.text) is not None
    product = warm.args[0] if isinstance(warm, Term) and rounded and len(warm.args) == 1 else warm
    if not isinstance(product, Term) or product.operation != "op" or not isinstance(total, Term):
        return None
    left, right = product.args
    for whole, ratio in ((left, right), (right, left)):
        number = plain(ratio)
        if isinstance(whole, Term) and whole.text == total.text and isinstance(number, (int, float)) and number > 0:
            if product.text.endswith(f" * {number}") or product.text.startswith(f"{number} * "):
                return with_default(run, number, ratio.trace)
            if product.text.endswith((f" / {number}", f" // {number}")):
                return with_default(run, 1 / number, ratio.trace)
    return None


def with_default(run: Run, number: float, trace: Trace) -> Value:
    """Return a number taken from an expression, as a Default if it comes from an option or the environment.

    The arithmetic itself loses that.
    """
    import libcst as cst

    said = next((step.node for step in trace if isinstance(step.node, cst.Call)), None)
    if said is None:
        return Known(number, trace)
    option = next((name for name, place in run.recording.options.items() if place.node is said), "the environment")
    return Default(number, option, trace)
