"""Words by which code that trains is told from the rest of a script, before any of it is interpreted."""

from __future__ import annotations

import re

DEFINITION = re.compile(r"^(?:async +def|def|class) +(\w+)", re.MULTILINE)
TRAINS = (
    "from_pretrained get_peft_model trainer trainingarguments dataset tokenizer wandb cuda checkpoint unsloth collator"
).split()
CONFIG = re.compile(r"config\b")


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
    starts = list(DEFINITION.finditer(text))
    bodies = {
        d.group(1): text[d.start() : n.start() if n is not None else len(text)]
        for d, n in zip(starts, [*starts[1:], None])
    }
    worth = {name for name, body in bodies.items() if speaks_of_training(body)}
    words = {name: set(re.findall(r"\w+", body)) for name, body in bodies.items() if name not in worth}
    while found := {name for name, used in words.items() if used & worth}:
        worth |= found
        words = {name: used for name, used in words.items() if name not in found}
    return worth
