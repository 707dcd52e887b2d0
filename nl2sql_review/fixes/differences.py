"""What edits changed besides what they are for: facts of the plan, and calls, with the edits and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ..judgement import wording
from ..judgement.judge import Examined
from ..training_plan.facts import FACTS, Fact, TrainingPlan
from ..training_plan.values import Absent, Known, Place
from .candidate import Candidate, affected
from .comparison import image

SET = ("monitoring", "monitoring_sees", "model_length", "trainer_length", "sequence_length", "length_conflict")
ALWAYS = tuple(name for name in FACTS if name.startswith("memory.") and name.partition(".")[2] not in SET)

DEFECTS = ("api.", "project.untracked_truth")  # facts that list what is wrong

# Calls that train nothing: what they print, log or look for follows from the settings.
BYSTANDERS = (
    "wandb.", "mlflow.", "comet_ml.", "swanlab.", "trackio.", "neptune.", "clearml.", "aim.", "logging.", "print",
    "os.", "pathlib.", "shutil.", "json.", "transformers.trainer_utils.",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """What the edits changed besides what they are for: a fact of the plan, or a call; where its value came through."""

    said: str
    fact: str = ""
    places: tuple[Place, ...] = ()


def changes(before: Examined, after: Examined, candidate: Candidate) -> Iterator[Change]:
    """What else the edits changed."""
    if len(before.plans) != len(after.plans):
        yield Change("the number of runs")
        return
    facts = _allowed(before, after, candidate)
    arguments = set(candidate.arguments)
    for old, new in zip(before.plans, after.plans):
        arguments |= {plan[name].argument for plan in (old, new) for name in facts} - {""}
        yield from (Change(name, name, tuple(_places(old[name]))) for name in _changed(old, new) if name not in facts)
    places = {id(place.node) for plan in before.plans for name in facts for place in _places(plan[name])}
    places.update(candidate.nodes)
    if len(before.recordings) != len(after.recordings):
        yield Change("the number of command lines")
        return
    for was, now in zip(before.recordings or [before.recorded], after.recordings or [after.recorded]):
        yield from _calls(was.calls, now.calls, arguments, candidate.calls, places)


def _places(fact: Fact) -> Iterator[Place]:
    """Every place of a fact and of its cases."""
    for one in (fact, *fact.cases):
        yield from wording.places(one)


def _allowed(before: Examined, after: Examined, candidate: Candidate) -> set[str]:
    """The facts that may change: the fixed ones, those of rules that are now content, and what derives from them."""
    now = {item.rule: item.verdict for item in after.report.checklist}
    content = {one.judged.name for one in before.failed_facts if now.get(one.rule.id) in ("pass", "not-applicable")}
    return {*ALWAYS, *affected((*candidate.facts, *content))}


def _changed(old: TrainingPlan, new: TrainingPlan) -> Iterator[str]:
    for (name, a), (_, b) in zip(old.facts(), new.facts()):
        same = image(a.value) == image(b.value) and [image(c.value) for c in a.cases] == [
            image(c.value) for c in b.cases
        ]
        if not same and not (name.startswith(DEFECTS) and _fewer(a, b)):
            yield name


def _fewer(old: Fact, new: Fact) -> bool:
    """Of a fact that lists defects: whether every one that is left was there before."""
    if old.cases or new.cases:
        return all(any(image(b.value) == image(a.value) for a in old.cases) for b in new.cases)
    lists = [fact.value.value if isinstance(fact.value, Known) else None for fact in (old, new)]
    known, now = lists
    return isinstance(known, list) and isinstance(now, list) and all(defect in known for defect in now)


def _calls(
    old: list[Any], new: list[Any], arguments: set[str], calls: tuple[str, ...], places: set[int]
) -> Iterator[Change]:
    """Calls new or gone, except `calls`, and values that differ, except `arguments` of calls at these places."""
    names = [c.callee for c in old], [c.callee for c in new]
    for what, a, b, c, d in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        if what != "equal":
            strange = [*names[0][a:b], *names[1][c:d]]
            yield from (Change(name) for name in strange if not name.endswith(calls) or not calls)
            continue
        for one, two in zip(old[a:b], new[c:d]):
            if one.callee.startswith(BYSTANDERS):
                continue
            for name in {**one.arguments, **two.arguments}:
                absent = Absent()
                meant = name in arguments or one.keys.get(name, two.keys.get(name, name)) in arguments
                here = {id(one.place.node), id(getattr(one.places.get(name), "node", None))}
                if not (meant and here & places) and image(one.arguments.get(name, absent)) != image(
                    two.arguments.get(name, absent)
                ):
                    yield Change(f"{one.callee}({name})", "", one.arguments.get(name, absent).trace)
