"""Models of itertools, collections and progress bars: values made by iteration over other values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from ....training_plan.values import Absent, Known, Unknown, Value, join
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import plain_key
from ...python.operators import equal
from ...python.overlays import overlaid

MAX_PRODUCT = 400


def rows(m: Machine, columns: list[Items], combined: Iterable[tuple[Value, ...]]) -> Value:
    """Return tuples of elements, open if a column is open; of too many one that stands for all."""
    open_ = next((c.why_incomplete for c in columns if c.why_incomplete), "")
    by = next((c.overridden_by for c in columns if c.overridden_by), "")
    made = tuple(Known(Sequence(tuple(row), "tuple")) for row in itertools.islice(combined, MAX_PRODUCT + 1))
    if len(made) > MAX_PRODUCT:
        why = f"more than {MAX_PRODUCT} combinations"
        each = columns if len(columns) > 1 else columns * len(made[0].value.state.items)
        any_row = Sequence(tuple(one_of(column, f"one of {why}") for column in each), "tuple")
        return Known(Sequence((Known(any_row),), "list", why, by))
    return Known(Sequence(made, "list", open_, by))


def one_of(column: Items, why: str) -> Value:
    """Return what is known of any element of a column."""
    element: Value = column.items[0]
    for other in column.items[1:]:
        element = join(element, other)
        if isinstance(element, Unknown):
            return Unknown(why)
    return element


@model("itertools.product")
def product(call: ModelCall) -> Value:
    repeat = call.arguments.get(None, "repeat")
    times = 1 if isinstance(repeat, Absent) else plain(repeat)
    if not isinstance(times, int) or times > 4:
        return Unknown("a product whose number of factors is known only at run time")
    columns = [call.machine.iterate(v, call.node) for v in call.arguments.positional] * times
    return rows(call.machine, columns, itertools.product(*(c.items for c in columns)))


@model("itertools.combinations", "itertools.permutations", "itertools.combinations_with_replacement")
def combinations(call: ModelCall) -> Value:
    items, size = call.machine.iterate(call.arguments.get(0, "iterable"), call.node), plain(call.arguments.get(1, "r"))
    if not isinstance(size, int):
        return Unknown("combinations whose size is known only at run time")
    return rows(call.machine, [items], getattr(itertools, call.callee.rsplit(".", 1)[-1])(items.items, size))


@model("itertools.zip_longest")
def zip_longest(call: ModelCall) -> Value:
    columns = [call.machine.iterate(v, call.node) for v in call.arguments.positional]
    fill = call.arguments.get(None, "fillvalue")
    filled = fill if not isinstance(fill, Absent) else Known(None)
    if any(c.why_incomplete for c in columns):
        return Unknown("columns whose lengths are known only at run time")
    return rows(
        call.machine,
        [c._replace(items=(*c.items, filled)) for c in columns],
        itertools.zip_longest(*(c.items for c in columns), fillvalue=filled),
    )


@model("itertools.chain.from_iterable")
def chained(call: ModelCall) -> Value:
    outer = call.machine.iterate(call.arguments.get(0), call.node)
    parts = [call.machine.iterate(v, call.node) for v in outer.items]
    open_ = outer.why_incomplete or next((p.why_incomplete for p in parts if p.why_incomplete), "")
    return Known(
        Sequence(
            tuple(x for p in parts for x in p.items),
            "list",
            open_,
            outer.overridden_by or next((p.overridden_by for p in parts if p.overridden_by), ""),
        )
    )


@model("itertools.islice")
def islice(call: ModelCall) -> Value:
    items = call.machine.iterate(call.arguments.get(0), call.node)
    limits: list[Any] = [v.value if isinstance(v, Known) else ... for v in call.arguments.positional[1:]]
    if items.why_incomplete or any(not (x is None or isinstance(x, int)) for x in limits) or not limits:
        return Known(
            Sequence(
                items.items,
                "list",
                items.why_incomplete or "a slice whose length is known only at run time",
                items.overridden_by,
            )
        )
    return Known(Sequence(tuple(itertools.islice(items.items, *limits)), "list", "", items.overridden_by))


@model("itertools.repeat")
def repeat_(call: ModelCall) -> Value:
    args = call.arguments
    times = plain(args.get(1, "times"))
    return (
        Known(Sequence((args.get(0),) * times, "list"))
        if isinstance(times, int) and times <= MAX_PRODUCT
        else Known(Sequence((args.get(0),), "list", "repeated endlessly"))
    )


@model(
    "tqdm.tqdm",
    "tqdm.auto.tqdm",
    "tqdm.notebook.tqdm",
    "tqdm.rich.tqdm",
    "tqdm.std.tqdm",
    "rich.progress.track",
    "alive_progress.alive_it",
    "tqdm.asyncio.tqdm",
    "tqdm.contrib.tenumerate",
)
def progress(call: ModelCall) -> Value | None:
    """Return the elements of a collection behind a progress bar."""
    given = call.arguments.get(0, "iterable", "sequence")
    if isinstance(given, Absent) or call.callee.endswith("tenumerate"):
        return None
    return given if not isinstance(given, Known) or given.value is not None else None


@model("tqdm.trange", "tqdm.auto.trange", "tqdm.notebook.trange")
def progress_range(call: ModelCall) -> Value:
    from ...python.builtins import BUILTINS

    return call.machine.call(BUILTINS["range"], Arguments(call.arguments.positional), call.node)


@model("collections.ChainMap")
def chain_map(call: ModelCall) -> Value:
    """Return the mappings merged, with the first one's value for a key. Later changes of the parts are not followed."""
    out = Items({})
    for value in reversed(call.arguments.positional):
        out = overlaid(call.machine, out, value, call.node)
    return Known(Mapping(dict(out.items), out.why_incomplete, "dict", out.overridden_by))


@model("collections.Counter")
def counter(call: ModelCall) -> Value:
    args = call.arguments
    source = args.get(0, "iterable")
    if isinstance(source, Absent):
        return Known(Mapping({k: v for k, v in args.keywords.items()}, args.unknown))
    obj = object_of(source)
    if isinstance(obj, Mapping):
        state = call.machine.mapping(source, call.node)
        return Known(Mapping(dict(state.items), state.why_incomplete, "dict", state.overridden_by))
    items = call.machine.iterate(source, call.node)
    if items.why_incomplete or isinstance(obj, Opaque):
        return Known(Mapping({}, items.why_incomplete or "counts known only at run time"))
    counts: dict[Any, int] = {}
    for v in items.items:
        key = plain_key(v)
        if key is None or any(equal(v, Known(k)) is None for k in counts):
            return Known(Mapping({}, "counts of values known only at run time"))
        counts[key[0]] = counts.get(key[0], 0) + 1
    return Known(Mapping({k: Known(n) for k, n in counts.items()}, "", "dict", items.overridden_by))
