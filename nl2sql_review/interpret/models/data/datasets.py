"""Model of datasets: the columns of a dataset and the content of their cells, through `map` and other methods."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value, join
from ...core.datasets import Dataset, Row
from ...core.library import ANY_KIND, METHOD_MODELS, iteration_model, method_model, record
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Function, ItemKey, Items, Mapping, Opaque, Sequence, SlotKey, object_of, plain
from ...core.operations import freeze, item_term
from ...python.builtins import method

if TYPE_CHECKING:
    import libcst as cst

KIND = "datasets.Dataset"
SPLIT_KIND = "datasets.DatasetDict"  # of known splits; a loaded one is a Dataset with `splits`
DEEP = 20  # levels of an expression that are kept of what decides over a row
SAME = (
    "filter select shuffle skip take shard sort flatten with_format set_format cast cast_column to_iterable_dataset "
    "unique flatten_indices repeat with_transform set_transform add_faiss_index reset_format class_encode_column"
).split()
TOKENIZED = ("PreTrainedTokenizer.__call__", "PreTrainedTokenizer.encode_plus", "batch_encode_plus")
SPLITS = ("train", "test", "validation", "val", "valid", "eval", "dev")


def registered(m: Machine, new: Dataset) -> Dataset:
    """Return a new dataset, which the machine now lists among those of the script."""
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
    call.result = registered(m, new)
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
    if not isinstance(args.get(None, "remove_columns"), Absent):
        columns, open_ = removed(m, columns, open_, args.get(None, "remove_columns"), node)
    if not isinstance(fn, Absent) and not (isinstance(fn, Known) and fn.value is None):
        extra = m.mapping(args.get(None, "fn_kwargs"), node).items if "fn_kwargs" in args.keywords else {}
        row = Row(parameter_name(fn), old, is_batched)
        positional: list[Value] = [Known(row)]
        if plain(args.get(1, "with_indices")):
            positional.append(Known(Opaque("index")))
        mark = m.mark()
        out = m.call(fn, Arguments(positional, dict(extra), args.place), node)
        returned, others = new_columns(m, out, is_batched, node)
        obj = object_of(out)
        if isinstance(obj, Row):
            columns.update({k.key: cell(v, is_batched) for k, v in obj.slots.items() if is_column(k)})
            if ItemKey(None) in obj.slots:
                why = f"{parameter_name(fn)} is set under a key known only at run time"
                columns, open_ = {name: Unknown(why) for name in columns}, True
        columns.update(returned)
        open_ = open_ or others
        m.join_paths(mark, [m.changes(mark), {}])  # it may run for no row, in another process, or come from a cache
    return derived(m, call.receiver, args, node, call.callee, columns, open_)


# Packages whose `map` is not that of rows; "" for what no package gives.
OTHER_MAPS = frozenset(("", *"pandas numpy polars pyspark ray dask torch jax concurrent multiprocessing".split()))


@method_model(ANY_KIND, "map")
def map_of_unread(call: ModelCall) -> Value | None:
    """Apply a function of the script to each row of data that a module makes which is not read: `rows().map(add_text)`.

    Which columns the rows have besides is unknown.
    """
    owner, args = object_of(call.receiver), call.arguments
    root = re.split(r"\W", owner.text, maxsplit=1)[0]
    if root in OTHER_MAPS or root in sys.stdlib_module_names or owner.operation not in ("symbol", "call"):
        return None
    if not isinstance(object_of(args.get(0, "function")), Function) or len(args.positional) > 1 or args.unknown:
        return None
    rows = Known(Dataset(owner.text, None), call.receiver.trace if call.receiver is not None else ())
    return map_(ModelCall(call.machine, args, call.node, call.callee, rows))


def parameter_name(fn: Value) -> str:
    function = object_of(fn)
    positional = function.positional if isinstance(function, Function) else []
    return positional[0].name.value if positional else "example"


def is_column(key: SlotKey) -> TypeGuard[ItemKey]:
    """Return whether a slot of a row holds a column that the script set."""
    return isinstance(key, ItemKey) and isinstance(key.key, str)


def new_columns(m: Machine, out: Value, batched: bool, node: cst.CSTNode | None) -> tuple[dict[str, Value], bool]:
    """Return the columns that a mapped function returns, and whether there may be others."""
    obj = object_of(out)
    if isinstance(obj, Row) or isinstance(out, Known) and out.value is None:
        return {}, False
    if isinstance(obj, Opaque) and obj.callee.endswith(TOKENIZED):
        tokens: dict[str, Value] = {name: item_term(out, Known(name)) for name in ("input_ids", "attention_mask")}
        return {**tokens, **{k.key: v for k, v in obj.slots.items() if is_column(k)}}, False
    state = m.mapping(out, node)
    columns = {name: cell(v, batched) for name, v in state.items.items() if isinstance(name, str)}
    if isinstance(out, Either) and any(isinstance(o, Known) and o.value is None for o in out.options):
        why = "the mapped function may return None, and `map` then changes no row, or stops"  # run with datasets 4.8.5
        return dict.fromkeys(columns, Unknown(why, out.trace)), bool(state.why_incomplete)
    return columns, bool(state.why_incomplete)


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
    if isinstance(names, Either):  # what one path leaves may be there
        each = [removed(m, columns, open_, option, node) for option in names.options]
        kept = {name for left, _ in each for name in left}
        return {name: cell for name, cell in columns.items() if name in kept}, any(others for _, others in each)
    if isinstance(names, Known) and names.value is None:
        return columns, open_
    obj = object_of(names)
    if isinstance(obj, Opaque):  # dataset.column_names: all of them
        return {}, False
    wanted = column_names(m, names, node)
    return {k: v for k, v in columns.items() if k not in wanted}, open_


def column_names(m: Machine, names: Value, node: cst.CSTNode | None) -> list[Any]:
    """Return the names in a list of columns, or the one name given instead of a list."""
    one = plain(names)
    return [one] if isinstance(one, str) else [plain(name) for name in m.iterate(names, node).items]


@method_model(KIND, "remove_columns", "select_columns")
def choose(call: ModelCall) -> Value:
    m = call.machine
    old: Dataset = call.owner
    names = call.arguments.get(0, "column_names")
    if call.callee.endswith("remove_columns"):
        columns, open_ = removed(m, old.columns, old.open, names, call.node)
    else:
        row = Known(Opaque("example", "row", (), "row"))
        wanted = [name for name in column_names(m, names, call.node) if isinstance(name, str)]
        columns, open_ = {name: old.columns.get(name, item_term(row, Known(name))) for name in wanted}, False
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
    columns = {**old.columns, name: cell(args.get(1, "column"), True)} if isinstance(name, str) else None
    return derived(call.machine, call.receiver, args, call.node, call.callee, columns)


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
