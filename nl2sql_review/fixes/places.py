"""Places where a value can be set: its literal, the argument it arrives at, or the call that omits it."""

from __future__ import annotations

import re

import libcst as cst

from ..policy.expectations import equal, is_plain
from ..report.report import Edit
from ..source import Span
from ..source.literals import evaluated, literal
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Default, Known, Place, options
from . import declared
from .edits import EditError, documents, lists, python


def at_origin(fact: Fact, wanted: object) -> list[Edit]:
    """Replace every literal that the value may come from; return no edits if one of them is no literal.

    Raises EditError if a declaration excludes the wanted value in place of one of them.
    """
    edits: list[Edit] = []
    for option in options(fact.value):
        if not isinstance(option, (Known, Default)) or not option.trace:
            return []
        edit = _literal(option.trace, option.value, wanted)
        if edit is None:
            return []
        if edit not in edits:
            edits.append(edit)
    return edits


def at_call(fact: Fact, content: str) -> list[Edit]:
    """Replace the argument that the value arrives at; no edits if it comes through `**` or is in no call."""
    place = argument(fact)
    if place is None or place.node.star:
        return []
    call = python.call_of(place.source, place.node)
    if call is None:
        return [python.replaced(place.source, place.node.value, content)]
    return python.fitted(place.source, call, [(place.node, content)])


def at_omission(fact: Fact, content: str, name: str) -> list[Edit]:
    """Add the argument to the call that omits it."""
    place = lacking(fact)
    return python.added(place.source, place.node, f"{name}={content}") if place is not None else []


def lacking(fact: Fact) -> Place | None:
    """Return the call that omits the value."""
    return next(
        (p for p in (fact.at, *reversed(fact.value.trace)) if p is not None and isinstance(p.node, cst.Call)), None
    )


def omitted(fact: Fact) -> bool:
    """Return whether no call gives the value: it is not set, or is the library's own default."""
    if isinstance(fact.value, Absent):
        return True
    return bool(fact.value.trace) and fact.value.trace[-1].note.startswith("library default")


def argument(fact: Fact) -> Place | None:
    """Return the argument that the value arrives at."""
    for place in (*reversed(fact.value.trace), fact.at):
        if place is not None and isinstance(place.node, cst.Arg):
            found: Place = place
            return found
    return None


def code_at_call(fact: Fact) -> str:
    """Return the code of the argument that a fact's value is given by, or "" if no argument gives it."""
    place = argument(fact)
    return place.source.segment(place.node.value) if place is not None else ""


def _literal(trace: tuple[Place, ...], value: object, wanted: object) -> Edit | None:
    """Replace the first literal of a trace that is the value; the name of the file read may precede it."""
    if trace[0].note.startswith("library default") or not is_plain(value):
        return None
    found = (_replaced(place, value, wanted) for place in trace)
    return next((edit for edit in found if edit is not None), None)


def _replaced(place: Place, value: object, wanted: object) -> Edit | None:
    if isinstance(place.node, Span) and isinstance(value, list) and isinstance(wanted, list):
        return lists.replaced(place, value, wanted)
    if isinstance(place.node, Span):
        return documents.replaced(place, value, wanted)
    if not isinstance(place.node, cst.BaseExpression):
        return None
    try:
        found = evaluated(place.node)
    except ValueError:
        return None
    text = place.source.segment(place.node)
    if (equal_plain(found, value) or _reads_as(str(found), value)) and (why := declared.refuses(place, wanted)):
        raise EditError(why)
    if equal_plain(found, value):
        return python.replaced(place.source, place.node, python.literal(wanted, text))
    if isinstance(found, str) and not isinstance(wanted, str) and _reads_as(found, value):
        return python.replaced(place.source, place.node, python.literal(python.literal(wanted), text))
    return None


def equal_plain(a: object, b: object) -> bool:
    """Return whether two plain values are equal; a list may equal a tuple."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal_plain, a, b))
    return equal(a, b)


def _reads_as(text: str, value: object) -> bool:
    """Return whether a text is a number that the script converts: `float(os.environ.get("LR", "1e-3"))`."""
    try:
        return re.fullmatch(r"[-+\w.]+", text) is not None and equal(literal(text), value)
    except ValueError:
        return False
