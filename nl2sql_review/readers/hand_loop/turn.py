"""One turn of a hand-written training loop: what it calls for each batch, and how often it steps its optimizer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ...interpret.core.operations import COUNTED, GENERATED
from ...interpret.core.recording import Call, Choice
from ...training_plan.values import Place
from ..object_settings import last
from ..run import Run
from . import OPTIMIZERS, calls_of, is_step, texts

# A test of any counter, the loop's own or one over all epochs: what is found by it is said of two calls in one turn.
ANY_COUNTER = re.compile(r"% (\d+)\)? == 0")

ACCUMULATE = re.compile(r"(?<!itertools)\.accumulate\(")
# What else counts batches although every turn calls step(): code of the script, the engine of DeepSpeed.
COUNTS = re.compile(r"\bno_sync\(|sync_gradients|(?i:deepspeed)")

# Beside step(): what a turn does to the gradients.
CHANGES_GRADIENTS = ("zero_grad", "clip_grad_norm_", "clip_grad_value_")
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
            return cls.of_each(run, optimizer, backward)
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

    @classmethod
    def of_each(cls, run: Run, optimizer: Call, backward: Call) -> Turn | None:
        """Return the turn of a loop whose every turn is run, if all of them make the same calls under no condition."""
        passes = [c for c in run.backward if c.place.node is backward.place.node]
        turns: dict[tuple[object, ...], list[Call]] = {c.turns: [] for c in passes}
        for call in run.calls:
            inside = next((turn for turn in turns if turn and call.turns[: len(turn)] == turn), None)
            if inside is not None:
                turns[inside].append(call)
        calls = turns[backward.turns]
        steps = [c for c in calls if is_step(c, optimizer)]
        if len(turns) < 2 or len(turns) < len(passes) or optimizer in calls or len(steps) != 1:
            return None
        names = ("step", *CHANGES_GRADIENTS)
        told = [[c for c in made if c in passes or last(c.callee) in names] for made in turns.values()]
        alike = all([c.place.node for c in made] == [c.place.node for c in told[0]] for made in told)
        stepped = sum(is_step(c, optimizer) for c in run.calls)
        if not alike or stepped != len(turns) or any(c.conditions for made in told for c in made):
            return None
        return cls(backward, optimizer, (), calls, steps, [])

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

    The two branches of an `if` are one place, such as those with a `GradScaler` and without, and so are the functions
    that one call in the script may call: the first stands for all, and what chooses between them does not decide it.
    """
    found: dict[int, Call] = {}
    for call in calls:
        found.setdefault(id(call.place.node), call)
    first, *others = found.values() or (None,)
    if first is None or not others:
        return first
    if not first.conditions or any(one.conditions != first.conditions for one in others):
        return None
    branches = len(others) == 1 and are_branches(first, others[0])
    return replace(first, conditions=first.conditions[:-1]) if branches or are_options([first, *others]) else None


def are_options(calls: list[Call]) -> bool:
    """Return whether calls are what each of the functions does that one call in the script may call."""
    chosen = [call.conditions[-1] for call in calls]
    options = [one.options for one in chosen if isinstance(one, Choice)]
    together = len({id(one) for one in chosen}) == len(options) == len(calls) and len({*map(id, options)}) == 1
    return together and len(options[0]) == len(calls)


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


def calls_accumulate(run: Run) -> bool:
    """Return whether the loop names `accumulate()`, under which alone Accelerate counts batches.

    The optimizer that it prepared then knows by itself when gradients are complete: its step() and zero_grad(), and a
    schedule's step(), do nothing before.
    """
    called = any(last(c.callee) == "accumulate" and "itertools" not in c.callee for c in run.calls)
    return called or any(ACCUMULATE.search(text) for text in texts(run))


def may_count_batches(run: Run) -> bool:
    """Return whether something may count the batches of a step although every turn calls step()."""
    called = any(last(c.callee) == "no_sync" for c in run.calls)
    return called or calls_accumulate(run) or any(COUNTS.search(text) for text in texts(run))
