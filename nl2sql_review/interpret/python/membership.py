"""Membership: the results of `b in a`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, is_optional
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Instance, Mapping, Opaque, Sequence
from ..core.operations import describe, is_scalar, lift, plain_key, term_of
from .operators import equal

if TYPE_CHECKING:
    import libcst as cst


def contains(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    """Return `value in owner`, for each of the values that either may have."""
    return lift(lambda o, v: contains_settled(m, o, v, node), owner, value)


def contains_settled(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    """Return `value in owner` for two values that are neither defaults nor one of several."""
    if isinstance(owner, (Unknown, Absent)) or isinstance(value, (Unknown, Absent)):
        bad = owner if isinstance(owner, (Unknown, Absent)) else value
        return Unknown(bad.why, bad.trace)
    v = owner.value if isinstance(owner, Known) else None
    if is_scalar(owner) and is_scalar(value):
        try:
            return Known(value.value in owner.value, owner.trace)
        except TypeError:
            return Unknown("membership raises TypeError")
    if isinstance(v, Mapping):
        return has_key(v, value)
    if isinstance(v, (Sequence, Class)):
        return has_element(m, owner, value, node)
    if isinstance(owner, Known) and isinstance(v, Opaque):
        found = m.library_contains(owner, v, value, node)
        if found is not None:
            return found
    if isinstance(v, Instance) and isinstance(v.base, Mapping) and v.cls.lookup("__contains__") is None:
        return contains_settled(m, Known(v.base), value, node)
    if isinstance(v, Instance) and v.cls.lookup("__contains__") is not None:
        return m.call(m.attribute(owner, "__contains__", node), Arguments([value]), node)
    if isinstance(owner, Text) and isinstance(value, Known) and isinstance(value.value, str):
        if any(isinstance(part, str) and value.value in part for part in owner.parts):
            return Known(True)
    return term_of("in", value, owner)


def has_key(v: Mapping, key: Value) -> Value:
    """Return whether a dict has a key."""
    state, k = v.state, plain_key(key)
    if k is not None:
        if k[0] in state.items:
            if is_optional(state.items[k[0]]):
                return Unknown(f"the key {k[0]!r} is set on only one path")
            return settled_by(True, state.overridden_by)
        if not state.why_incomplete:
            return settled_by(False, state.overridden_by)
    return Unknown(state.why_incomplete or f"the key {describe(key)} is known only at run time")


def has_element(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    """Return whether a list, or another sequence, has an element that equals a value."""
    state = m.iterate(owner, node)
    verdicts = [equal(value, x) if not isinstance(x, (Default, Either)) else None for x in state.items]
    if any(verdict is True for verdict in verdicts):
        if state.overridden_by or not state.why_incomplete:
            return settled_by(True, state.overridden_by)
        return Unknown(state.why_incomplete)
    if not state.why_incomplete and all(verdict is False for verdict in verdicts):
        return settled_by(False, state.overridden_by)
    if not state.why_incomplete and isinstance(value, Known) and isinstance(value.value, Opaque):
        return term_of("in", value, owner)
    return Unknown(state.why_incomplete or "membership is known only at run time")


def settled_by(verdict: bool, by: str) -> Value:
    """Return a verdict, as a default if `by` may override it."""
    return Default(verdict, by) if by else Known(verdict)
