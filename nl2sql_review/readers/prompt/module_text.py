"""Texts and labels that a module of the script makes of a batch in its `forward`, and gives to the model inside it.

The module puts prompt and answer together, as tokens or as their embeddings, and masks the labels of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...interpret.core.operations import freeze, lists_all
from ...interpret.core.recording import Call, Forward
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value, overrider
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
        read = [part.ids for part in self.inputs if (term := as_term(part.ids)) is None or not BOS.search(term.text)]
        texts = [text_of(ids) for ids in read]
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
    found = trained(run)
    if found is None:
        return None
    forward, call = found
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


def trained(run: Run) -> tuple[Forward, Call] | None:
    """Return what the only module that the loop trains does with a batch, and the call of the model that is trained."""
    found = [(forward, call) for forward in run.recording.forwards for call in labelled(forward)]
    if len(found) != 1 or not run.backward or run.trainer is not None:
        return None
    forward, call = found[0]
    key = returns_loss(forward, call)
    losses_of_loop = (loss for one in run.backward for loss in losses(one))
    if key is None or not all(trains_on(loss, forward.outputs, key) for loss in losses_of_loop):
        return None
    return forward, call


def rows_listed(run: Run) -> Fact | None:
    """Return how many rows the batch has that the script itself makes for its module; None if a loader makes it.

    It is a dictionary of lists, one element a row. Of one text there is one row; of several the module may make one,
    unless its tokenizer is given as many.
    """
    found = trained(run)
    if found is None or found[0].makers:
        return None
    forward = found[0]
    given = [call for call in run.calls if getattr(call.result, "text", "") in forward.outputs]
    counts = {count_of(call.get("$0")) for call in given}
    count, at = counts.pop() if len(counts) == 1 else 0, given[0].place if given else run.place
    tokenised = [call.get("text", "$0") for call in forward.calls if call.callee == TOKENIZER]
    if count == 0 or count > 1 and not (tokenised and all(len(elements(one)) == count for one in tokenised)):
        return Fact(Unknown("how many rows the batch has that the script makes itself"), at=at)
    columns = (column for call in given for column in (call.get("$0"), *contents(call.get("$0")).values()))
    by, trace = overrider(*(column for column in columns if isinstance(column, Value))), (at,) if at else ()
    value = Default(count, by, trace) if by else Known(count, trace)
    return Fact(value, at=at, note="the rows of the batch that the script makes")


def count_of(batch: Value) -> int:
    """Return how many elements each list of a dictionary has, of which one at least holds texts; 0 if they differ."""
    columns = contents(batch)
    if not isinstance(columns, dict) or isinstance(batch, Unknown) and not lists_all(batch):
        return 0
    lists = [elements(column) for column in columns.values()]
    texts = any(one and all(isinstance(plain_text(text), (str, Text)) for text in one) for one in lists)
    return len(lists[0]) if texts and len({len(one) for one in lists}) == 1 else 0


def elements(value: object) -> list[object]:
    """Return the elements of a list to which nothing can have been added."""
    whole = not isinstance(value, Unknown) or lists_all(value)
    found = contents(value)
    return list(found) if whole and isinstance(found, (list, tuple)) else []


def plain_text(value: object) -> object:
    """Return the text of a settled value, a value that is not settled as it is."""
    return value.value if isinstance(value, (Known, Default)) else value


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
    term = as_term(loss)
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


def as_term(value: object) -> Term | None:
    """Return a value, or an object of a library by itself, as an expression."""
    return terms(value) or terms(Known(value))
