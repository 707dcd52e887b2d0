"""A report → a text, one file a format: each has `render(report, view)`; `view` says how much is shown, and where."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..report.report import Report
    from .view import View

FORMATS = {
    "text": "for people (the default)",
    "concise": "one line a finding, for editors and grep",
    "statistics": "how often each rule found something",
    "json": "the whole report",
    "agent": "for language models, in few tokens",
    "sarif": "SARIF 2.1.0, for code scanning",
    "github": "annotations of GitHub Actions",
    "gitlab": "a Code Quality report of GitLab",
    "junit": "JUnit XML, a test case for every item of the checklist",
    "rdjson": "for reviewdog",
    "markdown": "for a review comment or a job summary",
}


def render(name: str, report: Report, view: View) -> str:
    """The report in the format called `name`, which is a key of FORMATS."""
    from importlib import import_module

    return import_module(f".{name}", __name__).render(report, view)
