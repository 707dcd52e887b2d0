"""Compares the values of two sides, and converts them to text."""

from __future__ import annotations

import json
import math
from pathlib import PurePath

from ..files.discovery import CONFIGURATIONS
from ..render.plan_json import PlanStep, PlanValue
from ..render.plan_words import said, shortened, texts
from ..report.plan_diff import Stated

CODE = 60  # characters of code in an origin
LONG = 120  # characters of a text that is shown as a value


def is_default(value: PlanValue) -> bool:
    """Return whether a value is a library's default, by the end of its trace."""
    return bool(value.trace) and value.trace[-1].text.startswith("library default")


def same(a: PlanValue, b: PlanValue) -> bool:
    """Return whether two values are the same, whatever their origin and whatever may override them."""
    settled = ("known", "default")
    if a.kind in settled and b.kind in settled:
        return alike(a.value, b.value)
    if a.kind != b.kind:
        return False
    if a.kind == "text":
        return words_of(a) == words_of(b)
    return a.kind == "unknown" or alike(a.value, b.value)


def alike(a: object, b: object) -> bool:
    """Return whether two plain values are equal; numbers up to rounding, `True` only to itself."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    return a == b


def stated(value: PlanValue) -> Stated:
    """Return a value as text, with its origin."""
    if value.kind == "absent":
        return Stated("unset" if not value.reason else f"none: {value.reason}", None, "absent")
    default = is_default(value)
    words = (
        said(value)
        if value.kind != "text"
        else shortened(json.dumps("\n".join(words_of(value)), ensure_ascii=False), LONG)
    )
    text = words + (" by default" if default else "")
    plain = value.value if value.kind in ("known", "default", "either", "term") else None
    return Stated(text, plain, value.kind, "" if default else origin(value.trace))


def origin(trace: tuple[PlanStep, ...]) -> str:
    """Return the origin of a value as text: the configuration that contains it, else the first place of its trace."""
    said_at = [step for step in trace if not step.text.startswith("library default")]
    if not said_at:
        return ""
    step = next((step for step in said_at if step.path.endswith(CONFIGURATIONS)), said_at[0])
    cell = f"cell {step.cell}:" if step.cell else ""
    code = " ".join(step.text.split())
    code = code if len(code) <= CODE else code[: CODE - 1] + "…"
    return f"{PurePath(step.path).name}:{cell}{step.row} {code}".rstrip()


def words_of(value: PlanValue) -> list[str]:
    """Return the lines of the training text, or of each possible one, with `{…}` for values that are filled in."""
    made: list[str] = []
    for parts in texts(value):
        whole = "".join(part["text"] if "text" in part else "{" + part["hole"] + "}" for part in parts)
        made += [*([""] if made else []), *whole.split("\n")]
    return made
