"""Models of dacite and cattrs: dictionaries converted to the dataclasses that have their keys as fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Class, Mapping, Sequence, object_of
from ...core.operations import describe, in_each, lift, mapped

if TYPE_CHECKING:
    import libcst as cst


def structured(m: Machine, cls: Class, data: Value, node: cst.CSTNode | None) -> Value:
    """Make an instance of the script's dataclass with the values of `data`, nested ones by its annotations."""
    if not isinstance(object_of(data), Mapping):
        return (
            Unknown(data.why, data.trace)
            if isinstance(data, (Unknown, Absent))
            else Unknown(f"{cls.name} made from {describe(data)}")
        )
    state = m.mapping(data, node)
    args = Arguments([], {k: field(m, cls, k, v, node) for k, v in state.items.items() if k in cls.fields})
    args.unknown = state.why_incomplete
    args.may_come_from(state.overridden_by)
    return m.call(Known(cls), args, node)


def field(m: Machine, cls: Class, name: str, value: Value, node: cst.CSTNode | None) -> Value:
    annotation = cls.fields[name].annotation.strip("\"'")
    for word in re.findall(r"\w+", annotation):
        inner = object_of(cls.module.scope.slots.get(word))
        if isinstance(inner, Class) and inner.kind in ("dataclass", "attrs"):
            return lift(lambda v, inner=inner: nested(m, inner, v, node), value)
    return value


def nested(m: Machine, cls: Class, value: Value, node: cst.CSTNode | None) -> Value:
    """Return a mapping, and those in a list, as instances of the class; a default stays one."""

    def made(one: Known) -> Value:
        if isinstance(one.value, Mapping):
            return structured(m, cls, one, node)
        return mapped(lambda inner: nested(m, cls, inner, node), one) if isinstance(one.value, Sequence) else one

    return in_each(made, value)


@model("dacite.from_dict", "cattrs.structure", "cattr.structure")
def from_dict(call: ModelCall) -> Value | None:
    args = call.arguments
    cls, data = args.get(0, "data_class", "cl"), args.get(1, "data", "obj")
    if call.callee != "dacite.from_dict":
        cls, data = args.get(1, "cl"), args.get(0, "obj")
    target = object_of(cls)
    if not isinstance(target, Class) or target.kind not in ("dataclass", "attrs") or "config" in args.keywords:
        return None
    return lift(lambda d: structured(call.machine, target, d, call.node), data)
