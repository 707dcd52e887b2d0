"""Findings as diagnostics: with the rule as code and link, and the places that a value passed through, each once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol.types import (
    CodeDescription,
    Diagnostic,
    DiagnosticRelatedInformation,
    DiagnosticSeverity,
    DiagnosticTag,
    Position,
    Range,
)

from ...policy.rulebook import Rulebook
from ...report.report import Finding, Location, TraceStep
from .positions import Positions

SOURCE = "nl2sql-review"
SEVERITY = {
    ("trap", "error"): DiagnosticSeverity.Error,
    ("trap", "warning"): DiagnosticSeverity.Warning,
    ("trap", "advice"): DiagnosticSeverity.Information,
    ("policy", "error"): DiagnosticSeverity.Warning,
    ("policy", "warning"): DiagnosticSeverity.Information,
    ("policy", "advice"): DiagnosticSeverity.Hint,
}
UNREAD = ("api/inert-argument", "api/swallowed-argument", "api/unread-setting", "api/ignored-key", "suppression/unused")
OLD = ("api/deprecated-argument", "api/removed-argument", "api/removed-import")
_AT = re.compile(r"(?P<path>.+?\.toml)(?::(?P<row>\d+):(?P<column>\d+))?: (?P<message>.+)", re.DOTALL)


def of_findings(
    findings: tuple[Finding, ...], rules: Rulebook | None, positions: Positions
) -> Iterator[tuple[str, Diagnostic]]:
    """Yield the findings that count, each with the URI of its file or cell."""
    for finding in findings:
        if finding.suppressed is None:
            yield positions.uri(finding.location), of_finding(finding, rules, positions)


def of_finding(finding: Finding, rules: Rulebook | None, positions: Positions) -> Diagnostic:
    """Return one finding as a diagnostic; its `data` identify the finding."""
    rule = rules.rules.get(finding.rule) if rules is not None else None
    at = finding.location
    where = positions.mark(at)
    lost = at.cell is not None and where.start == where.end == Position(0, 0) and (at.row, at.column) != (1, 1)
    message = f"cell {at.cell}:{at.row}: {finding.message}" if lost else finding.message
    if finding.help:
        message += f"\nHelp: {finding.help}"
    if finding.run:
        message += f"\nWhen started as: {finding.run}"
    return Diagnostic(
        range=where,
        message=positions.renamed(message),
        severity=SEVERITY[finding.kind, finding.severity],
        code=finding.rule,
        code_description=CodeDescription(rule.address) if rule is not None and rule.address else None,
        source=SOURCE,
        tags=_tags(finding.rule),
        related_information=[
            DiagnosticRelatedInformation(positions.target(step.location), step.text) for step in steps(finding)
        ]
        or None,
        data={"fingerprint": finding.fingerprint, "kind": finding.kind},
    )


def _tags(rule: str) -> list[DiagnosticTag] | None:
    if rule in UNREAD:
        return [DiagnosticTag.Unnecessary]
    return [DiagnosticTag.Deprecated] if rule in OLD else None


def steps(finding: Finding) -> list[TraceStep]:
    """Return the places that a value passed through, one per line, without the line of the finding."""
    seen = {_line(finding.location)}
    made = []
    for step in finding.trace:
        if (line := _line(step.location)) not in seen:
            seen.add(line)
            made.append(step)
    return made


def _line(at: Location) -> tuple[str, int | None, int]:
    return at.path, at.cell, at.row


def of_settings(message: str, path: str, positions: Positions) -> list[tuple[str, Diagnostic]]:
    """Return the errors in the settings: at their place in that file, or its start, and at the script."""
    first = Range(Position(0, 0), Position(0, 0))
    said = Diagnostic(first, f"not reviewed: {message}", DiagnosticSeverity.Error, "settings", source=SOURCE)
    made = [(positions.documents.uri(path), said)]
    if found := _AT.match(message):
        uri = positions.documents.uri(found["path"])
        at = positions.position(uri, int(found["row"] or 1), int(found["column"] or 1))
        made.append((uri, Diagnostic(Range(at, at), found["message"], said.severity, "settings", source=SOURCE)))
    return made
