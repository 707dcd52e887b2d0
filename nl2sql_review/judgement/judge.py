"""Judges one file: from training plans and rulebook to findings and a checklist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..policy.active_rules import configure
from ..policy.rulebook import Rule, Rulebook
from ..policy.settings import Settings
from ..report.report import (
    CERTAINTIES,
    EFFECTS,
    KINDS,
    SEVERITIES,
    ChecklistItem,
    FileReport,
    Finding,
    InternalError,
    Location,
)
from ..training_plan.facts import ROW_SECTION, TrainingPlan
from . import verdict, wording
from .fingerprint import stamped
from .merging import PlacedFinding, by_run, merged, worded_alike
from .suppression import suppress, with_accepted

if TYPE_CHECKING:
    from ..interpret.core.recording import Recording
    from ..source import Source, SourceError
    from ..source.command_line import CommandLine

OF_TRAINING = ("lora", "prompt", "arguments", "memory", "checkpointing")  # sections whose traps need a training, too
MAX_CLAIMS = 4  # in the evidence of one item; the findings have them all


@dataclass(slots=True)
class FailedFact:
    """The basis of a finding: a fact of one plan that a rule does not accept, with its verdict."""

    rule: Rule
    judged: verdict.FactVerdict
    plan: TrainingPlan
    location: Location
    message: str

    def carries(self, finding: Finding) -> bool:
        """Return whether the finding reports this fact, or the same defect by a rule that stands for this one."""
        same = self.rule.id == finding.rule and finding.message.startswith(self.message)  # what was accepted follows
        return self.location == finding.location and (same or self.rule.id in finding.related)


@dataclass(slots=True)
class Examined:
    """One script after reading and judging, with every intermediate result.

    `failed_facts` are the basis of the findings, in the same order; `rule_verdicts` has the verdicts of every
    rule on every plan, including passes; `others` has those of the rules that are not active, if they are wanted.
    """

    source: Source | None
    recording: Recording | None
    plans: list[TrainingPlan]
    report: FileReport
    faults: list[InternalError]
    failed_facts: list[FailedFact]
    settings: Settings
    rule_verdicts: list[RuleVerdicts] = field(default_factory=list)
    others: list[RuleVerdicts] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)  # one for each command line; `recording` is the first
    _failed_at: dict[Location, list[FailedFact]] | None = None

    @property
    def every_verdict(self) -> tuple[RuleVerdicts, ...]:
        """The verdicts of all rules that were judged, active or not."""
        return *self.rule_verdicts, *self.others

    def carrying(self, finding: Finding) -> list[FailedFact]:
        """Return the failed facts that a finding reports."""
        if self._failed_at is None:
            self._failed_at = {}
            for failed in self.failed_facts:
                self._failed_at.setdefault(failed.location, []).append(failed)
        return [failed for failed in self._failed_at.get(finding.location, ()) if failed.carries(finding)]

    def of_run(self, plan: TrainingPlan) -> Examined:
        """Return the same for only the command line that a plan belongs to."""
        if len(self.recordings) < 2:
            return self
        started = next((one for one in self.recordings if one.run == plan.run), None)
        plans = [other for other in self.plans if other.run == plan.run]
        return replace(self, recording=started or self.recording, plans=plans)

    @property
    def text_source(self) -> Source:
        """The source of a file that could be read."""
        assert self.source is not None
        return self.source

    @property
    def recorded(self) -> Recording:
        """The recording of a file that could be read."""
        assert self.recording is not None
        return self.recording


@dataclass(slots=True)
class RuleVerdicts:
    """The verdicts of one rule on all the plans of a file."""

    rule: Rule
    judged: list[tuple[verdict.FactVerdict, TrainingPlan]]


def judge(
    source: Source, plans: Sequence[TrainingPlan], rulebook: Rulebook, settings: Settings
) -> tuple[FileReport, list[InternalError]]:
    """Apply every active rule to every plan of a script; `source` provides the places and suppressions.

    If there are several plans, the worst verdict counts, and a defect that they share is reported once. A rule
    that crashes is an internal error, and the other rules continue.
    """
    made = examine(source, (), plans, rulebook, settings)
    return made.report, made.faults


def examine(
    source: Source,
    recordings: Sequence[Recording],
    plans: Sequence[TrainingPlan],
    rulebook: Rulebook,
    settings: Settings,
    every_rule: bool = False,
) -> Examined:
    """Judge as `judge` does and keep the basis of the findings; `every_rule` adds the verdicts of inactive rules.

    `recordings` are those of the command lines that were read.
    """
    book = configure(rulebook, settings)
    faults: list[InternalError] = []
    rule_verdicts: list[RuleVerdicts] = []
    others: list[RuleVerdicts] = []
    on_plans = [rule for rule in book.rules.values() if rule.section != ROW_SECTION]
    for rule in on_plans if every_rule else book.active:
        try:
            of_rule = RuleVerdicts(
                rule,
                [
                    (_counted(_trained(_decided_in(source, one, plan), rule, plan), rule, settings), plan)
                    for plan in plans
                    for one in verdict.rule_on(rule.head, plan)
                ],
            )
        except Exception as error:
            faults.append(_fault(rule, source, error))
        else:
            (rule_verdicts if not every_rule or rule in book.active else others).append(of_rule)
    wording.locate(
        place for of_rule in rule_verdicts for one, _ in of_rule.judged for place in wording.places(one.fact)
    )
    lines = {one.run: one.started for one in recordings if one.started is not None}
    findings: list[PlacedFinding] = []
    failed_facts: list[FailedFact] = []
    checklist: list[ChecklistItem] = []
    for of_rule in rule_verdicts:
        try:
            item, found, based = _report(of_rule, source, lines)
        except Exception as error:
            faults.append(_fault(of_rule.rule, source, error))
        else:
            checklist.append(item)
            findings += found
            failed_facts += based
    problems = [of_file(error, source.path) for error in source.problems]
    sure = [f for f in merged(findings) if CERTAINTIES.index(f.certainty) <= CERTAINTIES.index(settings.min_certainty)]
    kept = ordered(suppress([*problems, *sure], source, book, settings))
    facts = [one.fact for of_rule in rule_verdicts for one, _ in of_rule.judged]
    sources = {place.source.path: place.source for fact in facts for place in wording.places(fact) if place.source}
    stamps = stamped(kept, source.path, {**sources, source.path: source})
    runs = tuple(dict.fromkeys(plan.run for plan in plans if plan.run))
    notes = tuple(dict.fromkeys(note for plan in plans for note in plan.notes))
    report = with_accepted(FileReport(source.path, "reviewed", "", stamps, tuple(checklist), runs, notes))
    first = recordings[0] if recordings else None
    return Examined(
        source, first, list(plans), report, faults, failed_facts, settings, rule_verdicts, others, list(recordings)
    )


def _decided_in(source: Source, judged: verdict.FactVerdict, plan: TrainingPlan) -> verdict.FactVerdict:
    """Return the verdict, or "not applicable" if another file of the run decides the fact."""
    if not plan.part_of or judged.decision.verdict == "not-applicable":
        return judged
    here = [place for place in wording.places(judged.fact) if place.source is source]
    if not judged.fact.argument and not judged.name.startswith("lora.") and plan.place is not None:
        here = [place for place in here if place.node is not plan.place.node]  # where nothing else has a place
    if here:
        return judged
    return replace(judged, decision=verdict.Decision("not-applicable", reason=f"{plan.part_of} decides it"))


def _trained(judged: verdict.FactVerdict, rule: Rule, plan: TrainingPlan) -> verdict.FactVerdict:
    """Return the verdict, or "not applicable" if it is about a training and the file starts none.

    What a file says of a model that it makes for others is judged: one of them may train it.
    """
    if not plan.untrained or judged.decision.verdict == "not-applicable":
        return judged
    trap = "policy" not in rule.head.kinds or wording.kind(rule.head, judged.name, judged.fact.value) == "trap"
    if trap and (plan.offers_model or rule.section not in OF_TRAINING):
        return judged
    stated = [p for p in wording.places(judged.fact) if plan.place is None or p.node is not plan.place.node]
    if plan.offers_model and (stated or judged.fact.argument or judged.name.startswith("lora.")):
        return judged
    return replace(judged, decision=verdict.Decision("not-applicable", reason=plan.untrained))


def _counted(judged: verdict.FactVerdict, rule: Rule, settings: Settings) -> verdict.FactVerdict:
    """Return the verdict, or "not applicable" if the policy does not count this kind of finding."""
    if judged.decision.verdict != "fail" or len(rule.counted) == len(KINDS):
        return judged
    if wording.kind(rule.head, judged.name, judged.fact.value) in rule.counted:
        return judged
    reason = f"policy {settings.wanted.name} leaves it to the team"
    return replace(judged, decision=verdict.Decision("not-applicable", reason=reason))


def _fault(rule: Rule, source: Source, error: Exception) -> InternalError:
    return InternalError(rule.id, source.path, f"{type(error).__name__}: {error}")


def of_file(error: SourceError, path: str) -> Finding:
    """Return the finding about a SourceError: a file, or a cell of a notebook, that cannot be read."""
    at = error.span
    place = Location(path, at.row, at.column, at.end_row, at.end_column, at.cell)
    return Finding(error.rule, "error", "stops", "certain", error.message, None, place, kind="trap")


def _report(
    of_rule: RuleVerdicts, source: Source, lines: Mapping[str, CommandLine]
) -> tuple[ChecklistItem, list[PlacedFinding], list[FailedFact]]:
    rule = of_rule.rule
    decision = verdict.overall([one.decision for one, _ in of_rule.judged])
    plans = [plan for one, plan in of_rule.judged if one.decision.verdict == decision.verdict]
    judged = [(one, plan) for one, plan in of_rule.judged if one.decision.verdict == decision.verdict]
    if decision.verdict == "pass":
        judged = [one for one in judged if not wording.is_guard(one[0])] or judged
    telling = [one for one, _ in judged]
    silent = decision.verdict == "not-applicable"
    every = tuple(lines.values())
    made = [
        wording.claim(one, rule, source, wording.Launches(lines.get(plan.run), every))
        for one, plan in (() if silent else judged)
    ]
    findings = []
    failed_facts = []
    if decision.verdict == "fail":
        findings = [
            PlacedFinding(
                Finding(
                    rule=rule.id,
                    severity=rule.head.severity,
                    effect=wording.effect(rule.head, one.name, one.fact.value),
                    certainty=one.decision.certainty,
                    message=claim.message,
                    value=claim.value,
                    location=claim.location,
                    trace=claim.trace,
                    help=wording.remedy(one, rule, source),
                    fixable=bool(rule.head.fixer(one.name)),
                    kind=wording.kind(rule.head, one.name, one.fact.value),
                ),
                rule,
                one.fact.argument,
                wording.is_argument(one.fact, source),
            )
            for one, claim in zip(telling, made)
        ]
        runs = {plan.run for _, plan in of_rule.judged}
        if len(runs) > 1:
            findings = worded_alike(findings, made)
        failed_facts = [
            FailedFact(rule, one, plan, f.finding.location, f.finding.message)
            for one, plan, f in zip(telling, plans, findings)
        ]
        findings = by_run(findings, plans, runs)
        found = "; ".join(
            f"{f.finding.message} ({wording.at(f.finding.location, source.path)})" for f in findings[:MAX_CLAIMS]
        )
    elif silent:
        found = ""
    else:
        notes = [wording.says(rule.head.notes, one.name, one.fact.value) for one in telling]
        found = wording.evidence(zip(made, notes), source.path, MAX_CLAIMS)
    item = ChecklistItem(
        rule=rule.id,
        section=rule.section,
        title=rule.title,
        verdict=decision.verdict,
        certainty=decision.certainty,
        evidence=found,
        reason=shortened(decision.reason),
    )
    return item, findings, failed_facts


def shortened(text: str, limit: int = 240) -> str:
    """Return a reason on one line, cut to the limit, since it may quote any amount of the script."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort traps before policy, then by effect (stops the run, then silently wrong), severity and position."""
    return sorted(findings, key=_order)


def _order(f: Finding) -> tuple[Any, ...]:
    at = f.location
    grave = (f.kind != "trap", EFFECTS.index(f.effect), SEVERITIES.index(f.severity))
    return *grave, at.path, at.cell or 0, at.row, at.column, f.rule
