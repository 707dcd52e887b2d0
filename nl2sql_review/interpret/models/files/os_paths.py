"""Models of os.path and other functions that take a path as text: functions over text that may have holes."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Callable, Optional

from ....training_plan.values import Absent, Default, Known, Text, Unknown, Value, traced
from ...core.joins import demote
from ...core.library import model, record_call
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Sequence
from ...core.operations import lift
from ...python.builtins import open_term
from ...python.texts import concatenate
from .lookup import existing
from .paths import absolute_text, below_cwd, expanded, last_name, text_of

TextFunction = Callable[..., Optional[Value]]  # of a machine and the texts; None: only the run knows


def text_function(*names: str) -> Callable[[Any], Any]:
    def add(f: TextFunction) -> TextFunction:
        for name in names:

            def run(call: ModelCall, name: str = name) -> Value:
                m, args = call.machine, call.arguments
                if args.unknown:
                    return Unknown(args.unknown)
                values = [*args.positional, *args.keywords.values()]
                out = lift(lambda *vs: settled(m, name, f, [text_of(v) for v in vs], vs), *values)
                return out if out.trace or not values else traced(out, values[0].trace)

            model(f"os.path.{name}", f"posixpath.{name}")(run)
        return f

    return add


def settled(m: Machine, name: str, f: TextFunction, texts: list[Value], values: tuple[Value, ...]) -> Value:
    bad = next((t for t in texts if isinstance(t, (Unknown, Absent))), None)
    if bad is not None:
        m.may_raise_count += 1
        return Unknown(bad.why, bad.trace)
    if not all(isinstance(t, Text) or isinstance(t, Known) and isinstance(t.value, str) for t in texts):
        return open_term(m, f"os.path.{name}", *values)
    out = f(m, *texts)
    return out if out is not None else open_term(m, f"os.path.{name}", *values)


@text_function("join")
def join_texts(m: Machine, *texts: Value) -> Value | None:
    out = texts[0]
    for text in texts[1:]:
        first = text.value if isinstance(text, Known) else text.parts[0] if isinstance(text, Text) else None
        if not isinstance(first, str):
            return None
        if isinstance(out, Known) and isinstance(text, Known):
            out = Known(posixpath.join(out.value, text.value), out.trace)
        elif first.startswith("/") or out == Known(""):
            out = text
        else:
            end = out.value if isinstance(out, Known) else out.parts[-1] if isinstance(out, Text) else None
            out = concatenate([out, Known("" if isinstance(end, str) and end.endswith("/") else "/"), text])
    return out


def plain_text_function(name: str) -> None:
    real = getattr(posixpath, name)

    def f(m: Machine, *texts: Value) -> Value | None:
        known = [t.value for t in texts if isinstance(t, Known)]
        if len(known) == len(texts):
            if name == "relpath" and not all(text.startswith("/") for text in known) and len(known) < 2:
                out = posixpath.normpath(known[0]) if not known[0].startswith("/") else None
            else:
                out = real(*known)
            if out is None:
                return None
            if isinstance(out, tuple):
                return Known(Sequence(tuple(Known(x) for x in out), "tuple"), texts[0].trace)
            return Known(out, texts[0].trace)
        split = last_name(texts[0]) if isinstance(texts[0], Text) else None
        if split is None:
            return None
        if name == "basename":
            return Known(split[1], texts[0].trace)
        if name == "dirname":
            return split[0]
        if name == "split":
            return Known(Sequence((split[0], Known(split[1])), "tuple"), texts[0].trace)
        if name == "splitext":
            stem, ext = posixpath.splitext(split[1])
            return Known(Sequence((concatenate([split[0], Known("/" + stem)]), Known(ext)), "tuple"), texts[0].trace)
        return None

    text_function(name)(f)


for _name in ("basename", "dirname", "splitext", "split", "normpath", "relpath", "isabs"):
    plain_text_function(_name)


@text_function("abspath", "realpath")
def absolute_path(m: Machine, text: Value, *rest: Value) -> Value | None:
    return absolute_text(m, text)


@text_function("expanduser")
def expand_user_text(m: Machine, text: Value) -> Value | None:
    return expanded(text)


VARIABLE = re.compile(r"\$(?:\{((?:(?!\$\{)[^}])*)\}|(\w+))")


@text_function("expandvars")
def expand_variables(m: Machine, text: Value) -> Value | None:
    """Expand variables. Names that are not set stay in the text, which the environment may override."""
    found = VARIABLE.search(text.value) if isinstance(text, Known) else None
    if found is None:
        return text if isinstance(text, Known) else None
    return demote(text, f"${found.group(1) or found.group(2)}")


@text_function("exists", "isfile")
def exists(m: Machine, text: Value) -> Value | None:
    found = existing(m, text, "exists")
    return found if found == Known(True, text.trace) else None


@model("os.fspath", "os.fsdecode")
def fspath(call: ModelCall) -> Value:
    return lift(text_of, call.arguments.get(0))


@model("os.makedirs", "os.mkdir")
def make_directory(call: ModelCall) -> Value:
    record_call(call)  # whether a directory exists when the training looks into it
    return Known(None)


@model("os.chmod", "os.utime")
def change(call: ModelCall) -> Value:
    return Known(None)


@model("sys.path.insert", "sys.path.append", "site.addsitedir")
def extend_search_path(call: ModelCall) -> Value:
    """Add a module search folder; a relative one is tried in the script's folder, then in the project's root."""
    m = call.machine
    text = lift(text_of, call.arguments.positional[-1]) if call.arguments.positional else Unknown("no path")
    below = below_cwd(text)
    if below is not None:
        text = Known(below or ".")
    if isinstance(text, (Known, Default)) and isinstance(text.value, str):
        folder = Path(text.value)
        bases = [m.project.script.parent] if m.project.script is not None else []
        for base in [*bases, *([m.project.root] if m.project.root is not None else [])]:
            real = Path(posixpath.normpath(base / folder))
            if real not in m.search_path:
                m.search_path.insert(0 if call.callee.endswith("insert") else len(m.search_path), real)
    return Known(None)
