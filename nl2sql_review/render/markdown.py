"""The checklist as a review comment or a job summary, in Markdown as GitHub and GitLab render it.

Whatever a script contains is shown as text: no link, no mention, no table of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..report.report import ChecklistItem, FileReport, Finding, Report
from .entries import cell_of, relative
from .summary import counts, removable
from .terminal import PLAIN, escape
from .text import evidence
from .view import View

VERDICTS: dict[str, str] = {
    "pass": "✔ passes",
    "fail": "✘ fails",
    "accepted": "• accepted",
    "unknown": "? unknown",
    "not-applicable": "– does not apply",
}
_MARKUP = re.compile(
    r"[\\`*_\[\]<>|~&$]|:(?=//)|(?<=www)\."
)  # no text starts a line, so headings and lists are no matter
_MENTION = re.compile(r"@(?=\w)|[#!%](?=\d)|(?<=\bGH)-(?=\d)", re.IGNORECASE)  # of people, issues and merge requests


def render(report: Report, view: View) -> str:
    return "\n".join(_lines(report, view)) + "\n"


def _lines(report: Report, view: View) -> Iterator[str]:
    yield "## nl2sql-review"
    yield ""
    yield as_text(counts(report, PLAIN))
    if report.removable:
        yield ""
        yield as_text(removable(report))
    for fault in report.internal_errors:
        what = f"rule `{fault.rule}`" if fault.rule else "nl2sql-review"
        yield ""
        yield (
            f"**Internal error:** {what} failed on {as_code(relative(fault.path, view.root))}: {as_text(fault.message)}"
        )
    for file in report.files:
        shown = [f for f in file.findings if f.suppressed is None or view.show_suppressed]
        if shown or file.checklist:
            yield ""
            yield f"### {as_code(relative(file.path, view.root))}"
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
    said = as_text(finding.message)
    if finding.help:
        said += f"<br>*{as_text(finding.help)}*"
    if finding.suppressed is not None:
        said += f"<br>suppressed: {as_text(finding.suppressed or 'no reason given')}"
    where = f"line {at.row}" if at.cell is None else cell_of(at)
    if at.path != file.path:
        where = f"{as_text(relative(at.path, view.root))} {where}"
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
        yield f"| {VERDICTS[_verdict(item)]} | `{item.rule}` | {as_text(evidence(item, file.path))} |"
    yield ""
    yield "</details>"


def _verdict(item: ChecklistItem) -> str:
    return "accepted" if item.accepted else item.verdict


def as_text(text: str) -> str:
    return _MENTION.sub(r"\g<0><!-- -->", _MARKUP.sub(r"\\\g<0>", escape(text)))


def as_code(text: str) -> str:
    text = escape(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"
