"""Fixes of the training text and of the loss: the token that ends a text, and the masking of the prompt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from ..readers.derive import plain
from ..readers.prompt import Tokenizer
from ..readers.prompt_loss import FUNCTION
from ..readers.prompt_text import HOLE, Piece, literal
from ..readers.training_text import texts_of
from ..report import Edit, Location
from ..source.lexer import Lexer
from ..source.spans import Lines
from ..source.syntax import Argument, arguments_of, text_of
from . import code
from .proof import Candidate
from .task import Task

TEMPLATES = "unsloth.chat_templates"
LOSS = ("prompt.loss_on", "prompt.loss_by", "prompt.markers", "prompt.instruction_marker", "prompt.response_marker")


# -- the end of the text -----------------------------------------------------------------------------------------


def ended(task: Task) -> Iterator[Candidate]:
    """The tokenizer's EOS token after the text, where the text is put together; what stands after it, or a second, gone."""
    facts = ("prompt.ending", "prompt.eos_from", "prompt.text")
    found = plain(task.fact.value)
    for node in expressions(task):
        if found == "none":
            for token in _tokens(task):
                edit = _appended(task, node, token)
                if edit is not None:
                    yield Candidate(f"end the text with {token}", (edit,), facts)
        elif found in ("two eos", "text after eos") and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            kept, gone = task.source.span(node.left), task.source.span(node.right)
            at = Location(task.source.path, kept.end_row, kept.end_column, gone.end_row, gone.end_column, gone.cell)
            what = task.source.excerpt(node.right)
            yield Candidate(f"leave out the {what} at the end of the text", (Edit(at, ""),), facts)


def expressions(task: Task) -> Iterator[Any]:
    """The expressions of the script that make the text, the one made last first."""
    seen: list[Any] = []
    for text in texts_of(task.run):
        for place in (*reversed(text.trace), *([text.at] if text.at is not None else [])):
            node = place.node.value if isinstance(place.node, (ast.Assign, ast.AnnAssign, ast.Return)) else place.node
            node = _member(node, text.field_name) if isinstance(node, ast.Dict) else node
            if place.source is task.source and isinstance(node, ast.expr) and node not in seen:
                seen.append(node)
                yield node


def _member(node: ast.Dict, key: str) -> Any:
    """What a dict display has under a key."""
    return next((value for name, value in zip(node.keys, node.values) if text_of(name) == key), None)


def _tokens(task: Task) -> Iterator[str]:
    """How the script may call the EOS token: a name it has for it, else by the tokenizer it gives to the trainer."""
    own = re.search(r"^(\w+)\s*=\s*(\w+)\.eos_token\s*(?:#.*)?$", task.source.text, re.MULTILINE)
    if own is not None:
        yield own[1]
    names = []
    trainer = task.run.trainer
    for argument in ("processing_class", "tokenizer"):
        place = trainer.places.get(argument) if trainer is not None else None
        value = place.node.value if place is not None and isinstance(place.node, Argument) else None
        if isinstance(value, (ast.Name, ast.Attribute)):
            names.append(task.source.segment(value))
    for name in dict.fromkeys([*names, "tokenizer", "self.tokenizer", "tok"]):
        if re.search(rf"(?<![\w.]){re.escape(name)}\b", task.source.text):
            yield f"{name}.eos_token"


def _appended(task: Task, node: Any, token: str) -> Edit | None:
    """The token inside an f-string, else added to the text."""
    source, span = task.source, task.source.span(node)
    if isinstance(node, ast.JoinedStr):
        prefix, quotes = _last_literal(source.segment(node))
        if "f" in prefix.lower():
            return code.inserted(source, span.end_row, span.end_column - len(quotes), span.cell, f"{{{token}}}")
    elif isinstance(node, ast.BinOp):
        if not isinstance(node.op, (ast.Add, ast.Mod)) or code.in_parentheses(source, node):
            return None
    elif not isinstance(node, (ast.Call, ast.Name, ast.Attribute, ast.Subscript)) and text_of(node) is None:
        return None
    return code.inserted(source, span.end_row, span.end_column, span.cell, f" + {token}")


_MARK = re.compile(r"([A-Za-z]*)(\"\"\"|'''|[\"'])|[()\[\]{}]")


def _last_literal(text: str) -> tuple[str, str]:
    """The prefix and the quotes of the last of the string literals side by side; those in fields of an f-string are inside."""
    depth, last = 0, ("", "")
    for mark in _MARK.finditer(Lexer(Lines(text)).run().outline()):
        if mark[2] is not None:
            last = (mark[1], mark[2]) if depth == 0 else last
        else:
            depth += 1 if mark[0] in "([{" else -1
    return last


# -- the loss ----------------------------------------------------------------------------------------------------


def masked(task: Task) -> Iterator[Candidate]:
    """`train_on_responses_only` after the trainer is made, with the markers of the training text."""
    by = plain(task.plan["prompt.loss_by"].value) or ""
    if task.expected.equals != "response":
        return
    if by == "completion_only_loss=False":
        place = task.fact.at
        if place is not None and isinstance(place.node, Argument) and not place.node.star:
            edit = code.replaced(place.source, place.node.value, "True")
            yield Candidate("set completion_only_loss=True", (edit,), LOSS, ("completion_only_loss",))
        return
    trainer = task.run.trainer
    if trainer is None or trainer.place.source is not task.source or not task.imports_unsloth():
        return
    line = task.line(trainer.place.node)
    name = _target(task, line, trainer.place.node)
    found = code.imported(task.source, TEMPLATES, FUNCTION)
    if not name or found is None:
        return
    edits, function = found
    place = trainer.places.get(FUNCTION)
    if place is not None:
        node = place.node
        if not isinstance(node, Argument) or node.star or node not in arguments_of(trainer.place.node):
            return
        edits = [*edits, code.removed(task.source, trainer.place.node, node)]
    for instruction, response in _markers(task):
        for force in ("", ", force_match=False"):
            parts = f"instruction_part={code.literal(instruction)}, response_part={code.literal(response)}{force}"
            made = (*edits, code.below(task.source, line, f"{name} = {function}({name}, {parts})"))
            title = "mask the prompt by train_on_responses_only once the trainer is made"
            yield Candidate(title, made, LOSS, (FUNCTION,), (FUNCTION,))


def remarked(task: Task) -> Iterator[Candidate]:
    """The markers of the training text where others are searched for; a search in the text where tokens cannot tell."""
    calls = [c for c in task.run.calls if c.callee.endswith(FUNCTION) and c.place.source is task.source]
    if not calls:
        return
    call = calls[-1]
    for instruction, response in _markers(task):
        edits = []
        for argument, text in (("instruction_part", instruction), ("response_part", response)):
            place = call.places.get(argument)
            if place is not None and isinstance(place.node, Argument) and not place.node.star:
                edits.append(code.replaced(task.source, place.node.value, code.literal(text)))
        if edits:
            yield Candidate(
                "search for the markers of the training text", tuple(edits), LOSS, ("instruction_part", "response_part")
            )
    if "force_match" not in call.arguments and isinstance(call.place.node, ast.Call):
        edits = code.added(task.source, call.place.node, "force_match=False")
        yield Candidate(
            "search for the markers without regard to how tokens are cut", tuple(edits), LOSS, ("force_match",)
        )


def _target(task: Task, line: list[Any], call: Any) -> str:
    """The one name that a call's result is assigned to by a statement of a line."""
    for statement in line:
        if isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1:
            if isinstance(statement.targets[0], (ast.Name, ast.Attribute)):
                return str(task.source.segment(statement.targets[0]))
    return ""


def _markers(task: Task) -> Iterator[tuple[str, str]]:
    """(before the instruction, before the answer) as the training text has them."""
    turns = Tokenizer(task.run, task.plan).turns
    found = []
    for text in texts_of(task.run):
        for pieces in text.texts:
            chat = any("eos" in p.roles and p.why == "chat template" for p in pieces)
            pair = turns if chat else _labels(pieces)
            if pair is not None and pair not in found:
                found.append(pair)
    if len(found) == 1:
        yield found[0]


def _labels(pieces: list[Piece]) -> tuple[str, str] | None:
    """The line before the SQL, and the first literal line that announces something, with the line feeds they end in."""
    answer = next((i for i, p in enumerate(pieces) if "sql" in p.roles and p.hole is not None), 0)
    if not answer or pieces[answer - 1].hole is not None:
        return None
    response = _last_line(pieces[answer - 1].text)
    before = literal(pieces[:answer])
    lines = re.findall(r"[^\n]*\S[^\n]*\n", before)
    first = next((line for line in lines if _announces(line) and HOLE not in line), "")
    if not response or not first or response == first or before.count(response) != 1:
        return None
    return first, response


def _announces(line: str) -> bool:
    return bool(re.match(r"\s*(#+|\[|<)", line)) or line.rstrip().endswith(":")


def _last_line(text: str) -> str:
    found = re.search(r"([^\n]*\S[^\n]*\n*)\Z", text)
    return found[1] if found is not None and _announces(found[1]) else ""
