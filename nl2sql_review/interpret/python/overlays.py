"""One mapping laid over another: `{**a, **b}`, `a.update(b)`, `a | b`, `ChainMap(b, a)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...training_plan.values import Absent, Unknown, Value, is_optional, join, present
from ..core.joins import demote
from ..core.machine import Machine
from ..core.objects import Items, Opaque, object_of

if TYPE_CHECKING:
    import libcst as cst

ENVIRON = "os.environ"
ENVIRONMENTS = (ENVIRON, f"{ENVIRON}.items()", f"{ENVIRON}.copy()")
COPIED = "environment"  # the slot of a mapping that was made of the environment, and may have been changed since
SET_EVERYWHERE = ("HOME", "PATH", "PWD", "USER", "SHELL", "LOGNAME")  # no run is without them: a fallback is no default


def overlaid(m: Machine, below: Items, value: Value, node: cst.CSTNode | None) -> Items:
    """Return the entries of a mapping once those of another, `value`, have been laid over them.

    What is not known may replace all of them. The environment replaces only what it has a variable for: the rest stays,
    unless somebody sets one.
    """
    if is_environment(value):
        return _under_environment(m, below)
    above = m.mapping(value, node)
    if COPIED in getattr(object_of(value), "slots", ()):
        laid = _under_environment(m, below)
        return Items(
            {**laid.items, **merge_optional(dict(laid.items), above.items)}, laid.why_incomplete, laid.overridden_by
        )
    items = {k: Unknown(above.why_incomplete) for k in below.items} if above.why_incomplete else dict(below.items)
    items.update(merge_optional(items, above.items))
    return Items(items, below.why_incomplete or above.why_incomplete, below.overridden_by or above.overridden_by)


def is_environment(value: Value) -> bool:
    """Whether a value is `os.environ`, a copy of it, or its items."""
    obj = object_of(value)
    return isinstance(obj, Opaque) and obj.text in ENVIRONMENTS


def _under_environment(m: Machine, below: Items) -> Items:
    items: dict[Any, Value] = {k: demote(v, f"${k}") if isinstance(k, str) else v for k, v in below.items.items()}
    for name in SET_EVERYWHERE:
        items[name] = Unknown(f"the environment decides ${name}")
    set_here = object_of(object_of(m.shared[ENVIRON].value).slots["written"]).state.items
    items.update(merge_optional(items, {k: v for k, v in set_here.items() if not isinstance(v, Absent)}))
    return Items(items, below.why_incomplete, below.overridden_by or "the environment")


def merge_optional(old: dict[Any, Value], new: dict[Any, Value]) -> dict[Any, Value]:
    """Items of `new` that are set on one path only leave the old value on the other."""
    out = {}
    for k, v in new.items():
        if is_optional(v) and k in old:
            v = join(present(v), old[k], v.condition)
        out[k] = v
    return out
