"""Methods of str, on strings with and without holes. Fills `builtins.METHODS`."""

from __future__ import annotations

import re
import string as string_module
from typing import TYPE_CHECKING, Any

from ...training_plan.values import Default, Either, Known, Text, Unknown, Value, is_optional, traced
from ..core import sizes
from ..core.joins import demote
from ..core.machine import Machine
from ..core.model_call import ModelCall
from ..core.objects import Opaque
from ..core.operations import describe, freeze, is_scalar, lift, term_of
from .builtins import METHODS, apply, method, method_name
from .texts import concatenate, to_text
from .variables import settled

if TYPE_CHECKING:
    import libcst as cst

PRICE_OF_FIELD = 12  # of filling one placeholder, as `Machine.spend` counts


def string_method(name: str) -> None:
    real = getattr(str, name)

    def run(call: ModelCall) -> Value:
        receiver, args = call.receiver, call.arguments
        if isinstance(receiver, Text):
            return Known(
                Opaque(
                    f"{describe(receiver)}.{name}({', '.join(describe(a) for a in args.positional)})",
                    "call",
                    (receiver, *args.positional),
                    kind="str",
                ),
                receiver.trace,
            )
        return apply(
            call.machine,
            f"{describe(receiver)}.{name}",
            lambda s, *a: real(s, *a),
            receiver,
            *args.positional,
            *args.keywords.values(),
        )

    METHODS["str", name] = run


for _name in [n for n in dir(str) if not n.startswith("_")]:
    string_method(_name)


@method("str", "join")
def join_text(call: ModelCall) -> Value:
    receiver = call.receiver
    items = call.machine.iterate(call.arguments.get(0), call.node)
    if items.why_incomplete:
        if len(items.items) == 1 and isinstance(items.items[0], (Text, Known)):
            return Text(
                (
                    Unknown(
                        f"{describe(receiver)}.join of {items.why_incomplete}", (), [freeze(v) for v in items.items]
                    ),
                ),
                receiver.trace,
            )
        return Text((Unknown(f"joined: {items.why_incomplete}", (), [freeze(v) for v in items.items]),), receiver.trace)
    parts: list[Value] = []
    for i, v in enumerate(items.items):
        if i:
            parts.append(receiver)
        parts.append(v)
    out = concatenate(parts)
    return demote(out, items.overridden_by) if items.overridden_by else out


@method("str", "format")
def format_text(call: ModelCall) -> Value:
    args = call.arguments
    filled = lift(
        lambda r: fill(call.machine, r, args.positional, args.keywords, args.unknown, call.node), call.receiver
    )
    return _through(filled, call)


@method("str", "format_map")
def format_map(call: ModelCall) -> Value:
    state = call.machine.mapping(call.arguments.get(0), call.node)
    filled = lift(lambda r: fill(call.machine, r, [], state.items, state.why_incomplete, call.node), call.receiver)
    return _through(filled, call)


def _through(filled: Value, call: ModelCall) -> Value:
    """Return a text that comes from its template through the call, not from what happens to fill it first."""
    place = call.arguments.place
    trace = (*call.receiver.trace, place) if place is not None else call.receiver.trace
    return lift(lambda v: traced(v, trace) if isinstance(v, Text) else v, filled)


def fill(
    m: Machine,
    template: Value,
    positional: list[Value],
    keywords: dict[Any, Value],
    unknown: str,
    node: cst.CSTNode | None,
) -> Value:
    """Return `template.format(…)`, filled part by part."""
    if isinstance(template, Text):
        return concatenate(
            [
                fill(m, Known(p), positional, keywords, unknown, node) if isinstance(p, str) else p
                for p in template.parts
            ]
        )
    if not isinstance(template, Known) or not isinstance(template.value, str):
        return Unknown(f"format of {describe(template)}")
    parts: list[Value] = []
    counter = made = 0
    try:
        for text, field, spec, conversion in string_module.Formatter().parse(template.value):
            m.spend(PRICE_OF_FIELD)
            if made > sizes.MAX_TEXT:
                return Unknown("a very long text", template.trace)
            parts.append(Known(text))
            if field is None:
                continue
            first = re.split(r"[.\[]", field, maxsplit=1)[0]
            path = field[len(first) :]
            if first == "":
                first, counter = str(counter), counter + 1
            value = argument(m, first, positional, keywords, unknown)
            if value is None:
                value = Unknown(unknown or f"the placeholder {{{field}}} is not filled")
            value = part_at(m, value, path, node)
            if spec and "{" in spec:  # a width that is itself an argument
                parts.append(Text((value,), value.trace))
                continue
            parts.append(to_text(value, conversion or "", spec or ""))
            if isinstance(last := parts[-1], Known) and isinstance(last.value, str):
                made += len(last.value)
    except ValueError as e:
        return Unknown(f"format raises ValueError: {e}")
    out = concatenate(parts)
    return traced(out, out.trace or template.trace)


def argument(m: Machine, name: str, positional: list[Value], keywords: dict[Any, Value], unknown: str) -> Value | None:
    """Return the argument of `format` that a placeholder names or numbers, or None if there is none."""
    if name.isdigit():
        value, error = positional[int(name)] if int(name) < len(positional) else None, "IndexError"
    else:
        value, error = keywords.get(name), "KeyError"
    if value is not None and is_optional(value):
        m.may_raise(error)
        return settled(value, repr(name))
    if value is None and unknown:  # the run may have it all the same
        m.may_raise(error)
    elif value is None:
        m.certainly_raises(error)
    return value


def part_at(m: Machine, value: Value, path: str, node: cst.CSTNode | None) -> Value:
    """Return the part of a value at a path of attributes and items, as in `{row.name}` and `{row[name]}`."""
    for dot, name in re.findall(r"\.(\w+)|\[([^\[\]]+)\]", path):
        if dot:
            value = m.attribute(value, dot, node)
        else:
            value = m.item(value, Known(int(name) if name.isdigit() else name), node)
    return value


def edge(name: str) -> None:
    """Model strip and similar methods: on a text with holes they change only the literal ends."""

    def run(call: ModelCall) -> Value:
        receiver = call.receiver
        if not isinstance(receiver, Text):
            return apply(
                call.machine,
                f"{describe(receiver)}.{name}",
                lambda s, *a: getattr(s, name)(*a),
                receiver,
                *call.arguments.positional,
            )
        chars = call.arguments.get(0)
        given = [chars.value] if isinstance(chars, Known) else []
        parts = list(receiver.parts)
        if name in ("strip", "lstrip") and parts and isinstance(parts[0], str):
            parts[0] = parts[0].lstrip(*given)
        if name in ("strip", "rstrip") and parts and isinstance(parts[-1], str):
            parts[-1] = parts[-1].rstrip(*given)
        return Text(tuple(p for p in parts if p != ""), receiver.trace, receiver.overridden_by)

    METHODS["str", name] = run


for _name in ("strip", "lstrip", "rstrip"):
    edge(_name)


@method("str", "replace")
def replace_text(call: ModelCall) -> Value:
    receiver, args = call.receiver, call.arguments
    old, new = args.get(0), args.get(1)
    if (
        isinstance(receiver, Known)
        and isinstance(receiver.value, str)
        and isinstance(old, Known)
        and isinstance(old.value, str)
        and not is_scalar(new)
        and not isinstance(new, (Default, Either))
    ):
        parts: list[Value] = []
        for i, piece in enumerate(receiver.value.split(old.value) if old.value else [receiver.value]):
            if i:
                parts.append(new)
            parts.append(Known(piece))
        return concatenate(parts)
    if isinstance(receiver, Text) and isinstance(old, Known) and isinstance(old.value, str):
        pieces = [
            replace_text(ModelCall(call.machine, args, call.node, receiver=Known(p))) if isinstance(p, str) else p
            for p in receiver.parts
        ]
        return concatenate(pieces)
    return apply(call.machine, f"{describe(receiver)}.replace", lambda s, *a: s.replace(*a), receiver, *args.positional)


@method("str", "endswith", "startswith")
def ends(call: ModelCall) -> Value:
    receiver = call.receiver
    name = method_name(call.node) or "endswith"
    if isinstance(receiver, Text):
        probe = call.arguments.get(0)
        edge_part = receiver.parts[-1 if name == "endswith" else 0]
        if (
            isinstance(edge_part, str)
            and isinstance(probe, Known)
            and isinstance(probe.value, str)
            and len(edge_part) >= len(probe.value)
        ):
            return Known(getattr(edge_part, name)(probe.value))
        return term_of(name, receiver, probe)
    return apply(
        call.machine,
        f"{describe(receiver)}.{name}",
        lambda s, *a: getattr(s, name)(*a),
        receiver,
        *call.arguments.positional,
    )


@method("int float", "is_integer", "bit_length", "as_integer_ratio")
def number_method(call: ModelCall) -> Value:
    return apply(call.machine, "number method", lambda x: getattr(x, method_name(call.node))(), call.receiver)


@method("bytes", "decode")
def decode(call: ModelCall) -> Value:
    return apply(call.machine, "decode", lambda b, *a: b.decode(*a), call.receiver, *call.arguments.positional)
