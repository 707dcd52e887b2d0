"""Rules as plain data, for programs."""

from __future__ import annotations

from dataclasses import dataclass

from ..policy.rulebook import Rule
from ..report.report import Effect, Kind, Severity


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule as the settings configure it; `facts` are those of the plan that it judges, `page` its Markdown.

    `effect` is the most serious effect that it may have.
    """

    rule: str
    section: str
    title: str
    severity: Severity
    effect: Effect
    kinds: tuple[Kind, ...]
    facts: tuple[str, ...]
    help: str
    since: str
    page: str


def describe(rule: Rule) -> RuleReport:
    head = rule.head
    return RuleReport(
        rule.id,
        rule.section,
        rule.title,
        head.severity,
        head.effects[0],
        head.kinds,
        head.facts,
        head.help,
        head.since,
        rule.body,
    )
