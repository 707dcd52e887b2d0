"""Reports on files that cannot be read. A module of their own, so that these files load no interpreter."""

from __future__ import annotations

from ..judgement.fingerprint import stamped
from ..report.report import FileReport, Finding, Location


def unread(data: bytes, path: str) -> FileReport | None:
    """Return the report on a file that is neither valid text nor the notebook that it should be; None otherwise."""
    from ..judgement.judge import of_file
    from ..source import SourceError, check

    try:
        check(data, path)
    except SourceError as error:
        return unread_report(of_file(error, path))
    return None


def unreadable(path: str, message: str) -> FileReport:
    """Return the report on a file that cannot be opened."""
    at = Location(path, 1, 1, 1, 1)
    return unread_report(Finding("file/unreadable", "error", "stops", "certain", message, None, at, kind="trap"))


def unread_report(finding: Finding) -> FileReport:
    """Return the report on a file that was not read, with the finding that says why."""
    path = finding.location.path
    return FileReport(path, "error", finding.message, stamped((finding,), path, {}))
