"""The length that a data collator cuts at, where rows reach it unprepared: the trainer's own then cuts nothing."""

from __future__ import annotations

from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Default, Known, Unknown, Value
from ..derive import plain
from ..object_settings import last, makers, objects
from ..prompt.collated import defined
from ..run import SFT_TRAINERS, Run

VISION = "UnslothVisionDataCollator"
TRAINER_LENGTH = ("max_length", "max_seq_length")
NOT_RECOGNIZED = "the script's own data collator tokenizes and truncates the rows, and its length was not recognized"
CUT_BY = ("truncation", "max_length")  # arguments of a call that tokenizes


def collator_length(run: Run, model: Fact) -> Fact | None:
    """Return the length of a collator that tokenizes the rows, or None if the trainer prepares them.

    Unsloth's SFTTrainer prepares no rows for UnslothVisionDataCollator, which cuts at its own `max_seq_length` or at
    the length that the model is loaded with. A collator of the script may tokenize the rows anew. Of others it is
    unknown what they cut.
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
    if (length := cut_by(collator)) is not None:
        at = run.trainer.places.get("data_collator", run.trainer.place)
        return Fact(length, at=at, note="the script's own data collator tokenizes the rows and cuts them")
    if not skips_preparation(run):
        return None
    why = "skip_prepare_dataset=True leaves the rows to the data collator, and its truncation was not recognized"
    return Fact(Unknown(why), at=run.arguments.where("dataset_kwargs") or run.trainer.place)


def cut_by(collator: Value) -> Value | None:
    """Return the length at which a collator of the script truncates the text that it tokenizes itself, None for none.

    The length is known if it is a number or an attribute of the collator.
    """
    import libcst as cst

    from ...source.syntax import walk

    for thing in objects(collator):
        source, function = defined(thing) or (None, None)
        for node in walk(function) if function is not None else ():
            if source is None or not isinstance(node, cst.Call):
                continue
            given = {a.keyword.value: source.segment(a.value) for a in node.args if a.keyword is not None}
            if not any(name in given for name in CUT_BY) or source.segment(node.func).rpartition(".")[2].startswith(
                "pad"
            ):
                continue
            length = given.get("max_length", "")
            said: Value | None = Known(int(length)) if length.isdigit() else None
            if length.startswith("self."):
                said = getattr(thing, "slots", {}).get(length.partition(".")[2])
            return said if isinstance(said, (Known, Default)) else Unknown(NOT_RECOGNIZED)
    return None


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
    who = VISION if VISION in applies.note else "the data collator"
    note = f"{name}={plain(given)} cuts nothing: {who} cuts at {plain(applies.value)}"
    return Fact(Known("idle", given.trace), at=run.arguments.where(name), note=note)
