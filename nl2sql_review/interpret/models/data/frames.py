"""Model of pandas for training texts: a frame is a dataset whose columns are written and read by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Known, Unknown, Value, join
from ...core.datasets import Dataset, Row
from ...core.library import iteration_model, method_model, model, record, record_call
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, ItemKey, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe, item_term
from . import written
from .datasets import cell, registered
from .series import MANY, SERIES, column

if TYPE_CHECKING:
    import libcst as cst

    from ...core.recording import Call

KIND = "pandas.DataFrame"
DROPPING = ("sample", "head", "tail", "dropna", "drop_duplicates", "query", "drop", "loc", "iloc")


def frame(m: Machine, text: str, call: Call, columns: dict[str, Value], open: bool = True) -> Dataset:
    new = Dataset(text, call, columns, open)
    new.kind = KIND
    call.result = registered(m, new)
    return new


@model(
    "pandas.read_csv",
    "pandas.read_json",
    "pandas.read_parquet",
    "pandas.read_excel",
    "pandas.read_pickle",
    "pandas.read_table",
    "pandas.read_sql",
)
def read(call: ModelCall) -> Value:
    recorded = record_call(call)
    shown = f"{call.callee}({', '.join(describe(a, 40) for a in call.arguments.positional[:1])})"
    path = call.arguments.get(0, "path_or_buf", "filepath_or_buffer", "path")
    made = frame(call.machine, shown, recorded, {})
    written.fill(call.machine, made, path)
    return Known(made, (recorded.place,))


@model("pandas.DataFrame", "pandas.DataFrame.from_records", "pandas.DataFrame.from_dict")
def build(call: ModelCall) -> Value:
    """Make a frame from a dict of lists or from a list of dicts."""
    m = call.machine
    recorded = record_call(call)
    data = call.arguments.get(0, "data")
    columns: dict[str, Value] = {}
    open_ = True
    if isinstance(object_of(data), Mapping):
        state = m.mapping(data, call.node)
        columns, open_ = (
            {k: cell(v, True) for k, v in state.items.items() if isinstance(k, str)},
            bool(state.why_incomplete),
        )
    elif isinstance(object_of(data), Sequence):
        rows = [m.mapping(r, call.node) for r in object_of(data).state.items[:20] if isinstance(object_of(r), Mapping)]
        for row in rows:
            for k, v in row.items.items():
                columns[k] = join(columns[k], v) if k in columns else v
        open_ = not rows or any(r.why_incomplete for r in rows)
    return Known(frame(m, f"{call.callee}(…)", recorded, columns, open_), (recorded.place,))


def columns_of(df: Dataset) -> dict[str, Value]:
    """Return the columns the frame was made with, and those the script wrote since."""
    written = {k.key: v for k, v in df.slots.items() if isinstance(k, ItemKey) and isinstance(k.key, str)}
    return {**df.columns, **{k: cell(v, True) for k, v in written.items()}}


def derived(
    m: Machine,
    receiver: Value,
    args: Arguments,
    node: cst.CSTNode | None,
    callee: str,
    columns: dict[str, Value] | None = None,
) -> Value:
    old: Dataset = object_of(receiver)
    call = record(m, callee, args, node, receiver)
    new = frame(
        m, f"{old.text}.{callee.rsplit('.', 1)[-1]}(…)", call, columns_of(old) if columns is None else columns, old.open
    )
    new.sources, new.parts, new.mixed, new.steps = old.sources, old.parts, old.mixed, (*old.steps, call)
    new.filters = old.filters
    if callee.rsplit(".", 1)[-1] in DROPPING:
        new.filters = (*new.filters, Unknown(f"{callee.rsplit('.', 1)[-1]} drops rows", (call.place,)))
    return Known(new, receiver.trace)


@method_model(
    KIND,
    "sample",
    "head",
    "tail",
    "dropna",
    "fillna",
    "drop_duplicates",
    "reset_index",
    "copy",
    "query",
    "drop",
    "sort_values",
    "astype",
    "loc",
    "iloc",
)
def same(call: ModelCall) -> Value:
    return derived(call.machine, call.receiver, call.arguments, call.node, call.callee)


@method_model(KIND, "assign")
def assign(call: ModelCall) -> Value:
    old: Dataset = call.owner
    new = {
        k: cell(
            call.machine.call(v, Arguments([call.receiver]), call.node) if hasattr(object_of(v), "node") else v, True
        )
        for k, v in call.arguments.keywords.items()
    }
    return derived(call.machine, call.receiver, call.arguments, call.node, call.callee, {**columns_of(old), **new})


@method_model(KIND, "rename")
def rename(call: ModelCall) -> Value:
    args = call.arguments
    columns = columns_of(call.owner)
    pairs = call.machine.mapping(args.get(None, "columns"), call.node).items if "columns" in args.keywords else {}
    for before, after in pairs.items():
        if isinstance(before, str) and isinstance(plain(after), str):
            columns[plain(after)] = columns.pop(before, item_term(Known(Row("row", call.owner, False)), Known(before)))
    return derived(call.machine, call.receiver, args, call.node, call.callee, columns)


@method_model(KIND, "__getitem__")
def item(call: ModelCall) -> Value:
    df: Dataset = call.owner
    key = call.arguments.get(0)
    name = plain(key)
    if isinstance(listed := object_of(key), Sequence) and listed.kind != SERIES:
        return call.receiver  # a list of columns
    if not isinstance(name, str):  # a mask
        kept = Dataset(df.text, df.call, columns_of(df), df.open)
        kept.kind = KIND
        kept.sources, kept.parts, kept.mixed, kept.steps = df.sources, df.parts, df.mixed, df.steps
        why = f"{describe(key)} decides which rows are kept"
        kept.filters = (*df.filters, Unknown(why, call.receiver.trace))
        return Known(kept, call.receiver.trace)
    value = columns_of(df).get(name)
    return column(value if value is not None else item_term(Known(Row("row", df, False)), call.arguments.get(0)))


@method_model(KIND, "apply")
def apply(call: ModelCall) -> Value:
    """Model `df.apply(f, axis=1, **kwargs)`: f on each row; along the other axis nothing is known."""
    m, args = call.machine, call.arguments
    df: Dataset = call.owner
    record_call(call)
    if plain(args.get(1, "axis")) not in (1, "columns"):
        return Known(Opaque(f"{df.text}.apply(…)", "call", ()))
    extra = {k: v for k, v in args.keywords.items() if k not in ("func", "axis", "raw", "result_type", "args")}
    more = m.iterate(args.keywords["args"], call.node).items if "args" in args.keywords else ()
    out = m.call(args.get(0, "func"), Arguments([Known(row_of(df)), *more], extra, args.place), call.node)
    return Known(Sequence((out,), "list", MANY))


def row_of(df: Dataset) -> Row:
    whole = Dataset(df.text, None, columns_of(df), df.open)
    whole.sources, whole.mixed, whole.parts, whole.steps = df.sources, df.mixed, df.parts, df.steps
    return Row("row", whole, False)


@method_model(KIND, "iterrows")
def iterrows(call: ModelCall) -> Value:
    pair = Known(Sequence((Known(Opaque("index")), Known(row_of(call.owner))), "tuple"))
    return Known(Sequence((pair,), "list", MANY))


@method_model(KIND, "itertuples", "to_records")
def itertuples(call: ModelCall) -> Value:
    return Known(Sequence((Known(row_of(call.owner)),), "list", MANY))


@method_model(KIND, "to_dict")
def to_dict(call: ModelCall) -> Value:
    if plain(call.arguments.get(0, "orient")) in ("records", "record"):
        return itertuples(call)
    return Known(Mapping(dict(columns_of(call.owner)), "the columns of a frame"))


@iteration_model(KIND)
def iterate(call: ModelCall) -> Items:
    return Items(tuple(Known(k) for k in columns_of(call.owner)), "the columns of a frame")


@model("pandas.concat")
def concat(call: ModelCall) -> Value:
    m = call.machine
    recorded = record_call(call)
    parts = [
        p for v in m.iterate(call.arguments.get(0, "objs"), call.node).items if isinstance(p := object_of(v), Dataset)
    ]
    columns: dict[str, Value] = {}
    for p in parts:
        for k, v in columns_of(p).items():
            columns[k] = join(columns[k], v) if k in columns else v
    new = frame(m, "pandas.concat(…)", recorded, columns)
    new.sources = tuple({id(s): s for p in parts for s in p.sources}.values())
    new.parts = tuple(parts)
    if len(parts) > 1:
        new.mixed = recorded
    return Known(new, (recorded.place,))


@method_model("datasets.Dataset", "to_pandas")
def to_pandas(call: ModelCall) -> Value | None:
    old: Dataset = call.owner
    if old.splits or "batched" in call.arguments.keywords:  # splits have no such method; batches are no frame
        return None
    recorded = record(call.machine, call.callee, call.arguments, call.node, call.receiver)
    new = frame(call.machine, f"{old.text}.to_pandas()", recorded, dict(old.columns), old.open)
    new.sources, new.parts, new.mixed, new.steps = old.sources, old.parts, old.mixed, (*old.steps, recorded)
    new.filters = old.filters
    return Known(new, call.receiver.trace)


@model("datasets.Dataset.from_pandas")
def from_pandas(call: ModelCall) -> Value:
    recorded = record_call(call)
    df = object_of(call.arguments.get(0, "df"))
    new = Dataset(f"{call.callee}(…)", recorded)
    if isinstance(df, Dataset):
        new.columns, new.open = columns_of(df), df.open
        new.sources, new.mixed, new.parts, new.steps = df.sources, df.mixed, df.parts, df.steps
        new.filters = df.filters
    recorded.result = registered(call.machine, new)
    return Known(new, (recorded.place,))
