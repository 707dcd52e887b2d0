"""Launches in the tables of `pyproject.toml` that name the tasks of a project: of poe, pixi, pdm, taskipy and hatch."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from ..files import toml
from ..source import Source, Span
from ..source.command_line import CommandLine
from ..training_plan.values import Place
from .launchers import Launchers, within
from .shell import Shell
from .shell_commands import Command

TABLES = (("poe", "tasks"), ("pixi", "tasks"), ("pdm", "scripts"), ("taskipy", "tasks"), ("hatch", "envs"))
KEYS = ("cmd", "shell", "sequence", "scripts")  # of one task, or of an environment of hatch
DEEPEST = 4  # tables within tables
HOLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)(?!\w)[^{}]*\}\}")
FILLED = "is filled in where the task is started"


def of_pyproject(source: Source, folders: Callable[[Command], tuple[str, ...]]) -> list[CommandLine]:
    """Return the launches among the tasks that a `pyproject.toml` declares; [] if it is malformed."""
    try:
        tables = toml.parsed(source.text)
    except toml.NotToml:
        return []
    made: list[CommandLine] = []
    for path in TABLES:
        for command in _commands(toml.table(tables, "tool", *path), 0, named=True):
            text = HOLE.sub(r"${\1}", command)  # pixi's
            launchers = Launchers(text, within(_place(source, command)), folders, placeholders=FILLED)
            made += launchers.of(Shell(unset=lambda name: f"{name} {FILLED}").commands(text))
    return made


def _commands(said: object, depth: int, named: bool = False) -> Iterator[str]:
    """Yield the command lines of a task, or of a table with tasks by name."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list) and depth < DEEPEST:
        for one in said:
            yield from _commands(one, depth + 1)
    elif isinstance(said, dict) and depth < DEEPEST:
        for key, value in said.items():
            words = key == "cmd" and isinstance(value, list) and all(isinstance(word, str) for word in value)
            if words:
                yield shlex.join(value)
            elif named or key in KEYS:
                yield from _commands(value, depth + 1, named=key == "scripts")


def _place(source: Source, command: str) -> Place:
    """Return the row in which a command line stands."""
    at = source.text.find(command.partition("\n")[0])
    row = source.text.count("\n", 0, max(at, 0)) + 1
    column = at - source.text.rfind("\n", 0, at) if at >= 0 else 1
    return Place(source, Span(row, column, row, column + len(command.partition("\n")[0])))
