"""Which file of the project a path leads to, whether there is one, and what it holds.

A relative path is relative to the working directory of the run, which is not known here. The folders from the
script's own up to the project's root are tried, and a file is read only if exactly one of them holds it.
"""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ....files import disk
from ....source import Source, SourceError
from ....training_plan.values import Default, Known, Text, Trace, Unknown, Value, options
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Opaque
from ...core.operations import describe, lift
from .paths import CONFIGURATION, LEFTOVER, below_cwd, is_path, path_method, text_of

MAX_TEXT_BYTES = 256_000  # a configuration, a template; larger ones are data, which the run reads
DATA = frozenset(
    ".jsonl .csv .tsv .parquet .arrow .db .sqlite .gz .zip .bin .safetensors .pt .pkl .npy .ndjson".split()
)


class Content(NamedTuple):
    """A text that the script reads. `file` is None for a text in the script itself."""

    text: str
    source: Source | None
    trace: Trace
    file: Path | None


# -- where a path leads ----------------------------------------------------------------------------------
def locate(m: Machine, text: Value) -> Path | str:
    """Return the file of the project at a settled path, or why there is none."""
    if isinstance(text, Known) and isinstance(text.value, str):
        path = text.value
    elif (below := below_cwd(text)) is not None:
        path = below
    else:
        return f"it is known only at run time which file {describe(text)} is"
    if m.project.root is None:
        return f"file {path} is not read, because the script was given alone"
    return absolute(m, path) if path.startswith("/") else relative(m, path)


def absolute(m: Machine, path: str) -> Path | str:
    """Return the file at an absolute path, or why it is not read."""
    file = Path(path)
    if m.project.inside(file) is None:
        return f"file {path} is outside the project"
    if m.project.is_file(file):
        return file
    root = m.project.root
    return not_found(m, [file], file.relative_to(root).as_posix() if path.startswith(f"{root}/") else path)


def relative(m: Machine, path: str) -> Path | str:
    """Return the one file that a relative path leads to from a likely working directory, or why there is none."""
    files = [folder / path for folder in folders(m)]
    found: list[Path] = []
    for file in files:
        if m.project.is_file(file) and not any(m.project.inside(file) == m.project.inside(f) for f in found):
            found.append(file)
    if not found:
        return not_found(m, files, path)
    if len(found) > 1 and len({m.project.read(f) for f in found}) > 1:
        return f"several files of the project are called {path}; the working directory decides which one is read"
    return found[0]


def not_found(m: Machine, files: list[Path], shown: str) -> str:
    for file in files:
        m.project.read(file)  # remembered as looked for: a file that appears there changes the result
    return f"file {shown} was not found in the project"


def folders(m: Machine) -> list[Path]:
    """Return likely working directories: the script's folder and those above it, up to the project's root."""
    root, script = m.project.root, m.project.script
    if m.directory is not None:
        return [m.directory]
    if script is None or root not in script.parents:
        return [root]
    above = list(script.parents)
    return above[: above.index(root) + 1][::-1]


def may_be_written(m: Machine, file: Path) -> bool:
    """Return whether the script itself wrote, or may have written, this file before."""
    for value in m.recording.written:
        for option in options(value):
            text = option.value if isinstance(option, (Known, Default)) else None
            if isinstance(option, Text):
                last = option.parts[-1]
                if isinstance(last, str) and last.rsplit("/", 1)[-1] == file.name:
                    return True
            elif isinstance(text, (str, PurePosixPath)) and PurePosixPath(str(text)).name == file.name:
                return True
    return False


def content(m: Machine, path: Value, trace: Trace = ()) -> Content | str:
    """Return the content of the file at a settled path, or why it is not known."""
    place = locate(m, text_of(path))
    if isinstance(place, str):
        return place
    if may_be_written(m, place):
        return f"the script itself writes {place.name}"
    if place.suffix in DATA:
        return f"{place.name} is a data file, and those are not read"
    if disk.size(place) > MAX_TEXT_BYTES:
        return f"{place.name} is larger than {MAX_TEXT_BYTES // 1000} kB and is not read"
    if place not in m.documents:
        data = m.project.read(place)
        if data is None:
            return f"file {place.name} cannot be read"
        try:
            text = data.decode("utf-8-sig")
            m.documents[place] = Source(m.project.display(place), text.replace("\r\n", "\n").replace("\r", "\n"))
        except (UnicodeDecodeError, SourceError):
            return f"file {place.name} is not text"
    source = m.documents[place]
    return Content(source.text, source, trace, place)


# -- what is on the disk ---------------------------------------------------------------------------------
@path_method(
    "exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "stat",
    "lstat",
    "glob",
    "rglob",
    "iterdir",
    "samefile",
    "owner",
    "readlink",
    "is_mount",
)
def on_disk(call: ModelCall) -> Value:
    receiver = call.receiver
    if call.name in ("exists", "is_file"):
        found = lift(lambda p: existing(call.machine, p, call.name), receiver)
        if not isinstance(found, Unknown):
            return found
    call.machine.may_raise_count += 1
    inner = ", ".join(describe(a) for a in call.arguments.positional)
    return Known(
        Opaque(f"{describe(receiver)}.{call.name}({inner})", "call", (receiver, *call.arguments.positional)),
        receiver.trace,
    )


def existing(m: Machine, p: Value, name: str) -> Value:
    """Return True for a file whose rows are given and a configuration that the script does not write, else a term."""
    text = text_of(p)
    if isinstance(text, Known) and isinstance(text.value, str):
        if (
            posixpath.normpath(posixpath.join(m.directory or m.project.root or ".", text.value))
            in m.recording.rows_given
        ):
            return Known(True, p.trace)
    if isinstance(text, (Known, Text)):
        place = locate(m, text)
        if (
            isinstance(place, Path)
            and place.suffix in CONFIGURATION
            and not LEFTOVER.search(str(place))
            and not may_be_written(m, place)
        ):
            return Known(True, p.trace)
    m.may_raise_count += 1
    return Known(
        Opaque(f"{describe(p)}.{name}()" if is_path(p) else f"os.path.{name}({describe(p)})", "call", (p,)), p.trace
    )
