"""Degrees of knowledge about a value, and the trace of its origin.

The lattice, from most to least informed::

    Known(value)      what really happens
    Default(value)    what happens unless the command line or the environment says otherwise
    Either(options)   one of these: branches of the script
    Term(text)        only the run decides; kept as the expression that will decide it
    Text(parts)       a string with holes: literal parts, and holes that say what fills them
    Unknown(why)      nothing is known, and this is the reason
    Absent()          not given at all (an argument that was left out, an unbound name)

Values are treated as immutable. They are plain slotted dataclasses rather than frozen ones, because a
script makes tens of thousands of them and `object.__setattr__` triples the price of each.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

MAX_TRACE = 12
MAX_OPTIONS = 8


class Place(NamedTuple):
    """A place that a value passed through: a node of a source. `source.span(node)` gives its rows and columns."""

    source: Any  # source.Source; typed loosely because this room is above it
    node: Any  # a node of the tree, or a source.Span in a file that is not Python
    note: str = ""  # what happened here, when the code alone does not tell: "library default", "--lora-r"


Trace = tuple[Place, ...]  # origin first


class Value:
    """Knowledge about a value: one of the seven classes below, which the lattice above explains.

    `trace` lists the places that the value passed through, origin first; `why` is the reason why nothing is known or
    nothing is there, and "" for a value of which something is known.
    """

    __slots__ = ()

    trace: Trace
    why: str = ""


@dataclass(slots=True)
class Known(Value):
    """A certain value. `value` is a plain Python value; inside the interpreter also one of its objects."""

    value: Any
    trace: Trace = ()


@dataclass(slots=True)
class Default(Value):
    """A value that holds unless `overridden_by` (a command-line option, an environment variable) overrides it."""

    value: Any
    overridden_by: str = ""
    trace: Trace = ()


@dataclass(slots=True)
class Either(Value):
    """One of `options` (never nested, at least two), decided by `condition` if that is one expression.

    `test` is that expression where it is kept: the first option is chosen if it holds.
    """

    options: tuple[Value, ...]
    condition: str = ""
    trace: Trace = ()
    test: Value | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Term(Value):
    """A value that only the run decides. `text` is the expression with names replaced by their values.

    `operation` is the operation of the expression and `args` its operands, so that readers need not parse `text`:

    ==============  =========================================================
    operation       args
    ==============  =========================================================
    symbol          () - a name of a library, `text` is its canonical path: torch.bfloat16
    call            the positional arguments, then a Term of operation "keyword" for each keyword (its text is the
                    name, its args the value), then for a method one of operation "receiver" (its args the object);
                    `text` starts with the canonical callee
    keyword         (value,) - an argument of a call given by name, `text` is the name
    row             () - the example a mapped function is given
    attribute       (owner, Known(name))
    item            (owner, key): `example["sql"]`
    get             (owner, key[, fallback]): `example.get("sql", …)`
    slice           (owner, start, stop)
    replaced        (list before, index or slice, new elements): after `labels[:n] = -100`
    not, or, and    operands
    op              operands: arithmetic and comparison
    ==============  =========================================================
    """

    text: str
    operation: str = "op"
    args: tuple[Value, ...] = ()
    trace: Trace = ()
    place: Place | None = None  # of what is read from a row and of slices: where that is written
    overridden_by: str = ""  # what may give another value


@dataclass(slots=True)
class Text(Value):
    """A string with holes: literal `str` parts, and values (Term, Unknown, Either) that fill the holes.

    `overridden_by` may override a literal part.
    """

    parts: tuple[str | Value, ...]
    trace: Trace = ()
    overridden_by: str = field(default="", compare=False)


SET_ORDER = "the order of a set"  # why a list is Unknown whose elements are all known


@dataclass(slots=True)
class Unknown(Value):
    """A value of which nothing is known as a whole. `why` is a sentence for users; `parts` holds the known parts.

    `parts` is a list of values for a list or tuple, a dict of values for a dict, if only some of it is unknown.
    """

    why: str = field()  # a field of its own, with no default from the base class
    trace: Trace = ()
    parts: Any = None


@dataclass(slots=True)
class Absent(Value):
    """A value that is not given. `why` tells where it could have been expected; `overridden_by`, what may give it."""

    why: str = ""
    trace: Trace = ()
    overridden_by: str = ""


UNBOUND = Absent("not assigned on this path")


def options(value: Value) -> tuple[Value, ...]:
    """Return the options of an Either; any other value alone."""
    return value.options if isinstance(value, Either) else (value,)


def is_optional(value: Any) -> TypeGuard[Either]:
    """Return whether a value is set on one path only."""
    return isinstance(value, Either) and any(isinstance(option, Absent) for option in value.options)


def present(value: Either) -> Value:
    """Return an optional value as it is where it is set."""
    found = tuple(option for option in value.options if not isinstance(option, Absent))
    return found[0] if len(found) == 1 else Either(found, value.condition, value.trace)


def overrider(*values: Value) -> str:
    """Return what may override the first default among the values, "" if none of them is one."""
    return next((value.overridden_by for value in values if isinstance(value, Default)), "")


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal, with 1 distinct from True and 1.0: values that print differently differ."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (Known, Default)):
        return same(a.value, b.value)
    if isinstance(a, Either):
        return same(a.options, b.options)
    if isinstance(a, Term):
        return a.text == b.text and same(a.args, b.args)
    if isinstance(a, Text):
        return same(a.parts, b.parts)
    if isinstance(a, Unknown):
        return bool(a.why == b.why and a.trace == b.trace)
    if isinstance(a, Absent):
        return True
    if hasattr(a, "same_as"):  # an object of the interpreter
        return bool(a.same_as(b))
    try:
        return bool(a == b)
    except Exception:  # a foreign object's __eq__ may do anything
        return False


def join(a: Value, b: Value, condition: str = "") -> Value:
    """Return the least value that covers both: the knowledge left if two paths meet.

    Two equal values stay themselves. A value and a default that agree are a default. Everything else becomes
    `Either` of at most `MAX_OPTIONS` options, or `Unknown` beyond that.
    """
    if a is b or same(a, b):
        return a
    found: list[Value] = []
    for side in (a, b):
        for option in options(side):
            if not any(same(option, seen) for seen in found):
                found.append(option)
    if len(found) == 2:
        x, y = found
        if isinstance(x, (Known, Default)) and isinstance(y, (Known, Default)) and same(x.value, y.value):
            return x if isinstance(x, Default) else y
    unknown = next((o for o in found if isinstance(o, Unknown)), None)
    if unknown is not None:
        return unknown
    if len(found) > MAX_OPTIONS:
        return Unknown(f"more than {MAX_OPTIONS} different values reach this place", found[-1].trace)
    if not condition:
        chosen = next((s for s in (a, b) if isinstance(s, Either) and s.condition), None)
        if chosen is not None and len(chosen.options) == len(found):
            return chosen
        condition = chosen.condition if chosen is not None else ""
    elif isinstance(a, Either):  # what only `a` may be stands first: the condition holds for it
        if a.condition and len(found) == len(a.options) == 2 and not isinstance(b, Either):
            inner = f"not ({a.condition})" if same(a.options[0], b) else a.condition
            condition = condition if inner in condition else f"{condition} and {inner}"
        found.sort(key=lambda option: same(option, b))
    return Either(tuple(found), condition, found[-1].trace)


def traced(value: Value, trace: Trace) -> Value:
    """Return a copy of a value with another trace."""
    other = copy(value)
    other.trace = trace  # type: ignore[misc]  # every kind of value has this slot, and the base class cannot
    return other


def extend(value: Value, place: Place) -> Value:
    """Return the same value with one more step in its trace."""
    trace = value.trace
    if len(trace) >= MAX_TRACE or (trace and trace[-1].node is place.node):
        return value
    trace = (*trace, place)
    match value:
        case Known(v):
            return Known(v, trace)
        case Default(v, by):
            return Default(v, by, trace)
        case Either(options, condition):
            return Either(options, condition, trace, value.test)
        case Term(text, operation, args):
            return Term(text, operation, args, trace, value.place, value.overridden_by)
        case Text(parts):
            return Text(parts, trace, value.overridden_by)
        case Unknown(why, _, parts):
            return Unknown(why, trace, parts)
        case _:
            return Absent(value.why, trace)
