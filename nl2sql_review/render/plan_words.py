"""Text for the values of a plan, shared by all output for people."""

from __future__ import annotations

import json
import re
from typing import Any

from .plan_json import PlanCall, PlanStep, PlanValue
from .terminal import UNICODE, Glyphs, escape

TITLES = {
    "lora": "model and adapter",
    "prompt": "prompt",
    "dataset": "datasets and weights",
    "arguments": "trainer arguments",
    "memory": "memory",
    "checkpointing": "checkpoints and resume",
    "project": "paths and tracking",
    "api": "interfaces",
    "artifact": "what is saved and served",
}
STEPS = 4  # of a trace that are shown: the origin and the last ones
TELLING = 48  # characters of code or remark that help a reader more than the row alone
# Facts of which one asks who says so.
STATED = ("versions", "processes", "gpu")
# Facts that name a problem: without one they are not worth a line.
_PROBLEMS = re.compile(r"(missing|unmatched|misaligned|misplaced|late|bare|unimported|untracked|moved|removed|unknown|"
                       r"conflicting|deprecated|wrong|changed|unseeded|unguarded|untrained|foreign|joined|idle|swallowed|"
                       r"unread|misread)(_|$)|"
                       r"\w+_conflict$")  # fmt: skip
# Lists of defects whose names are those of what they are about.
_DEFECTS = frozenset(
    "frozen replaced labels loss_scale restarted_schedule best_model resumed_state contradicted late_environment "
    "saved_weights merged_into tokenizer converted prompt generation optimizer_steps schedule_steps "
    "dropped_results".split()
)


def is_worth_a_line(name: str, value: PlanValue) -> bool:
    """Return whether a fact is informative: it applies, and is more than the absence of a problem."""
    problem = name in _DEFECTS or _PROBLEMS.match(name) is not None
    return value.kind != "absent" and not (problem and value.kind == "known" and not value.value)


def texts(value: PlanValue) -> list[list[dict[str, Any]]]:
    """Return the training text, or each of the possible texts, as parts."""
    if value.kind == "text":
        return [value.value]
    options = value.value if value.kind == "either" else []
    return [option["value"] for option in options if isinstance(option, dict) and option.get("kind") == "text"]


def said(value: PlanValue) -> str:
    """Return the value in words, without control characters: `16`, `"a" or "b"`, `unknown: …`."""
    if value.kind == "unknown":
        return f"unknown: {escape(value.reason)}"
    if value.kind == "either":
        return " or ".join(map(option, value.value))
    if value.kind == "text":
        return _measure(value.value)
    if value.kind == "term":
        return escape(shortened(value.value, 90))
    return escape(literal(value.value))


def _measure(parts: list[dict[str, Any]]) -> str:
    holes = sum("hole" in part for part in parts)
    return f"a text with {holes} hole{'' if holes == 1 else 's'}, shown below"


def option(value: object) -> str:
    """Return one option of a branch as text for a terminal."""
    if isinstance(value, dict) and value.get("kind") == "text":
        return _measure(value["value"])
    if isinstance(value, dict) and "kind" in value:
        return escape(f"unknown ({value['value']})" if value["kind"] == "unknown" else str(value["value"]))
    return escape(literal(value))


def literal(value: object) -> str:
    """Return a value as a short Python literal."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list):
        text = f"[{', '.join(map(literal, value))}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{_key(key)}: {literal(item)}' for key, item in value.items())}}}"
    elif isinstance(value, float) and 0 < abs(value) < 0.001:
        text = _scientific(value)
    else:
        text = repr(value)
    return shortened(text, 300)


def _key(key: object) -> str:
    return literal(key) if key == "" else str(key)


def _scientific(value: float) -> str:
    """Return a number as `1e-4`, the form of a learning rate in training scripts."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        mantissa, _, exponent = f"{value:.12g}".partition("e")
    if not exponent:
        mantissa, _, exponent = f"{value:e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def came(value: PlanValue, path: str, glyphs: Glyphs = UNICODE) -> str:
    """Return the trace of a value, `8 RANK → 31`, origin first: rows of this file are bare, others have a path.

    The code of a place is left out if it only repeats the value or is too long to help.
    """
    stated = "" if value.kind in ("text", "either") or value.value is None else literal(value.value)
    places: dict[str, str] = {}
    for step in value.trace:
        text = " ".join(step.text.split())
        text = "library default" if text.startswith("library default") else text
        where = place(step, path)
        if where not in places or not places[where]:
            telling = text and len(text) <= TELLING and not (stated and stated in text)
            places[where] = f"{where} {escape(text)}" if telling else ""
    shown = [text or where for where, text in places.items()]
    if len(shown) > STEPS:
        shown = [shown[0], glyphs.ellipsis, *shown[2 - STEPS :]]
    return f" {glyphs.arrow} ".join(shown)


def place(step: PlanStep | PlanCall, path: str) -> str:
    """Return the row of a step, with its file if that is not `path`, and its cell in a notebook."""
    cell = f"cell {step.cell}:" if step.cell is not None else ""
    return f"{cell}{step.row}" if step.path == path else f"{escape(step.path)}:{cell}{step.row}"
