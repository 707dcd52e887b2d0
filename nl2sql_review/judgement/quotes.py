"""The place that a value comes from, and the code there as it is quoted in a message."""

from __future__ import annotations

import os.path
import re

from ..source.spans import Span
from ..training_plan.values import Default, Known, Place, Trace, Value

NUMBER = re.compile(r"(?<![\w.\"'-])\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w\"'.])")
LINE = 60  # characters of a line of code in a message
LITERALS = {"Integer", "Float", "SimpleString", "UnaryOperation", "List", "Tuple", "Dict"}


def origin_of(trace: Trace) -> Place:
    """Return the place that gives the value: the line of a file, rather than what opens the file or names it."""
    lines = [place for place in trace if isinstance(place.node, Span)]
    if not lines:
        return trace[0]
    at = 0
    while at + 1 < len(lines) and _names_file(lines[at], lines[at + 1]):
        at += 1
    return lines[at]


def _names_file(line: Place, following: Place) -> bool:
    """Return whether a line names the file that the following line is in, as `--config "$CONFIG"` of a launch does."""
    if following.source is line.source or following.source.kind != "configuration":
        return False
    name = os.path.basename(following.source.path)
    return line.source.kind == "launch" or name in str(line.source.excerpt(line.node))


def option_with(value: Value, first: Place) -> str:
    """Return `--rank, default 16` of a value in the call that makes the option, if what would be quoted lacks it."""
    after = value.trace[value.trace.index(first) + 1 :]
    if not isinstance(value, Default) or not after or after[0].source is not first.source:
        return ""
    by, call = value.overridden_by, after[0]
    if not by.startswith("-") or type(call.node).__name__ != "Call" or not _is_literal(first) or by in code_at(first):
        return ""
    made = re.search(rf"['\"]{re.escape(by)}['\"]", first.source.segment(call.node))
    return f"{by}, default {first.source.excerpt(first.node)}" if made else ""


def _is_literal(place: Place) -> bool:
    return type(place.node).__name__ in LITERALS


def is_computed(value: Value, code: str) -> bool:
    """Return whether the code has numbers, and a number that comes from it is none of them."""
    made = value.value if isinstance(value, (Known, Default)) else None
    if isinstance(made, bool) or not isinstance(made, (int, float)):
        return False
    numbers = [float(number.replace("_", "")) for number in NUMBER.findall(code)]
    return bool(numbers) and made not in numbers


def code_at(place: Place, whole_line: bool = True) -> str:
    """Return the code at a place, with the name that it is assigned to: `LORA_R = 64` instead of `64`."""
    if place.note:
        return place.note
    span = place.source.span(place.node)
    if place.source.kind == "launch" and span.end_row > span.row:
        return "the command in quotes"  # `srun bash -c '…'`: of its lines the first says nothing
    line = place.source.line(span.row, span.cell)
    comment = line.find("#", max(line.rfind("'"), line.rfind('"')) + 1)
    line = " ".join((line if comment < 0 else line[:comment]).split()).rstrip(",")
    whole_line = whole_line and span.row == span.end_row and len(line) <= LINE and place.source.kind != "launch"
    if whole_line:
        return line
    if span.row == span.end_row and _is_literal(place):  # which says little without its name
        whole = place.source.line(span.row, span.cell)
        begun, rest = " ".join(whole[: span.end_column - 1].split()), whole[span.end_column - 1 :].lstrip(" ,")
        if len(begun) < LINE:
            return f"{begun}…" if rest and not rest.startswith("#") else begun
    return str(place.source.excerpt(place.node))
