"""Content of a report as a flat list, for the formats that are lists of remarks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ..report.report import ChecklistItem, FileReport, Finding, Location, Report, Severity
from .view import View


class Entry(NamedTuple):
    """A finding, an undecided item, or an internal error. `at` is the place in the stored file."""

    kind: Literal["finding", "unknown", "fault"]
    rule: str
    severity: Severity
    message: str
    at: Location
    path: str  # of the reviewed file
    finding: Finding | None = None


def entries(report: Report, view: View) -> Iterator[Entry]:
    """Yield entries by file, findings first; suppressed and undecided ones if the view shows them; faults last."""
    for file in report.files:
        for f in file.findings:
            if f.suppressed is None or view.show_suppressed:
                message = f.message if f.location.cell is None else f"{f.message} ({cell_of(f.location)})"
                yield Entry("finding", f.rule, f.severity, message, view.files.stored(f.location), file.path, f)
        for item in file.checklist if view.show_unknown else ():
            if item.verdict == "unknown":
                message = f"cannot be decided: {item.reason}"
                yield Entry("unknown", item.rule, "warning", message, top(file.path), file.path)
    for fault in report.internal_errors:
        rule = fault.rule or "internal-error"
        message = f"internal error, this was not judged: {fault.message}"
        yield Entry("fault", rule, "error", message, top(fault.path), fault.path)


def by_section(file: FileReport) -> dict[str, list[ChecklistItem]]:
    """Return the items of the checklist by section, in their order."""
    sections: dict[str, list[ChecklistItem]] = {}
    for item in file.checklist:
        sections.setdefault(item.section, []).append(item)
    return sections


def cell_of(at: Location) -> str:
    """Return a place in a notebook for people: `cell 3, line 2`."""
    return f"cell {at.cell}, line {at.row}"


def top(path: str) -> Location:
    """Return the place of an entry about a whole file."""
    return Location(path, 1, 1, 1, 1)


def relative(path: str, root: str) -> str:
    """Return the path from the root of the repository, with slashes; the absolute path for a file outside."""
    full = os.path.abspath(path)
    inside = full == root or full.startswith(root.rstrip(os.sep) + os.sep)
    return (os.path.relpath(full, root) if inside else full).replace(os.sep, "/")
