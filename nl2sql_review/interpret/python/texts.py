"""Strings with holes: joining, formatting, `%`."""

from __future__ import annotations

import itertools
from typing import Any, Callable

from ...training_plan.values import MAX_OPTIONS, Default, Either, Known, Text, Trace, Unknown, Value
from ..core import sizes
from ..core.joins import demote
from ..core.objects import Instance, Mapping, Opaque, Sequence
from ..core.operations import SCALARS, combinations, freeze, is_scalar, lift, term_of


def concatenate(values: list[Value]) -> Value:
    """Join strings and holes into one value; Known if no part is open, Default if a part is a default."""
    for i, v in enumerate(values):
        if isinstance(v, Default) and isinstance(v.value, SCALARS):
            return demote(concatenate([*values[:i], Known(v.value, v.trace), *values[i + 1 :]]), v.overridden_by)
        if isinstance(v, Either) and combinations(values) <= MAX_OPTIONS and all(map(is_scalar, v.options)):
            return lift(lambda o, i=i: concatenate([*values[:i], o, *values[i + 1 :]]), v)
    parts: list[Any] = []
    trace: Trace = ()
    length, by = 0, next((v.overridden_by for v in values if isinstance(v, Text) and v.overridden_by), "")
    for v in values:
        trace = trace or v.trace
        for p in (
            v.parts
            if isinstance(v, Text)
            else (v.value,)
            if isinstance(v, Known) and isinstance(v.value, str)
            else (v,)
        ):
            length += len(p) if isinstance(p, str) else 1
            if length > sizes.MAX_TEXT or len(parts) > sizes.MAX_ITEMS:
                return Unknown("a very long text", trace)
            if p != "":
                parts.append(p)
    if all(isinstance(p, str) for p in parts):
        return Known("".join(parts), trace)
    return Text(_merged(parts), trace, by)


def _merged(parts: list[Any]) -> tuple[Any, ...]:
    """Return the parts with adjacent literal ones merged."""
    made: list[Any] = []
    for literal, run in itertools.groupby(parts, lambda part: isinstance(part, str)):
        made += ["".join(run)] if literal else list(run)  # noqa: B031
    return tuple(made)


CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}


def as_value(part: str | Value) -> Value:
    """Return a part of a `Text` as a value of its own."""
    return Known(part) if isinstance(part, str) else part


def to_text(value: Value, conversion: str = "", spec: str = "") -> Value:
    """Return the text that `f"{value!conversion:spec}"` puts into a string."""

    def settled(v: Value) -> Value:
        if is_scalar(v):
            try:
                x: Any = v.value
                sizes.formatting(x, spec)
                x = CONVERSIONS[conversion](x) if conversion else x
                made = format(x, spec)
                sizes.result(made)
                return Known(made, v.trace)
            except sizes.TooMuch as e:
                return Unknown(str(e), v.trace)
            except Exception as e:
                return Unknown(f"format raises {type(e).__name__}", v.trace)
        if isinstance(v, Text) and conversion != "r" and not spec:
            return v
        obj = v.value if isinstance(v, Known) else None
        if isinstance(obj, Opaque) and obj.operation == "path" and conversion != "r" and not spec:
            return obj.args[0]
        if isinstance(obj, (Sequence, Mapping)):
            f = freeze(v)
            if (
                isinstance(f, Known)
                and not spec
                and not (isinstance(obj, Sequence) and obj.kind not in ("list", "tuple"))
            ):
                if sizes.size(f.value) > sizes.MAX_ITEMS:
                    return Unknown("a very long text", v.trace)
                return Known(str(f.value), v.trace)
        if isinstance(obj, Instance) and obj.cls.kind == "enum" and obj.payload is not None:
            return Text((v,), v.trace)
        return Text((v,), v.trace)

    return lift(settled, value)


def percent(template: Value, argument: Value) -> Value:
    """Return `template % argument` if a part of it is a hole."""
    if not (isinstance(template, Known) and isinstance(template.value, str)):
        return term_of("%", template, argument)
    import re

    obj = argument.value if isinstance(argument, Known) else None
    values = list(obj.state.items) if isinstance(obj, Sequence) and obj.kind == "tuple" else [argument]
    parts: list[Value] = []
    end = 0
    for m in re.finditer(r"%(?:\((\w+)\))?([-#0 +]*(?:[1-9]\d*)?(?:\.\d+)?)([sdifgrxec%])", template.value):
        parts.append(Known(template.value[end : m.start()]))
        end = m.end()
        if m.group(3) == "%":
            parts.append(Known("%"))
            continue
        if m.group(1) is not None:
            v = obj.state.items.get(m.group(1)) if isinstance(obj, Mapping) else None
        else:
            v = values.pop(0) if values else None
        if v is None:
            return Unknown("a % placeholder without a value", template.trace)
        parts.append(lift(lambda x, m=m: percent_one(m.group(2) + m.group(3), x), v))
    parts.append(Known(template.value[end:]))
    return concatenate(parts)


def percent_one(spec: str, value: Value) -> Value:
    if is_scalar(value):
        try:
            sizes.percent("%" + spec, value.value)
            return Known(("%" + spec) % (value.value,), value.trace)
        except sizes.TooMuch as e:
            return Unknown(str(e), value.trace)
        except Exception as e:
            return Unknown(f"% formatting raises {type(e).__name__}", value.trace)
    return to_text(value)
