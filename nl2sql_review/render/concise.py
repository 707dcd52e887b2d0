"""One line a finding: `path:row:col: severity[rule] message`, as editors and grep read it."""

from __future__ import annotations

from typing import Iterator

from ..report import Report
from .excerpt import place
from .summary import closing
from .terminal import PLAIN, Terminal, escape


def render(
    report: Report,
    terminal: Terminal = PLAIN,
    *,
    quiet: bool = False,
    show_suppressed: bool = False,
    show_unknown: bool = False,
) -> str:
    """The findings, with `show_unknown` also the checklist items that could not be decided, then the counts."""
    return "".join(f"{line}\n" for line in _lines(report, terminal, quiet, show_suppressed, show_unknown))


def _lines(report: Report, terminal: Terminal, quiet: bool, show_suppressed: bool, show_unknown: bool) -> Iterator[str]:
    for file in report.files:
        for f in file.findings:
            if f.suppressed is not None and not show_suppressed:
                continue
            note = "" if f.suppressed is None else escape(f" (suppressed: {f.suppressed or 'no reason given'})")
            yield f"{place(f.location)}: {terminal.paint(f'{f.severity}[{f.rule}]', f.severity)} {escape(f.message)}{note}"
        for item in file.checklist if show_unknown else ():
            if item.verdict == "unknown":
                yield f"{escape(file.path)}: {terminal.paint(f'unknown[{item.rule}]', 'warning')} {escape(item.reason)}"
    if not quiet:
        yield from closing(report, terminal)
