"""The manners of fixing that a rule's head may name, each a way from a ground to candidates, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..expectations import FactOf, spelled
from ..judge import Examined, Ground
from ..plan import Fact, TrainingPlan
from ..values import Default, Known
from . import code, places
from .proof import Candidate


@dataclass
class Task:
    """What is to be fixed: the fact of a plan that a rule does not accept, in the script as it stands."""

    examined: Examined
    ground: Ground

    @property
    def source(self) -> Any:
        return self.examined.source

    @property
    def plan(self) -> TrainingPlan:
        return self.ground.plan

    @property
    def name(self) -> str:
        return self.ground.judged.name

    @property
    def fact(self) -> Fact:
        return self.ground.judged.fact

    def wanted(self) -> Iterator[Any]:
        """The plain values that the rule would accept, the one it names first."""
        expected, value = self.ground.judged.expected, plain(self.fact.value)
        if isinstance(expected.equals, FactOf):
            other = plain(self.plan[expected.equals.fact].value)
            if other is not None:
                yield other
        elif expected.equals is not None:
            yield expected.equals
        if expected.one_of is not None:
            yield from expected.one_of
        if expected.near is not None:
            yield expected.near.value
        for bound in (expected.at_least, expected.at_most):
            if bound is not None:
                yield bound
        if expected.includes is not None:
            if isinstance(value, (list, tuple)):
                yield [*value, *(w for w in expected.includes if w not in value)]
            elif len(expected.includes) > 1:
                yield list(expected.includes)
            else:
                yield expected.includes[0]


def plain(value: Any) -> Any:
    return value.value if isinstance(value, (Known, Default)) else None


def candidates(task: Task) -> Iterator[Candidate]:
    manner = task.ground.rule.head.manner(task.name)
    if manner:
        yield from MANNERS[manner](task)


def set_value(task: Task) -> Iterator[Candidate]:
    """The value a rule names: where the value comes from, else where it arrives, else at the call that leaves it out."""
    for wanted in task.wanted():
        yield from setting(task, task.name, task.fact, wanted)


def setting(task: Task, name: str, fact: Fact, wanted: Any) -> Iterator[Candidate]:
    """One fact that is an argument set to a plain value."""
    label = fact.argument or name.partition(".")[2]
    title = f"set {label}={spelled(wanted)}"
    content = code.literal(wanted, _code_at_call(fact))
    if edits := places.at_omission(fact, content):
        yield Candidate(title, tuple(edits), (name,))
        return
    if edits := places.at_origin(fact, wanted):
        yield Candidate(f"{title} where it comes from" if _elsewhere(fact) else title, tuple(edits), (name,))
    if edits := places.at_call(fact, content):
        yield Candidate(title, tuple(edits), (name,), unsafe=isinstance(fact.value, Default))


def _code_at_call(fact: Fact) -> str:
    place = places.argument(fact)
    return place.source.tree.code_for_node(place.node.value) if place is not None else ""


def _elsewhere(fact: Fact) -> bool:
    """Whether the literal stands apart from the argument: more than one step away."""
    return len(fact.value.trace) > 2 or not fact.value.trace


MANNERS: dict[str, Callable[[Task], Iterator[Candidate]]] = {"set": set_value}
