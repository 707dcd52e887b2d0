"""Checks whether samples that share a row are separated in attention."""

from __future__ import annotations

import re
from typing import Iterator

from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Place, Term, Unknown, Value
from .api.arguments import Defect, assumed, on_some_branch
from .api.imports import fact as listed
from .derive import contents, is_true, plain
from .judged_versions import within
from .prompt.preparation import MEASURED, packing, uses_unsloth
from .prompt.training_text import texts_of
from .run import Run

SEPARATES = re.compile(r"flash|kernels-community|vllm-flash")
POSITIONS = "0.23.0"  # the first trl that hands positions on whatever the attention is
BOUNDARIES = "4.53.0"  # the first transformers that reads them under sdpa and eager
KEEPS_MASK = "0.20.0"  # the first trl whose packing keeps the mask of the completion


def read(run: Run, plan: TrainingPlan) -> None:
    plan.dataset.joined_samples = joined(run)
    if plain(plan.prompt.loss_on.value) == "response" and loses_mask(run):
        at = run.arguments.where("packing")
        note = f"packing in trl before {KEEPS_MASK[:-2]} keeps the ids and drops the mask of the answer"
        plan.prompt.loss_on = Fact(Known("all", run.arguments.value("packing").trace), at=at, note=note)


def joined(run: Run) -> Fact:
    trainer = run.trainer
    if trainer is None or trainer.callee != "trl.SFTTrainer" or uses_unsloth(run):
        why = "Unsloth has its own packing" if trainer is not None and uses_unsloth(run) else "no trainer uses packing"
        return Fact(Absent(why), at=run.place, why_not=why)
    given = run.arguments
    if wrapping := on_some_branch(run, wrapped):
        return listed(wrapping, run.place)
    packs, free = packing(run), given.value("padding_free")
    if isinstance(packs, Unknown):
        return Fact(packs, at=given.where("packing") or run.place)
    if not is_true(packs) and not is_true(free):
        for name, value in (("packing", packs), ("padding_free", free)):
            if isinstance(value, Term):
                return Fact(Unknown(f"{value.text} is known only at run time"), at=given.where(name) or run.place)
        why = "every sample has its own row"
        return Fact(Absent(why), at=run.place, why_not=why)
    found = list(defects(run, packs, free))
    undecided = next((one for one in found if isinstance(one, Fact)), None)
    return undecided or listed([one for one in found if isinstance(one, Defect)], run.place)


def wrapped(run: Run) -> Iterator[Defect]:
    """Yield the packing that joins samples without a boundary, and so joins rows that are no raw text."""
    strategy, place = run.arguments.value("packing_strategy"), run.arguments.where("packing_strategy")
    if is_true(packing(run)) and plain(strategy) == "wrapped" and place is not None and not raw(run):
        text = (
            'packing_strategy="wrapped" joins samples without a boundary and cuts them at the end of a row: they '
            'attend to each other; use "bfd"'
        )
        yield Defect("wrapped", "packing_strategy", place, text, "", isinstance(strategy, Default), strategy.trace)


def defects(run: Run, packs: Value, free: Value) -> Iterator[Defect | Fact]:
    given = run.arguments
    if plain(given.value("packing_strategy")) == "wrapped" and is_true(packs):
        return
    switch, value = ("packing", packs) if is_true(packs) else ("padding_free", free)
    at = (run.trainer.places.get(switch) if run.trainer else None) or given.where(switch) or run.place
    assert at is not None
    if switch == "packing" and (old := one_stream(run)) is not False:
        if raw(run):
            return
        if old is None:
            yield Fact(
                Unknown(f"trl before {MEASURED[:-2]} packs without a boundary: it depends on the version"), at=at
            )
        else:
            text = (
                f"trl before {MEASURED[:-2]} joins samples without a boundary and cuts them at the end of a row: they "
                f"attend to each other"
            )
            guess = run.versions is None or assumed(run.versions["trl"]) or isinstance(value, Default)
            yield Defect("wrapped", switch, at, text, "", guess, value.trace)
        return
    if (attention := attention_of(run)) is None:
        yield Fact(Unknown("the attention implementation of the model is unknown"), at=at)
        return
    if SEPARATES.search(attention):
        return
    yield from by_version(run, switch, value, at, attention)


def one_stream(run: Run) -> bool | None:
    """Return whether packing joins the samples to one stream, with a mask of ones, as before the strategies it did."""
    if run.trainer is not None and not isinstance(run.trainer.get("packing"), Absent):
        return True  # only trl before 0.13 takes it there, whatever release is assumed
    if within(run, "trl", MEASURED):
        return False
    return True if within(run, "trl", "0.0.1", MEASURED) else None


def by_version(run: Run, switch: str, value: Value, at: Place, attention: str) -> Iterator[Defect | Fact]:
    if within(run, "trl", POSITIONS) and within(run, "transformers", BOUNDARIES):
        return
    between = within(run, "trl", MEASURED, POSITIONS)
    if between or within(run, "trl", MEASURED) and within(run, "transformers", "4.0.0", BOUNDARIES):
        which = f"trl before {POSITIONS[:-2]}" if between else f"transformers before {BOUNDARIES[:-2]}"
        text = (
            f"{which} keeps packed samples apart only with flash attention, and this is {attention}: they attend to "
            f"each other"
        )
        guess = run.versions is None or assumed(run.versions["trl"]) or isinstance(value, Default)
        yield Defect("no boundary", switch, at, text, "", guess, value.trace)
    elif within(run, "trl", "0.0.1", MEASURED):
        yield Fact(Unknown(f"whether trl before {MEASURED[:-2]} keeps packed samples apart was not measured"), at=at)
    else:
        yield Fact(Unknown(f"whether samples are kept apart with {attention} depends on the versions"), at=at)


def attention_of(run: Run) -> str | None:
    """Return the model's attention implementation, "sdpa" if none is set, or None if unknown."""
    said = run.load.value("attn_implementation")
    if run.load.call is run.trainer or isinstance(said, Absent):
        kwargs = run.arguments.value("model_init_kwargs")
        items = contents(kwargs)
        inner = items.get("attn_implementation") if isinstance(items, dict) else None
        if isinstance(inner, str):
            return inner
        if isinstance(kwargs, Unknown) and not isinstance(items, dict):
            return None
        said = inner if isinstance(inner, (Known, Default)) else said
    if isinstance(said, (Known, Default)):
        return str(said.value or "sdpa")
    return "sdpa" if isinstance(said, Absent) and not run.load.unknown and run.load else None


def raw(run: Run) -> bool:
    """Return whether the texts are plain, without question and answer: then a cut costs little."""
    if run.configuration is not None:
        return False
    texts = texts_of(run)
    return bool(texts) and all(
        t.form == "text" and t.texts and all(p.hole is not None or not p.text.strip() for one in t.texts for p in one)
        for t in texts
    )


def loses_mask(run: Run) -> bool:
    """Return whether packing in the judged trl drops the mask that marks the answer's tokens."""
    if run.trainer is None or run.trainer.callee != "trl.SFTTrainer" or uses_unsloth(run):
        return False
    return within(run, "trl", MEASURED, KEEPS_MASK) and is_true(run.arguments.value("packing"))
