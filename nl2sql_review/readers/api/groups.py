"""Checks that the batches of GRPO hold whole groups of completions."""

from __future__ import annotations

from math import prod
from typing import Iterator

from ...libraries.versions import key_of
from ...training_plan.values import Default, Known, Value
from .. import launcher
from ..derive import numeric
from ..run import Run
from .arguments import Defect, Judging, assumed_since

REFUSED_SINCE = "0.18.0"  # of trl
CARDS = (2, 4, 8)  # as many processes as a launcher may start


def torn(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield a number of generations of which the batch holds no whole number; Unsloth raises its batch to fit."""
    given = run.arguments
    if given.callee != "trl.GRPOConfig" or given.unknown or judging.patched or len(given.makers) != 1:
        return
    if not judging.versions.all(lambda installed: key_of(installed["trl"]) >= key_of(REFUSED_SINCE), "trl"):
        return
    size = given.fact("num_generations").value
    found = launcher.processes(run)
    processes = Known(run.processes) if run.processes else found.value if found else Default(1, "the launcher")
    batch, whole = given.fact("per_device_train_batch_size").value, given.value("generation_batch_size")
    steps, accumulation = given.value("steps_per_generation"), given.fact("gradient_accumulation_steps").value
    factors = [whole] if numeric(whole) else [batch, steps if numeric(steps) else accumulation, processes]
    numbers, group = [numeric(one) for one in factors], numeric(size)
    if not all(isinstance(number, int) and number > 0 for number in (group, *numbers)):
        return
    made = prod(filter(None, numbers))
    if group is None or made % group == 0 or open_number(run, processes) and any(made * n % group == 0 for n in CARDS):
        return
    product = f" ({' × '.join(map(str, numbers))})" if len(numbers) > 1 else ""
    alone = "in one process, " if isinstance(processes, Default) and len(factors) > 1 else ""
    text = f"{alone}a batch of {made}{product} holds no whole number of groups of {group} completions: ValueError"
    remedy = f"make per_device_train_batch_size × gradient_accumulation_steps × processes a multiple of {group}"
    by = next((one.overridden_by for one in (*factors, size) if isinstance(one, Default)), "")
    at, guess = given.where("num_generations"), assumed_since(judging.versions["trl"], REFUSED_SINCE)
    # Named after no argument: leaving one out would be another choice, and no fix.
    yield Defect("conflict", "groups", at, text, assumed=guess, remedy=remedy, overridden_by=by)


def open_number(run: Run, processes: Value) -> bool:
    """Return whether a launcher that nobody stated may start several processes; a notebook is one."""
    return isinstance(processes, Default) and run.source.kind != "notebook"
