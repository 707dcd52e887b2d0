"""Inlay hints: values from other places, the effective batch, and the defaults of omitted arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

from lsprotocol.types import InlayHint, InlayHintKind, MarkupContent, MarkupKind, Position, Range

from ...judgement.wording import where
from ...render.plan_words import shortened
from ...report.report import Location
from ...rows.steps import Steps
from ...training_plan.values import Default, Known, Unknown
from . import recorded
from .positions import Positions
from .recorded import Record
from .reviews import Review

LONGEST = 40  # characters of a value
MOST = 3  # values that one line may get
NAMES = 4  # arguments that `**settings` stands for; the others are in the tooltip
DEFAULTS = 2  # arguments that a closing bracket names; the others are in its tooltip
_ASSIGNED = re.compile(r"\s*=(?!=)")
Said = tuple[Location, str, str]  # where, the label and the tooltip


def within(review: Review, positions: Positions, uri: str, wanted: Range, steps: list[Steps | None]) -> list[InlayHint]:
    """Return the hints for a range of a file or cell, in the order of their places; `steps` as of `rows.steps`."""
    told: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for at, label, tooltip in (*_values(review, positions, uri), *_batch(review, positions, uri, steps)):
        told.setdefault(_key(positions.position(uri, at.end_row, at.end_column)), []).append((label, tooltip))
    made = [_hint(Position(*place), said) for place, said in told.items()]
    made += _omitted(review, positions, uri)
    inside = (one for one in made if wanted.start.line <= one.position.line <= wanted.end.line)
    return sorted(inside, key=lambda one: _key(one.position))


def _key(at: Position) -> tuple[int, int]:
    return at.line, at.character


def _hint(at: Position, said: list[tuple[str, str]]) -> InlayHint:
    """Return all that is said at one place as one hint."""
    label = "; ".join(label for label, _ in said)
    tooltip = "; ".join(dict.fromkeys(tooltip for _, tooltip in said if tooltip)) or None
    return InlayHint(at, label, InlayHintKind.Type, tooltip=tooltip, padding_left=True)


def _values(review: Review, positions: Positions, uri: str) -> Iterator[Said]:
    """Yield what arrives at each argument that comes from elsewhere: by name where the text there has none."""
    of: dict[Location, dict[str, list[Record]]] = {}
    for record in recorded.records(review):
        if record.literal or positions.uri(record.at) != uri or record.configured and record.origin is None:
            continue
        of.setdefault(record.at, {}).setdefault(record.name, []).append(record)
    for at, named in of.items():
        rest = positions.documents.line(uri, at.end_row)[at.end_column - 1 :]
        if _ASSIGNED.match(rest):  # `tokenizer.padding_side = "right"`: its value follows, and is often written there
            if all(stop.row == at.row for found in named.values() for record in found for stop in record.stops):
                continue
            at = replace(at, end_column=at.end_column + len(rest.rstrip()))
        unpacked = positions.documents.line(uri, at.row)[at.column - 1 :].startswith("**")
        known = {name: found for name, found in named.items() if not all(isinstance(r.value, Unknown) for r in found)}
        labels, tooltips = [], []
        for name, found in known.items():
            values = list(dict.fromkeys(recorded.said(record.value) for record in found))
            prefix = f"{name}=" if name and (unpacked or len(named) > 1) else ""
            labels.append(prefix + " or ".join(shortened(value, LONGEST) for value in values[:MOST]))
            labels[-1] += f", … {len(values) - MOST} more" if len(values) > MOST else ""
            whose = dict.fromkeys(filter(None, (recorded.by_default(record.value) for record in found)))
            tooltips.append(prefix + ", ".join((" or ".join(values), *whose)))
        if labels:
            more = f", … {len(labels) - NAMES} more" if len(labels) > NAMES else ""
            yield at, f"⟶ {', '.join(labels[:NAMES])}{more}", "; ".join(tooltips)


def _batch(review: Review, positions: Positions, uri: str, steps: list[Steps | None]) -> Iterator[Said]:
    """Yield what a step trains on, and how many there are as the script or its rows say, at the batch's argument."""
    of: dict[Location, tuple[dict[str, None], dict[str, None], dict[str, None]]] = {}  # batches, steps, tooltips
    plans = review.examined.plans if review.examined is not None else []
    for plan, counted in zip_longest(plans, steps):
        batch = plan.arguments.effective_batch
        stated = plan.arguments.max_steps.value
        place = batch.at or plan.arguments.per_device_batch_size.at
        at = where(place) if place is not None and place.node is not None else None
        if at is None or positions.uri(at) != uri:
            continue
        batches, totals, tooltips = of.setdefault(at, ({}, {}, {}))
        if isinstance(batch.value, (Known, Default)) and not batch.why_not:
            batches[str(batch.value.value)] = None
        if isinstance(stated, (Known, Default)) and isinstance(stated.value, int) and stated.value > 0:
            totals[f"{stated.value:,} steps"] = None
        elif counted is not None:
            totals[counted.words] = None
        tooltips[recorded.by_default(batch.value) or batch.note] = None
        tooltips[counted.reason if counted is not None else ""] = None
    for at, (batches, totals, tooltips) in of.items():
        words = [f"effective batch {' or '.join(batches)}"] if batches else []
        words += [" or ".join(totals)] if totals else []
        if words:
            yield at, ", ".join(words), "; ".join(filter(None, tooltips))


def _omitted(review: Review, positions: Positions, uri: str) -> Iterator[InlayHint]:
    """Yield hints with the omitted arguments, at the closing bracket of a call; the tooltip has the whole list."""
    of: dict[Location, list[str]] = {}
    for at, name, value in recorded.omitted(review):
        if positions.uri(at) == uri:
            of.setdefault(at, []).append(f"{name}={recorded.said(value)}")
    for at, left_out in of.items():
        more = f", … {len(left_out) - DEFAULTS} more" if len(left_out) > DEFAULTS else ""
        label = f"by default {', '.join(shortened(one, LONGEST) for one in left_out[:DEFAULTS])}{more}"
        lines = "\n".join(f"- `{one}`" for one in left_out)
        yield InlayHint(
            positions.position(uri, at.end_row, at.end_column),
            label,
            tooltip=MarkupContent(MarkupKind.Markdown, f"library defaults for arguments that are not set:\n\n{lines}"),
            padding_left=True,
        )
