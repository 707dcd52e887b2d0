"""Lists, tuples, sets and dicts as they are written out, and comprehensions."""

from __future__ import annotations

import ast
from typing import Any, Callable

from ..values import Absent, Default, Either, Known, Term, Unknown, Value, join
from .machine import Machine, place_of
from .objects import (
    Mapping,
    Scope,
    Sequence,
)
from .operations import describe, freeze, truth
from .operators import equal


def elements(m: Machine, nodes: Any, scope: Scope) -> tuple[tuple[Value, ...], str, str]:
    """Evaluated elements of a display with stars unpacked; why there may be more; what may override their number."""
    out: list[Value] = []
    open_, by = "", ""
    for e in nodes:
        if isinstance(e, ast.Starred):
            inner = m.iterate(m.evaluate(e.value, scope), e)
            out.extend(inner.items)
            open_, by = open_ or inner.open, by or inner.by
        else:
            out.append(m.evaluate(e, scope))
    return tuple(out), open_, by


def display(kind: str) -> Callable[..., Value]:
    def f(m: Machine, node: Any, scope: Scope) -> Value:
        items, open_, by = elements(m, node.elts, scope)
        if kind == "set":
            unique: list[Value] = []
            for v in items:
                if not any(equal(v, u) for u in unique):
                    unique.append(v)
            items = tuple(unique)
        return Known(Sequence(items, kind, open_, by), (place_of(scope, node),))

    return f


def dictionary(m: Machine, node: ast.Dict, scope: Scope) -> Value:
    items: dict[Any, Value] = {}
    open_ = by = ""
    for written, e in zip(node.keys, node.values):
        if written is None:  # `**e`
            inner = m.mapping(m.evaluate(e, scope), e)
            if inner.open:
                # what was set before may be overwritten by what is not known
                items = {k: Unknown(inner.open) for k in items}
            items.update(merge_optional(items, inner.items))
            open_, by = open_ or inner.open, by or inner.by
            continue
        key, value = m.evaluate(written, scope), m.evaluate(e, scope)
        k = plain_key(key)
        if k is None:
            open_ = f"the key {describe(key)} is only known to the run"
            items = {k: Unknown(open_) for k in items}
        else:
            items[k[0]] = value
            if isinstance(key, Default):
                by = by or key.by
    return Known(Mapping(items, open_, "dict", by), (place_of(scope, node),))


def merge_optional(old: dict[Any, Value], new: dict[Any, Value]) -> dict[Any, Value]:
    """Items of `new` that are set on one path only leave the old value on the other."""
    out = {}
    for k, v in new.items():
        if isinstance(v, Either) and any(isinstance(o, Absent) for o in v.options) and k in old:
            present = tuple(o for o in v.options if not isinstance(o, Absent))
            v = join(present[0] if len(present) == 1 else Either(present, v.condition, v.trace), old[k], v.condition)
        out[k] = v
    return out


def plain_key(key: Value) -> tuple[Any] | None:
    """The key as a hashable plain value in a tuple, or None. Enum members and classes are their own keys."""
    frozen = freeze(key)
    if isinstance(frozen, (Known, Default)):
        try:
            hash(frozen.value)
        except TypeError:
            return None
        return (frozen.value,)
    if isinstance(frozen, Term) and frozen.head == "symbol":
        return (frozen.text,)
    return None


def comprehension(kind: str) -> Callable[..., Value]:
    def f(m: Machine, node: Any, scope: Scope) -> Value:
        inner = Scope(scope.module, scope, "comprehension", scope.name)
        out: list[tuple[Value | None, Value]] = []
        state = {"open": "", "by": "", "filtered": ""}
        doubtful: list[bool] = []  # for each result, whether only the run knows that it is one

        def produce() -> None:
            if kind == "dict":
                out.append((m.evaluate(node.key, inner), m.evaluate(node.value, inner)))
            else:
                out.append((None, m.evaluate(node.elt, inner)))

        def run(level: int, maybe: bool = False) -> None:
            comp = node.generators[level]
            items = m.iterate(m.evaluate(comp.iter, inner), comp)
            state["open"], state["by"] = state["open"] or items.open, state["by"] or items.by
            for v in items.items:
                m.step()
                m.assign(comp.target, v, inner)
                open_here = maybe
                for test in comp.ifs:
                    t, by = truth(m.evaluate(test, inner))
                    state["by"] = state["by"] or by
                    if t is None:
                        state["filtered"] = state["filtered"] or f"filtered by {scope.module.source.excerpt(test)}"
                        open_here = True
                    elif not t:
                        break
                else:
                    if level + 1 < len(node.generators):
                        run(level + 1, open_here)
                    else:
                        produce()
                        doubtful.append(open_here)

        mark = m.mark()
        run(0)
        if kind == "generator":
            m.deferred(mark, "a generator expression")
        trace = (place_of(scope, node),)
        if kind != "dict":
            state["open"] = state["open"] or state["filtered"]
        if kind == "set":
            unique: list[Value] = []
            for _, v in out:
                if not any(equal(v, u) for u in unique):
                    unique.append(v)
            return Known(Sequence(tuple(unique), kind, state["open"], state["by"]), trace)
        if kind == "dict":
            items: dict[Any, Value] = {}
            for (key, value), maybe in zip(out, doubtful):
                k = plain_key(key) if key is not None else None
                if k is None:
                    state["open"] = state["open"] or "a key is only known to the run"
                else:
                    if state["open"] and k[0] in items:
                        value = join(items[k[0]], value)
                    items[k[0]] = join(value, items.get(k[0], Absent("left out by the filter"))) if maybe or state["open"] else value
            return Known(Mapping(items, state["open"], "dict", state["by"]), trace)
        made = Sequence(tuple(v for _, v in out), kind, state["open"], state["by"])
        made.lazy = kind == "generator"
        return Known(made, trace)

    return f
