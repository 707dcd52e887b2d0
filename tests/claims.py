"""What the interpreter claims, set against what a rehearsal recorded."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from nl2sql_review.interpret.recording import Call, Recording
from nl2sql_review.values import Default, Either, Known, Term, Text, Value

from .rehearsal import Recorded, Rehearsal, encode

Site = tuple[str, "int | None", int, str]  # path, cell, row, last name of the callee


def agrees(claimed: Any, recorded: Any) -> bool:
    """Whether an encoded claim is the recorded value. Objects are not values: they agree with everything."""
    if isinstance(claimed, dict) and "$object" in claimed:
        return True
    if isinstance(claimed, dict) and isinstance(recorded, dict):
        return list(claimed) == list(recorded) and all(agrees(claimed[k], recorded[k]) for k in claimed)
    if isinstance(claimed, list) and isinstance(recorded, list):
        return len(claimed) == len(recorded) and all(map(agrees, claimed, recorded))
    return type(claimed) is type(recorded) and (claimed == recorded or claimed != claimed)


def admits(value: Value, recorded: Any) -> bool:
    """Whether a claim leaves room for the recorded value. Only what claims nothing admits everything."""
    if isinstance(value, (Known, Default)):
        return agrees(encode(value.value), recorded)
    if isinstance(value, Either):
        return any(admits(option, recorded) for option in value.options)
    if isinstance(value, Text):
        return not isinstance(recorded, str) or all(part in recorded for part in value.parts if isinstance(part, str))
    if isinstance(value, Term) and value.head == "symbol" and isinstance(recorded, dict):
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
    span = call.place.source.span(call.place.node)
    path = os.path.relpath(os.path.realpath(call.place.source.path), os.path.realpath(root))
    return path.replace(os.sep, "/"), span.cell, span.row, call.callee.rsplit(".", 1)[-1]


def contradictions(recording: Recording, run: Rehearsal, root: Path, plain: bool = True) -> list[str]:
    """Every claim that the recorded calls refute. `plain` says that the run got no arguments, so defaults held."""
    seen, claimed = defaultdict(list), defaultdict(list)
    for recorded in run.calls:
        seen[recorded.path, recorded.cell, recorded.row, recorded.callee.rsplit(".", 1)[-1]].append(recorded)
    for call in recording.calls:
        claimed[site(call, root)].append(call)
    found: list[str] = []
    for where, at_site in claimed.items():
        runs = seen.get(where)
        if not runs:
            continue  # not reached in this run
        if run.error:
            at_site = at_site[: len(runs)]  # what would have come after the error is no claim about this run
        in_step = len(runs) == len(at_site) and all(call.certain for call in at_site)
        for index, call in enumerate(at_site):
            for name, value in call.arguments.items():
                if not isinstance(value, Known if not plain else (Known, Default)):
                    continue
                against = [runs[index]] if in_step else runs
                values = [_argument(one, name, list(call.arguments).index(name)) for one in against]
                if not any(agrees(_rooted(encode(value.value), root), given) for given in values):
                    found.append(
                        f"{where[0]}:{where[2]} {call.callee} {name}: claimed {describe(value)}, recorded {values}"
                    )
    return found


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
