"""Report for a language model: every finding, unknown items with their reasons, the other checklist items by name.

One line per finding, in the report's own order, without repetition, so that it costs few tokens. Text from the reviewed
file is escaped: it cannot start a line of its own.
"""

from __future__ import annotations

from typing import Iterator

from ..report.report import ChecklistItem, FileReport, Finding, Report
from .excerpt import place
from .summary import SHOWN, counts
from .terminal import PLAIN, escape
from .view import View


def render(report: Report, view: View) -> str:
    """Return the counts, then the findings and the checklist of each file."""
    lines = [counts(report, PLAIN, view.of_data)]
    lines += [f"internal error: {escape(f'{e.rule or e.path}: {e.message}')}" for e in report.internal_errors]
    for file in report.files:
        if file.status != "skipped":
            lines += _file(file, view.quiet, view.show_suppressed)
    skipped = [file for file in report.files if file.status == "skipped"]
    if skipped and view.of_data:
        lines += [f"{escape(file.path)}: {escape(file.reason)}" for file in skipped]
    elif skipped and not view.quiet:
        names = " ".join(escape(file.path) for file in skipped[:SHOWN])
        more = f" and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else ""
        lines.append(f"\nno training scripts: {names}{more}")
    return "".join(f"{line}\n" for line in lines)


def _file(file: FileReport, quiet: bool, show_suppressed: bool) -> Iterator[str]:
    yield f"\n{escape(file.path)}"
    for found in file.findings:
        if found.suppressed is None or show_suppressed:
            yield finding(found, file.path)
    if quiet:
        return
    for note in file.notes:
        yield f"note: {escape(note)}"
    for item in file.checklist:
        if item.verdict == "unknown":
            yield unknown(item)
    passed = [item for item in file.checklist if item.verdict == "pass"]
    for certainty, words in (
        ("certain", "pass"),
        ("default", "pass, unless the command line or the environment overrides it"),
        ("branch", "pass on every branch"),
    ):
        names = [item.rule for item in passed if item.certainty == certainty]
        if names:
            yield f"{words}: {' '.join(names)}"
    absent = [f"{i.rule} ({escape(i.reason)})" for i in file.checklist if i.verdict == "not-applicable"]
    if absent:
        yield f"not applicable: {'; '.join(absent)}"


def finding(found: Finding, path: str) -> str:
    """Return the finding in one line; places in the file `path` are given without its name."""
    at = place(found.location)
    head = (
        f"{found.severity} ({found.effect}) {found.rule} {at.removeprefix(f'{escape(path)}:')}: {escape(found.message)}"
    )
    parts = [head]
    if found.certainty != "certain":
        parts.append({"default": "unless overridden at run time", "branch": "on some branches"}[found.certainty])
    if found.run:
        parts.append(f"when started as: {escape(found.run)}")
    if found.related:
        parts.append(f"also {' '.join(found.related)}")
    if found.help:
        parts.append(f"help: {escape(found.help)}")
    if found.fix is not None:
        parts.append(f"{found.fix.applicability} {found.fix.kind}: {escape(found.fix.title)}")
    if found.suppressed is not None:
        parts.append(f"suppressed: {escape(found.suppressed) or 'no reason given'}")
    return " | ".join(parts)


def unknown(item: ChecklistItem) -> str:
    return f"unknown {item.rule}: {escape(item.reason)}"
