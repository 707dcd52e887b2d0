"""The default output: per file its findings with their code, then the whole checklist, then the counts."""

from __future__ import annotations

from typing import Iterator

from ..report.report import ChecklistItem, FileReport, Finding, Report
from . import fixes
from .excerpt import LineOf, excerpt, gutter_of
from .summary import closing
from .terminal import Terminal, escape, width, wrap
from .view import View

MARKS = {
    "pass": ("passed", "green"),
    "fail": ("failed", "red"),
    "unknown": ("unknown", "yellow"),
    "not-applicable": ("inapplicable", "dim"),
    "accepted": ("accepted", "yellow"),
}


def render(report: Report, view: View) -> str:
    """The report for people."""
    return "".join(f"{line}\n" for line in _lines(report, view))


def _lines(report: Report, view: View) -> Iterator[str]:
    terminal = view.terminal
    for file in report.files:
        for finding in file.findings:
            if finding.suppressed is None or view.show_suppressed:
                yield from _finding(finding, view.files.line, terminal)
                yield ""
        if file.checklist and not view.quiet:
            yield from _checklist(file, terminal)
            yield ""
    if not view.quiet:
        yield from closing(report, terminal)


def _finding(finding: Finding, line_of: LineOf, terminal: Terminal) -> Iterator[str]:
    head = f"{finding.severity}[{finding.rule}]"
    first, *rest = wrap(f"{head}{fixes.mark(finding)}: {escape(finding.message)}", terminal.columns - 2)
    yield terminal.paint(head, finding.severity) + terminal.paint(first[len(head) :], "bold")
    for line in rest:
        yield terminal.paint("  " + line, "bold")
    yield from excerpt(finding, line_of, terminal)
    margin = " " * (gutter_of(finding) + 1)
    for title, text in _remarks(finding):
        indent = len(margin) + len(title) + 4
        first, *rest = wrap(escape(text), terminal.columns - indent)
        yield f"{margin}{terminal.paint('=', 'place')} {terminal.paint(title, 'bold')}: {first}"
        for line in rest:
            yield " " * indent + line


def _remarks(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.run:
        yield "run", finding.run
    if finding.help:
        yield "help", finding.help
    yield from fixes.remark(finding)
    if finding.related:
        yield "also", ", ".join(finding.related)
    if finding.suppressed is not None:
        yield "suppressed", finding.suppressed or "no reason given"


def _checklist(file: FileReport, terminal: Terminal) -> Iterator[str]:
    """The checklist by section: a mark, the rule, and what was found or why nothing could be."""
    name = max(len(item.rule.partition("/")[2]) for item in file.checklist)
    yield terminal.paint(f"Checklist of {escape(file.path)}", "bold")
    section = ""
    for item in file.checklist:
        if item.section != section:
            section = item.section
            yield f"  {terminal.paint(section, 'place')}"
        yield from _item(item, name, file.path, terminal)


def _item(item: ChecklistItem, name: int, path: str, terminal: Terminal) -> Iterator[str]:
    glyph, style = MARKS["accepted" if item.accepted else item.verdict]
    mark = getattr(terminal.glyphs, glyph)
    indent = 4 + width(mark) + 1 + name + 2
    lines = wrap(escape(evidence(item, path)), terminal.columns - indent)
    first, *rest = (line.replace("\xa0", " ") for line in lines)  # which kept a place together
    label = f"{item.rule.partition('/')[2]:<{name}}"
    quiet = "dim" if item.verdict == "not-applicable" else ""
    row = f"{label}  {first}".rstrip()
    yield f"    {terminal.paint(mark, style)} {terminal.paint(row, quiet) if quiet else row}"
    for line in rest:
        yield " " * indent + (terminal.paint(line, quiet) if quiet else line)


def evidence(item: ChecklistItem, path: str) -> str:
    """What was found, or why nothing could be. Places in the file of this checklist need not repeat its name."""
    if item.verdict in ("pass", "fail"):
        text = f"accepted: {item.evidence}" if item.accepted else item.evidence
    elif item.evidence and item.reason and item.reason not in item.evidence:
        text = f"{item.reason} ({item.evidence})"
    else:
        text = item.reason or item.evidence
    file = path.rpartition("/")[2]
    return text.replace(f"({file}:cell ", "(cell\xa0").replace(f"({file}:", "(line\xa0")
