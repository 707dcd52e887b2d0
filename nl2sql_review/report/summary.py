"""What a report amounts to: its exit code and its counts."""

from __future__ import annotations

from collections.abc import Iterable

from .exit_codes import FAULT, FINDINGS, NOT_REVIEWED, NOTHING
from .report import SEVERITIES, FileReport, Report, Severity, Summary


def exit_code(report: Report, fail_on: Severity = "error", fail_on_unknown: bool = False) -> int:
    """Return 2 for an internal error, 1 for findings that count, 3 if nothing was reviewed, 0 otherwise."""
    if report.internal_errors:
        return FAULT
    grave = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    for file in report.files:
        if any(f.suppressed is None and f.severity in grave for f in file.findings):
            return FINDINGS
        if fail_on_unknown and any(item.verdict == "unknown" for item in file.checklist):
            return FINDINGS
    return NOTHING if any(file.status == "reviewed" for file in report.files) else NOT_REVIEWED


def summary(files: Iterable[FileReport]) -> Summary:
    """Count the files by status, and their findings and undecided items."""
    files = list(files)
    findings = [f for file in files for f in file.findings]
    shown = [f.severity for f in findings if f.suppressed is None]
    return Summary(
        reviewed=sum(file.status == "reviewed" for file in files),
        skipped=sum(file.status == "skipped" for file in files),
        errors=shown.count("error"),
        warnings=shown.count("warning"),
        advice=shown.count("advice"),
        unknown=sum(item.verdict == "unknown" for file in files for item in file.checklist),
        suppressed=len(findings) - len(shown),
    )
