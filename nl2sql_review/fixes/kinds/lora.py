"""Fixes of the adapter and of how the base model is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ...readers.derive import plain
from ...readers.lora import default_modules
from ...training_plan.values import Known
from .. import places
from ..context import Task, setting, wanted
from ..edits import python
from ..proof import Candidate

QUANTIZED = ("lora.load_in_4bit", "lora.quantized_by")
CONFIG = "BitsAndBytesConfig"
MODULES = "lora.target_modules"


def quantized(task: Task) -> Iterator[Candidate]:
    """4 bit by the argument there is for it, else by a BitsAndBytesConfig given to the loader.

    Only below an adapter, as quantised weights cannot be trained, and where nothing else quantises.
    """
    if not _adapted(task):
        return
    fact = task.plan["lora.load_in_4bit"]
    by = plain(task.plan["lora.quantized_by"].value)
    if fact.argument and by != "rejected":
        yield from setting(task, task.name, fact, True, QUANTIZED)
    call = task.run.load.call
    if call is None or not call.callee.startswith("transformers.") or call.place.source is not task.source:
        return
    found = python.imported(task.source, "transformers", CONFIG)
    node = call.place.node
    if found is None or not isinstance(node, cst.Call) or "quantization_config" in call.arguments:
        return
    edits, name = found
    place = call.places.get("load_in_4bit")
    text = f"quantization_config={name}(load_in_4bit=True)"
    names = ("load_in_4bit", "quantization_config")
    if place is None:
        made = (*edits, *python.added(task.source, node, text))
    elif isinstance(place.node, cst.Arg) and not place.node.star:
        made = (*edits, python.replaced(task.source, place.node, text))
    else:
        return
    yield Candidate(f"load the model with {CONFIG}(load_in_4bit=True)", made, QUANTIZED, names, (CONFIG,))


def _adapted(task: Task) -> bool:
    """Whether the model that is loaded is certain to get an adapter, and is loaded for that alone, in no 8 bit."""
    load, adapter = task.run.load.call, task.run.adapter_call
    if adapter is None and task.run.trainer is None:  # only a loader, and Unsloth's are made for adapters
        return load is not None and load.callee.startswith("unsloth.")
    if adapter is None or not adapter.certain or not isinstance(task.plan["lora.adapter"].value, Known):
        return False
    if load is None:
        return True
    loads = [call for call in task.examined.recording.calls if call.place.node is load.place.node]
    return len(loads) == 1 and plain(load.get("load_in_8bit")) in (None, False)


def known_modules(task: Task) -> Iterator[Candidate]:
    """The projections a rule asks for, without the names that no model has."""
    fact = task.plan[MODULES]
    wrong = plain(task.plan["lora.unmatched_modules"].value) or []
    named = plain(fact.value)
    kept = (
        [n for n in named if n not in wrong]
        if isinstance(named, (list, tuple)) and not default_modules(fact.value)
        else []
    )
    facts = (MODULES, "lora.unmatched_modules")
    for modules in wanted(task.expectation(MODULES), kept, task.plan):
        yield from setting(task, MODULES, fact, modules, facts, ("target_modules",))
        return


def removed(task: Task) -> Iterator[Candidate]:
    """The call without the argument."""
    place = places.argument(task.fact)
    if place is None or place.node.star:
        return
    call = python.call_of(place.source, place.node)
    if call is not None:
        edit = python.removed(place.source, call, place.node)
        name = place.node.keyword.value if place.node.keyword is not None else "it"
        yield Candidate(f"remove {name}", (edit,), (task.name,), (name,))
