"""Model of pathlib: paths as values.

A path that is completely known is a plain `PurePosixPath`; one with a hole (the working directory, a required option)
is an `Opaque` of kind "pathlib.Path" around its text, a `Text`. Arithmetic works on both.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import Any, Callable

from ....training_plan.values import Absent, Known, Text, Trace, Unknown, Value
from ...core import operations
from ...core.library import ATTRIBUTE_MODELS, METHOD_MODELS, model, record
from ...core.machine import Machine
from ...core.model_call import ModelCall, PythonModel
from ...core.objects import Arguments, Instance, Opaque, Sequence, plain
from ...core.operations import describe, lift
from ...python.builtins import METHODS, PROPERTIES, open_term
from ...python.texts import as_value, concatenate

OPEN = "pathlib.Path"
CWD = Known(Opaque("os.getcwd()", "call", kind="str"))
HOME = Known(Opaque("pathlib.Path.home()", "call", kind="str"))
CLASSES = ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
CONFIGURATION = frozenset(
    ".yaml .yml .json .toml .ini .cfg .conf .txt .md .jinja .jinja2 .j2 .tmpl .prompt .py".split()
)

# Paths of what an earlier run left.
LEFTOVER = re.compile(r"trainer_state|training_args|adapter_config|/checkpoint|/outputs?/|/results?/|/logs?/|/runs?/")


# -- between paths and text ------------------------------------------------------------------------------
def below_cwd(text: Value) -> str | None:
    """Return the literal path below the working directory, or None if a text is no such path."""
    if not isinstance(text, Text) or not text.parts or text.parts[0] is not CWD:
        return None
    literal = [part for part in text.parts[1:] if isinstance(part, str)]
    return "".join(literal).lstrip("/") if len(literal) == len(text.parts) - 1 else None


def text_of(v: Value) -> Value:
    """Return the text of a settled path or string."""
    x = v.value if isinstance(v, Known) else None
    if isinstance(x, PurePosixPath):
        return Known(str(x), v.trace)
    if isinstance(x, Opaque):
        return x.args[0] if x.operation == "path" else Text((v,), v.trace)
    if isinstance(x, Instance):
        inner = x.slots.get("text")
        return inner if inner is not None else Unknown(f"the path {x.cls.name}(…)", v.trace)
    return v


def path_of(text: Value) -> Value:
    """Return a path made of a settled text."""
    if isinstance(text, Known):
        if isinstance(text.value, str):
            return Known(PurePosixPath(text.value), text.trace)
        return Unknown(f"a path of {describe(text)}", text.trace)
    if isinstance(text, Text):
        return Known(Opaque(f"Path({describe(text)})", "path", (text,), OPEN), text.trace)
    return text


def opened(text: str, *args: Value, trace: Trace = ()) -> Value:
    """Return a path that is known only in the run, as an expression."""
    return path_of(Text((Known(Opaque(text, "call", args, "str")),), trace))


def is_path(v: Value) -> bool:
    x = v.value if isinstance(v, Known) else None
    return isinstance(x, PurePosixPath) or isinstance(x, Opaque) and x.operation == "path"


def joined(left: Value, right: Value) -> Value:
    """Return the text of `left / right`, both texts. A hole on the right may be absolute, which drops `left`."""
    if isinstance(left, (Unknown, Absent)) or isinstance(right, (Unknown, Absent)):
        return left if isinstance(left, (Unknown, Absent)) else right
    strange = next((v for v in (left, right) if isinstance(v, Known) and not isinstance(v.value, str)), None)
    if strange is not None:
        return Unknown(f"a path is joined with {describe(strange)}, and that is not text", strange.trace)
    if isinstance(left, Known) and isinstance(right, Known):
        return Known(posixpath.join(left.value, right.value), left.trace or right.trace)
    first = (
        right.value if isinstance(right, Known) else right.parts[0] if isinstance(right, Text) and right.parts else None
    )
    if not isinstance(first, str):
        return Text(
            (Known(Opaque(f"os.path.join({describe(left)}, {describe(right)})", "call", (left, right), "str")),),
            left.trace or right.trace,
        )
    if first.startswith("/"):
        return right
    if first.startswith("./"):
        right = (
            concatenate([Known(first[2:]), *map(as_value, right.parts[1:])])
            if isinstance(right, Text)
            else Known(first[2:])
        )
    if isinstance(left, Known) and left.value in ("", ".") or right == Known(""):
        return right if right != Known("") else left
    end = left.value if isinstance(left, Known) else left.parts[-1] if isinstance(left, Text) else ""
    slash = "" if isinstance(end, str) and end.endswith("/") else "/"
    return concatenate([left, Known(slash), right])


def divide(op: str, a: Value, b: Value) -> Value | None:
    if op == "/" and (is_path(a) or is_path(b)):
        return path_of(tidy(joined(text_of(a), text_of(b))))
    if op == "+" and isinstance(a, Known) and isinstance(b, Known) and (is_path(a) or is_path(b)):
        return Unknown("a path cannot be added to a string", a.trace)
    return None


operations.SPECIAL_OPERANDS.append(divide)


def tidy(text: Value) -> Value:
    """Normalize a path as pathlib does: no slash at the end, no `.` in between."""
    if isinstance(text, Known) and isinstance(text.value, str):
        return Known(str(PurePosixPath(text.value)), text.trace)
    if isinstance(text, Text) and isinstance(text.parts[-1], str) and len(text.parts) > 1:
        last = text.parts[-1].rstrip("/")
        return Text((*text.parts[:-1], last) if last else text.parts[:-1], text.trace)
    return text


def last_name(text: Text) -> tuple[Value, str] | None:
    """Return (parent, name) of a text whose last name is literal."""
    last = text.parts[-1]
    if not isinstance(last, str) or "/" not in last:
        return None
    head, _, name = last.rpartition("/")
    if name in ("", ".", ".."):
        return None
    parts = (*text.parts[:-1], head) if head else text.parts[:-1]
    return Text(parts, text.trace), name


# -- what a path knows of itself -------------------------------------------------------------------------


def path_property(
    name: str, on_known: Callable[[PurePosixPath], Any], on_name: Callable[[PurePosixPath], Any] | None = None
) -> None:
    def known(m: Machine, owner: Value) -> Value:
        v = on_known(plain(owner))
        return (
            Known(Sequence(tuple(Known(x, owner.trace) for x in v), "tuple"), owner.trace)
            if isinstance(v, (tuple, list))
            else Known(v, owner.trace)
        )

    def open_(call: ModelCall) -> Value | None:
        owner, v = call.receiver, call.owner
        split = last_name(v.args[0])
        if split is not None and name == "parent":
            return path_of(split[0])
        if split is not None and on_name is not None:
            return Known(on_name(PurePosixPath(split[1])), owner.trace)
        if name == "parent":
            return opened(f"{v.text}.parent", owner, trace=owner.trace)
        if name == "parents":
            first = ATTRIBUTE_MODELS[OPEN, "parent"](call) or Unknown("the parent of a path")
            return Known(
                Sequence((first,), "tuple", "how many parents a path has is known only at run time"), owner.trace
            )
        return Known(Opaque(f"{v.text}.{name}", "attribute", (owner, Known(name))), owner.trace)

    PROPERTIES["PurePosixPath", name] = known
    ATTRIBUTE_MODELS[OPEN, name] = open_


path_property("parent", lambda p: p.parent)
path_property("parents", lambda p: list(p.parents))
path_property("parts", lambda p: p.parts)
path_property("name", lambda p: p.name, lambda n: n.name)
path_property("stem", lambda p: p.stem, lambda n: n.stem)
path_property("suffix", lambda p: p.suffix, lambda n: n.suffix)
path_property("suffixes", lambda p: p.suffixes)
path_property("anchor", lambda p: p.anchor)
path_property("root", lambda p: p.root)
path_property("drive", lambda p: "")


def path_method(*names: str) -> Callable[[PythonModel], PythonModel]:
    """Register a model of a method of known and open paths."""

    def add(f: PythonModel) -> PythonModel:
        for name in names:
            METHODS["PurePosixPath", name] = METHOD_MODELS[OPEN, name] = f
        return f

    return add


@path_method("joinpath")
def join_path(call: ModelCall) -> Value:
    return make(
        ModelCall(call.machine, Arguments([call.receiver, *call.arguments.positional]), call.node, "pathlib.Path")
    )


@path_method("__truediv__")
def true_divide(call: ModelCall) -> Value:
    return join_path(call)


@path_method("with_suffix", "with_name", "with_stem")
def with_other(call: ModelCall) -> Value:
    name = call.name

    def one(p: Value, other: Value) -> Value:
        text = text_of(p)
        if isinstance(other, Known) and isinstance(other.value, str):
            if isinstance(text, Known):
                try:
                    return Known(PurePosixPath(getattr(path_stem(text.value, name), name)(other.value)), p.trace)
                except ValueError:
                    call.machine.certainly_raises("ValueError")
                    return Unknown(f"{name}() raises ValueError")
            split = last_name(text) if isinstance(text, Text) else None
            if split is not None:
                return path_of(joined(split[0], Known(str(getattr(PurePosixPath(split[1]), name)(other.value)))))
        return opened(f"{describe(p)}.{name}({describe(other)})", p, other, trace=p.trace)

    return lift(one, call.receiver, call.arguments.get(0))


def path_stem(text: str, name: str) -> PurePosixPath:
    return PurePosixPath(text)


@path_method("resolve", "absolute")
def absolute(call: ModelCall) -> Value:
    return lift(lambda p: path_of(absolute_text(call.machine, text_of(p), call.name == "resolve")), call.receiver)


def absolute_text(m: Machine, text: Value, resolve: bool = True) -> Value:
    """Return the absolute path of a settled text; a relative one gets the working directory, known only in the run."""
    if isinstance(text, Known) and isinstance(text.value, str):
        if not text.value.startswith("/"):
            rest = posixpath.normpath(text.value) if resolve else str(PurePosixPath(text.value))
            if rest == ".":
                return Text((CWD,), text.trace)
            if rest.startswith(".."):
                return Text((Known(Opaque(f"os.path.abspath({text.value!r})", "call", (text,), "str")),), text.trace)
            return Text((CWD, "/" + rest), text.trace)
        real = m.project.inside(Path(text.value)) if resolve else None
        plain = posixpath.normpath(text.value) if resolve else text.value
        return Known(str(real) if real is not None else plain, text.trace)
    if isinstance(text, Text):
        first = text.parts[0]
        if first is CWD or first is HOME or isinstance(first, str) and first.startswith("/"):
            return text
        if isinstance(first, str) and first and not first.startswith(("~", "..")):
            return Text((CWD, "/" + first.removeprefix("./"), *text.parts[1:]), text.trace)
        return Text((Known(Opaque(f"os.path.abspath({describe(text)})", "call", (text,), "str")),), text.trace)
    return text


@path_method("as_posix", "__fspath__", "__str__")
def as_posix(call: ModelCall) -> Value:
    return lift(text_of, call.receiver)


@path_method("expanduser")
def expand_user(call: ModelCall) -> Value:
    return lift(lambda p: path_of(expanded(text_of(p))), call.receiver)


def expanded(text: Value) -> Value:
    first = text.value if isinstance(text, Known) else text.parts[0] if isinstance(text, Text) else None
    if not isinstance(first, str) or not first.startswith("~"):
        return text
    if first == "~" or first.startswith("~/"):
        return concatenate(
            [Text((HOME,)), Known(first[1:]), *map(as_value, text.parts[1:] if isinstance(text, Text) else ())]
        )
    return Text((Known(Opaque(f"os.path.expanduser({describe(text)})", "call", (text,), "str")),), text.trace)


@path_method("relative_to", "is_relative_to", "match", "is_absolute", "full_match")
def pure(call: ModelCall) -> Value:
    name = call.name

    def one(p: Value, *others: Value) -> Value:
        texts = [t for v in (p, *others) if isinstance(t := plain(text_of(v)), str)]
        if len(texts) == 1 + len(others) and hasattr(PurePosixPath, name):
            try:
                return Known(getattr(PurePosixPath(texts[0]), name)(*texts[1:]), p.trace)
            except (ValueError, TypeError) as e:
                call.machine.certainly_raises(type(e).__name__)
                return Unknown(f"{name}() raises {type(e).__name__}")
        if name == "relative_to":
            return opened(f"{describe(p)}.{name}({', '.join(describe(o) for o in others)})", p, *others, trace=p.trace)
        return open_term(call.machine, f"{describe(p)}.{name}", *others)

    return lift(one, call.receiver, *call.arguments.positional)


@path_method("mkdir", "unlink", "rmdir", "rename", "replace", "chmod", "touch", "symlink_to", "hardlink_to")
def change_disk(call: ModelCall) -> Value:
    m = call.machine
    m.may_raise_count += 1
    if call.name == "mkdir":
        record(m, "pathlib.Path.mkdir", Arguments([lift(text_of, call.receiver)]), call.node)
    if call.name in ("rename", "replace", "unlink"):
        m.recording.written.append(lift(text_of, call.receiver))
    if call.name in ("rename", "replace"):
        m.recording.written.append(lift(text_of, call.arguments.get(0)))
        return lift(lambda p: path_of(text_of(p)), call.arguments.get(0))
    return Known(None)


# -- making them -----------------------------------------------------------------------------------------
@model(*(f"pathlib.{name}" for name in CLASSES))
def make(call: ModelCall) -> Value:
    args = call.arguments

    def one(*parts: Value) -> Value:
        text: Value = Known("")
        for part in parts:
            word = text_of(part)
            if not isinstance(word, (Known, Text)) or isinstance(word, Known) and not isinstance(word.value, str):
                if isinstance(word, Known):
                    call.machine.certainly_raises("TypeError")
                return (
                    word if isinstance(word, (Unknown, Absent)) else Unknown(f"a path of {describe(part)}", part.trace)
                )
            text = joined(text, word) if text != Known("") else word
        return path_of(tidy(text))

    if args.unknown:
        return Unknown(args.unknown)
    return lift(one, *args.positional)


@model(*(f"pathlib.{name}.cwd" for name in CLASSES))
def working_directory(call: ModelCall) -> Value:
    return path_of(Text((CWD,)))


@model(*(f"pathlib.{name}.home" for name in CLASSES))
def home(call: ModelCall) -> Value:
    return path_of(Text((HOME,)))


@model("os.getcwd", "os.getcwdb")
def getcwd(call: ModelCall) -> Value:
    return Text((CWD,))
