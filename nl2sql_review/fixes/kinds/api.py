"""Fixes of calls that the libraries do not accept as they are: another name, another place, another import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

import libcst as cst

from ...interpret.core.recording import Call
from ...libraries import store
from ...libraries.replacements import ARGUMENTS, IMPORTS
from ...libraries.store import owners
from ...readers.api.arguments import ADAPTERS, CONFIG_OF
from ...readers.api.definitions import inherited
from ...readers.derive import plain
from ...report.report import Edit, Location
from ...source.syntax import dotted
from ..candidate import Candidate, union
from ..context import Task
from ..edits import imports, python
from . import prompt

DEFECTS = tuple(f"api.{name}_arguments" for name in ("unknown", "removed", "moved", "deprecated", "conflicting"))
FACTS = (*DEFECTS, "api.wrong_classes", "api.missing_in_range", "api.changed_defaults", "api.removed_imports")


def renamed(task: Task) -> Iterator[Candidate]:
    """Rename an argument to its replacement or to the name that was meant; remove it if nothing replaces it."""
    found = _argument(task)
    if found is None:
        return
    call, arg, name = found
    library, _, callable = call.callee.partition(".")
    change = ARGUMENTS.get(call.callee, {}).get(name) or inherited(library, callable, name)
    instead = re.match(r"(\w+)=(?![^\s,;])", change.instead) if change is not None else None
    names = [instead[1]] if instead is not None else [] if change is not None else _close(task, call, name)
    for other in names:
        if other in call.arguments:
            continue
        edit = python.renamed(task.source, arg, other)
        at = (id(call.place.node),)  # the new name has no place in the call as it is
        yield Candidate(f"write {other}= for {name}=", (edit,), FACTS, (name, other), nodes=at)
    if change is not None and change.instead and not names:
        yield from _switched(task, call, arg, name, change.instead)
        task.reasons.append(f"{name}= has no direct replacement; use {change.instead}")
    elif not names:
        task.reasons.append(f"it is unknown what {name}= was meant to be")
    gone = change is not None and not change.instead
    if gone or any(other in call.arguments for other in names):
        edit = python.removed(task.source, arg)
        yield Candidate(f"remove {name}=", (edit,), FACTS, (name,))


def _switched(task: Task, call: Call, arg: cst.Arg, name: str, instead: str) -> Iterator[Candidate]:
    """Replace a switch that is on by a choice: `train_sampling_strategy="group_by_length"`; remove one that is off."""
    found, said = re.fullmatch(r'(\w+)="[^"]*"', instead), dotted(arg.value)
    if found is not None and found[1] not in call.arguments and said == "True":
        edit = python.replaced(task.source, arg, instead)
        yield Candidate(f"write {instead} for {name}=True", (edit,), FACTS, (name, found[1]))
    elif found is not None and said == "False":
        edit = python.removed(task.source, arg)
        yield Candidate(f"remove {name}=", (edit,), FACTS, (name,))


def _argument(task: Task) -> tuple[Call, cst.Arg, str] | None:
    """Return the call, the keyword and its name that a defect is about."""
    place, name = task.fact.at, task.fact.argument
    node = place.node if place is not None else None
    if (
        not isinstance(node, cst.Arg)
        or node.star
        or node.keyword is None
        or place is None
        or place.source is not task.source
    ):
        return None
    call = next((c for c in task.examined.recorded.calls if getattr(c.places.get(name), "node", None) is node), None)
    if call is None or not isinstance(call.place.node, cst.Call):
        return None
    return call, node, name


def _close(task: Task, call: Call, name: str) -> list[str]:
    """Return the nearest name that the call accepts, if it has the same numbers: another number is another setting."""
    library, _, callable = call.callee.partition(".")
    known: set[str] = set()
    if library == "unsloth":
        known = {n for owner in ADAPTERS for n in store.ever("unsloth", owner)} | {
            n for o in owners("peft", "LoraConfig") for n in store.ever(*o)
        }
    else:
        whole = store.whole(library, callable, task.run.versions.installed())
        known = set(whole.parameters) if whole is not None else set(store.ever(library, callable))
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return [n for n in near if re.findall(r"\d+", n) == re.findall(r"\d+", name)]


def moved(task: Task) -> Iterator[Candidate]:
    """Move an argument of the trainer to its configuration, which is made if there is none."""
    found = _argument(task)
    if found is None:
        return
    call, arg, name = found
    library, _, callable = call.callee.rpartition(".")
    config = CONFIG_OF.get(callable, "")
    change = ARGUMENTS.get(call.callee, {}).get(name)
    within = re.match(rf"{config}\((\w+)=", change.instead) if change is not None and config else None
    other = within[1] if within is not None else name
    value = python.value_of(task.source, arg)
    arguments = task.run.arguments.call
    names = (name, other, "args")
    facts = (*FACTS, "dataset.joined_samples") if other == "packing" else FACTS
    if arguments is not None:
        taker = arguments.callee.rpartition(".")[2]
        if taker != config:
            task.reasons.append(f"the trainer's {taker} would not accept it either")
            return
        node = arguments.place.node
        if other in arguments.arguments:
            edits = [python.removed(task.source, arg)]
        elif arguments.place.source is task.source and isinstance(node, cst.Call):
            edits = [python.removed(task.source, arg), *python.added(task.source, node, f"{other}={value}")]
        else:
            return
        yield Candidate(f"give {other}= to {taker}", tuple(edits), facts, names)
    elif config and "args" not in call.arguments:
        imported = imports.imported(task.source, library.partition(".")[0], config, call.place.node)
        if imported is not None:
            edits, local = imported
            edits = [*edits, python.replaced(task.source, arg, f"args={local}({other}={value})")]
            yield Candidate(f"pass {other}= to a {config}", tuple(edits), facts, names, (config,))


def reclassed(task: Task) -> Iterator[Candidate]:
    """Use the class of arguments that the trainer needs, with the length of the model."""
    call = task.run.arguments.call
    node = call.place.node if call is not None else None
    if call is None or call.place.source is not task.source or not isinstance(node, cst.Call):
        return
    found = imports.imported(task.source, "trl", "SFTConfig", node)
    if found is None:
        return
    edits, name = [*found[0], python.replaced(task.source, node.func, found[1])], found[1]
    length = plain(task.plan["memory.model_length"].value)
    for argument in ("max_length", "max_seq_length") if isinstance(length, int) else ():
        made = [*edits, *python.added(task.source, node, f"{argument}={length}")]
        yield Candidate(f"use {name} with {argument}={length}", tuple(made), FACTS, (argument,), (), unsafe=True)
    yield Candidate(f"make an {name}", tuple(edits), FACTS, (), (), unsafe=True)


def without(task: Task) -> Iterator[Candidate]:
    """Remove one of two arguments that contradict each other."""
    found = _argument(task)
    if found is not None:
        call, arg, name = found
        yield Candidate(f"remove {name}=", (python.removed(task.source, arg),), FACTS, (name,), unsafe=True)


# -- imports -----------------------------------------------------------------------------------------------------


def imported_first(task: Task) -> Iterator[Candidate]:
    """Move the import above those of the libraries that it patches."""
    place = task.fact.at
    line = task.line(place.node) if place is not None and place.source is task.source else None
    if line is None or len(line.body) != 1 or line not in task.source.tree.body:
        return
    statement, source = line.body[0], task.source
    changed = (s for s in imports.top_level(source.tree) if _library(s) in ("trl", "transformers", "peft"))
    first = next((s for s in changed if s is not statement), None)
    if first is None:
        return
    start, end = source.span(statement), source.span(first)
    if start.cell != end.cell:
        return
    gone = Edit(Location(source.path, start.row, 1, start.end_row + 1, 1, start.cell), "")
    kept = source.segment(statement)
    rest = source.line(start.end_row, start.cell)[start.end_column - 1 :]
    note = rest.rstrip() if rest.lstrip().startswith("#") else "  # isort: skip  (it patches what follows)"
    edits = (python.inserted(source, end.row, 1, end.cell, f"{kept}{note}\n"), gone)
    moved = Candidate("import unsloth first", edits, ("api.late_imports",))
    yield moved
    # TRL's own trainer ends the text with the EOS token; the one that Unsloth puts in its place does not.
    for ending in prompt.closed(task) if plain(task.plan["prompt.eos_from"].value) == "TRL" else ():
        yield replace(union([moved, ending]), title=f"{moved.title} and {ending.title}")


def _library(statement: cst.BaseSmallStatement) -> str:
    """Return the library that a statement imports from, or "" if it is no import or a relative one."""
    if isinstance(statement, cst.ImportFrom) and statement.module is not None and not statement.relative:
        return dotted(statement.module).partition(".")[0]
    return dotted(statement.names[0].name).partition(".")[0] if isinstance(statement, cst.Import) else ""


def reimported(task: Task) -> Iterator[Candidate]:
    """Import the replacement of a removed name, under the old name."""
    place, name = task.fact.at, task.fact.argument
    line = task.line(place.node) if place is not None and place.source is task.source else None
    for statement in line.body if line is not None else ():
        if not isinstance(statement, cst.ImportFrom) or isinstance(statement.names, cst.ImportStar):
            continue
        for alias in statement.names:
            instead = IMPORTS.get(f"{_library(statement)}.{name}", "")
            if alias.evaluated_name != name or not re.fullmatch(r"[\w.]+", instead):
                continue
            local = alias.evaluated_alias or name
            title = f"import {instead} for {name}"
            if "." not in instead:
                text = f"{instead} as {local}"
                yield Candidate(title, (python.replaced(task.source, alias, text),), FACTS, (), (instead,), unsafe=True)
            elif len(statement.names) == 1:
                module, _, last = instead.rpartition(".")
                text = f"from {module} import {last}" + (f" as {local}" if local != last else "")
                yield Candidate(
                    title, (python.replaced(task.source, statement, text),), FACTS, (), (last,), unsafe=True
                )
