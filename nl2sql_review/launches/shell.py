"""Commands of a shell script, each word with its value and place, without running anything.

Quotes, continuations, comments, here-documents, variables, arrays, defaults (`${LR:-1e-4}`) and loops over listed words
are followed; the output of a command, the environment and the caller's arguments become unknown values with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..training_plan.values import Default, Either, Known, Unknown, Value
from .shell_words import ASSIGNED, MOST_WORDS, Hole, Part, Raw, Reader, Variable, literal

MOST_CHARACTERS = 100_000  # of a word that variables are put into
MOST_OPTIONS = 8  # words of a loop that are followed


@dataclass
class Word:
    """A word as the command gets it. `tail` is its literal end if its beginning is not known: `/train.py`."""

    value: Value
    start: int
    end: int
    tail: str = ""

    @property
    def text(self) -> str:
        """The word if it is settled, also by a default; else ""."""
        value = self.value
        return value.value if isinstance(value, (Known, Default)) and isinstance(value.value, str) else ""


@dataclass
class Command:
    """One simple command; `environment` holds the assignments before it, `more` why it may have further words."""

    words: list[Word]
    start: int
    end: int
    environment: dict[str, Value] = field(default_factory=dict)
    more: str = ""
    folder: str = ""  # where `cd` has led, relative to where the script is started
    in_own_folder: bool = False  # after `cd "$(dirname "$0")"`


def set_in(commands: Iterator[Command], environment: dict[str, Value]) -> Iterator[Command]:
    """Yield the commands with variables that are set around them."""
    for command in commands:
        command.environment = {**environment, **command.environment}
        yield command


OPENS, CLOSES = ("if", "case"), ("fi", "esac")
KEYWORDS = ("if", "then", "elif", "else", "do", "while", "until", "!", "{", "time", "fi", "done", "esac", "}", "case")
POSITION = re.compile(r"\d+|@")  # a name of what the caller gives
DECLARES = ("export", "local", "readonly", "declare", "typeset")


class Shell:
    """Variables of a script, and its commands as they would run."""

    def __init__(
        self,
        variables: dict[str, list[Value]] | None = None,
        unset: Callable[[str], str] | None = None,
        folder: str = "",
    ) -> None:
        self.variables = variables or {}
        self._unset = unset or (lambda name: f"${name} is not set here, but may be in the environment")
        self._depth = 0
        self._folder, self._own_folder = folder, False
        self._exported: dict[str, Value] = {}

    def commands(self, text: str) -> Iterator[Command]:
        """Yield the commands of a text in their order, with the variables at that point."""
        for raw in Reader(text).commands():
            command = self._command(raw)
            if command is not None:
                yield command

    def _command(self, raw: list[Raw]) -> Command | None:
        raw = list(raw)
        while raw and raw[0].bare and (word := literal(raw[0])) in KEYWORDS:
            self._depth = max(self._depth + (word in OPENS) - (word in CLOSES), 0)
            raw.pop(0)
        if raw and literal(raw[0]) == "function":  # function NAME {
            raw = raw[3:]
        if raw and literal(raw[0]) in ("shift", "set"):  # what the caller gives is no longer where it was
            self.variables = {name: values for name, values in self.variables.items() if not POSITION.fullmatch(name)}
        if not raw:
            return None
        if literal(raw[0]) in ("for", "select"):
            self._loop(raw[1:])
            return None
        start, declares = raw[0].start, literal(raw[0]) in DECLARES
        if declares or literal(raw[0]) == "env" and not literal(raw[1] if raw[1:] else raw[0]).startswith("-"):
            raw.pop(0)
        before: dict[str, list[Value]] = {}
        while raw and (assigned := self._assignment(raw[0])) is not None:
            before[assigned[0]] = assigned[1]
            raw.pop(0)
        plain = {name: values[0] for name, values in before.items() if len(values) == 1}
        if declares or not raw:
            self._set(before)
            if declares:
                self._exported.update({name: self.variables[name][0] for name in plain})
            return None
        environment = dict(self._exported)
        made = Command([], start, raw[-1].end, {**environment, **plain})
        for one in raw:
            made.words += self.expanded(one, made)
        if made.words and made.words[0].text in ("cd", "pushd") and len(made.words) > 1:
            self._change(made.words[1])
            return None
        made.folder, made.in_own_folder = self._folder, self._own_folder
        return made if made.words else None

    def _loop(self, raw: list[Raw]) -> None:
        """Bind the variable of `for lr in 1e-4 2e-4` to any one of its words."""
        if not raw:
            return
        name, words = literal(raw[0]), raw[2:]
        scratch = Command([], 0, 0)
        values = [word.value for one in words for word in self.expanded(one, scratch)]
        known = len(values) <= MOST_OPTIONS and all(isinstance(value, Known) for value in values) and not scratch.more
        if known and len(values) > 1:
            self.variables[name] = [Either(tuple(values), f"for {name} in …")]
        elif known and values:
            self.variables[name] = values
        else:
            self.variables[name] = [Unknown(f"${name} is a loop variable")]

    def _change(self, word: Word) -> None:
        if word.text and not word.tail:
            self._folder = (
                f"{self._folder}/{word.text}" if self._folder and not word.text.startswith("/") else word.text
            )
        else:
            self._folder, self._own_folder = word.tail.lstrip("/"), True

    def _assignment(self, raw: Raw) -> tuple[str, list[Value]] | None:
        first = raw.parts[0] if raw.parts else None
        found = ASSIGNED.match(first) if isinstance(first, str) else None
        if found is None:
            return None
        scratch = Command([], 0, 0)
        if raw.array is not None:
            values = [word.value for one in raw.array for word in self.expanded(one, scratch)]
        else:
            rest: list[Part] = [found.string[found.end() :], *raw.parts[1:]]
            joined = [p._replace(quoted=True) if isinstance(p, Variable) else p for p in rest]
            values = [word.value for word in self.expanded(Raw(joined, raw.start, raw.end), scratch)] or [Known("")]
        if scratch.more:
            values = [Unknown(scratch.more)]
        if found[2] == "+=":
            before = self.variables.get(found[1], [])
            values = [*before, *values] if raw.array is not None else [_joined([*before, *values])]
        return found[1], values

    def _set(self, assigned: dict[str, list[Value]]) -> None:
        for name, values in assigned.items():
            earlier = self.variables.get(name)
            if self._depth and [repr(v) for v in earlier or ()] != [repr(v) for v in values]:
                values = [Unknown(f"${name} is set in a branch")]
            self.variables[name] = values if len(values) <= MOST_WORDS else [Unknown(f"${name} is a very long list")]

    def expanded(self, raw: Raw, command: Command) -> list[Word]:
        """Return the words that a raw word expands to."""
        groups: list[list[Value]] = [[]]
        quoted = not raw.bare
        for part in raw.parts:
            if isinstance(part, str):
                groups[-1].append(Known(part))
            elif isinstance(part, Hole):
                groups[-1].append(Unknown(part.why))
            elif part.name == "@" and part.fallback is None and "@" not in self.variables:
                command.more = command.more or '"$@" stands for what the caller gives'
                quoted = quoted and len(raw.parts) > 2  # by itself it is no word
            elif part.whole and not self._value(part):
                quoted = quoted and len(raw.parts) > 2
            else:
                self._put(part, groups)
        made = []
        for group in groups:
            if not group or not quoted and len(groups) > 1 and all(v == Known("") for v in group):
                continue
            value = _joined(group)
            tail = ""
            if isinstance(value, Unknown) and isinstance(group[-1], Known):
                tail = str(group[-1].value)
            made.append(Word(value, raw.start, raw.end, tail))
        if len(made) == 1 and made[0].value == Known("") and not quoted:
            return []  # `$EMPTY` is no word
        return made

    def _put(self, part: Variable, groups: list[list[Value]]) -> None:
        values = self._value(part)
        if part.whole and len(values) != 1:
            for number, value in enumerate(values):
                if number:
                    groups.append([])
                groups[-1].append(value)
            return
        value = values[0] if values else Known("")
        if part.quoted or not isinstance(value, (Known, Default)) or not isinstance(value.value, str):
            groups[-1].append(value)
            return
        pieces = value.value.split()
        if value.value[:1].isspace() and groups[-1]:
            groups.append([])
        for number, piece in enumerate(pieces):
            if number:
                groups.append([])
            groups[-1].append(Known(piece) if isinstance(value, Known) else Default(piece, value.overridden_by))
        if pieces and value.value[-1:].isspace():
            groups.append([])

    def _value(self, part: Variable) -> list[Value]:
        if part.name in self.variables:
            found = self.variables[part.name]
            if part.item is not None:
                return found[part.item : part.item + 1]
            if not (part.fallback is not None and found == [Known("")]):
                return found
        if part.fallback is not None:
            inner = [word.value for word in self.expanded(Raw(part.fallback, 0, 0, bare=False), Command([], 0, 0))]
            value = _joined(inner) if inner else Known("")
            name = f"${part.name}"
            return [Default(value.value, name) if isinstance(value, Known) else value]
        given = part.name.isdigit()
        return [Unknown(f"${part.name} is known only at run time" if given else self._unset(part.name))]


def _joined(values: list[Value]) -> Value:
    """Join several values into one word."""
    values = [value for value in values if value != Known("")] or [Known("")]
    if len(values) == 1:
        return values[0]
    texts = []
    by = ""
    for value in values:
        if isinstance(value, Either) and all(isinstance(o, Known) for o in value.options):
            at = values.index(value)
            made = [_joined([*values[:at], option, *values[at + 1 :]]) for option in value.options]
            return Either(tuple(made), value.condition) if all(isinstance(v, Known) for v in made) else made[0]
        if not isinstance(value, (Known, Default)):
            return Unknown(value.why or "a word put together from parts known only at run time")
        texts.append(str(value.value))
        if sum(map(len, texts)) > MOST_CHARACTERS:
            return Unknown("a very long text")
        by = by or (value.overridden_by if isinstance(value, Default) else "")
    return Default("".join(texts), by) if by else Known("".join(texts))
