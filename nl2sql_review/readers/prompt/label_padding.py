"""Labels that a collator fills up to the longest row with a token, where only -100 is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...source import Source
from ...training_plan.values import Absent, Default, Known, Place, Term, Unknown, Value, overrider
from ..api.arguments import Defect, branch
from ..dataset.columns import argument
from ..derive import plain
from ..object_settings import last, objects
from ..run import Run, call_of
from .collated import MASKED, alone, defined
from .preparation import KEEPS_PADDING, older_fits, since

if TYPE_CHECKING:
    import libcst as cst

    from .training_text import TrainingText

# Rows that are as long as each other, so that nothing is filled up.
ONE_LENGTH = re.compile(
    r"padding[\"']?\s*[=:]\s*[\"']max_length|\*\s*\(\s*[\w.]*(?:max|len)\w*\s*-\s*|block_size|group_texts|\bpad_to_max"
)
LABELS = re.compile(r"\blabels\b|[\"']labels[\"']")
TOKEN = re.compile(r"0(?:\.0)?|(?:\w+\.)*pad_token_id")  # what fills up the ids
COMMENT = re.compile(r"(?:^[ \t]*|[ \t]{2})#.*$", re.MULTILINE)
FILLS_UP = ("DataCollatorForSeq2Seq", "DataCollatorForTokenClassification")
TOKENS_ID = re.compile(r"\.(?:pad|eos)_token_id$")
MASKING = frozenset(("labels", "completion_mask", "assistant_masks"))  # columns that take tokens out of the loss
MODELS_LOSS = ".__call__().loss.backward"


def filled_up(run: Run) -> Iterator[Defect]:
    """Yield the `pad_sequence` of labels with 0 or the padding token, whose loss the model computes."""
    for collator in collators(run):
        for thing in objects(collator):
            function = defined(thing)
            if function is not None and (found := filling(*function)) is not None:
                node, token = found
                yield Defect(
                    "padding",
                    "labels",
                    Place(function[0], node),
                    f"the labels of shorter rows are filled up with {token}, so padding is in the loss; fill them up "
                    f"with -100",
                )


def padded_with(run: Run) -> Iterator[Defect]:
    """Yield the token with which a collator of transformers fills up the labels, if the loss does not leave it out."""
    assert run.trainer is not None
    for thing in objects(run.trainer.get("data_collator")):
        call = call_of(thing)
        if call is None or last(call.callee) not in FILLS_UP or call.instance is not None:
            continue
        to_length = plain(call.get("padding")) == "max_length" and plain(call.get("max_length")) is not None
        if alone(run) and not to_length:
            continue
        if any(ONE_LENGTH.search(text) for text in texts_beside(run, call.place)):
            continue
        token = call.get("label_pad_token_id")
        said = token.text if isinstance(token, Term) else plain(token)
        if isinstance(said, int) and said != -100 or isinstance(said, str) and TOKENS_ID.search(said):
            text = (
                f"the collator fills up the labels with label_pad_token_id={said}, and only -100 is left out of the "
                f"loss: padding is in it; leave the argument out"
            )
            place = call.places.get("label_pad_token_id", call.place)
            yield Defect("padding", "labels", place, text, branch(call), overridden_by=overrider(token))


def texts_beside(run: Run, place: Place) -> Iterator[str]:
    """Yield the text of each file of the script, without the call that stands at a place: it pads the batch itself."""
    for source in run.sources:
        own = source.segment(place.node) if source is place.source and place.node is not None else ""
        yield source.text.replace(own, "") if own else source.text


def kept_by_trl(run: Run, texts: list[TrainingText]) -> Iterator[Defect | Unknown]:
    """Yield rows padded by the script whose labels TRL copies from the ids, or why it is unknown whether it does."""
    trainer = run.trainer
    if trainer is None or not trainer.callee.startswith("trl.") or trainer.unknown_arguments:
        return
    if not isinstance(trainer.get("data_collator"), Absent) or (by_itself := since(run, KEEPS_PADDING)) is False:
        return
    for text in texts:
        if text.form != "tokenised" or MASKING & set(text.columns) or text.tokenizer_call is None:
            continue
        padding = argument(text.tokenizer_call, 99, "padding")
        if plain(padding) != "max_length":
            continue
        at = padding.trace[0] if padding.trace else text.at or run.place
        if by_itself is None:
            why = "whether the padding of the rows is in the loss depends on the version of TRL: before 0.17 it is not"
            yield Unknown(why, (at,) if at is not None else ())
        elif text.open:
            why = "the script pads the rows, and the padding is in the loss unless they come with labels"
            yield Unknown(why, (at,) if at is not None else ())
        elif at is not None:
            sentence = (
                "the script pads the rows and makes no labels, and TRL's collator (since 0.17) takes every id for "
                "one, so padding is in the loss; leave the padding to the trainer"
            )
            yield Defect("padding", "labels", at, sentence, assumed=older_fits(run, KEEPS_PADDING))


def collators(run: Run) -> list[Value]:
    """Return the collators whose labels reach the model's own loss, in batches of several rows."""
    if run.trainer is not None:
        return [] if alone(run) else [run.trainer.get("data_collator")]
    if not any(call.callee.endswith(MODELS_LOSS) for call in run.calls):
        return []
    sizes = ((call, call.get("batch_size", "$1")) for call in run.loaders)
    several = [c for c, v in sizes if isinstance(v, (Known, Default)) and isinstance(v.value, int) and v.value > 1]
    return [call.get("collate_fn") for call in several]


def filling(source: Source, function: cst.FunctionDef | cst.Lambda) -> tuple[cst.CSTNode, str] | None:
    """Return the call that fills up the labels, and with what; None where something may mask them."""
    import libcst as cst

    from ...source.syntax import walk

    text = COMMENT.sub("", source.segment(function))
    if MASKED.search(re.sub(r"padding_value\s*=\s*[\w.]+", "", text)):
        return None
    for node in walk(function):
        if not isinstance(node, cst.Call) or source.segment(node.func).rpartition(".")[2] != "pad_sequence":
            continue
        rows = next((a for a in node.args if a.keyword is None or a.keyword.value == "sequences"), None)
        if (
            rows is None
            or not LABELS.search(source.segment(rows.value))
            or len(node.args) > 3
            or any(a.star for a in node.args)
        ):
            continue
        given = next((a for a in node.args if a.keyword is not None and a.keyword.value == "padding_value"), None)
        if given is None and sum(a.keyword is None for a in node.args) > 2:
            continue
        token = source.segment(given.value) if given is not None else "0"
        if TOKEN.fullmatch(token):
            return node, token
    return None
