"""Fixes of the training text and of the loss: the token that ends a text, and the masking of the prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ...interpret.core.recording import Call
from ...readers.derive import plain
from ...readers.object_settings import last, makers
from ...readers.prompt.loss import FUNCTION, VISION
from ...readers.prompt.text import HOLE, Piece, literal
from ...readers.prompt.tokenizer import Tokenizer
from ...readers.prompt.training_text import texts_of
from ...report.report import Edit, Location
from ...source.literals import is_variable
from ...source.syntax import text_of
from ..candidate import Candidate
from ..context import Task
from ..edits import imports, python
from ..scopes import Scopes

GIVEN = ("fn_kwargs", "mapping", "formatting_func")  # what a text comes through on its way into a dataset or trainer
TEMPLATES = "unsloth.chat_templates"
# columns with what a model is to write before its answer
REASONING = re.compile(r"(?i)\bcot\b|(?<![a-z])cot|chain_?of|reason|think|thought|rationale")
ENDING = ("prompt.ending", "prompt.eos_from", "prompt.text")
LOSS = ("prompt.loss_on", "prompt.loss_by", "prompt.markers", "prompt.instruction_marker", "prompt.response_marker")


# -- the end of the text -----------------------------------------------------------------------------------------


def ended(task: Task) -> Iterator[Candidate]:
    """Append the tokenizer's EOS token where the text is made; remove text after it, or a second token.

    If the function that makes the text cannot read the tokenizer, the tokenizer is passed to it.
    """
    if plain(task.fact.value) == "none":
        yield from closed(task)
        return
    found = plain(task.fact.value)
    for node in expressions(task):
        if (
            found in ("two eos", "text after eos")
            and isinstance(node, cst.BinaryOperation)
            and isinstance(node.operator, cst.Add)
        ):
            kept, gone = task.source.span(node.left), task.source.span(node.right)
            at = Location(task.source.path, kept.end_row, kept.end_column, gone.end_row, gone.end_column, gone.cell)
            what = task.source.excerpt(node.right)
            yield Candidate(f"remove the {what} at the end of the text", (Edit(at, ""),), ENDING)


def closed(task: Task) -> Iterator[Candidate]:
    """Append the token to the text: first where the script can already read it, then where it must be passed on."""
    scopes = Scopes(task.source, task.examined.recorded)
    unseen: list[tuple[cst.BaseExpression, str]] = []
    for node, token in ((node, token) for node in expressions(task) for token in _tokens(task)):
        if not scopes.visible(node, token.partition(".")[0]):
            unseen.append((node, token))
        elif (edit := _appended(task, node, token)) is not None:
            yield Candidate(f"end the text with {token}", (edit,), ENDING, GIVEN, nodes=tuple(scopes.mapped))
    for node, token in unseen:
        owner = token.removesuffix(".eos_token")
        read = token.replace(owner, owner.rpartition(".")[2], 1)
        function = scopes.around(node)[0]
        edit, handed = _appended(task, node, read), scopes.handing(function, owner)
        if edit is not None and handed is not None:
            called = function.name.value if isinstance(function, cst.FunctionDef) else "the function that builds it"
            title = f"end the text with {read}, passed to {called}"
            calls = ("partial",)
            yield Candidate(title, (edit, *handed), ENDING, GIVEN, calls, nodes=tuple(scopes.mapped))
        else:
            task.reasons.append(f"{token} is not available where the text is built and cannot be passed there")


def expressions(task: Task) -> Iterator[cst.BaseExpression]:
    """Yield the expressions of the script that make the text, the last one first."""
    seen: list[cst.BaseExpression] = []
    for text in texts_of(task.run):
        for place in (*reversed(text.value.trace), *([text.at] if text.at is not None else [])):
            node = place.node.value if isinstance(place.node, (cst.Assign, cst.AnnAssign, cst.Return)) else place.node
            node = _member(node, text.field_name) if isinstance(node, cst.Dict) else node
            if place.source is task.source and isinstance(node, cst.BaseExpression) and node not in seen:
                seen.append(node)
                yield node


def _member(node: cst.Dict, key: str) -> cst.BaseExpression | None:
    """Return the value of a dict display under a key."""
    elements = (one for one in node.elements if isinstance(one, cst.DictElement))
    return next((one.value for one in elements if text_of(one.key) == key), None)


def _tokens(task: Task) -> Iterator[str]:
    """Yield code for the EOS token: the script's own name for it, then the attribute of the trainer's tokenizer."""
    own = re.search(r"^(\w+)\s*=\s*(\w+)\.eos_token\s*(?:#.*)?$", task.source.text, re.MULTILINE)
    if own is not None:
        yield own[1]
    names = []
    trainer = task.run.trainer
    for argument in ("processing_class", "tokenizer"):
        place = trainer.places.get(argument) if trainer is not None else None
        value = place.node.value if place is not None and isinstance(place.node, cst.Arg) else None
        if is_variable(value) or isinstance(value, cst.Attribute):
            names.append(task.source.segment(value))
    for name in dict.fromkeys([*names, "tokenizer", "self.tokenizer", "tok"]):
        if re.search(rf"(?<![\w.]){re.escape(name)}\b", task.source.text):
            yield f"{name}.eos_token"


def _appended(task: Task, node: cst.BaseExpression, token: str) -> Edit | None:
    """Insert the token into an f-string, or add it to another text."""
    source, span = task.source, task.source.span(node)
    last = node
    while isinstance(last, cst.ConcatenatedString):
        last = last.right
    if isinstance(last, cst.FormattedString):
        end = source.span(last)
        return python.inserted(source, end.end_row, end.end_column - len(last.end), end.cell, f"{{{token}}}")
    if isinstance(node, cst.BinaryOperation):
        if not isinstance(node.operator, (cst.Add, cst.Modulo)) or node.lpar:
            return None
    elif not is_variable(node) and not isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)):
        if text_of(last) is None:
            return None
    return python.inserted(source, span.end_row, span.end_column, span.cell, f" + {token}")


# -- the loss ----------------------------------------------------------------------------------------------------


def masked(task: Task) -> Iterator[Candidate]:
    """Add `train_on_responses_only` after the trainer is made, with the markers of the training text."""
    by = plain(task.plan["prompt.loss_by"].value) or ""
    if task.expected.equals != "response":
        return
    if by == "completion_only_loss=False":
        place = task.fact.at
        if place is not None and isinstance(place.node, cst.Arg) and not place.node.star:
            edit = python.replaced(place.source, place.node.value, "True")
            yield Candidate("set completion_only_loss=True", (edit,), LOSS, ("completion_only_loss",))
        return
    trainer = task.run.trainer
    if trainer is None or trainer.place.source is not task.source or not task.imports_unsloth():
        return
    made_by = makers(trainer.get("data_collator")).call
    if made_by is not None and last(made_by.callee) == VISION:
        yield from _masked_by_collator(task, made_by)
        return
    line = task.line(trainer.place.node)
    name = _target(task, line, trainer.place.node) if line is not None else ""
    found = imports.imported(task.source, TEMPLATES, FUNCTION)
    if line is None or not name or found is None:
        return
    edits, function = found
    place = trainer.places.get(FUNCTION)
    if place is not None:
        if not isinstance(place.node, cst.Arg) or place.node.star or place.node not in trainer.place.node.args:
            return
        edits = [*edits, python.removed(task.source, place.node)]
    for instruction, response in _markers(task):
        for force in ([], ["force_match=False"]):
            parts = [f"instruction_part={python.literal(instruction)}", f"response_part={python.literal(response)}"]
            parts += force
            made = (*edits, python.below(task.source, line, _call(task, line, f"{name} = {function}", name, parts)))
            title = "mask the prompt with train_on_responses_only after creating the trainer"
            yield Candidate(title, made, LOSS, (FUNCTION,), (FUNCTION,))


def _masked_by_collator(task: Task, collator: Call) -> Iterator[Candidate]:
    """Let the collator of images and texts, which makes the labels, mask the prompt."""
    node = collator.place.node
    if collator.place.source is not task.source or not isinstance(node, cst.Call) or FUNCTION in collator.arguments:
        return
    for instruction, response in _markers(task):
        parts = [f"instruction_part={python.literal(instruction)}", f"response_part={python.literal(response)}"]
        edits = python.fitted(task.source, node, [], f"{FUNCTION}=True", *parts)
        given = (FUNCTION, "instruction_part", "response_part")
        yield Candidate("mask the prompt in the data collator", tuple(edits), LOSS, given)


def _call(task: Task, line: cst.SimpleStatementLine, head: str, first: str, parts: list[str]) -> str:
    """Return a call as code below a line: on one line if it fits, else with one line per argument."""
    flat = f"{head}({', '.join([first, *parts])})"
    if task.source.span(line).column - 1 + len(flat) <= python.WIDTH:
        return flat
    lines = "".join(f"    {one},\n" for one in (first, *parts))
    return f"{head}(\n{lines})"


def remarked(task: Task) -> Iterator[Candidate]:
    """Search for the markers of the training text instead of others; search in the text if tokens are ambiguous."""
    calls = [c for c in task.run.calls if c.callee.endswith(FUNCTION) and c.place.source is task.source]
    if not calls:
        return
    call = calls[-1]
    for instruction, response in _markers(task):
        edits = []
        for argument, text in (("instruction_part", instruction), ("response_part", response)):
            place = call.places.get(argument)
            if place is not None and isinstance(place.node, cst.Arg) and not place.node.star:
                edits.append(python.replaced(task.source, place.node.value, python.literal(text)))
        if edits:
            yield Candidate(
                "search for the markers of the training text", tuple(edits), LOSS, ("instruction_part", "response_part")
            )
    if "force_match" not in call.arguments and isinstance(call.place.node, cst.Call):
        edits = python.added(task.source, call.place.node, "force_match=False")
        yield Candidate("search for the markers regardless of tokenization", tuple(edits), LOSS, ("force_match",))


def _target(task: Task, line: cst.SimpleStatementLine, call: cst.CSTNode) -> str:
    """Return the one name that a statement of a line assigns a call's result to, or "" if there is none."""
    for statement in line.body:
        if isinstance(statement, cst.Assign) and statement.value is call and len(statement.targets) == 1:
            target = statement.targets[0].target
            if isinstance(target, (cst.Name, cst.Attribute)):
                return str(task.source.segment(target))
    return ""


def _markers(task: Task) -> Iterator[tuple[str, str]]:
    """Yield (marker before the instruction, marker before the answer) of the training text."""
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
    """Return the first literal line that announces a part and the line before the SQL, with their line feeds."""
    answer = next((i for i, p in enumerate(pieces) if "sql" in p.roles and p.hole is not None), 0)
    if not answer or pieces[answer - 1].hole is not None:
        return None
    response = _last_line(pieces[answer - 1].text)
    before = literal(pieces[:answer])
    if closed := re.fullmatch(r"\s*</(\w+)>\s*", response):  # the reasoning before it is part of the answer
        opened = before.rfind(f"<{closed[1]}>")
        response = _last_line(before[:opened]) if opened > 0 else ""
    elif any(REASONING.search(column) for p in pieces[:answer] for column in p.columns):
        return None  # who writes the reasoning, the row or the model, is not known
    lines = [f"{line}\n" for line in before.split("\n")[:-1] if line.strip()]
    first = next((line for line in lines if _announces(line) and HOLE not in line), "")
    if not response or not first or response == first or before.count(response) != 1:
        return None
    return first, response


def _announces(line: str) -> bool:
    return bool(re.match(r"\s*(#+|\[|<)", line)) or line.rstrip().endswith(":")


def _last_line(text: str) -> str:
    last = text[text.rstrip("\n").rfind("\n") + 1 :]
    return last if last.strip() and _announces(last) else ""
