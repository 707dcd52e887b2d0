"""Default output: a summary line, traps with their code, departures from policy, the checklist, the counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..report.report import ChecklistItem, FileReport, Finding, Location, Report
from . import fixes
from .entries import by_section
from .excerpt import LineOf, excerpt, gutter_of, linked_place
from .summary import closing, lead, worst_first
from .terminal import Terminal, cut, escape, escape_code, width, wrap
from .view import View

MARKS = {
    "pass": ("passed", "green"),
    "fail": ("failed", "red"),
    "accepted": ("accepted", "yellow"),
    "unknown": ("unknown", "yellow"),
    "not-applicable": ("inapplicable", "dim"),
}
REASON = 2  # lines of the reason of an undecided item; all of it with --verbose


def render(report: Report, view: View) -> str:
    """Return the report for people."""
    return "".join(f"{line}\n" for line in _lines(report, view))


def _lines(report: Report, view: View) -> Iterator[str]:
    terminal = view.terminal
    told = worst_first(report)
    if not view.quiet and told:
        yield from lead(told, view)
        yield ""
    for file in told:
        shown = [f for f in file.findings if f.suppressed is None or view.show_suppressed]
        if len(told) > 1 and shown and not view.quiet:
            yield from lead([file], view)
            yield ""
        for note in file.notes if not view.quiet else ():
            yield from wrap(f"note: {escape(note)}", terminal.columns, indent=2)
        if file.notes and not view.quiet:
            yield ""
        traps = [f for f in shown if f.kind == "trap"]
        policy = [f for f in shown if f.kind == "policy"]
        for finding in traps:
            yield from _trap(finding, view.files.line, terminal)
            yield ""
        if policy and traps and not view.quiet:
            yield terminal.paint(f"{escape(file.path)}: departures from policy {view.policy}", "bold")
        for finding in policy:
            yield from _departure(finding, view.files.line, terminal)
        if policy:
            yield ""
        if file.checklist and not view.quiet:
            yield from _checklist(file, view)
            yield ""
    if not view.quiet:
        yield from closing(report, terminal)


def _trap(finding: Finding, line_of: LineOf, terminal: Terminal) -> Iterator[str]:
    """Yield a finding with its code and the places that its value passed through."""
    yield from _head(finding, terminal)
    yield from excerpt(finding, line_of, terminal)
    yield from _remarks(finding, " " * (gutter_of(finding) + 1), terminal)


def _departure(finding: Finding, line_of: LineOf, terminal: Terminal) -> Iterator[str]:
    """Yield a finding in few lines: its message, its place with the line of code, the help."""
    yield from _head(finding, terminal)
    at = finding.location
    arrow = terminal.paint("-->", "place")
    line = line_of(at) or ""
    shown, free = linked_place(at, terminal), terminal.columns - 8 - width(escape(at.path)) - 12
    if line.strip() and free >= 16:
        shown += f"  {_part(line, at, free, terminal.glyphs.ellipsis)}"
    yield f"  {arrow} {shown}"
    yield from _remarks(finding, "  ", terminal)


def _part(line: str, at: Location, columns: int, ellipsis: str) -> str:
    """Return the line of code; for a long line the part that begins at the place."""
    code = escape_code(line).strip()
    if width(code) > columns and width(escape_code(line[: at.column - 1])) > columns // 2:
        code = ellipsis + escape_code(line[at.column - 1 :]).rstrip()
    return code if width(code) <= columns else cut(code, columns - width(ellipsis)) + ellipsis


def _head(finding: Finding, terminal: Terminal) -> Iterator[str]:
    head = f"{finding.severity}[{finding.rule}]"
    first, *rest = wrap(f"{head}:{fixes.mark(finding)} {escape(finding.message)}", terminal.columns, indent=2)
    yield terminal.paint(head, finding.severity) + terminal.paint(first[len(head) :], "bold")
    for line in rest:
        yield terminal.paint("  " + line, "bold")


def _remarks(finding: Finding, margin: str, terminal: Terminal) -> Iterator[str]:
    for title, text in _remarks_of(finding):
        indent = len(margin) + len(title) + 4
        first, *rest = wrap(escape(text), terminal.columns - indent)
        yield f"{margin}{terminal.paint('=', 'place')} {terminal.paint(title, 'bold')}: {first}"
        for line in rest:
            yield " " * indent + line


def _remarks_of(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.run:
        yield "run", finding.run
    if finding.help:
        yield "help", finding.help
    yield from fixes.remark(finding)
    if finding.related:
        yield "also", ", ".join(finding.related)
    if finding.suppressed is not None:
        yield "suppressed", finding.suppressed or "no reason given"


def _checklist(file: FileReport, view: View) -> Iterator[str]:
    """Yield the checklist by section: passed items on one line, failed ones with place, unknown ones with reason."""
    terminal = view.terminal
    yield terminal.paint(f"Checklist of {escape(file.path)}", "bold")
    sections = by_section(file)
    indent = max(map(len, sections)) + 4
    for section, items in sections.items():
        lines = _in_full(items, file, terminal, indent) if view.verbose else _in_short(items, file, terminal, indent)
        name = terminal.paint(f"  {section:<{indent - 2}}", "place")
        for line in lines:
            yield name + line
            name = " " * indent


def _in_short(items: list[ChecklistItem], file: FileReport, terminal: Terminal, indent: int) -> Iterator[str]:
    passed = [_name(item) for item in items if item.verdict == "pass"]
    if passed:
        yield f"{_mark('pass', terminal)} {_listed(passed, terminal.columns - indent - 2)}"
    for item in items:
        if item.verdict == "fail":
            verdict = "accepted" if item.accepted else "fail"
            where = "accepted" if item.accepted else ", ".join(_rows(item, file))
            yield f"{_mark(verdict, terminal)} {_name(item)}  {terminal.paint(where, 'dim')}".rstrip()
    for item in items:
        if item.verdict == "unknown":
            yield from _undecided(item, file.path, terminal, indent)


def _undecided(item: ChecklistItem, path: str, terminal: Terminal, indent: int) -> Iterator[str]:
    name = _name(item)
    lines = list(wrap(escape(evidence(item, path)), terminal.columns - indent - 2 - len(name) - 2))
    if len(lines) > REASON:
        ellipsis = terminal.glyphs.ellipsis
        last = cut(lines[REASON - 1], terminal.columns - indent - 4 - len(name) - width(ellipsis))
        lines = [*lines[: REASON - 1], last + ellipsis]
    first, *rest = (line.replace("\xa0", " ") for line in lines)
    yield f"{_mark('unknown', terminal)} {name}  {first}"
    for line in rest:
        yield " " * (len(name) + 4) + line


def _in_full(items: list[ChecklistItem], file: FileReport, terminal: Terminal, indent: int) -> Iterator[str]:
    name = max(len(_name(item)) for item in file.checklist)
    for item in items:
        quiet = item.verdict == "not-applicable"
        lines = wrap(escape(evidence(item, file.path)), terminal.columns - indent - 4 - name)
        first, *rest = (line.replace("\xa0", " ") for line in lines)  # which kept a place together
        row = f"{_name(item):<{name}}  {first}".rstrip()
        verdict = "accepted" if item.accepted else item.verdict
        yield f"{_mark(verdict, terminal)} {terminal.paint(row, 'dim') if quiet else row}"
        for line in rest:
            yield " " * (name + 4) + (terminal.paint(line, "dim") if quiet else line)


def _mark(verdict: str, terminal: Terminal) -> str:
    glyph, style = MARKS[verdict]
    return terminal.paint(getattr(terminal.glyphs, glyph), style)


def _name(item: ChecklistItem) -> str:
    return item.rule.partition("/")[2]


def _listed(names: list[str], columns: int) -> str:
    """Return the names on one line; the names that do not fit are counted."""
    for shown in range(len(names), 0, -1):
        left = len(names) - shown
        text = ", ".join(names[:shown]) + (f" and {left} more" if left else "")
        if width(text) <= columns:
            return text
    return f"{len(names)} pass"


def _rows(item: ChecklistItem, file: FileReport) -> Iterable[str]:
    """Return the places of the findings of an item: `line 127`, `cell 3, line 2`, `config.yaml:4`."""
    told: dict[str, None] = {}
    for finding in file.findings:
        if item.rule == finding.rule or item.rule in finding.related:
            at = finding.location
            row = f"line {at.row}" if at.cell is None else f"cell {at.cell}, line {at.row}"
            where = row if at.path == file.path else f"{escape(at.path)}:{at.row}"
            told[where if item.rule == finding.rule else f"{where}, see {finding.rule}"] = None
    return list(told)[:3]


def evidence(item: ChecklistItem, path: str) -> str:
    """Return the evidence of an item, or the reason for its absence; places in the same file omit its name."""
    if item.verdict in ("pass", "fail"):
        text = f"accepted: {item.evidence}" if item.accepted else item.evidence
    elif item.evidence and item.reason and item.reason not in item.evidence:
        text = f"{item.reason} ({item.evidence})"
    else:
        text = item.reason or item.evidence
    file = path.rpartition("/")[2]
    return text.replace(f"({file}:cell ", "(cell\xa0").replace(f"({file}:", "(line\xa0")
