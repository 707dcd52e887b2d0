"""Learning rate schedule of a hand-written training loop: a library's, one that the loop computes itself, or none."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...interpret.core.recording import Call, Condition
from ...training_plan.facts import Arguments, Fact
from ...training_plan.values import Absent, Default, Known, Term, Trace, Unknown, Value
from ..derive import contents, plain
from ..object_settings import last
from ..run import Run
from ..spelling import spelt
from . import calls_of, given, last_of, texts, unread

SCHEDULES = {
    "get_cosine_schedule_with_warmup": "cosine",
    "get_cosine_with_hard_restarts_schedule_with_warmup": "cosine_with_restarts",
    "get_cosine_with_min_lr_schedule_with_warmup": "cosine_with_min_lr",
    "get_linear_schedule_with_warmup": "linear",
    "get_constant_schedule_with_warmup": "constant_with_warmup",
    "get_constant_schedule": "constant",
    "get_polynomial_decay_schedule_with_warmup": "polynomial",
    "CosineAnnealingLR": "cosine",
    "CosineAnnealingWarmRestarts": "cosine_with_restarts",
    "LinearLR": "linear",
    "StepLR": "step",
    "MultiStepLR": "step",
    "ExponentialLR": "exponential",
    "PolynomialLR": "polynomial",
    "OneCycleLR": "one cycle",
}
NAMED = ("get_scheduler",)
TOTAL = {"CosineAnnealingLR": "$1", "OneCycleLR": "$2"}  # the steps of PyTorch's, by position
IN_TURN = "SequentialLR"
COMPUTED = ("LambdaLR", "MultiplicativeLR", "ChainedScheduler", "CyclicLR", "ConstantLR", "ReduceLROnPlateau")
ALL = (*SCHEDULES, *NAMED, IN_TURN, *COMPUTED)
HALF_COSINE = re.compile(r"\(1(?:\.0)? \+ (?:math|np|numpy|torch)\.cos\(\(*3\.14159\d* \* ")
# What may change the rate of an optimizer: `for group in optimizer.param_groups: group["lr"] = …`
CHANGES_RATE = re.compile(r"(?i)schedul\w{0,30}\s?[(.=]|param_groups|_lr\s?\(|[\"']lr[\"']\]\s?=")


def schedule(run: Run, part: Arguments) -> None:
    """Fill in the schedule, its warm-up and its steps; a loop without one keeps the learning rate constant."""
    call = last_of(run, ALL)
    if call is not None:
        of_call(run, part, call)
        return
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


def of_call(run: Run, part: Arguments, call: Call) -> None:
    """Fill in the schedule that a call makes, its warm-up and its steps."""
    warms_up, made = None, call
    if last(call.callee) == IN_TURN and len(parts := in_turn(run, call)) == 2:
        warms_up, made = parts
    name = last(made.callee)
    own_way = name not in (*SCHEDULES, *NAMED)
    unknown = Unknown(f"{name} changes the learning rate in a way of its own", (made.place,))
    if own_way:
        part.scheduler = Fact(unknown, at=made.place)
    elif name in NAMED:
        part.scheduler = Fact(made.get("name", "$0"), at=made.places.get("name", made.place))
    else:
        part.scheduler = named(made, lambda one: SCHEDULES[one])
    if call.conditional and not call.certain and not on_every_branch(run, call):
        why = f"which schedule the loop uses depends on {call.condition}"
        part.scheduler = Fact(Unknown(why, (call.place,)), at=part.scheduler.at)
    if warms_up is not None or own_way:
        part.max_steps = unread(run, "how many steps it takes", call.place)
        part.warmup_steps = Fact(unknown, at=made.place) if warms_up is None else steps_before(call, warms_up)
        part.warmup_ratio = part.warmup_steps if warms_up is None else Fact(Absent("a number of steps is set"))
        return
    warm, total = ("$2", "$3") if name in NAMED else ("$1", "$2") if name[0].islower() else ("", TOTAL.get(name, ""))
    part.warmup_steps = given(run, made, "the warm-up", "num_warmup_steps", *filter(None, (warm,)))
    part.warmup_ratio = Fact(Absent("a number of steps is set"), at=made.place)
    whole = ("num_training_steps", "T_max", "total_steps", *filter(None, (total,)))
    part.max_steps = given(run, made, "the number of steps", *whole)
    if (ratio := share(run, part.warmup_steps.value, part.max_steps.value)) is not None:
        part.warmup_ratio = Fact(ratio, at=part.warmup_steps.at)
        part.warmup_steps = Fact(Absent("the warm-up is a share of all steps"), at=made.place)
    elif isinstance(number := plain(part.warmup_steps.value), float) and 0 < number < 1:
        # Of these functions only; training arguments take it as a share.
        part.warmup_steps.value = Unknown(f"{last(made.callee)} counts steps: {number} is no share of them")


def in_turn(run: Run, whole: Call) -> list[Call]:
    """Return the calls that make the schedules of a SequentialLR, none where one of them is not known."""
    parts = contents(whole.get("schedulers", "$1"))
    found = [maker(run, one) for one in parts] if isinstance(parts, (list, tuple)) else []
    return [call for call in found if call is not None] if all(found) else []


def maker(run: Run, made: object) -> Call | None:
    """Return the call that makes a schedule."""
    text = getattr(made, "text", "")
    return next((c for c in reversed(calls_of(run, ALL)) if text and getattr(c.result, "text", "") == text), None)


def steps_before(whole: Call, warms_up: Call) -> Fact:
    """Return after how many steps the second schedule of a SequentialLR follows a first one that warms up."""
    factors = (warms_up.get("start_factor", "$1"), 1 / 3), (warms_up.get("end_factor", "$2"), 1.0)
    low, high = (default if isinstance(given, Absent) else plain(given) for given, default in factors)
    first = contents(whole.get("milestones", "$2"))
    rises = last(warms_up.callee) == "LinearLR" and isinstance(low, (int, float)) and isinstance(high, (int, float))
    if not rises or low >= high or not isinstance(first, (list, tuple)) or not first:
        why = f"whether {last(warms_up.callee)} warms the learning rate up is not evaluated"
        return Fact(Unknown(why, (warms_up.place,)), at=warms_up.place)
    value = first[0] if isinstance(first[0], Value) else Known(first[0])
    return Fact(value, at=whole.places.get("milestones", whole.place))


def on_every_branch(run: Run, call: Call) -> bool:
    """Return whether a schedule is made in several branches, and each of them makes the same one."""
    made = {last(c.callee) for c in calls_of(run, ALL)}
    return len(calls_of(run, ALL)) > 1 and made == {last(call.callee)} and not made & {*NAMED}


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
