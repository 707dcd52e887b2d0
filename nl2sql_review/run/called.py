"""Modules of a project that train in functions: what is read of the scripts that call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..files import disk
from ..interpret.core.recording import Recording
from ..interpret.program import starts_training
from ..judgement.wording import places
from ..readers.object_settings import last
from ..readers.run import ADAPTERS, CONFIGS, is_trainer
from ..source import Source
from ..training_plan.facts import TrainingPlan

if TYPE_CHECKING:
    from .reading import Reading

MOST = 4  # runs of callers
STEPS, SHARE = 45_000, 30_000  # of the interpretation of all callers and of each: together about a second


def awaits_callers(recording: Recording) -> bool:
    """Return whether a script starts no training itself, and makes what trains in functions that nobody calls here.

    Whether a value depends on the callers does not matter: the review would change with every parameter.
    """
    if any(call.reached and starts_training(call.callee) for call in recording.calls):
        return False
    made = (call for call in recording.calls if is_trainer(call) or last(call.callee) in (*ADAPTERS, *CONFIGS))
    return any(not call.reached for call in made)


def replace(made: Reading, readings: Iterator[Reading]) -> None:
    """Replace what was read of a module by what it does in the scripts that call it, if there are any.

    `readings` are those of the scripts, of which no more are made than the limits allow.
    """
    module = made.source
    recordings: list[Recording] = []
    plans: list[TrainingPlan] = []
    for reading in readings:
        if taken := _taken(reading, module):
            recordings.append(reading.recording)
            plans += taken
        if len(recordings) == MOST:
            break
    if plans:
        _keep_uncalled(made.recording, recordings)
        left = _left(made.plans, plans)
        made.recordings = [*recordings, *(made.recordings if left else ())]
        made.plans = [*plans, *left]


def _taken(reading: Reading, module: Source) -> list[TrainingPlan]:
    """Return the plans of a script in which a module has a part, marked as such; none if it never runs its calls.

    All of a plan is the module's if it constructs the trainer, otherwise only the facts that it decides.
    """
    recording, caller = reading.recording, reading.source.path
    if recording.exhausted or not any(call.reached and call.place.source is module for call in recording.calls):
        return []
    recording.run = recording.run or f"python {caller}"
    recording.files_read.insert(0, disk.real(caller))
    made = []
    for plan in reading.plans:
        whole = plan.trained and plan.place is not None and plan.place.source is module
        if whole or any(place.source is module for _, fact in plan.facts() for place in places(fact)):
            plan.run, plan.part_of = recording.run, "" if whole else caller
            plan.notes = (*plan.notes, f"reviewed as {caller} runs it")
            made.append(plan)
    return made


def _keep_uncalled(own: Recording, recordings: list[Recording]) -> None:
    """Add the calls of a module that no script makes to the first recording, as those that another program may make."""
    first, made = recordings[0], {id(call.place.node) for one in recordings for call in one.every()}
    end = max(call.order for one in recordings for call in one.every())
    for call in own.every():
        if id(call.place.node) not in made:
            call.order += end + 1
            first.alternatives.append(call)


def _left(plans: Iterable[TrainingPlan], taken: Iterable[TrainingPlan]) -> list[TrainingPlan]:
    """Return the plans of a module whose trainers no caller constructs."""
    met = [plan.place.node for plan in taken if plan.trained and plan.place is not None]
    return [plan for plan in plans if plan.trained and plan.place is not None and plan.place.node not in met]
