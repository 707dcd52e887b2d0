"""From commands to launches: the command lines that start a training, with the places of their words.

A launch may stand behind other commands (`srun`, `nohup`, `uv run`, …), or in a word that is a command line itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from ..files import disk
from ..files.discovery import is_launch_file
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Either, Known, Place, Unknown, Value
from . import entry_points
from .launcher_options import several_tasks, visible_cards
from .programs import MODULES, Programs, Start, name_of
from .shell import Shell
from .shell_commands import Command, Word

# What stands before the command that counts; their own options are passed over.
WRAPPERS = frozenset(
    """srun mpirun mpiexec jsrun aprun horovodrun nohup time nice ionice sudo su exec eval env stdbuf numactl taskset
    timeout caffeinate xvfb-run nsys ncu sbatch bsub qsub salloc ipython jupyter coverage kernprof bash sh zsh command
    setsid watch screen tmux ts tsp ssh gcloud sky ray direnv dotenv doppler""".split()
)
# Of these, one command runs something, and others copy or add files: `uv run train.py`, `docker cp train.py …`.
TOOLS = frozenset(
    """poetry pipenv pipx pdm hatch uv uvx rye conda mamba micromamba pixi singularity apptainer docker podman
    docker-compose kubectl hf modal""".split()
)
RUNS = ("run", "exec")
SHELLS = ("bash", "sh", "zsh", "sbatch", "qsub", "bsub")  # which start launch files
BARE_SCRIPT = re.compile(r"[^\s:]+\.py")
CONFIGURATION = re.compile(r"/.+\.(?:ya?ml|json|toml)")
OPTION = re.compile(r"^--?[\w-]+=(?=\S+\s)")  # before a word that is a command line: `--wrap=python train.py`
BLANK = re.compile(r"\s")
VARIABLE = re.compile(r"\$(?:\w+|\{\w[^{}]*\})")  # a word that is nothing else
DEEPEST = 3  # command lines within words of command lines


class Launchers:
    """Converter of one file's commands to command lines. `place` returns the place of a range of its text."""

    def __init__(
        self,
        text: str,
        place: Callable[[int, int], Place],
        folders: Callable[[Command], tuple[str, ...]],
        *,
        cards: Value | None = None,
        placeholders: str = "",
        written: str = "",
        depth: int = 0,
    ) -> None:
        self._written = written if len(written) == len(text) else text  # what make is given, rather than the shell
        self._text, self._place, self._folders = text, place, folders
        self._cards, self._placeholders = cards, placeholders
        self._depth = depth

    @cached_property
    def _entry_points(self) -> dict[str, tuple[str, str]]:
        """Those of the project, read once a command may be one."""
        return entry_points.of(self._folders(Command([], 0, 0))[0])

    def of(self, commands: Iterator[Command]) -> Iterator[CommandLine]:
        """Yield the launches among these commands."""
        for command in commands:
            found = self._launch(command)
            if found is not None:
                yield found
            elif name_of(command.words[0]) in WRAPPERS | TOOLS:
                yield from self._inside(command)
                yield from self._fed(command)

    def _inside(self, command: Command) -> Iterator[CommandLine]:
        """Yield the launches in words that are command lines themselves: `bash -c "cd src && python train.py"`."""
        for word in command.words[1:]:
            known = isinstance(word.value, Known)
            text = OPTION.sub("", word.text if known else self._unquoted(word))
            if self._depth == DEEPEST or not BLANK.search(text.strip()):
                continue
            place = self._place(word.start, word.end)
            inner = Launchers(text, within(place), self._folders, cards=self._cards, depth=self._depth + 1)
            if known or command.within is None:
                exported = {name: [value] for name, value in command.environment.items()}
                commands = Shell(exported, folder=command.folder).commands(text)
            else:
                commands = command.within(text)
            for one in inner.of(commands):
                processes = one.processes or placed(several_tasks(command.words), place)
                environment = {**command.environment, **one.environment}
                yield replace(one, processes=processes, environment=environment)

    def _unquoted(self, word: Word) -> str:
        """Return a word as it stands, without its double quotes; single ones in these quote what is filled in."""
        written = self._text[word.start : word.end]
        return written.replace('"', "").replace("'", '"') if written.startswith('"') else written.replace('"', "")

    def _fed(self, command: Command) -> Iterator[CommandLine]:
        """Yield the launches in a here-document that a shell or `sbatch` runs."""
        runs = any(name_of(word) in SHELLS for word in command.words) and self._depth < DEEPEST
        if not runs or command.within is None:
            return
        for document in command.documents:
            text = self._text[document.start : document.end]
            if document.literal:
                commands = Shell(folder=command.folder).commands(text)
            else:  # what this shell fills in, and `\\$LR` that the other one does
                commands = command.within(text.replace("\\$", "$_"))
            inner = Launchers(
                text, self._shifted(document.start), self._folders, cards=self._cards, depth=self._depth + 1
            )
            yield from inner.of(commands)

    def _shifted(self, by: int) -> Callable[[int, int], Place]:
        return lambda start, end: self._place(start + by, end + by)

    def _launch(self, command: Command) -> CommandLine | None:
        words = command.words
        visible = visible_cards(command.environment.get("CUDA_VISIBLE_DEVICES")) or self._cards
        programs = Programs(self._text, visible, lambda: self._entry_points)
        wrappers: list[Word] = []
        if name_of(words[0]) in WRAPPERS | TOOLS:
            first = next((n for n in range(1, len(words)) if starts(programs, words, n)), None)
            if first is None:
                return None
            wrappers, words = words[:first], words[first:]
        start = programs.started(words, bool(wrappers))
        return self._finished(start, command, wrappers) if start is not None else None

    def _finished(self, start: Start, command: Command, wrappers: list[Word]) -> CommandLine:
        place, folders = self._place(command.start, command.end), self._folders(command)
        words = [part for word in start.words for part in _apart(word, self._text[word.start : word.end])]
        text = " ".join(self._written[command.start : command.end].replace("\\\n", " ").replace("\\\r\n", " ").split())
        processes = start.processes or (None if start.program else several_tasks(wrappers))
        return CommandLine(
            f"{text} ({command.turn})" if command.turn else text,
            start.script,
            start.program,
            tuple(self._word(word, before, folders) for word, before in zip(words, (None, *words))),
            place,
            more=command.more or self._open(words),
            module=start.module,
            function=start.function,
            processes=placed(processes, place),
            precision=placed(start.precision, place),
            accumulation=placed(start.accumulation, place),
            files=start.files,
            folders=folders,
            environment={name: _at(value, place) for name, value in command.environment.items()},
        )

    def _open(self, words: list[Word]) -> str:
        """Return why there may be other words: a variable without quotes that is no option's value is any number."""
        for word, before in zip(words, (None, *words)):
            is_value = before is not None and before.text.startswith("-") and "=" not in before.text
            written = self._text[word.start : word.end]
            if isinstance(word.value, Unknown) and not is_value and VARIABLE.fullmatch(written):
                return f"{written} may stand for several words"
        return ""

    def _word(self, word: Word, before: Word | None, folders: tuple[str, ...]) -> Value:
        """Return the word with its place; the place of a value includes the option before it."""
        named = before is not None and re.fullmatch(r"--?[A-Za-z][\w-]*", before.text) and not word.text.startswith("-")
        beside = before is not None and "\n" not in self._text[before.end : word.start]
        place = self._place(before.start if before is not None and named and beside else word.start, word.end)
        if self._placeholders and (found := re.search(r"\{[^{}]+\}", word.text)):
            return Unknown(f"{found[0]} {self._placeholders}", (place,))
        if CONFIGURATION.fullmatch(word.tail) and (file := below(word.tail, folders)):
            return Default(file, word.value.why.partition(" ")[0], (place,))
        return _at(word.value, place)


def starts(programs: Programs, words: list[Word], at: int) -> bool:
    """Return whether a command begins at a word behind a wrapper."""
    text = words[at].text
    name = name_of(words[at])
    if name in MODULES:
        return at > 1 and words[at - 1].text == "run" and name_of(words[0]) == "uv"
    runs = name_of(words[0]) not in TOOLS or any(word.text in RUNS for word in words[1:at])
    return bool(
        programs.is_python(words[at])
        or name in ("torchrun", "accelerate-launch", "deepspeed")
        or name == "accelerate"
        and at + 1 < len(words)
        and words[at + 1].text == "launch"
        or runs
        and BARE_SCRIPT.fullmatch(text or words[at].tail)
        or is_launch_file(text or words[at].tail)
        and any(name_of(word) in SHELLS for word in words[:at])
        or programs.named(words[at:]) is not None
    )


def below(path: str, folders: Iterable[str]) -> str:
    """Return the file that the end of a path on another machine, or in a container, names below one of the folders."""
    parts = path.split("/")[1:]
    inner = (os.path.join(folder, *parts[start:]) for start in range(len(parts)) for folder in folders)
    return next(filter(disk.is_file, inner), "")


def within(place: Place) -> Callable[[int, int], Place]:
    """Return the function for a text whose parts have no places of their own, only that of the whole."""
    return lambda start, end: place


def _apart(word: Word, written: str) -> list[Word]:
    """Return `--lr=$LR`, of which only the value may differ, as an option and its value; any other word as it is."""
    found = re.match(r"(--[A-Za-z][\w-]*)=", written if word.text or isinstance(word.value, Either) else word.head)
    if found is None or isinstance(word.value, Known):
        return [word]
    return [replace(word, value=Known(found[1])), replace(word, value=_after(word.value, found[0]))]


def _after(value: Value, prefix: str) -> Value:
    """Return what follows a prefix in a word."""
    if isinstance(value, Either):
        return Either(tuple(_after(option, prefix) for option in value.options), value.condition)
    if isinstance(value, Known):
        return Known(str(value.value).removeprefix(prefix))
    return Default(str(value.value).removeprefix(prefix), value.overridden_by) if isinstance(value, Default) else value


def placed(value: Value | None, place: Place) -> Value | None:
    """Return the value, if there is one, with its place."""
    return None if value is None else _at(value, place)


def _at(value: Value, place: Place) -> Value:
    """Return the value with its place."""
    if isinstance(value, Known):
        return Known(value.value, (place,))
    if isinstance(value, Default):
        return Default(value.value, value.overridden_by, (place,))
    if isinstance(value, Either):
        return Either(tuple(_at(option, place) for option in value.options), value.condition, (place,))
    return Unknown(value.why, (place,))
