"""Evaluation of a written call: its arguments and stars, before `calls` finds the callee."""

from __future__ import annotations

from typing import Any, Callable

import libcst as cst

from ...training_plan.values import Default, Known, Unknown, Value
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import Arguments, Attributes, Class, Instance, Items, Mapping, Scope, object_of
from ..core.operations import describe
from ..core.state import place_of
from .builtins import BUILTINS


def arguments(m: Machine, node: cst.Call, scope: Scope) -> Arguments:
    """Evaluate the arguments of a written call, stars included, each with its place."""
    args = Arguments(place=place_of(scope, node))
    for arg in node.args:
        v = m.evaluate(arg.value, scope)
        if arg.star == "":
            where: Any = arg.keyword.value if arg.keyword is not None else len(args.positional)
            args.places[where] = place_of(scope, arg)
            if arg.keyword is not None:
                args.clash = args.clash or where in args.keywords
                args.keywords[where] = v
            else:
                args.positional.append(v)
        elif arg.star == "*":
            items, here = m.iterate(v, arg), place_of(scope, arg)
            m.spend(len(items.items))
            for x in items.items:
                args.places[len(args.positional)] = here
                args.positional.append(demote(x, items.overridden_by) if items.overridden_by else x)
            args.unknown = args.unknown or items.why_incomplete
            args.may_come_from(items.overridden_by)
        else:
            state: Items = m.mapping(v, arg)
            for k, x in state.items.items():
                if isinstance(k, str):
                    args.clash = args.clash or k in args.keywords
                    args.keywords[k] = x
                    args.places[k] = place_of(scope, arg)
            args.unknown = args.unknown or state.why_incomplete
            args.may_come_from(state.overridden_by)
    return args


def call(m: Machine, node: cst.Call, scope: Scope) -> Value:
    """Evaluate a written call."""
    callee = m.evaluate(node.func, scope)
    word = node.func.value if isinstance(node.func, cst.Name) else ""
    special = CALL_FORMS.get(word)
    if special is not None and isinstance(callee, Known) and callee is BUILTINS.get(word):
        return special(m, node, scope)
    args = arguments(m, node, scope)
    if args.clash:
        m.may_raise_count += 1
        m.certainly_raises("TypeError")
        return Unknown("an argument is passed twice: TypeError")
    return m.call(callee, args, node)


def scope_dictionary(m: Machine, node: cst.Call, scope: Scope) -> Value:
    """Return globals(), locals() or vars(): an object's attributes as a dict."""
    if node.args:
        args = arguments(m, node, scope)
        owner = args.positional[0] if args.positional else Unknown("vars() of nothing")
        obj = object_of(owner)
        if isinstance(obj, Mapping) and obj.kind == "namespace":
            return m.attribute(owner, "__dict__", node)
        if isinstance(obj, (Instance, Class)):
            attributes = Known(Attributes(obj), owner.trace)
            return demote(attributes, owner.overridden_by) if isinstance(owner, Default) else attributes
        return Known(Mapping({}, f"vars() of {describe(owner)}"))
    target = scope.module.scope if isinstance(node.func, cst.Name) and node.func.value == "globals" else scope
    if target.kind == "function":  # writing to locals() changes nothing
        return Known(Mapping({k: v for k, v in target.slots.items() if isinstance(k, str)}))
    return Known(Attributes(target))


def super_call(m: Machine, node: cst.Call, scope: Scope) -> Value:
    return m.super_object(scope)


CALL_FORMS: dict[str, Callable[..., Value]] = {
    "globals": scope_dictionary,
    "locals": scope_dictionary,
    "vars": scope_dictionary,
    "super": super_call,
}
