"""Finds the values at a place: arguments of recorded calls, and the constants, options and keys that they come from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...judgement.verdict import FactVerdict
from ...judgement.wording import LIBRARY_DEFAULT, locate
from ...judgement.wording import where as shown
from ...policy.rulebook import Rule
from ...render.plan_json import in_stack, is_plain
from ...report.report import Location
from ...source.command_line import ANOTHER
from ...source.spans import Span
from ...training_plan.values import Absent, Default, Known, Place, Trace, Value

if TYPE_CHECKING:
    from ...interpret.core.recording import Call
    from .reviews import Review

# By an argument's node and name, then by rule and fact: the verdicts, one for each run.
Ruled = dict[tuple[int, str], dict[tuple[str, str], list[tuple[Rule, FactVerdict]]]]
LONGEST = 12  # lines that a value's place may have; what is longer is no single value to whoever points at it


@dataclass(eq=False)
class Record:
    """One recorded value. `at` is its argument, `stops` are the places that it passed through, origin first.

    rules: the rules on it with their verdicts; `literal`: it is written in the argument itself
    """

    name: str
    value: Value
    call: Call
    at: Location
    stops: tuple[Location, ...]
    rules: list[tuple[Rule, FactVerdict]] = field(default_factory=list)
    literal: bool = False
    configured: bool = False  # it is a key of a configuration

    @property
    def origin(self) -> Location | None:
        """Place where the value was first written, if not in the argument."""
        first = self.stops[0] if self.stops else None
        return None if first is None or inside(first, self.at) else first


def where(place: Place) -> Location | None:
    """Return a place with the real path of its file, which identifies files here; None for a place in no file."""
    at = shown(place) if place.source is not None and place.node is not None else None
    return None if at is None else replace(at, path=os.path.realpath(at.path))


def inside(inner: Location, outer: Location) -> bool:
    """Return whether one place is within another."""
    return (
        (inner.path, inner.cell) == (outer.path, outer.cell)
        and (outer.row, outer.column) <= (inner.row, inner.column)
        and (inner.end_row, inner.end_column) <= (outer.end_row, outer.end_column)
    )


def records(review: Review) -> list[Record]:
    """Return the recorded values of a review, collected once per review."""
    if review.records is None:
        review.records = list(_records(review))
    return review.records


def calls(review: Review) -> list[Call]:
    """Return the recorded calls of the training stack, for all command lines."""
    examined = review.examined
    if examined is None:
        return []
    recordings = examined.recordings or ([examined.recording] if examined.recording is not None else [])
    return [call for one in recordings for call in one.calls if in_stack(call.callee)]


def _records(review: Review) -> Iterator[Record]:
    found = calls(review)
    locate(_places(found))
    ruled = _ruled(review)
    arrived: dict[tuple[str, Location], dict[tuple[str, tuple[Location, ...]], tuple[Call, str, Place]]] = {}
    for call in found:
        for name, value in call.arguments.items():
            place = call.places.get(name)
            at = where(place) if place is not None and _is_shown(value) else None
            if at is not None and place is not None:  # a line that runs again may get another value
                this = said(value), tuple(_stops(value.trace))
                arrived.setdefault((name, at), {}).setdefault(this, (call, name, place))
    for (_, at), each in arrived.items():
        several = len({words for words, _ in each}) > 1
        for (_, stops), (call, name, place) in each.items():
            value, key = call.arguments[name], call.keys.get(name, name)
            yield Record(
                "" if key.startswith("$") else key,
                value,
                call,
                at,
                stops,
                _rules(ruled, id(place.node), value, several, key, name),
                literal=_stands_there(value.trace, at),
                configured=isinstance(place.node, Span),
            )


def _places(found: Iterable[Call]) -> Iterator[Place]:
    for call in found:
        yield call.place
        for name, value in call.arguments.items():
            if name in call.places and _is_shown(value):
                yield call.places[name]
                yield from value.trace


def _is_shown(value: Value) -> bool:
    """Return whether a value is meaningful to people: not an object that exists only while the script runs."""
    if isinstance(value, (Known, Default)):
        return is_plain(value.value)
    return not isinstance(value, Absent)


def _stops(trace: Trace) -> Iterator[Location]:
    """Yield the places of a trace, the last one of each line: `LORA_R = 64` rather than its `64`.

    For a value that was read from a file the key comes first, and the name of that file is left out.
    """
    made: list[Location] = []
    read = next((index for index, place in enumerate(trace) if isinstance(place.node, Span)), 0)
    for place in trace[read:]:
        at = where(place)
        if at is None:
            continue
        if made and (made[-1].path, made[-1].cell, made[-1].row) == (at.path, at.cell, at.row):
            made.pop()
        made.append(at)
    yield from made


def _stands_there(trace: Trace, at: Location) -> bool:
    """Return whether a value is written in the argument itself: `r=64`, or `fp16=True`, which has no trace."""
    return all((stop := where(place)) is not None and inside(stop, at) for place in trace)


def _rules(ruled: Ruled, node: int, value: Value, several: bool, *names: str) -> list[tuple[Rule, FactVerdict]]:
    """Return the rules on an argument, and the rules on more than one argument that it violates.

    Where its line gets `several` values, only the verdicts on this one.
    """
    origin = id(value.trace[0].node) if value.trace else 0

    def on(judged: list[tuple[Rule, FactVerdict]], equal: bool) -> Iterator[tuple[Rule, FactVerdict]]:
        facts = ((one, one[1].fact.value) for one in judged)
        same = [
            one
            for one, other in facts
            if not several
            or equal
            and said(other) == said(value)
            or origin in {id(place.node) for place in other.trace}
        ]
        yield from [one for one in same if one[1].decision.verdict == "fail"][:1] or same[:1]

    own = next((ruled[node, name] for name in names if (node, name) in ruled), {})
    found = [one for judged in own.values() for one in on(judged, True)]
    wider = [one for judged in ruled.get((node, ""), {}).values() for one in on(judged, False)]
    named = {rule.id for rule, _ in found}
    return [*found, *(one for one in wider if one[1].decision.verdict == "fail" and one[0].id not in named)]


def _ruled(review: Review) -> Ruled:
    """Return the verdicts of the rules by an argument's node and name; "" for facts of more than one argument."""
    made: Ruled = {}
    for of_rule in review.examined.rule_verdicts if review.examined is not None else ():
        for judged, _ in of_rule.judged:
            fact = judged.fact
            if fact.why_not:
                continue
            places = [fact.at, *fact.value.trace[-1:]]
            for node in {id(place.node) for place in places if place is not None}:
                told = made.setdefault((node, fact.argument), {}).setdefault((of_rule.rule.id, judged.name), [])
                told.append((of_rule.rule, judged))
    return made


def omitted(review: Review) -> Iterator[tuple[Location, str, Value]]:
    """Yield (place of the call, or line of a configuration, name, default) for each argument that is left out."""
    seen = set()
    for of_rule in review.examined.rule_verdicts if review.examined is not None else ():
        for judged, _ in of_rule.judged:
            fact = judged.fact
            trace = fact.value.trace
            if not fact.argument or fact.why_not or not trace or not trace[0].note.startswith(LIBRARY_DEFAULT):
                continue
            at = where(trace[0])
            if at is not None and isinstance(trace[0].node, Span):  # a key: what follows it on its line is its value
                at = replace(at, row=at.end_row, end_column=len(trace[0].source.line(at.end_row)) + 1)
            if at is not None and (at, fact.argument) not in seen:
                seen.add((at, fact.argument))
                yield at, fact.argument, fact.value


def under(review: Review, path: str, cell: int | None, row: int, column: int) -> list[Record]:
    """Return the values whose trace has the smallest place that contains a position."""
    at = Location(os.path.realpath(path), row, column, row, column, cell)
    found: list[tuple[tuple[int, int], Record]] = []
    for record in records(review):
        for place in (record.at, *record.stops):
            if inside(at, place) and place.end_row - place.row < LONGEST:
                size = place.end_row - place.row, place.end_column - place.column if place.row == place.end_row else 0
                found.append((size, record))
    if not found:
        return []
    smallest = min(size for size, _ in found)
    return list(dict.fromkeys(record for size, record in found if size == smallest))


def said(value: Value) -> str:
    """Return a value in words, as in the plan; a text with holes as `f"{args.output}/adapter"`."""
    from ...render.plan_json import describe_value
    from ...render.plan_words import literal, texts
    from ...render.plan_words import said as words

    described = describe_value(value)
    found = texts(described)
    if not found or described.kind == "either" and len(found) < len(described.value):
        return words(described)
    return " or ".join(dict.fromkeys(f"f{literal(written(parts))}" for parts in found))


def written(parts: list[dict[str, Any]]) -> str:
    """Return a text with what fills its holes in braces."""
    return "".join(str(part["text"]) if "text" in part else f"{{{part['hole']}}}" for part in parts)


def by_default(value: Value) -> str:
    """Return the source of a default value, "" for a value that was given."""
    first = value.trace[0] if value.trace else None
    if first is not None and first.note.startswith(LIBRARY_DEFAULT):
        return f"the library's default for {first.note.partition(': ')[2]}"
    if isinstance(value, Default) and value.overridden_by == ANOTHER:
        return "as one launch gives it"
    if isinstance(value, Default):
        return f"default of {value.overridden_by}" if value.overridden_by else "a default"
    return ""
