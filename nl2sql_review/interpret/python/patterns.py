"""Interpretation of match statements."""

from __future__ import annotations

import libcst as cst

from ...source.syntax import below
from ...training_plan.values import Known, Unknown, Value
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Scope, plain
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
        state = m.mapping(subject, p)
        result = Known(True)
        for entry in p.elements:
            key = m.evaluate(entry.key, scope)
            if not isinstance(key, Known) or key.value not in state.items:
                return Unknown(state.why_incomplete) if state.why_incomplete else Known(False)
            one = pattern(m, entry.pattern, state.items[key.value], scope)
            if truth(one)[0] is not True:
                return one
        return result
    if isinstance(p, (cst.MatchTuple, cst.MatchList)):
        items = m.iterate(subject, p)
        if items.why_incomplete or any(isinstance(e, cst.MatchStar) for e in p.patterns):
            bind_captures(m, p, scope)
            return Unknown("a sequence pattern over values that are not all known")
        if len(items.items) != len(p.patterns):
            return Known(False)
        for e, v in zip(p.patterns, items.items):
            assert isinstance(e, cst.MatchSequenceElement)
            one = pattern(m, e.value, v, scope)
            if truth(one)[0] is not True:
                return one
        return Known(True)
    if isinstance(p, cst.MatchClass):
        return class_pattern(m, p, subject, scope)
    bind_captures(m, p, scope)
    return Unknown("an unsupported pattern")


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
    for name, inside in pairs:
        one = pattern(m, inside, m.attribute(subject, name, p), scope)
        if truth(one)[0] is not True:
            return one
    return Known(True)


def bind_captures(m: Machine, p: cst.CSTNode, scope: Scope) -> None:
    if isinstance(p, (cst.MatchAs, cst.MatchStar)) and p.name is not None:
        m.bind(p.name.value, Unknown("captured by an unsupported pattern"), scope)
    for child in below(p):
        bind_captures(m, child, scope)
