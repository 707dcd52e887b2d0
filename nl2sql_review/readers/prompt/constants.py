"""Question and SQL that a training text writes out: no hole holds them, a label or a turn announces them."""

from __future__ import annotations

import re
from dataclasses import replace

from .text import EOS_LITERALS, Piece, announces, label_role

# A line of its own, or the begin of one: `### Question:`, `Question: How many …`, `**SQL**`, `[/INST]`.
LABEL = re.compile(r"^(?P<label>[#*<\[|/ \t]*[A-Za-z][A-Za-z /-]{1,30}[\]>*| \t]*:?[* \t]*)(?P<rest>\S.*)?$", re.M)
SQL = re.compile(r"^[\s`]*(?:sql\s)?(?:SELECT|WITH|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|MERGE)\b", re.I)
SELECTS, FROM = re.compile(r"\bSELECT\b", re.I), re.compile(r"\bFROM\b", re.I)
ENDS = re.compile("|".join(map(re.escape, EOS_LITERALS)))


def written_out(pieces: list[Piece]) -> list[Piece]:
    """Return a text with pieces of their own for its constant question and SQL, if no hole may hold them.

    A question counts right before the SQL, or with one that is constant, too: templates also say `Question: one
    sentence` where they describe what follows.
    """
    if any(piece.opaque for piece in pieces):
        return pieces
    held = {role for piece in pieces for role in piece.roles}
    split = [part for i, piece in enumerate(pieces) for part in _split(pieces, i, piece)]
    at = [i for i, piece in enumerate(split) if "sql" in piece.roles and ("sql" in held) == (piece.hole is not None)]
    if not at or any(piece.hole is not None and not piece.roles & {"eos", "bos"} for piece in split[at[-1] + 1 :]):
        return pieces
    answer = at[0] if "sql" in held else at[-1]
    asked = max((i for i in range(answer) if split[i].roles == {"question"} and split[i].hole is None), default=-1)
    if "question" in held or "sql" in held and any(len(one.text.split()) > 4 for one in split[asked + 1 : answer]):
        asked = -1
    kept: list[Piece] = []
    for i, piece in enumerate(split):
        constant = piece.hole is None and not piece.turn
        if constant and i not in (asked, answer) and kept and _plain(kept[-1]):
            kept[-1] = Piece(text=kept[-1].text + piece.text)
        else:
            kept.append(replace(piece, roles=frozenset()) if constant and i not in (asked, answer) else piece)
    return kept


def _plain(piece: Piece) -> bool:
    return piece.hole is None and not piece.turn and not piece.roles


def unsorted(pieces: list[Piece]) -> bool:
    """Return whether a text without holes has SQL in it that nothing announces."""
    constant = all(piece.hole is None or piece.roles & {"eos", "bos"} for piece in pieces)
    text = "".join(piece.text for piece in pieces) if constant else ""
    return reads_sql(text)


def reads_sql(text: str) -> bool:
    """Return whether a text has a query in it."""
    query = SELECTS.search(text)
    return query is not None and FROM.search(text, query.end()) is not None


def _split(pieces: list[Piece], i: int, piece: Piece) -> list[Piece]:
    """Return a constant piece in parts: what a label or the turn announces is one with its role."""
    if piece.hole is not None or piece.turn:
        return [piece]
    turn = next((before.turn for before in reversed(pieces[:i]) if before.turn), "")
    role = {"assistant": "sql", "completion": "sql", "user": "question"}.get(turn, "")
    marks = [found for found in LABEL.finditer(piece.text) if _role(found)]
    if not marks or role == "sql":
        return [replace(piece, roles=_holds(role, piece.text))]
    parts = [Piece(text=piece.text[: marks[0].start()])]
    for found, following in zip(marks, [*marks[1:], None]):
        end = following.start() if following is not None else len(piece.text)
        content = piece.text[found.end("label") : end]
        goes_on = (
            following is None and i + 1 < len(pieces) and not pieces[i + 1].turn and "eos" not in pieces[i + 1].roles
        )
        roles = frozenset[str]() if goes_on else _holds(_role(found), content)
        parts += [Piece(text=found.group("label")), Piece(text=content, roles=roles)]
    return [part for part in parts if part.text]


def _role(found: re.Match[str]) -> str:
    """Return "question" or "sql" for a line that announces it, else ""."""
    label = found.group("label").strip()
    if found.group("rest") and not label.endswith((":", "]", ">")) or len(label.split()) > 4 or not announces(label):
        return ""
    role = label_role(label)
    return role if role in ("question", "sql") else ""


def _holds(role: str, content: str) -> frozenset[str]:
    said = ENDS.sub("", content).strip()
    fits = role == "question" and len(said.split()) > 2 or role == "sql" and SQL.match(said) is not None
    return frozenset((role,)) if fits else frozenset()
