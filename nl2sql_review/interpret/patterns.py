"""match statements."""

from __future__ import annotations

import ast
from typing import Any

from ..source.syntax import below
from ..values import Known, Unknown, Value
from .builtins import BUILTINS
from .expressions import operate
from .machine import Machine, demote
from .objects import Arguments, Class, Scope
from .operations import truth


def match_(m: Machine, node: ast.Match, scope: Scope) -> bool:
    subject = m.evaluate(node.subject, scope)

    def run(i: int) -> bool:
        if i == len(node.cases):
            return True
        case = node.cases[i]

        def body() -> bool:
            return m.execute(case.body, scope)

        test = pattern(m, case.pattern, subject, scope)
        if case.guard is not None and truth(test)[0] is not False:
            guard = m.evaluate(case.guard, scope)
            test = guard if truth(test) == (True, "") else test if truth(guard) == (True, "") else Unknown("a match guard") if truth(guard)[0] is not False else guard
        return m.branch(test, body, lambda: run(i + 1))

    return run(0)


def pattern(m: Machine, p: Any, subject: Value, scope: Scope) -> Value:
    if isinstance(p, ast.MatchAs):
        inner = pattern(m, p.pattern, subject, scope) if p.pattern is not None else Known(True)
        if p.name is not None and truth(inner)[0] is not False:
            m.bind(p.name, subject, scope)
        return inner
    if isinstance(p, ast.MatchValue):
        return operate(m, "==", subject, m.evaluate(p.value, scope), p)
    if isinstance(p, ast.MatchSingleton):
        return Known(subject.value is p.value) if isinstance(subject, Known) else Unknown("what is matched is not known")
    if isinstance(p, ast.MatchOr):
        result: Value = Known(False)
        for option in p.patterns:
            one = pattern(m, option, subject, scope)
            if truth(one)[0] is True:
                return one
            result = one if truth(one)[0] is None else demote(result, truth(one)[1]) if truth(one)[1] else result
        return result
    if isinstance(p, ast.MatchMapping):
        state = m.mapping(subject, p)
        result = Known(True)
        for written, inside in zip(p.keys, p.patterns):
            key = m.evaluate(written, scope)
            if not isinstance(key, Known) or key.value not in state.items:
                return Unknown(state.open) if state.open else Known(False)
            one = pattern(m, inside, state.items[key.value], scope)
            if truth(one)[0] is not True:
                return one
        return result
    if isinstance(p, ast.MatchSequence):
        items = m.iterate(subject, p)
        if items.open or any(isinstance(e, ast.MatchStar) for e in p.patterns):
            bind_captures(m, p, scope)
            return Unknown("a sequence pattern over values that are not all known")
        if len(items.items) != len(p.patterns):
            return Known(False)
        for e, v in zip(p.patterns, items.items):
            one = pattern(m, e, v, scope)
            if truth(one)[0] is not True:
                return one
        return Known(True)
    if isinstance(p, ast.MatchClass):
        return class_pattern(m, p, subject, scope)
    bind_captures(m, p, scope)
    return Unknown("a pattern that is not modelled")


def class_pattern(m: Machine, p: ast.MatchClass, subject: Value, scope: Scope) -> Value:
    kind = m.evaluate(p.cls, scope)
    fits = m.call(BUILTINS["isinstance"], Arguments([subject, kind]), p)
    cls = kind.value if isinstance(kind, Known) else None
    if truth(fits)[0] is False:
        return fits
    if truth(fits) != (True, "") or p.patterns and not (isinstance(cls, Class) and cls.fields):
        bind_captures(m, p, scope)
        return Unknown("a class pattern")
    names = list(cls.fields) if isinstance(cls, Class) else []
    pairs = [*zip(names, p.patterns), *zip(p.kwd_attrs, p.kwd_patterns)]
    for name, e in pairs:
        one = pattern(m, e, m.attribute(subject, name, p), scope)
        if truth(one)[0] is not True:
            return one
    return Known(True)


def bind_captures(m: Machine, p: Any, scope: Scope) -> None:
    if isinstance(p, (ast.MatchAs, ast.MatchStar)) and p.name is not None:
        m.bind(p.name, Unknown("captured by a pattern that is not modelled"), scope)
    for child in below(p):
        bind_captures(m, child, scope)
