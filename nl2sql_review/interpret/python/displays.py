"""Displays of lists, tuples, sets and dicts, and comprehensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Union

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
    """Return what evaluates a display of this kind: list, tuple or set."""

    def evaluated(m: Machine, node: Display, scope: Scope) -> Value:
        items, open_, by = elements(m, node.elements, scope)
        return Known(
            Sequence(unique_values(items) if kind == "set" else items, kind, open_, by), (place_of(scope, node),)
        )

    return evaluated


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


@dataclass
class Results:
    """What the loops of a comprehension have given so far."""

    keys: list[Value | None] = field(default_factory=list)  # None where no dict is made
    values: list[Value] = field(default_factory=list)
    doubtful: list[bool] = field(default_factory=list)  # for each value, whether only the run knows that it is one
    why_incomplete: str = ""
    overridden_by: str = ""
    why_filtered: str = ""  # the test that only the run decides
    parameters: Value | None = None  # those of a function, where only their names are asked for


def comprehension(kind: str) -> Callable[..., Value]:
    """Return what evaluates a comprehension of this kind: list, set, dict or generator."""

    def evaluated(m: Machine, node: Comprehension, scope: Scope) -> Value:
        inner = Scope(scope.module, scope, "comprehension", scope.name)
        results = Results()
        mark = m.mark()
        run_loop(m, node, node.for_in, inner, results, kind)
        if results.parameters is not None:
            return results.parameters
        if kind == "generator":
            m.deferred(mark, "a generator expression")
        return Known(mapping_of(results) if kind == "dict" else sequence_of(results, kind), (place_of(scope, node),))

    return evaluated


def run_loop(
    m: Machine, node: Comprehension, comp: cst.CompFor, inner: Scope, results: Results, kind: str, maybe: bool = False
) -> None:
    """Run one loop of a comprehension with those within it. `maybe`: only the run knows whether it is reached."""
    iterated = m.evaluate(comp.iter, inner)
    obj = object_of(iterated)
    if isinstance(obj, Opaque) and obj.kind == PARAMETERS and only_names(node, comp):
        results.parameters = iterated
    items = m.iterate(iterated, comp)
    optional = obj.maybe if isinstance(obj, Sequence) and kind == "dict" else frozenset()
    if optional:  # what is there on one path only is so in the dict that is made, too
        items = items._replace(why_incomplete="")
    results.why_incomplete = results.why_incomplete or items.why_incomplete
    results.overridden_by = results.overridden_by or items.overridden_by
    for i, element in enumerate(items.items[:LISTED] if items.why_incomplete else items.items):
        m.step()
        m.assign(comp.target, element, inner)
        passed = passes(m, comp, inner, results)
        if passed is False:
            continue
        doubtful = maybe or i in optional or passed is None
        if comp.inner_for_in is not None:
            run_loop(m, node, comp.inner_for_in, inner, results, kind, doubtful)
        else:
            results.keys.append(m.evaluate(node.key, inner) if isinstance(node, cst.DictComp) else None)
            results.values.append(m.evaluate(node.elt if isinstance(node, cst.BaseSimpleComp) else node.value, inner))
            results.doubtful.append(doubtful)


def passes(m: Machine, comp: cst.CompFor, inner: Scope, results: Results) -> bool | None:
    """Return whether an element passes the tests of a loop, None if only the run decides."""
    passed: bool | None = True
    for test in comp.ifs:
        verdict, by = truth(m.evaluate(test.test, inner))
        results.overridden_by = results.overridden_by or by
        if verdict is False:
            return False
        if verdict is None:
            excerpt = inner.module.source.excerpt(test.test)
            results.why_filtered = results.why_filtered or f"filtered by {excerpt}"
            passed = None
    return passed


def only_names(node: Comprehension, comp: cst.CompFor) -> bool:
    """Return whether a comprehension keeps the names of the looped elements: `{f.name for f in fields(SFTConfig)}`."""
    element = node.elt if isinstance(node, cst.BaseSimpleComp) else None
    if isinstance(element, cst.Attribute) and element.attr.value == "name":
        element = element.value
    whole = comp is node.for_in and not comp.ifs and comp.inner_for_in is None
    return whole and isinstance(element, cst.Name) and dotted(comp.target) == element.value


def mapping_of(results: Results) -> Mapping:
    """Return the dict that a comprehension makes. Items that a filter may leave out are so on one path only."""
    items: dict[Any, Value] = {}
    why_incomplete = results.why_incomplete
    for key, value, doubtful in zip(results.keys, results.values, results.doubtful):
        k = plain_key(key) if key is not None else None
        if k is None:
            why_incomplete = why_incomplete or "a key is known only at run time"
            continue
        if why_incomplete and k[0] in items:
            value = join(items[k[0]], value)
        left_out = doubtful or why_incomplete
        items[k[0]] = join(value, items.get(k[0], Absent("left out by the filter"))) if left_out else value
    return Mapping(items, why_incomplete, "dict", results.overridden_by)


def sequence_of(results: Results, kind: str) -> Sequence:
    """Return the list, set or generator that a comprehension makes."""
    values = unique_values(results.values) if kind == "set" else tuple(results.values)
    why = ", ".join(filter(None, (results.why_incomplete, results.why_filtered)))
    made = Sequence(values, kind, why, results.overridden_by)
    made.lazy = kind == "generator"
    return made


def unique_values(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return the values without those that certainly equal one before them."""
    unique: list[Value] = []
    for value in values:
        if not any(equal(value, one) for one in unique):
            unique.append(value)
    return tuple(unique)
