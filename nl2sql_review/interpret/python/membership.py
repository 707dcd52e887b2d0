"""Membership: the results of `b in a`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Instance, Mapping, Opaque, Sequence
from ..core.operations import describe, is_scalar, lift, plain_key, term_of
from .items import is_optional
from .operators import equal

if TYPE_CHECKING:
    import libcst as cst


def contains(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    return lift(lambda o, v: contains_settled(m, o, v, node), owner, value)


def contains_settled(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
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
        k = plain_key(value)
        if k is not None:
            if k[0] in v.state.items:
                x = v.state.items[k[0]]
                if is_optional(x):
                    return Unknown(f"the key {k[0]!r} is set on only one path")
                return Default(True, v.state.overridden_by) if v.state.overridden_by else Known(True)
            if not v.state.why_incomplete:
                return Default(False, v.state.overridden_by) if v.state.overridden_by else Known(False)
        return Unknown(v.state.why_incomplete or f"the key {describe(value)} is known only at run time")
    if isinstance(v, (Sequence, Class)):
        state = m.iterate(owner, node)
        verdicts = [equal(value, x) if not isinstance(x, (Default, Either)) else None for x in state.items]
        if any(verdict is True for verdict in verdicts):
            return (
                Known(True)
                if not state.overridden_by and not state.why_incomplete
                else Default(True, state.overridden_by)
                if state.overridden_by
                else Unknown(state.why_incomplete)
            )
        if not state.why_incomplete and all(verdict is False for verdict in verdicts):
            return Known(False) if not state.overridden_by else Default(False, state.overridden_by)
        if not state.why_incomplete and isinstance(value, Known) and isinstance(value.value, Opaque):
            return term_of("in", value, owner)
        return Unknown(state.why_incomplete or "membership is known only at run time")
    if isinstance(owner, Known) and isinstance(v, Opaque):
        found = m.library_contains(owner, v, value, node)
        if found is not None:
            return found
    if isinstance(v, Instance) and isinstance(v.base, Mapping) and v.cls.lookup("__contains__") is None:
        return contains_settled(m, Known(v.base), value, node)
    if isinstance(v, Instance) and v.cls.lookup("__contains__") is not None:
        return m.call(m.attribute(owner, "__contains__", node), Arguments([value]), node)
    if isinstance(owner, Text) and isinstance(value, Known) and isinstance(value.value, str):
        return (
            Known(True)
            if any(isinstance(p, str) and value.value in p for p in owner.parts)
            else term_of("in", value, owner)
        )
    return term_of("in", value, owner)
