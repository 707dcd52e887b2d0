"""Code Quality report of GitLab: a JSON array, empty if there are no entries."""

from __future__ import annotations

from typing import Any

from ..judgement.fingerprint import digest
from ..report.report import Report
from ..report.serialization import document
from .entries import Entry, entries, relative
from .escaping import message_text
from .view import View

SEVERITIES = {"error": "critical", "warning": "major", "advice": "minor"}


def render(report: Report, view: View) -> str:
    return document([_issue(entry, view) for entry in entries(report, view)])


def _issue(entry: Entry, view: View) -> dict[str, Any]:
    at, finding = entry.at, entry.finding
    help = f" [{finding.help}]" if finding is not None and finding.help else ""
    return {
        "check_name": entry.rule,
        "description": message_text(f"{entry.message}{help}"),
        "severity": "blocker" if entry.kind == "fault" else SEVERITIES[entry.severity],
        "fingerprint": (finding.fingerprint if finding else "")
        or digest(entry.kind, entry.rule, relative(entry.path, view.root), entry.message),
        "location": {
            "path": relative(at.path, view.root),
            "positions": {
                "begin": {"line": at.row, "column": at.column},
                "end": {"line": at.end_row, "column": at.end_column},
            },
        },
    }
