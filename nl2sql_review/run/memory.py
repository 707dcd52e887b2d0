"""Estimates the GPU memory of a script or a model, for `nl2sql-review memory`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Mapping

from ..files import disk
from ..files.limits import SIZE_LIMIT
from ..gpu_memory import architectures, cards, from_plan
from ..gpu_memory.estimate import estimate
from ..gpu_memory.setup import Setup
from ..gpu_memory.summary import MemoryReport, Summary, summarize, without
from ..policy import settings
from ..policy.active_rules import active_rulebook
from ..policy.rulebook import Rulebook
from ..training_plan.facts import TrainingPlan
from ..training_plan.values import Default, Known
from . import reviewer
from .options import Options


def of_script(
    path: str,
    gpu: str | None,
    changes: Mapping[str, Any],
    *,
    name: str,
    options: Options,
) -> MemoryReport:
    """Estimate the GPU memory of the runs of a script; `changes` are fields of Setup that replace its values.

    Raises SettingsError, UnknownCard, OSError, SourceError, NotAConfiguration.
    """
    return of_plans(reviewer.plan(path, options).plans, gpu, changes, name)


def of_plans(plans: Iterable[TrainingPlan], gpu: str | None, changes: Mapping[str, Any], name: str) -> MemoryReport:
    """Estimate the GPU memory of the runs of plans that were read from `name`. Raises UnknownCard."""
    made = []
    for plan in plans:
        card = _card(gpu, plan)
        model = plan.lora.model_name.value
        called = model.value if isinstance(model, (Known, Default)) and isinstance(model.value, str) else ""
        made.append(_of_plan(plan, card, called, changes))
    return MemoryReport(path=name, runs=tuple(dict.fromkeys(made)))


def _card(gpu: str | None, plan: TrainingPlan) -> cards.Card | None:
    """Return the card from the command line, else the one in the settings or in a comment of the script."""
    said = gpu or (plan.memory.gpu.value.value if isinstance(plan.memory.gpu.value, Known) else None)
    return cards.find(said) if said else None


def _of_plan(plan: TrainingPlan, card: cards.Card | None, model: str, changes: Mapping[str, Any]) -> Summary:
    """Return the summary of the possible setup of a run that needs most memory."""
    try:
        setups = from_plan.runs(plan, **changes).setups
    except from_plan.NoEstimate as error:
        return without(error, card)
    return summarize(max(setups, key=lambda setup: estimate(setup).high), card, model)


def of_model(name: str, gpu: str | None, changes: Mapping[str, Any], book: Rulebook) -> MemoryReport:
    """Estimate a model (name or directory), trained by the rules, with `changes`. Raises UnknownCard, OSError."""
    card = cards.find(gpu) if gpu else None
    config = os.path.join(name, "config.json")
    if os.path.isfile(config):
        found = architectures.from_json(disk.whole(config, SIZE_LIMIT), name)
    else:
        found = architectures.find(name)
    if isinstance(found, architectures.Architecture):
        bits = {"bits": 16} if changes.get("rank") == 0 else {}  # quantized weights cannot be trained
        setup = Setup(found, **{**policy(book), **bits, **changes})
        setup = setup.but(dynamic=setup.unsloth and setup.bits == 4 and architectures.is_dynamic(name))
        try:
            from_plan.covered(setup)
        except from_plan.NoEstimate as refusal:
            return MemoryReport(runs=(without(refusal, card),))
        return MemoryReport(runs=(summarize(setup, card, name),))
    if isinstance(found, architectures.SizeOnly):
        said = f"{found.name} is known only by its size: its weights can be estimated, a run cannot"
        error = from_plan.NoEstimate(said, (found.name, found.parameters, changes.get("bits", 4)))
    else:
        error = from_plan.NoEstimate(found.reason)
    return MemoryReport(runs=(without(error, card),))


def policy(book: Rulebook) -> dict[str, Any]:
    """Return the rank, length and batch that the rules require: those of the team, if it changed a rule."""

    def expected(rule: str, fact: str) -> Any:
        head = book.rules[rule].head if rule in book.rules else None
        expectation = dict(head.expectations).get(fact) if head else None
        if expectation is None:
            return None
        return expectation.equals if expectation.equals is not None else (expectation.one_of or (None,))[0]

    made = {
        "rank": expected("lora/rank", "lora.r"),
        "length": expected("memory/sequence-length", "memory.sequence_length"),
    }
    effective = expected("arguments/effective-batch", "arguments.effective_batch")
    accumulation = expected("arguments/gradient-accumulation", "arguments.gradient_accumulation")
    if isinstance(effective, int) and isinstance(accumulation, int) and accumulation:
        made["batch"] = max(effective // accumulation, 1)
    return {name: value for name, value in made.items() if isinstance(value, int)}


def book(directory: str, options: Options) -> Rulebook:
    """Return the rules as the settings for `directory` configure them. Raises SettingsError, RulebookError."""
    chosen = settings.load(directory, config=options.config, isolated=options.isolated, overrides=options.overrides)
    return active_rulebook(chosen)
