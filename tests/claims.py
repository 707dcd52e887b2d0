"""What the interpreter claims, set against what a rehearsal recorded.

The one module by which forms and rehearsals know the interpreter.
"""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import libcst as cst

from nl2sql_review.interpret.core.recording import Call, Recording
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Either, Known, Term, Text, Value

from .rehearsal import Recorded, Rehearsal, encode

Site = tuple[str, "int | None", int, str]  # path, cell, row, last name of the callee


@functools.cache
def interpreted(path: Path, root: Path) -> Recording:
    """What the interpreter records of a script in a project. Scripts that tests write get a path of their own each."""
    return interpret(Source.from_bytes(path.read_bytes(), str(path)), root)


def agrees(claimed: Any, recorded: Any) -> bool:
    """Whether an encoded claim is the recorded value. Objects are not values: they agree with everything."""
    if isinstance(claimed, dict) and "$object" in claimed:
        return True
    if isinstance(claimed, dict) and isinstance(recorded, dict):
        return list(claimed) == list(recorded) and all(agrees(claimed[k], recorded[k]) for k in claimed)
    if isinstance(claimed, list) and isinstance(recorded, list):
        return len(claimed) == len(recorded) and all(map(agrees, claimed, recorded))
    return type(claimed) is type(recorded) and (claimed == recorded or claimed != claimed)


def admits(value: Value, recorded: Any, root: Path = Path("/nowhere")) -> bool:
    """Whether a claim leaves room for the recorded value. Only what claims nothing admits everything."""
    if isinstance(value, (Known, Default)):
        return agrees(_rooted(encode(value.value), root), recorded)
    if isinstance(value, Either):
        return any(admits(option, recorded, root) for option in value.options)
    if isinstance(value, Text):
        return not isinstance(recorded, str) or all(part in recorded for part in value.parts if isinstance(part, str))
    if isinstance(value, Term) and value.operation == "symbol" and isinstance(recorded, dict):
        return value.text.rsplit(".", 1)[-1] == recorded.get("$symbol", value.text).rsplit(".", 1)[-1]
    return True


def describe(value: Value) -> str:
    """`known 64`, `default 64`, `either 16 64`, `unknown`, `term`, `text`, `absent`."""
    kind = type(value).__name__.lower()
    if isinstance(value, (Known, Default)):
        return f"{kind} {value.value!r}" if type(value.value).__module__ == "builtins" else "object"
    if isinstance(value, Either):
        return "either " + " ".join(sorted(describe(o).partition(" ")[2] or describe(o) for o in value.options))
    return kind


def explain(value: Value) -> str:
    """`describe`, with the reason of an unknown: for people who read a failed test."""
    why = getattr(value, "why", "") or getattr(value, "text", "")
    return f"{describe(value)} ({why})" if why else describe(value)


def site(call: Call, root: Path) -> Site:
    if call.place.node is None:
        return "nowhere", None, 0, call.callee.rsplit(".", 1)[-1]
    span = call.place.source.span(call.place.node)
    path = os.path.relpath(os.path.realpath(call.place.source.path), os.path.realpath(root))
    return path.replace(os.sep, "/"), span.cell, span.row, call.callee.rsplit(".", 1)[-1]


def in_lambda(call: Call) -> bool:
    """Whether a call stands in a lambda, a function without a name, which may be called for every row."""
    node = call.place.node
    path = call.place.source.nodes.path(node) if isinstance(node, cst.CSTNode) else []
    return any(isinstance(one, cst.Lambda) for one in path)


def contradictions(
    recording: Recording, run: Rehearsal, root: Path, plain: bool = True, strict: bool = False
) -> list[str]:
    """Every place at which the recorded calls cannot be those that are claimed.

    `plain` says that the run got no arguments, so that defaults held. A claimed call may be left out by the run: it
    may stand after a branch that ends the script or the loop.
    """
    seen, claimed = defaultdict(list), defaultdict(list)
    for recorded in run.calls:
        seen[recorded.path, recorded.cell, recorded.row, recorded.callee.rsplit(".", 1)[-1]].append(recorded)
    for call in recording.calls:
        claimed[site(call, root)].append(call)
    found: list[str] = []
    for where, runs in seen.items():
        at_site = claimed.get(where, [])
        fits = [[_fits(call, one, root, plain) for one in runs] for call in at_site]
        if plain:
            again = [not call.certain or bool(call.function) or in_lambda(call) for call in at_site]
            right = not at_site or _aligned(again, fits, len(runs))
        else:  # another command line may take other branches: only calls that correspond are compared
            right = len(runs) != len(at_site) or all(fits[index][index] for index in range(len(runs)))
        if not right:
            found.append(
                f"{where[0]}:{where[2]} {where[3]}: claimed {list(map(_told, at_site))}, recorded {_differing(runs)}"
            )
    return found


def _aligned(again: list[bool], fits: list[list[bool]], runs: int) -> bool:
    """Whether every recorded call of a place is one of the claimed ones, in order.

    What may happen `again` stands for the rounds of a loop, or the rows that a function is mapped over.
    """
    reached = {0}  # the first claims that the next recorded call may be
    for j in range(runs):
        first = min(reached)
        here = [i for i in range(first, len(fits)) if fits[i][j]]
        reached = {i + 1 for i in here} | {i for i in here if again[i]}
        if not reached:
            return False
    return True


def _fits(call: Call, one: Recorded, root: Path, plain: bool) -> bool:
    """Whether a recorded call passed what is claimed of it. Defaults are claims about the plain run only."""
    for index, (name, value) in enumerate(call.arguments.items()):
        given = _argument(one, name, index)
        if isinstance(value, (Known, Default) if plain else Known):
            if not agrees(_rooted(encode(value.value), root), given):
                return False
        elif plain and given is not NOT_GIVEN and not admits(value, given, root):
            return False
    return True


def _told(call: Call) -> str:
    arguments = ", ".join(f"{name} {describe(value)}" for name, value in call.arguments.items())
    return arguments if call.certain else f"perhaps {arguments}"


def _differing(runs: list[Recorded]) -> list[dict]:
    return [one.arguments for one in runs[:6]]


def covers(call: Call, run: Recorded) -> bool:
    """Whether a listed call leaves room for a recorded one."""
    return all(admits(value, run.arguments[name]) for name, value in call.arguments.items() if name in run.arguments)


class _NotGiven:
    def __repr__(self) -> str:
        return "not given"


NOT_GIVEN = _NotGiven()


def _argument(run: Recorded, name: str, index: int) -> Any:
    """What a run passed as `name`; the stand-ins may know a positional argument by its place only."""
    if name in run.arguments:
        return run.arguments[name]
    if name.startswith("$"):
        return [*run.arguments.values(), NOT_GIVEN][min(int(name[1:]), len(run.arguments))]
    return run.arguments.get(f"${index}", NOT_GIVEN)


def _rooted(value: Any, root: Path) -> Any:
    """The rehearsal ran in a copy: paths below its root are written `<root>/…`."""
    if isinstance(value, str):
        return value.replace(str(root), "<root>")
    if isinstance(value, list):
        return [_rooted(item, root) for item in value]
    return {key: _rooted(item, root) for key, item in value.items()} if isinstance(value, dict) else value
