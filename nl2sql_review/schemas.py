"""JSON Schemas of what the tool prints and reads, generated from the dataclasses that define them."""

from __future__ import annotations

from typing import Any

from . import settings
from .baseline import Baseline
from .memory.summary import MemoryReport
from .render.plan_json import PlanReport
from .report import Report
from .rows.scoring.evaluation import Evaluation
from .shape import schema

SCHEMAS: dict[str, Any] = {
    "report": lambda: schema(Report, "nl2sql-review report"),
    "plan": lambda: schema(PlanReport, "nl2sql-review plan"),
    "memory": lambda: schema(MemoryReport, "nl2sql-review memory"),
    "evaluation": lambda: schema(Evaluation, "nl2sql-review evaluation"),
    "settings": settings.schema,
    "baseline": lambda: schema(Baseline, "nl2sql-review baseline"),
}
