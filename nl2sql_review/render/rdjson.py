"""Diagnostics for reviewdog. Its columns count UTF-8 bytes, its ends are exclusive."""

from __future__ import annotations

from typing import Any

from ..report.addresses import SITE
from ..report.report import Location, Report
from ..report.serialization import document
from .entries import Entry, entries
from .escaping import message_text
from .view import View

SEVERITIES = {"error": "ERROR", "warning": "WARNING", "advice": "INFO"}


def render(report: Report, view: View) -> str:
    diagnostics = [_diagnostic(entry, view) for entry in entries(report, view)]
    return document({"source": {"name": "nl2sql-review", "url": SITE}, "diagnostics": diagnostics})


def _diagnostic(entry: Entry, view: View) -> dict[str, Any]:
    finding = entry.finding
    rule = view.rules().get(entry.rule)
    help = f"\n{finding.help}" if finding is not None and finding.help else ""
    made: dict[str, Any] = {
        "message": message_text(f"{entry.message}{help}"),
        "location": {"path": entry.at.path, "range": _range(entry.at, view)},
        "severity": SEVERITIES[entry.severity],
        "code": {"value": entry.rule, **({"url": rule.address} if rule is not None and rule.address else {})},
    }
    fix = finding.fix if finding is not None else None
    here = finding.location.path if finding is not None else ""
    if fix is not None and fix.edits and all(edit.location.path == here for edit in fix.edits):
        stored = [view.files.stored_edit(edit) for edit in fix.edits]
        made["suggestions"] = [{"range": _range(edit.location, view), "text": edit.content} for edit in stored]
    return made


def _range(at: Location, view: View) -> dict[str, Any]:
    start, end = view.files.bytes_before(at)
    return {"start": {"line": at.row, "column": start + 1}, "end": {"line": at.end_row, "column": end + 1}}
