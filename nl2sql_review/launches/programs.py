"""From the words of a command to the script or program that they start: `python`, `torchrun`, `accelerate launch`.

The programs that train from a configuration are known by their flavours: `trl sft`, `axolotl train`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .. import flavours
from ..files.discovery import is_launch_file
from ..training_plan.values import Default, Known, Unknown, Value
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
)
from .shell_commands import Word

LAUNCHER_VARIABLE = re.compile(
    r"""["']?\$[({]?\w*(?:launch|runner|torchrun|accelerate|deepspeed|srun|cmd|command|exec)\w*[)}]?["']?""",
    re.IGNORECASE,
)
PYTHON_VARIABLE = re.compile(
    r"""["']?\$[({]?\w*py(?:thon)?\d?(?:_?(?:bin|exec|exe|cmd|path))?[)}]?["']?""", re.IGNORECASE
)
PYTHON = re.compile(r"(?:.*/)?(?:python[\d.]*|pypy\d?|ipython\d?)(?:\.exe)?")
NO_SCRIPTS = ("pip", "venv", "ensurepip", "build", "pytest")  # modules of tools
MODULES = ("-m", "--module")
CARDS = ("gpu", "auto")
CONFIG_OPTIONS = ("--config", "-c", "--config_file", "--config-file")


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


@dataclass
class Programs:
    """What the words of one command may start.

    `text` is that of the file, in which the places of the words are; `cards` the number of GPUs that the command sees,
    if it is said; `entry_points` returns the commands of the project, each with its module and function.
    """

    text: str
    cards: Value | None
    entry_points: Callable[[], dict[str, tuple[str, str]]]

    def started(self, words: list[Word], wrapped: bool) -> Start | None:
        """Return what the words start; `wrapped`: another command runs them."""
        name = name_of(words[0])
        if self.is_python(words[0]):
            return self._python(words[1:])
        if name in MODULES:  # uv run -m package.train
            return self._script(words[1:], True) if wrapped else None
        if name in ("torchrun", "torch_distributed_run"):
            return self._torchrun(words[1:])
        if name in ("accelerate", "accelerate-launch"):
            rest = words[1:] if name == "accelerate-launch" else words[2:]
            is_launch = name == "accelerate-launch" or len(words) > 1 and words[1].text == "launch"
            return self._accelerate(rest) if is_launch else None
        if name in ("deepspeed", "ds"):
            return self._deepspeed(words[1:])
        if LAUNCHER_VARIABLE.fullmatch(self.text, words[0].start, words[0].end) and not words[0].text:
            return self._torchrun(words)
        if not wrapped and not words[0].text.startswith("./"):
            return self.named(words)
        if is_launch_file(path := words[0].text or words[0].tail.lstrip("/")):
            return Start(path, words[1:])
        if SCRIPT.fullmatch(path):
            return self._script(words)
        return self.named(words)

    def is_python(self, word: Word) -> bool:
        """Return whether a word is Python, or a variable that is set elsewhere and must be it: `$PYTHON`."""
        if not isinstance(word.value, Unknown):
            return PYTHON.fullmatch(word.text) is not None
        return PYTHON_VARIABLE.fullmatch(self.text, word.start, word.end) is not None

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
            processes = self.cards or Unknown("accelerate starts one process per GPU")
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
            return Known(default) if default is not None else self.cards or Unknown(why)
        if word.text in CARDS:
            return self.cards or Unknown(f"{why}: how many there are is known only at run time")
        made = number(word.value)
        if isinstance(made, (Known, Default)) and not isinstance(made.value, int):
            return Unknown(f"{word.text}: {why}")
        return made

    # -- what trains from a configuration ------------------------------------------------------------------------

    def named(self, words: list[Word]) -> Start | None:
        """Return the program that the first words name: one that trains from a configuration, or an entry point."""
        name = name_of(words[0])
        program = flavours.commands().get(f"{name} {words[1].text}") if len(words) > 1 else None
        if program is not None:
            return self._configured(program, words[2:])
        if name not in self.entry_points():
            return None
        module, function = self.entry_points()[name]
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


def name_of(word: Word) -> str:
    """Return the name of a program without its folder."""
    return word.text.rpartition("/")[2]
