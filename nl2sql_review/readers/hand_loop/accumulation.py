"""Over how many batches a hand-written training loop accumulates gradients: what its optimizer's steps wait for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...interpret.core.objects import Opaque
from ...interpret.core.recording import Call, Condition
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Default, Known, Place, Value
from ..object_settings import last
from ..run import Run
from . import OPTIMIZERS, calls_of, enclosing_loops, innermost, is_step, last_of, texts, unread
from .turn import FAILED, Turn, calls_accumulate, may_count_batches

if TYPE_CHECKING:
    import libcst as cst

# `(i + 1) % 4 == 0`, also where the last turn counts: `… or i == len(loader) - 1`
EVERY_NTH = re.compile(
    r"\(*i(?: \+ 1)?\)* % (\d+)\)* == 0\)*(?: or \(*i(?: \+ 1)?\)* == \(*(?:len\((?:(?! or ).)*|\d+\)*))?"
)
COUNTER = re.compile(r"\b(\w+)(?: *\+ *1)?\)* *%[^%]*==")


def accumulation(run: Run) -> Fact:
    accelerator = last_of(run, ("Accelerator",))
    counted = calls_accumulate(run)
    value = accelerator.get("gradient_accumulation_steps") if accelerator is not None and counted else Absent()
    if accelerator is not None and not isinstance(value, Absent):
        at = accelerator.places.get("gradient_accumulation_steps", accelerator.place)
        return Fact(value, at=at, argument="gradient_accumulation_steps")
    if any("gradient_accumulation_plugin" in c.arguments for c in run.calls):
        return unread(run, "its accumulation")
    found = by_test(run) or each_batch(run)
    if found is not None:
        return found
    every_nth_turn = any("%" in condition for c in steps_of(run) for condition in c.conditions)
    if (
        every_nth_turn
        or not steps_beside(run)
        or any("accum" in t.lower() or any(map(counts_batches, t.split("\n"))) for t in texts(run))
    ):
        return unread(run, "over how many batches it accumulates")
    if accelerator is None:
        return Fact(Known(1), at=run.place, note="every batch is a step")
    note = "library default: Accelerator.gradient_accumulation_steps"
    return Fact(Known(1, (Place(accelerator.place.source, accelerator.place.node, note),)), at=accelerator.place)


def each_batch(run: Run) -> Fact | None:
    """Return 1 if the only optimizer surely steps for every batch: what else speaks of accumulation has no effect."""
    turn = Turn.of(run)
    if turn is None or turn.every != 1 or may_count_batches(run) or not steps_beside(run):
        return None
    step, turns = turn.steps[0], [c.turns[-1].number for c in run.backward if c.turns]
    if len(set(turns)) < len(turns):
        return None
    by = next((option for option in step.assumed if option not in turn.backward.assumed), "")
    trace = (step.place,)
    return Fact(Default(1, by, trace) if by else Known(1, trace), at=step.place, note="every batch is a step")


def steps_beside(run: Run) -> bool:
    """Return whether the optimizer's steps, if any is seen, run in the loops of the backward passes, not after them."""
    steps = {innermost(c) for c in steps_of(run)}
    return not steps or steps == {innermost(c) for c in run.backward}


def counts_batches(line: str) -> bool:
    """Return whether a line selects every nth batch: `if step % n == 0:`."""
    zero = re.search(r"==[ \t]*0", line.partition("%")[2])
    return zero is not None and ":" in zero.string[zero.end() :]


def steps_of(run: Run) -> list[Call]:
    """Return the calls that step an optimizer of the script."""
    optimizers = calls_of(run, OPTIMIZERS)
    return [c for c in run.calls if any(is_step(c, optimizer) for optimizer in optimizers)]


def by_test(run: Run) -> Fact | None:
    """Return the n of the test `(i + 1) % n == 0`, if the loop steps and clears its optimizer only where it holds."""
    around = {innermost(c) for c in run.backward}
    loop = around.pop() if len(around) == 1 else None
    steps = [c for c in steps_of(run) if innermost(c) is loop]
    clears = [c for c in run.calls if last(c.callee) == "zero_grad" and innermost(c) is loop]
    cleared = [c for c in clears if not any(FAILED.search(condition) for condition in c.conditions)]
    if loop is None or not steps or not cleared or not tests_turn(run.backward[0], loop):
        return None
    found = [next((one for one in c.conditions if every_nth(one)), None) for c in (*steps, *cleared)]
    numbers = {every_nth(one) for one in found if one is not None}
    if None in found or len(numbers) != 1:
        return None
    trace, number = (run.backward[0].place,), numbers.pop()
    by = next(filter(None, (overriding(one.test) for one in found if isinstance(one, Condition))), "")
    value = Default(number, by, trace) if by else Known(number, trace)
    at = next((c.place for c in steps if c.place.source is trace[0].source), steps[0].place)
    return Fact(value, at=at, note="the optimizer steps after as many batches")


def overriding(value: Value) -> str:
    """Return what may override a value of which a term is made, or ""."""
    if isinstance(value, Default):
        return value.overridden_by
    made = value.value if isinstance(value, Known) else None
    return next(filter(None, map(overriding, made.args)), "") if isinstance(made, Opaque) else ""


def every_nth(condition: str) -> int | None:
    """Return the n of a test that is true after every n turns of a loop, and perhaps after its last one."""
    found = EVERY_NTH.fullmatch(condition) if isinstance(condition, Condition) and condition.holds else None
    return int(found[1]) if found is not None and int(found[1]) > 0 else None


def tests_turn(backward: Call, loop: cst.CSTNode) -> bool:
    """Return whether a loop tests the variable that counts its turns so, and not that of a loop around it."""
    import libcst as cst

    from ...source.syntax import walk

    source, outer = backward.place.source, [one for one in enclosing_loops(backward) if one is not loop]
    mine, others = targets([loop]), targets(outer)
    tests = [source.segment(n.test) for n in walk(loop) if isinstance(n, cst.If)]
    names = {name for test in tests for name in COUNTER.findall(test)}
    return bool(names & mine) and not names & others - mine


def targets(loops: list[cst.CSTNode]) -> set[str]:
    """Return the names of the variables that loops set in each of their turns."""
    import libcst as cst

    from ...source.syntax import walk

    found = [n for loop in loops if isinstance(loop, cst.For) for n in walk(loop.target)]
    return {n.value for n in found if isinstance(n, cst.Name)}
