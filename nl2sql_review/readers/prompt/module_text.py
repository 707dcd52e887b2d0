"""Texts and labels that a module of the script makes of a batch in its `forward`, and gives to the model inside it.

The module puts prompt and answer together, as tokens or as their embeddings, and masks the labels of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...interpret.core.operations import freeze
from ...interpret.core.recording import Call, Forward
from ...training_plan.values import Absent, Either, Known, Place, Term, Text, Unknown, Value
from ..dataset.columns import argument, method_of, receiver
from ..derive import contents, plain
from ..run import Run
from ..spelling import spelt, terms
from ..untrained import FORWARD, losses
from .label_mask import answers, asks
from .label_padding import COMMENT
from .label_parts import JOINS, Part, alike, parts_of
from .text import Piece, alternatives
from .tokens import COPIES, cell, ends_early, flat, joined, tokenised_text

DEEP = 20
TOKENIZER = "transformers.PreTrainedTokenizer.__call__"
EMBEDDINGS = ("get_input_embeddings", "embed_tokens", "wte", "word_embeddings")
EMBEDDED = "embeddings that are not of tokens"
SPLIT = re.compile(r"\.split\([^()]*\)$")
REPLACED = " are replaced by "  # of some elements, as a value says it
BOS = re.compile(r"\bbos_token_id\b")


@dataclass(slots=True)
class Made:
    """What a module trains its model on: the input part by part, each a text or what is none, and the labels."""

    call: Call  # of the model
    calls: list[Call]  # that the module makes
    inputs: list[Part]  # ids, or embeddings that are not of tokens
    labels: list[Part]

    @property
    def at(self) -> Place:
        """The place of the labels."""
        return self.call.places.get("labels", self.call.place)

    @property
    def written(self) -> Place:
        """The place of the text of the last part, where a tokenizer is given it."""
        _, term = tokenised_text(self.inputs[-1].ids)
        made = ((call, terms(freeze(Known(call.result), DEEP))) for call in self.calls if call.callee == TOKENIZER)
        found = next((call for call, one in made if term is not None and one is not None and alike(one, term)), None)
        return found.places.get("text", found.places.get("$0", found.place)) if found is not None else self.at

    @property
    def values(self) -> dict[str, Value]:
        """The arguments of the model's call as values."""
        given = self.call.live_arguments[0].keywords
        return {name: freeze(value, DEEP) for name, value in given.items()}

    def masked_before_answer(self) -> bool:
        """Return whether the labels mask all of the input but its last part, and of that at most the padding."""
        *hidden, kept = self.labels
        if not hidden or not all(part.masked for part in hidden) or kept.masked or len(self.inputs) < 2:
            return False
        cut = kept.start is not None or kept.count is not None or kept.left_out > 0
        return not cut and kept.without in ("", "pad", "padding") and alike(kept.ids, self.inputs[-1].ids)

    def text(self) -> Value:
        """Return the text of the input, with a hole for what is none."""
        texts = [text_of(part.ids) for part in self.inputs if not BOS.search(spelling(part.ids))]
        return chosen_together(texts)

    def answers(self) -> list[list[Piece]]:
        """Return the last part of each text that the input may be, with what is known of it from the text before."""
        sizes = {len(pieces) for pieces in alternatives(text_of(self.inputs[-1].ids))}
        size = sizes.pop() if len(sizes) == 1 else 0
        return [pieces[-size:] for pieces in alternatives(self.text())] if size else []

    def asks(self) -> bool | None:
        """Return whether the labels leave part of the prompt in the loss, too; None if that is not certain."""
        asked = {asks(pieces) if answers(pieces) else None for pieces in self.answers()}
        return asked.pop() if len(asked) == 1 else None


def made(run: Run) -> Made | None:
    """Return what the module that the loop trains makes of a batch; None if that, or what it is made of, is open."""
    found = [(forward, call) for forward in run.recording.forwards for call in labelled(forward)]
    if len(found) != 1 or not run.backward or run.trainer is not None:
        return None
    forward, call = found[0]
    key = returns_loss(forward, call)
    trained = (loss for one in run.backward for loss in losses(one))
    if key is None or not all(trains_on(loss, forward.outputs, key) for loss in trained):
        return None
    if forward.makers and changed_elsewhere(run, forward):
        return None
    result = Made(call, forward.calls, [], [])
    given = result.values
    ids = given.get("inputs_embeds", given.get("input_ids", Absent()))
    labels = given.get("labels", Absent())
    if not joins_columns(labels):
        return None
    result.inputs, result.labels = list(inputs_of(ids)), parts_of(labels)
    return result if result.inputs and result.masked_before_answer() else None


def joins_columns(labels: Value) -> bool:
    """Return whether the labels of a batch are joined row by row, as in `torch.cat([hidden, answer], dim=1)`."""
    term = terms(labels)
    if term is None or method_of(term) not in JOINS or REPLACED in spelt(labels):
        return False
    return plain(argument(term, 1, "dim", "axis")) in (1, -1)


def labelled(forward: Forward) -> Iterator[Call]:
    """Yield the calls that give labels to a model."""
    for call in forward.calls:
        if call.callee == FORWARD and "labels" in call.live_arguments[0].keywords and not call.unknown_arguments:
            yield call


def returns_loss(forward: Forward, call: Call) -> str | None:
    """Return how the loss of a call of the model is read from what a module returns: by a key, or "" as that itself.

    None if the module returns another loss, or something else.
    """
    returned = freeze(forward.returned, DEEP)
    columns = contents(returned)
    key = "loss" if isinstance(columns, dict) else ""
    term = terms(columns.get(key)) if isinstance(columns, dict) else terms(returned)
    whole = terms(freeze(Known(call.result), DEEP))
    owner = terms(term.args[0]) if term is not None and term.args else None
    if term is None or whole is None or owner is None or not alike(owner, whole):
        return None
    named = term.operation == "attribute" and term.text.endswith(".loss")
    return key if named or term.operation == "item" and plain(term.args[1]) in ("loss", 0) else None


def trains_on(loss: object, outputs: frozenset[str], key: str, depth: int = 0) -> bool:
    """Return whether a loss is made of what a module returns, scaled or divided or not."""
    if isinstance(loss, Either):
        return all(trains_on(option, outputs, key, depth) for option in loss.options)
    term = terms(loss) or terms(Known(loss))
    if term is None or depth > 8:
        return False
    owner = terms(term.args[0]) if term.args else None
    read = term if not key else owner if term.operation in ("item", "attribute") else None
    if read is not None and read.text in outputs and (not key or named(term) == key):
        return True
    return any(trains_on(inner, outputs, key, depth + 1) for inner in term.args)


def named(term: Term) -> object:
    """Return the key or the name by which an expression reads a part of another."""
    return plain(term.args[1]) if len(term.args) > 1 else term.text.rpartition(".")[2]


def changed_elsewhere(run: Run, forward: Forward) -> bool:
    """Return whether other code than what makes the batch writes a column of it, or may."""
    if not forward.columns:
        return True
    names = "|".join(map(re.escape, forward.columns))
    writes = re.compile(rf"[\"'](?:{names})[\"']\s{{0,9}}(?:\]\s{{0,9}}[-+*/|]?=(?!=)|:)")
    for source in run.sources:
        text = source.text
        for own, node in forward.makers:
            text = text.replace(own.segment(node), "") if own is source else text
        if writes.search(COMMENT.sub("", text)):
            return True
    return False


# ── the input ────────────────────────────────────────────────────────────────────────────────────────────────────────


def inputs_of(value: Value) -> Iterator[Part]:
    """Yield the ids that are joined to the input, in order, whether as such or as embeddings, and other embeddings."""
    term = terms(value)
    name = method_of(term) if term is not None and term.operation == "call" else ""
    given = argument(term, 0, "tensors", "input") if term is not None else Absent()
    if term is not None and name in JOINS:
        parts = contents(given)
        for one in parts if isinstance(parts, (list, tuple)) else ():
            yield from inputs_of(one)
    elif term is not None and name in COPIES:
        owner = receiver(term)
        yield from inputs_of(given if isinstance(owner, Absent) else owner)
    else:
        yield Part(given if name in EMBEDDINGS and not isinstance(given, Absent) else value)


def text_of(ids: Value) -> Value:
    """Return the text of some ids; what is none is a hole that cannot be read."""
    text, _ = tokenised_text(ids)
    if text is None:
        term = terms(ids)
        cut = term is not None and term.operation in ("slice", "item") and ends_early(term)
        return Unknown("tokens of which the last ones are left out" if cut else EMBEDDED, ids.trace)
    rows = contents(text) if not isinstance(text, Text) else None
    return resolved(joined(map(cell, rows)) if isinstance(rows, (list, tuple)) else cell(text))


def resolved(text: Value) -> Value:
    """Return a half of a text that the script splits at a mark in its template, `text.split("<mark>")[0]`."""
    if isinstance(text, Either):
        return Either(tuple(resolved(one) for one in text.options), text.condition, text.trace, text.test)
    if not isinstance(text, Term) or text.operation != "item":
        return text
    split = terms(text.args[0])
    if split is None or split.operation != "call" or not SPLIT.search(split.text) or not split.args:
        return text
    whole, mark, half = split.args[0], plain(split.args[1] if len(split.args) > 1 else Absent()), plain(text.args[1])
    parts = flat(whole)
    places = [i for i, part in enumerate(parts) if isinstance(part, str) and isinstance(mark, str) and mark in part]
    if half not in (0, 1) or len(places) != 1 or parts[places[0]].count(mark) != 1:
        return text
    before, after = parts[places[0]].split(mark)
    sides = (*parts[: places[0]], before), (after, *parts[places[0] + 1 :])
    return Text(tuple(part for part in sides[half] if part != ""), text.trace)


def chosen_together(texts: list[Value]) -> Value:
    """Return the texts one after the other; of neighbours that one condition decides, as it decides them together."""
    whole: list[Value] = []
    waiting: list[Value] = []  # what stands between two that may be decided together
    for text in texts:
        last = whole[-1] if whole else None
        if isinstance(text, Either) and isinstance(last, Either) and last.condition == text.condition:
            if text.condition and len(last.options) == len(text.options):
                pairs = zip(last.options, text.options)
                both = tuple(Text((*flat(a), *waiting, *flat(b)), b.trace) for a, b in pairs)
                whole[-1], waiting = Either(both, text.condition, text.trace, text.test), []
                continue
        if isinstance(text, Either):
            whole, waiting = [*whole, *waiting, text], []
        else:
            waiting.append(text)
    return Text(tuple(part for one in (*whole, *waiting) for part in flat(one)), texts[-1].trace if texts else ())


def spelling(value: object) -> str:
    term = terms(value) or terms(Known(value))
    return term.text if term is not None else ""
