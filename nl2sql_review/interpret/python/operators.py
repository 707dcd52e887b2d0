"""Arithmetic, comparison and equality on abstract values."""

from __future__ import annotations

import operator
from math import isfinite
from typing import Any, Callable

from ...training_plan.values import Absent, Default, Known, Term, Text, Trace, Unknown, Value
from ..core import sizes
from ..core.objects import Instance, Mapping, Object, Opaque, Sequence
from ..core.operations import (
    SCALARS,
    SPECIAL_OPERANDS,
    STRING_ATTRIBUTES,
    describe,
    freeze,
    is_scalar,
    lift,
    term_of,
)
from .texts import concatenate, percent

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "@": operator.matmul, "&": operator.and_, "|": operator.or_,
    "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def stringy(value: Value) -> bool:
    """Return whether the value is certainly text, even if its content is not known."""
    if isinstance(value, Text) or isinstance(value, Known) and isinstance(value.value, str):
        return True
    obj = value.value if isinstance(value, Known) else None
    if isinstance(obj, Opaque):
        if obj.operation == "attribute":
            return isinstance(obj.args[1], Known) and obj.args[1].value in STRING_ATTRIBUTES
        return obj.kind == "str"
    return False


def binary(op: str, a: Value, b: Value) -> Value:
    a, b = (
        v.value.payload
        if isinstance(v, Known) and isinstance(v.value, Instance) and v.value.payload is not None and is_mixed(v.value)
        else v
        for v in (a, b)
    )
    if op == "*" and (nothing := times_zero(a, b)) is not None:
        return nothing
    return lift(lambda x, y: binary_settled(op, x, y), a, b)


def times_zero(a: Value, b: Value) -> Value | None:
    """Return the product of zero and a default, which comes from the zero whatever the other factor is."""
    if not isinstance(a, (Known, Default)) or not isinstance(b, (Known, Default)):
        return None
    if isinstance(a, Known) and isinstance(b, Known) or not _is_number(a.value) or not _is_number(b.value):
        return None
    for zero in (a, b):
        if zero.value == 0 and (isinstance(zero, Default) or isinstance(zero.value, float)):  # 0 * "8" is a text
            made = a.value * b.value
            return Known(made, zero.trace) if isinstance(zero, Known) else Default(made, zero.overridden_by, zero.trace)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def binary_settled(op: str, a: Value, b: Value) -> Value:
    for special in SPECIAL_OPERANDS:
        found: Value | None = special(op, a, b)
        if found is not None:
            return found
    if is_scalar(a) and is_scalar(b):
        return scalar(op, a, b)
    for v in (a, b):
        if isinstance(v, (Unknown, Absent)):
            if op == "+" and (isinstance(a, Text) or isinstance(b, Text) or stringy(a) or stringy(b)):
                break
            return Unknown(v.why, v.trace)
    x, y = (v.value if isinstance(v, Known) else None for v in (a, b))
    if op == "+" and (stringy(a) or stringy(b)):
        return concatenate([a, b])
    if op == "*" and isinstance(a, Text):
        return Text((term_of(op, a, b),), a.trace)
    if op == "%" and stringy(a):
        return percent(a, b)
    if isinstance(x, Sequence) and isinstance(y, Sequence) and op == "+" and x.kind == y.kind:
        both = x.state.followed_by(y.state)
        return Known(Sequence(both.items, x.kind, both.why_incomplete, both.overridden_by), a.trace)
    if isinstance(x, Sequence) and op == "*" and isinstance(y, int) and x.kind in ("list", "tuple"):
        if len(x.state.items) * y > 1000:  # more are data
            return Known(Sequence(x.state.items, x.kind, "a long repeated list"), a.trace)
        return Known(Sequence(x.state.items * y, x.kind, x.state.why_incomplete, x.state.overridden_by), a.trace)
    if isinstance(x, Mapping) and isinstance(y, Mapping) and op == "|":
        below = {k: Unknown(y.state.why_incomplete) for k in x.state.items} if y.state.why_incomplete else x.state.items
        return Known(
            Mapping(
                {**below, **y.state.items},
                x.state.why_incomplete or y.state.why_incomplete,
                x.kind,
                x.state.overridden_by or y.state.overridden_by,
            ),
            a.trace,
        )
    if op in ("==", "!="):
        verdict = equal(a, b)
        if verdict is not None:
            return Known(verdict if op == "==" else not verdict)
    if isinstance(x, Sequence) and isinstance(y, Sequence):
        return sequences(op, x, y)
    if (
        isinstance(a, Text)
        or isinstance(b, Text)
        or isinstance(x, Opaque)
        or isinstance(y, Opaque)
        or isinstance(a, Term)
        or isinstance(b, Term)
    ):
        return term_of(op, a, b)
    return Unknown(f"{describe(a)} {op} {describe(b)} is not modelled", a.trace)


def scalar(op: str, a: Known, b: Known) -> Value:
    x, y = a.value, b.value
    try:
        sizes.operation(op, x, y)
        return Known(BINARY[op](x, y), merged_trace(a, b))
    except sizes.TooMuch as e:
        return Unknown(str(e), a.trace)
    except Exception as e:
        return Unknown(f"{describe(a)} {op} {describe(b)} raises {type(e).__name__}", a.trace)


MOST_PLACES = 64  # that a value is said to come through


def merged_trace(a: Value, b: Value) -> Trace:
    """Return a computed value's trace: both operands', the first one's first; of a very long sum the first terms'."""
    if len(a.trace) >= MOST_PLACES:
        return a.trace
    return a.trace + tuple(p for p in b.trace if p not in a.trace) if b.trace else a.trace


PLAIN = (str, int, float, bool, type(None))


def equal(a: Value, b: Value, depth: int = 8) -> bool | None:
    """Return whether two values are equal, or None if only the run decides, or if they nest too deeply."""
    if not depth:
        return None
    x, y = a.value if isinstance(a, Known) else a, b.value if isinstance(b, Known) else b
    if x is y and not isinstance(x, Opaque):
        return True
    if type(x) in PLAIN and type(y) in PLAIN:  # one of many, where a list is searched
        return bool(x == y)
    if isinstance(a, Text) or isinstance(b, Text):
        hole, other = (a, y) if isinstance(a, Text) else (b, x)
        return False if isinstance(hole, Text) and isinstance(other, str) and excludes(hole, other) else None
    if isinstance(x, Instance) and x.cls.kind == "enum" or isinstance(y, Instance) and y.cls.kind == "enum":
        px, py = (enum_value(v) for v in (x, y))
        if isinstance(x, Instance) and isinstance(y, Instance):
            return x is y if x.cls is y.cls else False
        if any(is_mixed(v) for v in (x, y)):
            return px == py if px is not None and py is not None else None
        return False
    if isinstance(x, Opaque) or isinstance(y, Opaque):
        return (
            None
            if not (isinstance(x, Opaque) and x.kind and y is None or isinstance(y, Opaque) and y.kind and x is None)
            else False
        )
    fx, fy = freeze(a), freeze(b)
    if (
        isinstance(fx, Known)
        and isinstance(fy, Known)
        and not isinstance(fx.value, Object)
        and not isinstance(fy.value, Object)
    ):
        if sizes.size(fx.value) > sizes.MAX_ITEMS and not isinstance(fx.value, (str, bytes)):
            return None
        return bool(fx.value == fy.value)
    if isinstance(fx, Known) and isinstance(fy, Known):
        if isinstance(fx.value, Instance) or isinstance(fy.value, Instance):
            return equal_instances(fx.value, fy.value, depth)
        return False if type(fx.value) is not type(fy.value) else None
    return None


def excludes(text: Text, other: str) -> bool:
    """Return whether a string is none that a text with holes may become: it does not begin or end as that does."""
    if text.overridden_by or not text.parts:
        return False
    first, last = text.parts[0], text.parts[-1]
    return isinstance(first, str) and not other.startswith(first) or isinstance(last, str) and not other.endswith(last)


def is_mixed(v: object) -> bool:
    """Return whether an enum member is also a str or int, and compares and calculates like one."""
    return (
        isinstance(v, Instance)
        and v.cls.kind == "enum"
        and any(isinstance(b, Opaque) and b.text in MIXINS for b in v.cls.mro())
    )


MIXINS = ("str", "int", "float", "enum.StrEnum", "enum.IntEnum", "enum.IntFlag")


def equal_instances(x: object, y: object, depth: int = 8) -> bool | None:
    if not (isinstance(x, Instance) and isinstance(y, Instance)):
        other = x if isinstance(y, Instance) else y
        mine = y if isinstance(y, Instance) else x
        return (
            False
            if other is None
            or isinstance(mine, Instance)
            and mine.cls.kind in ("class", "dataclass")
            and mine.base is None
            and not isinstance(other, Object)
            else None
        )
    if x.cls.kind == "class" and x.base is None and y.base is None:
        return x is y
    if x.cls is not y.cls:
        return False if x.cls.kind == y.cls.kind == "dataclass" else None
    verdicts = [
        equal(x.slots[f], y.slots[f], depth - 1) if f in x.slots and f in y.slots else None for f in x.cls.fields
    ]
    return False if False in verdicts else None if None in verdicts else True


def enum_value(v: object) -> Any:
    return (
        v.payload.value
        if isinstance(v, Instance) and isinstance(v.payload, Known)
        else None
        if isinstance(v, Object)
        else v
    )


def sequences(op: str, x: Sequence, y: Sequence) -> Value:
    fx, fy = freeze(Known(x)), freeze(Known(y))
    if isinstance(fx, Known) and isinstance(fy, Known) and op in BINARY:
        try:  # a set of lists, for one, raises where it is made
            a, b = (set(v.value) if s.kind in ("set", "frozenset") else v.value for v, s in ((fx, x), (fy, y)))
            r = BINARY[op](a, b)
        except Exception as e:
            return Unknown(f"raises {type(e).__name__}")
        if isinstance(r, set):
            return Known(Sequence(tuple(Known(v) for v in sorted(r, key=str)), "set"))
        if isinstance(r, SCALARS):
            return Known(r)
    return Unknown(f"{op} of two collections that are not completely known")
