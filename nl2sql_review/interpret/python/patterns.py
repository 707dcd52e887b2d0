"""Interpretation of match statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from ...source.syntax import below
from ...training_plan.values import Default, Known, Unknown, Value, is_optional
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Instance, Mapping, Opaque, Scope, Sequence, plain
from ..core.operations import truth
from ..core.state import Flow
from .builtins import BUILTINS
from .expressions import operate


def match_(m: Machine, node: cst.Match, scope: Scope) -> Flow:
    subject = m.evaluate(node.subject, scope)

    def run(i: int) -> Flow:
        if i == len(node.cases):
            return True
        case = node.cases[i]

        def body() -> Flow:
            return m.execute(case.body, scope)

        test = pattern(m, case.pattern, subject, scope)
        if case.guard is not None and truth(test)[0] is not False:
            guard = m.evaluate(case.guard, scope)
            test = (
                guard
                if truth(test) == (True, "")
                else test
                if truth(guard) == (True, "")
                else Unknown("a match guard")
                if truth(guard)[0] is not False
                else guard
            )
        return m.branch(test, body, lambda: run(i + 1))

    return run(0)


def pattern(m: Machine, p: cst.MatchPattern, subject: Value, scope: Scope) -> Value:
    if isinstance(p, cst.MatchAs):
        inner = pattern(m, p.pattern, subject, scope) if p.pattern is not None else Known(True)
        if p.name is not None and truth(inner)[0] is not False:
            m.bind(p.name.value, subject, scope)
        return inner
    if isinstance(p, cst.MatchValue):
        return operate(m, "==", subject, m.evaluate(p.value, scope), p)
    if isinstance(p, cst.MatchSingleton):
        return (
            Known(subject.value is plain(m.evaluate(p.value, scope)))
            if isinstance(subject, Known)
            else Unknown("the matched value is unknown")
        )
    if isinstance(p, cst.MatchOr):
        result: Value = Known(False)
        for option in p.patterns:
            one = pattern(m, option.pattern, subject, scope)
            if truth(one)[0] is True:
                return one
            result = one if truth(one)[0] is None else demote(result, truth(one)[1]) if truth(one)[1] else result
        return result
    if isinstance(p, cst.MatchMapping):
        return mapping_pattern(m, p, subject, scope)
    if isinstance(p, (cst.MatchTuple, cst.MatchList)):
        return sequence_pattern(m, p, subject, scope)
    if isinstance(p, cst.MatchClass):
        return class_pattern(m, p, subject, scope)
    bind_captures(m, p, scope)
    return Unknown("an unsupported pattern")


def mapping_pattern(m: Machine, p: cst.MatchMapping, subject: Value, scope: Scope) -> Value:
    if isinstance(subject, (Known, Default)) and not isinstance(subject.value, (Mapping, Instance, Opaque)):
        return verdict(False, subject.overridden_by if isinstance(subject, Default) else "")
    state = m.mapping(subject, p)
    if p.rest is not None:
        m.bind(p.rest.value, Unknown("what a mapping pattern leaves"), scope)

    def parts() -> Iterator[Value]:
        for entry in p.elements:
            key = m.evaluate(entry.key, scope)
            if isinstance(key, Known) and key.value in state.items:
                one = state.items[key.value]
                yield Unknown("a key that is set on one path only") if is_optional(one) else Known(True)
                yield pattern(m, entry.pattern, one, scope)
            elif not state.why_incomplete and isinstance(key, Known):
                yield Known(False)
            else:
                bind_captures(m, entry.pattern, scope)
                yield Unknown(state.why_incomplete or "a key known only at run time")

    return all_match(parts(), state.overridden_by)


def sequence_pattern(m: Machine, p: cst.MatchTuple | cst.MatchList, subject: Value, scope: Scope) -> Value:
    inside = subject.value if isinstance(subject, (Known, Default)) else None
    is_list = isinstance(inside, Sequence) and inside.kind not in ("set", "frozenset", "generator")
    if (
        isinstance(subject, (Known, Default))
        and not is_list
        and not isinstance(inside, (list, tuple, Instance, Opaque))
    ):
        return verdict(False, subject.overridden_by if isinstance(subject, Default) else "")  # nor does a text match
    items = m.iterate(subject, p)
    if items.why_incomplete or any(isinstance(e, cst.MatchStar) for e in p.patterns):
        bind_captures(m, p, scope)
        return Unknown("a sequence pattern over values that are not all known")
    if len(items.items) != len(p.patterns):
        return verdict(False, items.overridden_by)
    pairs = [(e.value, v) for e, v in zip(p.patterns, items.items) if isinstance(e, cst.MatchSequenceElement)]
    return all_match((pattern(m, inside, v, scope) for inside, v in pairs), items.overridden_by)


def all_match(parts: Iterable[Value], by: str) -> Value:
    """Return whether all parts of a pattern match, in order; `by` may override which parts there are."""
    unknown: Value | None = None
    overridden_by = by
    for one in parts:
        match, over = truth(one)
        if match is False:
            return verdict(False, by or over)
        if match is None:
            unknown = unknown or one
        overridden_by = overridden_by or over
    return unknown or verdict(True, overridden_by)


def verdict(match: bool, by: str) -> Value:
    return Default(match, by) if by else Known(match)


def class_pattern(m: Machine, p: cst.MatchClass, subject: Value, scope: Scope) -> Value:
    kind = m.evaluate(p.cls, scope)
    fits = m.call(BUILTINS["isinstance"], Arguments([subject, kind]), p)
    cls = kind.value if isinstance(kind, Known) else None
    if truth(fits)[0] is False:
        return fits
    if truth(fits) != (True, "") or p.patterns and not (isinstance(cls, Class) and cls.fields):
        bind_captures(m, p, scope)
        return Unknown("a class pattern")
    names = list(cls.fields) if isinstance(cls, Class) else []
    pairs = [*zip(names, (e.value for e in p.patterns)), *((e.key.value, e.pattern) for e in p.kwds)]
    return all_match((pattern(m, inside, m.attribute(subject, name, p), scope) for name, inside in pairs), "")


def bind_captures(m: Machine, p: cst.CSTNode, scope: Scope) -> None:
    if isinstance(p, (cst.MatchAs, cst.MatchStar)) and p.name is not None:
        m.bind(p.name.value, Unknown("captured by an unsupported pattern"), scope)
    if isinstance(p, cst.MatchMapping) and p.rest is not None:
        m.bind(p.rest.value, Unknown("what a mapping pattern leaves"), scope)
    for child in below(p):
        bind_captures(m, child, scope)
