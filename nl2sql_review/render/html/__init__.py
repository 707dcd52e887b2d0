"""Report as one self-contained page for people who do not use a terminal: no external script, style or font.

All content of a reviewed file is shown as text: every string goes through `text` on its way into the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files as resources
from typing import Any

from ...report.report import FileReport, Finding, Report, Verdict
from ...rows.shown import Example
from ..entries import by_section, relative
from ..escaping import html_text as text
from ..excerpt import place
from ..summary import count, counts, lead, removable, worst_first
from ..terminal import ONE_LINE, PLAIN
from ..text import evidence
from ..view import View
from .changes import changed_lines
from .plan import memory, plan

VERDICTS: dict[Verdict, str] = {
    "pass": "passes",
    "fail": "fails",
    "unknown": "unknown",
    "not-applicable": "not applicable",
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render(report: Report, view: View) -> str:
    return "\n".join(_page(report, view)) + "\n"


def style() -> str:
    """Return the style sheet shared by all pages."""
    return _asset("page.css")


@cache
def _asset(name: str) -> str:
    return (resources(__name__) / name).read_text(encoding="utf-8")


def _page(report: Report, view: View) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>nl2sql-review</title>'
    yield f"<style>\n{_asset('page.css')}</style></head><body>"
    yield '<a class="skip" href="#findings">Skip to the findings</a>'
    yield "<header><h1>nl2sql-review</h1>"
    told = worst_first(report)
    if told and not view.of_data:
        yield from (f'<p class="lead">{text(line)}</p>' for line in lead(told, replace(view, terminal=ONE_LINE)))
    yield f"<p>{text(counts(report, PLAIN, view.of_data))}</p>"
    if report.removable:
        yield f"<p>{text(removable(report))}</p>"
    for fault in report.internal_errors:
        what = f"rule {fault.rule}" if fault.rule else "nl2sql-review"
        yield f'<p class="fail">Internal error: {text(what)} failed on {text(fault.path)}: {text(fault.message)}</p>'
    if len(told) > 1:
        yield from _contents(told, view)
    yield '</header><main id="findings">'
    for number, file in enumerate(told):
        yield f'<section id="file-{number}"><h2>{text(relative(file.path, view.root))}</h2>'
        yield from _file(file, view)
        yield "</section>"
    for example in view.shown:
        yield from _row(example)
    skipped = [file for file in report.files if file.status == "skipped"]
    if skipped:
        yield f"<details><summary>{count(len(skipped), 'file', 'files')} {_LEFT_OUT[view.of_data]}</summary><ul>"
        for file in skipped:
            yield f"<li>{text(f'{file.path}: {file.reason}' if view.of_data else file.path)}</li>"
        yield "</ul></details>"
    yield f"</main><script>\n{_asset('page.js')}</script></body></html>"


_LEFT_OUT = {False: "without training", True: "not checked"}


def _row(example: Example) -> Iterator[str]:
    """Yield a row as the model will see it, with the tokens in the loss marked."""
    yield f"<section><h2>Row {example.row} of {text(example.path)} as the model will see it</h2>"
    yield '<p class="quiet">Tokens in the loss are marked.</p><pre>'
    yield "\n".join(f"<mark>{text(line)}</mark>" if learnt else text(line) for line, learnt in example.lines)
    yield "</pre></section>"


def _contents(told: Iterable[FileReport], view: View) -> Iterator[str]:
    yield '<nav aria-label="Files"><ul>'
    for number, file in enumerate(told):
        found = sum(finding.suppressed is None for finding in file.findings)
        name = text(relative(file.path, view.root))
        yield f'<li><a href="#file-{number}">{name}</a>: {count(found, "finding", "findings")}</li>'
    yield "</ul></nav>"


def _file(file: FileReport, view: View) -> Iterator[str]:
    shown = [finding for finding in file.findings if finding.suppressed is None or view.show_suppressed]
    traps = [finding for finding in shown if finding.kind == "trap"]
    policy = [finding for finding in shown if finding.kind == "policy"]
    for finding in traps:
        yield from _finding(finding, view)
    if traps and policy:
        yield f"<h3>Departures from policy {text(view.policy)}</h3>"
    for finding in policy:
        yield from _finding(finding, view)
    if file.checklist and not view.quiet:
        yield from _checklist(file)
    if file.status == "reviewed" and not view.quiet and (read := view.plan(file.path)) is not None:
        described, needed = read
        yield from plan(described, file.path)
        yield from memory(needed)


def _finding(finding: Finding, view: View) -> Iterator[str]:
    yield f'<article class="finding {finding.severity}" tabindex="-1">'
    yield (
        f'<h4><span class="tag severity">{finding.severity}</span> <code>{text(finding.rule)}</code> '
        f"{text(finding.message)}</h4>"
    )
    yield f'<p class="quiet">{text(place(finding.location))}</p>'
    yield from _code(finding, view)
    steps = {
        (step.location.path, step.location.cell, step.location.row, step.text): step
        for step in reversed(finding.trace)
        if step.location != finding.location
    }
    if steps:
        yield '<p>The value comes through</p><ol class="trace">'
        for step in reversed(steps.values()):
            yield f'<li><code>{text(step.text)}</code> <span class="quiet">{text(place(step.location))}</span></li>'
        yield "</ol>"
    if finding.help:
        yield f"<p><strong>Help</strong> {text(finding.help)}</p>"
    if finding.related:
        yield f"<p><strong>Also</strong> {text(', '.join(finding.related))}</p>"
    if finding.suppressed is not None:
        yield f'<p class="quiet">Suppressed: {text(finding.suppressed or "no reason given")}</p>'
    if finding.fix is not None:
        unsafe = " (unsafe)" if finding.fix.applicability == "unsafe" else ""
        yield f"<details><summary>Fix: {text(finding.fix.title)}{unsafe}</summary>"
        for path, lines in changed_lines(finding.fix, view.files.line):
            yield f'<p class="quiet">{text(path)}</p><pre>'
            yield "\n".join(f'<span class="{kind}">{text(sign + line)}</span>' for kind, sign, line in lines)
            yield "</pre>"
        yield "</details>"
    yield "</article>"


def _code(finding: Finding, view: View) -> Iterator[str]:
    """Yield the first line of the place, with the argument of the finding marked."""
    at = finding.location
    line = view.files.line(at) if not finding.rule.startswith("rows/") else None  # a row's message quotes it
    if line is None:
        return
    end = at.end_column - 1 if at.end_row == at.row else len(line)
    before, marked, after = line[: at.column - 1], line[at.column - 1 : end], line[end:]
    marked = f"<mark>{_code_text(marked)}</mark>" if marked else ""
    row = f'<span class="row">{at.row}  </span>'
    yield f"<pre>{row}{_code_text(before)}{marked}{_code_text(after.rstrip())}</pre>"


def _code_text(code: str) -> str:
    return text(code.replace("\t", "    "))


def _checklist(file: FileReport) -> Iterator[str]:
    verdicts = [item.verdict for item in file.checklist]
    parts = [f"{verdicts.count(verdict)} {words}" for verdict, words in _COUNTED.items() if verdict in verdicts]
    yield f"<details open><summary>Checklist: {', '.join(parts)}</summary><table>"
    for section, items in by_section(file).items():
        yield f'<tbody><tr><th colspan="3" scope="rowgroup">{text(section)}</th></tr>'
        for item in items:
            yield (
                f'<tr><th scope="row">{text(item.rule)}</th>'
                f'<td class="{item.verdict}">{VERDICTS[item.verdict]}</td>'
                f"<td>{text(evidence(item, file.path))}</td></tr>"
            )
        yield "</tbody>"
    yield "</table></details>"


_COUNTED: dict[Any, str] = {
    "fail": "failed",
    "unknown": "unknown",
    "pass": "passed",
    "not-applicable": "not applicable",
}
