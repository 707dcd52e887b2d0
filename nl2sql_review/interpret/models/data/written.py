"""Rows that the script writes into a file and loads again: the loaded rows hold the written values."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator

from ....training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown, Value, join
from ...core.datasets import Dataset, Row
from ...core.library import METHOD_MODELS, method_model, model, record_call
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import ItemKey, Mapping, Opaque, Sequence, object_of
from ...core.operations import describe, item_term, lift
from ...core.recording import Rows
from ...python.builtins import method
from ..files.paths import below_cwd, path_method, text_of
from ..files.streams import FILE
from .datasets import SPLIT_KIND

if TYPE_CHECKING:
    import libcst as cst

WRITERS = ("to_json", "to_csv", "to_parquet", "save_to_disk", "to_pickle")


def note(m: Machine, path: Value, columns: dict[Any, Value], open_: bool, listed: bool = False) -> None:
    """Record a row written to a file whose path is known."""
    for name in names(m, path):
        rows = Rows({key: value for key, value in columns.items() if isinstance(key, str)}, open_, listed)
        m.recording.rows_written.setdefault(name, []).append(rows)


def names(m: Machine, path: Value) -> list[str]:
    """Return the one path of a value in a list, an empty list if it is not settled.

    It is absolute: a relative one is taken to start at the project's root, if the script does not change the directory;
    one that leaves the project from there, at the script's folder.
    """
    root, script = str(m.project.root or "."), m.project.script
    found = absolute(path, m.directory or root)
    if m.directory is None and script is not None and found and posixpath.relpath(found, root).startswith(".."):
        beside = absolute(path, script.parent)
        found = found if posixpath.relpath(beside, root).startswith("..") else beside
    return [found] if found else []


def absolute(path: Value, folder: Path | str) -> str:
    """Return a settled path, which starts at a folder if it is relative; an empty text for one that is not settled."""
    found = lift(text_of, path)
    said = found.value if isinstance(found, (Known, Default)) else below_cwd(found)
    return posixpath.normpath(posixpath.join(folder, said)) if isinstance(said, str) and said else ""


def loaded(m: Machine, files: Value) -> Rows | None:
    """Return the content of the rows of files if each of them is known to be written, else None."""
    paths = list(paths_in(files))
    if not paths or any(p is None for p in paths):
        return None
    each = [rows_of(m, name) for p in paths for name in names(m, p or Absent())]
    if not each or not all(each):
        return None
    return merged(each)


def merged(each: list[list[Rows]]) -> Rows:
    """Return the rows of several files as one kind of row."""
    columns: dict[str, Value] = {}
    found = [rows for of_one in each for rows in of_one]
    for made in found:
        for key, value in made.columns.items():
            columns[key] = join(columns[key], value) if key in columns else value
    alike = len({frozenset(made.columns) for made in found}) == 1
    return Rows(columns, not alike or any(made.open for made in found), all(made.listed for made in found))


def fill(m: Machine, dataset: Dataset, files: Value) -> None:
    """Give a dataset that is loaded from files their columns, if their rows are known."""
    found = loaded(m, files)
    if found is not None:
        dataset.open = found.open
        dataset.columns = cells(found.columns, Known(Row("example", dataset, False)))


def document(m: Machine, source: Value) -> Value | None:
    """Return the JSON of a file whose rows are known: a list of them, of a line one; None if they are not known."""
    found = stream_of(source)
    rows = loaded(m, found[0].args[0]) if found is not None else None
    if found is None or rows is None or not (rows.listed or found[1]):
        return None
    what = describe(source)
    row = Known(Opaque(f"json.loads({what})" if found[1] else f"json.load({what})[i]", "item", (source,)))
    cell = Known(Mapping(cells(rows.columns, row), f"the columns of {what}" if rows.open else ""), source.trace)
    return cell if found[1] else Known(Sequence((cell,), "list", f"how many rows {what} has is known only at run time"))


def stream_of(source: Value, depth: int = 0) -> tuple[Opaque, bool] | None:
    """Return the stream that a text comes from, and whether the text is a line of it; None if it is from no file."""
    made = source if isinstance(source, Term) else object_of(source)
    if not isinstance(made, (Opaque, Term)) or depth > 6:
        return None
    if isinstance(made, Opaque) and made.kind == FILE:
        return made, False
    for inside in made.args:
        if (found := stream_of(inside, depth + 1)) is not None:
            return found[0], found[1] or made.operation == "item" or made.text.startswith("a line of ")
    return None


def cells(columns: dict[str, Value], row: Value) -> dict[str, Value]:
    """Return the cells of a row; instead of an unknown one the expression that reads it, which has a name at least."""
    return {name: item_term(row, Known(name)) if is_unknown(cell) else cell for name, cell in columns.items()}


def is_unknown(cell: Value) -> bool:
    """Return whether nothing is known of a cell, at least on one path."""
    if isinstance(cell, Either):
        return any(isinstance(option, Unknown) for option in cell.options)
    return isinstance(cell, Unknown) and not cell.parts


def rows_of(m: Machine, name: str) -> list[Rows]:
    """Return the rows that the script wrote into a file, else those that another script is known to put there."""
    if name in m.recording.rows_written:
        return m.recording.rows_written[name]
    if any(absolute(path, m.project.root or ".") == name for path in m.recording.written):
        return []  # the script copies or writes it itself
    m.recording.rows_awaited[name] = None
    if name not in m.recording.rows_given:
        return []
    given = m.recording.rows_given[name]
    return [given._replace(columns={key: own(value) for key, value in given.columns.items()})]


def own(value: Value) -> Value:
    """Return a copy of a value of another interpretation, which this one may change."""
    if isinstance(value, Either):
        return replace(value, options=tuple(map(own, value.options)))
    obj = object_of(value)
    if isinstance(value, (Known, Default)) and isinstance(obj, (Sequence, Mapping)):
        items, why, by = obj.state
        made: Any = (
            Sequence(tuple(map(own, items)), obj.kind, why, by)
            if isinstance(obj, Sequence)
            else Mapping({key: own(one) for key, one in items.items()}, why, obj.kind, by)
        )
        return replace(value, value=made)
    return value


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
    note(call.machine, path, {**rows.columns, **later}, rows.open)
    record_call(call)
    return Known(None)


@method(SPLIT_KIND, "save_to_disk")
def write_splits(call: ModelCall) -> Value:
    """Record the rows of all splits that are saved together."""
    splits = [object_of(split) for split in call.owner.state.items.values()]
    if splits and all(isinstance(split, Dataset) for split in splits):
        columns, open_, _ = merged([[Rows(split.columns, split.open)] for split in splits])
        note(call.machine, call.arguments.get(0, "dataset_dict_path"), columns, open_)
    return Known(None)


for _kind in ("datasets.Dataset", "pandas.DataFrame"):
    for _name in WRITERS:
        METHOD_MODELS[_kind, _name] = write


@model("json.dump")
def dump(call: ModelCall) -> Value:
    """Record the rows of `json.dump(rows, file)`, if they are a list of mappings."""
    stream = object_of(call.arguments.get(1, "fp"))
    if isinstance(stream, Opaque) and stream.kind == FILE:
        into(call.machine, stream.args[0], call.arguments.get(0, "obj"), call.node)
    return Known(None)


@method_model(FILE, "write", "writelines")
def written(call: ModelCall) -> Value:
    """Record the rows of `file.write(json.dumps(row))`, with a line end or without, a row at a time."""
    text = call.arguments.get(0)
    rows = list(dumped(text))
    for row in rows:
        into(call.machine, call.owner.args[0], row, call.node)
    if not rows and not (isinstance(text, Known) and isinstance(text.value, str)):  # rows that are not known
        note(call.machine, call.owner.args[0], {}, True)
    return Known(None)


@path_method("write_text")
def write_text(call: ModelCall) -> Value:
    """Record the rows of `path.write_text(json.dumps(rows))`."""
    call.machine.recording.written.append(lift(text_of, call.receiver))
    for rows in dumped(call.arguments.get(0, "data")):
        into(call.machine, call.receiver, rows, call.node)
    return Known(None)


def one(value: Value) -> Value:
    """Return a cell of a column that the script wrote: the element of a list of them."""
    obj = object_of(value)
    return obj.state.items[0] if isinstance(obj, Sequence) and obj.state.items else value


def into(m: Machine, path: Value, data: Value, node: cst.CSTNode | None) -> None:
    """Record what a file holds as JSON: a row, or a list of rows."""
    if isinstance(data, Either):
        for option in data.options:
            into(m, path, option, node)
        return
    if isinstance(data, Unknown) and isinstance(data.parts, dict):
        note(m, path, data.parts, False)
        return
    obj = object_of(data)
    listed = obj is not None and not isinstance(obj, Mapping)
    for row in list(m.iterate(data, node).items)[:20] if listed else [data]:
        if isinstance(object_of(row), Mapping):
            state = m.mapping(row, node)
            note(m, path, state.items, bool(state.why_incomplete), listed)


def dumped(value: Value, depth: int = 0) -> Iterator[Value]:
    """Yield the mappings that `json.dumps` turns into text inside an expression."""
    if depth > 4:
        return
    if isinstance(value, Text):
        for part in value.parts:
            if not isinstance(part, str):
                yield from dumped(part, depth + 1)
    obj: Any = object_of(value)
    if isinstance(obj, Sequence):
        for each in obj.state.items:
            yield from dumped(each, depth + 1)
    if isinstance(obj, Opaque):
        if obj.callee.endswith("json.dumps") and obj.args:
            yield obj.args[0]
            return
        for arg in obj.args:
            yield from dumped(arg, depth + 1)
