"""Assignments to names, attributes, items and tuples of them, and their deletion."""

from __future__ import annotations

import libcst as cst

from ...training_plan.values import Default, Either, Known, Unknown, Value, extend, options
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import REPLACED, Arguments, Instance, Items, Mapping, Opaque, Scope, Sequence, object_of
from ..core.state import place_of
from .builtins import BUILTINS
from .displays import several
from .expressions import OPERATORS, index, mangled, operate
from .iteration import added_by
from .variables import bind


def assign_statement(m: Machine, node: cst.Assign, scope: Scope) -> None:
    value = extend(m.evaluate(node.value, scope), place_of(scope, node))
    made = value.value if isinstance(value, Known) else None
    if isinstance(made, Sequence) and made.lazy and made.state.items:  # what it yields is decided when it is read
        why = "a generator that is read later"
        m.write(made, "state", Items(tuple(Unknown(why) for _ in made.state.items), made.state.why_incomplete or why))
    for target in node.targets:
        assign(m, target.target, value, scope)


def annotated(m: Machine, node: cst.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(m, node.target, extend(m.evaluate(node.value, scope), place_of(scope, node)), scope)


def augmented(m: Machine, node: cst.AugAssign, scope: Scope) -> None:
    target = node.target
    if (
        isinstance(target, cst.Name)
        and scope.kind == "function"
        and target.value not in {*scope.slots, *scope.globals_, *scope.nonlocals}
    ):
        m.certainly_raises("UnboundLocalError")
    old = m.evaluate(target, scope)
    right = m.evaluate(node.value, scope)
    op = OPERATORS[type(node.operator)]
    obj = old.value if isinstance(old, (Known, Default)) else None
    if isinstance(obj, Sequence) and obj.kind == "list" and op == "+":
        extra = added_by(m, right, place_of(scope, node), node)  # in place: every alias of the list sees it
        m.write(obj, "state", obj.state.followed_by(extra))
        assign(m, target, old, scope)
        return
    if obj is not None and hasattr(obj, "factory") and op == "|":
        m.call(m.attribute(old, "update", node), Arguments([right]), node)
        return
    assign(m, node.target, extend(operate(m, op, old, right, node), place_of(scope, node)), scope)


def assign(m: Machine, target: cst.CSTNode, value: Value, scope: Scope) -> None:
    if isinstance(target, cst.Name):
        bind(m, target.value, value, scope)
    elif isinstance(target, cst.Attribute):
        owner = m.evaluate(target.value, scope)
        m.set_attribute(owner, mangled(m, target.attr.value), value, target, scope)
    elif isinstance(target, cst.Subscript):
        owner = m.evaluate(target.value, scope)
        inside = target.slice[0].slice
        pair = several(target) or isinstance(inside, cst.Index) and isinstance(inside.value, cst.Tuple)
        of_array = all(isinstance(obj := object_of(one), Opaque) and not obj.kind for one in options(owner))
        key = index(m, target, scope) if of_array or not pair else Unknown("several indices")
        if of_array and isinstance(owner, Either) and isinstance(target.value, cst.Name):
            set_in_each(m, owner, target.value.value, key, value, scope)
        m.set_item(owner, key, value, target, scope)
    elif isinstance(target, (cst.Tuple, cst.List)):
        unpack(m, target, value, scope)
    elif isinstance(target, cst.StarredElement):
        assign(m, target.value, value, scope)


def set_in_each(m: Machine, owner: Either, name: str, key: Value, value: Value, scope: Scope) -> None:
    """Set an item of each list that a name may mean, of which the other names of that list know only that it is set."""
    if name not in scope.slots:
        return
    lists: list[Value] = []
    for option in owner.options:
        old = object_of(option)
        one = Opaque(old.text, old.operation, old.args)
        lists.append(Known(one, option.trace))
        if REPLACED in old.slots:
            one.slots[REPLACED] = old.slots[REPLACED]
        m.library_set_item(one, key, value, None, scope)
    bind(m, name, Either(tuple(lists), owner.condition, owner.trace), scope)


def unpack(m: Machine, target: cst.Tuple | cst.List, value: Value, scope: Scope) -> None:
    """Assign the elements of a value to several targets, one of which may be starred."""
    targets = target.elements
    star = next((i for i, e in enumerate(targets) if isinstance(e, cst.StarredElement)), None)
    items = m.iterate(value, target)
    values = [
        extend(demote(v, items.overridden_by) if items.overridden_by else v, value.trace[-1]) if value.trace else v
        for v in items.items
    ]
    n = len(targets)
    if items.why_incomplete or (star is None and len(values) != n) or (star is not None and len(values) < n - 1):
        obj = value.value if isinstance(value, Known) else None
        why = items.why_incomplete or f"{len(values)} values for {n} names"
        if not items.why_incomplete and not items.overridden_by:
            m.certainly_raises("ValueError")
        for i, e in enumerate(targets):
            if isinstance(obj, Opaque) and not obj.kind.startswith("datasets") or one_of_several(value, star):
                v: Value = m.item(value, Known(i), target)
            elif isinstance(value, Known) and items.why_incomplete and len(values) == 1:
                v = values[0]
            else:
                v = Unknown(why, value.trace)
            assign(m, e.value, v, scope)
        return
    if star is None:
        for e, v in zip(targets, values):
            assign(m, e.value, v, scope)
        return
    after = n - star - 1
    for e, v in zip(targets[:star], values):
        assign(m, e.value, v, scope)
    middle = values[star : len(values) - after]
    assign(m, targets[star].value, Known(Sequence(tuple(middle), "list")), scope)
    for e, v in zip(targets[star + 1 :], values[len(values) - after :]):
        assign(m, e.value, v, scope)


def one_of_several(value: Value, star: int | None) -> bool:
    """Return whether a value is one of several that only the run decides, each read by its position."""
    options = [object_of(option) for option in value.options] if isinstance(value, Either) and star is None else []
    return bool(options) and all(isinstance(o, Opaque) and not o.kind.startswith("datasets") for o in options)


def delete(m: Machine, node: cst.Del, scope: Scope) -> None:
    for target in node.target.elements if isinstance(node.target, cst.Tuple) else [node.target]:
        t = target.value if isinstance(target, cst.Element) else target
        if isinstance(t, cst.Name):
            m.delete(scope if t.value in scope.slots else scope.module.scope, t.value)
        elif isinstance(t, cst.Attribute):
            owner = m.evaluate(t.value, scope)
            if isinstance(owner, Known) and isinstance(owner.value, (Instance, Mapping)):
                m.call(BUILTINS["delattr"], Arguments([owner, Known(t.attr.value)]), node)
        elif isinstance(t, cst.Subscript) and isinstance(t.slice[0].slice, cst.Slice) and not several(t):
            m.set_item(m.evaluate(t.value, scope), index(m, t, scope), Known(Sequence(())), t, scope)
        elif isinstance(t, cst.Subscript):
            owner = m.evaluate(t.value, scope)
            m.call(m.attribute(owner, "pop", node), Arguments([index(m, t, scope)]), node)
