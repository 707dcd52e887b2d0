"""Model of datasets: the columns of a dataset and the content of their cells, through `map` and similar methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from ....training_plan.values import Absent, Default, Known, Unknown, Value, join
from ...core.library import METHOD_MODELS, iteration_model, method_model, model, record, record_call
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import (
    Arguments,
    Dataset,
    Function,
    Instance,
    ItemKey,
    Items,
    Mapping,
    Object,
    Opaque,
    Row,
    Sequence,
    SlotKey,
    object_of,
    plain,
)
from ...core.operations import describe, freeze, item_term
from ...python.builtins import method
from . import written

if TYPE_CHECKING:
    import libcst as cst

KIND = "datasets.Dataset"
SPLIT_KIND = "datasets.DatasetDict"  # of known splits; a loaded one is a Dataset with `splits`
DEEP = 20  # levels of an expression that are kept of what decides over a row
SAME = (
    "filter select shuffle skip take shard sort flatten with_format set_format cast cast_column to_iterable_dataset "
    "unique flatten_indices repeat with_transform set_transform add_faiss_index reset_format class_encode_column"
).split()
SPLITS = ("train", "test", "validation", "val", "valid", "eval", "dev")


def made(m: Machine, new: Dataset) -> Dataset:
    m.datasets.append(new)
    return new


def derived(
    m: Machine,
    receiver: Value,
    args: Arguments,
    node: cst.CSTNode | None,
    callee: str,
    columns: dict[str, Value] | None = None,
    open: bool | None = None,
) -> Value:
    """Return the dataset after one more step."""
    old: Dataset = object_of(receiver)
    call = record(m, callee, args, node, receiver)
    name = callee.rsplit(".", 1)[-1]
    new = Dataset(
        f"{old.text}.{name}(…)",
        call,
        dict(old.columns) if columns is None else columns,
        old.open if open is None else open,
    )
    new.sources, new.mixed, new.parts, new.splits = old.sources, old.mixed, old.parts, old.splits
    new.steps, new.split, new.filters = (*old.steps, call), old.split, old.filters
    call.result = made(m, new)
    return Known(new, receiver.trace)


def same(call: ModelCall) -> Value:
    m = call.machine
    fn = call.arguments.get(0, "function")
    kept: Value | None = None
    if call.callee.endswith("filter") and not isinstance(fn, Absent):
        with m.supposing("the filter's function"):
            kept = m.call(fn, Arguments([Known(Row("example", call.owner, False))]), call.node)
        if not isinstance(call.arguments.get(None, "batched", "with_indices", "input_columns"), Absent):
            kept = Unknown("a filter that gets more than a row, or batches of rows", call.receiver.trace)
    out = derived(m, call.receiver, call.arguments, call.node, call.callee)
    if kept is not None:
        new: Dataset = object_of(out)
        new.filters = (*new.filters, freeze(kept, DEEP))
    return out


for _name in SAME:
    METHOD_MODELS[KIND, _name] = same


@method_model(KIND, "map")
def map_(call: ModelCall) -> Value:
    m, args, node = call.machine, call.arguments, call.node
    old: Dataset = call.owner
    fn = args.get(0, "function")
    batched = args.get(4, "batched")
    is_batched = isinstance(batched, (Known, Default)) and bool(batched.value)
    columns, open_ = dict(old.columns), old.open
    if plain(args.get(None, "remove_columns")) is not None or not isinstance(args.get(None, "remove_columns"), Absent):
        columns, open_ = removed(m, columns, open_, args.get(None, "remove_columns"), node)
    if not isinstance(fn, Absent) and not (isinstance(fn, Known) and fn.value is None):
        extra = m.mapping(args.get(None, "fn_kwargs"), node).items if "fn_kwargs" in args.keywords else {}
        row = Row(parameter_name(fn), old, is_batched)
        positional: list[Value] = [Known(row)]
        if plain(args.get(1, "with_indices")):
            positional.append(Known(Opaque("index")))
        mark = m.mark()
        out = m.call(fn, Arguments(positional, dict(extra), args.place), node)
        made, more = new_columns(m, out, is_batched, node)
        obj = object_of(out)
        if isinstance(obj, Row):
            columns.update({k.key: cell(v, is_batched) for k, v in obj.slots.items() if is_column(k)})
            if ItemKey(None) in obj.slots:
                why = f"{parameter_name(fn)} is set under a key known only at run time"
                columns, open_ = {name: Unknown(why) for name in columns}, True
        columns.update(made)
        open_ = open_ or bool(more)
        m.join_paths(mark, [m.changes(mark), {}])  # it may run for no row, in another process, or come from a cache
    return derived(m, call.receiver, args, node, call.callee, columns, open_)


def parameter_name(fn: Value) -> str:
    function = object_of(fn)
    positional = function.positional if isinstance(function, Function) else []
    return positional[0].name.value if positional else "example"


def is_column(key: SlotKey) -> TypeGuard[ItemKey]:
    """Return whether a slot of a row holds a column that the script set."""
    return isinstance(key, ItemKey) and isinstance(key.key, str)


def new_columns(m: Machine, out: Value, batched: bool, node: cst.CSTNode | None) -> tuple[dict[str, Value], str]:
    """Return the columns that a mapped function returns, and why there may be others."""
    obj = object_of(out)
    if isinstance(obj, Row):
        return {}, ""
    if isinstance(obj, (Mapping, Instance)):
        state = m.mapping(out, node)
        return {k: cell(v, batched) for k, v in state.items.items() if isinstance(k, str)}, state.why_incomplete
    if isinstance(out, Known) and out.value is None:
        return {}, ""
    if isinstance(obj, Opaque) and obj.callee.endswith(
        ("PreTrainedTokenizer.__call__", "PreTrainedTokenizer.encode_plus", "batch_encode_plus")
    ):
        tokens: dict[str, Value] = {name: item_term(out, Known(name)) for name in ("input_ids", "attention_mask")}
        return {**tokens, **{k.key: v for k, v in obj.slots.items() if is_column(k)}}, ""
    state = m.mapping(out, node)
    return {k: cell(v, batched) for k, v in state.items.items() if isinstance(k, str)}, describe(
        out
    ) if state.why_incomplete else ""


def cell(value: Value, batched: bool) -> Value:
    """Return the content of one cell of a returned column: in a batch, the element of the list."""
    obj = object_of(value)
    if batched and isinstance(obj, Sequence):
        items = obj.state.items
        if not items:
            return Unknown("an empty list")
        out = items[0]
        for v in items[1:]:
            out = join(out, v)
        found: Value = out
        return found
    return value


def removed(
    m: Machine, columns: dict[str, Value], open_: bool, names: Value, node: cst.CSTNode | None
) -> tuple[dict[str, Value], bool]:
    obj = object_of(names)
    if isinstance(obj, Opaque):  # dataset.column_names: all of them
        return {}, False
    wanted = [plain(v) for v in m.iterate(names, node).items] if not isinstance(plain(names), str) else [plain(names)]
    return {k: v for k, v in columns.items() if k not in wanted}, open_


@method_model(KIND, "remove_columns", "select_columns")
def choose(call: ModelCall) -> Value:
    m = call.machine
    old: Dataset = call.owner
    names = call.arguments.get(0, "column_names")
    if call.callee.endswith("remove_columns"):
        columns, open_ = removed(m, old.columns, old.open, names, call.node)
    else:
        wanted = (
            [plain(v) for v in m.iterate(names, call.node).items]
            if not isinstance(plain(names), str)
            else [plain(names)]
        )
        columns, open_ = (
            {
                k: old.columns.get(k, item_term(Known(Opaque("example", "row", (), "row")), Known(k)))
                for k in wanted
                if isinstance(k, str)
            },
            False,
        )
    return derived(m, call.receiver, call.arguments, call.node, call.callee, columns, open_)


@method_model(KIND, "rename_column", "rename_columns")
def rename(call: ModelCall) -> Value:
    args = call.arguments
    old: Dataset = call.owner
    if call.callee.endswith("rename_columns"):
        pairs = {k: plain(v) for k, v in call.machine.mapping(args.get(0, "column_mapping"), call.node).items.items()}
    else:
        pairs = {plain(args.get(0, "original_column_name")): plain(args.get(1, "new_column_name"))}
    columns = dict(old.columns)
    for before, after in pairs.items():
        if isinstance(before, str) and isinstance(after, str):
            row = Known(Opaque("example", "row", (), "row"))
            columns[after] = columns.pop(before, item_term(row, Known(before)))
    return derived(call.machine, call.receiver, args, call.node, call.callee, columns)


@method_model(KIND, "add_column")
def add_column(call: ModelCall) -> Value:
    args = call.arguments
    old: Dataset = call.owner
    name = plain(args.get(0, "name"))
    return derived(
        call.machine,
        call.receiver,
        args,
        call.node,
        call.callee,
        {**old.columns, name: cell(args.get(1, "column"), True)} if isinstance(name, str) else None,
    )


@method_model(KIND, "train_test_split")
def split(call: ModelCall) -> Value:
    out = derived(call.machine, call.receiver, call.arguments, call.node, call.callee)
    object_of(out).splits = True
    return out


@method_model(KIND, "__getitem__")
def item(call: ModelCall) -> Value:
    old: Dataset = call.owner
    key = call.arguments.get(0)
    k = plain(key)
    if isinstance(k, str):
        if old.splits or k in SPLITS or k.startswith(SPLITS):
            new = Dataset(f"{old.text}[{k!r}]", old.call, dict(old.columns), old.open)
            new.sources, new.mixed, new.steps, new.parts = old.sources, old.mixed, old.steps, old.parts
            new.split, new.filters = k, old.filters
            return Known(new, call.receiver.trace)
        value = old.columns.get(k)
        return Known(
            Sequence(
                (value if value is not None else item_term(Known(Row("example", old, False)), key),),
                "list",
                f"the rows of {old.text}",
            )
        )
    if isinstance(k, int):
        return Known(Row("example", old, False))
    return Known(Row("batch", old, True))


@method_model(KIND, "get")
def split_if_any(call: ModelCall) -> Value | None:
    """`splits.get("train", splits)`: the split, or else the default."""
    name, otherwise = call.arguments.get(0, "key"), call.arguments.get(1, "default")
    if not isinstance(plain(name), str):
        return None
    default = Known(None) if isinstance(otherwise, Absent) else otherwise
    return join(item(call), default, f"{plain(name)!r} in {call.owner.text}")


@iteration_model(KIND)
def iterate(call: ModelCall) -> Items:
    old: Dataset = call.owner
    if old.splits:
        return Items((Known("train"), Known("test")), f"the splits of {old.text}")
    return Items((Known(Row("example", old, False)),), f"how many rows {old.text} has is known only at run time")


@method_model(KIND, "to_list")
def to_list(call: ModelCall) -> Value:
    state = iterate(call)
    return Known(Sequence(state.items, "list", state.why_incomplete))


# -- rows ------------------------------------------------------------------------------------------------
def set_in(row: Object, key: Value) -> Value | None:
    """Return the value that the script set under a key of a row, None if it set none; unknown if keys are unknown."""
    names = [k.key for k in row.slots if isinstance(k, ItemKey)]
    name = plain(key) if isinstance(key, Known) else None
    if name is not None and name in names:
        found: Value = row.slots[ItemKey(name)]
        return found
    if names and (name is None or None in names):
        return Unknown(f"the script sets items under keys known only at run time, or reads {describe(key)}")
    return None


@method_model("row", "__getitem__")
def cell_of_row(call: ModelCall) -> Value:
    row, key = call.owner, call.arguments.get(0)
    k = plain(key)
    own = set_in(row, key)
    if own is not None:
        return own
    known = (
        row.dataset.columns.get(k) if isinstance(row, Row) and row.dataset is not None and isinstance(k, str) else None
    )
    term = known if known is not None else item_term(call.receiver, key)
    if isinstance(row, Row) and row.batched:
        return Known(
            Sequence((term,), "list", "how many rows a batch has is known only at run time"), call.receiver.trace
        )
    return term


@iteration_model("row")
def iterate_row(call: ModelCall) -> Items:
    row = call.owner
    return Items(
        tuple(Known(k) for k in row.dataset.columns) if row.dataset is not None else (), "the columns of a row"
    )


@method_model("row", "get")
def get_of_row(call: ModelCall) -> Value:
    receiver, args = call.receiver, call.arguments
    row, key = object_of(receiver), args.get(0)
    k = plain(key)
    own = set_in(row, key)
    if own is not None:
        return own
    known = (
        row.dataset.columns.get(k) if isinstance(row, Row) and row.dataset is not None and isinstance(k, str) else None
    )
    inner = ", ".join(describe(a) for a in args.positional)
    term = (
        known
        if known is not None
        else Known(Opaque(f"{row.text}.get({inner})", "get", (receiver, *args.positional)), receiver.trace)
    )
    made = object_of(term)
    if isinstance(made, Opaque) and made.place is None:
        made.place = args.place
    if isinstance(row, Row) and row.batched:
        return Known(Sequence((term,), "list", "how many rows a batch has is known only at run time"), receiver.trace)
    return term


@method_model("row", "copy")
def copy_of_row(call: ModelCall) -> Value:
    row = call.owner
    if not isinstance(row, Row):
        return call.receiver
    new = Row(row.text, row.dataset, row.batched)
    new.slots.update(row.slots)
    return Known(new, call.receiver.trace)


@method_model("row", "update")
def update_row(call: ModelCall) -> Value:
    args = call.arguments
    row = call.owner
    for k, v in {
        **(call.machine.mapping(args.positional[0], call.node).items if args.positional else {}),
        **args.keywords,
    }.items():
        call.machine.write(row, ItemKey(k), v)
    return Known(None)


# -- making and mixing -----------------------------------------------------------------------------------
@model("datasets.interleave_datasets", "datasets.concatenate_datasets")
def mix(call: ModelCall) -> Value:
    m = call.machine
    recorded = record_call(call)
    parts = [object_of(v) for v in m.iterate(call.arguments.get(0, "datasets", "dsets"), call.node).items]
    parts = [p for p in parts if isinstance(p, Dataset)]
    columns: dict[str, Value] = {}
    for p in parts:
        for k, v in p.columns.items():
            columns[k] = join(columns[k], v) if k in columns else v
    new = Dataset(f"{call.callee.rsplit('.', 1)[-1]}(…)", recorded, columns, any(p.open for p in parts) or not parts)
    new.sources = tuple({id(s): s for p in parts for s in p.sources}.values())
    new.mixed, new.parts = recorded, tuple(parts)
    recorded.result = made(m, new)
    return Known(new, (recorded.place,))


@model("datasets.Dataset.from_list", "datasets.Dataset.from_dict", "datasets.Dataset.from_generator")
def from_rows(call: ModelCall) -> Value:
    m, node, callee = call.machine, call.node, call.callee
    recorded = record_call(call)
    data = call.arguments.get(0, "mapping", "generator")
    columns: dict[str, Value] = {}
    open_ = True
    rows = m.call(data, Arguments(), node) if callee.endswith("generator") else data
    if callee.endswith("from_dict"):
        state = m.mapping(rows, node)
        columns, open_ = (
            {k: cell(v, True) for k, v in state.items.items() if isinstance(k, str)},
            bool(state.why_incomplete),
        )
    else:
        state = m.iterate(rows, node)
        found = [m.mapping(r, node) for r in state.items[:20] if isinstance(object_of(r), Mapping)]
        for s in found:
            for k, v in s.items.items():
                columns[k] = join(columns[k], v) if k in columns else v
        open_ = not found or any(s.why_incomplete for s in found)
    new = Dataset(f"{callee}(…)", recorded, columns, open_)
    recorded.result = made(m, new)
    return Known(new, (recorded.place,))


@model("datasets.load_dataset", "datasets.load_from_disk")
def load(call: ModelCall) -> Value:
    recorded = record_call(call)
    new = Dataset(
        f"{call.callee.rsplit('.', 1)[-1]}({', '.join(describe(a, 40) for a in call.arguments.positional[:2])})",
        recorded,
    )
    if call.callee.endswith("load_from_disk"):
        found = written.loaded(call.machine, call.arguments.get(0, "dataset_path"))
    else:
        found = written.loaded(call.machine, call.arguments.get(None, "data_files"))
    if found is not None:
        new.columns, new.open = found
    new.splits = call.callee.endswith("load_dataset") and "split" not in recorded.arguments
    recorded.result = made(call.machine, new)
    return Known(new, (recorded.place,))


@model("datasets.DatasetDict")
def dataset_dict(call: ModelCall) -> Value:
    args = call.arguments
    recorded = record_call(call)
    state = call.machine.mapping(args.get(0), call.node) if args.positional else Items(dict(args.keywords))
    if all(isinstance(object_of(v), Dataset) for v in state.items.values()) and state.items:
        return Known(Mapping(dict(state.items), state.why_incomplete, SPLIT_KIND), (recorded.place,))
    new = Dataset("DatasetDict(…)", recorded)
    new.splits = True
    return Known(new, (recorded.place,))


@method(SPLIT_KIND, "map", "filter", "select_columns", "remove_columns", "rename_column", "rename_columns")
@method(SPLIT_KIND, "shuffle", "sort", "with_format", "set_format", "cast", "cast_column", "flatten")
def of_each_split(call: ModelCall) -> Value:
    """Return the splits with the method of a dataset applied to each."""
    state = call.owner.state
    run = METHOD_MODELS[KIND, call.callee]
    made: dict[object, Value] = {}
    for name, split in state.items.items():
        each = ModelCall(call.machine, call.arguments, call.node, f"{KIND}.{call.callee}", split)
        made[name] = run(each) or Unknown(f"{call.callee}()") if isinstance(object_of(split), Dataset) else split
    return Known(Mapping(made, state.why_incomplete, SPLIT_KIND), call.receiver.trace)
