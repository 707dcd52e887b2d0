"""Finds rows without labels under a collator that makes none, or none that a causal model's tokenizer can."""

from __future__ import annotations

import re
from typing import Iterator

from ...interpret.core.recording import Call
from ...training_plan.values import Absent, Known
from ..api.arguments import Defect, branch
from ..derive import plain
from ..object_settings import objects
from ..run import Run
from .tokenizers import family
from .training_text import TrainingText

TRAINERS = ("transformers.Trainer", "transformers.Seq2SeqTrainer")
NEED_LABELS = ("CausalLM", "ConditionalGeneration", "Seq2SeqLM")
NAMES = frozenset(("labels", "label", "label_ids"))
NAME = ("pretrained_model_name_or_path", "$0")
MASK_TOKEN = re.compile(r"mask_token|\[MASK\]|<mask>")
WITH_MASK_TOKEN = ("Gemma",)  # since transformers 5
NO_LABELS = "neither the rows nor the collator make labels"
MASKS, PADS = "transformers.DataCollatorForLanguageModeling", "transformers.DataCollatorWithPadding"


def unlabelled(run: Run, texts: list[TrainingText]) -> Iterator[Defect]:
    """Yield why the model's own loss gets no labels; both ways end in ValueError."""
    trainer = run.trainer
    if trainer is None or trainer.callee not in TRAINERS or trainer.unknown_arguments or not texts:
        return
    if not any(word in run.load.callee for word in NEED_LABELS):
        return
    given = trainer.get("data_collator")
    calls = [getattr(thing, "call", None) for thing in objects(given)]
    if "CausalLM" in run.load.callee and not has_mask_token(run):
        yield from masked(calls)
    without = all(text.form == "tokenised" and not text.open and not NAMES & set(text.columns) for text in texts)
    if without and (isinstance(given, Absent) or calls and all(c is not None and c.callee == PADS for c in calls)):
        text = (
            f"{NO_LABELS}: the model returns no loss, and the trainer raises "
            "ValueError; use DataCollatorForLanguageModeling(tokenizer, mlm=False), or make labels"
        )
        yield Defect("missing", "labels", trainer.places.get("data_collator", trainer.place), text, branch(trainer))


def has_mask_token(run: Run) -> bool:
    """Return whether the tokenizer may have a mask token: that of an unknown model, or one that the script adds."""
    makers = [call for call in run.calls if call.callee.endswith("Tokenizer.from_pretrained")]
    names = [run.load.value(*NAME), *(call.get(*NAME) for call in makers)]
    kinds = [family(plain(name)) for name in names]
    known = all(kind is not None and kind.name not in WITH_MASK_TOKEN for kind in kinds)
    return not known or run.mentions(MASK_TOKEN)


def masked(calls: list[Call | None]) -> Iterator[Defect]:
    """Yield a collator that replaces tokens by a mask, as it does unless told otherwise."""
    for call in calls:
        if call is None or call.callee != MASKS or call.instance is not None or call.unknown_arguments:
            continue
        mlm = call.get("mlm", "$1")
        if isinstance(mlm, Absent) or isinstance(mlm, Known) and mlm.value is True:
            text = (
                "DataCollatorForLanguageModeling masks tokens unless mlm=False, and the tokenizer of a causal model "
                "has no mask token: ValueError"
            )
            yield Defect("masked", "labels", call.places.get("mlm", call.place), text, branch(call))
