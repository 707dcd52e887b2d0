"""Functions over collections: enumerate, zip, sorted, min, sum, any, map, filter, iter … Fills `builtins.BUILTINS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from ...training_plan.values import SET_ORDER, Absent, Default, Known, Text, Unknown, Value, join
from ..core.joins import demote
from ..core.machine import Machine
from ..core.model_call import ModelCall
from ..core.objects import Arguments, Builtin, Items, Mapping, Object, Opaque, Sequence, object_of
from ..core.operations import describe, freeze, truth
from .builtins import BUILTINS, apply, builtin, charge_copy, open_term
from .operators import binary

if TYPE_CHECKING:
    import libcst as cst


@builtin("enumerate")
def enumerate_(call: ModelCall) -> Value:
    args = call.arguments
    start = args.get(1, "start")
    first = start.value if isinstance(start, Known) and isinstance(start.value, int) else 0
    items = call.machine.iterate(args.positional[0], call.node) if args.positional else Items(())
    from_zero = first == 0 and isinstance(start, (Known, Absent))
    if items.why_incomplete:
        count = Known(Opaque("i" if from_zero else "index"))
        pairs = tuple(Known(Sequence((count, v), "tuple")) for v in items.items)
    else:
        pairs = tuple(Known(Sequence((Known(i + first), v), "tuple")) for i, v in enumerate(items.items))
    made = Sequence(pairs, "generator", items.why_incomplete, items.overridden_by)
    if from_zero:
        made.slots["positions"] = Known(Sequence((Known(None),) * 3, "slice"))
    return Known(made)


@builtin("zip")
def zip_(call: ModelCall) -> Value:
    columns = [call.machine.iterate(v, call.node) for v in call.arguments.positional]
    open_ = next((c.why_incomplete for c in columns if c.why_incomplete), "")
    by = next((c.overridden_by for c in columns if c.overridden_by), "")
    if open_ and any(len(c.items) > 1 for c in columns if c.why_incomplete):
        columns = [Items((merged(c.items),), c.why_incomplete, c.overridden_by) if c.items else c for c in columns]
    elif open_:
        columns = [
            c if c.why_incomplete else Items((merged(c.items),) if c.items else (), c.why_incomplete, c.overridden_by)
            for c in columns
        ]
    rows = tuple(Known(Sequence(row, "tuple")) for row in zip(*[c.items for c in columns]))
    return Known(Sequence(rows, "generator", open_, by))


def merged(values: tuple[Value, ...]) -> Value:
    out = values[0]
    for v in values[1:]:
        out = join(out, v)
    return out


@builtin("reversed")
def reversed_(call: ModelCall) -> Value:
    items = call.machine.iterate(call.arguments.positional[0], call.node)
    return Known(Sequence(items.items[::-1], "generator", items.why_incomplete, items.overridden_by))


@builtin("sorted")
def sorted_(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    source = args.positional[0]
    obj = object_of(source)
    unordered = isinstance(obj, Sequence) and obj.state.why_incomplete == SET_ORDER
    items = obj.state._replace(why_incomplete="") if unordered else m.iterate(source, call.node)
    ordered = sort(m, items, args, call.node)
    if ordered is not None:
        return Known(Sequence(ordered.items, "list", "", ordered.overridden_by))
    source = source if isinstance(obj, Opaque) or not isinstance(source, Known) else as_read(items)
    inner = source if isinstance(obj, Opaque) else Known(Opaque(describe(source), "op", (source,)))
    key = "".join(f", {name}={describe(args.keywords[name])}" for name in ("key", "reverse") if name in args.keywords)
    m.may_raise_count += 1
    if isinstance(source, Unknown):
        return source
    return Known(Opaque(f"sorted({describe(inner)}{key})", "call", (source, *args.keywords.values())), source.trace)


def sort(m: Machine, items: Items, args: Arguments, node: cst.CSTNode | None) -> Items | None:
    """Return the elements in order, or None if only the run decides the order."""
    if items.why_incomplete:
        return None
    key = args.get(None, "key")
    keys = (
        [m.call(key, Arguments([v]), node) for v in items.items]
        if not isinstance(key, Absent) and not (isinstance(key, Known) and key.value is None)
        else list(items.items)
    )
    frozen = [freeze(k) for k in keys]
    plain = [k.value for k in frozen if isinstance(k, (Known, Default)) and not isinstance(k.value, Object)]
    if len(plain) < len(frozen):
        return None
    reverse = args.get(None, "reverse")
    if not isinstance(reverse, (Absent, Known)):
        return None
    try:
        order = sorted(
            range(len(plain)), key=lambda i: plain[i], reverse=bool(isinstance(reverse, Known) and reverse.value)
        )
    except TypeError:
        return None
    by = next((k.overridden_by for k in frozen if isinstance(k, Default)), "") if len(plain) > 1 else ""
    return Items(tuple(items.items[i] for i in order), "", items.overridden_by or by)


def as_read(items: Items) -> Value:
    """Return the iterated value for a term: a generator is empty after it was read."""
    return Known(Sequence(items.items, "list", items.why_incomplete, items.overridden_by))


def extreme(name: str, pick: Callable[..., Any]) -> None:
    def run(call: ModelCall) -> Value:
        m, args = call.machine, call.arguments
        items = m.iterate(args.positional[0], call.node) if len(args.positional) == 1 else Items(tuple(args.positional))
        if not items.items and not items.why_incomplete:
            default = args.get(None, "default")
            if isinstance(default, Absent):
                m.certainly_raises("ValueError")
            return default if not isinstance(default, Absent) else Unknown(f"{name}() of nothing")
        if "key" in args.keywords:
            by_key = {"key": args.keywords["key"], "reverse": Known(name == "max")}  # the first of equals comes first
            ordered = sort(m, items, Arguments([], by_key), call.node)
            if ordered is not None:
                first = ordered.items[0]
                return demote(first, ordered.overridden_by) if ordered.overridden_by else first
            return open_term(
                m,
                name,
                as_read(items),
                Known(Opaque(f"key={describe(args.keywords['key'])}", "keyword", (args.keywords["key"],))),
            )
        if items.why_incomplete:
            return open_term(m, name, as_read(items))
        return apply(m, name, lambda *xs: pick(xs), *items.items)

    BUILTINS[name] = Known(Builtin(name, run))


extreme("min", min)
extreme("max", max)


@builtin("sum")
def sum_(call: ModelCall) -> Value:
    items = call.machine.iterate(call.arguments.positional[0], call.node)
    total = call.arguments.get(1, "start")
    total = total if not isinstance(total, Absent) else Known(0)
    if items.why_incomplete:
        return open_term(call.machine, "sum", as_read(items))
    for v in items.items:
        charge_copy(call.machine, total, v)
        total = binary("+", total, v)
    return demote(total, items.overridden_by) if items.overridden_by else total


def quantifier(name: str, stop: bool) -> None:
    def run(call: ModelCall) -> Value:
        items = call.machine.iterate(call.arguments.positional[0], call.node)
        verdicts = [truth(v) for v in items.items]
        if not items.why_incomplete and any(t is stop and not by for t, by in verdicts):
            return Known(stop)
        if items.why_incomplete or any(t is None for t, _ in verdicts):
            return open_term(call.machine, name, as_read(items))
        by = items.overridden_by or next((by for _, by in verdicts if by), "")
        result = any(t for t, _ in verdicts) if stop else all(t for t, _ in verdicts)
        return Default(result, by) if by else Known(result)

    BUILTINS[name] = Known(Builtin(name, run))


quantifier("any", True)
quantifier("all", False)


@builtin("map")
def map_(call: ModelCall) -> Value:
    m = call.machine
    columns = [m.iterate(v, call.node) for v in call.arguments.positional[1:]]
    if not columns or len(columns) > 1 and any(c.why_incomplete for c in columns):
        return Unknown("map() over collections whose lengths are known only at run time")
    mark = m.mark()
    made = Sequence(
        tuple(
            m.call(call.arguments.positional[0], Arguments(list(row)), call.node)
            for row in zip(*[c.items for c in columns])
        ),
        "generator",
        columns[0].why_incomplete,
        columns[0].overridden_by,
    )
    made.lazy = True
    m.deferred(mark, "map()")
    return Known(made)


@builtin("filter")
def filter_(call: ModelCall) -> Value:
    args = call.arguments
    items = call.machine.iterate(args.positional[1], call.node)
    kept, open_, overridden_by = [], items.why_incomplete, items.overridden_by
    for v in items.items:
        t, by = truth(
            v
            if isinstance(args.positional[0], Known) and args.positional[0].value is None
            else call.machine.call(args.positional[0], Arguments([v]), call.node)
        )
        if t is None:
            open_ = open_ or "filtered by a condition known only at run time"
        overridden_by = overridden_by or by
        if t is not False:
            kept.append(v)
    return Known(Sequence(tuple(kept), "generator", open_, overridden_by))


@builtin("iter")
def iter_(call: ModelCall) -> Value:
    args = call.arguments
    obj = object_of(args.get(0))
    if isinstance(obj, (Sequence, Mapping)) and not (isinstance(obj, Sequence) and obj.kind == "generator"):
        items = call.machine.iterate(args.get(0), call.node)
        made = Sequence(items.items, "generator", items.why_incomplete, items.overridden_by)
        if isinstance(obj, Sequence) and obj.kind == "list":
            made.source, made.slots["position"] = obj, 0
        return Known(made)
    return args.positional[0] if args.positional else Unknown("iter() without an argument")


def exhausted(m: Machine) -> Value:
    m.certainly_raises("StopIteration")
    return Unknown("next() of nothing")


@builtin("next")
def next_(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    source = args.positional[0]
    obj = object_of(source)
    if isinstance(obj, Opaque):
        return open_term(m, "next", source)
    if isinstance(obj, Sequence) and obj.source is not None and not obj.source.state.why_incomplete:
        position = obj.slots["position"]
        if not isinstance(position, int):
            return Unknown("how far the iterator was read is known only at run time")
        if position < len(obj.source.state.items):
            m.write(obj, "position", position + 1)
            following: Value = obj.source.state.items[position]
            return following
        return args.positional[1] if len(args.positional) > 1 else exhausted(m)
    items = m.iterate(source, call.node)
    if items.why_incomplete:
        return (
            items.items[0]
            if len(items.items) == 1 and isinstance(items.items[0], Text)
            else Unknown(items.why_incomplete)
        )
    if isinstance(obj, Sequence) and items.items:
        m.write(obj, "state", Items(items.items[1:], "", items.overridden_by))
        found: Value = items.items[0]
        return found
    return args.positional[1] if len(args.positional) > 1 else exhausted(m)
