"""Fixes around memory: the two lengths, and a line that logs the memory used."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import libcst as cst

from ...readers.derive import plain
from ...source.syntax import dotted, walk
from .. import places
from ..candidate import Candidate
from ..context import Task, setting, together, wanted
from ..edits import imports, python

MODEL, TRAINER = "memory.model_length", "memory.trainer_length"
FACTS = ("memory.sequence_length", "memory.length_conflict", MODEL, TRAINER)
NAMES = ("max_length", "max_seq_length")


def lengths(task: Task) -> Iterator[Candidate]:
    """Set one accepted length for the model and the trainer; the model's own first if it is accepted."""
    model, trainer = task.plan[MODEL], task.plan[TRAINER]
    if plain(task.plan["memory.length_conflict"].value) == "idle":
        task.reasons.append("which length is meant, the one that cuts or the one that has no effect, is not known")
        return
    accepted = list(wanted(task.expectation("memory.sequence_length"), None, task.plan))
    for length in sorted(accepted, key=lambda n: n != plain(model.value)):
        one = (
            []
            if plain(model.value) == length or places.omitted(model) and not _takes_length(task)
            else list(setting(task, MODEL, model, length, FACTS, ("max_seq_length",)))
        )
        by_model = trainer.at == model.at  # the data collator cuts at the model's length
        if by_model or not places.omitted(trainer) and plain(trainer.value) == length or not _cuts(task):
            two = []
        else:
            two = list(setting(task, TRAINER, trainer, length, FACTS, NAMES))
        if one and two:
            for a, b in product(one[:2], two):
                yield from together(f"set both lengths to {length}", [a], [b])
        else:
            yield from one or two


def _cuts(task: Task) -> bool:
    """Return whether there is a call that cuts the text: not the adapter's, which takes a length and ignores it."""
    return task.run.trainer is not None or bool(task.run.arguments)


def _takes_length(task: Task) -> bool:
    """Return whether the loader has an argument for the length: Unsloth's loaders do, others raise an error."""
    call = task.run.load.call
    return call is not None and call.callee.startswith("unsloth.")


def logged(task: Task) -> Iterator[Candidate]:
    """Add a line after the training that logs the peak of reserved memory."""
    if not task.run.train or task.run.train[-1].place.source is not task.source:
        return
    line = task.line(task.run.train[-1].place.node)
    branches = _joined(task) if line is not None else None
    found = imports.imported_module(task.source, "torch", task.run.train[-1].place.node)
    if line is None or found is None:
        return
    edits, torch = found
    used = f"{torch}.cuda.max_memory_reserved() / 1024**3"
    text = f'(f"peak GPU memory: {{{used}:.1f}} GiB")'
    if logger := _logger(task):
        call = f'{logger}.info("peak GPU memory: %.1f GiB", {used})'
    elif logger := _logger(task, "get_logger") or _used_before(task, line):
        call = f"{logger}.info{text}"  # whose it is, is not known, nor how it puts values into a text
    else:
        call = f"print{text}"
    edits = [*edits, python.below(task.source, branches or line, call)]
    calls = ("max_memory_reserved", "print", "info")
    yield Candidate(
        "log the peak of the reserved memory after training",
        tuple(edits),
        (task.name, "memory.monitoring_sees"),
        (),
        calls,
    )


def _joined(task: Task) -> cst.If | None:
    """Return the `if` whose branches each train: `if resumed: trainer.train(…) else: trainer.train()`."""
    call = task.run.train[-1].place.node
    holding = [one for one in task.source.nodes.path(call) if isinstance(one, cst.If)]
    alike = [one for one in holding if all(_trains(branch, dotted(call.func)) for branch in _branches(one))]
    first = next(iter(alike), None)
    return None if first is None or any(isinstance(n, (cst.Return, cst.Raise)) for n in walk(first)) else first


def _branches(one: cst.If) -> Iterator[cst.CSTNode | None]:
    """Yield the code that runs if the condition holds and otherwise; None if there is no else branch."""
    yield one.body
    if isinstance(one.orelse, cst.If):
        yield from _branches(one.orelse)
    else:
        yield one.orelse


def _trains(branch: cst.CSTNode | None, callee: str) -> bool:
    nodes = walk(branch) if branch is not None else ()
    return any(isinstance(node, cst.Call) and dotted(node.func) == callee for node in nodes)


def _logger(task: Task, made_by: str = "getLogger") -> str:
    """Return the name of the module's logger that a function of this name makes, or "" if it has none."""
    for statement in imports.top_level(task.source.tree):
        if isinstance(statement, cst.Assign) and isinstance(statement.value, cst.Call):
            target = statement.targets[0].target
            if dotted(statement.value.func).rpartition(".")[2] == made_by and isinstance(target, cst.Name):
                return str(target.value)
    return ""


def _used_before(task: Task, line: cst.CSTNode) -> str:
    """Return the logger used by a statement that certainly runs before a line, or "" if there is none."""
    path, function, found = task.source.nodes.path(line), task.function(line), ""
    inside = path[next(n for n, one in enumerate(path) if one is function) :]
    for block, held in zip(inside, inside[1:]):
        if not isinstance(block, (cst.Module, cst.IndentedBlock)):
            continue
        number = next(n for n, one in enumerate(block.body) if one is held)
        for statement in block.body[:number]:
            for one in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
                if isinstance(one, cst.Expr) and isinstance(one.value, cst.Call):
                    name, _, method = dotted(one.value.func).rpartition(".")
                    found = name if method == "info" and "log" in name.rpartition(".")[2].lower() else found
    return found
