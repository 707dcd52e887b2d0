"""Inlay hints: values from other places, the effective batch, and the defaults of omitted arguments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from lsprotocol.types import InlayHint, InlayHintKind, MarkupContent, MarkupKind, Range

from ...judgement.wording import where
from ...render.plan_words import shortened
from ...report.report import Location
from ...rows.steps import Steps
from ...training_plan.values import Default, Known, Unknown
from . import recorded
from .positions import Positions
from .reviews import Review

LONGEST = 40  # characters of a value
DEFAULTS = 2  # arguments that a closing bracket names; the others are in its tooltip


def within(review: Review, positions: Positions, uri: str, wanted: Range, steps: list[Steps | None]) -> list[InlayHint]:
    """Return the hints for a range of a file or cell, in the order of their places; `steps` as of `rows.steps`."""
    batch = _batch(review, positions, uri, steps)
    made = [*_values(review, positions, uri), *batch, *_omitted(review, positions, uri)]
    inside = (one for one in made if wanted.start.line <= one.position.line <= wanted.end.line)
    return sorted(inside, key=lambda one: (one.position.line, one.position.character))


def _values(review: Review, positions: Positions, uri: str) -> Iterator[InlayHint]:
    for record in recorded.records(review):
        if record.literal or isinstance(record.value, Unknown) or positions.uri(record.at) != uri:
            continue
        if record.configured and record.origin is None:
            continue
        said = recorded.said(record.value)
        whose = recorded.by_default(record.value)
        yield InlayHint(
            positions.position(uri, record.at.end_row, record.at.end_column),
            f"⟶ {shortened(said, LONGEST)}",
            InlayHintKind.Type,
            tooltip=", ".join(filter(None, (said, whose))),
            padding_left=True,
        )


def _batch(review: Review, positions: Positions, uri: str, steps: list[Steps | None]) -> Iterator[InlayHint]:
    """What a step trains on, and how many there are as the script or its rows say, at the argument for the batch."""
    seen = set()
    plans = review.examined.plans if review.examined is not None else []
    for plan, counted in zip_longest(plans, steps):
        batch = plan.arguments.effective_batch
        stated = plan.arguments.max_steps.value
        place = batch.at or plan.arguments.per_device_batch_size.at
        words = []
        if isinstance(batch.value, (Known, Default)) and not batch.why_not:
            words.append(f"effective batch {batch.value.value}")
        if isinstance(stated, (Known, Default)) and isinstance(stated.value, int) and stated.value > 0:
            words.append(f"{stated.value:,} steps")
        elif counted is not None:
            words.append(counted.words)
        at = where(place) if place is not None and place.node is not None else None
        if not words or at is None or positions.uri(at) != uri or (at, *words) in seen:
            continue
        seen.add((at, *words))
        told = (recorded.by_default(batch.value) or batch.note, counted.reason if counted is not None else "")
        tooltip = "; ".join(filter(None, told)) or None
        yield InlayHint(
            positions.position(uri, at.end_row, at.end_column), ", ".join(words), tooltip=tooltip, padding_left=True
        )


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
