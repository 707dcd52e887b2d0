"""End of a training text: with the end-of-sequence token, without it, or with something after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...training_plan.values import Known, Term, Text, Value
from ..dataset.rows import collected
from .text import EOS_LITERALS, Piece

if TYPE_CHECKING:
    from .tokenizer import ChatEnd, Tokenizer

TEMPLATE = "chat template"
# A chat template of these markers puts a line feed after the last turn itself; so may a text that imitates one.
# How scripts write an end token of a tokenizer that is their own: [EOS], <|eoa|>, <END>.
MARK = re.compile(r"(?:<[^<>\s/]*|\[[^\[\]\s/]*)(?:eo[a-z]|end|stop)[^<>\[\]\s]*[>\]]$", re.IGNORECASE)
TURN_ENDS = ("<|im_end|>", "<end_of_turn>", "<|end|>", "<turn|>")


@dataclass(slots=True)
class Ending:
    """Ending of a text, by `kind`.

    `kind`: "eos", "none", "text after eos", "two eos", "cut off", "foreign eos", "untrained eos", or "". "" is
    unknown, and `why` is the reason.
    """

    kind: str = ""
    by: str = ""
    why: str = ""
    piece: Piece | None = None


def ending_of(pieces: list[Piece], tokenizer: Tokenizer, call: Value | None = None) -> Ending:
    """Return the ending of one text; `call` is the expression that applies a chat template, if any."""
    i, after = _last(pieces)
    if i < 0:
        return Ending("none", why="the text is empty")
    piece = pieces[i]
    if piece.turn:
        return Ending("text after eos", piece.turn, "the text continues with the start of another answer", piece)
    found, by, rest = _eos_at(piece, tokenizer.literals)
    if found:
        return _with_eos(pieces, i, by, rest + after, tokenizer, call)
    answer = next((k for k, p in enumerate(pieces) if "sql" in p.roles), -1)
    if any(_contains_eos(p, tokenizer.literals) for p in pieces[answer + 1 :] if answer >= 0):
        return Ending("text after eos", why="the EOS token comes before the end", piece=piece)
    if piece.hole is None:
        return _own_mark(piece, tokenizer)
    return _hole(piece)


def _own_mark(piece: Piece, tokenizer: Tokenizer) -> Ending:
    """Return the ending of a text whose last words may be a token of the script's own, where no EOS token is known."""
    bare = piece.text.rstrip()
    added = next((t for t in tokenizer.added if bare.endswith(t.strip())), "")
    if added:
        why = f"the text ends with {added}, a token that the script adds; whether generation stops there is not shown"
        return Ending("", added, why, piece)
    mark = MARK.search(bare)
    if mark is not None and _eos_is_unknown(tokenizer):
        return _of_unknown_model(mark.group(), tokenizer, piece)
    return Ending("none", piece=piece)


def _eos_is_unknown(tokenizer: Tokenizer) -> bool:
    return tokenizer.member is None and (tokenizer.family is None or not tokenizer.family.eos)


def _of_unknown_model(by: str, tokenizer: Tokenizer, piece: Piece) -> Ending:
    why = f"the text ends with {by}; it is unknown whether {tokenizer.words} stops there"
    return Ending("", by, why, piece)


def _last(pieces: list[Piece]) -> tuple[int, str]:
    """Return the index of the last piece that is not whitespace, and the whitespace after it."""
    after = ""
    for i in range(len(pieces) - 1, -1, -1):
        piece = pieces[i]
        if piece.hole is not None or piece.turn or piece.text.strip():
            return i, after
        after = piece.text + after
    return -1, after


def _eos_at(piece: Piece, literals: tuple[str, ...]) -> tuple[bool, str, str]:
    """Return whether this piece ends with an EOS token, how it is written, and the whitespace that follows it."""
    if piece.hole is not None:
        if "eos" not in piece.roles:
            return False, "", ""
        return True, piece.why or "tokenizer.eos_token", ""
    bare = piece.text.rstrip()
    spelt = next((e for e in literals if bare.endswith(e)), "")
    return bool(spelt), spelt, piece.text[len(bare) :]


def _contains_eos(piece: Piece, literals: tuple[str, ...]) -> bool:
    return "eos" in piece.roles or piece.hole is None and any(e in piece.text for e in literals)


def _with_eos(pieces: list[Piece], i: int, by: str, rest: str, tokenizer: Tokenizer, call: Value | None) -> Ending:
    piece = pieces[i]
    before, before_by = _eos_before(pieces, i, by, tokenizer.literals)
    if before:
        return _second(piece, by, before_by, tokenizer, call)
    if by == TEMPLATE:
        return of_template(tokenizer, call, piece)
    if rest and by not in TURN_ENDS:
        return Ending("text after eos", by, "white space follows the EOS token", piece)
    if by in EOS_LITERALS and by not in tokenizer.own_eos:
        foreign = _foreign(by, tokenizer, tokenizer.chat_end() if tokenizer.setter is not None else None)
        if foreign:
            return Ending("foreign eos", by, foreign, piece)
        if _eos_is_unknown(tokenizer):
            return _of_unknown_model(by, tokenizer, piece)
    return Ending("eos", by, piece=piece)


def of_template(tokenizer: Tokenizer, call: Value | None, piece: Piece | None = None) -> Ending:
    """Return the ending that a chat template gives a text: a token at which the model stops, or another one."""
    end = tokenizer.chat_end(call)
    if end.why:
        return Ending("", TEMPLATE, end.why, piece)
    if not end.token:
        return Ending("none", TEMPLATE, f"{end.by} writes no token after the answer", piece)
    stops = tokenizer.stops(end)
    if end.token == "eos" or stops is not None and end.token in stops:
        if tokenizer.assistant_only and end.marked and end.in_loss is False:
            return Ending("untrained eos", TEMPLATE, f"it comes after {{% endgeneration %}} in {end.by}", piece)
        return Ending("eos", TEMPLATE, piece=piece)
    if stops is None:
        why = f"{end.by} ends the answer with {end.token}; it is unknown whether {tokenizer.words} stops there"
        return Ending("", TEMPLATE, why, piece)
    why = f"{end.by} ends the answer with {end.token}, but {tokenizer.words} stops at {' or '.join(stops)}"
    return Ending("foreign eos", TEMPLATE, why, piece)


def of_turns(tokenizer: Tokenizer) -> Ending:
    """Return the ending of a chat in which only the end tokens that the configuration names are in the loss."""
    end, stated = tokenizer.chat_end(), tokenizer.stated
    assert stated is not None and stated.trained_ends is not None
    if end.why:
        return Ending("", TEMPLATE, end.why)
    eos = tokenizer.eos(end)
    token = (eos or "tokenizer.eos_token") if end.token == "eos" else end.token
    trained = stated.trained_ends or ((eos,) if eos is not None else ())
    if token in trained or end.token == "eos" and not stated.trained_ends:
        return Ending("eos", TEMPLATE)
    if not trained:
        return Ending("", TEMPLATE, f"{end.by} ends a turn with {token}; it is unknown whether that is the EOS token")
    why = f"{end.by} ends the answer with {token}, but only {' and '.join(trained)} of the end tokens is trained on"
    return Ending("untrained eos", TEMPLATE, why)


def _foreign(by: str, tokenizer: Tokenizer, end: ChatEnd | None) -> str:
    """Return why a literal does not end a sequence of the model, or "" if it does or may."""
    if end is not None and (end.why or end.sets_eos == by) or tokenizer.eos_open:
        return ""
    stops = tokenizer.stops(end)
    if stops is None or tokenizer.member is None:
        family = tokenizer.family
        if not tokenizer.settled or family is None or not family.eos or by in family.eos:
            return ""
        return f"{by} is not the EOS token of {family.name}: that is {' or '.join(family.eos)}"
    return "" if by in stops else f"{by} is not the EOS token of {tokenizer.words}: that is {' or '.join(stops)}"


def _second(piece: Piece, by: str, before: str, tokenizer: Tokenizer, call: Value | None) -> Ending:
    """Return the ending of two end tokens in a row: the same one twice, or a turn end followed by the sequence end."""
    if before == by:
        return Ending("two eos", by, piece=piece)
    end = tokenizer.chat_end(call) if before == TEMPLATE else None
    if end is not None:
        if end.why:
            why = f"it is unknown whether the model's chat template already ends with the EOS token: {end.why}"
            return Ending("", by, why, piece)
        before = "tokenizer.eos_token" if end.token == "eos" else end.token or "nothing"
    eos = tokenizer.eos(end)
    own = {"tokenizer.eos_token", eos} if eos is not None else {"tokenizer.eos_token"}
    if before in own and by in own:
        said = "the chat template already ends with one" if end is not None else f"{before} is also the EOS token"
        return Ending("two eos", by, said, piece)
    if eos is not None or end is not None or before in TURN_ENDS:
        return Ending("eos", by, piece=piece)
    return Ending("", by, f"it is unknown whether {before} is also the EOS token", piece)


def _eos_before(pieces: list[Piece], i: int, by: str, literals: tuple[str, ...]) -> tuple[bool, str]:
    piece = pieces[i]
    if piece.hole is None:
        head = piece.text.rstrip()[: -len(by)].rstrip() if by else ""
        if head:
            spelt = next((e for e in literals if head.endswith(e)), "")
            return bool(spelt), spelt
    j, _ = _last(pieces[:i])
    if j < 0 or pieces[j].turn:
        return False, ""
    found, spelt, _ = _eos_at(pieces[j], literals)
    return found, spelt


def _hole(piece: Piece) -> Ending:
    hole = piece.hole
    if isinstance(hole, Term):
        if hole.operation == "slice" and hole.args and _is_text(hole.args[0]):
            return Ending("cut off", piece=piece)
        if "eos" in hole.text.lower():
            return Ending("", why=f"it is unknown whether `{hole.text}` ends with the EOS token", piece=piece)
        if collected(hole):
            return Ending("", why=f"it is unknown how `{hole.text}` ends: {collected(hole)}", piece=piece)
        if not piece.roles:
            return Ending("", why=f"it is unknown how `{hole.text}` ends", piece=piece)
        return Ending("none", piece=piece)
    return Ending("", why=piece.why or getattr(hole, "why", "") or "it is unknown how the text ends", piece=piece)


def _is_text(value: Value) -> bool:
    return isinstance(value, Text) or isinstance(value, Known) and isinstance(value.value, str)
