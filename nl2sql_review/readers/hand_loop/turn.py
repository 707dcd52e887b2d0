"""One turn of a hand-written training loop: what it calls for each batch, and how often it steps its optimizer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ...interpret.core.operations import COUNTED, GENERATED
from ...interpret.core.recording import Call
from ...training_plan.values import Place
from ..object_settings import last
from ..run import Run
from . import OPTIMIZERS, calls_of, is_step, texts

# A test of any counter, the loop's own or one over all epochs: what is found by it is said of two calls in one turn.
ANY_COUNTER = re.compile(r"% (\d+)\)? == 0")

# What counts batches although every turn calls step(): Accelerate under accumulate(), the engine of DeepSpeed.
COUNTS = re.compile(r"\.accumulate\(|\bno_sync\(|sync_gradients|(?i:deepspeed)")


FAILED = re.compile(r"\bis(?:nan|inf|finite)\b|an exception that")  # conditions of a turn whose loss is given up
# How the conditions begin that say what a loop goes over.
LOOPS = (COUNTED, GENERATED, "which of several collections it is depends on ")


@dataclass(slots=True)
class Turn:
    """The calls that one turn of the loop over the batches makes, each place once, in order.

    `loop` are the conditions under which the loop runs; `later` the steps that follow it, if no turn steps.
    """

    backward: Call
    optimizer: Call
    loop: tuple[str, ...]
    calls: list[Call]
    steps: list[Call]
    later: list[Call]

    @classmethod
    def of(cls, run: Run) -> Turn | None:
        """Return the turn of the script's only loop of batches, or None if that, or what it steps, is not certain."""
        optimizers = calls_of(run, OPTIMIZERS)
        backward = alone(run.backward)
        if len(optimizers) != 1 or backward is None:
            return None
        optimizer = optimizers[0]
        counted = [i for i, why in enumerate(backward.conditions) if why.startswith(LOOPS)]
        if not counted:
            return None
        loop = backward.conditions[: counted[-1] + 1]
        if optimizer.conditions[: len(loop)] == loop:  # each turn makes a new one
            return None
        inside = [c for c in run.calls if c.conditions[: len(loop)] == loop]
        calls = sorted({id(c.place.node): c for c in reversed(inside)}.values(), key=lambda call: call.order)
        steps = [c for c in calls if is_step(c, optimizer)]
        behind = [c for c in run.calls if is_step(c, optimizer) and c.order > backward.order] if not steps else []
        outer = [loop[:depth] for depth in range(len(loop))]
        later = [c for c in behind if c.conditions in outer]
        one = alone(steps)
        turn = cls(backward, optimizer, loop, calls, [one] if one is not None else steps, later)
        if backward is not run.backward[0] and (len(turn.steps) != 1 or len(turn.clears) > 1 or len(turn.clips) > 1):
            return None  # the branches may differ in them
        return turn if steps or later else None

    @property
    def clears(self) -> list[Call]:
        """The calls that clear the gradients."""
        return [call for call in self.calls if last(call.callee) == "zero_grad"]

    @property
    def clips(self) -> list[Call]:
        """The calls that clip the gradients."""
        return [call for call in self.calls if last(call.callee).startswith("clip_grad_")]

    @property
    def at(self) -> Place:
        """The place of the first step."""
        return (*self.steps, *self.later)[0].place

    def decides(self, call: Call) -> tuple[str, ...]:
        """Return what decides whether a turn makes the call, beyond what decides its backward pass."""
        deciding = call.conditions[len(self.loop) :]
        before = self.backward.conditions[len(self.loop) :]
        return deciding[len(before) :] if deciding[: len(before)] == before else deciding

    def clears_before_step(self, clear: Call) -> bool:
        """Return whether a call clears the gradients after the backward pass of each step, and before the step."""
        if not self.steps or not self.backward.order < clear.order < self.steps[0].order:
            return False
        return self.decides(clear) in ((), self.decides(self.steps[0]))

    @property
    def every(self) -> int:
        """The number of batches between two steps: 1 if each turn steps, 0 if it is not certain."""
        found = {self.nth(call) for call in self.steps}
        return found.pop() if len(found) == 1 else 0

    @property
    def unclear(self) -> bool:
        """Whether it is not certain when the optimizer steps, nor that the gradients are cleared just then."""
        clears = {self.decides(call) for call in self.clears}
        return bool(self.steps) and self.every == 0 and not clears <= {self.decides(call) for call in self.steps}

    def nth(self, call: Call) -> int:
        """Return the n of a call that every nth turn makes; 1 for every turn, 0 if it is not certain."""
        deciding = [why for why in self.decides(call) if not FAILED.search(why)]
        if not deciding:
            return 1
        match = ANY_COUNTER.search(deciding[0])
        return int(match[1]) if match and len(deciding) == 1 else 0


def alone(calls: list[Call]) -> Call | None:
    """Return the call that is made at one place; None if there is none, or several.

    The two branches of an `if` are one place, such as those with a `GradScaler` and without: the first call stands for
    both, and what chooses between them does not decide it.
    """
    found: dict[int, Call] = {}
    for call in calls:
        found.setdefault(id(call.place.node), call)
    first, *others = found.values() or (None,)
    if first is None or not others:
        return first
    if len(others) > 1 or not first.conditions or first.conditions != others[0].conditions:
        return None
    return replace(first, conditions=first.conditions[:-1]) if are_branches(first, others[0]) else None


def are_branches(one: Call, other: Call) -> bool:
    """Return whether two calls stand in the two branches of one `if`, where nothing else decides them."""
    import libcst as cst

    source = one.place.source
    if source is not other.place.source:
        return False
    paths = [source.nodes.path(call.place.node) for call in (one, other)]
    shared = sum(first is second for first, second in zip(*paths))
    decides = (cst.If, cst.IfExp, cst.For, cst.While, cst.Try, cst.FunctionDef, cst.Lambda)
    inside = (node for path in paths for node in path[shared:])
    return shared > 0 and isinstance(paths[0][shared - 1], cst.If) and not any(isinstance(n, decides) for n in inside)


def counts_by_itself(run: Run) -> bool:
    """Return whether something may count the batches of a step although every turn calls step()."""
    called = any(last(c.callee) in ("accumulate", "no_sync") for c in run.calls)
    return called or any(COUNTS.search(text) for text in texts(run))


def accelerated(run: Run) -> bool:
    """Return whether Accelerate wraps the optimizer, which then knows by itself when gradients are complete."""
    return any(last(c.callee) in ("accumulate", "GradientAccumulationPlugin") for c in run.calls) or any(
        "gradient_accumulation_steps" in c.arguments for c in run.calls if last(c.callee) == "Accelerator"
    )
