"""One command line: the words that a script sees, and what its launcher says of the run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..source import Source, Span
from ..training_plan.values import Default, Known, Place, Unknown, Value

HERE = "the command line"  # what the words after `--` are called in a trace


@dataclass(frozen=True)
class CommandLine:
    """How one run is started.

    `text` is the line as people know it, on one row. `script` is the path that it names, as it stands there; `program`
    the flavour of configuration that is read instead, where the line starts such a program. `words` are what
    `sys.argv[1:]` holds. `said` is False for a line that merely lies beside the script: another may start it. `more`
    says why there may be further words. `folders` are where its relative paths may start from, most likely first.
    """

    text: str
    script: str = ""
    program: str = ""
    words: tuple[Value, ...] = ()
    place: Place | None = None
    said: bool = True
    more: str = ""
    module: bool = False  # `python -m package.script`: `script` is the module as a path
    processes: Value | None = None
    precision: Value | None = None
    accumulation: Value | None = None
    files: tuple[str, ...] = ()  # accelerate's configuration, where the line names it
    folders: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """What two lines share that start the same run."""
        said = (*self.words, self.processes, self.precision, self.accumulation, *self.environment.values())
        return (self.program, self.more, self.files, *self.environment, *(_plain(value) for value in said))

    @property
    def overridable(self) -> str:
        """Why a word of it may be another when the script is started; "" where it is what the run gets."""
        return self.more or ("" if self.said else HERE)

    def where(self) -> str:
        """The place of the line in words: `run.sh:3`."""
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
    """The command line of a script whose own words were given to us, after `--`."""
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
