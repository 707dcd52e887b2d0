"""Variables of a shell script, and the words that are made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

from ..training_plan.values import Default, Either, Known, Unknown, Value
from .shell_commands import Command, Word
from .shell_parts import ASSIGNED, POSITION, Edited, Hole, Made, Part, Raw, Variable, named_in, unbraced
from .shell_values import edited, either, joined, result, spread
from .shell_words import MOST_WORDS, Reader

MOST_COMMANDS = 10_000  # that are followed, those of a loop or function once for each time
PATHS = re.compile(r"\s*(?:cd|dirname|realpath|readlink|seq|echo)\s")
COUNTS = re.compile(r"(?<!\w)([A-Za-z_]\w*)\s*(?:[-+*/%]?=(?!=)|\+\+|--)|(?:\+\+|--)([A-Za-z_]\w*)")
GLOB = re.compile(r"[*?]")


class State(NamedTuple):
    """What the commands have set so far."""

    variables: dict[str, list[Value]]
    texts: dict[str, list[Value]]  # words of texts that are not known as a whole
    more: dict[str, str]  # why a variable may have further words
    exported: dict[str, Value]
    folder: str
    own_folder: bool
    sources: dict[str, Made]


class Variables:
    """What the commands of a script have set so far."""

    def __init__(
        self, variables: dict[str, list[Value]] | None, unset: Callable[[str], str] | None, folder: str, file: str
    ) -> None:
        self.variables = variables or {}
        if file:
            self.variables |= {"0": [Known(file)], "BASH_SOURCE": [Known(file)]}
        self._paths: list[str] = []  # that commands such as `dirname` give, from the working directory
        self._unset = unset or (lambda name: f"${name} is not set here, but may be in the environment")
        self._folder, self._own_folder = folder, False
        self._exported: dict[str, Value] = {}
        self._texts: dict[str, list[Value]] = {}
        self._assigned: dict[str, tuple[list[Value], str, list[Raw]]] = {}  # words of a value to be set, why more
        self._sources: dict[str, Made] = {}  # in the order in which the variables were set
        self._more: dict[str, str] = {}
        self._budget = MOST_COMMANDS  # what is left of it; to keep a state costs by its size

    def _forget_positions(self) -> None:
        self._sources.clear()  # what was made of the caller's words before is not made of these
        self.variables = {name: values for name, values in self.variables.items() if not POSITION.fullmatch(name)}

    def _give(self, values: list[Value]) -> None:
        self.variables |= {"@": values, **{str(number): [value] for number, value in enumerate(values, 1)}}

    def _state(self) -> State:
        self._budget -= len(self.variables) // 40
        own = {**self.variables}, {**self._texts}, {**self._more}, {**self._exported}
        return State(*own, self._folder, self._own_folder, {**self._sources})

    def _restore(self, state: State) -> None:
        self.variables, self._texts = {**state.variables}, {**state.texts}
        self._more, self._exported = {**state.more}, {**state.exported}
        self._folder, self._own_folder, self._sources = state.folder, state.own_folder, {**state.sources}

    def _join(self, states: list[State], condition: str) -> None:
        """Go on with what holds after any of these states."""
        first, *others = states
        self._restore(next((state for state in states if state.folder), first))
        if not others:
            return
        for name in dict.fromkeys(name for state in states for name in state.variables):
            values = [state.variables.get(name) for state in states]
            mores = [state.more.get(name, "") for state in states]
            if any(one is not values[0] and repr(one) != repr(values[0]) for one in values[1:]) or len(set(mores)) > 1:
                self._joined(name, states, condition)
        for name in {name for state in states for name in state.exported}:
            self._exported[name] = self.variables.get(name, [Unknown(f"${name} is set in a branch")])[0]

    def _joined(self, name: str, states: list[State], condition: str) -> None:
        """Set a variable that a branch changes: what it adds to the words may be there or not."""
        values = [state.variables.get(name) for state in states]
        unknown: Value = Unknown(f"${name} is set in a branch")
        if all(one is not None and len(one) == 1 and _is_plain(one[0]) for one in values):
            unknown = either([one[0] for one in values if one], condition)
        words = [_words(state, name) for state in states]
        shortest = min(words, key=len)
        adds = None not in values and all([*map(repr, one[: len(shortest)])] == [*map(repr, shortest)] for one in words)
        adds = adds and any(len(one) != len(shortest) for one in words)
        is_list = any(one is not None and len(one) != 1 for one in values)
        self.variables[name] = (shortest if adds else [unknown]) if is_list else [unknown]
        self._texts.pop(name, None)
        self._sources.pop(name, None)
        self._more[name] = next(filter(None, (state.more.get(name, "") for state in states)), "")
        if adds:
            self._more[name] = f"a branch may add words to ${name}"
            if not is_list:
                self._texts[name] = shortest

    def _assign(self, name: str, value: Value) -> None:
        self.variables[name] = [value]
        self._texts.pop(name, None)
        self._more.pop(name, None)
        self._sources.pop(name, None)
        if name in self._exported:
            self._exported[name] = value

    def _doubt(self, name: str, why: str) -> None:
        """Make a variable unknown; of a list or a text that is only added to, keep the words."""
        why = why.replace(name, name.removesuffix("+"))
        if name.endswith("+") and name[:-1] in self.variables:
            name = name[:-1]
            if name in self._texts or len(self.variables[name]) != 1 or self.variables[name] == [Known("")]:
                self._more[name] = f"a loop may add words to ${name}"
                return
            words = _words(self._state(), name)
            if words and all(isinstance(word, Known) for word in words):
                self._texts[name], self._more[name] = words, f"a loop may add words to ${name}"
                self.variables[name] = [Unknown(why)]
                return
        self._assign(name.removesuffix("+"), Unknown(why))

    def _count(self, text: str) -> None:
        for one in COUNTS.findall(text):
            name = one[0] or one[1]
            self._assign(name, Unknown(f"${name} is counted"))

    def _output(self, hole: Hole) -> Value:
        """Return what a command gives that only puts a path together: `cd "$(dirname "$0")/.." && pwd`."""
        if hole.sum:
            return result(hole.sum, lambda name: self._value(Variable(name))[0], hole.why)
        raws = [one.words for one in Reader(hole.code, 1).commands()] if PATHS.match(hole.code) else []
        words = [[word.text for one in raw for word in self.expanded(one, Command([], 0, 0))] for raw in raws]
        match [[word for word in command if word not in ("--", "-f", "-P", "-e", "-m")] for command in words]:
            case [["cd", path], ["pwd"]] | [["realpath" | "readlink", path]] if path:
                made = os.path.normpath(path)
            case [["dirname", path]] if path:
                made = os.path.normpath(os.path.dirname(path))
            case [["seq", *numbers]] if all(re.fullmatch(r"-?\d{1,6}", number) for number in numbers):
                return _sequence([int(number) for number in numbers], hole.why)
            case [["echo", *said]] if all(said) and "|" not in hole.code:
                return Known(" ".join(said))
            case _:
                return Unknown(hole.why)
        self._paths.append(made)
        return Known(made)

    def _assignment(self, raw: Raw) -> tuple[str, list[Value]] | None:
        first = raw.parts[0] if raw.parts else None
        found = ASSIGNED.match(first) if isinstance(first, str) else None
        if found is None:
            return None
        scratch, name, appends = Command([], 0, 0), found[1], found[2] == "+="
        if raw.array is not None:
            values = [word.value for one in raw.array for word in self.expanded(one, scratch)]
            words = values = [*self.variables.get(name, []), *values] if appends else values
            scratch.more = scratch.more or scratch.loose
            scratch.more = scratch.more or (self._more.get(name, "") if appends else "")
        else:
            before: list[Part] = [Variable(name)] if appends and name in self.variables else []
            parts = [*before, found.string[found.end() :], *raw.parts[1:]]
            whole = Raw([p._replace(quoted=True) if isinstance(p, Variable) else p for p in parts], raw.start, raw.end)
            whole.bare = False
            values = [spaced([word.value for word in self.expanded(whole, scratch)])]
            text = Raw([open_part(part) for part in parts], raw.start, raw.end)
            words = [word.value for word in self.expanded(text, scratch, split=True)]
        known = not appends or name in self._sources
        raws = [*self._sources[name].raws, raw] if appends and known else [raw]
        self._assigned[name] = words, scratch.more, raws if known else []
        return name, values

    def _set(self, assigned: dict[str, list[Value]]) -> None:
        for name, values in assigned.items():
            words, more, raws = self._assigned.pop(name, (values, "", []))
            of = {one for raw in raws for one in named_in(raw)}
            of |= {far for one in of if one in self._sources for far in self._sources[one].of}
            self._sources.pop(name, None)
            if raws:
                self._sources[name] = Made(raws, frozenset(of))
            is_list = words is values
            if len(words) > MOST_WORDS:
                words = values = [Unknown(f"${name} is a very long list")]
            self.variables[name], self._more[name] = values, more
            self._texts.pop(name, None)
            if not is_list and not isinstance(values[0], (Known, Default)):
                self._texts[name] = words
            if name in self._exported and len(values) == 1:
                self._exported[name] = values[0]

    def expanded(self, raw: Raw, command: Command, split: bool = False) -> list[Word]:
        """Return the words that a raw word expands to; `split`: also split its literal text at blanks."""
        if (several := unbraced(raw)) is not None and not split:
            return [word for one in several for word in self.expanded(one, command, split=False)]
        pattern = (
            next((part for part in raw.parts if isinstance(part, str) and GLOB.search(part)), "") if raw.bare else ""
        )
        if pattern and not split:
            return [Word(Unknown(f"{pattern} stands for the files that match", parts=("", "")), raw.start, raw.end)]
        groups: list[list[Value]] = [[]]
        quoted = not raw.bare
        for at, part in enumerate(raw.parts):
            if isinstance(part, str) and split:
                spread(Known(part), groups)
            elif isinstance(part, str):
                groups[-1].append(Known(part))
            elif isinstance(part, Hole):
                value = self._output(part)
                command.loose = command.loose or (value.why if raw.bare and isinstance(value, Unknown) else "")
                spread(value, groups) if raw.bare else groups[-1].append(value)
            elif isinstance(part, Edited):
                self._put_edited(part, groups, command)
            elif part.spaced and part.name == "@" and "@" not in self.variables:
                groups[-1].append(Unknown('"$*" stands for what the caller gives'))
            elif part.name == "@" and part.fallback is None and "@" not in self.variables:
                command.more = command.more or '"$@" stands for what the caller gives'
                quoted = quoted and len(raw.parts) > 2  # by itself it is no word
            elif part.whole and not part.spaced and not self._value(part):
                quoted = quoted and len(raw.parts) > 2
                command.more = command.more or self._more.get(part.name, "")
            elif self._more.get(part.name) and not part.whole and not _stands_alone(raw.parts, at, split):
                command.more = command.more or self._more[part.name]
                groups[-1].append(Unknown(self._more[part.name]))
            else:
                self._put(part, groups, command)
        made = []
        for group in groups:
            if not group or not quoted and len(groups) > 1 and all(v == Known("") for v in group):
                continue
            made.append(Word(joined(group), raw.start, raw.end))
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
        given = values if words is None else words
        if (not part.quoted or part.whole and not part.spaced) and any(isinstance(one, Unknown) for one in given):
            command.loose = f"${part.name} may stand for several words"
        if part.spaced and words is not None:
            groups[-1].append(spaced(words))
        elif words is not None and len(words) != 1:
            for number, value in enumerate(words):
                if number:
                    groups.append([])
                groups[-1].append(value)
        elif part.quoted:
            groups[-1].append(values[0] if values else Known(""))
        else:
            value = given[0] if given else Known("")
            if isinstance(value, (Known, Default)) and GLOB.search(str(value.value)):
                value = Unknown(f"{str(value.value)[:60]} stands for the files that match")
            spread(value, groups)

    def _put_edited(self, part: Edited, groups: list[list[Value]], command: Command) -> None:
        """Add what an operator makes of a variable."""
        if part.operator == ":+":
            given = self.variables.get(part.name)
            if given == [Known("")]:
                return
            if given is None or not all(isinstance(value, Known) for value in given):
                command.more = command.more or f"${part.name} decides whether words are added"
                return
            for word in self.expanded(Raw(part.parts or [], 0, 0, bare=not part.quoted), command):
                groups.append([word.value]) if groups[-1] and not part.quoted else groups[-1].append(word.value)
            return
        value = edited(self._value(Variable(part.name))[0], part.operator, part.pattern, part.text, part.why)
        groups[-1].append(value) if part.quoted else spread(value, groups)

    def _value(self, part: Variable) -> list[Value]:
        if part.name in self.variables:
            found = self.variables[part.name]
            if part.item is not None:
                return found[max(part.item - 1, 0) :] if part.whole else found[part.item : part.item + 1]
            if part.fallback is None or not _is_empty(found):
                return found
        if part.fallback is not None:
            inner = [word.value for word in self.expanded(Raw(part.fallback, 0, 0, bare=False), Command([], 0, 0))]
            value = joined(inner) if inner else Known("")
            emptied = next((one for one in self.variables.get(part.name, ()) if isinstance(one, Default)), None)
            is_set = part.name in self.variables or part.name.isdigit() and "@" in self.variables
            if emptied is not None:  # unless the environment says otherwise
                value = Default(value.value, emptied.overridden_by) if isinstance(value, Known) else value
            elif not is_set or self._more.get("@"):
                value = Default(value.value, f"${part.name}") if isinstance(value, Known) else value
            if part.sets:
                self._assign(part.name, value)
            return [value]
        if part.name.isdigit() and "@" in self.variables and not self._more.get("@"):
            return [Known("")]
        given = part.name.isdigit()
        return [Unknown(f"${part.name} is known only at run time" if given else self._unset(part.name))]


def _is_empty(values: list[Value]) -> bool:
    """Return whether a variable is set to nothing, or is so by default: `A=${A:-}`."""
    return len(values) == 1 and isinstance(values[0], (Known, Default)) and values[0].value == ""


def _stands_alone(parts: list[Part], at: int, split: bool) -> bool:
    """Return whether a part is a word of its own, or words: nothing is written up to it."""
    before, after = parts[at - 1] if at else " ", parts[at + 1] if at + 1 < len(parts) else " "
    ends_there = isinstance(before, str) and (not before or split and before[-1].isspace() or not at)
    starts_there = isinstance(after, str) and (not after or split and after[0].isspace() or at + 1 == len(parts))
    return ends_there and starts_there


def open_part(part: Part) -> Part:
    """Return a variable as if it was not quoted."""
    return part._replace(quoted=False) if isinstance(part, Variable) else part


def _words(state: State, name: str) -> list[Value]:
    """Return the words of a list, or of a text where it is not quoted."""
    values = state.texts.get(name, state.variables.get(name, []))
    groups: list[list[Value]] = [[]]
    if len(values) == 1:
        spread(values[0], groups)
    return [group[0] for group in groups if group] if len(values) == 1 else values


def spaced(values: list[Value]) -> Value:
    """Return words as one text, as `A="$@"` does."""
    return joined([part for value in values for part in (Known(" "), value)][1:])


def _is_plain(value: Value) -> bool:
    """Return whether a value is one word, or one of several."""
    return isinstance(value, Either) or isinstance(value, Known) and not re.search(r"\s", str(value.value))


def _sequence(numbers: list[int], why: str) -> Value:
    first, step, last = {1: (1, 1, *numbers), 2: (*numbers[:1], 1, *numbers[1:]), 3: tuple(numbers)}.get(
        len(numbers), (1, 0, 0)
    )
    made = range(first, last + (1 if step > 0 else -1), step) if step else range(0)
    return Known(" ".join(map(str, made))) if 0 < len(made) <= 64 else Unknown(why)
