"""Report on the data files of a script, for people: findings, a table of them, and one row as the model will see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..report.report import FileReport, Finding, Report
from ..rows.shown import Example
from .summary import counts
from .terminal import PLAIN, Terminal, escape, wrap
from .text import MARKS

MOST_LINES = 24  # of the row that is shown


def render(report: Report, terminal: Terminal, quiet: bool, examples: Sequence[Example] = ()) -> str:
    """Return the report on data files as text."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(report, terminal, quiet, examples))


def _lines(report: Report, terminal: Terminal, quiet: bool, examples: Sequence[Example]) -> Iterator[str]:
    for file in report.files:
        for finding in file.findings:
            if finding.suppressed is None:
                yield from _finding(finding, terminal)
        if file.findings and not quiet:
            yield ""
    if quiet:
        return
    for file in report.files:
        if file.status == "reviewed":
            yield from _checklist(file, terminal)
            yield ""
        else:
            text = f"{escape(file.path)}: {escape(file.reason)}"
            yield from (terminal.paint(line, "dim") for line in wrap(text, terminal.columns))
    for example in examples[:1]:
        yield from _example(example, terminal)
        yield ""
    yield from _closing(report, terminal)


def _closing(report: Report, terminal: Terminal) -> Iterator[str]:
    """Yield the last line with all the counts; files that were not checked are named above it."""
    if not report.summary.reviewed and not report.internal_errors and not any(file.findings for file in report.files):
        yield terminal.paint("no data file was checked", "warning")
        return
    plain = counts(report, PLAIN)
    yield from [counts(report, terminal)] if len(plain) <= terminal.columns else wrap(plain, terminal.columns)


def place(finding: Finding) -> str:
    """Return the place of a finding: `train.jsonl:17`, or the file alone for a finding about the whole file."""
    at = finding.location
    return f"{at.path}:{at.row}" if at.row else at.path


def _finding(finding: Finding, terminal: Terminal) -> Iterator[str]:
    head = f"{escape(place(finding))}: {finding.severity}[{finding.rule}]"
    first, *rest = wrap(f"{head}: {escape(finding.message)}", terminal.columns - 2)
    yield terminal.paint(head, finding.severity) + first[len(head) :] if first.startswith(head) else first
    yield from (f"  {line}" for line in rest)
    for step in finding.trace:
        where = f"{step.location.path}:{step.location.row}"
        code = escape(" ".join(step.text.split()))
        yield terminal.paint(f"    {terminal.glyphs.arrow} {escape(where)}  {code[: terminal.columns - 30]}", "dim")
    if finding.related:
        yield terminal.paint(f"    also {', '.join(map(escape, finding.related))}", "dim")


def _checklist(file: FileReport, terminal: Terminal) -> Iterator[str]:
    yield terminal.paint(f"Rows of {escape(file.path)}", "bold")
    name = max((len(item.rule.partition("/")[2]) for item in file.checklist), default=0)
    for item in file.checklist:
        glyph, style = MARKS[item.verdict]
        mark = getattr(terminal.glyphs, glyph)
        text = escape(item.evidence if item.verdict in ("pass", "fail") else item.reason)
        first, *rest = wrap(text, terminal.columns - name - 8)
        row = f"{item.rule.partition('/')[2]:<{name}}  {first}"
        quiet = item.verdict == "not-applicable"
        yield f"    {terminal.paint(mark, style)} {terminal.paint(row, 'dim') if quiet else row}"
        for line in rest:
            yield " " * (name + 8) + (terminal.paint(line, "dim") if quiet else line)


def _example(example: Example, terminal: Terminal) -> Iterator[str]:
    yield terminal.paint(f"Row {example.row} of {escape(example.path)} as the model will see it", "bold")
    yield terminal.paint(f"  lines in the loss have an arrow ({terminal.glyphs.arrow})", "dim")
    shown = 0
    for text, learnt in example.lines:
        if shown == MOST_LINES:
            yield terminal.paint(f"    {terminal.glyphs.ellipsis} {len(example.lines) - shown} more lines", "dim")
            break
        shown += 1
        mark = terminal.glyphs.arrow if learnt else " "
        room = terminal.columns - 6
        line = escape(text)
        line = line if len(line) <= room else line[: room - 1] + terminal.glyphs.ellipsis
        yield f"  {terminal.paint(mark, 'green')} {terminal.paint(line, 'green') if learnt else line}"
