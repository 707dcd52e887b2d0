"""Rows that the script writes into a file and loads again: the loaded rows hold the written values."""

from __future__ import annotations

from typing import Any, Iterator

from ....training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, join
from ...core.library import METHOD_MODELS, method_model, model, record_call
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Dataset, ItemKey, Mapping, Opaque, Sequence, object_of
from ...core.operations import lift
from ..files.paths import text_of
from ..files.streams import FILE

WRITERS = ("to_json", "to_csv", "to_parquet", "save_to_disk", "to_pickle")
Rows = tuple[dict[str, Value], bool]  # the columns, and whether there may be others


def note(m: Machine, path: Value, columns: dict[str, Value], open_: bool) -> None:
    """Record the value written to a file whose path is known."""
    for name in names(path):
        m.rows_written.setdefault(name, []).append((dict(columns), open_))


def names(path: Value) -> list[str]:
    """Return the one path of a value, without a leading `./`, in a list; an empty list if it is not settled."""
    found = lift(text_of, path)
    said = found.value if isinstance(found, (Known, Default)) else None
    return [said.removeprefix("./")] if isinstance(said, str) and said else []


def loaded(m: Machine, files: Value) -> Rows | None:
    """Return the content of the rows of files if the script has written each of them, else None."""
    paths = list(paths_in(files))
    if not paths or any(p is None for p in paths):
        return None
    found = [rows for p in paths for name in names(p or Absent()) for rows in m.rows_written.get(name, ())]
    if not found or any(not m.rows_written.get(name) for p in paths for name in names(p or Absent())):
        return None
    columns: dict[str, Value] = {}
    for made, _ in found:
        for key, value in made.items():
            columns[key] = join(columns[key], value) if key in columns else value
    return columns, any(open_ for _, open_ in found)


def paths_in(files: Value) -> Iterator[Value | None]:
    """Yield the paths of `data_files`: one, a list, or a mapping of splits; None for a path that is not known."""
    obj = object_of(files)
    if isinstance(obj, (Sequence, Mapping)):
        items = obj.state.items
        for one in items.values() if isinstance(items, dict) else items:
            yield from paths_in(one)
        if obj.state.why_incomplete:
            yield None
    elif isinstance(files, (Unknown, Either, Absent)):
        yield None
    else:
        yield files


def write(call: ModelCall) -> Value:
    """Record the rows written by `dataset.to_json(path)` and similar methods."""
    rows: Dataset = object_of(call.receiver)
    path = call.arguments.get(0, "path_or_buf", "path_or_buffer", "dataset_path", "path")
    later = {k.key: one(v) for k, v in rows.slots.items() if isinstance(k, ItemKey)}
    note(call.machine, path, {**rows.columns, **{k: v for k, v in later.items() if isinstance(k, str)}}, rows.open)
    record_call(call)
    return Known(None)


for _kind in ("datasets.Dataset", "pandas.DataFrame"):
    for _name in WRITERS:
        METHOD_MODELS[_kind, _name] = write


@model("json.dump")
def dump(call: ModelCall) -> Value:
    """Record the rows of `json.dump(rows, file)`, if they are a list of mappings."""
    into(call.machine, call.arguments.get(1, "fp"), call.arguments.get(0, "obj"), call)
    return Known(None)


@method_model(FILE, "write", "writelines")
def written(call: ModelCall) -> Value:
    """Record the rows of `file.write(json.dumps(row))`, with a line end or without, a row at a time."""
    for row in dumped(call.arguments.get(0)):
        into(call.machine, call.receiver, row, call)
    return Known(None)


def one(value: Value) -> Value:
    """Return a cell of a column that the script wrote: the element of a list of them."""
    obj = object_of(value)
    return obj.state.items[0] if isinstance(obj, Sequence) and obj.state.items else value


def into(m: Machine, file: Value, data: Value, call: ModelCall) -> None:
    stream = object_of(file)
    if not isinstance(stream, Opaque) or stream.kind != FILE or not stream.args:
        return
    if isinstance(data, Unknown) and isinstance(data.parts, dict):
        note(m, stream.args[0], {k: v for k, v in data.parts.items() if isinstance(k, str)}, False)
        return
    obj = object_of(data)
    rows = [data] if isinstance(obj, Mapping) else list(m.iterate(data, call.node).items)[:20] if obj else []
    for row in rows:
        if isinstance(object_of(row), Mapping):
            state = m.mapping(row, call.node)
            note(
                m,
                stream.args[0],
                {k: v for k, v in state.items.items() if isinstance(k, str)},
                bool(state.why_incomplete),
            )


def dumped(value: Value, depth: int = 0) -> Iterator[Value]:
    """Yield the mappings that `json.dumps` turns into text inside an expression."""
    if depth > 4:
        return
    if isinstance(value, Text):
        for part in value.parts:
            if not isinstance(part, str):
                yield from dumped(part, depth + 1)
    obj: Any = object_of(value)
    if isinstance(obj, Opaque):
        if obj.callee.endswith("json.dumps") and obj.args:
            yield obj.args[0]
            return
        for arg in obj.args:
            yield from dumped(arg, depth + 1)
