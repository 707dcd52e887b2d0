"""Training plan of a script as JSON, version 1: the recorded calls, then the facts of the plan.

`describe` turns the interpreter's values into plain data; `plan_text` shows the same data to people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from .. import flavours
from ..interpret.core.names import STACK
from ..interpret.core.recording import Call, Recording
from ..judgement.wording import locate
from ..report.serialization import dump
from ..training_plan.facts import SECTIONS, Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Trace, Unknown, Value

VERSION = 1
MEMORY_CALLS = ("torch.cuda.memory", "torch.cuda.max_memory", "torch.cuda.mem_get_info", "torch.cuda.reset_peak_memory")

Kind = Literal["known", "default", "either", "term", "text", "unknown", "absent"]


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One place that a value passed through, origin first. Rows and columns are 1-based, in a notebook per `cell`."""

    path: str
    row: int
    column: int
    text: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class PlanValue:
    """Known information about a value.

    `value` by `kind`: for known and default the value; for either the list of options (an option that is no plain value
    is an object `{"kind", "value"}`); for term its source text; for text a list of `{"text"}` and `{"hole", "source"}`,
    the expression that fills the hole and the code it comes from; for unknown and absent null.
    `reason` explains why it is unknown or absent, what may override a default, what decides between options.
    """

    kind: Kind
    value: Any = None
    reason: str = ""
    trace: tuple[PlanStep, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanCall:
    """A call of the training stack, under its canonical name; `row` is the first line of the call expression.

    `pad_token=` and the like at the end of a name is an assignment to that attribute. `certain` is false for a call on
    a branch that may not run.
    """

    callee: str
    path: str
    cell: int | None
    row: int
    end_row: int
    arguments: dict[str, PlanValue]
    certain: bool = True


Facts = dict[str, PlanValue]


@dataclass(frozen=True, slots=True)
class PlanSections:
    """Facts of the plan, by section and name."""

    lora: Facts
    prompt: Facts
    dataset: Facts
    arguments: Facts
    memory: Facts
    checkpointing: Facts
    project: Facts
    api: Facts
    artifact: Facts


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Calls and plans of a script.

    `calls` are in execution order, for the first command line if several are known. `plan` is that of the first
    trainer, `more_plans` those of further trainers and of further command lines; `runs` names the command line of each.
    """

    version: int
    calls: tuple[PlanCall, ...]
    plan: PlanSections
    more_plans: tuple[PlanSections, ...] = ()
    runs: tuple[str, ...] = ()


def render(report: PlanReport) -> str:
    return dump(report)


def describe(recording: Recording, plans: Iterable[TrainingPlan]) -> PlanReport:
    """Return the recording and its plans as plain data."""
    plans = list(plans)
    calls = [call for call in recording.every() if in_stack(call.callee)]
    locate(place for call in calls for place in (call.place, *(p for v in call.arguments.values() for p in v.trace)))
    sections = [describe_plan(plan) for plan in plans] or [PlanSections(**{name: {} for name in SECTIONS})]
    runs = tuple(plan.run for plan in plans) if any(plan.run for plan in plans) else ()
    return PlanReport(VERSION, tuple(map(describe_call, calls)), sections[0], tuple(sections[1:]), runs)


def in_stack(callee: str) -> bool:
    """Return whether a call belongs to the training stack: its libraries, or torch calls that concern GPU memory."""
    return callee.partition(".")[0] in {*STACK, *flavours.packages()} or callee.startswith(MEMORY_CALLS)


def describe_call(call: Call) -> PlanCall:
    span = call.place.source.span(call.place.node)
    arguments = {name: describe_value(value) for name, value in call.arguments.items() if not isinstance(value, Absent)}
    return PlanCall(call.callee, call.place.source.path, span.cell, span.row, span.end_row, arguments, call.certain)


def describe_plan(plan: TrainingPlan) -> PlanSections:
    sections: dict[str, Facts] = {}
    for section in SECTIONS:
        part = getattr(plan, section)
        sections[section] = {name: describe_fact(getattr(part, name)) for name in part.names()}
    return PlanSections(**sections)


def describe_fact(fact: Fact) -> PlanValue:
    if fact.why_not:
        return PlanValue("absent", None, fact.why_not)
    return describe_value(fact.value, fact.note)


def describe_value(value: Value, note: str = "") -> PlanValue:
    """Return a value as plain data. Objects that exist only at run time become the expressions that make them."""
    trace = steps(value.trace)
    match value:
        case Known(v) if is_plain(v):
            return PlanValue("known", plain(v), note, trace)
        case Default(v, by) if is_plain(v):
            return PlanValue("default", plain(v), f"{by} can override it" if by else note, trace)
        case Known(v) | Default(v):
            return PlanValue("term", source_text(v, value.trace), note, trace)
        case Either(options, condition):
            return PlanValue(
                "either", [_option(o) for o in options], f"decided by {condition}" if condition else note, trace
            )
        case Term(text):
            return PlanValue("term", text, note, trace)
        case Text(parts):
            return PlanValue("text", [_part(p) for p in parts], note, trace)
        case Unknown(why):
            return PlanValue("unknown", None, why or note, trace)
        case _:
            return PlanValue("absent", None, value.why or note, trace)


def _option(value: Value) -> Any:
    described = describe_value(value)
    if described.kind in ("known", "default"):
        return described.value
    return {"kind": described.kind, "value": described.value if described.value is not None else described.reason}


def _part(part: str | Value) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    described = describe_value(part)
    if described.kind in ("known", "default"):
        return {"hole": str(described.value), "source": origin(part.trace) or str(described.value)}
    if described.kind == "term":
        return {"hole": described.value, "source": origin(part.trace) or described.value}
    if described.kind == "either":
        hole = " or ".join(_option_text(o) for o in described.value)
        return {"hole": hole, "source": origin(part.trace) or hole}
    if described.kind == "text":
        hole = "".join(p["text"] if "text" in p else "{" + p["hole"] + "}" for p in described.value)
        return {"hole": hole, "source": origin(part.trace) or hole}
    return {"hole": "?", "source": origin(part.trace) or described.reason}


def _option_text(option: object) -> str:
    return str(option["value"]) if isinstance(option, dict) and "kind" in option else repr(option)


def is_plain(value: object) -> bool:
    """Return whether JSON can represent the value: numbers, strings, paths, None, and lists and dicts of these."""
    if value is None or isinstance(value, (bool, int, float, str, PurePath)):
        return True
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value)) and all(map(is_plain, value.values()))
    return False


def plain(value: object) -> Any:
    """Return a value made of JSON's own types: sets sorted, paths and infinite numbers as text."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=str)
    if isinstance(value, (list, tuple, range)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def source_text(value: object, trace: Trace) -> str:
    """Return the source text of an object of the interpreter: its expression, its name, or the code of its origin."""
    text = getattr(value, "text", None) or getattr(value, "name", None)
    if not isinstance(text, str) or text in ("", "<lambda>"):
        cls = getattr(value, "cls", None)
        text = f"{cls.name}(…)" if cls is not None else origin(trace)
    return text or type(value).__name__.lower()


# Traces


def steps(trace: Trace) -> tuple[PlanStep, ...]:
    """Return the places of a trace that lie in a file, in order."""
    return tuple(step for step in map(_step, trace) if step is not None)


def _step(place: Place) -> PlanStep | None:
    if place.source is None or place.node is None:
        return None
    span = place.source.span(place.node)
    return PlanStep(place.source.path, span.row, span.column, place.note or code(place), span.cell)


def code(place: Place) -> str:
    """Return the code at a place, or "" if the place is not in a Python source."""
    if place.source is None or place.node is None:
        return ""
    excerpt: str = place.source.excerpt(place.node)
    return excerpt


def origin(trace: Trace) -> str:
    """Return the code where a value comes from, or "" without a trace."""
    return code(trace[0]) if trace else ""
