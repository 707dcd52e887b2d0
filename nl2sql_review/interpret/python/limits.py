"""Lengths that a script enforces: after `if len(ids) > limit: raise …`, or `continue`, no list is longer."""

from __future__ import annotations

from itertools import pairwise

import libcst as cst

from ...source.syntax import dotted
from ...training_plan.values import Known, Value
from ..core.machine import Machine
from ..core.objects import Opaque, Scope, Sequence, object_of
from ..core.operations import freeze
from ..core.recording import Condition, Limit
from ..core.state import place_of
from .demanded import ends


def after_if(m: Machine, node: cst.If, scope: Scope) -> None:
    """Record the limit that a test sets whose body lets no longer list through."""
    asked, last = asked_length(node.test), node.body.body[-1] if node.body.body else None
    if asked is None or node.orelse is not None or not isinstance(last, cst.SimpleStatementLine):
        return
    given = m.conditions[m.frame.conditions :]
    if isinstance(last.body[-1], cst.Raise) and caught(node, scope):
        return
    if m.unlikely or any(isinstance(one, Condition) for one in given):  # another test decides whether this one is made
        return
    if not ends(last.body[-1]) and not (
        isinstance(last.body[-1], cst.Continue) and m.loops and m.loops[-1] is not None
    ):
        return
    m.silent += 1  # what is evaluated once more is recorded once
    try:
        value, limit = (m.evaluate(one, scope) for one in asked)
    finally:
        m.silent -= 1
    if isinstance(object_of(value), (Sequence, Opaque)):
        m.recording.limits.append(Limit(value.trace, said(value), freeze(limit), place_of(scope, node)))


def caught(node: cst.If, scope: Scope) -> bool:
    """Return whether the function itself may catch what a statement raises."""
    path, found = scope.module.source.nodes.path(node), False
    for outer, inner in pairwise((*path, node)):
        if isinstance(outer, cst.FunctionDef):
            found = False
        elif isinstance(outer, cst.Try) and inner is outer.body and outer.handlers:
            found = True
    return found


def asked_length(test: cst.BaseExpression) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """Return the list and the limit of a test `len(ids) > limit`; None for any other test."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    counted, (one,) = test.left, test.comparisons
    if not isinstance(one.operator, cst.GreaterThan) or not isinstance(counted, cst.Call) or len(counted.args) != 1:
        return None
    plainly = isinstance(one.comparator, (cst.Integer, cst.Name)) or bool(dotted(one.comparator).strip("."))
    names = dotted(counted.func) == "len" and isinstance(counted.args[0].value, cst.Name)
    return (counted.args[0].value, one.comparator) if names and plainly else None


def said(value: Value) -> str | int:
    """Return by what a list is known again: its code, or how many elements are listed of one that a loop fills."""
    thing = value.value if isinstance(value, Known) else None
    return len(thing.state.items) if isinstance(thing, Sequence) else getattr(thing, "text", "")
