"""The length that a data collator cuts at, where rows reach it unprepared: the trainer's own then cuts nothing."""

from __future__ import annotations

from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Known, Unknown, Value
from ..derive import plain
from ..object_settings import last, makers
from ..run import SFT_TRAINERS, Run

VISION = "UnslothVisionDataCollator"
TRAINER_LENGTH = ("max_length", "max_seq_length")


def collator_length(run: Run, model: Fact) -> Fact | None:
    """Return the length of a collator that tokenizes the rows, or None if the trainer prepares them.

    Unsloth's SFTTrainer prepares no rows for UnslothVisionDataCollator, which cuts at its own `max_seq_length` or at
    the length that the model is loaded with. Of other collators it is unknown what they cut.
    """
    if run.trainer is None or last(run.trainer.callee) not in SFT_TRAINERS:
        return None
    collator = run.trainer.get("data_collator")
    for call, _ in makers(collator).makers:
        if call is not None and last(call.callee) == VISION:
            own = call.get("max_seq_length")
            if isinstance(own, Absent) or isinstance(own, Known) and own.value is None:
                return Fact(model.value, at=model.at, note=f"{VISION} cuts at the model's length")
            return Fact(own, at=call.places.get("max_seq_length", call.place), note=f"cut by {VISION}")
    if isinstance(collator, Absent) or plain(collator) is None and isinstance(collator, Known):
        return None
    if not skips_preparation(run):
        return None
    why = "skip_prepare_dataset=True leaves the rows to the data collator, and its truncation was not recognized"
    return Fact(Unknown(why), at=run.arguments.where("dataset_kwargs") or run.trainer.place)


def skips_preparation(run: Run) -> bool:
    """Return whether `dataset_kwargs={"skip_prepare_dataset": True}` is given."""
    items = plain(run.arguments.value("dataset_kwargs"))
    return isinstance(items, dict) and items.get("skip_prepare_dataset") is True


def idle_length(run: Run, applies: Fact) -> Fact | None:
    """Return the trainer's length if it is set, differs from the one that applies, and therefore cuts nothing."""
    name = next((n for n in TRAINER_LENGTH if not isinstance(run.arguments.value(n), Absent)), "")
    given: Value = run.arguments.value(name) if name else Absent()
    if plain(given) is None or plain(applies.value) in (None, plain(given)):
        return None
    note = f"{name}={plain(given)} cuts nothing: {VISION} cuts at {plain(applies.value)}"
    return Fact(Known("idle", given.trace), at=run.arguments.where(name), note=note)
