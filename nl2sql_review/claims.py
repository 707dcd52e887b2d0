"""Words and places: what was decided about a fact, as a sentence with the value and where it came from."""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import Any, Iterable

from .decide import Judged, written
from .expectations import is_plain
from .plan import Fact
from .report import Location, TraceStep
from .rulebook import Rule
from .shape import show
from .values import Absent, Default, Either, Known, Place, Term, Text, Value


@dataclass(slots=True)
class Claim:
    """`said` names the value, `message` adds what it should be; `location` is where to look first."""

    said: str
    message: str
    location: Location
    trace: tuple[TraceStep, ...]
    value: Any  # as JSON


def locate(judged: Iterable[Judged], source: Any) -> None:
    """Asks every source once for all the positions that the claims will need: a position costs a pass over the tree."""
    wanted: dict[int, tuple[Any, list[Any]]] = {}
    for one in judged:
        for place in places(one.fact):
            if place.source is not None:
                wanted.setdefault(id(place.source), (place.source, []))[1].append(place.node)
    for where, nodes in wanted.values():
        where.locate(nodes)


def places(fact: Fact) -> list[Place]:
    """Every place a fact mentions: where its value came through, origin first, then where to look."""
    options = fact.value.options if isinstance(fact.value, Either) else ()
    found = [place for value in (*options, fact.value) for place in value.trace]
    return [*found, fact.at] if fact.at is not None else found


def claim(judged: Judged, rule: Rule, source: Any) -> Claim:
    fact, value = judged.fact, judged.fact.value
    primary = _primary(fact, source)
    location = where(primary) if primary else None
    if location is None:  # a fact without a place is about the script as a whole
        location = Location(source.path, 1, 1, 1, 1, 1 if source.kind == "notebook" else None)
    origin = _origin(fact, location)
    label = _label(judged.name, primary)
    if isinstance(value, Absent):
        plain = value.why or f"{label} is not set"
    elif isinstance(value, Either):
        plain = f"{label} is {written(value)}" + (f", depending on `{value.condition}`" if value.condition else "")
    else:
        plain = f"{label}={written(value)}"
    plain += origin if not isinstance(value, Either) else ""
    if isinstance(value, Default):
        plain += f" ({_overridden(value.by)})"
    if fact.note:
        plain += f" ({fact.note})"
    own = says(rule.head.says, judged.name, value)
    if own:
        own = own.replace("{value}", written(value)).replace("{from}", origin)
        own = own.replace("{note}", fact.note)
    message = own or (f"{plain}; {judged.decision.should}" if judged.decision.should else plain)
    trace = tuple(s for s in _steps(fact) if s.location != location)
    return Claim(plain, message, location, trace, as_json(value))


def evidence(made: Claim, note: str = "") -> str:
    """A claim as one line of the checklist: what was found, and where."""
    place = at(made.location)
    said = made.said if place in made.said else f"{made.said} ({place})"
    return f"{said}: {note}" if note else said


def says(messages: dict[str, str], name: str, value: Value) -> str:
    """The rule's own words for a value, or for the fact; several members or options are joined."""
    keys: list[str] = []
    match value:
        case Known(plain) | Default(plain):
            members = plain if isinstance(plain, (list, tuple)) else [plain]
            keys = [m if isinstance(m, str) else show(m) for m in members if is_plain(m)]
        case Absent():
            keys = ["absent"]
        case Either(options):
            found = [says(messages, name, o) for o in options]
            return "; or ".join(dict.fromkeys(found)) if all(found) else ""
    field = name.partition(".")[2]
    spoken = []
    for key in keys:
        spoken += [messages[k] for k in (f"{name}={key}", f"{field}={key}", key) if k in messages][:1]
    if spoken:
        return "; ".join(dict.fromkeys(spoken))
    return next((messages[k] for k in (name, field, "otherwise") if k in messages), "")


def where(place: Place) -> Location | None:
    """The place in rows and columns; None for a node that stands in no file."""
    try:
        span = place.source.span(place.node)
    except LookupError:
        return None
    return Location(place.source.path, span.row, span.column, span.end_row, span.end_column, span.cell)


def at(location: Location) -> str:
    """`train.py:24`, in a notebook `train.ipynb:cell 3:24`."""
    cell = "" if location.cell is None else f"cell {location.cell}:"
    return f"{os.path.basename(location.path)}:{cell}{location.row}"


def as_json(value: Value) -> Any:
    match value:
        case Known(plain) | Default(plain):
            return _jsonable(plain)
        case Either(options):
            return [as_json(o) for o in options]
        case Term(text):
            return text
        case Text(parts):
            return "".join(p if isinstance(p, str) else "{" + written(p) + "}" for p in parts)
    return None


def _jsonable(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {str(k): _jsonable(v) for k, v in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_jsonable(v) for v in plain]
    if isinstance(plain, (set, frozenset)):
        return sorted((_jsonable(v) for v in plain), key=str)
    if isinstance(plain, float) and (plain != plain or plain in (float("inf"), float("-inf"))):
        return str(plain)  # JSON has no such numbers
    return plain if isinstance(plain, (bool, int, float, str)) or plain is None else None


def _primary(fact: Fact, source: Any) -> Place | None:
    """Where to look: the argument at the call, which is where a value arrives; then wherever it came through."""
    trace = fact.value.trace
    if trace and trace[-1].source is source and type(trace[-1].node).__name__ == "Arg":
        return trace[-1]
    if fact.at is not None:
        return fact.at
    here = [p for p in trace if p.source is source]
    return (here or list(trace) or [None])[-1]


def _label(name: str, primary: Place | None) -> str:
    """The argument's own name where it is a spelling of the fact's (`lora_alpha` for alpha), else the fact's."""
    field = name.partition(".")[2]
    keyword = getattr(getattr(primary, "node", None), "keyword", None)
    spelling = getattr(keyword, "value", "")
    if isinstance(spelling, str) and {w[:5] for w in spelling.split("_")} & {w[:5] for w in field.split("_")}:
        return spelling
    return field


def _origin(fact: Fact, primary: Location) -> str:
    """`, from LORA_R = 64 (train.py:24)`, or nothing when the value stands where one looks first."""
    if not fact.value.trace:
        return ""
    first = fact.value.trace[0]
    if first.note.startswith("library default"):
        owner = first.note.partition(": ")[2]
        return f", the library's default for {owner}" if owner else ", the library's default"
    place = where(first)
    if place is None:
        return ""
    same_file = (place.path, place.cell) == (primary.path, primary.cell)
    inside = same_file and primary.row <= place.row <= primary.end_row
    if inside and not first.note:
        return ""
    code = " ".join(_code(first).split())
    return f", from {code} ({at(place)})"


def _overridden(by: str) -> str:
    if not by:
        return "a default that may be overridden"
    who = "the command line" if by.startswith("-") else "the environment" if by.isupper() else "the caller"
    return f"default of {by}; {who} may override it"


def _code(place: Place) -> str:
    return place.note or place.source.excerpt(place.node)


def _steps(fact: Fact) -> Iterable[TraceStep]:
    options = fact.value.options if isinstance(fact.value, Either) else ()
    seen = set()
    for value in (*options, fact.value):
        for place in value.trace:
            location = where(place)
            if location is not None and location not in seen:
                seen.add(location)
                yield TraceStep(location, _code(place))
