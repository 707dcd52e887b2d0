"""Fixes of configurations: set the scalar of a key in place, or add a missing key to its section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...policy.expectations import spelled
from ...readers.derive import plain
from ...source import Span
from ...training_plan.facts import Fact
from .. import places
from ..candidate import Candidate
from ..context import PATHS, Task, read_otherwise, together, wanted
from ..edits import EditError, documents

FOLLOWERS = {"lora.r": "lora.alpha"}  # a fact, and what some programs make of it where it is left out


def candidates(task: Task) -> Iterator[Candidate]:
    """Yield the values that the rule names, then the opposite of a switch: `train_on_inputs: true` becomes false.

    If another value follows the fact by default (alpha is twice the rank) and would change with it, a candidate
    also states that value as it was.
    """
    fact = task.fact
    found = list(settings(task, task.name, fact, list(wanted(task.expected, plain(fact.value), task.plan))))
    yield from found
    name = FOLLOWERS.get(task.name, "")
    follower = task.plan[name] if name else None
    if follower is not None and places.omitted(follower) and (value := plain(follower.value)) is not None:
        for one in found:
            title = f"{one.title} and keep {follower.argument}: {spelled(value)}"
            yield from together(title, [one], list(settings(task, name, follower, [value])))


def settings(task: Task, name: str, fact: Fact, values: list[Any], facts: tuple[str, ...] = ()) -> Iterator[Candidate]:
    """Yield one fact set to each value, with `facts` that change too; a number also as text, in case it is refused."""
    values = [*values, *(spelled(value) for value in values if isinstance(value, float))]
    place = fact.value.trace[-1] if fact.value.trace else fact.at
    if place is None or not isinstance(place.node, Span):
        return
    if places.omitted(fact):
        if not fact.argument:
            task.reasons.append("no single key holds it")
        for value in values if fact.argument else ():
            if (edit := documents.added(place, fact.argument, value)) is not None:
                yield Candidate(f"add {edit.content.strip()}", (edit,), (name, *facts))
        return
    switch = documents.switch(place)
    for value in [*values, *(() if switch is None else (not switch,))]:
        try:
            edits = places.at_origin(fact, value)
        except EditError as error:
            task.reasons.append(str(error))
            continue
        if edits:
            key = fact.argument or documents.key(place) or name.partition(".")[2]
            unsafe = name in PATHS and read_otherwise(task, fact)
            yield Candidate(f"set {key}: {edits[0].content}", tuple(edits), (name, *facts), unsafe=unsafe)
