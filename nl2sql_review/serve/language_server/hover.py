"""Hover: the final value, the places that it passed through, the source of a default, and what the rules require.

Only for recorded values: at other places other servers answer, and a second answer would push theirs aside.
"""

from __future__ import annotations

import os
import re

from lsprotocol.types import Hover, MarkupContent, MarkupKind, Range

from ...judgement.verdict import FactVerdict
from ...policy.expectations import wanted
from ...policy.rulebook import Rule
from ...report.report import Location
from ...source.excerpts import one_line
from . import recorded
from .positions import Positions
from .recorded import Record
from .reviews import Review

MOST = 4  # values at one place: a constant may reach several arguments
LINE = 100  # characters of code
_FIRST = re.compile(r"(.+?)(?:\n\s*\n|\Z)", re.DOTALL)
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")


def at(review: Review, positions: Positions, path: str, cell: int | None, row: int, column: int) -> Hover | None:
    """Return the text on the value at a place, None if none was recorded."""
    found = recorded.under(review, path, cell, row, column)[:MOST]
    if not found:
        return None
    here = Location(os.path.realpath(path), row, column, row, column, cell)
    text = "\n\n---\n\n".join(_record(record, positions, here) for record in found)
    return Hover(MarkupContent(MarkupKind.Markdown, text), _range(found, here, positions))


def _range(found: list[Record], here: Location, positions: Positions) -> Range | None:
    places = [place for one in found for place in (one.at, *one.stops) if recorded.inside(here, place)]
    return positions.range(places[-1]) if places else None


def _record(record: Record, positions: Positions, here: Location) -> str:
    callee = record.call.callee.rpartition(".")[2]
    whose = recorded.by_default(record.value)
    parts = [f"**{_name(record)}** = {_code(recorded.said(record.value))}" + (f", {whose}" if whose else "")]
    if not record.configured:
        parts[0] += f"  \nas `{callee}` gets it"
    if path := _way(record, positions, here):
        parts.append(path)
    parts += [_rule(rule, judged) for rule, judged in record.rules]
    return "\n\n".join(parts)


def _name(record: Record) -> str:
    return record.name or record.call.callee.rpartition(".")[2]


def _way(record: Record, positions: Positions, here: Location) -> str:
    """Return the places from the origin to the argument, one per line; "" if the cursor is on the only one."""
    if not record.stops or record.literal and recorded.inside(here, record.at):
        return ""
    lines = [*record.stops, record.at]
    return "\n".join(f"{number}. {_place(place, positions)}" for number, place in enumerate(lines, 1))


def _place(at: Location, positions: Positions) -> str:
    uri = positions.uri(at)
    line = positions.documents.line(uri, at.row).strip()
    where = positions.named(at.path, at.row, at.cell)
    target = uri if at.cell is not None else f"{uri}#L{at.row}"  # a cell's URI ends in a fragment already
    return f"{_code(one_line(line, LINE))} ([{where}]({target}))"


def _rule(rule: Rule, judged: FactVerdict) -> str:
    decision = judged.decision
    name = f"[{rule.id}]({rule.address})" if rule.address else f"`{rule.id}`"
    word = {"pass": "is kept", "fail": "is broken", "unknown": "cannot be decided"}.get(decision.verdict, "")
    if not word:
        return f"{name} does not apply: {decision.reason}"
    wants = "" if judged.expected.given() == {} else f": it should be {wanted(judged.expected.given())}"
    why = f"; {decision.reason}" if decision.verdict == "unknown" and decision.reason else ""
    title = f" {rule.title}." if decision.verdict == "fail" else ""  # it names what is wrong
    return f"{name} {word}{wants}{why}.{title}\n\n{_first_lines(rule)}"


def _first_lines(rule: Rule) -> str:
    found = _FIRST.match(rule.prose)
    return "> " + " ".join(_LINK.sub(r"\1", found[1]).split()) if found else ""


def _code(text: str) -> str:
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}"
