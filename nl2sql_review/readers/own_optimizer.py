"""The optimizer and the schedule that a script makes itself and hands to its trainer."""

from __future__ import annotations

from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.facts import Arguments, Fact
from ..training_plan.values import Absent, Default, Known, Term, Unknown, Value, same
from .derive import contents, plain
from .hand_loop import schedule as of_a_loop
from .object_settings import from_library, last
from .run import Run

OF_THE_OPTIMIZER = (("learning_rate", "lr"), ("weight_decay", "weight_decay"))
OF_THE_SCHEDULE = ("lr_scheduler_type", "warmup_steps", "warmup_ratio")


def maker(run: Run) -> Call | None:
    """Return the call that makes the optimizer that the trainer is given."""
    given = run.trainer.get("optimizers") if run.trainer is not None else Absent()
    both = contents(given)
    if not isinstance(both, (list, tuple)) or len(both) != 2 or not isinstance(both[0], Term):
        return None
    made = (c for c in run.calls if "optim" in c.callee and getattr(c.result, "text", "") == both[0].text)
    return next((c for c in made if last(c.callee)[:1].isupper()), None)


def schedule(run: Run) -> Value | None:
    """Return the schedule that the trainer is given, with the optimizer or alone; None where the trainer makes it."""
    given = run.trainer.get("optimizers") if run.trainer is not None else Absent()
    both = contents(given)
    found = both[1] if isinstance(both, (list, tuple)) and len(both) == 2 else given
    return found if isinstance(found, (Term, Unknown)) else None


def follow_schedule(run: Run, part: Arguments) -> None:
    """Read the schedule, its warm-up and its steps from what the trainer is given instead of training arguments."""
    given = schedule(run)
    if given is None or run.trainer is None:
        return
    if (call := of_a_loop.maker(run, given)) is not None:
        of_a_loop.of_call(run, part, call)
    else:
        at = run.trainer.places.get("optimizers", run.trainer.place)
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
    for name in OF_THE_SCHEDULE if isinstance(schedule(run), Term) else ():
        if set_by_hand(run.arguments.value(name)):
            yield f"{name}={plain(run.arguments.value(name))}", "a schedule"


def set_by_hand(value: Value) -> bool:
    return isinstance(value, (Known, Default)) and not from_library(value) and value.value not in (None, 0, 0.0)
