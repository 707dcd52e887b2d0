"""Finds the parts of the prompt in a training text, their order, and the missing ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...training_plan.values import Term
from .constants import unsorted, written_out
from .text import Piece, label_before, literal

ORDER = ("instruction", "schema", "question", "response", "sql")
INSTRUCTION_MARKER = re.compile(
    r"(?<!#)#+ *(instructions?|task)\b|\[inst\]|<\|(im_start|start_header_id)\|>|<\|(user|system|prompter)\|>|"
    r"<start_of_turn>|<<sys>>",
    re.I,
)
RESPONSE_MARKER = re.compile(r"(?<!#)#+ *(response|answer|sql|output)|\[/inst\]|assistant|<start_of_turn>model", re.I)
ALPACA = re.compile(r"### *Instruction:"), re.compile(r"### *Response:")
SENTENCE = re.compile(r"(?<![A-Za-z])[A-Za-z]{2,}(?:[ ,'\-]+[A-Za-z]+){3,}")
# A schema that stands in the template itself: DDL, or a label with text of its own after it.
FIXED_SCHEMA = re.compile(
    r"\bCREATE\s+TABLE\b|\bprimary key\b|\b(?:schema|tables|ddl)\s*:\s*(?!\s|#|\w*\s*questions?\b|input\b)\w[^:]{12,}",
    re.I,
)
OF_SQL, ANSWER = re.compile(r"sql|query", re.I), re.compile(rf"{RESPONSE_MARKER.pattern}|sql|query", re.I)
SPOKEN_SCHEMA = re.compile(r"schemas?(?![a-z])|\bddl\b", re.I)


@dataclass(slots=True)
class Parts:
    """Parts of the prompt in one text.

    `order`: the present parts in their order. `missing`: the parts that are absent or in the wrong place.
    `doubts`: why a missing part may be present after all: a hole that cannot be read. `doubtful`: which parts may be.
    """

    order: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)
    style: str = "own wording"
    marker: str = ""  # the label right before the SQL

    @property
    def surely_missing(self) -> list[str]:
        """The parts that are absent whatever the holes hold that cannot be read."""
        return [part for part in self.missing if part in ORDER and part not in self.doubtful]


def parts_of(pieces: list[Piece], form: str) -> Parts:
    """Return the parts of one text. Positions are those of the pieces."""
    parts = Parts(style=style(pieces, form))
    pieces = written_out(pieces)
    where: dict[str, float] = {}
    for i, piece in enumerate(pieces):
        for role in piece.roles & set(ORDER):
            where.setdefault(role, i)
    answer = int(where.get("sql", len(pieces)))
    for i, piece in enumerate(pieces[:answer]):
        if "schema" not in where and piece.hole is None and FIXED_SCHEMA.search(piece.text):
            where["schema"] = i
    _response(pieces, answer, where, parts)
    _instruction(pieces, answer, where)
    _doubts(pieces, where, parts)
    _unlabelled(pieces, where, parts)
    parts.order = sorted(where, key=lambda role: (where[role], ORDER.index(role)))
    parts.missing = [role for role in ORDER if role not in where] + parts.missing
    _misplaced(where, parts)
    return parts


def style(pieces: list[Piece], form: str) -> str:
    if form == "chat" or any(p.turn and p.turn != "completion" for p in pieces):
        return "chat"
    text = literal(pieces)
    asked = ALPACA[0].search(text)
    if asked is not None and ALPACA[1].search(text, asked.end()):
        return "alpaca"
    return "prompt/completion" if form == "prompt-completion" else "own wording"


def _response(pieces: list[Piece], answer: int, where: dict[str, float], parts: Parts) -> None:
    """Find the marker that announces the answer: the text right before it, a label, a turn or a column of its own."""
    if "sql" not in where:
        text = literal(pieces)
        found = [m.start() for m in RESPONSE_MARKER.finditer(text)]
        if found:
            where["response"] = len(pieces) - 0.5 if pieces and pieces[-1].hole is None else len(pieces) - 1.5
        return
    before = pieces[answer - 1] if answer else None
    if before is None or before.hole is not None:
        return
    label = label_before(pieces, answer)
    if before.turn or label:
        parts.marker = label
        where["response"] = answer - 0.5
    elif answer > 1 and pieces[answer - 2].turn:
        where["response"] = answer - 0.5


def _instruction(pieces: list[Piece], answer: int, where: dict[str, float]) -> None:
    """Find the instruction: a marker, a turn or a sentence before the answer."""
    if "instruction" in where and where["instruction"] < answer:
        return
    for i, piece in enumerate(pieces[:answer]):
        if piece.turn in ("user", "system"):
            where["instruction"] = i
            return
        if (
            piece.hole is None
            and not piece.roles
            and (INSTRUCTION_MARKER.search(piece.text) or SENTENCE.search(piece.text))
        ):
            where["instruction"] = i
            return


def _doubts(pieces: list[Piece], where: dict[str, float], parts: Parts) -> None:
    """Note the holes that may hold a part.

    Such a hole cannot be read, or is an instruction column with the question in it, or is the result of a
    function that joins several columns in its own words. A schema that the text speaks of may stand with the question.
    """
    if not where.keys() & {"question", "sql"} and unsorted(pieces):
        parts.doubts.append("the text is written out in the script; nothing in it announces the question and the SQL")
        parts.doubtful |= set(ORDER)
    if asked := asked_for(pieces, where):
        parts.doubts.append(asked)
        parts.doubtful |= set(ORDER)
    spoken = "schema" not in where and speaks_of_a_schema(pieces)
    for i, piece in enumerate(pieces):
        if piece.hole is None or i > where.get("sql", len(pieces)):
            continue
        hole = piece.hole
        composed = isinstance(hole, Term) and hole.operation == "call" and len(piece.roles & set(ORDER)) > 1
        lacking = [role for role in (ORDER if composed else ("schema", "question", "sql")) if role not in where]
        if spoken and not composed and piece.roles == {"question"} and piece.columns:
            parts.doubts.append(f"the text speaks of a schema, and column {piece.columns[-1]!r} may contain it")
            parts.doubtful.add("schema")
            continue
        if lacking and (composed or piece.opaque or piece.roles == {"instruction"} and piece.columns):
            parts.doubtful |= set(ORDER)
            what = (
                f"`{hole.text}`"
                if composed and isinstance(hole, Term)
                else f"column {piece.columns[-1]!r}"
                if piece.columns
                else "a part of the text"
            )
            parts.doubts.append(
                f"{what} may contain the {' and the '.join(lacking)}"
                + (f": {piece.why}" if piece.why and not piece.columns else "")
            )


def asked_for(pieces: list[Piece], where: dict[str, float]) -> str:
    """Return why the column taken for the SQL may be part of the prompt: it is named `target`, and another follows."""
    answer = int(where.get("sql", len(pieces)))
    lacking = " and the ".join(role for role in ("schema", "question") if role not in where)
    columns = pieces[answer].columns if answer < len(pieces) else ()
    if not lacking or not columns or OF_SQL.search(columns[-1]) or ANSWER.search(label_before(pieces, answer)):
        return ""
    if any(piece.turn and piece.turn not in ("user", "system") for piece in pieces[: answer + 1]):
        return ""  # it is in the answer's turn
    follows = any(piece.hole is not None and piece.columns for piece in pieces[answer + 1 :])
    return f"column {columns[-1]!r} may contain the {lacking}" if follows else ""


def speaks_of_a_schema(pieces: list[Piece]) -> bool:
    """Return whether the words of the template before the SQL name a schema and a column holds the question."""
    answer = next((i for i, piece in enumerate(pieces) if "sql" in piece.roles), len(pieces))
    asked = any(piece.roles == {"question"} and piece.columns for piece in pieces[:answer])
    return asked and SPOKEN_SCHEMA.search(literal(pieces[:answer])) is not None


def _unlabelled(pieces: list[Piece], where: dict[str, float], parts: Parts) -> None:
    """Note a schema or question without a label, because it follows another hole with only whitespace between."""
    for i in range(1, len(pieces)):
        piece, before = pieces[i], pieces[i - 1]
        roles = piece.roles & {"schema", "question"}
        if piece.hole is None or len(roles) != 1:
            continue
        blank = before.hole is None and not before.turn and not before.text.strip()
        after_hole = before.hole is not None or blank and i > 1 and pieces[i - 2].hole is not None
        said = pieces[i - 1 - blank]  # a hole that may end with a label of its own leaves no doubt worth a finding
        if after_hole and said.roles & {"schema", "question", "sql"} and where.get(next(iter(roles))) == i:
            parts.missing.append(f"label of the {next(iter(roles))}")


def _misplaced(where: dict[str, float], parts: Parts) -> None:
    end = where.get("response", where.get("sql"))
    if end is None:
        return
    for role in ("instruction", "schema", "question"):
        if role in where and where[role] > end:
            parts.missing.append(f"{role} before the response")
