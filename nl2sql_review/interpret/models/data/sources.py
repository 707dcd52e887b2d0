"""Model of where datasets come from: loaded, made from rows of the script, or mixed from several."""

from __future__ import annotations

from ....training_plan.values import Known, Value, join
from ...core.datasets import Dataset
from ...core.library import model, record_call
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Items, Mapping, object_of
from ...core.operations import describe
from . import written
from .datasets import SPLIT_KIND, cell, registered


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
    recorded.result = registered(m, new)
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
    recorded.result = registered(m, new)
    return Known(new, (recorded.place,))


@model("datasets.load_dataset", "datasets.load_from_disk")
def load(call: ModelCall) -> Value:
    recorded = record_call(call)
    new = Dataset(
        f"{call.callee.rsplit('.', 1)[-1]}({', '.join(describe(a, 40) for a in call.arguments.positional[:2])})",
        recorded,
    )
    from_disk = call.callee.endswith("load_from_disk")
    files = call.arguments.get(0, "dataset_path") if from_disk else call.arguments.get(None, "data_files")
    written.fill(call.machine, new, files)
    new.splits = call.callee.endswith("load_dataset") and "split" not in recorded.arguments
    recorded.result = registered(call.machine, new)
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
