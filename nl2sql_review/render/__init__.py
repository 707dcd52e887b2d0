"""Renders a report as text, one file per format: each has `render(report, view)`; `view` selects the content."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..report.report import Report
    from .view import View


class Format:
    """One output format: its purpose, and the parts of a report that it includes.

    For a format that `carries_fixes`, a review proves the fixes, and each proof reads the script once more. If
    `view.show_unknown` is on, as with --fail-on-unknown, every format must show the unknown items, each with its
    reason; a format that only counts them has `carries_reasons` off.
    """

    __slots__ = ("purpose", "carries_fixes", "carries_reasons")

    def __init__(self, purpose: str, *, carries_fixes: bool = False, carries_reasons: bool = True) -> None:
        self.purpose = purpose
        self.carries_fixes = carries_fixes
        self.carries_reasons = carries_reasons


# By name, which is that of the file.
FORMATS = {
    "text": Format("for people (the default)"),
    "concise": Format("one line per finding, for editors and grep"),
    "statistics": Format("number of findings per rule", carries_reasons=False),
    "json": Format("the whole report", carries_fixes=True),
    "agent": Format("compact, for language models", carries_fixes=True),
    "sarif": Format("SARIF 2.1.0, for code scanning", carries_fixes=True),
    "github": Format("GitHub Actions annotations"),
    "gitlab": Format("a GitLab Code Quality report"),
    "junit": Format("JUnit XML, one test case per checklist item"),
    "rdjson": Format("for reviewdog", carries_fixes=True),
    "markdown": Format("for a review comment or a job summary"),
    "html": Format("one page for people: findings, checklist, plan, memory", carries_fixes=True),
}


def render(name: str, report: Report, view: View) -> str:
    """Render the report in the format called `name`, which is a key of FORMATS."""
    from dataclasses import replace
    from importlib import import_module

    report = replace(report, files=tuple(report.files))  # each is looked at several times, and unpacked once
    made: str = import_module(f".{name}", __name__).render(report, view)
    return made
