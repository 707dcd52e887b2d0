"""Commands of one script (`train.py sft --lr 1e-4`): which of them run, and the words that are no options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ....training_plan.values import Default, Known, Unknown, Value
from ...core.machine import Machine
from .process import started

OPTION = re.compile(r"--?[A-Za-z]")
WHICH = "the command line says which command runs"


def run_command(m: Machine, commands: Mapping[Any, Callable[[], Value]]) -> Value:
    """Run the command that the command line names; if it names none, each of them, on a path of its own."""
    named = command_named(m, commands)
    if named is not None:
        m.command_named = True
        return _run(m, named, commands[named])
    if len(commands) == 1:
        return next(iter(commands.values()))()
    mark, paths = m.mark(), []
    for name, start in commands.items():
        with m.supposing(WHICH):
            _run(m, name, start)
        paths.append(m.changes(mark))
        m.rollback(mark)
    m.join_paths(mark, paths)
    return Unknown(WHICH)


def _run(m: Machine, name: Any, start: Callable[[], Value]) -> Value:
    before = m.command
    m.command = f"{before} {name}".lstrip()
    try:
        return start()
    finally:
        m.command = before


def command_named(m: Machine, names: Iterable[Any]) -> Any:
    """Return the one of these commands that the command line names, or None."""
    line = started(m)
    words = [word.value for word in line.words if isinstance(word, Known)] if line is not None else []
    spelled = {str(name).replace("_", "-"): name for name in names}
    return next((spelled[name] for word in words if (name := str(word).replace("_", "-")) in spelled), None)


def arguments(m: Machine, takes: Callable[[str], bool]) -> list[Value]:
    """Return the words that are neither the command's name, nor options, nor their values.

    `takes`: whether an option has a value. Without a command line the list is empty.
    """
    line = started(m)
    if line is None:
        return []
    found: list[Value] = []
    names = m.command.split()
    before = ""
    for word in line.words:
        text = str(word.value) if isinstance(word, (Known, Default)) else ""
        is_option = OPTION.match(text) is not None
        if not is_option and before and "=" not in before and takes(before):
            pass  # its value
        elif not is_option and names and text.replace("_", "-") == names[0].replace("_", "-"):
            names.pop(0)
        elif not is_option:
            found.append(word)
        before = text if is_option else ""
    return found
