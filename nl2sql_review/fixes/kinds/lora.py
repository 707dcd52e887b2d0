"""Fixes of the adapter and of the call that loads the base model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

import libcst as cst

from ...gpu_memory.architectures import Architecture, find
from ...readers.derive import plain
from ...readers.object_settings import from_library
from ...training_plan.values import Default, Known, options
from .. import places
from ..candidate import Candidate
from ..context import Task, setting, wanted
from ..edits import imports, python
from . import configuration

QUANTIZED = ("lora.load_in_4bit", "lora.quantized_by")
CONFIG = "BitsAndBytesConfig"
MODULES = "lora.target_modules"
MERGES = ("merge_and_unload", "merge_adapter")


def quantized(task: Task) -> Iterator[Candidate]:
    """Load in 4 bit by the argument for it, else by a BitsAndBytesConfig passed to the loader.

    Only under an adapter, because quantized weights cannot be trained, and only if nothing else quantizes.
    """
    if why := _whole(task):
        task.reasons.append(why)
        return
    fact = task.plan["lora.load_in_4bit"]
    by = plain(task.plan["lora.quantized_by"].value)
    if fact.argument and by != "rejected":
        yield from setting(task, task.name, fact, True, QUANTIZED)
    call = task.run.load.call
    if call is None or not call.callee.startswith("transformers.") or call.place.source is not task.source:
        return
    node = call.place.node
    if call.more_by:
        task.reasons.append(f"{call.more_by} may give the loader its own quantization_config")
        return
    found = imports.imported(task.source, "transformers", CONFIG, node)
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


def _whole(task: Task) -> str:
    """Return why the loaded weights should not be quantized, or "" if certainly only an adapter is trained on them."""
    load, adapter = task.run.load.call, task.run.adapter_call
    if adapter is None and task.run.trainer is None:  # only a loader, and Unsloth's are made for adapters
        alone = load is not None and load.callee.startswith("unsloth.")
        return "" if alone else "there is no adapter, and 4-bit weights cannot be trained"
    if adapter is None or not adapter.certain or not isinstance(task.plan["lora.adapter"].value, Known):
        return "it is not certain that an adapter is added, and 4-bit weights cannot be trained"
    if load is None:
        return ""
    calls = task.examined.recorded.calls
    if sum(call.place.node is load.place.node for call in calls) != 1:
        return "this call loads a model more than once, perhaps not only for training"
    if plain(load.get("load_in_8bit")) not in (None, False):
        return "the model is loaded in 8 bit"
    if not load.callee.startswith("unsloth.") and any(c.callee.endswith(MERGES) for c in calls):
        return "the adapter is merged into the loaded weights, and 4 bit would round it away"
    return ""


def known_modules(task: Task) -> Iterator[Candidate]:
    """Replace module names that no model has by those that were meant, else by the projections of the rule.

    The projections are used only if the architecture is known, and under its names.
    """
    fact = task.plan[MODULES]
    wrong = plain(task.plan["lora.unmatched_modules"].value) or []
    named = plain(fact.value)
    chosen = isinstance(named, (list, tuple)) and not from_library(fact.value)
    kept = [n for n in named if n not in wrong] if chosen else []
    projections = next(wanted(task.expectation(MODULES), [], task.plan), None)
    if wrong and isinstance(projections, list) and chosen:
        meant = [close for name in wrong for close in get_close_matches(name, projections, 1, 0.6)]
        modules = list(dict.fromkeys([*kept, *meant]))
        yield from _name(task, modules)
    architecture = _architecture(task)
    if architecture is None:
        task.reasons.append("the model's architecture is unknown, and so are the names of its layers")
        return
    for modules in wanted(task.expectation(MODULES), kept, task.plan):
        other = modules if set(modules) <= _layers(task, architecture) | set(kept) else "all-linear"
        yield from (replace(candidate, chooses=True) for candidate in _name(task, other))
        return


def _name(task: Task, modules: object) -> Iterator[Candidate]:
    """Set the modules, in a script or in a configuration."""
    fact, facts = task.plan[MODULES], (MODULES, "lora.unmatched_modules")
    if task.source.kind == "configuration":
        yield from configuration.settings(task, MODULES, fact, [modules], facts)
    else:
        yield from setting(task, MODULES, fact, modules, facts, ("target_modules",))


def _layers(task: Task, architecture: Architecture) -> set[str]:
    """Return the layer names of an architecture: Phi-3 and Phi-4 fuse several layers, which Unsloth splits."""
    adapter = task.run.adapter_call
    apart = adapter is not None and adapter.callee.startswith("unsloth.")
    if architecture.name.startswith(("phi-3", "phi-4")) and not apart:
        return {"o_proj", "down_proj", *architecture.fused}
    return set() if not architecture.gated else set(architecture.modules)


def _architecture(task: Task) -> Architecture | None:
    """Return the architecture that the model's name implies."""
    names = [
        option.value for option in options(task.plan["lora.model_name"].value) if isinstance(option, (Known, Default))
    ]
    found = {found for name in names if isinstance(name, str) and isinstance(found := find(name), Architecture)}
    return found.pop() if len(found) == 1 and names else None


def removed(task: Task) -> Iterator[Candidate]:
    """Remove the argument from the call."""
    place = places.argument(task.fact)
    if place is None or place.node.star:
        return
    call = python.call_of(place.source, place.node)
    if call is not None:
        edit = python.removed(place.source, place.node)
        name = place.node.keyword.value if place.node.keyword is not None else "it"
        yield Candidate(f"remove {name}", (edit,), (task.name,), (name,))
