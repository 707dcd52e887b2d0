"""Files that the script opens, reads and writes: the streams over them, and their text."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Callable

from ....source import Source
from ....source.spans import lines_of
from ....training_plan.values import Absent, Default, Either, Known, Place, Text, Trace, Unknown, Value, join
from ...core import documents
from ...core.joins import demote
from ...core.library import iteration_model, method_model, model, record
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Builtin, Items, Mapping, Opaque, OtherFile, Sequence, object_of, plain
from ...core.operations import describe, lift
from ...python.builtins import BUILTINS
from .lookup import Content, content
from .paths import path_method, text_of

FILE = "file"
MAX_LINES = 400


def open_file(call: ModelCall) -> Value:
    call.machine.may_raise_count += 1
    path, mode = call.arguments.get(0, "file", "name"), call.arguments.get(1, "mode")
    if isinstance(words := plain(mode), str) and set(words) & set("wax"):
        record(call.machine, "open", call.arguments, call.node)
    return stream(call.machine, path, mode)


def stream(m: Machine, path: Value, mode: Value) -> Value:
    words = (
        mode.value
        if isinstance(mode, (Known, Default)) and isinstance(mode.value, str)
        else "r"
        if isinstance(mode, Absent)
        else "w"
    )
    if set(words) & set("wax+"):
        m.recording.written.append(lift(text_of, path))
        if "a" in words:
            m.recording.appended.append(m.recording.written[-1])
    if isinstance(path, Unknown):  # each file has its own: of two it is unknown whether they are one
        path = Unknown(path.why, path.trace, path.parts)
    return Known(Opaque(f"open({describe(path)})", "open", (path, mode), kind=FILE), path.trace)


BUILTINS["open"] = Known(Builtin("open", open_file))


@model("io.open", "codecs.open")
def open_text(call: ModelCall) -> Value:
    return open_file(ModelCall(call.machine, call.arguments, call.node))


@path_method("open")
def open_path(call: ModelCall) -> Value:
    call.machine.may_raise_count += 1
    return stream(call.machine, call.receiver, call.arguments.get(0, "mode"))


def read(m: Machine, value: Value, then: Callable[[Content], Value]) -> Value | None:
    """Apply `then` to the text of a stream, a string or bytes, through defaults and branches; return None for others.

    If an option of the command line chose the text, every value in it is a default by that option.
    """
    if isinstance(value, Default):
        out = read(m, Known(value.value, value.trace), then)
        return defaulted(out, OtherFile(value.overridden_by)) if out is not None else None
    if isinstance(value, Either):
        joined: Value | None = None
        for option in value.options:
            if isinstance(option, Absent):
                continue
            one = read(m, option, then)
            if one is None:
                return None
            joined = one if joined is None else join(joined, one, value.condition)
        return joined
    if isinstance(value, (Unknown, Absent)):
        return Unknown(value.why, value.trace)
    if isinstance(value, Text):
        return Unknown(f"a text known only at run time: {describe(value)}", value.trace)
    v = value.value if isinstance(value, Known) else None
    if isinstance(v, (str, bytes)):
        return then(standing(v if isinstance(v, str) else v.decode("utf-8", "replace"), value.trace))
    if isinstance(v, Opaque) and v.kind == FILE and v.operation == "open":
        return read_path(m, v.args[0], then)
    return None


def read_path(m: Machine, path: Value, then: Callable[[Content], Value]) -> Value:
    """Apply `then` to the text of the file at a path."""
    if isinstance(path, Default):
        return defaulted(read_path(m, Known(path.value, path.trace), then), OtherFile(path.overridden_by))
    if isinstance(path, Either):
        return lift(lambda p: read_path(m, p, then), path)
    if isinstance(path, (Unknown, Absent)):
        return Unknown(path.why, path.trace)
    found = content(m, path, path.trace)
    if isinstance(found, str):
        m.may_raise_count += 1
        return Unknown(found, path.trace)
    return then(found)


def standing(text: str, trace: Trace) -> Content:
    """Return a string of the script as text; a string read from a file keeps its places there."""
    for place in trace[-1:]:
        if isinstance(place.source, Source) and place.source.text == text:
            return Content(text, place.source, trace[:-1], None)
    return Content(text, None, trace, None)


def defaulted(value: Value, by: str) -> Value:
    """Return a fresh value with every part a default that `by` may override. The containers keep their identity."""
    seen: set[int] = set()

    def mark(v: Value) -> Value:
        obj = object_of(v)
        if isinstance(obj, (Sequence, Mapping)):
            if id(obj) not in seen:
                seen.add(id(obj))
                state = obj.state
                items = (
                    {k: mark(x) for k, x in state.items.items()}
                    if isinstance(state.items, dict)
                    else tuple(mark(x) for x in state.items)
                )
                obj.slots["state"] = Items(items, state.why_incomplete, state.overridden_by or by)
            return v
        return demote(v, by)

    return mark(value)


def text_value(found: Content) -> Value:
    if found.source is None:
        return Known(found.text, found.trace)
    return Known(
        found.text, (*found.trace, Place(found.source, documents.Text(found.text, found.source).whole[0].node))
    )


@method_model(FILE, "read")
def read_all(call: ModelCall) -> Value:
    file = call.owner
    if call.arguments.positional or call.arguments.keywords:
        return Unknown("a part of a file")
    binary = isinstance(file.args[1], Known) and "b" in str(file.args[1].value)
    return or_term(
        call.machine,
        file,
        read_path(call.machine, file.args[0], lambda c: Known(c.text.encode(), c.trace) if binary else text_value(c)),
        "read()",
    )


def or_term(m: Machine, file: Opaque, found: Value, what: str) -> Value:
    """Return the found value, but a term if a data file's content is unknown; a missing configuration stays unknown."""
    path = text_of(file.args[0])
    name = path.value if isinstance(path, Known) else path.parts[-1] if isinstance(path, Text) else ""
    if (
        isinstance(found, Unknown)
        and isinstance(name, str)
        and PurePosixPath(name).suffix not in (".yaml", ".yml", ".toml", ".ini", ".cfg")
    ):
        return Known(Opaque(f"{file.text}.{what}", "call", (Known(file),), "str"), found.trace)
    return found


@method_model(FILE, "readlines")
def read_lines(call: ModelCall) -> Value:
    state = lines(call)
    return Known(Sequence(state.items, "list", state.why_incomplete, state.overridden_by), call.receiver.trace)


@iteration_model(FILE)
def lines(call: ModelCall) -> Items:
    file = call.owner

    def split(c: Content) -> Value:
        found = lines_of(c.text)
        if len(found) > MAX_LINES:
            return Unknown(f"{file.text} has {len(found)} lines")
        return Known(Sequence(tuple(Known(line, c.trace) for line in found)))

    out = read_path(call.machine, file.args[0], split)
    if isinstance(out, (Unknown, Either)):
        return Items(
            (Known(Opaque(f"a line of {file.text}", "call", (call.receiver,), "str")),),
            f"the lines of {file.text} are known only at run time",
        )
    return call.machine.iterate(out, call.node)


@method_model(FILE, "readline")
def read_line(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.owner.text}.readline()", "call", (call.receiver,), "str"))


@method_model(FILE, "__enter__")
def enter(call: ModelCall) -> Value:
    return call.receiver


@method_model(FILE, "close", "flush", "seek", "__exit__", "truncate", "fileno")
def written(call: ModelCall) -> Value:
    return Known(None)


@path_method("read_text", "read_bytes")
def read_text(call: ModelCall) -> Value:
    call.machine.may_raise_count += 1
    file = Opaque(
        f"open({describe(call.receiver)})",
        "open",
        (call.receiver, Known("rb" if call.name == "read_bytes" else "r")),
        FILE,
    )
    return read_all(ModelCall(call.machine, Arguments(), call.node, call.name, Known(file, call.receiver.trace)))


@path_method("write_bytes")
def write_bytes(call: ModelCall) -> Value:
    call.machine.recording.written.append(lift(text_of, call.receiver))
    return Known(None)


@model("shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move", "os.rename", "os.replace")
def copied_file(call: ModelCall) -> Value | None:
    call.machine.recording.written.append(lift(text_of, call.arguments.get(1, "dst")))
    if call.callee in ("shutil.move", "os.rename", "os.replace"):
        call.machine.recording.written.append(lift(text_of, call.arguments.get(0, "src")))
    return None


@model("os.remove", "os.unlink", "shutil.rmtree")
def removed_file(call: ModelCall) -> Value | None:
    call.machine.recording.written.append(lift(text_of, call.arguments.get(0, "path")))
    return None


@model("os.chdir")
def change_directory(call: ModelCall) -> Value | None:
    """Set the working directory for relative paths, if the new folder is known."""
    m = call.machine
    text = lift(text_of, call.arguments.get(0, "path"))
    if (
        isinstance(text, Known)
        and isinstance(text.value, str)
        and text.value.startswith("/")
        and not m.conditions
        and not m.unlikely
    ):
        m.directory = Path(text.value)
    return None
