"""Commands of a shell script, each word with its value and place, without running anything.

Quotes, continuations, comments, here-documents, variables, arrays, defaults (`${LR:-1e-4}`) and loops over listed words
are followed; the output of a command, the environment and the caller's arguments become unknown values with a reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Union

from ..training_plan.values import Default, Either, Known, Unknown, Value
from .shell_words import ASSIGNED, MOST_WORDS, Hole, Part, Raw, Reader, Variable, literal

MOST_CHARACTERS = 100_000  # of a word that variables are put into
MOST_OPTIONS = 8  # words of a loop that are followed


@dataclass
class Word:
    """A word as the command gets it."""

    value: Value
    start: int
    end: int

    @property
    def text(self) -> str:
        """The word if it is settled, also by a default; else ""."""
        value = self.value
        return value.value if isinstance(value, (Known, Default)) and isinstance(value.value, str) else ""

    @property
    def head(self) -> str:
        """Its literal beginning if the rest is not known: `--lr=`."""
        return _ends(self.value)[0] if isinstance(self.value, Unknown) else ""

    @property
    def tail(self) -> str:
        """Its literal end if the beginning is not known: `/train.py`."""
        return _ends(self.value)[1] if isinstance(self.value, Unknown) else ""


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
    shell: Union[Shell, None] = None  # that reads it, in its present state


def set_in(commands: Iterator[Command], environment: dict[str, Value]) -> Iterator[Command]:
    """Yield the commands with variables that are set around them."""
    for command in commands:
        command.environment = {**environment, **command.environment}
        yield command


OPENS, CLOSES = ("if", "case"), ("fi", "esac")
KEYWORDS = ("if", "then", "elif", "else", "do", "while", "until", "!", "{", "time", "fi", "done", "esac", "}", "case")
PATHS = re.compile(r"\s*(?:cd|dirname|realpath|readlink)\s")
POSITION = re.compile(r"\d+|@")  # a name of what the caller gives
DECLARES = ("export", "local", "readonly", "declare", "typeset")


class Shell:
    """Variables of a script, and its commands as they would run."""

    def __init__(
        self,
        variables: dict[str, list[Value]] | None = None,
        unset: Callable[[str], str] | None = None,
        folder: str = "",
        file: str = "",
    ) -> None:
        self.variables = variables or {}
        if file:
            self.variables |= {"0": [Known(file)], "BASH_SOURCE": [Known(file)]}
        self._paths: list[str] = []  # that commands such as `dirname` give, from the working directory
        self._unset = unset or (lambda name: f"${name} is not set here, but may be in the environment")
        self._depth = 0
        self._folder, self._own_folder = folder, False
        self._exported: dict[str, Value] = {}
        self._texts: dict[str, list[Value]] = {}  # words of texts that are not known as a whole
        self._assigned: dict[str, tuple[list[Value], str]] = {}  # the words of a value before it is set, why more
        self._more: dict[str, str] = {}  # why a variable may have further words

    def commands(self, text: str) -> Iterator[Command]:
        """Yield the commands of a text in their order, with the variables at that point."""
        for raw in Reader(text).commands():
            command = self._command(raw)
            if command is not None:
                yield command

    def within(self, text: str) -> Iterator[Command]:
        """Yield the commands of a text of this script that another shell gets: `bash -c "$LAUNCHER train.py"`."""
        inner = copy(self)
        inner.variables = {**self.variables}
        inner._texts, inner._more, inner._exported = {**self._texts}, {**self._more}, {**self._exported}
        yield from inner.commands(text)

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
        if raw and literal(raw[0]) == "eval":
            raw = [replace(one, parts=[_open(part) for part in one.parts]) for one in raw]
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
        made.folder, made.in_own_folder, made.shell = self._folder, self._own_folder, self
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

    def _output(self, hole: Hole) -> Value:
        """Return what a command gives that only puts a path together: `cd "$(dirname "$0")/.." && pwd`."""
        raws = list(Reader(hole.code, 1).commands()) if PATHS.match(hole.code) else []
        words = [[word.text for one in raw for word in self.expanded(one, Command([], 0, 0))] for raw in raws]
        match [[word for word in command if word not in ("--", "-f", "-P", "-e", "-m")] for command in words]:
            case [["cd", path], ["pwd"]] | [["realpath" | "readlink", path]] if path:
                made = os.path.normpath(path)
            case [["dirname", path]] if path:
                made = os.path.normpath(os.path.dirname(path))
            case _:
                return Unknown(hole.why)
        self._paths.append(made)
        return Known(made)

    def _change(self, word: Word) -> None:
        if any(word.text == path or word.text.startswith(f"{path}/") for path in self._paths):
            self._folder = os.path.abspath(word.text)
        elif word.text and not word.tail:
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
        scratch, name, appends = Command([], 0, 0), found[1], found[2] == "+="
        if raw.array is not None:
            values = [word.value for one in raw.array for word in self.expanded(one, scratch)]
            words = values = [*self.variables.get(name, []), *values] if appends else values
        else:
            before: list[Part] = [Variable(name)] if appends and name in self.variables else []
            parts = [*before, found.string[found.end() :], *raw.parts[1:]]
            whole = Raw([p._replace(quoted=True) if isinstance(p, Variable) else p for p in parts], raw.start, raw.end)
            values = [word.value for word in self.expanded(whole, scratch)] or [Known("")]
            text = Raw([_open(part) for part in parts], raw.start, raw.end)
            words = [word.value for word in self.expanded(text, scratch, split=True)]
        self._assigned[name] = words, scratch.more
        return name, values

    def _set(self, assigned: dict[str, list[Value]]) -> None:
        """Set variables; what a branch adds to the words of one may be there or not."""
        for name, values in assigned.items():
            words, more = self._assigned.pop(name, (values, ""))
            is_list, earlier = words is values, self.variables.get(name)
            if self._depth and [repr(v) for v in earlier or ()] != [repr(v) for v in values]:
                before = self._words(name)
                by_branch: list[Value] = [Unknown(f"${name} is set in a branch")]
                adds = earlier is not None and [repr(v) for v in words[: len(before)]] == [repr(v) for v in before]
                words, more = (before, f"a branch may add words to ${name}") if adds else (by_branch, "")
                values = words if is_list else by_branch
            if len(words) > MOST_WORDS:
                words = values = [Unknown(f"${name} is a very long list")]
            self.variables[name], self._more[name] = values, more
            self._texts.pop(name, None)
            if not is_list and not isinstance(values[0], (Known, Default)):
                self._texts[name] = words

    def _words(self, name: str) -> list[Value]:
        """Return the words of a list, or of a text where it is not quoted."""
        values = self._texts.get(name, self.variables.get(name, []))
        groups: list[list[Value]] = [[]]
        if len(values) == 1:
            _spread(values[0], groups)
        return [group[0] for group in groups if group] if len(values) == 1 else values

    def expanded(self, raw: Raw, command: Command, split: bool = False) -> list[Word]:
        """Return the words that a raw word expands to; `split`: also split its literal text at blanks."""
        groups: list[list[Value]] = [[]]
        quoted = not raw.bare
        for part in raw.parts:
            if isinstance(part, str) and split:
                _spread(Known(part), groups)
            elif isinstance(part, str):
                groups[-1].append(Known(part))
            elif isinstance(part, Hole):
                groups[-1].append(self._output(part))
            elif part.name == "@" and part.fallback is None and "@" not in self.variables:
                command.more = command.more or '"$@" stands for what the caller gives'
                quoted = quoted and len(raw.parts) > 2  # by itself it is no word
            elif part.whole and not self._value(part):
                quoted = quoted and len(raw.parts) > 2
                command.more = command.more or self._more.get(part.name, "")
            else:
                self._put(part, groups, command)
        made = []
        for group in groups:
            if not group or not quoted and len(groups) > 1 and all(v == Known("") for v in group):
                continue
            made.append(Word(_joined(group), raw.start, raw.end))
        if len(made) == 1 and made[0].value == Known("") and not quoted:
            return []  # `$EMPTY` is no word
        return made

    def _put(self, part: Variable, groups: list[list[Value]], command: Command) -> None:
        """Add what a variable stands for: the words of a list or of a text that is not quoted, else its value."""
        values = self._value(part)
        is_text = not part.quoted and part.item is None and values is self.variables.get(part.name)
        words = values if part.whole else self._texts.get(part.name) if is_text else None
        if words is not None:
            command.more = command.more or self._more.get(part.name, "")
        if words is not None and len(words) != 1:
            for number, value in enumerate(words):
                if number:
                    groups.append([])
                groups[-1].append(value)
        elif part.quoted:
            groups[-1].append(values[0] if values else Known(""))
        else:
            _spread(words[0] if words else values[0] if values else Known(""), groups)

    def _value(self, part: Variable) -> list[Value]:
        if part.name in self.variables:
            found = self.variables[part.name]
            if part.item is not None:
                return found[max(part.item - 1, 0) :] if part.whole else found[part.item : part.item + 1]
            if not (part.fallback is not None and found == [Known("")]):
                return found
        if part.fallback is not None:
            inner = [word.value for word in self.expanded(Raw(part.fallback, 0, 0, bare=False), Command([], 0, 0))]
            value = _joined(inner) if inner else Known("")
            name = f"${part.name}"
            return [Default(value.value, name) if isinstance(value, Known) else value]
        given = part.name.isdigit()
        return [Unknown(f"${part.name} is known only at run time" if given else self._unset(part.name))]


def _open(part: Part) -> Part:
    """Return a variable as if it was not quoted."""
    return part._replace(quoted=False) if isinstance(part, Variable) else part


def _spread(value: Value, groups: list[list[Value]]) -> None:
    """Add a value to the last group, its words after the first to groups of their own."""
    if not isinstance(value, (Known, Default)) or not isinstance(value.value, str):
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


def _ends(value: Value) -> tuple[str, str]:
    """Return the literal beginning and end of a word; of one that is not known, those that are known."""
    if isinstance(value, Known):
        return str(value.value), str(value.value)
    return value.parts if isinstance(value, Unknown) and isinstance(value.parts, tuple) else ("", "")


def _ending(values: list[Value]) -> str:
    """Return the literal end of a word that is put together: `/train.py` of `"$ROOT/train.py"`."""
    end = ""
    for value in reversed(values):
        if not isinstance(value, (Known, Default)):
            return f"{_ends(value)[1]}{end}"
        end = f"{value.value}{end}"
    return end


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
            why = value.why or "a word put together from parts known only at run time"
            return Unknown(why, parts=(_ends(values[0])[0], _ending(values)))
        texts.append(str(value.value))
        if sum(map(len, texts)) > MOST_CHARACTERS:
            return Unknown("a very long text")
        by = by or (value.overridden_by if isinstance(value, Default) else "")
    return Default("".join(texts), by) if by else Known("".join(texts))
