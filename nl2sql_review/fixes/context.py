"""Task of a fixer, and the helpers that all fixers share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import libcst as cst

from ..judgement.judge import Examined, FailedFact
from ..policy.expectations import Expectation, FactOf, spelled
from ..readers import run as runs
from ..readers.api import versions_of
from ..readers.api.arguments import CONFIG_OF
from ..readers.derive import plain
from ..source import Source, Span
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, options
from . import other_code, places, uses
from .candidate import Candidate
from .edits import EditError, imports, python

PATHS = ("project.output_dir", "project.log_file")  # facts that other code may read by their value

PUSHES = re.compile(r"""^[ \t"']*push_to_hub["']?[ \t]*:[ \t"']*(?!false\b|no\b|off\b)\w""", re.M | re.I)
NAMED = re.compile(r"""^[ \t"']*hub_model_id["']?[ \t]*:[ \t"']*(?!null\b)\w""", re.M | re.I)


@dataclass
class Task:
    """Fact of a plan that fails a rule, in the current script; `reasons`: why a fix was not tried."""

    examined: Examined
    failed_fact: FailedFact
    reasons: list[str] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return self.examined.text_source

    @property
    def plan(self) -> TrainingPlan:
        return self.failed_fact.plan

    @property
    def name(self) -> str:
        return self.failed_fact.judged.name

    @property
    def fact(self) -> Fact:
        return self.failed_fact.judged.fact

    @property
    def expected(self) -> Expectation:
        return self.failed_fact.judged.expected

    @cached_property
    def run(self) -> runs.Run:
        """The run that the plan belongs to."""
        examined = self.examined
        found = runs.runs(examined.recorded, examined.text_source, examined.settings)
        number = next((i for i, plan in enumerate(examined.plans) if plan is self.plan), 0)
        run = found[number] if len(found) == len(examined.plans) else found[0]
        run.versions = versions_of(examined.recorded, examined.text_source, examined.settings)
        return run

    def expectation(self, name: str) -> Expectation:
        """Return the expectation of the same rule for another of its facts."""
        return dict(self.failed_fact.rule.head.expectations)[name]

    def line(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """Return the line of simple statements that contains a node, or None after `if …:` and in a magic."""
        path = self.source.nodes.path(node)
        line = next((one for one in path if isinstance(one, cst.SimpleStatementLine)), None)
        start = self.source.span(line) if line is not None else None
        return None if start is None or self.source.line(start.row, start.cell)[: start.column - 1].strip() else line

    def function(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the innermost function or lambda that contains a node, else the whole script."""
        path = reversed(self.source.nodes.path(node))
        return next((one for one in path if isinstance(one, (cst.FunctionDef, cst.Lambda))), self.source.tree)

    def imports_unsloth(self) -> bool:
        return any(name.split(".")[0] == "unsloth" for name, _ in self.examined.recorded.imports)


def wanted(expected: Expectation, value: object, plan: TrainingPlan) -> Iterator[Any]:
    """Yield the plain values that would be accepted in place of `value`, in the order in which the rule names them."""
    if isinstance(expected.equals, FactOf):
        other = plain(plan[expected.equals.fact].value)
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
            yield int(bound) if isinstance(value, int) and bound == int(bound) else bound
    if expected.matches is not None:
        globs = (expected.matches,) if isinstance(expected.matches, str) else expected.matches
        yield from (glob for glob in globs if not set(glob) & set("*?["))
    if expected.includes is not None:
        if isinstance(value, (list, tuple)):
            yield [*value, *(w for w in expected.includes if w not in value)]
        yield list(expected.includes) if len(expected.includes) > 1 else expected.includes[0]


def setting(
    task: Task, name: str, fact: Fact, value: object, facts: tuple[str, ...] = (), arguments: tuple[str, ...] = ()
) -> Iterator[Candidate]:
    """Set one fact, an argument, to a plain value: at its origin, at the call, or as an added argument."""
    facts = (name, *facts)
    names = tuple(dict.fromkeys(filter(None, (fact.argument, *arguments))))
    if places.omitted(fact):
        unsafe = name in PATHS and read_otherwise(task, fact)
        for argument in names:
            content = python.literal(value)
            title = f"set {argument}={content}"
            edits = tuple(places.at_omission(fact, content, argument))
            yield Candidate(title, edits, facts, names, unsafe=unsafe)
            yield from _configured(task, fact, f"{argument}={content}", facts, names)
        return
    title = f"set {names[0] if names else name.partition('.')[2]}={spelled(value)}"
    found = []
    read = name in PATHS and read_otherwise(task, fact)
    try:
        edits = tuple(places.at_origin(fact, value))
    except EditError as error:
        task.reasons.append(str(error))
        edits = ()
    if edits:
        where = " where it comes from" if len(fact.value.trace) > 2 else ""
        hidden = read or not uses.compared(task.examined, fact)
        found.append(Candidate(f"{title}{where}", tuple(edits), facts, names, unsafe=hidden))
    if edits := tuple(places.at_call(fact, python.literal(value, places.code_at_call(fact)))):
        place = places.argument(fact)
        idle = "" if place is not None and other_code.read_elsewhere(task.examined, place) else _origin(fact)
        own = idle in (os.path.realpath(task.source.path), "?")
        parted = name in PATHS and place is not None and other_code.looked_for(task.examined, place)
        overridable = any(isinstance(option, Default) for option in options(fact.value))
        unsafe = read or own or parted or overridable
        found.append(Candidate(title, tuple(edits), facts, names, unsafe=unsafe, idle=idle))
    yield from sorted(found, key=lambda candidate: candidate.unsafe)


def _origin(fact: Fact) -> str:
    """Return the real path of the one file that a value comes from, or "?" if it is unknown."""
    files = set()
    for trace in (option.trace for option in options(fact.value) if option.trace):
        read = next((place for place in trace if isinstance(place.node, Span)), trace[0])  # not the name of that file
        files.add(os.path.realpath(read.source.path) if read.source is not None else "?")
    return files.pop() if len(files) == 1 else "?"


def read_otherwise(task: Task, fact: Fact) -> bool:
    """Whether the script names the path that a fact is in another place, where it would be looked for in vain.

    So it does where the trainer pushes to the Hub: the repository has the name of the folder unless told.
    """
    if task.name == "project.output_dir" and _names_repository(task):
        return True
    trace = [place for one in (fact, *fact.cases) for place in one.value.trace]
    own = [place.node for place in trace if isinstance(place.node, cst.CSTNode)]
    paths = [option.value for option in options(fact.value) if isinstance(option, (Known, Default))]
    return any(other_code.mentioned(task.examined, path, own) for path in paths if isinstance(path, str))


def _names_repository(task: Task) -> bool:
    """Whether the folder of the checkpoints may be what the repository on the Hub is called after."""
    given = task.run.arguments.call.arguments if task.run.arguments.call is not None else {}
    named, pushes = (given.get(name, Absent()) for name in ("hub_model_id", "push_to_hub"))
    if not isinstance(named, Absent) and not (isinstance(named, Known) and named.value is None):
        return False
    if task.source.kind == "configuration":  # the parser's calls leave these keys out
        return bool(PUSHES.search(task.source.text)) and not NAMED.search(task.source.text)
    asked = not isinstance(pushes, Absent) and not (isinstance(pushes, Known) and not pushes.value)
    return asked or bool(task.examined.recorded.named("Trainer.push_to_hub"))


def _configured(
    task: Task, fact: Fact, argument: str, facts: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Candidate]:
    """Yield the argument in a new configuration for a trainer that has none."""
    trainer, place = task.run.trainer, places.lacking(fact)
    if trainer is None or place is None or place.node is not trainer.place.node or "args" in trainer.arguments:
        return
    library, _, callable = trainer.callee.rpartition(".")
    config = CONFIG_OF.get(callable, "")
    found = imports.imported(place.source, library.partition(".")[0], config, place.node) if config else None
    if found is not None:
        edits, local = found
        edits = [*edits, *python.added(place.source, place.node, f"args={local}({argument})")]
        yield Candidate(f"pass the trainer a {local}({argument})", tuple(edits), facts, (*names, "args"), (config,))


def together(title: str, *lists: list[Candidate]) -> Iterator[Candidate]:
    """Yield the first candidates of several settings as one candidate."""
    if all(lists):
        firsts = [found[0] for found in lists]
        edits = tuple(python.merged(list(dict.fromkeys(e for c in firsts for e in c.edits))))
        facts = tuple(f for c in firsts for f in c.facts)
        names = tuple(n for c in firsts for n in c.arguments)
        yield Candidate(title, edits, facts, names, unsafe=any(c.unsafe for c in firsts))
