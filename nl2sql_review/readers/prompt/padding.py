"""Whether padding uses the token that ends a text, where the collator masks every padding token in the loss."""

from __future__ import annotations

from ...interpret.core.operations import describe
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Place, Unknown, Value
from ..derive import derive, is_left_out, plain
from ..hand_loop.labels import batches_changed
from ..object_settings import objects
from ..run import Run
from . import collated, ending_of_text
from .loss import masking_call, own_collator
from .padding_token import asks_tokenizer, eos_of, pads_with_eos, written
from .preparation import KEEPS_PADDING, packing, since, uses_unsloth
from .text import Piece, chat_call_of
from .tokenizer import Tokenizer
from .training_text import TrainingText

# Their labels are -100 wherever the padding token stands.
HIDE_PADDING = (
    "transformers.DataCollatorForLanguageModeling",
    "trl.DataCollatorForCompletionOnlyLM",
    "unsloth.trainer.UnslothVisionDataCollator",
    "unsloth.UnslothVisionDataCollator",
)


def padding(run: Run, plan: TrainingPlan, texts: list[TrainingText]) -> Fact:
    """Return whether padding uses the token that ends a text, if the collator masks padding in the loss."""
    trainer = run.trainer or run.loader
    if trainer is None:
        return Fact(Absent("no trainer is created"), at=run.place, why_not="no trainer is created")
    at, by, doubt = hides_padding(run, texts)
    if at is None and not doubt:
        why = f"the {'trainer' if run.trainer is not None else 'loop'}'s collator does not mask the padding token"
        return Fact(Absent(why), at=trainer.place, why_not=why)
    at = at or trainer.place
    writes = written(run)
    if not writes:
        return Fact(
            Unknown("the tokenizer determines the padding token"),
            at=at,
            why_not="the script does not change the padding token",
        )
    if loads_tokenizer(run):
        return _of_the_models(run, plan, texts, by, doubt)
    call, value = writes[-1]
    if isinstance(value, Either):
        return Fact(Unknown("which token is used for padding depends on a branch", value.trace), at=call.place)
    if asks_tokenizer(call) and (own := published(run, plan)) is not None:
        return Fact(own, at=call.place, note=by)
    tokenizer = Tokenizer(run, plan)
    same = pads_with_eos(value, tokenizer.eos() or (None if tokenizer.eos_open else eos_of(call)))
    if same and (call.conditional or asks_tokenizer(call)):
        why = (
            "whether the padding token is set to the EOS token depends on the model's tokenizer, because it may "
            "have its own"
        )
        if not asks_tokenizer(call):
            why = "whether the padding token is set to the EOS token depends on a branch"
        return Fact(Unknown(why, (call.place,)), at=call.place)
    if same is None:
        why = f"it is unknown whether the padding token, {describe(value)}, is the EOS token"
        return Fact(Unknown(why, (call.place,)), at=call.place)
    ends = turn_ends(texts, tokenizer) if same else Known("eos")
    if doubt and same and not isinstance(ends, Absent):
        return Fact(Unknown(doubt, (call.place,)), at=call.place)
    if not isinstance(ends, Known):
        return Fact(ends, at=call.place, why_not=ends.why if isinstance(ends, Absent) else "")
    return Fact(Known("the eos token" if same else "its own token", (call.place,)), at=call.place, note=by)


def loads_tokenizer(run: Run) -> bool:
    """Return whether TRL's trainer is given no tokenizer and no collator: it loads the model's own tokenizer."""
    trainer = run.trainer
    return (
        trainer is not None
        and trainer.callee == "trl.SFTTrainer"
        and not trainer.unknown_arguments
        and all(
            is_left_out(trainer.get(*names))
            for names in (("tokenizer", "processing_class", "$5"), ("data_collator", "$2"))
        )
        and not uses_unsloth(run)
    )


def _of_the_models(run: Run, plan: TrainingPlan, texts: list[TrainingText], by: str, doubt: str) -> Fact:
    """Return the same of a tokenizer that the trainer loads itself, whatever the script sets on another."""
    assert run.trainer is not None
    at = run.trainer.place
    own = published(run, plan)
    if own is None:
        why = "the trainer is given no tokenizer and loads the model's own, whose padding token is not in the script"
        return Fact(Unknown(why, (at,)), at=at)
    if plain(own) == "the eos token":
        ends = turn_ends(texts, Tokenizer(run, plan))
        if doubt and not isinstance(ends, Absent):
            return Fact(Unknown(doubt, (at,)), at=at)
        if not isinstance(ends, Known):
            return Fact(ends, at=at, why_not=ends.why if isinstance(ends, Absent) else "")
    return Fact(own, at=at, note=by)


def turn_ends(texts: list[TrainingText], tokenizer: Tokenizer) -> Value:
    """Return "eos" where a text ends with the EOS token; Absent where each ends with another token: it is trained."""
    ends = [_turn_end(text, pieces, tokenizer) for text in texts for pieces in text.texts or [[]]]
    undecided = next((end for end in ends if isinstance(end, Unknown)), None)
    return undecided or next((end for end in ends if isinstance(end, Known)), ends[0] if ends else Known("eos"))


def _turn_end(text: TrainingText, pieces: list[Piece], tokenizer: Tokenizer) -> Value:
    call, stops = chat_call_of(text.value), tokenizer.stops()
    if call is not None or text.form == "chat":
        end = tokenizer.chat_end(call)
        if end.why:
            return Unknown(f"whether the token that ends a turn is the EOS token, and so masked: {end.why}", text.trace)
        token, eos = end.token, tokenizer.eos(end)
        # some templates put the EOS token after the last turn, whose own end the model stops at
        if token in ("eos", eos) and tokenizer.member is not None and tokenizer.takes_models_template:
            token = tokenizer.member.before_eos or token
    elif pieces:
        token, eos = ending_of_text(text, pieces, tokenizer).by, tokenizer.eos()
        if stops is None or token not in stops:
            return Known("eos")
    elif stops is None or set(stops) != {tokenizer.eos()}:
        why = text.why or "the training text is unknown"
        return Unknown(f"whether a text ends with the EOS token, masked as padding: {why}", text.trace)
    else:
        return Known("eos")
    if token not in ("", "eos", eos):
        return Absent(f"a turn ends with {token}, and that is not the padding token")
    return Known("eos")


def published(run: Run, plan: TrainingPlan) -> Value | None:
    """Return which token the model's tokenizer comes with for padding; None if it may be none or an EOS token too."""
    tokenizer = Tokenizer(run, plan)
    member, name = tokenizer.member, plan.lora.model_name.value
    if member is None or tokenizer.eos_open or not isinstance(name, (Known, Default)):
        return None
    same = member.pad == tokenizer.eos()
    if not member.pad or same and not tokenizer.own_eos:
        return None
    return derive(lambda _: "the eos token" if same else "its own token", name)


def hides_padding(run: Run, texts: list[TrainingText]) -> tuple[Place | None, str, str]:
    """Return the place and name of the collator that masks every padding token, (None, "") if none does.

    Last, why it is unknown whether one does; "" if it is known.
    """
    trainer = run.trainer or run.loader
    assert trainer is not None
    if run.trainer is not None and masking_call(run) is not None:
        return None, "", ""  # it puts a collator that keeps the labels in the place of the trainer's
    name = "data_collator" if run.trainer is not None else "collate_fn"
    collator = trainer.get(name)
    for thing in objects(collator):
        call, callee = getattr(thing, "call", None), getattr(thing, "callee", "")
        if call is not None and callee in HIDE_PADDING:
            mlm = call.get("mlm") if callee == HIDE_PADDING[0] else Known(False)
            if isinstance(mlm, (Known, Default)) and mlm.value is False:
                return call.place, callee.rpartition(".")[2], ""
            if not isinstance(mlm, (Known, Default, Absent)) or isinstance(mlm, Absent) and call.unknown_arguments:
                return None, "", "it is unknown whether the collator is given mlm=False, and so masks padding"
    how = collated.labels_of(collator)
    if how == collated.TOKEN_MASKED:
        return trainer.places.get(name, trainer.place), "the script's own collator", ""
    if not how and own_collator(collator):
        return None, "", "it is unknown whether the script's own collator masks the padding token"
    if run.trainer is None:
        return None, "", batches_changed(run)
    if not is_left_out(collator) or trainer.callee != "trl.SFTTrainer":
        return None, "", ""
    if trainer.unknown_arguments:
        return None, "", f"it is unknown which collator the trainer is given: {trainer.unknown_arguments}"
    if uses_unsloth(run):
        return _of_unsloth(run, texts)
    packs = packing(run)
    if isinstance(packs, Known) and packs.value is not False or (recent := since(run, KEEPS_PADDING)):
        return None, "", ""
    if recent is None or not isinstance(packs, (Absent, Known)):
        return None, "", "it depends on the version of TRL whether its collator masks the padding token, as before 0.17"
    return trainer.place, "DataCollatorForLanguageModeling (the default of SFTTrainer before trl 0.17)", ""


def _of_unsloth(run: Run, texts: list[TrainingText]) -> tuple[Place | None, str, str]:
    """Return the same of Unsloth's choice of a collator, which depends on the columns of the rows."""
    by = "DataCollatorForLanguageModeling (used by Unsloth for tokens without labels)"
    labelled = [t for t in texts if {"labels", "completion_mask", "assistant_masks"} & set(t.columns)]
    tokens = [t for t in texts if t.form == "tokenised" and "input_ids" in t.columns and t not in labelled]
    unread = [t for t in texts if not t.form or t.open and t in tokens]
    if unread:
        why = unread[0].why or "it is unknown whether they have labels"
        return None, "", f"Unsloth masks the padding token of rows that have input_ids and no labels: {why}"
    assert run.trainer is not None
    return (run.trainer.place, by, "") if tokens and len(tokens) == len(texts) else (None, "", "")
