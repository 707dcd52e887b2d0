"""Displays of lists, tuples, sets and dicts, and comprehensions."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Union, cast

import libcst as cst

from ...source.syntax import dotted
from ...training_plan.values import Absent, Default, Known, Unknown, Value, join
from ..core.machine import Machine
from ..core.names import PARAMETERS
from ..core.objects import Items, Mapping, Opaque, Scope, Sequence, object_of
from ..core.operations import describe, plain_key, truth
from ..core.state import place_of
from .operators import equal
from .overlays import overlaid


def elements(m: Machine, nodes: Iterable[cst.CSTNode], scope: Scope) -> tuple[tuple[Value, ...], str, str]:
    """Return a display's evaluated elements, stars unpacked; why there may be more; what may override their number."""
    out: list[Value] = []
    open_, by = "", ""
    for e in nodes:
        if isinstance(e, cst.StarredElement) or isinstance(e, cst.Index) and e.star:
            inner = m.iterate(m.evaluate(e.value, scope), e)
            out.extend(inner.items)
            open_, by = open_ or inner.why_incomplete, by or inner.overridden_by
        else:
            out.append(m.evaluate(e.value if isinstance(e, (cst.Element, cst.Index)) else e, scope))
    return tuple(out), open_, by


LISTED = 8  # values that are looked at one by one of those that go on without a known end

Display = Union[cst.List, cst.Tuple, cst.Set]
Comprehension = Union[cst.BaseSimpleComp, cst.DictComp, "cst.StarredDictComp"]


def display(kind: str) -> Callable[..., Value]:
    def f(m: Machine, node: Display, scope: Scope) -> Value:
        items, open_, by = elements(m, node.elements, scope)
        if kind == "set":
            unique: list[Value] = []
            for v in items:
                if not any(equal(v, u) for u in unique):
                    unique.append(v)
            items = tuple(unique)
        return Known(Sequence(items, kind, open_, by), (place_of(scope, node),))

    return f


def several(node: cst.Subscript) -> bool:
    """Return whether the brackets hold a tuple: `x[a, b]`, `x[a,]`, `x[*a]`."""
    last = node.slice[-1]
    return (
        len(node.slice) > 1
        or isinstance(last.comma, cst.Comma)
        or isinstance(last.slice, cst.Index)
        and bool(last.slice.star)
    )


def dictionary(m: Machine, node: cst.Dict, scope: Scope) -> Value:
    items: dict[Any, Value] = {}
    open_ = by = ""
    for e in node.elements:
        if not isinstance(e, cst.DictElement):  # `**e`
            laid = overlaid(m, Items(items, open_, by), m.evaluate(e.value, scope), e.value)
            items, open_, by = dict(laid.items), laid.why_incomplete, laid.overridden_by
            continue
        key, value = m.evaluate(e.key, scope), m.evaluate(e.value, scope)
        k = plain_key(key)
        if k is None:
            open_ = f"the key {describe(key)} is known only at run time"
            items = {k: Unknown(open_) for k in items}
        else:
            items[k[0]] = value
            if isinstance(key, Default):
                by = by or key.overridden_by
    return Known(Mapping(items, open_, "dict", by), (place_of(scope, node),))


def mapping_of(out: list[tuple[Value | None, Value]], doubtful: list[bool], state: dict[str, Any]) -> Mapping:
    """Return the dict of keys and values in their order. `doubtful`: the items that a filter may leave out."""
    items: dict[Any, Value] = {}
    for (key, value), maybe in zip(out, doubtful):
        k = plain_key(key) if key is not None else None
        if k is None:
            state["open"] = state["open"] or "a key is known only at run time"
            continue
        if state["open"] and k[0] in items:
            value = join(items[k[0]], value)
        left_out = maybe or state["open"]
        items[k[0]] = join(value, items.get(k[0], Absent("left out by the filter"))) if left_out else value
    return Mapping(items, state["open"], "dict", state["by"])


def only_names(node: Comprehension, comp: cst.CompFor) -> bool:
    """Return whether a comprehension keeps the names of the looped elements: `{f.name for f in fields(SFTConfig)}`."""
    element = node.elt if isinstance(node, cst.BaseSimpleComp) else None
    if isinstance(element, cst.Attribute) and element.attr.value == "name":
        element = element.value
    whole = comp is node.for_in and not comp.ifs and comp.inner_for_in is None
    return whole and isinstance(element, cst.Name) and dotted(comp.target) == element.value


def comprehension(kind: str) -> Callable[..., Value]:
    def f(m: Machine, node: Comprehension, scope: Scope) -> Value:
        inner = Scope(scope.module, scope, "comprehension", scope.name)
        out: list[tuple[Value | None, Value]] = []
        state: dict[str, Any] = {"open": "", "by": "", "filtered": "", "parameters": None}
        doubtful: list[bool] = []  # for each result, whether only the run knows that it is one

        def produce() -> None:
            if isinstance(node, cst.DictComp):
                out.append((m.evaluate(node.key, inner), m.evaluate(node.value, inner)))
            else:
                out.append((None, m.evaluate(node.elt if isinstance(node, cst.BaseSimpleComp) else node.value, inner)))

        def run(comp: cst.CompFor, maybe: bool = False) -> None:
            iterated = m.evaluate(comp.iter, inner)
            obj = object_of(iterated)
            if isinstance(obj, Opaque) and obj.kind == PARAMETERS and only_names(node, comp):
                state["parameters"] = iterated
            items = m.iterate(iterated, comp)
            optional = obj.maybe if isinstance(obj, Sequence) and kind == "dict" else frozenset()
            if optional:  # what is there on one path only is so in the dict that is made, too
                items = items._replace(why_incomplete="")
            state["open"], state["by"] = state["open"] or items.why_incomplete, state["by"] or items.overridden_by
            for i, v in enumerate(items.items[:LISTED] if items.why_incomplete else items.items):
                m.step()
                m.assign(comp.target, v, inner)
                open_here = maybe or i in optional
                for test in comp.ifs:
                    t, by = truth(m.evaluate(test.test, inner))
                    state["by"] = state["by"] or by
                    if t is None:
                        state["filtered"] = state["filtered"] or f"filtered by {scope.module.source.excerpt(test.test)}"
                        open_here = True
                    elif not t:
                        break
                else:
                    if comp.inner_for_in is not None:
                        run(comp.inner_for_in, open_here)
                    else:
                        produce()
                        doubtful.append(open_here)

        mark = m.mark()
        run(node.for_in)
        if state["parameters"] is not None:
            return cast("Value", state["parameters"])
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
            return Known(mapping_of(out, doubtful, state), trace)
        made = Sequence(tuple(v for _, v in out), kind, state["open"], state["by"])
        made.lazy = kind == "generator"
        return Known(made, trace)

    return f
