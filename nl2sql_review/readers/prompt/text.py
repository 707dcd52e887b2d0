"""A training text, piece by piece: the literals, the contents of each hole, and their parts of the prompt.

`alternatives(value)` turns the value of a text into the texts it may be, each a list of `Piece`. Nothing is
judged here: `prompt.py` reads the order of the parts and the ending from the pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...interpret.core.operations import lists_all
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value, is_optional
from ..dataset.columns import (
    OPAQUE_COLUMNS,
    argument,
    column_role,
    columns_read,
    method_of,
    names_database,
    receiver,
)
from ..derive import contents

MAX_ALTERNATIVES = 8

EOS_LITERALS = (
    "</s>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "<end_of_turn>", "<|end|>",
    "<|EOT|>", "<|return|>", "<｜end▁of▁sentence｜>", "<turn|>", "<|END_OF_TURN_TOKEN|>", "<|end_of_role|>",
)  # fmt: skip
BOS_LITERALS = ("<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>", "<｜begin▁of▁sentence｜>")

LABEL_WORDS = re.compile(
    r"(?P<question>questions?|utterance|user (?:query|request)|request|natural language(?: query)?)"
    r"|(?P<schema>schemas?|tables?(?! of contents)|ddl|context|database)"
    r"|(?P<sql>response|answer|output|completion|sql(?: query| code| statement)?|query|gpt|model|\[/inst\]"
    r"|(?<![a-z] )assistant)"  # which "You are a helpful assistant with these tools:" does not announce
    r"|(?P<instruction>instructions?|task|system)"
    r"|(?P<input>input|user|human|prompt|\[inst\])",
    re.IGNORECASE,
)
SPEAKERS = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant", "ai": "assistant"}
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


@dataclass(slots=True)
class Piece:
    """Literal text, a hole, or the start of a chat turn.

    `roles` of a hole: instruction, database (its name), schema, question, sql, eos, bos; empty if its content cannot
    be told. `turn` is the speaker if the piece opens a turn. `why` is the reason why a hole cannot be read.
    """

    text: str = ""
    hole: Value | None = None
    roles: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    turn: str = ""
    why: str = ""

    @property
    def opaque(self) -> bool:
        return self.hole is not None and not self.roles

    @property
    def place(self) -> Place | None:
        trace = self.hole.trace if self.hole is not None else ()
        return trace[-1] if trace else None


def is_eos(value: object) -> bool:
    """Return whether a hole is filled with the tokenizer's own end-of-sequence token."""
    if isinstance(value, Term):
        if value.operation == "attribute":
            return value.text.endswith(".eos_token")
        if value.operation == "item":
            return value.text.endswith(('["eos_token"]', "['eos_token']"))
        if value.operation == "call":
            callee = value.text.partition("(")[0]
            if callee.endswith((".decode", ".convert_ids_to_tokens")):
                return "eos_token_id" in value.text
            return callee in ("str", "builtins.str") and any(is_eos(a) for a in value.args)
        if value.operation == "or":
            return any(is_eos(a) for a in value.args[:1])
    return False


def is_bos(value: object) -> bool:
    return isinstance(value, Term) and value.operation == "attribute" and value.text.endswith(".bos_token")


# ── the text as pieces ───────────────────────────────────────────────────────────────────────────────────────────────


def alternatives(value: Value) -> list[list[Piece]]:
    """Return the texts this value may be. Branches inside a text make several, at most `MAX_ALTERNATIVES`."""
    texts = [_merge(pieces) for pieces in _alternatives(value, 0)]
    for pieces in texts:
        assign_roles(pieces)
    return texts


def _alternatives(value: str | Value, depth: int) -> list[list[Piece]]:
    if isinstance(value, str):
        return [[Piece(text=value)]]
    if depth > 10:
        return [[Piece(hole=Unknown("the text is nested too deeply"))]]
    if isinstance(value, (Known, Default)):
        inner = value.value
        if isinstance(inner, (str, int, float)) and not isinstance(inner, bool):
            return [[Piece(text=str(inner))]]
        return [[Piece(hole=value, why="is not a string")]]
    if isinstance(value, Text):
        return _in_turn(value.parts, lambda part: _alternatives(_as_value(part), depth + 1))
    if isinstance(value, Either):
        return [pieces for option in value.options for pieces in _alternatives(option, depth + 1)]
    if isinstance(value, Unknown):
        return [[Piece(hole=value, why=value.why)]]
    messages = chat_call(value)
    if messages is not None:
        return chat(messages, value, depth + 1)
    whole = trimmed(value)
    if whole is not None:
        return [trim(pieces) for pieces in _alternatives(whole, depth + 1)]
    if (both := two_columns(value)) is not None:
        return _alternatives(Text(both), depth + 1)
    return [[Piece(hole=value)]]  # an expression: assign_roles says what it holds


def two_columns(value: Value) -> tuple[Value, Value] | None:
    """Return the parts of `row["a"] + row["b"]`, two columns one after the other; None of anything else."""
    args = value.args if isinstance(value, Term) and value.operation == "op" else ()
    if len(args) != 2 or not all(isinstance(one, Term) and columns_read(one) for one in args):
        return None
    spelt = " + ".join(one.text for one in args if isinstance(one, Term))
    return (args[0], args[1]) if isinstance(value, Term) and value.text == spelt else None


# ── chats ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def chat_call(value: object) -> Value | None:
    """Return the messages of a `tokenizer.apply_chat_template(messages, …)` expression, else None.

    Of a batch it is one text that counts: `texts[i]` of what the template makes of the batch.
    """
    value = batched(value) or value
    if isinstance(value, Term) and value.operation == "call" and method_of(value) == "apply_chat_template":
        messages = argument(value, 0, "conversation", "messages")
        return (
            messages if not isinstance(messages, Absent) else Unknown("it is unknown which messages the template gets")
        )
    return None


def batched(value: object) -> Term | None:
    """Return the expression that applies a chat template to a batch, of which a value is one text, else None."""
    call = value.args[0] if isinstance(value, Term) and value.operation == "item" and value.args else None
    if not isinstance(call, Term) or call.operation != "call" or method_of(call) != "apply_chat_template":
        return None
    messages = argument(call, 0, "conversation", "messages")
    return call if isinstance(messages, Unknown) and "a batch" in messages.why else None


def chat_call_of(value: object) -> Value | None:
    """Return the expression in a text that applies a chat template, trimmed or joined or not; None if there is none."""
    inner = trimmed(value) or value
    if isinstance(inner, Text):
        return next((found for part in inner.parts if (found := chat_call_of(part)) is not None), None)
    if isinstance(inner, Either):
        return next((found for option in inner.options if (found := chat_call_of(option)) is not None), None)
    return (batched(inner) or inner) if isinstance(inner, Term) and chat_call(inner) is not None else None


def chat(messages: Value, call: Value | None = None, depth: int = 0) -> list[list[Piece]]:
    """Return the turns of a list of messages, with the end-of-turn token that a chat template adds at the end.

    `call` is the expression that applies the template, if the script does so itself.
    """
    prompt_only = isinstance(call, Term) and re.search(r"add_generation_prompt=(True|1)\b", call.text) is not None
    ending = (
        Piece(turn="assistant")
        if prompt_only
        else Piece(hole=call or messages, roles=frozenset(("eos",)), why="chat template")
    )
    if isinstance(messages, Either):
        return [text for option in messages.options for text in chat(option, call, depth + 1)][:MAX_ALTERNATIVES]
    listed = contents(messages)
    if not isinstance(listed, (list, tuple)):
        why = messages.why if isinstance(messages, Unknown) else "the content of the messages is not in the script"
        return [[Piece(hole=messages, why=why), ending]]
    return [text + [ending] for text in _in_turn(listed, lambda message: _turn(message, depth + 1))]


def _turn(message: object, depth: int) -> list[list[Piece]]:
    if isinstance(message, Either) and not is_optional(message):
        return [text for option in message.options for text in _turn(option, depth)]
    fields = contents(message)
    fields = fields if isinstance(fields, dict) else {}
    role = _first(fields, "role", "from")
    content = _first(fields, "content", "value")
    speaker = role.value if isinstance(role, (Known, Default)) else role
    speaker = SPEAKERS.get(speaker, speaker) if isinstance(speaker, str) else "someone"
    if not fields or content is None and isinstance(message, Unknown):  # some of it is elsewhere
        hole = message if isinstance(message, Unknown) else Unknown("a message that is not in the script")
        return [[Piece(turn=speaker), Piece(hole=hole, why="a message that is not in the script")]]
    return [[Piece(turn=speaker), *text] for text in _content(content if content is not None else "", depth)]


def _content(content: object, depth: int) -> list[list[Piece]]:
    """Return the text of a message: its content itself, or that of the blocks of which it is a list."""
    if isinstance(content, Either) and not is_optional(content):
        return [text for option in content.options for text in _content(option, depth)]
    whole = not isinstance(content, Unknown) or lists_all(content)
    blocks = contents(content) if whole else None
    if not isinstance(blocks, (list, tuple)):
        return _alternatives(content if isinstance(content, (str, Value)) else Known(content), depth)
    return _in_turn(blocks, lambda block: _block(block, depth))


def _block(block: object, depth: int) -> list[list[Piece]]:
    """Return the text of one block of a message; an image or the like has none."""
    fields = contents(block)
    if isinstance(fields, dict) and "text" in fields:
        return _content(fields["text"], depth)
    kind = contents(fields["type"]) if isinstance(fields, dict) and "type" in fields else None
    if isinstance(kind, str) and kind != "text":
        return [[]]
    return [[Piece(hole=_as_value(block), why="a part of a message that is not in the script")]]


def _in_turn(parts: Iterable[object], read: Callable[[object], list[list[Piece]]]) -> list[list[Piece]]:
    """Return the texts that parts make one after the other; a part whose branches would make too many is a hole."""
    texts: list[list[Piece]] = [[]]
    for part in parts:
        options = read(part)
        if len(options) * len(texts) > MAX_ALTERNATIVES:
            turn = [piece for piece in options[0][:1] if piece.turn]
            options = [[*turn, Piece(hole=_as_value(part), why="one of many branches")]]
        texts = [text + option for text in texts for option in options]
    return texts


def _as_value(part: object) -> Value:
    return part if isinstance(part, Value) else Known(part)


def _first(fields: dict[Any, Any], *names: str) -> Any:
    return next((fields[n] for n in names if n in fields), None)


# ── strip ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def trimmed(value: object) -> Value | None:
    """Return the text inside `text.strip()` and the like, or inside `text.removeprefix(bos)`, else None."""
    if (
        isinstance(value, Term)
        and value.operation == "call"
        and method_of(value) in ("strip", "rstrip", "lstrip", "removeprefix")
    ):
        inner = receiver(value)
        if isinstance(inner, (Text, Known)) or chat_call(inner) is not None:
            return inner
    return None


def trim(pieces: list[Piece]) -> list[Piece]:
    pieces = _merge(pieces)
    if pieces and pieces[0].hole is None and not pieces[0].turn:
        pieces[0] = Piece(text=pieces[0].text.lstrip())
    if pieces and pieces[-1].hole is None and not pieces[-1].turn:
        pieces[-1] = Piece(text=pieces[-1].text.rstrip())
    return pieces


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _merge(pieces: list[Piece]) -> list[Piece]:
    """Join neighbouring literals and drop empty ones."""
    merged: list[Piece] = []
    for piece in pieces:
        literal = piece.hole is None and not piece.turn
        if literal and not piece.text:
            continue
        if literal and merged and merged[-1].hole is None and not merged[-1].turn:
            merged[-1] = Piece(text=merged[-1].text + piece.text)
        else:
            merged.append(piece)
    return merged


def assign_roles(pieces: list[Piece]) -> None:
    """Set which part of the prompt each hole holds: by the columns it reads, else by the label before it."""
    speaker = ""
    for i, piece in enumerate(pieces):
        if piece.turn:
            speaker = piece.turn
            continue
        if piece.hole is None or piece.roles:
            continue
        if is_eos(piece.hole):
            piece.roles = frozenset(("eos",))
        elif is_bos(piece.hole):
            piece.roles = frozenset(("bos",))
        else:
            piece.columns = tuple(columns_read(piece.hole))
            piece.roles = _roles(piece, label_before(pieces, i), speaker)


def _roles(piece: Piece, label: str, speaker: str) -> frozenset[str]:
    if names_database(piece.hole):
        return frozenset(("database",))
    roles = {role for role in map(column_role, piece.columns) if role}
    if not roles and isinstance(piece.hole, Term) and not any(c in OPAQUE_COLUMNS for c in piece.columns):
        roles = {
            role
            for role in map(column_role, WORD.findall(QUOTED.sub(_name, piece.hole.text)))
            if role in ("schema", "question", "sql")
        }
    said = label_role(label)
    if said == "sql" and not announces(label):
        said = ""
    if said in ("schema", "question", "sql") and (not roles or roles == {"instruction"}):
        # "### Response:" before a hole settles it where the column's name does not.
        return frozenset((said,)) if not roles or said == "sql" else frozenset((*roles, said))
    if speaker in ("assistant", "completion") and not roles & {"schema", "question"}:
        return frozenset(("sql",))
    return frozenset(roles)


def _name(quoted: re.Match[str]) -> str:
    """Return a string of an expression if it may be a column's name, which `'### SQL:'` is not."""
    return quoted.group() if WORD.fullmatch(quoted.group()[1:-1]) else ""


def label_before(pieces: list[Piece], index: int) -> str:
    """Return the last non-blank line of the literal text before a piece, or "" if a hole comes first."""
    if index == 0 or pieces[index - 1].hole is not None:
        return ""
    before = pieces[index - 1]
    if before.turn:
        return before.turn
    lines = [line.strip() for line in before.text.splitlines() if line.strip(" \t`\"'")]
    while lines and lines[-1].lower() in ("```sql", "```", "sql```"):
        lines.pop()
    return lines[-1] if lines else ""


def announces(label: str) -> bool:
    """Return whether a line is a label, not a sentence: `### SQL`, `Answer:`, `[/INST]`, `<|assistant|>`."""
    return label.endswith((":", "]", ">")) or label.startswith(("#", "<", "[", "*")) or len(label.split()) <= 3


def label_role(label: str) -> str:
    """Return the part that a label announces, from its last known word: "SQL for this question:" → question."""
    role = ""
    for found in LABEL_WORDS.finditer(label[-80:]):
        role = found.lastgroup or role
    return role


HOLE = "\x00"  # a character that occurs in no template


def literal(pieces: list[Piece], hole: str = HOLE) -> str:
    """Return the text with every hole replaced."""
    return "".join(piece.text if piece.hole is None else hole for piece in pieces)
