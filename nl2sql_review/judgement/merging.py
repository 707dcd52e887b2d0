"""Merges findings: those of several command lines, of several plans, and of rules about the same defect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..policy.rulebook import Rule
from ..report.report import Finding
from ..training_plan.facts import TrainingPlan
from . import wording

MOST_NAMED = 4  # lines that give the same value
BETWEEN = re.compile(r"[\s=:'\"]+")  # a name and its value, which may be written `--r 8`, `--r=8` or `r: 8`


@dataclass(slots=True)
class PlacedFinding:
    """A finding and its `subject`, the argument that it is about, if any. `exact`: only this argument has the place."""

    finding: Finding
    rule: Rule
    subject: str = ""
    exact: bool = False


def worded_alike(findings: Sequence[PlacedFinding], claims: Sequence[wording.Claim]) -> list[PlacedFinding]:
    """Return the findings, with one message and trace for those that differ only in the file that gives the value."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for at, (found, claim) in enumerate(zip(findings, claims)):
        if claim.given_at:
            key = found.finding.location, found.subject, found.finding.message.replace(claim.origin, "")
            alike.setdefault(key, []).append(at)
    made = list(findings)
    for group in alike.values():
        first = made[group[0]].finding
        message = first.message.replace(claims[group[0]].origin, _together([claims[at] for at in group]))
        trace = tuple(dict.fromkeys(step for at in group for step in made[at].finding.trace))
        for at in group:
            made[at] = replace(made[at], finding=replace(made[at].finding, message=message, trace=trace))
    return made


def _together(claims: Sequence[wording.Claim]) -> str:
    """Return the origin of a value that several lines give: each code with the lines that say so."""
    codes: dict[str, tuple[str, dict[str, None]]] = {}
    for claim in claims:
        code = claim.origin.rpartition(" (")[0]
        codes.setdefault(BETWEEN.sub(" ", code).strip(), (code, {}))[1][claim.given_at] = None
    made = []
    for code, given in list(codes.values())[:MOST_NAMED]:
        more = f" and {len(given) - MOST_NAMED} more" if len(given) > MOST_NAMED else ""
        made.append(f"{code} ({', '.join(list(given)[:MOST_NAMED])}{more})")
    left = f" and {len(codes) - MOST_NAMED} more" if len(codes) > MOST_NAMED else ""
    return " and ".join([made[0], *(code.removeprefix(", ").removeprefix("from ") for code in made[1:])]) + left


def by_run(findings: Sequence[PlacedFinding], plans: Sequence[TrainingPlan], runs: set[str]) -> list[PlacedFinding]:
    """Return each finding once, with the command lines that it holds for unless it holds for all of them."""
    if len(runs) < 2:
        return _once(findings)
    made: dict[tuple[object, ...], tuple[PlacedFinding, dict[str, None]]] = {}
    for run in dict.fromkeys(plan.run for plan in plans):
        for found in _once(f for f, plan in zip(findings, plans) if plan.run == run):
            key = (found.finding.location, found.subject, found.finding.message)
            made.setdefault(key, (found, {}))[1][run] = None
    for doubtful, (found, held) in list(made.items()):
        if found.finding.certainty == "branch":  # what is sure in another run is told once, for both
            others = (one for one in made.values() if one[0].finding.certainty != "branch")
            if (sure := next((one for one in others if _told_by(one[0], found)), None)) is not None:
                sure[1].update(held)
                del made[doubtful]
    return [
        found if set(held) == runs else replace(found, finding=replace(found.finding, run="; ".join(held)))
        for found, held in made.values()
    ]


def _told_by(sure: PlacedFinding, other: PlacedFinding) -> bool:
    """Return whether a finding says what another does, which only adds the branch that decides on it."""
    same_place = (sure.finding.location, sure.subject) == (other.finding.location, other.subject)
    return same_place and other.finding.message.startswith(sure.finding.message)


def _once(findings: Iterable[PlacedFinding]) -> list[PlacedFinding]:
    """Return the first of one rule's findings at each place, since two plans of a script may share code.

    Several arguments may share a place, namely the `**` that passes them: a rule of `api` or `artifact` keeps one
    finding for each argument.
    """
    made = reversed(list(findings))
    several = ("api", "artifact")  # one call may be wrong in several ways
    return list({(f.finding.location, f.subject if f.rule.section in several else ""): f for f in made}.values())[::-1]


def merged(findings: Sequence[PlacedFinding]) -> list[Finding]:
    """Merge the findings of an api rule and a section's rule about the same defect into one.

    The api rule's finding is kept if the call raises, otherwise the section's; `related` holds the other rule's
    id.
    """
    made: list[Finding] = []
    sections = [f for f in findings if f.rule.section != "api"]
    apis = [f for f in findings if f.rule.section == "api"]
    pairs = [(api, other) for other in sections for api in _of_its_argument(apis, other)]
    for found in sections:
        same = [api.finding for api, other in pairs if other is found]
        if not any(f.effect == "stops" for f in same):
            made.append(replace(found.finding, related=tuple(f.rule for f in same)) if same else found.finding)
    for found in apis:
        others = tuple(dict.fromkeys(other.rule.id for api, other in pairs if api is found))
        if not others or found.finding.effect == "stops":
            made.append(replace(found.finding, related=others))
    return made


def _of_its_argument(apis: list[PlacedFinding], other: PlacedFinding) -> list[PlacedFinding]:
    """Return the findings about the defect of another: of several arguments that share a place, that of its own."""
    same = [api for api in apis if _same_defect(api, other)]
    words = {other.subject, *re.findall(r"\w+", other.finding.message)} - {""}
    return [api for api in same if api.subject in words] or same


def _same_defect(api: PlacedFinding, other: PlacedFinding) -> bool:
    """Return whether two findings are about one argument in one row, or share an exact place or one in `same`."""
    here, there = api.finding.location, other.finding.location
    if api.subject == other.subject != "" and (here.path, here.cell, here.row) == (there.path, there.cell, there.row):
        return True
    return here == there and (api.exact or other.rule.id in api.rule.head.same)
