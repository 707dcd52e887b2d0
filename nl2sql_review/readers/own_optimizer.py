"""The optimizer and the schedule that a script makes itself and hands to its trainer."""

from __future__ import annotations

from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.values import Absent, Default, Known, Term, Value, same
from .derive import contents, plain
from .object_settings import from_library, last
from .run import Run

OF_THE_OPTIMIZER = (("learning_rate", "lr"), ("weight_decay", "weight_decay"))
OF_THE_SCHEDULE = ("lr_scheduler_type", "warmup_steps", "warmup_ratio")


def pair(run: Run) -> tuple[Call | None, bool]:
    """Return the call that makes the trainer's optimizer, and whether it is given a schedule as well."""
    given = run.trainer.get("optimizers") if run.trainer is not None else Absent()
    both = contents(given)
    if not isinstance(both, (list, tuple)) or len(both) != 2 or not isinstance(both[0], Term):
        return None, False
    made = (c for c in run.calls if "optim" in c.callee and getattr(c.result, "text", "") == both[0].text)
    call = next((c for c in made if last(c.callee)[:1].isupper()), None)
    return call, isinstance(both[1], Term)


def learning_rate(run: Run) -> Value | None:
    """The rate of the optimizer that the script makes, None where the trainer makes it."""
    call, _ = pair(run)
    rate = call.get("lr", "$1") if call is not None else Absent()
    return None if isinstance(rate, Absent) else rate


def without_effect(run: Run) -> Iterator[str]:
    """Training arguments that are set and say something else than the optimizer and schedule of the script."""
    call, schedule = pair(run)
    if call is None:
        return
    # Groups of parameters may each have an option of their own.
    grouped = not isinstance(call.get("params", "$0"), Term)
    for name, option in OF_THE_OPTIMIZER:
        own, meant = call.get(option, "$1" if option == "lr" else option), run.arguments.value(name)
        if isinstance(own, Absent) and grouped:
            continue
        if set_by_hand(meant) and isinstance(own, (Known, Default, Absent)) and not same(plain(own), plain(meant)):
            yield f"{name}={plain(meant)}"
    for name in OF_THE_SCHEDULE if schedule else ():
        if set_by_hand(run.arguments.value(name)):
            yield f"{name}={plain(run.arguments.value(name))}"


def set_by_hand(value: Value) -> bool:
    return isinstance(value, (Known, Default)) and not from_library(value) and value.value not in (None, 0, 0.0)
