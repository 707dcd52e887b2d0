"""One command line: the words that a script gets, and the launcher's settings of the run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..files.discovery import is_launch_file
from ..training_plan.values import Default, Known, Place, Unknown, Value
from . import Source, Span

HERE = "the command line"  # what the words after `--` are called in a trace
ANOTHER = "another launch"  # what may override a value that a launch gives, which is one of several ways to start


@dataclass(frozen=True)
class CommandLine:
    """The start of one run.

    `text` is the line as shown to users, on one row. `script` is the path as written in the line; `program` is the
    flavour of configuration that is read instead, if the line starts such a program. `words` is the content of
    `sys.argv[1:]`. `said` is False for a line that was only found beside the script: another line may start it. `more`
    tells why there may be further words. `folders` are possible bases of its relative paths, most likely first.
    """

    text: str
    script: str = ""
    program: str = ""
    words: tuple[Value, ...] = ()
    place: Place | None = None
    said: bool = True
    more: str = ""
    module: bool = False  # `python -m package.script`: `script` is the module as a path
    function: str = ""  # of that module, where the line starts an entry point of the project
    processes: Value | None = None
    precision: Value | None = None
    accumulation: Value | None = None
    files: tuple[str, ...] = ()  # accelerate's configuration, where the line names it
    folders: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """The key that is equal for two lines that start the same run."""
        said = (*self.words, self.processes, self.precision, self.accumulation, *self.environment.values())
        return (
            self.program,
            self.function,
            self.more,
            self.files,
            *self.environment,
            *(_plain(value) for value in said),
        )

    @property
    def is_launch_file(self) -> bool:
        """Whether the line starts another file of launches: `bash train.sh --lr 1e-4`."""
        return is_launch_file(self.script)

    def names(self, option: str) -> bool:
        """Return whether a word may be this option: its name, its beginning or its first letter."""
        name = option.lstrip("-").replace("_", "-")
        words = (word.value for word in self.words if isinstance(word, (Known, Default)))
        said = (str(word).partition("=")[0].replace("_", "-") for word in words if str(word).startswith("-"))
        return any(name.startswith(word.lstrip("-") or "-") for word in said)

    @property
    def overridable(self) -> str:
        """The reason why one of its words may differ in the run; "" if the words are those of the run."""
        return self.more or ("" if self.said else HERE)

    def where(self) -> str:
        """Return the place of the line as text: `run.sh:3`."""
        if self.place is None:
            return HERE
        span = self.place.source.span(self.place.node)
        cell = f"cell {span.cell}:" if span.cell else ""
        return f"{self.place.source.path}:{cell}{span.row}" if self.place.source.path != HERE else HERE


def _plain(value: Value | None) -> object:
    if isinstance(value, (Known, Default)):
        return type(value).__name__, repr(value.value)
    return repr(getattr(value, "why", None) or getattr(value, "options", None)) if value is not None else None


def said(words: Sequence[str], script: str) -> CommandLine:
    """Return the command line of a script from the words given to us after `--`."""
    prefix = f"{script} "
    columns, text = [], prefix
    for word in words:
        quoted = shlex.quote(word)
        columns.append((len(text) + 1, len(text) + 1 + len(quoted)))
        text += quoted + " "
    text = text.rstrip(" ") or prefix.strip()
    source = Source(HERE, text)
    source.kind = "launch"
    made, before = [], 0
    for word, (start, end) in zip(words, columns):
        made.append(Known(word, (Place(source, Span(1, before or start, 1, end)),)))
        before = start if word.startswith("-") and "=" not in word else 0  # a value is shown with its option
    place = Place(source, Span(1, 1, 1, len(text) + 1))
    return CommandLine(text, script, words=tuple(made), place=place, folders=(os.getcwd(),))


def unknown(why: str, place: Place | None) -> Unknown:
    return Unknown(why, (place,) if place is not None else ())
