"""JSON Schemas of the tool's output and input, generated from the dataclasses that define them."""

from __future__ import annotations

from typing import Any

from ..adoption.baseline import Baseline
from ..files.typed_data import schema
from ..gpu_memory.summary import MemoryReport
from ..policy import settings
from ..render.plan_json import PlanReport
from ..report.plan_diff import PlanDiff
from ..report.report import Report
from ..rows.scoring.evaluation import Evaluation


def report_schema() -> dict[str, Any]:
    """Return the schema of a report; the location of a finding about a whole data file has no row."""
    made = schema(Report, "nl2sql-review report")
    properties = made["$defs"]["Location"]["properties"]
    for name in ("row", "column", "end_row", "end_column"):
        properties[name] = {**properties[name], "type": ["integer", "null"]}
    return made


SCHEMAS: dict[str, Any] = {
    "report": report_schema,
    "plan": lambda: schema(PlanReport, "nl2sql-review plan"),
    "memory": lambda: schema(MemoryReport, "nl2sql-review memory"),
    "evaluation": lambda: schema(Evaluation, "nl2sql-review evaluation"),
    "diff": lambda: schema(PlanDiff, "nl2sql-review diff"),
    "settings": settings.schema,
    "baseline": lambda: schema(Baseline, "nl2sql-review baseline"),
}
