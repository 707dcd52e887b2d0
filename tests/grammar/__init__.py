"""A grammar of small programs: the forms in which scripts bind values, freely combined.

`rules.RULES` is the grammar, `program.txt` what it is filled into: for each word there are templates, in which `<word>`
stands for one of that word's templates, and `<quiet:word>` for one that calls none of the program's own functions
(which would be endless inside them). Templates that start with `@` call such functions. The first template of a word
is the simplest: it is taken when choices run out.

Every program works on the same few names, so that it nearly always runs::

    a b c   whole numbers      xs ys   lists of them      d e   dicts of them, keys "r" and "n"
    s       text               o p     objects of a class with attributes r and n

Values stay small (`% 97`, slices), loops are short, so a program ends in no time. What it binds is looked at by
calls of `FastLanguageModel.get_peft_model(None, r=…)`, written ASK(…) here.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from hypothesis import strategies as st

from .rules import RULES

DEEPEST = {"number": 4, "statement": 6, "block": 6}  # from there on a word is written in its simplest form
PROGRAM = (Path(__file__).parent / "program.txt").read_text(encoding="utf-8")


class Writer:
    """Writes a program by spending choices, one byte each time there are several templates.

    What is written quietly (the program's functions) spends choices of its own, so that the rest keeps its share.
    """

    def __init__(self, choices: bytes, quiet: bytes) -> None:
        self.choices = {True: iter(choices), False: iter(quiet)}

    def program(self) -> str:
        text = self.fill(PROGRAM, calls=True, depth=0)
        return re.sub(r"\bASK\(", "FastLanguageModel.get_peft_model(None, r=", text)

    def write(self, word: str, calls: bool, depth: int) -> str:
        templates = [t.removeprefix("@ ") for t in RULES[word] if calls or not t.startswith("@")]
        deep = depth >= DEEPEST.get(word, 99)
        choice = 0 if deep else next(self.choices[calls], 0)
        template = templates[choice % len(templates)]
        return self.fill(template, calls, depth + (word in DEEPEST))

    def fill(self, template: str, calls: bool, depth: int) -> str:
        def expand(match: re.Match) -> str:
            indent, quiet, word = match.group(1) or "", match.group(2), match.group(3)
            return textwrap.indent(self.write(word, calls and not quiet, depth), indent)

        return re.sub(r"(?:(?<=\n)([ ]*))?<(quiet:)?(\w+)>", expand, template)


spent = st.binary(min_size=80, max_size=300)
programs = st.tuples(spent, spent).map(lambda choices: Writer(*choices).program())
