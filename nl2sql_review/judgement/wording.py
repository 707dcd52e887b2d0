"""Wording and places of verdicts: a sentence about a fact with its value and where that came from."""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Mapping, NamedTuple, TypeGuard, TypeVar

from ..files.typed_data import show
from ..policy.expectations import is_plain, should, spelled, worded
from ..policy.rulebook import Head, Rule
from ..report.report import EFFECTS, Effect, Kind, Location, TraceStep
from ..source.command_line import ANOTHER, CommandLine
from ..source.spans import Span
from ..training_plan.facts import IN_LOOP, Fact
from ..training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value
from .quotes import LINE, code_at, is_computed, option_with, origin_of
from .verdict import FactVerdict, written

if TYPE_CHECKING:
    from ..source import Source

T = TypeVar("T")
W = TypeVar("W", bound=str)
LIBRARY_DEFAULT = "library default"  # the note of a value that no call gives


@dataclass(slots=True)
class Claim:
    """`said` names the value; `location` is where to look first.

    Of what fails `message` adds what the value should be, `trace` how it came, and `value` is the value as JSON.
    """

    said: str
    message: str
    location: Location
    trace: tuple[TraceStep, ...]
    value: Any  # as JSON
    origin: str = ""  # the part of the message that says where the value comes from
    given_at: str = ""  # the line of a launch file or configuration that gives it


def locate(wanted_places: Iterable[Place]) -> None:
    """Compute all needed positions in one go per source, since each position costs a pass over the tree."""
    nodes: dict[int, tuple[Any, list[Any]]] = {}
    for place in wanted_places:
        if place.source is not None and place.node is not None:
            nodes.setdefault(id(place.source), (place.source, []))[1].append(place.node)
    for source, wanted in nodes.values():
        source.locate(wanted)


def places(fact: Fact) -> list[Place]:
    """Return every place that a fact mentions: those its value passed through, origin first, then where to look."""
    options = fact.value.options if isinstance(fact.value, Either) else ()
    found = [place for value in (*options, fact.value) for place in value.trace]
    return [*found, fact.at] if fact.at is not None else found


class Launches(NamedTuple):
    """The command line that a plan belongs to, if one is known, and all those that the script is reviewed with."""

    own: CommandLine | None = None
    every: Sequence[CommandLine] = ()


def claim(judged: FactVerdict, rule: Rule, source: Source, launches: Launches) -> Claim:
    """Return what a verdict says of its fact: the evidence and, where it failed, the message and the trace."""
    fact, value = judged.fact, judged.fact.value
    primary = _primary(fact, source)
    location = where(primary) if primary else None
    if location is None:  # a fact without a place is about the script as a whole
        location = Location(source.path, 1, 1, 1, 1, 1 if source.kind == "notebook" else None)
    origin = _origin(fact, location, source.path)
    said = _said(judged.name, fact, origin, primary, launches)
    if judged.decision.verdict != "fail":  # only a finding has a message, and shows its trace
        return Claim(said, "", location, (), None)
    own = says(rule.head.says, judged.name, value)
    if own:
        own = own.replace("{value}", written(value)).replace("{from}", origin).replace("{note}", fact.note)
    message = own or fact.sentence or "; ".join(filter(None, (said, _should(judged))))
    if own and isinstance(value, Default):  # as sure as its value
        message += f" ({_overridden(value, launches)})"
    if fact.branch:
        only = f"if {IN_LOOP}" if fact.branch == IN_LOOP else f"on one branch{_decided(fact.branch)}"
        message += f" (only {only})"
    trace = tuple(s for s in _steps(fact) if s.location != location)
    return Claim(said, message, location, trace, as_json(value), origin, _given_at(fact, origin))


def _said(name: str, fact: Fact, origin: str, primary: Place | None, launches: Launches) -> str:
    """Return the value in words: `r=64, from LORA_R = 64 (train.py:2)`, `ending: none`."""
    value = fact.value if fact.given is None else fact.given
    field = name.partition(".")[2].replace("_", " ")
    label = fact.argument or field
    if isinstance(value, Absent):
        said = value.why or f"{label} is not set"
    elif isinstance(value, Either):
        said = f"{label} is {written(value)}" + (f", depending on `{value.condition}`" if value.condition else "")
    elif isinstance(value, Unknown):  # the code says more than "unknown" does
        said = code_at(primary, whole_line=False) if _stands_at_argument(primary) else field
    elif fact.argument:
        said = f"{label}={written(value)}{origin}"
    else:
        said = f"{label}: {_listed(value)}{origin}"
    remarks = [_overridden(value, launches, said)] if isinstance(value, Default) else []
    remarks += [fact.note] if fact.note and fact.note not in said else []
    return said + "".join(f" ({remark})" for remark in remarks)


def _listed(value: Value) -> str:
    return worded(value.value) if isinstance(value, (Known, Default)) and is_plain(value.value) else written(value)


def _should(judged: FactVerdict) -> str:
    value = judged.fact.value
    if isinstance(value, Absent) and all(isinstance(w, bool) for w in judged.decision.failed.values()):
        return ""  # "no adapter is made" needs no "should be set"
    plain = value.value if isinstance(value, (Known, Default)) else None
    text = should(judged.decision.failed, plain, spelled if judged.fact.argument else worded)
    return f"{text}, as {judged.decision.measure}" if judged.decision.measure and text else text


def evidence(made: Iterable[tuple[Claim, str]], path: str, most: int) -> str:
    """Return claims and their notes as one line of the checklist, with the places."""
    by_place: dict[str, list[str]] = {}
    for one, note in made:
        place = at(one.location, path)
        place = "" if f"({place.partition(':')[0]}:" in one.said else f" ({place})"
        by_place.setdefault(place, []).append(f"{one.said}: {note}" if note else one.said)
    lines = [", ".join(dict.fromkeys(said)) + place for place, said in by_place.items()]
    return "; ".join(lines[:most])


def is_guard(judged: FactVerdict) -> bool:
    """Return whether passing only means that a defect is absent, which is not worth mentioning as evidence."""
    expected = judged.expected
    return expected.equals is False or expected.empty is True or expected.present is False


def remedy(judged: FactVerdict, rule: Rule, source: Source) -> str:
    """Return the remedy: the defect's own or the rule's help, or for a configuration the key and its value."""
    if source.kind != "configuration":
        return judged.fact.remedy or rule.head.help
    wanted, key, trace = judged.expected.equals, judged.fact.argument, judged.fact.value.trace
    if trace and trace[-1].note.endswith("has no key for it"):
        return ""
    if key and judged.fact.remedy:  # where the plan's word is no value of the key
        return judged.fact.remedy
    if key and isinstance(wanted, (bool, int, float, str)):
        return f"set {key}: {str(wanted).lower() if isinstance(wanted, bool) else wanted}"
    return "" if re.search(r"[=(]", rule.head.help) else rule.head.help


def says(messages: dict[str, str], name: str, value: Value) -> str:
    """Return the rule's own message for a value or the fact; messages of several members or options are joined."""
    if isinstance(value, Either):
        found = [says(messages, name, option) for option in value.options]
        return "; or ".join(dict.fromkeys(found)) if all(found) else ""
    spoken = _keyed(messages, name, _keys(value))
    if spoken:
        return "; ".join(dict.fromkeys(spoken))
    return next((messages[k] for k in (name, name.partition(".")[2], "otherwise") if k in messages), "")


def kind(head: Head, name: str, value: Value) -> Kind:
    """Return whether a finding is a trap or policy; if the rule allows both, the fact or its value decides."""
    return "trap" if "trap" in _by_outcome(head.kind, name, value) else "policy"


def effect(head: Head, name: str, value: Value) -> Effect:
    """Return the effect of a finding; if the rule has several, the worst one for the fact or its value."""
    return min(_by_outcome(head.effect, name, value), key=EFFECTS.index)


def _by_outcome(said: W | Mapping[str, W], name: str, value: Value) -> list[W]:
    """Return the words of a head's table for a value: one word, or several for its members and options."""
    if isinstance(said, str):
        return [said]
    if isinstance(value, Either):
        return [word for option in value.options for word in _by_outcome(said, name, option)]
    keys = _keys(value)
    if value.trace and value.trace[0].note.startswith(LIBRARY_DEFAULT):
        keys = [LIBRARY_DEFAULT, *keys]
    return _keyed(said, name, keys) or [said[k] for k in (name, name.partition(".")[2], "default") if k in said][:1]


def _keys(value: Value) -> list[str]:
    """Return the lookup keys of a value's members."""
    match value:
        case Known(plain) | Default(plain):
            members = plain if isinstance(plain, (list, tuple)) else [plain]
            return [m if isinstance(m, str) else show(m) for m in members if is_plain(m)]
        case Absent():
            return ["absent"]
    return []


def _keyed(table: Mapping[str, T], name: str, keys: Iterable[str]) -> list[T]:
    """Return the table's entry for each key, trying the most exact spelling first: `lora.r=16`, `r=16`, `16`."""
    found: list[T] = []
    for key in keys:
        spellings = (f"{name}={key}", f"{name.partition('.')[2]}={key}", key)
        found += [table[k] for k in spellings if k in table][:1]
    return found


def where(place: Place) -> Location | None:
    """Return the place in rows and columns, or None for a node that is in no file."""
    try:
        span = place.source.span(place.node)
    except LookupError:
        return None
    return Location(place.source.path, span.row, span.column, span.end_row, span.end_column, span.cell)


def at(location: Location, path: str) -> str:
    """Return `train.py:24` or `train.ipynb:cell 3:24` for a reader of `path`; other folders' files keep their path."""
    cell = "" if location.cell is None else f"cell {location.cell}:"
    beside = location.path == path or os.path.dirname(location.path) == os.path.dirname(path)
    return f"{os.path.basename(location.path) if beside else location.path}:{cell}{location.row}"


def as_json(value: Value) -> Any:
    """Return a value as plain JSON: an expression as its text, options as a list, an unknown value as null."""
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


def _jsonable(plain: object) -> Any:
    if isinstance(plain, dict):
        return {str(k): _jsonable(v) for k, v in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_jsonable(v) for v in plain]
    if isinstance(plain, (set, frozenset)):
        return sorted((_jsonable(v) for v in plain), key=str)
    if isinstance(plain, float) and (plain != plain or plain in (float("inf"), float("-inf"))):
        return str(plain)  # JSON has no such numbers
    return plain if isinstance(plain, (bool, int, float, str)) or plain is None else None


def _primary(fact: Fact, source: Source) -> Place | None:
    """Return the place to look at: the argument at the call, where a value arrives, else another place of the fact."""
    trace = fact.value.trace
    if trace and trace[-1].source is source and _stands_at_argument(trace[-1]):
        return trace[-1]
    if fact.at is not None:
        return fact.at
    here = [p for p in trace if p.source is source] or trace
    return here[-1] if here else None


def is_argument(fact: Fact, source: Source) -> bool:
    """Return whether the place to look at is one argument of a call, not a call or a `**` that stands for many."""
    primary = _primary(fact, source)
    return _stands_at_argument(primary) and not primary.node.star


def _stands_at_argument(place: Place | None) -> TypeGuard[Place]:
    return type(getattr(place, "node", None)).__name__ == "Arg"  # a configuration does without importing LibCST


def _origin(fact: Fact, primary: Location, path: str) -> str:
    """Return `, from LORA_R = 64 (train.py:24)`, or "" if the value is written at the place to look at."""
    if not fact.value.trace:
        return ""
    first = origin_of(fact.value.trace)
    if first.note.startswith(LIBRARY_DEFAULT):
        owner = first.note.partition(": ")[2]
        return f", the library's default for {owner}" if owner else ", the library's default"
    place = where(first)
    if place is None:
        return ""
    same_file = (place.path, place.cell) == (primary.path, primary.cell)
    inside = same_file and primary.row <= place.row <= primary.end_row
    if inside and not first.note:
        return ""
    code = option_with(fact.value, first) or code_at(first)
    return f", {'computed ' if is_computed(fact.value, code) else ''}from {code} ({at(place, path)})"


def _given_at(fact: Fact, origin: str) -> str:
    """Return `run.sh:3` if a line of a launch file or configuration is the origin that the message names."""
    is_line = any(isinstance(place.node, Span) for place in fact.value.trace)
    return origin.rpartition("(")[2].removesuffix(")") if is_line else ""


def _decided(by: str) -> str:
    """Return `, decided by x > 1` if the condition is code, or "" if it is a sentence about a loop."""
    from ..source.literals import is_expression

    if not is_expression(by):
        return ""
    return f", decided by `{by if len(by) <= LINE else by[: LINE - 1] + '…'}`"


def _overridden(value: Default, launches: Launches, said: str = "") -> str:
    """Return what may give another value; `said` is the rest of the message, which may name the option already."""
    by, line = value.overridden_by, next((p for p in value.trace if isinstance(p.node, Span)), None)
    if by == ANOTHER or line is not None and (line.source.kind == "launch" or _is_option(line)):
        return "another launch may give another value"
    if by.startswith("-"):
        named = f"{by}, default " in said
        return _left_open(by, launches) if named else f"default of {by}; {_left_open(by, launches)}"
    if by.isupper():
        return f"default of {by}; the environment may override it"
    if by.startswith("an older "):  # release, whose default is another
        return f"unless {by} is installed"
    return f"unless {by} says otherwise" if by else "a default that may be overridden"


def _left_open(option: str, launches: Launches) -> str:
    """Return how it may be that an option is given, which the plan's command line does not give."""
    if launches.own is None:
        return "the command line may override it"
    if launches.own.more:
        return launches.own.more
    found = any(line.names(option) for line in launches.every)
    return "this launch leaves it out" if found else "no launch that was found gives it"


def _is_option(line: Place) -> bool:
    """Return whether a line of a file is an option of a command: `--rank 8`, `"--rank", "8"`."""
    return str(line.source.excerpt(line.node)).lstrip("\"'").startswith("--")


def _steps(fact: Fact) -> Iterable[TraceStep]:
    options = fact.value.options if isinstance(fact.value, Either) else ()
    seen = set()
    for value in (*options, fact.value):
        for place in value.trace:
            location = where(place)
            if location is not None and location not in seen:
                seen.add(location)
                yield TraceStep(location, code_at(place))
