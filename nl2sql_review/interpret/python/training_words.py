"""Words by which code that trains is told from the rest of a script, before any of it is interpreted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

DEFINITION = re.compile(r"^(?:async +def|def|class) +(\w+)", re.MULTILINE)
TRAINS = (
    "from_pretrained get_peft_model trainer trainingarguments dataset tokenizer wandb cuda checkpoint unsloth collator"
).split()
CONFIG = re.compile(r"config\b")
WORD = re.compile(r"[^\W\d]\w*")
CALLED = re.compile(r"\b([^\W\d]\w*)\(")


def speaks_of_training(text: str) -> bool:
    """Return whether a text has a word that scripts use where they train."""
    lower = text.lower()  # and one search a word: alternatives without case are tried at every letter
    if any(word in lower for word in TRAINS):
        return True
    return any(_is_in_a_name(lower, found.start()) for found in CONFIG.finditer(lower))


def _is_in_a_name(text: str, at: int) -> bool:
    """Return whether a word continues to the left of a place, with a letter in it."""
    while at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        at -= 1
        if "a" <= text[at] <= "z":
            return True
    return False


def training_definitions(text: str) -> set[str]:
    """Return the names of the top-level functions and classes that mention training, or mention one that does."""
    return leading(definitions(text))


def called_definitions(text: str) -> set[str]:
    """Return the names of the top-level functions and classes that another one calls."""
    return {called for name, body in definitions(text) for called in CALLED.findall(body) if called != name}


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and text of each top-level function and class."""
    starts = list(DEFINITION.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends):
        yield start.group(1), text[start.start() : end]


def leading(definitions: Iterable[tuple[str, str]]) -> set[str]:
    """Return the names of those definitions, each (name, text), that mention training, or mention one that does."""
    found: set[str] = set()
    mentioned_by: dict[str, list[str]] = {}
    for name, text in definitions:
        if speaks_of_training(text):
            found.add(name)
        else:
            for word in set(WORD.findall(text)):
                mentioned_by.setdefault(word, []).append(name)
    waiting = list(found)
    while waiting:
        more = set(mentioned_by.pop(waiting.pop(), ())) - found
        found |= more
        waiting += more
    return found
