"""Which tokens hand-made labels mask: those before the answer, others, or padding alone.

Labels are read part by part beside the ids, as in `[-100] * len(prompt_ids) + answer_ids`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown, Value
from ..dataset.columns import argument, method_of, receiver
from ..derive import plain
from ..run import Run
from ..spelling import terms
from .text import Piece, alternatives
from .tokens import COPIES, cell, tokenised_text

RESPONSE, MISPLACED, EVERYTHING = "response", "misplaced", "all"
REPLACED = re.compile(r"\] are replaced by \[?-100\b")  # after `its elements [0:len(prompt)`
PADDING_ONLY = "the labels mask padding only"


@dataclass(slots=True)
class Part:
    """Part of a row: some ids, or a repeated one. `count` is how often that is, `start` where a slice begins."""

    ids: Value
    count: Value | None = None
    start: Value | None = None
    masked: bool = False


def masked(run: Run, labels: Value, ids: Value | None) -> tuple[str, str] | None:
    """Return what the loss is computed on and a note; None if the making of the labels does not show it."""
    labels = cell(labels)
    if isinstance(labels, Either):
        found = [masked(run, option, ids) for option in labels.options]
        return found[0] if all(one == found[0] for one in found) else None
    if isinstance(labels, Unknown):
        return of_slice(labels.why)
    parts = parts_of(labels)
    row = parts_of(cell(ids)) if ids is not None else []
    if not any(part.masked for part in parts):
        return None
    return of_front(run, parts, row) if parts[0].masked else of_open_front(parts, row)


def of_slice(why: str) -> tuple[str, str] | None:
    """Return what `labels[:n] = …` leaves in the loss, by the words for the elements that are replaced."""
    before, *others = REPLACED.split(why)
    start, colon, stop = before.rpartition("its elements [")[2].partition(":")
    if len(others) != 1 or not colon or "\n" in start + stop:
        return None
    if stop and start in ("", "0"):
        return characters() if re.match(r"len\(f?[\"']", stop) else None
    if start.startswith("len(") and not stop and "pad" not in why:
        return MISPLACED, "the labels behind the prompt are masked, and those of the prompt are not"
    return None


def of_front(run: Run, parts: list[Part], row: list[Part]) -> tuple[str, str] | None:
    """Return what is in the loss if the labels begin with masked ones."""
    hidden, kept = counted(parts[0].count), next((part for part in parts if not part.masked), None)
    if hidden is None or kept is None:
        return None
    if (other := no_tokens(hidden)) is not None:
        return other
    same_row = [i for i, part in enumerate(row) if part.count is None and spelling(part.ids) == spelling(hidden)]
    if len(row) > 1 and same_row and same_row[0] > 0:
        return MISPLACED, "as many labels are masked as the answer has tokens, and not as the prompt has"
    before, whole = tokenised_text(hidden)[0], tokenised_text(kept.ids)[0]
    if before is None or whole is None:
        return None
    if kept.start is not None:
        length = counted(kept.start)
        if length is None or spelling(length) != spelling(hidden):
            return None
        if left_padded(run, kept.ids):
            return MISPLACED, "the rows are padded on the left, and the mask covers the padding instead of the prompt"
        rest = remaining(before, whole)
    else:
        texts = [tokenised_text(part.ids)[0] for part in parts if not part.masked and part.start is None]
        rest = [piece for text in texts if text is not None for piece in alternatives(text)[0]]
    if asks(rest) and answers(rest):
        return EVERYTHING, "only the beginning of the prompt is masked"
    return RESPONSE, ""


def of_open_front(parts: list[Part], row: list[Part]) -> tuple[str, str] | None:
    """Return what is in the loss if the labels begin with ids: the prompt, unless those are a BOS token."""
    first = parts[0]
    text = tokenised_text(first.ids)[0]
    if text is None or first.start is not None:
        return None
    pieces = alternatives(text)[0]
    if answers(pieces):
        return (EVERYTHING, PADDING_ONLY) if asks(pieces) else None
    hidden = [counted(part.count) for part in parts[1:] if part.masked]
    behind = [spelling(part.ids) for part in row[1:] if part.count is None]
    if any(one is not None and spelling(one) in behind for one in hidden):
        return MISPLACED, "the labels of the answer are masked, and those of the prompt are not"
    return None


def no_tokens(hidden: Value) -> tuple[str, str] | None:
    """Return what follows if a length is not that of some tokens: of a text, its words, or a tokenizer's result."""
    if isinstance(hidden, Text) or isinstance(hidden, (Known, Default)) and isinstance(hidden.value, str):
        return characters()
    if not isinstance(hidden, Term) or hidden.operation != "call":
        return None
    if method_of(hidden) == "split":
        return MISPLACED, "as many labels are masked as the prompt has words, and it has more tokens"
    if hidden.text.startswith("transformers.PreTrainedTokenizer.__call__("):
        return MISPLACED, "len() of the tokenizer's result counts its fields, input_ids and attention_mask, not tokens"
    return None


def characters() -> tuple[str, str]:
    return MISPLACED, "as many labels are masked as the prompt has characters, and it has fewer tokens"


# -- parts ---------------------------------------------------------------------------------------------------------


def parts_of(value: Value) -> list[Part]:
    """Return the parts of a row of ids or labels, without a truncation and copies of the whole."""
    term = terms(value)
    if term is None:
        ids = plain(value)
        return [Part(value, masked=isinstance(ids, list) and set(map(str, ids)) == {"-100"})]
    if term.operation == "call" and method_of(term) in COPIES:
        inner = receiver(term)
        return parts_of(argument(term, 0) if isinstance(inner, Absent) else inner)
    if term.operation == "slice":
        if isinstance(term.args[1], Known) and term.args[1].value in (None, 0):
            return parts_of(term.args[0])
        return [Part(term.args[0], start=term.args[1])]
    if term.operation != "op" or len(term.args) != 2:
        return [Part(term)]
    for one, count in (term.args, term.args[::-1]):
        listed = one.parts if isinstance(one, Unknown) else plain(one)
        if isinstance(listed, (list, tuple)) and len(listed) == 1 and "] * " in term.text[:60] + term.text[-60:]:
            if not isinstance(listed[0], Term) or "+" not in term.text.partition("] * ")[0]:
                return [Part(one, count=count, masked=listed[0] == -100)]
    return [part for arg in term.args for part in parts_of(arg)]


def counted(count: Value | None) -> Value | None:
    """Return what `len(…)` counts, or None for another number."""
    term = terms(count)
    return term.args[0] if term is not None and term.text.startswith("len(") and term.args else None


def spelling(value: object) -> str:
    """Return the code of some ids, by which two of them are compared."""
    term = terms(value)
    return term.text if term is not None else ""


def remaining(before: Value, whole: Value) -> list[Piece]:
    """Return the pieces of a text behind its beginning; none where the beginning is another text."""
    first, all_of = alternatives(before)[0], alternatives(whole)[0]
    holes = [spelling(piece.hole) for piece in first if piece.hole is not None]
    behind = [piece for piece in all_of if piece.hole is not None]
    if [spelling(piece.hole) for piece in behind[: len(holes)]] != holes:
        return []
    return behind[len(holes) :]


def asks(pieces: list[Piece]) -> bool:
    return any({"question", "schema"} & piece.roles and "sql" not in piece.roles for piece in pieces)


def answers(pieces: list[Piece]) -> bool:
    return any("sql" in piece.roles for piece in pieces)


def left_padded(run: Run, ids: Value) -> bool:
    """Return whether the tokenizer's call pads these ids, on the left as the script says."""
    call = tokenised_text(ids)[1]
    if call is None or plain(argument(call, 99, "padding")) not in (True, "max_length"):
        return False
    sides = [argument(call, 99, "padding_side")]
    for one in run.calls:
        if one.callee.endswith(".padding_side="):
            sides.append(next(iter(one.arguments.values()), Absent()))
        elif one.callee.endswith("Tokenizer.from_pretrained"):
            sides.append(one.get("padding_side"))
    stated = [plain(side) for side in sides if not isinstance(side, Absent)]
    return bool(stated) and all(side == "left" for side in stated)
