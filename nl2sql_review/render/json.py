"""Report as JSON, version 1: the dataclasses of the report, field by field, on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..report.serialization import dump

if TYPE_CHECKING:
    from ..report.report import Report
    from .view import View


def render(report: Report, view: View) -> str:
    """Return the whole report, whatever the view leaves out."""
    return dump(report)
