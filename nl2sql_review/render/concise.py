"""Report with one line per finding: `path:row:col: severity[rule] message`, the form that editors and grep read."""

from __future__ import annotations

from typing import Iterator

from ..report.report import Report
from . import fixes
from .excerpt import place
from .summary import closing
from .terminal import escape
from .view import View


def render(report: Report, view: View) -> str:
    """Return the findings and the additions that the view selects, then the counts."""
    return "".join(f"{line}\n" for line in _lines(report, view))


def _lines(report: Report, view: View) -> Iterator[str]:
    paint = view.terminal.paint
    for file in report.files:
        for f in file.findings:
            if f.suppressed is not None and not view.show_suppressed:
                continue
            note = "" if f.suppressed is None else escape(f" (suppressed: {f.suppressed or 'no reason given'})")
            yield (
                f"{place(f.location)}: {paint(f'{f.severity}[{f.rule}]', f.severity)}{fixes.mark(f)} "
                f"{escape(f.message)}{note}"
            )
        for item in file.checklist if view.show_unknown else ():
            if item.verdict == "unknown":
                yield f"{escape(file.path)}: {paint(f'unknown[{item.rule}]', 'warning')} {escape(item.reason)}"
    if not view.quiet:
        yield from closing(report, view.terminal)
