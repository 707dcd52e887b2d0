"""Fixers that a rule's head may name: each makes the candidates for a task, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...readers.derive import plain
from ..candidate import Candidate
from ..context import Task, setting, wanted
from . import api, arguments, checkpointing, configuration, dataset, lora, memory, prompt


def set_value(task: Task) -> Iterator[Candidate]:
    """Set the value that a rule names: at its origin, else at the call it arrives at, else as a new argument."""
    for value in wanted(task.expected, plain(task.fact.value), task.plan):
        yield from setting(task, task.name, task.fact, value)


FIXERS: dict[str, Callable[[Task], Iterator[Candidate]]] = {
    "set": set_value,
    "set the accumulation": arguments.balanced,
    "set the batch": arguments.factor,
    "set the lengths": memory.lengths,
    "set the precision": arguments.precision,
    "set the save strategy": checkpointing.saved,
    "set the seed of the run": dataset.seeded,
    "set the target modules": lora.known_modules,
    "set the warm-up": arguments.warmup,
    "append the end": prompt.ended,
    "cut": dataset.cut,
    "find the newest": checkpointing.newest,
    "import": dataset.names_imported,
    "import anew": api.reimported,
    "import first": api.imported_first,
    "log the memory": memory.logged,
    "make the class": api.reclassed,
    "mark": prompt.remarked,
    "mask": prompt.masked,
    "move": api.moved,
    "normalise": dataset.normalised,
    "quantize": lora.quantized,
    "read by all names": dataset.fallbacks,
    "remove": lora.removed,
    "remove one": api.without,
    "rename": api.renamed,
}


# Fixers that edit configurations themselves; for any other, the key of the fact is set or added there.
IN_CONFIGURATIONS = ("set the accumulation", "set the batch", "set the target modules")


def candidates(task: Task) -> Iterator[Candidate]:
    """Yield the candidates of the fixer that the rule names for a fact, the best first; none if it names none."""
    fixer = task.failed_fact.rule.head.fixer(task.name)
    if fixer and task.source.kind == "configuration" and fixer not in IN_CONFIGURATIONS:
        yield from configuration.candidates(task)
    elif fixer:
        yield from FIXERS[fixer](task)
