"""itertools, collections and progress bars: what is made by going through something else."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.objects import Arguments, Items, Mapping, Opaque, Sequence, object_of, plain
from ...python.displays import plain_key
from ...python.operators import equal

if TYPE_CHECKING:
    import libcst as cst

MAX_PRODUCT = 400


def rows(m: Machine, columns: list[Items], combined: Any) -> Value:
    """Tuples of elements, open where a column is."""
    open_ = next((c.open for c in columns if c.open), "")
    by = next((c.by for c in columns if c.by), "")
    made = tuple(Known(Sequence(tuple(row), "tuple")) for row in itertools.islice(combined, MAX_PRODUCT + 1))
    if len(made) > MAX_PRODUCT:
        return Known(Sequence(made[:1], "list", f"more than {MAX_PRODUCT} combinations", by))
    return Known(Sequence(made, "list", open_, by))


@model("itertools.product")
def product(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    repeat = args.get(None, "repeat")
    times = 1 if isinstance(repeat, Absent) else plain(repeat)
    if not isinstance(times, int) or times > 4:
        return Unknown("a product of as many factors as only the run knows")
    columns = [m.iterate(v, node) for v in args.positional] * times
    return rows(m, columns, itertools.product(*(c.items for c in columns)))


@model("itertools.combinations", "itertools.permutations", "itertools.combinations_with_replacement")
def combinations(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    items, size = m.iterate(args.get(0, "iterable"), node), plain(args.get(1, "r"))
    if not isinstance(size, int):
        return Unknown("combinations of a size only the run knows")
    return rows(m, [items], getattr(itertools, callee.rsplit(".", 1)[-1])(items.items, size))


@model("itertools.zip_longest")
def zip_longest(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    columns = [m.iterate(v, node) for v in args.positional]
    fill = args.get(None, "fillvalue")
    if any(c.open for c in columns):
        return Unknown("columns whose lengths only the run knows")
    return rows(
        m,
        columns,
        itertools.zip_longest(
            *(c.items for c in columns), fillvalue=fill if not isinstance(fill, Absent) else Known(None)
        ),
    )


@model("itertools.chain.from_iterable")
def chained(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    outer = m.iterate(args.get(0), node)
    parts = [m.iterate(v, node) for v in outer.items]
    open_ = outer.open or next((p.open for p in parts if p.open), "")
    return Known(
        Sequence(
            tuple(x for p in parts for x in p.items), "list", open_, outer.by or next((p.by for p in parts if p.by), "")
        )
    )


@model("itertools.islice")
def islice(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    items, limits = (
        m.iterate(args.get(0), node),
        [v.value if isinstance(v, Known) else ... for v in args.positional[1:]],
    )
    if items.open or any(not (x is None or isinstance(x, int)) for x in limits) or not limits:
        return Known(Sequence(items.items, "list", items.open or "a part whose length only the run knows", items.by))
    return Known(Sequence(tuple(itertools.islice(items.items, *limits)), "list", "", items.by))


@model("itertools.repeat")
def repeat_(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    times = plain(args.get(1, "times"))
    return (
        Known(Sequence((args.get(0),) * times, "list"))
        if isinstance(times, int) and times <= MAX_PRODUCT
        else Known(Sequence((args.get(0),), "list", "repeated without end"))
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
def progress(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value | None:
    """A progress bar over a collection gives its elements."""
    given = args.get(0, "iterable", "sequence")
    if isinstance(given, Absent) or callee.endswith("tenumerate"):
        return None
    return given if not isinstance(given, Known) or given.value is not None else None


@model("tqdm.trange", "tqdm.auto.trange", "tqdm.notebook.trange")
def progress_range(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    from ...python.builtins import BUILTINS

    return m.call(BUILTINS["range"], Arguments(args.positional), node)


@model("collections.ChainMap")
def chain_map(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    """Looked up from the first to the last. Later changes of the parts are not followed."""
    states = [m.mapping(v, node) for v in args.positional]
    out: dict[Any, Value] = {}
    open_ = ""
    for state in states:
        for k, v in state.items.items():
            if k not in out:
                out[k] = Unknown(open_) if open_ else v
        open_ = open_ or state.open
    return Known(Mapping(out, open_, "dict", next((s.by for s in states if s.by), "")))


@model("collections.Counter")
def counter(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    source = args.get(0, "iterable")
    if isinstance(source, Absent):
        return Known(Mapping({k: v for k, v in args.keywords.items()}, args.unknown))
    obj = object_of(source)
    if isinstance(obj, Mapping):
        state = m.mapping(source, node)
        return Known(Mapping(dict(state.items), state.open, "dict", state.by))
    items = m.iterate(source, node)
    if items.open or isinstance(obj, Opaque):
        return Known(Mapping({}, items.open or "counts that only the run knows"))
    counts: dict[Any, int] = {}
    for v in items.items:
        key = plain_key(v)
        if key is None or any(equal(v, Known(k)) is None for k in counts):
            return Known(Mapping({}, "counts of what only the run knows"))
        counts[key[0]] = counts.get(key[0], 0) + 1
    return Known(Mapping({k: Known(n) for k, n in counts.items()}, "", "dict", items.by))
