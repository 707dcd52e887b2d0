"""Number of findings, undecided items and suppressions per rule: most findings first, then the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..report.report import Report, Severity
from .summary import counts
from .terminal import escape
from .view import View


def render(report: Report, view: View) -> str:
    return "".join(f"{line}\n" for line in _lines(report, view))


def _lines(report: Report, view: View) -> Iterator[str]:
    found: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    silenced: Counter[str] = Counter()
    severities: dict[str, Severity] = {}
    titles: dict[str, str] = {}
    for file in report.files:
        for finding in file.findings:
            severities[finding.rule] = finding.severity
            (found if finding.suppressed is None else silenced)[finding.rule] += 1
        for item in file.checklist:
            titles[item.rule] = item.title
            if item.verdict == "unknown":
                unknown[item.rule] += 1
    rules = sorted({*found, *unknown, *silenced}, key=lambda r: (-found[r], -unknown[r], -silenced[r], r))
    if rules:
        width = max(map(len, rules))
        yield view.terminal.paint("found  unknown  suppressed  rule", "bold")
        for rule in rules:
            numbers = f"{found[rule]:>5}  {unknown[rule] or '':>7}  {silenced[rule] or '':>10}"
            name = view.terminal.paint(f"{rule:<{width}}", severities.get(rule, "dim"))
            yield f"{numbers}  {name}  {escape(titles.get(rule, ''))}".rstrip()
    if not view.quiet:
        yield counts(report, view.terminal)
