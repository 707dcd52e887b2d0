"""The optimizer and the schedule that a script makes itself and hands to its trainer."""

from __future__ import annotations

import re
from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.facts import Arguments, Fact
from ..training_plan.values import Absent, Default, Known, Place, Term, Unknown, Value, same
from .derive import contents, plain
from .hand_loop import schedule as of_a_loop
from .object_settings import from_library, last
from .run import Run

OF_THE_OPTIMIZER = (("learning_rate", "lr"), ("weight_decay", "weight_decay"))
MAKES_SCHEDULE = ("create_scheduler", "create_optimizer_and_scheduler")
READS_WARM_UP = re.compile(r"\.(?:get_warmup_steps|warmup_steps|warmup_ratio)\b(?!\s*=[^=])")
READS_SETTING = {
    "lr_scheduler_type": re.compile(r"\.lr_scheduler_type\b(?!\s*=[^=])"),
    "warmup_steps": READS_WARM_UP,
    "warmup_ratio": READS_WARM_UP,
}


def maker(run: Run) -> Call | None:
    """Return the call that makes the optimizer that the trainer is given."""
    found = handed(run, "optimizer")
    if not isinstance(found, Term):
        return None
    made = (c for c in run.calls if "optim" in c.callee and getattr(c.result, "text", "") == found.text)
    return next((c for c in made if last(c.callee)[:1].isupper()), None)


def schedule(run: Run) -> Value | None:
    """Return the schedule that the trainer is given, with the optimizer or alone; None where the trainer makes it."""
    found = handed(run, "lr_scheduler")
    return found if isinstance(found, (Term, Unknown)) else None


def handed(run: Run, name: str) -> object:
    """Return the optimizer or the schedule (`lr_scheduler`) that the script sets or passes before the training."""
    if run.trainer is None:
        return None
    if (write := assigned(run, name)) is not None:
        if write.conditional and not write.certain:
            return Unknown(f"whether the trainer is given a {name} depends on {write.condition}", (write.place,))
        if name == "lr_scheduler" and any(last(c.callee) in MAKES_SCHEDULE for c in own_calls(run)):
            return Unknown("training may drop a schedule that is set where the trainer has made one", (write.place,))
        return write.get(name)
    given = run.trainer.get("optimizers")
    both = contents(given)
    if isinstance(both, (list, tuple)) and len(both) == 2:
        found: object = both[name == "lr_scheduler"]
        return found
    return given if name == "lr_scheduler" else None


def assigned(run: Run, name: str) -> Call | None:
    """Return the last assignment to such an attribute of the trainer before it trains."""
    end = min((c.order for c in run.train), default=None)
    writes = [c for c in own_calls(run) if last(c.callee) == f"{name}=" and (end is None or c.order < end)]
    return writes[-1] if writes else None


def place(run: Run) -> Place:
    """Return where the trainer is given what the script makes."""
    assert run.trainer is not None
    write = assigned(run, "lr_scheduler") or assigned(run, "optimizer")
    return write.place if write is not None else run.trainer.places.get("optimizers", run.trainer.place)


def own_calls(run: Run) -> list[Call]:
    """Return the calls of the trainer's methods and the assignments to its attributes."""
    return [c for c in run.calls if run.trainer is not None and c.receiver is run.trainer.result]


def follow_schedule(run: Run, part: Arguments) -> None:
    """Read the schedule, its warm-up and its steps from what the trainer is given instead of training arguments."""
    given = schedule(run)
    if given is None or run.trainer is None:
        return
    if (call := of_a_loop.maker(run, given)) is not None:
        of_a_loop.of_call(run, part, call)
    else:
        at = place(run)
        why = given.why if isinstance(given, Unknown) else "the trainer is given a schedule that the script makes"
        unknown = Unknown(why, (at,))
        part.scheduler = part.warmup_steps = part.warmup_ratio = Fact(unknown, at=at)


def learning_rate(run: Run) -> Value | None:
    """The rate of the optimizer that the script makes, None where the trainer makes it."""
    call = maker(run)
    rate = call.get("lr", "$1") if call is not None else Absent()
    return None if isinstance(rate, Absent) else rate


def without_effect(run: Run) -> Iterator[tuple[str, str]]:
    """Yield training arguments that say something else than what the script hands over, each with what that is."""
    if (call := maker(run)) is not None:
        # Groups of parameters may each have an option of their own.
        grouped = not isinstance(call.get("params", "$0"), Term)
        for name, option in OF_THE_OPTIMIZER:
            own, meant = call.get(option, "$1" if option == "lr" else option), run.arguments.value(name)
            if isinstance(own, Absent) and grouped:
                continue
            if set_by_hand(meant) and isinstance(own, (Known, Default, Absent)) and not same(plain(own), plain(meant)):
                yield f"{name}={plain(meant)}", "an optimizer"
    for name, read in READS_SETTING.items() if isinstance(schedule(run), Term) else ():
        # The script may hand the warm-up of its arguments over to its own schedule.
        if set_by_hand(run.arguments.value(name)) and not read.search(run.source.text):
            yield f"{name}={plain(run.arguments.value(name))}", "a schedule"


def set_by_hand(value: Value) -> bool:
    return isinstance(value, (Known, Default)) and not from_library(value) and value.value not in (None, 0, 0.0)
