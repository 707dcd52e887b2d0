"""Which tokens hand-made labels mask: those before the answer, others, or padding alone.

Labels are read part by part beside the ids, as in `[-100] * len(prompt_ids) + answer_ids`.
"""

from __future__ import annotations

import re

from ...training_plan.values import Absent, Default, Either, Known, Term, Text, Value
from ..dataset.columns import argument, method_of, receiver
from ..derive import plain
from ..object_settings import last
from ..run import Run
from ..spelling import spelt, terms
from .label_parts import Part, alike, parts_of, spelling, uncopied, uncut
from .label_turns import by_turn
from .text import Piece, alternatives
from .tokens import TOKENIZERS, cell, tokenised_text

RESPONSE, MISPLACED, EVERYTHING = "response", "misplaced", "all"
LAST_REPLACED = re.compile(r"its elements \[-\d+:?\] are replaced by \[?-100\b")  # `labels[-1] = -100`
# How many tokens a tokenizer made of a text, as the script asks for it.
TOKENS = re.compile(
    r"(?:min\()?(?:len\((?:list\()?transformers\.PreTrainedTokenizer\.(?:encode\(|[^\n]{0,500}?input_ids)"
    r"|transformers\.PreTrainedTokenizer\.[^\n]{0,500}?input_ids\W{1,6}(?:0\]\.)?(?:shape\[-?1\]|size\(-?1\)))"
)
AS_ANSWER = "as many labels are masked as the answer has tokens, and not as the prompt has"
AS_PROMPT = "as many labels are kept as the prompt has tokens, and not as the answer has"
BEHIND = "the labels behind the prompt are masked, and those of the prompt are not"
LEFT_PADDED = "the rows are padded on the left, and the mask covers the padding instead of the prompt"
CHARACTERS = "as many labels are masked as the prompt has characters, and it has fewer tokens"
WORDS = "as many labels are masked as the prompt has words, and it has more tokens"
OF_TEXT = re.compile(r"len\(f?[\"'].*[\"'](\.split\(\))?\)$", re.DOTALL)
HIDDEN = re.compile(r"PreTrainedTokenizer\.\w+\(…")  # code that does not tell which text has these tokens
# Tokens of some turns of a chat without the one that the answer continues.
TURNS = re.compile(r"apply_chat_template\((?!…|.*(?:add_generation_prompt|\[:-1\]))", re.DOTALL)
ARITHMETIC = re.compile(r" [-+*/]+ [^()]*$")  # `len(prompt) + 9`
SHORT = 64  # no limit of a row
PADDING_ONLY = "the labels mask padding only"


def masked(run: Run, labels: Value, ids: Value | None) -> tuple[str, str] | None:
    """Return what the loss is computed on and a note; None if the making of the labels does not show it."""
    labels = cell(labels)
    if isinstance(labels, Either):
        found = [masked(run, option, ids) for option in uncut(labels)]
        return found[0] if all(one == found[0] for one in found) else None
    if ids is not None and (turns := by_turn(labels, cell(ids))) is not None:
        return turns
    parts = parts_of(labels)
    row = parts_of(cell(ids)) if ids is not None else []
    if not any(part.masked for part in parts):
        return (EVERYTHING, PADDING_ONLY) if all(part.without in ("pad", "padding") for part in parts) else None
    return of_front(run, parts, row) if parts[0].masked else of_open_front(parts, row)


def masks_end(labels: Value) -> bool:
    """Return whether the labels of the last tokens are masked: `labels[-1] = -100`, `answer[:-1] + [-100]`.

    So they are also by `labels[labels == tokenizer.eos_token_id] = -100`.
    """
    labels = cell(labels)
    if isinstance(labels, Either):
        return all(masks_end(option) for option in uncut(labels))
    said = spelt(labels)
    if LAST_REPLACED.search(said):
        return "padding=" not in said  # the last of a padded row is padding
    parts = parts_of(labels)
    if parts[-1].without == "eos":
        return True
    hidden = [part for part in parts if part.masked and part.count is None]
    return len(parts) > 1 and parts[-1] in hidden and parts[-2].left_out > 0 and not parts[-2].masked


def of_front(run: Run, parts: list[Part], row: list[Part]) -> tuple[str, str] | None:
    """Return what is in the loss if the labels begin with masked ones."""
    if TURNS.search(spelling(parts[0].count)):
        return None
    kept = next((part for part in parts if not part.masked), None)
    whole_row = uncopied(kept.ids) if kept is not None and kept.start is not None else None
    hidden = counted(parts[0].count, whole_row)
    if hidden is None or kept is None:
        return of_answer(parts[0], kept, row) or by_count(run, parts[0], kept, row)
    if (other := no_tokens(hidden)) is not None:
        return other
    if whole_row is not None and alike(hidden, whole_row):  # no label is left, or that is not known
        return None
    same_row = [i for i, part in enumerate(row) if part.count is None and alike(part.ids, hidden)]
    if len(row) > 1 and same_row and same_row[0] > 0:
        return MISPLACED, AS_ANSWER
    before, whole = tokenised_text(hidden)[0], tokenised_text(kept.ids)[0]
    if before is None or whole is None:
        return by_count(run, parts[0], kept, row)
    if kept.start is not None:
        length = counted(kept.start, whole_row)
        if length is None:
            return by_count(run, parts[0], kept, row)
        if not alike(length, hidden):
            return None
        if left_padded(run, kept.ids):
            return MISPLACED, LEFT_PADDED
        if cut_on_left(run, kept.ids):
            return None
        if (first := alternatives(before)[0]) and answers(first) and not asks(first):
            return MISPLACED, AS_ANSWER
        if not begins_alike(before, whole) or cut_shorter(hidden, kept.ids):
            return None
        rest = remaining(before, whole)
    else:
        texts = [tokenised_text(part.ids)[0] for part in parts if not part.masked and part.start is None]
        rest = [piece for text in texts if text is not None for piece in alternatives(text)[0]]
    if asks(rest) and answers(rest):
        return EVERYTHING, "only the beginning of the prompt is masked"
    return RESPONSE, ""


def by_count(run: Run, hidden: Part, kept: Part | None, row: list[Part]) -> tuple[str, str] | None:
    """Return "response" if as many labels are masked as the ids behind them leave out, and these are some tokens.

    The code alone says so, where a value is nested too deeply to hold its parts.
    """
    count = spelling(hidden.count)
    if kept is None or not count or spelling(kept.start) != count or ARITHMETIC.search(count) or HIDDEN.search(count):
        return None
    if (found := OF_TEXT.match(count)) is not None:
        return (MISPLACED, WORDS) if found[1] else (MISPLACED, CHARACTERS)
    behind = [text for part in row[1:] if part.count is None and (text := spelling(part.ids))]
    if any(f"len({text})" in count for text in behind) and " - " not in count:
        return MISPLACED, AS_ANSWER
    whole = [text for text in (spelling(kept.ids), *(spelling(part.ids) for part in row if len(row) == 1)) if text]
    if not TOKENS.match(count) or count in [f"len({text})" for text in whole]:
        return None
    asked = [piece for text in texts_counted(run, count) for piece in alternatives(text)[0]]
    if answers(asked) and not asks(asked):
        return MISPLACED, AS_ANSWER
    if left_padded(run, kept.ids):
        return MISPLACED, LEFT_PADDED
    return (RESPONSE, "") if not cut_on_left(run, kept.ids) else None


def texts_counted(run: Run, count: str) -> list[Value]:
    """Return the texts whose tokens are counted, by the code of the tokenizer's call."""
    calls = {getattr(c.result, "text", ""): c for c in run.calls if last(c.callee) in TOKENIZERS}
    return [call.get("text", "$0") for code, call in calls.items() if code and code in count]


def of_answer(hidden: Part, kept: Part | None, row: list[Part]) -> tuple[str, str] | None:
    """Return what is in the loss if as many labels are left at the end as some other ids are."""
    term, start = terms(hidden.count), terms(kept.start) if kept is not None else None
    if term is None or kept is None or start is None or term.operation != "op":
        return None
    whole: Value | None = kept.ids
    if term.text.startswith("-len("):  # `labels[: -len(answer)] = …`
        answer = counted(term.args[0])
    elif " - " in term.text and len(term.args) == 2:
        whole, answer = (counted(arg) for arg in term.args)
    else:
        return None
    if whole is None or answer is None or not alike(uncopied(whole), uncopied(kept.ids)):
        return None
    if start.text.startswith("-len(") and term.text.endswith(start.text[1:]):
        answer = counted(start.args[0]) or answer  # less deep, and so with more of its parts
    elif start.text != term.text:
        return None
    if isinstance(answer, Text) or isinstance(answer, (Known, Default)) and isinstance(answer.value, str):
        return MISPLACED, "as many labels are kept as the answer has characters, and it has fewer tokens"
    same_row = [i for i, part in enumerate(row) if part.count is None and alike(part.ids, answer)]
    if len(row) > 1 and same_row:
        return (RESPONSE, "") if same_row[0] > 0 else (MISPLACED, AS_PROMPT)
    text, all_of = tokenised_text(answer)[0], tokenised_text(kept.ids)[0]
    if text is None or all_of is None:
        return None
    if is_rest(text, all_of):
        return RESPONSE, ""
    pieces = alternatives(text)[0]
    if answers(pieces) and not asks(pieces):
        return RESPONSE, ""
    return (MISPLACED, AS_PROMPT) if asks(pieces) and not answers(pieces) else None


def is_rest(text: Value, whole: Value) -> bool:
    """Return whether a text is what stands in the whole one behind a separator: `whole.split(separator, 1)[1]`."""
    term = terms(text)
    if term is None or term.operation != "item" or plain(term.args[1]) not in (1, -1):
        return False
    split = terms(term.args[0])
    return (
        split is not None
        and split.operation == "call"
        and method_of(split) == "split"
        and bool(spelling(whole))
        and spelling(receiver(split)) == spelling(whole)
        and (plain(term.args[1]) == -1 or plain(argument(split, 1, "maxsplit")) == 1)
    )


def of_open_front(parts: list[Part], row: list[Part]) -> tuple[str, str] | None:
    """Return what is in the loss if the labels begin with ids: the prompt, unless those are a BOS token."""
    first = parts[0]
    if first.count is not None:
        return (MISPLACED, BEHIND) if counted(first.count) is not None or TOKENS.match(spelling(first.count)) else None
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
        return MISPLACED, CHARACTERS
    if not isinstance(hidden, Term) or hidden.operation != "call":
        return None
    if method_of(hidden) == "split":
        return MISPLACED, WORDS
    if hidden.text.startswith("transformers.PreTrainedTokenizer.__call__("):
        return MISPLACED, "len() of the tokenizer's result counts its fields, input_ids and attention_mask, not tokens"
    return None


def counted(count: Value | None, row: Value | None = None) -> Value | None:
    """Return what `len(…)` counts, also with a token more or less, or cut to a limit; None for another number.

    The length of the `row` itself is a limit, too.
    """
    if isinstance(count, Either):
        lengths = [counted(option, row) for option in uncut(count)]
        return lengths[0] if len(lengths) == 1 else None
    term = terms(count)
    if term is None or not term.args:
        return None
    if term.text.startswith("min(") and any(isinstance(n := plain(a), int) and n < SHORT for a in term.args):
        return None
    if term.text.startswith("min(") or term.operation == "op" and has_small_number(term):
        found = [one for arg in term.args if (one := counted(arg, row)) is not None]
        if row is not None and len(found) > 1:
            found = [one for one in found if not alike(one, row)]
        return found[0] if len(found) == 1 else None
    return term.args[0] if term.operation == "call" and term.text.startswith("len(") else None


def has_small_number(term: Term) -> bool:
    """Return whether a sum or difference has a number of up to three, as of a BOS token."""
    return any(plain(arg) in (1, 2, 3) for arg in term.args) and re.search(r" [-+] ", term.text) is not None


def remaining(before: Value, whole: Value) -> list[Piece]:
    """Return the pieces of a text behind its beginning; none where the beginning is another text."""
    first, all_of = alternatives(before)[0], alternatives(whole)[0]
    holes = [spelling(piece.hole) for piece in first if piece.hole is not None]
    behind = [piece for piece in all_of if piece.hole is not None]
    if [spelling(piece.hole) for piece in behind[: len(holes)]] != holes:
        return []
    return behind[len(holes) :]


def begins_alike(before: Value, whole: Value) -> bool:
    """Return whether two texts may begin alike: the tokens of the question alone are not those of the prompt."""
    fronts = [[piece for piece in alternatives(text)[0] if "bos" not in piece.roles][:1] for text in (before, whole)]
    if not all(fronts):
        return True
    one, other = (front[0] for front in fronts)
    if one.hole is None and other.hole is None:
        return one.text.startswith(other.text) or other.text.startswith(one.text)
    return one.hole is not None and other.hole is not None


def cut_shorter(counted_ids: Value, row: Value) -> bool:
    """Return whether the ids that are counted may be cut where those of the row go on."""
    first, whole = (tokenised_text(ids)[1] for ids in (counted_ids, row))
    limits = [plain(argument(call, 99, "max_length")) if call is not None else None for call in (first, whole)]
    if first is None or plain(argument(first, 99, "truncation")) in (None, False) or not isinstance(limits[0], int):
        return False
    return not isinstance(limits[1], int) or limits[0] < limits[1]


def asks(pieces: list[Piece]) -> bool:
    return any({"question", "schema"} & piece.roles and "sql" not in piece.roles for piece in pieces)


def answers(pieces: list[Piece]) -> bool:
    return any("sql" in piece.roles for piece in pieces)


def left_padded(run: Run, ids: Value) -> bool:
    """Return whether the tokenizer's call pads these ids, on the left as the script says."""
    call = tokenised_text(ids)[1]
    pads = call is not None and plain(argument(call, 99, "padding")) in (True, "max_length")
    return pads and is_left(run, call, "padding_side")


def cut_on_left(run: Run, ids: Value) -> bool:
    """Return whether long rows lose tokens of the prompt, so that a mask as long as the prompt may reach the answer."""
    call = tokenised_text(ids)[1]
    cuts = call is not None and plain(argument(call, 99, "truncation")) not in (None, False)
    return any(part.start is not None for part in parts_of(ids)) or cuts and is_left(run, call, "truncation_side")


def is_left(run: Run, call: Term | None, name: str) -> bool:
    """Return whether the script says that the tokenizer pads or cuts on the left, wherever it says anything of it."""
    sides = [argument(call, 99, name)] if call is not None else []
    for one in run.calls:
        if one.callee.endswith(f".{name}="):
            sides.append(next(iter(one.arguments.values()), Absent()))
        elif one.callee.endswith("Tokenizer.from_pretrained"):
            sides.append(one.get(name))
    stated = [plain(side) for side in sides if not isinstance(side, Absent)]
    return bool(stated) and all(side == "left" for side in stated)
