"""How a training text ends: with the end-of-sequence token, without it, or with something after it."""

from __future__ import annotations

from dataclasses import dataclass

from ...training_plan.values import Known, Term, Text, Value
from ..dataset.rows import collected
from .text import EOS_LITERALS, Piece
from .tokenizers import Family

# A chat template of these markers puts a line feed after the last turn itself; so may a text that imitates one.
TURN_ENDS = ("<|im_end|>", "<end_of_turn>", "<|end|>", "<turn|>")


@dataclass(slots=True)
class Ending:
    """`kind`: "eos", "none", "text after eos", "two eos", "cut off", "foreign eos", or "" when not known (`why`)."""

    kind: str = ""
    by: str = ""
    why: str = ""
    piece: Piece | None = None


def ending_of(
    pieces: list[Piece],
    literals: tuple[str, ...] = EOS_LITERALS,
    family: Family | None = None,
    settled: bool = True,
    chats: bool = False,
) -> Ending:
    """The ending of one text. `literals` are the spellings that count as an EOS token.

    `chats`: the model is one that brings a chat template. `settled` is False when the script changes the tokenizer's
    EOS token or template, so that the family tells nothing.
    """
    i, after = _last(pieces)
    if i < 0:
        return Ending("none", why="the text is empty")
    piece = pieces[i]
    if piece.turn:
        return Ending("text after eos", piece.turn, "the text goes on to open another answer", piece)
    found, by, rest = _eos_at(piece, literals)
    if found:
        return _with_eos(pieces, i, by, rest + after, literals, family, settled, chats)
    answer = next((k for k, p in enumerate(pieces) if "sql" in p.roles), -1)
    if any(_contains_eos(p, literals) for p in pieces[answer + 1 :] if answer >= 0):
        return Ending("text after eos", why="the EOS token stands before the end", piece=piece)
    if piece.hole is None:
        return Ending("none", piece=piece)
    return _hole(piece)


def _last(pieces: list[Piece]) -> tuple[int, str]:
    """Index of the last piece that is not white space, and the white space after it."""
    after = ""
    for i in range(len(pieces) - 1, -1, -1):
        piece = pieces[i]
        if piece.hole is not None or piece.turn or piece.text.strip():
            return i, after
        after = piece.text + after
    return -1, after


def _eos_at(piece: Piece, literals: tuple[str, ...]) -> tuple[bool, str, str]:
    """Whether this piece ends with an EOS token; how it is spelt; the white space that follows it."""
    if piece.hole is not None:
        if "eos" not in piece.roles:
            return False, "", ""
        return True, piece.why or "tokenizer.eos_token", ""
    bare = piece.text.rstrip()
    spelt = next((e for e in literals if bare.endswith(e)), "")
    return bool(spelt), spelt, piece.text[len(bare) :]


def _contains_eos(piece: Piece, literals: tuple[str, ...]) -> bool:
    return "eos" in piece.roles or piece.hole is None and any(e in piece.text for e in literals)


def _with_eos(
    pieces: list[Piece],
    i: int,
    by: str,
    rest: str,
    literals: tuple[str, ...],
    family: Family | None,
    settled: bool,
    chats: bool,
) -> Ending:
    piece = pieces[i]
    before, before_by = _eos_before(pieces, i, by, literals)
    if before:
        return _second(piece, by, before_by, family, settled, chats)
    if rest and by != "chat template" and by not in TURN_ENDS:
        return Ending("text after eos", by, "white space follows the EOS token", piece)
    if settled and family is not None and family.eos and by in EOS_LITERALS and by not in family.eos:
        return Ending(
            "foreign eos", by, f"{by} is not what ends a sequence of {family.name}, {' or '.join(family.eos)} is", piece
        )
    return Ending("eos", by, piece=piece)


def _second(piece: Piece, by: str, before: str, family: Family | None, settled: bool, chats: bool) -> Ending:
    """An end token after another: twice the same, or the end of a turn and then that of the sequence."""
    if before == by:
        return Ending("two eos", by, piece=piece)
    own = family.eos if family is not None and settled else ()
    if before == "chat template":
        if own and family is not None and family.turns is not None and family.turns[1].startswith("<start_of_turn>"):
            return Ending("eos", by, piece=piece)  # Gemma's template ends a turn, not the sequence
        if not settled or own and chats:
            return Ending("two eos", by, "the chat template ends with one already", piece)
        return Ending("", by, "whether the model's chat template ends with the EOS token already is not known", piece)
    if len(own) == 1 and {before, by} <= {*own, "tokenizer.eos_token"}:
        return Ending("two eos", by, f"{before} is the EOS token too", piece)
    if before in TURN_ENDS:
        return Ending("eos", by, piece=piece)
    return Ending("", by, f"whether {before} is the EOS token too is not known", piece)


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
        if hole.head == "slice" and hole.args and _is_text(hole.args[0]):
            return Ending("cut off", piece=piece)
        if "eos" in hole.text.lower():
            return Ending("", why=f"whether `{hole.text}` ends with the EOS token is not known", piece=piece)
        if collected(hole):
            return Ending("", why=f"what `{hole.text}` ends with is not known: {collected(hole)}", piece=piece)
        if not piece.roles:
            return Ending("", why=f"what `{hole.text}` ends with is not known", piece=piece)
        return Ending("none", piece=piece)
    return Ending("", why=piece.why or getattr(hole, "why", "") or "what the text ends with is not known", piece=piece)


def _is_text(value: Value) -> bool:
    return isinstance(value, Text) or isinstance(value, Known) and isinstance(value.value, str)
