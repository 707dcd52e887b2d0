"""Checks the turns of a hand-written loop: which gradients each step sees, and how far the schedule gets."""

from __future__ import annotations

import re
from typing import Iterator

from ..interpret.core.operations import COUNTED
from ..interpret.core.recording import Call
from ..training_plan.facts import Arguments, Fact, TrainingPlan
from ..training_plan.values import Absent, Place, Term, Value
from . import hand_loop
from .api.arguments import Defect
from .api.imports import fact as listed
from .derive import plain
from .loop_schedule import NAMED, SCHEDULES
from .object_settings import last
from .run import Run
from .untrained import FORWARD, takes_model_loss

EVERY_NTH = re.compile(r"% (\d+)\)? == 0")
CLEARS = re.compile(r"\bzero_grad\b|\.grad\s?=\s?None|\bset_to_none\b|\bzero_\(|(?i:deepspeed)")
FAILED = re.compile(r"\bis(?:nan|inf|finite)\b|an exception that")  # conditions of a turn whose loss is given up
# How the conditions begin that say what a loop goes over.
LOOPS = (COUNTED, "which of several collections it is depends on ")
NO_GRADIENTS = re.compile(r"\b(?:no_grad|inference_mode)\(\s*\)")
# What counts batches although every turn calls step(): Accelerate under accumulate(), the engine of DeepSpeed.
COUNTS = re.compile(r"\.accumulate\(|\bno_sync\(|sync_gradients|(?i:deepspeed)")
STEPS_SCHEDULE = re.compile(r"(?i)sched\w{0,30}\.step\(")
BACKWARD = "accelerate.Accelerator.backward"
TAKES_OPTIMIZER = (*SCHEDULES, *NAMED, "prepare", "prepare_optimizer")  # and steps none
# Schedules that begin at a rate of 0 if they warm up.
WARMED_UP = re.compile(r"get_\w+_with_warmup|get_scheduler")


def read(run: Run, plan: TrainingPlan) -> None:
    """Fill in the facts on the steps of the optimizer and of the schedule."""
    arguments = plan.arguments
    if not hand_loop.trains(run):
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
        arguments.optimizer_steps = hand_loop.unread(run, "where it steps its optimizer")
        arguments.schedule_steps = hand_loop.unread(run, "where it steps its optimizer")
        return
    schedule = hand_loop.last_of(run, (*SCHEDULES, *NAMED))
    without = without_graph(turn) if takes_model_loss(run) else ()
    gradients = (*without, *cleared(run, turn), *clipped(turn), *stands_still(run, turn, schedule))
    found = [*gradients, *by_accelerate(run, turn)]
    arguments.optimizer_steps = listed(found, turn.at)
    arguments.schedule_steps = listed(list(scheduled(run, turn, schedule, arguments)), turn.at)
    if turn.unclear and not found and not accelerated(run):
        arguments.optimizer_steps = hand_loop.unread(run, "after how many batches the optimizer steps", turn.at)


class Turn:
    """The calls that one turn of the loop over the batches makes, each place once, in order."""

    def __init__(self, backward: Call, loop: tuple[str, ...], calls: list[Call], optimizer: Call) -> None:
        self.backward, self.loop, self.calls, self.optimizer = backward, loop, calls, optimizer
        self.steps = [call for call in calls if self.is_step(call)]
        self.later: list[Call] = []  # steps that follow the loop
        self.clears = [call for call in calls if last(call.callee) == "zero_grad"]

    @classmethod
    def of(cls, run: Run) -> Turn | None:
        """Return the turn of the script's only loop of batches, or None if that, or what it steps, is not certain."""
        optimizers = [c for c in run.calls if last(c.callee) in hand_loop.OPTIMIZERS and "(" not in c.callee]
        places = {id(call.place.node) for call in run.backward}
        if len(optimizers) != 1 or len(places) != 1:
            return None
        backward = run.backward[0]
        counted = [i for i, why in enumerate(backward.conditions) if why.startswith(LOOPS)]
        if not counted:
            return None
        loop = backward.conditions[: counted[-1] + 1]
        if optimizers[0].conditions[: len(loop)] == loop:  # each turn makes a new one
            return None
        inside = [c for c in run.calls if c.conditions[: len(loop)] == loop]
        turn = cls(backward, loop, list({id(c.place.node): c for c in reversed(inside)}.values())[::-1], optimizers[0])
        turn.calls.sort(key=lambda call: call.order)
        if not turn.steps:
            around = (c for c in run.calls if turn.is_step(c) and c.order > backward.order)
            turn.later = [
                c for c in around if len(c.conditions) < len(loop) and loop[: len(c.conditions)] == c.conditions
            ]
        return turn if turn.steps or turn.later else None

    @property
    def at(self) -> Place:
        return (*self.steps, *self.later)[0].place

    def is_step(self, call: Call) -> bool:
        """Return whether a call is `optimizer.step()` or `scaler.step(optimizer)`."""
        if last(call.callee) != "step":
            return False
        return call.receiver is self.optimizer.result or hands_on(self.optimizer, call)

    def decides(self, call: Call) -> tuple[str, ...]:
        """Return what decides whether a turn makes the call, beyond what decides its backward pass."""
        deciding = call.conditions[len(self.loop) :]
        before = self.backward.conditions[len(self.loop) :]
        return deciding[len(before) :] if deciding[: len(before)] == before else deciding

    @property
    def every(self) -> int:
        """The number of batches between two steps: 1 if each turn steps, 0 if it is not certain."""
        found = {self.nth(call) for call in self.steps}
        return found.pop() if len(found) == 1 else 0

    def nth(self, call: Call) -> int:
        """Return the n of a call that every nth turn makes; 1 for every turn, 0 if it is not certain."""
        deciding = [why for why in self.decides(call) if not FAILED.search(why)]
        if not deciding:
            return 1
        match = EVERY_NTH.search(deciding[0])
        return int(match[1]) if match and len(deciding) == 1 else 0

    @property
    def unclear(self) -> bool:
        """Whether it is not certain when the optimizer steps, nor that the gradients are cleared just then."""
        clears = {self.decides(call) for call in self.clears}
        return bool(self.steps) and self.every == 0 and not clears <= {self.decides(call) for call in self.steps}


def never_stepped(run: Run) -> Call | None:
    """Return the optimizer of a script that says `.step(` nowhere and hands it to nothing that may step it, or None."""
    optimizer = hand_loop.last_of(run, hand_loop.OPTIMIZERS)
    if optimizer is None or any(hands_on(optimizer, c) for c in run.calls if last(c.callee) not in TAKES_OPTIMIZER):
        return None
    steps = any(last(c.callee) == "step" for c in run.calls) or any(".step(" in text for text in hand_loop.texts(run))
    return None if steps else optimizer


def by_accelerate(run: Run, turn: Turn) -> Iterator[Defect]:
    """Yield an accumulation that nothing counts, and gradients that do not go through Accelerate."""
    accelerator = hand_loop.last_of(run, ("Accelerator",))
    number = plain(accelerator.get("gradient_accumulation_steps")) if accelerator is not None else None
    if accelerator is None or not any(last(c.callee) == "prepare" for c in run.calls):
        return
    several = isinstance(number, int) and number > 1
    place = accelerator.places.get("gradient_accumulation_steps", accelerator.place)
    if several and turn.every == 1 and not counts_by_itself(run):
        divided = f", with gradients divided by {number}" if turn.backward.callee == BACKWARD else ""
        text = (
            f"gradient_accumulation_steps={number} counts only under accelerator.accumulate(): each batch is a step"
            f"{divided}"
        )
        yield Defect("not accumulated", "gradient_accumulation_steps", place, text)
    elif several and turn.backward.callee.endswith(".loss.backward") and turn.every == 1:
        text = (
            f"the loss goes backward without accelerator.backward(), so nothing divides it by {number}: the gradients "
            f"of the batches are summed"
        )
        yield Defect("not divided", "backward", turn.backward.place, text)


def counts_by_itself(run: Run) -> bool:
    """Return whether something may count the batches of a step although every turn calls step()."""
    called = any(last(c.callee) in ("accumulate", "no_sync") for c in run.calls)
    return called or any(COUNTS.search(text) for text in hand_loop.texts(run))


def accelerated(run: Run) -> bool:
    """Return whether Accelerate wraps the optimizer, which then knows by itself when gradients are complete."""
    return any(last(c.callee) in ("accumulate", "GradientAccumulationPlugin") for c in run.calls) or any(
        "gradient_accumulation_steps" in c.arguments for c in run.calls if last(c.callee) == "Accelerator"
    )


def hands_on(made: Call, call: Call) -> bool:
    """Return whether an argument of a call is the object that another call made."""
    text = getattr(made.result, "text", None)
    return bool(text) and any(isinstance(v, Term) and v.text == text for v in call.arguments.values())


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
        if not any(CLEARS.search(text) for text in hand_loop.texts(run)):
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
        elif turn.every > 1 and not turn.decides(clear) and not accelerated(run):
            text = (
                f"zero_grad() runs for every batch and step() for every {turn.every}th: the gradients of the other "
                f"{turn.every - 1} are discarded; clear them after step()"
            )
            yield Defect("cleared too often", "zero_grad", clear.place, text)
        elif (
            turn.steps
            and turn.backward.order < clear.order < turn.steps[0].order
            and turn.decides(clear)
            in (
                (),
                turn.decides(turn.steps[0]),
            )
        ):
            text = "zero_grad() stands between backward() and step(): the step finds no gradients and trains nothing"
            yield Defect("cleared too early", "zero_grad", clear.place, text)


def clipped(turn: Turn) -> Iterator[Defect]:
    """Yield where gradients are clipped at a place where none of a step's gradients pass."""
    clips = [c for c in turn.calls if last(c.callee).startswith("clip_grad_")]
    if len(clips) != 1 or len(turn.steps) != 1:
        return
    (clip,), (step,) = clips, turn.steps
    emptied = any(c.order < clip.order and not turn.decides(c) for c in turn.clears)
    if clip.order > step.order > turn.backward.order or clip.order < turn.backward.order and emptied:
        where = "after step()" if clip.order > step.order else "before backward()"
        text = f"the gradients are clipped {where}: those of the step are not; clip them between backward() and step()"
        yield Defect("clipped", last(clip.callee), clip.place, text)


def stands_still(run: Run, turn: Turn, schedule: Call | None) -> Iterator[Defect]:
    """Yield a schedule that starts its warm-up at 0 and that nothing moves on."""
    if schedule is None or not WARMED_UP.fullmatch(last(schedule.callee)) or moved(run, turn, schedule):
        return
    warm = plain(schedule.get("num_warmup_steps", "$2" if last(schedule.callee) in NAMED else "$1"))
    if isinstance(warm, int) and warm > 0:
        text = "nothing calls step() of the schedule: its warm-up begins at 0, so the learning rate stays 0"
        yield Defect("stands still", "step", schedule.place, text)


def moved(run: Run, turn: Turn, schedule: Call) -> bool:
    """Return whether something may call the schedule's step(): the script, or what it is handed to."""
    return (
        any(last(c.callee) == "step" and not turn.is_step(c) for c in run.calls)
        or any(hands_on(schedule, call) for call in run.calls)
        or any(STEPS_SCHEDULE.search(text) for text in hand_loop.texts(run))
    )


def scheduled(run: Run, turn: Turn, schedule: Call | None, arguments: Arguments) -> Iterator[Defect]:
    """Yield where the schedule runs ahead of the optimizer, behind it, or before it."""
    total, kind = arguments.max_steps.value, str(plain(arguments.scheduler.value))
    made = schedule.result if schedule is not None else None
    steps = {id(c.place.node): c for c in reversed(run.calls) if c.receiver is made and last(c.callee) == "step"}
    if schedule is None or made is None:
        return
    if not steps:
        still = kind.startswith("constant") or any(stands_still(run, turn, schedule))
        if not still and not moved(run, turn, schedule):
            yield Defect(
                "never", "step", schedule.place, "nothing calls step() of the schedule: the rate stays constant"
            )
        return
    if len(steps) != 1 or len(turn.steps) != 1:
        return
    (moves,) = steps.values()
    if moves not in turn.calls:
        if counts(run, total) == "batches" and turn.loop[: len(moves.conditions)] == moves.conditions:
            text = (
                "the schedule has a step for every batch, and step() runs once an epoch: "
                "the rate hardly leaves its first value"
            )
            yield Defect("behind", "step", moves.place, text)
        return
    n, every = turn.nth(moves), turn.every
    if moves.order < turn.steps[0].order and n == every:
        text = "the schedule steps before the optimizer: its first learning rate is skipped; call its step() afterwards"
        yield Defect("before", "step", moves.place, text)
    if n == every > 1 and counts(run, total) == "batches" and not accelerated(run):
        text = (
            f"the schedule has a step for every batch, and step() runs for every {n}th: training ends after 1/{n} "
            f"of its course; divide its steps by {n}"
        )
        yield Defect("behind", "step", moves.place, text)
    if n == 1 < every and counts(run, total) == f"every {every}" and not accelerated(run):
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
