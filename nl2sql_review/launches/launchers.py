"""From commands to launches: the commands that start a training, and the settings that they give.

`python`, `torchrun`, `accelerate launch`, `deepspeed` and their prefixes (`srun`, `nohup`, `uv run`, …), and
the programs that train from a configuration, as their flavours name them: `trl sft`, `axolotl train`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from .. import flavours
from ..files import disk
from ..files.discovery import is_launch_file
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Either, Known, Place, Unknown, Value
from . import entry_points
from .launcher_options import (
    ACCELERATE_FLAGS,
    DEEPSPEED_FLAGS,
    PYTHON_VALUES,
    SCRIPT,
    TORCHRUN_FLAGS,
    by_options,
    number,
    options,
    product,
    several_tasks,
    visible_cards,
)
from .shell import Command, Shell, Word

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
LAUNCHER_VARIABLE = re.compile(
    r"""["']?\$[({]?\w*(?:launch|runner|torchrun|accelerate|deepspeed|srun|cmd|command|exec)\w*[)}]?["']?""",
    re.IGNORECASE,
)
PYTHON_VARIABLE = re.compile(
    r"""["']?\$[({]?\w*py(?:thon)?\d?(?:_?(?:bin|exec|exe|cmd|path))?[)}]?["']?""", re.IGNORECASE
)
PYTHON = re.compile(r"(?:.*/)?(?:python[\d.]*|pypy\d?|ipython\d?)(?:\.exe)?")
BARE_SCRIPT = re.compile(r"[^\s:]+\.py")
NO_SCRIPTS = ("pip", "venv", "ensurepip", "build", "pytest")  # modules of tools
CARDS = ("gpu", "auto")
CONFIGURATION = re.compile(r"/.+\.(?:ya?ml|json|toml)")
OPTION = re.compile(r"^--?[\w-]+=(?=\S+\s)")  # before a word that is a command line: `--wrap=python train.py`
BLANK = re.compile(r"\s")
DEEPEST = 3  # command lines within words of command lines


@dataclass
class Start:
    """The script or program that a command starts, with its words, before their places are known."""

    script: str
    words: list[Word]
    program: str = ""
    module: bool = False
    function: str = ""
    processes: Value | None = None
    precision: Value | None = None
    accumulation: Value | None = None
    files: tuple[str, ...] = ()


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
        self._visible, self._depth = cards, depth
        self._entry_points: dict[str, tuple[str, str]] | None = None  # of the project, once a command may be one

    def of(self, commands: Iterator[Command]) -> Iterator[CommandLine]:
        """Yield the launches among these commands."""
        for command in commands:
            found = self._launch(command)
            if found is not None:
                yield found
            elif _name(command.words[0]) in WRAPPERS | TOOLS:
                yield from self._inside(command)

    def _inside(self, command: Command) -> Iterator[CommandLine]:
        """Yield the launches in words that are command lines themselves: `bash -c "cd src && python train.py"`."""
        for word in command.words[1:]:
            known = isinstance(word.value, Known)
            text = OPTION.sub("", word.text if known else self._text[word.start : word.end].replace('"', ""))
            if self._depth == DEEPEST or not BLANK.search(text.strip()):
                continue
            place = self._place(word.start, word.end)
            inner = Launchers(text, within(place), self._folders, cards=self._cards, depth=self._depth + 1)
            if known or command.shell is None:
                exported = {name: [value] for name, value in command.environment.items()}
                commands = Shell(exported, folder=command.folder).commands(text)
            else:
                commands = command.shell.within(text)
            for one in inner.of(commands):
                processes = one.processes or placed(several_tasks(command.words), place)
                environment = {**command.environment, **one.environment}
                yield replace(one, processes=processes, environment=environment)

    def _launch(self, command: Command) -> CommandLine | None:
        words = command.words
        self._visible = visible_cards(command.environment.get("CUDA_VISIBLE_DEVICES")) or self._cards
        wrappers: list[Word] = []
        if _name(words[0]) in WRAPPERS | TOOLS:
            first = next((n for n in range(1, len(words)) if self._starts(words, n)), None)
            if first is None:
                return None
            wrappers, words = words[:first], words[first:]
        name = _name(words[0])
        if self._is_python(words[0]):
            start = self._python(words[1:])
        elif name in ("torchrun", "torch_distributed_run"):
            start = self._torchrun(words[1:])
        elif name in ("accelerate", "accelerate-launch"):
            rest = words[1:] if name == "accelerate-launch" else words[2:]
            is_launch = name == "accelerate-launch" or len(words) > 1 and words[1].text == "launch"
            start = self._accelerate(rest) if is_launch else None
        elif name in ("deepspeed", "ds"):
            start = self._deepspeed(words[1:])
        elif LAUNCHER_VARIABLE.fullmatch(self._text, words[0].start, words[0].end) and not words[0].text:
            start = self._torchrun(words)
        elif not wrappers and not words[0].text.startswith("./"):
            start = self._program(words)
        elif is_launch_file(path := words[0].text or words[0].tail.lstrip("/")):
            start = Start(path, words[1:])
        elif SCRIPT.fullmatch(path):
            start = self._script(words)
        else:
            start = self._program(words)
        return self._finished(start, command, wrappers) if start is not None else None

    def _is_python(self, word: Word) -> bool:
        """Return whether a word is Python, or a variable that is set elsewhere and must be it: `$PYTHON`."""
        if not isinstance(word.value, Unknown):
            return PYTHON.fullmatch(word.text) is not None
        return PYTHON_VARIABLE.fullmatch(self._text, word.start, word.end) is not None

    def _starts(self, words: list[Word], at: int) -> bool:
        text = words[at].text
        name = _name(words[at])
        runs = _name(words[0]) not in TOOLS or any(word.text in RUNS for word in words[1:at])
        return bool(
            self._is_python(words[at])
            or name in ("torchrun", "accelerate-launch", "deepspeed")
            or name == "accelerate"
            and at + 1 < len(words)
            and words[at + 1].text == "launch"
            or runs
            and BARE_SCRIPT.fullmatch(text or words[at].tail)
            or is_launch_file(text or words[at].tail)
            and any(_name(word) in SHELLS for word in words[:at])
            or self._program(words[at:]) is not None
        )

    def _finished(self, start: Start, command: Command, wrappers: list[Word]) -> CommandLine:
        place, folders = self._place(command.start, command.end), self._folders(command)
        words = [part for word in start.words for part in _apart(word)]
        text = " ".join(self._written[command.start : command.end].replace("\\\n", " ").replace("\\\r\n", " ").split())
        processes = start.processes or (None if start.program else several_tasks(wrappers))
        return CommandLine(
            text,
            start.script,
            start.program,
            tuple(self._word(word, before, folders) for word, before in zip(words, (None, *words))),
            place,
            more=command.more,
            module=start.module,
            function=start.function,
            processes=placed(processes, place),
            precision=placed(start.precision, place),
            accumulation=placed(start.accumulation, place),
            files=start.files,
            folders=folders,
            environment={name: _at(value, place) for name, value in command.environment.items()},
        )

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

    # -- what starts a script ------------------------------------------------------------------------------------

    def _script(self, words: list[Word], module: bool = False) -> Start | None:
        """Return the script (or module) at the start of the words, with the words after it."""
        if not words:
            return None
        name = words[0].text or words[0].tail
        if module:
            if program := flavours.modules().get(name):
                return self._configured(program, words[1:])
            if not re.fullmatch(r"[\w.]+", name):
                return None
            name = name.replace(".", "/") + ".py"
        elif program := flavours.modules().get(name):
            return self._configured(program, words[1:])
        return Start(name, words[1:], module=module) if SCRIPT.fullmatch(name) else None

    def _python(self, words: list[Word]) -> Start | None:
        found = options(words, lambda name: f"-{name}" in PYTHON_VALUES)
        module = found.has("m")
        if found.has("c") or not found.rest or module and found.rest[0].text in NO_SCRIPTS:
            return None
        if module and found.rest[0].text in ("torch.distributed.run", "torch.distributed.launch"):
            return self._torchrun(found.rest[1:])
        if module and found.rest[0].text == "accelerate.commands.launch":
            return self._accelerate(found.rest[1:])
        if module and found.rest[0].text in ("deepspeed", "deepspeed.launcher.runner"):
            return self._deepspeed(found.rest[1:])
        return self._script(found.rest, module)

    def _torchrun(self, words: list[Word]) -> Start | None:
        found = options(words, lambda name: name not in TORCHRUN_FLAGS)
        line = self._script(found.rest, found.has("m", "module"))
        if line is None:
            return None
        each = self._count(found.get("nproc-per-node"), 1, "torchrun starts one process per GPU")
        nodes = self._count(found.get("nnodes"), 1, "the number of nodes is known only at run time")
        return replace(line, processes=by_options(found, product(each, nodes)))

    def _accelerate(self, words: list[Word]) -> Start | None:
        found = options(words, lambda name: name not in ACCELERATE_FLAGS)
        line = self._script(found.rest, found.has("m", "module"))
        if line is None:
            return None
        count, file = found.get("num-processes"), found.get("config-file")
        processes: Value | None = None
        if count is not None:
            processes = self._count(count, 1, "the number of processes is known only at run time")
        elif found.has("cpu"):
            processes = Known(1)
        elif found.has("multi-gpu"):
            processes = self._visible or Unknown("accelerate starts one process per GPU")
        precision, steps = found.get("mixed-precision"), found.get("gradient-accumulation-steps")
        return replace(
            line,
            processes=by_options(found, processes),
            precision=precision.value if precision is not None else None,
            accumulation=number(steps.value) if steps is not None else None,
            files=tuple(one for one in (file.text or file.tail.lstrip("/"),) if one) if file is not None else (),
        )

    def _deepspeed(self, words: list[Word]) -> Start | None:
        found = options(words, lambda name: name not in DEEPSPEED_FLAGS)
        line = self._script(found.rest, found.has("module"))
        if line is None:
            return None
        include = found.get("include", "i")
        if include is not None:
            listed = re.fullmatch(r"[\w.-]+:(\d+(?:,\d+)*)", include.text)
            each: Value = (
                Known(listed[1].count(",") + 1)
                if listed
                else Unknown("which GPUs it includes is known only at run time")
            )
            return replace(line, processes=each)
        every = "deepspeed starts one process per GPU"
        each = self._count(found.get("num-gpus", "num-accelerators"), None, every)
        processes = product(each, self._count(found.get("num-nodes"), 1, every))
        return replace(line, processes=by_options(found, processes))

    def _count(self, word: Word | None, default: int | None, why: str) -> Value:
        if word is None:
            return Known(default) if default is not None else self._visible or Unknown(why)
        if word.text in CARDS:
            return self._visible or Unknown(f"{why}: how many there are is known only at run time")
        made = number(word.value)
        if isinstance(made, (Known, Default)) and not isinstance(made.value, int):
            return Unknown(f"{word.text}: {why}")
        return made

    # -- what trains from a configuration ------------------------------------------------------------------------

    def _program(self, words: list[Word]) -> Start | None:
        name = _name(words[0])
        program = flavours.commands().get(f"{name} {words[1].text}") if len(words) > 1 else None
        if program is not None:
            return self._configured(program, words[2:])
        if self._entry_points is None:
            self._entry_points = entry_points.of(self._folders(Command([], 0, 0))[0])
        if name not in self._entry_points:
            return None
        module, function = self._entry_points[name]
        return Start(module.replace(".", "/") + ".py", words[1:], module=True, function=function)

    def _configured(self, program: str, words: list[Word]) -> Start:
        """Return a program with its words; `script` is the file that they name, or "" if they name none."""
        rest: list[Word] = []
        script, at = "", 0
        while at < len(words):
            text = words[at].text or words[at].tail
            name, equals, value = text.partition("=")
            if name in CONFIG_OPTIONS and (equals or at + 1 < len(words)):
                script = value if equals else words[at + 1].text or words[at + 1].tail.lstrip("/")
                at += 1 if equals else 2
            elif (
                not script and not rest and text.lower().endswith((".yaml", ".yml", ".json", ".toml")) and name == text
            ):
                script = text.lstrip("/") if not words[at].text else text
                at += 1
            else:
                rest.append(words[at])
                at += 1
        return Start(script, rest, program)


def below(path: str, folders: Iterable[str]) -> str:
    """Return the file that the end of a path on another machine, or in a container, names below one of the folders."""
    parts = path.split("/")[1:]
    inner = (os.path.join(folder, *parts[start:]) for start in range(len(parts)) for folder in folders)
    return next(filter(disk.is_file, inner), "")


CONFIG_OPTIONS = ("--config", "-c", "--config_file", "--config-file")


def within(place: Place) -> Callable[[int, int], Place]:
    """Return the function for a text whose parts have no places of their own, only that of the whole."""
    return lambda start, end: place


def _apart(word: Word) -> list[Word]:
    """Return `--lr=$LR`, of which only the value is unknown, as an option and its value; any other word as it is."""
    found = re.match(r"(--[A-Za-z][\w-]*)=", word.head)
    return [replace(word, value=Known(found[1])), word] if found is not None else [word]


def _name(word: Word) -> str:
    """Return the name of a program without its folder."""
    return word.text.rpartition("/")[2]


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
