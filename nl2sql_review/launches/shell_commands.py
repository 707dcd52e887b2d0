"""The commands of a shell script as they are run: each with its words, their values and places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Union

from ..training_plan.values import Default, Known, Unknown, Value
from .shell_parts import Document
from .shell_values import ends


@dataclass
class Word:
    """A word as the command gets it."""

    value: Value
    start: int
    end: int

    @property
    def text(self) -> str:
        """The word if it is settled, also by a default; else ""."""
        value = self.value
        return value.value if isinstance(value, (Known, Default)) and isinstance(value.value, str) else ""

    @property
    def head(self) -> str:
        """Its literal beginning if the rest is not known: `--lr=`."""
        return ends(self.value)[0] if isinstance(self.value, Unknown) else ""

    @property
    def tail(self) -> str:
        """Its literal end if the beginning is not known: `/train.py`."""
        return ends(self.value)[1] if isinstance(self.value, Unknown) else ""


@dataclass
class Command:
    """One simple command; `environment` holds the assignments before it, `more` why it may have further words."""

    words: list[Word]
    start: int
    end: int
    environment: dict[str, Value] = field(default_factory=dict)
    more: str = ""
    folder: str = ""  # where `cd` has led, relative to where the script is started
    in_own_folder: bool = False  # after `cd "$(dirname "$0")"`
    within: Union[Callable[[str], Iterator[Command]], None] = None  # reads a text with the variables as they are
    turn: str = ""  # which of a loop, or call of a function, it belongs to: `lr=1e-4`
    loose: str = ""  # why a word may stand for none or several: a variable without quotes that is not known
    documents: tuple[Document, ...] = ()  # that it reads


def set_in(commands: Iterator[Command], environment: dict[str, Value]) -> Iterator[Command]:
    """Yield the commands with variables that are set around them."""
    for command in commands:
        command.environment = {**environment, **command.environment}
        yield command
