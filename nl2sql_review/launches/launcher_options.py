"""Options of launchers, and the number of training processes that they give."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..training_plan.values import Default, Either, Known, Unknown, Value, overrider
from .shell_commands import Word

SCRIPT = re.compile(r".+\.py")
PYTHON_VALUES = ("-W", "-X", "--check-hash-based-pycs")  # options with a value
# Options without one, behind which the script's name may stand.
TORCHRUN_FLAGS = ("standalone", "m", "module", "no-python", "run-path", "use-env", "use_env")
ACCELERATE_FLAGS = frozenset(
    """m module multi-gpu cpu use-deepspeed use-fsdp use-megatron-lm use-xpu tpu debug no-python quiet q same-network
    dynamo-use-fullgraph dynamo-use-dynamic tpu-use-cluster tpu-use-sudo use-parallelism-config use-mps-device
    no-tpu-cluster enable-cpu-affinity""".split()
)
DEEPSPEED_FLAGS = frozenset(
    "module no-python no-local-rank no-ssh no-ssh-check force-multi bind-cores-to-rank save-pid".split()
)


@dataclass
class Options:
    """A launcher's options: the last value of each by name with dashes, None for flags; and the words after them."""

    values: dict[str, Word | None] = field(default_factory=dict)
    rest: list[Word] = field(default_factory=list)
    open: bool = False  # there may be further ones: `torchrun $ARGS train.py`

    def get(self, *names: str) -> Word | None:
        return next((self.values[name] for name in names if self.values.get(name) is not None), None)

    def has(self, *names: str) -> bool:
        return any(name in self.values for name in names)


def options(words: list[Word], takes: Callable[[str], bool]) -> Options:
    """Split a launcher's own options from the started command; `takes(name)`: whether the option has a value."""
    made, at = Options(), 0
    while at < len(words):
        text = words[at].text or words[at].head or words[at].tail
        if not text and any(SCRIPT.fullmatch(word.text or word.tail) or word.text == "-m" for word in words[at + 1 :]):
            made.open = True
            at += 1
            continue
        if not text.startswith("-") or text == "-":
            break
        name, equals, value = text.partition("=")
        name = name.lstrip("-").replace("_", "-")
        if equals:
            word = words[at]
            known = isinstance(word.value, Known)
            made.values[name] = replace(word, value=Known(value) if known else word.value)
            at += 1
        elif takes(name):
            made.values[name] = words[at + 1] if at + 1 < len(words) else None
            at += 2
        else:
            made.values[name] = None
            at += 1
    made.rest = words[at:]
    return made


def number(value: Value) -> Value:
    """Return a word as a whole number, if it is one."""
    if isinstance(value, Either):
        made = tuple(number(option) for option in value.options)
        return Either(made, value.condition)
    if not isinstance(value, (Known, Default)):
        return value
    text = str(value.value)
    if not re.fullmatch(r"\d{1,9}", text):
        return value
    return Known(int(text)) if isinstance(value, Known) else Default(int(text), value.overridden_by)


def by_options(found: Options, processes: Value | None) -> Value | None:
    """Return the number of processes by a launcher's options, unknown if not all of them are known."""
    return Unknown("some options of the launcher are known only at run time") if found.open else processes


def product(a: Value, b: Value) -> Value:
    """Return the product of two numbers, unknown if one of them is."""
    for value in (a, b):
        if not isinstance(value, (Known, Default)) or not isinstance(value.value, int):
            return value
    assert isinstance(a, (Known, Default)) and isinstance(b, (Known, Default))
    by = overrider(a, b)
    return Default(a.value * b.value, by) if by else Known(a.value * b.value)


def visible_cards(cards: Value | None) -> Value | None:
    """Return the number of cards visible with `CUDA_VISIBLE_DEVICES=0,1`."""
    text = cards.value if isinstance(cards, Known) else None
    return Known(text.count(",") + 1) if isinstance(text, str) and re.fullmatch(r"\d+(?:,\d+)*", text) else None


def several_tasks(wrappers: list[Word]) -> Unknown | None:
    """Return the number of processes that `srun` starts, if that is more than one."""
    if not wrappers or os.path.basename(wrappers[0].text) != "srun":
        return None
    texts = [word.text for word in wrappers]
    for at, text in enumerate(texts):
        name, equals, value = text.partition("=")
        if name in ("--ntasks", "-n", "--ntasks-per-node"):
            count = value if equals else texts[at + 1] if at + 1 < len(texts) else ""
            if count.isdigit() and int(count) > 1:
                return Unknown(f"srun starts {count} tasks: whether they train together is known only at run time")
    return None
