"""What the words of a shell script are made of, as they are written: literal parts, variables and holes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Union

MOST_BRACED = 64  # words of `{1..100}`
ASSIGNED = re.compile(r"(?<!\w)([A-Za-z_]\w*)(\+?=)")
POSITION = re.compile(r"\d+|@")  # a name of what the caller gives
BRACED = re.compile(r"\{([^{}]*)\}")


class Variable(NamedTuple):
    """`$name`, `${name:-fallback}`; `whole`: `"${name[@]}"` or `"$@"`, which expands to several words.

    `item` is the index of `${name[0]}`, or the number of the first of the caller's words in `${@:2}`; `sets`: the
    variable gets the fallback, as by `${name:=word}`; `spaced`: the words become one, as by `"$*"`.
    """

    name: str
    fallback: Union[list[Part], None] = None
    quoted: bool = False
    whole: bool = False
    item: Union[int, None] = None
    sets: bool = False
    spaced: bool = False


class Hole(NamedTuple):
    """A part that is known only in the run."""

    why: str
    code: str = ""  # the commands that give it
    sum: str = ""  # or the arithmetic


class Edited(NamedTuple):
    """`${name##*/}`, `${name/a/b}`, `${name:+word}`: what is made of a variable by an operator and literal texts."""

    name: str
    operator: str
    pattern: str
    text: str
    quoted: bool
    why: str
    parts: list[Part] | None = None  # of the word of `:+`


Part = Union[str, Variable, Hole, Edited]


@dataclass
class Raw:
    """A word as written: its parts and its place, as offsets into the text."""

    parts: list[Part]
    start: int
    end: int
    array: Union[list[Raw], None] = None  # of `NAME=(a b)`
    bare: bool = True  # nothing of it is quoted: it may be a keyword


@dataclass
class Simple:
    """A simple command: its words, the operator that ends it, and the here-documents that it reads."""

    words: list[Raw]
    after: str = "\n"
    documents: list[Document] = field(default_factory=list)


@dataclass
class Document:
    """The range of a here-document, known once its end is read; `literal`: the shell replaces nothing in it."""

    delimiter: str
    literal: bool
    start: int = 0
    end: int = 0


class Made(NamedTuple):
    """What a variable was made of: the words as written, and the variables behind them, near and far."""

    raws: list[Raw]
    of: frozenset[str]


def literal(raw: Raw) -> str:
    """Return the word if no part of it is a variable."""
    return raw.parts[0] if len(raw.parts) == 1 and isinstance(raw.parts[0], str) and raw.array is None else ""


def named_in(raw: Raw) -> set[str]:
    """Return the variables that a word is made of."""
    parts, named = [part for one in [raw, *(raw.array or [])] for part in one.parts], set()
    while parts:
        part = parts.pop()
        if isinstance(part, (Variable, Edited)):
            named.add(part.name)
            parts += (part.fallback if isinstance(part, Variable) else part.parts) or []
    return named


def unbraced(raw: Raw) -> list[Raw] | None:
    """Return the words of `{1..3}` or `a{b,c}`; None if the braces mean nothing."""
    text = literal(raw)
    braces = BRACED.finditer(text) if raw.bare and "{" in text and len(text) < 500 else ()
    found = next((one for one in braces if "," in one[1] or ".." in one[1]), None)
    if found is None:
        return None
    before, inner, after = text[: found.start()], found[1], text[found.end() :]
    counted = re.fullmatch(r"(-?\d{1,6})\.\.(-?\d{1,6})(?:\.\.(-?\d{1,6}))?", inner)
    if counted is not None:
        first, last, step = int(counted[1]), int(counted[2]), abs(int(counted[3] or 1)) or 1
        numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        if any(re.match(r"-?0\d", one) for one in counted.group(1, 2)):
            return [replace(raw, parts=[Hole(f"{text} is a range of padded numbers")])]
        made = [str(number) for number in numbers[: MOST_BRACED + 1]]
    elif "," in inner:
        made = inner.split(",")
    else:
        return None
    if len(made) > MOST_BRACED:
        return [replace(raw, parts=[Hole(f"{text} stands for many words")])]
    return [replace(raw, parts=[f"{before}{one}{after}"]) for one in made]
