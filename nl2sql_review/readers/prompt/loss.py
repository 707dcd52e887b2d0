"""Tokens that the loss is computed on, and the library mechanism that selects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...interpret.core.objects import Opaque
from ...interpret.core.recording import FAILED, Call
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Unknown, Value, options
from ..adapter_choice import beyond
from ..hand_loop.labels import batches_changed, labels_of_ids
from ..object_settings import last, objects
from ..run import Run, made_from
from ..spelling import spelt
from . import collated, corpus, label_mask, module_text
from .label_fillers import unknown_filler
from .mask_columns import labels_by_mask
from .padding_mask import masks_padding_alone
from .training_text import TrainingText, takes_text_field

if TYPE_CHECKING:
    from .tokenizer import Tokenizer

EVERY_TOKEN = "all tokens have labels"
UNMASKED = "nothing masks the prompt"
IGNORED_ON = {"text": "a text column", "chat": "a column of messages"}
RELABELS = "transformers.DataCollatorForLanguageModeling"
RELABELLED = "DataCollatorForLanguageModeling creates labels for all tokens, whatever labels the dataset has"
SEQUENCE = "transformers.Seq2SeqTrainer"
FUNCTION = "train_on_responses_only"
COLLATOR = "DataCollatorForCompletionOnlyLM"
VISION = "UnslothVisionDataCollator"
# Collators that take the labels as they find them, or make them of all tokens.
PLAIN_COLLATORS = (
    "DataCollatorForLanguageModeling",
    "DataCollatorForSeq2Seq",
    "DataCollatorWithPadding",
    "DataCollatorForTokenClassification",
    "default_data_collator",
    "DefaultDataCollator",
)


@dataclass(slots=True)
class Loss:
    """Tokens in the loss of a text, and the mechanism that selects them.

    `on`: "response", "all", "nothing", or "" if not known (`why`). `by`: the mechanism, or what was tried in its
    place. `call`: the call that names the markers. `overridden_by`: the option that gives the rows other labels.
    """

    on: str = ""
    by: str = ""
    why: str = ""
    at: Place | None = None
    call: Call | None = None
    note: str = ""
    overridden_by: str = ""


def loss_of(run: Run, text: TrainingText, tokenizer: Tokenizer) -> list[Loss]:
    """Return the possible losses; more than one if a branch decides."""
    if run.trainer is None:
        return [_of_loop(run, text)]
    found = masking_call(run)
    if found is not None:
        return found
    settings = _settings(run, text)
    if settings is not None:
        return settings
    made = _by_data(run, text, tokenizer)
    again = _made_anew(run, text, made) or _of_all_tokens(run, text, made)
    if again is None:
        return [made]
    assert run.trainer is not None
    return [again] if always_remade(run.trainer.get("data_collator")) else [again, made]


def _of_loop(run: Run, text: TrainingText) -> Loss:
    """Return the loss of a hand-written loop that trains on the model's own loss of the batches as they come.

    A module of the script may make the labels of a batch.
    """
    if (own := module_text.made(run)) is not None:
        return _of_module(own)
    if (call := labels_of_ids(run)) is not None:
        return Loss("all", "labels of all tokens", at=call.places.get("labels", call.place), note=EVERY_TOKEN)
    if run.loader is None:
        return Loss(why="no trainer was found")
    at = run.loader.places.get("collate_fn", run.loader.place)
    if changed := batches_changed(run):
        return Loss("", "a loop of the script", why=changed, at=at)
    collator = run.loader.get("collate_fn")
    how = collated.labels_of(collator)
    if how in (collated.PADDING_MASKED, collated.TOKEN_MASKED):
        return Loss("all", "labels that mask padding only", at=at, note="the labels mask padding only")
    if how != collated.OF_THE_ROWS and own_collator(collator):
        return Loss("", "own collator", why="it is unknown which labels the script's own collate_fn masks", at=at)
    if any(getattr(getattr(thing, "call", None), "callee", "") == RELABELS for thing in objects(collator)):
        return Loss("all", "nothing", at=at, note=RELABELLED if "labels" in text.columns else UNMASKED)
    if text.form != "tokenised" or "labels" not in text.columns:
        return Loss(why=text.why or "the script does not show the labels of a batch", at=at)
    return hand_made(run, text, text.at or at)


def _of_module(made: module_text.Made) -> Loss:
    """Return the loss of labels that mask all of the input but its last part."""
    asks = made.asks()
    if asks is None:
        why = "it is unknown which of the texts in the batch is the answer"
        return Loss("", "hand-made labels", why=why, at=made.at)
    note = "only the beginning of the prompt is masked" if asks else ""
    return Loss("all" if asks else "response", "hand-made labels", at=made.at, note=note)


def always_remade(collator: Value) -> bool:
    """Return whether every collator that a trainer may be given makes the labels of all tokens again."""
    callees = [[getattr(getattr(o, "call", None), "callee", "") for o in objects(one)] for one in options(collator)]
    return all(RELABELS in made for made in callees)


def _made_anew(run: Run, text: TrainingText, made: Loss) -> Loss | None:
    """Return the loss after transformers' language-modelling collator, which makes labels of all tokens again."""
    assert run.trainer is not None
    collator = run.trainer.get("data_collator")
    of_script = text.form == "tokenised" and "labels" in text.columns
    if made.on != "response" and not (of_script and (not made.on or always_remade(collator))):
        return None
    for thing in objects(collator):
        call = getattr(thing, "call", None)
        if call is None or call.callee != RELABELS:
            continue
        at = call.place
        note = RELABELLED
        if text.form == "tokenised":
            return Loss("all", f"{made.by} with {last(RELABELS)}", at=at, note=note)
        return Loss("", made.by, why=f"{note}; it is unknown whether it accepts this trainer's columns", at=at)
    return None


def _of_all_tokens(run: Run, text: TrainingText, made: Loss) -> Loss | None:
    """Return the loss of the same collator on tokens that could not be followed, for transformers' trainer and loss."""
    trainer = run.trainer
    assert trainer is not None
    if made.on or text.form not in ("", "tokenised") or trainer.callee not in ("transformers.Trainer", SEQUENCE):
        return None
    if trainer.instance is not None or not isinstance(trainer.get("compute_loss_func"), Absent):
        return None
    for thing in objects(trainer.get("data_collator")):
        call = getattr(thing, "call", None)
        if call is not None and call.callee == RELABELS and _false(call.get("mlm")):
            return _of_corpus(run, text, call.place) or Loss("all", "nothing", at=call.place, note=UNMASKED)
    return None


def masking_call(run: Run) -> list[Loss] | None:
    """Return the loss of `train_on_responses_only(trainer, …)`, which masks the labels of an existing trainer."""
    calls = [c for c in run.calls if last(c.callee) == FUNCTION and _for_this_trainer(run, c)]
    if not calls:
        return None
    call = calls[-1]
    if "Trainer" in call.callee:
        why = f"{call.callee} is a method of an unknown trainer"
        return [Loss("", FUNCTION, why=why, at=call.place, call=call)]
    if isinstance(value := call.get("return_function"), Known) and value.value:
        return [
            Loss(
                "",
                FUNCTION,
                why="it is unknown what happens to the masking function returned because of return_function=True",
                at=call.place,
                call=call,
            )
        ]
    order = {id(c): i for i, c in enumerate(run.calls)}
    if run.train and all(order[id(t)] < order[id(call)] for t in run.train):
        return [Loss("all", f"{FUNCTION} after training", at=call.place, call=call, note="it is called after training")]
    masked = Loss("response", FUNCTION, at=call.place, call=call)
    if call.certain or any(_same_branch(call, t) for t in run.train):
        return [masked]
    found = [masked]
    for earlier in reversed(calls[:-1]):
        found.append(Loss("response", FUNCTION, at=earlier.place, call=earlier))
        if earlier.certain:
            return found
    return [*found, Loss("all", "nothing", at=call.place, note=UNMASKED)]


def decided_by(run: Run, loss: Loss) -> str:
    """Return the option by whose default `train_on_responses_only` is called, or is not; "" if none decides."""
    if loss.by == FUNCTION and loss.call is not None:
        return next(iter(beyond(run, loss.call.assumed, "assumed")), "")
    if loss.on != "all" or loss.by != "nothing":
        return ""
    others = (
        c for c in run.recording.alternatives if last(c.callee) == FUNCTION and not c.condition.startswith(FAILED)
    )
    return next((c.condition for c in others if _for_this_trainer(run, c)), "")


def _same_branch(call: Call, train: Call) -> bool:
    """Return whether the training is as uncertain as the masking, as if both are in one function that may not run."""
    return not train.certain and train.condition == call.condition and train.function == call.function


def _for_this_trainer(run: Run, call: Call) -> bool:
    wanted = run.trainer
    given = list(objects(call.get("trainer", "$0")))
    if not given:
        return True
    return any(wanted in made_from(thing) for thing in given) or not any(made_from(thing) for thing in given)


def _settings(run: Run, text: TrainingText) -> list[Loss] | None:
    trainer = run.trainer
    assert trainer is not None
    for call in (trainer, run.arguments.call):
        if call is not None and FUNCTION in call.arguments:
            value = call.get(FUNCTION)
            note = (
                f"{last(call.callee)} has no {FUNCTION}=: it raises TypeError, or nothing is masked if the argument "
                f"is swallowed"
            )
            asked = "keyword" if not (isinstance(value, (Known, Default)) and value.value is False) else "keyword, off"
            return [Loss("all", f"{FUNCTION} {asked}", at=call.places.get(FUNCTION, call.place), note=note)]
    collator = trainer.get("data_collator")
    for thing in objects(collator):
        if isinstance(thing, Opaque) and last(thing.callee) == COLLATOR:
            if _true(_setting(run, "packing")) is True:
                return [
                    Loss(
                        "all",
                        f"{COLLATOR} with packing",
                        at=trainer.places.get("data_collator", trainer.place),
                        call=thing.call,
                        note="the collator cannot be used with packing",
                    )
                ]
            return [Loss("response", COLLATOR, at=trainer.places.get("data_collator", trainer.place), call=thing.call)]
        if isinstance(thing, Opaque) and last(thing.callee) == VISION and thing.call is not None:
            return [_vision(text, thing.call, trainer.places.get("data_collator", trainer.place))]
    how = collated.labels_of(collator)
    own_loss = trainer.instance is not None or not isinstance(trainer.get("compute_loss_func"), Absent)
    if how in (collated.PADDING_MASKED, collated.TOKEN_MASKED) and not own_loss:
        at = trainer.places.get("data_collator", trainer.place)
        return [Loss("all", "labels that mask padding only", at=at, note="the labels mask padding only")]
    if how != collated.OF_THE_ROWS and own_collator(collator):
        if labels_by_mask(collator, {n: c for n, c in text.columns.items() if n != "labels"}) is not None:
            return None  # the text has these labels
        return [
            Loss(
                "",
                "own collator",
                why="it is unknown which labels the script's own data collator masks",
                at=trainer.places.get("data_collator", trainer.place),
            )
        ]
    return None


def _vision(text: TrainingText, call: Call, at: Place) -> Loss:
    """Return the loss of Unsloth's image and text collator: masked as configured, and before a completion."""
    asked = call.get(FUNCTION)
    if _true(asked):
        return Loss("response", FUNCTION, at=at, call=call)
    if not isinstance(asked, Absent) and not _false(asked) or call.unknown_arguments:
        return Loss("", VISION, why=f"it is unknown whether {VISION} is given {FUNCTION}", at=at)
    completion = call.get("completion_only_loss")
    if text.form == "prompt-completion" and not _false(completion):
        if isinstance(completion, Absent) or _true(completion):
            return Loss("response", "prompt/completion columns", at=at)
        return Loss("", VISION, why=f"it is unknown which completion_only_loss {VISION} is given", at=at)
    if text.form or not {"prompt", "completion"} & set(text.columns) and text.columns and not text.open:
        return Loss("all", "nothing", at=at, note=UNMASKED)
    return Loss("", VISION, why=f"it is unknown whether the rows are prompts and completions: {text.why}", at=at)


def own_collator(collator: Value) -> bool:
    """Return whether a collator is, or may be, none of the libraries' that leave the labels as they are."""
    if isinstance(collator, (Absent, Unknown)) or isinstance(collator, Known) and collator.value is None:
        return isinstance(collator, Unknown)
    names = [last(thing.callee) if isinstance(thing, Opaque) and thing.callee else "" for thing in objects(collator)]
    if isinstance(collator, Term):
        names = [last(collator.text.partition("(")[0])]
    return not names or any(name not in PLAIN_COLLATORS for name in names)


def _setting(run: Run, name: str) -> Value:
    value = run.arguments.value(name)
    return run.trainer.get(name) if isinstance(value, Absent) and run.trainer is not None else value


def _true(value: Value) -> bool | None:
    """Return True, False, or None if it is not given or not known."""
    return bool(value.value) if isinstance(value, (Known, Default)) and value.value is not None else None


def _false(value: Value) -> bool:
    """Return whether a switch is certainly off."""
    return isinstance(value, (Known, Default)) and not value.value


def _by_template(run: Run, tokenizer: Tokenizer) -> Loss:
    """Return the loss of assistant_only_loss: the tokens marked by the chat template or TRL's version of it."""
    at = run.arguments.where("assistant_only_loss")
    by = "assistant_only_loss"
    end = tokenizer.chat_end()
    if end.why:
        return Loss("", by, why=f"it needs {{% generation %}} in the chat template: {end.why}", at=at)
    if end.marked:
        return Loss("response", by, at=at)
    if end.in_loss:  # TRL has a version of this template that does
        return Loss("response", by, at=at)
    if end.marked is None or end.in_loss is None and tokenizer.setter is None:
        why = f"it is unknown whether {end.by} has {{% generation %}}, or TRL a version of it that does"
        return Loss("", by, why=why, at=at)
    note = (
        f"{end.by} has no {{% generation %}}, and TRL has no replacement for it: "
        "it ends with an error, ValueError since trl 1.1 and RuntimeError before"
    )
    return Loss("nothing", f"{by} without {{% generation %}}", at=at, note=note)


def _by_data(run: Run, text: TrainingText, tokenizer: Tokenizer) -> Loss:
    at = text.at or run.place
    completion = _true(_setting(run, "completion_only_loss"))
    assistant = _true(_setting(run, "assistant_only_loss"))
    if text.form == "tokenised":
        return hand_made(run, text, at)
    if text.form == "prompt-completion":
        if completion is False:
            return Loss(
                "all",
                "completion_only_loss=False",
                at=run.arguments.where("completion_only_loss"),
                note="completion_only_loss=False",
            )
        unknown = _setting(run, "completion_only_loss")
        if (
            isinstance(unknown, Unknown)
            and not run.arguments.unknown
            and "completion_only_loss" in (run.arguments.call.arguments if run.arguments.call else ())
        ):
            return Loss("", "prompt/completion columns", why=f"completion_only_loss: {unknown.why}", at=at)
        return Loss("response", "prompt/completion columns", at=at)
    if text.form in ("chat", "text") and isinstance(_setting(run, "assistant_only_loss"), Either):
        return Loss(
            "", "assistant_only_loss", why="whether assistant_only_loss is set depends on the path taken", at=at
        )
    if text.form == "chat" and assistant:
        return _by_template(run, tokenizer)
    if assistant and text.form == "text":
        return Loss(
            "all",
            "assistant_only_loss without chat data",
            at=run.arguments.where("assistant_only_loss"),
            note="it needs a column of messages and raises ValueError otherwise",
        )
    if completion and text.form in ("text", "chat"):
        return Loss(
            "all",
            "completion_only_loss without prompt/completion columns",
            at=run.arguments.where("completion_only_loss"),
            note=f"completion_only_loss is silently ignored on {IGNORED_ON[text.form]}",
        )
    if not text.form:
        return Loss("", "", why=text.why, at=at)
    if text.form == "text" and text.untraced and not takes_text_field(run):
        return Loss("", "", why=f"{text.why}; the rows may be prompts and completions, or have labels", at=at)
    if text.form == "text" and not text.texts:
        if text.open and not text.field_name:
            return Loss("", "", why=text.why, at=at)
    everything = Loss("all", "nothing", at=run.trainer.place if run.trainer else at, note=UNMASKED)
    return _of_corpus(run, text, at) or everything


def _of_corpus(run: Run, text: TrainingText, at: Place | None) -> Loss | None:
    """Return the loss of a text of which the script writes no part, where something suggests that it has no prompt."""
    if any(len(pieces) != 1 or pieces[0].hole is None or pieces[0].turn for pieces in text.texts):
        return None
    sign = corpus.answer_alone(text.read or filter(None, [text.field_name])) or corpus.sign_of(run)
    return Loss("", "nothing", why=f"{sign}: the text may have no prompt", at=at) if sign else None


def hand_made(run: Run, text: TrainingText, at: Place | None) -> Loss:
    """Return the loss of hand-made labels: -100 for the prompt's tokens.

    Labels that mask only padding do not mask the prompt.
    """
    labels = text.columns.get("labels")
    if labels is None:
        return _of_corpus(run, text, at) or Loss("all", "nothing", at=at, note=UNMASKED)
    said, option = spelt(labels), getattr(labels, "overridden_by", "")
    if "-100" not in said:
        if isinstance(labels, Unknown):
            return Loss("", "hand-made labels", why=f"it is unknown which labels are masked: {labels.why}", at=at)
        if filler := unknown_filler(labels):
            why = f"it is unknown whether {filler} in the labels is the -100 that no loss counts"
            return Loss("", "hand-made labels", why=why, at=at)
        made = (step for step in labels.trace if step.source in run.sources and step.node is not None)
        return Loss("all", "labels of all tokens", at=next(made, at), note=EVERY_TOKEN, overridden_by=option)
    shown = label_mask.masked(run, labels, text.columns.get("input_ids"))
    if shown is not None and shown[0] != "response":
        by = "labels that mask padding only" if shown[1] == label_mask.PADDING_ONLY else "hand-made labels"
        own = (step for step in labels.trace if step.source is run.source and step.node is not None)
        return Loss(shown[0], by, at=next(own, at), note=shown[1], overridden_by=option)
    if shown is not None:
        return Loss("response", "hand-made labels", at=at, overridden_by=option)
    counted = "* len" in said or "*len" in said or "are replaced by" in said
    if masks_padding_alone(labels) or "pad_token" in said and not counted:
        return Loss("all", "labels that mask padding only", at=at, note="the labels mask padding only")
    return Loss("", "hand-made labels", why="it is unknown which of the script's own labels are masked", at=at)
