"""Workflow commands of GitHub Actions: one annotation per remark, worst first, then the counts.

GitHub shows the first ten errors, ten warnings and ten notices of a step: of many files, those of the worst must not be
lost behind departures from policy in the first ones.
"""

from __future__ import annotations

from ..report.report import EFFECTS, SEVERITIES, Report
from .entries import Entry, entries, relative
from .escaping import workflow_message, workflow_property
from .summary import counts, harm
from .terminal import escape
from .view import View

LEVELS = {"error": "error", "warning": "warning", "advice": "notice"}


def render(report: Report, view: View) -> str:
    lines = [_command(entry, view) for entry in sorted(entries(report, view), key=_rank)]
    if not view.quiet:
        lines.append(counts(report, view.terminal))
    return "".join(f"{line}\n" for line in lines)


def _rank(entry: Entry) -> tuple[bool, int, int]:
    least = len(EFFECTS) + 1
    return entry.kind != "fault", SEVERITIES.index(entry.severity), harm(entry.finding) if entry.finding else least


def _command(entry: Entry, view: View) -> str:
    at = entry.at
    properties = {"file": relative(at.path, view.root), "line": at.row, "endLine": at.end_row}
    if at.row == at.end_row and at.column < at.end_column:  # GitHub takes columns within one line only
        properties |= {"col": at.column, "endColumn": at.end_column}
    properties["title"] = entry.rule
    said = ",".join(f"{name}={workflow_property(str(value))}" for name, value in properties.items())
    return f"::{LEVELS[entry.severity]} {said}::{workflow_message(_message(entry))}"


def _message(entry: Entry) -> str:
    """Return the message with its help, and the reason if it is suppressed."""
    lines = [escape(entry.message)]
    if (finding := entry.finding) is not None:
        lines += [f"help: {escape(finding.help)}"] if finding.help else []
        lines += (
            [f"suppressed: {escape(finding.suppressed) or 'no reason given'}"] if finding.suppressed is not None else []
        )
    return "\n".join(lines)
