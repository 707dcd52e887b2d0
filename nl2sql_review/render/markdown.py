"""Checklist as a review comment or a job summary, in Markdown as GitHub and GitLab render it.

All content of a script is shown as text: no link, no mention, no table of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..report.report import ChecklistItem, FileReport, Finding, Report
from .entries import cell_of, relative
from .escaping import markdown_code, markdown_text
from .summary import counts, lead, removable, worst_first
from .terminal import ONE_LINE, PLAIN
from .text import evidence
from .view import View

VERDICTS: dict[str, str] = {
    "pass": "✔ passes",
    "fail": "✘ fails",
    "accepted": "• accepted",
    "unknown": "? unknown",
    "not-applicable": "– does not apply",
}


def render(report: Report, view: View) -> str:
    return "\n".join(_lines(report, view)) + "\n"


def _lines(report: Report, view: View) -> Iterator[str]:
    yield "## nl2sql-review"
    yield ""
    told = worst_first(report)
    if told and not view.of_data:
        yield from (f"**{markdown_text(line)}**" for line in lead(told, replace(view, terminal=ONE_LINE)))
        yield ""
    yield markdown_text(counts(report, PLAIN, view.of_data))
    if report.removable:
        yield ""
        yield markdown_text(removable(report))
    for fault in report.internal_errors:
        what = f"rule `{fault.rule}`" if fault.rule else "nl2sql-review"
        yield ""
        where = markdown_code(relative(fault.path, view.root))
        yield f"**Internal error:** {what} failed on {where}: {markdown_text(fault.message)}"
    for file in told:
        shown = [f for f in file.findings if f.suppressed is None or view.show_suppressed]
        if shown or file.checklist:
            yield ""
            yield f"### {markdown_code(relative(file.path, view.root))}"
        if shown:
            yield ""
            yield "| | Rule | Finding | Where |"
            yield "|---|---|---|---|"
            for finding in shown:
                yield _finding(finding, file, view)
        if file.checklist and not view.quiet:
            yield from _checklist(file)


def _finding(finding: Finding, file: FileReport, view: View) -> str:
    at = finding.location
    said = markdown_text(finding.message)
    if finding.help:
        said += f"<br>*{markdown_text(finding.help)}*"
    if finding.suppressed is not None:
        said += f"<br>suppressed: {markdown_text(finding.suppressed or 'no reason given')}"
    where = f"line {at.row}" if at.cell is None else cell_of(at)
    if at.path != file.path:
        where = f"{markdown_text(relative(at.path, view.root))} {where}"
    return f"| {finding.severity} | `{finding.rule}` | {said} | {where} |"


def _checklist(file: FileReport) -> Iterator[str]:
    verdicts = [_verdict(item) for item in file.checklist]
    parts = [f"{verdicts.count(verdict)} {words.partition(' ')[2]}" for verdict, words in VERDICTS.items()]
    yield ""
    yield f"<details><summary>Checklist: {', '.join(part for part in parts if not part.startswith('0 '))}</summary>"
    yield ""
    yield "| | Rule | |"
    yield "|---|---|---|"
    for item in file.checklist:
        yield f"| {VERDICTS[_verdict(item)]} | `{item.rule}` | {markdown_text(evidence(item, file.path))} |"
    yield ""
    yield "</details>"


def _verdict(item: ChecklistItem) -> str:
    return "accepted" if item.accepted else item.verdict
