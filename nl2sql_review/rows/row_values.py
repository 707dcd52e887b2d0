"""What a row becomes in the script: whether its filters keep it, and the training text made of it, by role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..data_files.records import kind_of
from .expressions import Compiler, Evaluate, NotKnown, Raises

ROLES = ("schema", "question", "sql")


class Values:
    """Values of a row: the holes of its training text by role, its text in pieces, and what is unknown of it."""

    __slots__ = ("roles", "whole", "pieces", "unknown", "limit", "cut", "no_text")

    def __init__(self) -> None:
        self.roles: dict[str, str] = {}
        self.whole = ""  # the schema before it was cut
        self.pieces: list[tuple[str, bool]] = []  # text, and whether it is the answer
        self.no_text: dict[str, str] = {}  # role -> what it is instead
        self.unknown: dict[str, str] = {}  # role -> why it is not known; "text" for the whole
        self.limit: int | None = None
        self.cut = False


class RowValues:
    """The filters and texts of a program, compiled, and evaluated row by row."""

    def __init__(self, program: Mapping[str, Any], tokenize: Callable[[str], list[int]] | None) -> None:
        # A token that is not known is shown as what stands for it.
        tokens = {name: program[name] or f"{{tokenizer.{name}_token}}" for name in ("eos", "bos")}
        compiler = Compiler(tokens, tokenize)
        self._texts = [[self._piece(piece, compiler) for piece in pieces] for pieces in program["texts"]]
        self._filters = [compiler.compile(made) for made in program["filters"]]

    @staticmethod
    def _piece(piece: Mapping[str, Any], compiler: Compiler) -> dict[str, Any]:
        if "hole" not in piece:
            return dict(piece)
        whole = piece["whole"] if piece["whole"] != piece["hole"] else None
        return {
            **piece,
            "role": next((role for role in ROLES if role in piece["roles"]), ""),
            "is_eos": "eos" in piece["roles"],
            "evaluate": compiler.compile(piece["hole"]),
            "uncut": compiler.compile(whole) if whole is not None and piece["kind"] else None,
        }

    def kept(self, row: Mapping[str, Any], unknown: Counter[str]) -> bool | None:
        """Return whether the script's filters keep a row; None if that is unknown."""
        known: bool | None = True
        for evaluate in self._filters:
            try:
                if not evaluate(row, []):
                    return False
            except Raises:
                known = None if known else known
            except NotKnown as error:
                unknown[f"filter: {error}"] += 1
                known = None
        return known

    def values(self, row: Mapping[str, Any]) -> Values:
        """Return the values of a row's training text, in which all texts that the script may make of it agree."""
        made = [self._text(row, pieces) for pieces in self._texts]
        if len(made) == 1:
            return made[0]
        first = made[0]
        for other in made[1:]:
            _agree(first, other)
        return first

    def _text(self, row: Mapping[str, Any], pieces: Sequence[Mapping[str, Any]]) -> Values:
        values = Values()
        answer = False
        for piece in pieces:
            if "turn" in piece:
                answer = piece["turn"] in ("completion", "assistant")
                continue
            if "text" in piece:
                values.pieces.append((piece["text"], answer))
                continue
            evaluate: Evaluate = piece["evaluate"]
            role = piece["role"]
            try:
                value = evaluate(row, [])
            except Raises as error:
                values.unknown["raises"] = str(error)
                return values
            except NotKnown as error:
                if not piece["is_eos"]:
                    values.unknown[role or "text"] = str(error)
                continue
            text = value if isinstance(value, str) else "" if value is None and role else str(value)
            if role and not isinstance(value, (str, type(None), int, float)):
                values.no_text[role] = kind_of(value)
            if role == "schema":
                self._schema(row, piece, text, values)
            if role:
                values.roles[role] = f"{values.roles[role]}\n{text}" if role in values.roles else text
            values.pieces.append((str(value), answer or role == "sql"))
        return values

    @staticmethod
    def _schema(row: Mapping[str, Any], piece: Mapping[str, Any], text: str, values: Values) -> None:
        whole = text
        if piece["uncut"] is not None:
            try:
                whole = str(piece["uncut"](row, []) or "")
            except (Raises, NotKnown):
                whole = text
            cut_off = piece["kind"] == "tables" or whole.startswith(text.rstrip())
            if whole.rstrip() != text.rstrip() and not cut_off:
                whole = text  # put together anew rather than cut
            values.cut, values.limit = whole.rstrip() != text.rstrip(), piece["limit"]
        values.whole = f"{values.whole}\n{whole}" if values.whole else whole


def _agree(first: Values, other: Values) -> None:
    """Keep the values in which two branches agree. If a schema is cut only when needed, the shorter text counts."""
    for role in dict.fromkeys((*first.roles, *other.roles)):
        one, two = first.roles.get(role), other.roles.get(role)
        if one == two:
            continue
        if one is not None and two is not None and (one.startswith(two) or two.startswith(one)) and role == "schema":
            shorter = first if len(one) < len(two) else other
            first.roles[role] = shorter.roles[role]
            first.cut, first.limit = first.cut or other.cut, first.limit or other.limit
            first.whole = max(first.whole, other.whole, key=len)
        else:
            first.unknown[role] = "it depends on a branch of the script"
            if one is None and two is not None:
                first.roles[role] = two
                first.unknown.pop(role)
    if "raises" in other.unknown and "raises" not in first.unknown:
        first.unknown["text"] = "it depends on a branch of the script"
