"""What a test says of the variables where its arm runs: `if [ "$MODE" = qlora ]`, `case $MODE in qlora) …`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from ..training_plan.values import Default, Known, Unknown, Value
from .shell_parts import POSITION, Raw, Simple, Variable, literal, named_in
from .shell_syntax import Block, Branch, Node
from .shell_values import either
from .shell_variables import State, Variables

T = TypeVar("T")
TESTS = ("[", "[[", "test", "grep", "command", "which", "((")
OPENS = {"[": (5,), "[[": (4, 5), "test": (4,)}  # so many words are `$NAME = text`; `[[ … && … ]]` is read as two
SCRIPT = ("0", "BASH_SOURCE")  # the shell sets them once


class Tests(Variables):
    """Variables that a test compares with a text have that text in its arm."""

    def _suppose(self, branch: Branch, number: int) -> dict[str, list[Value]]:
        """Set what the test of an arm says of variables, and what was made of these; return what is set."""
        made: dict[str, list[Value]] = {}
        for earlier in range(number):
            for name, texts in _said(branch, earlier) if _is_one(branch, earlier) else ():
                if self._is_one_of(name, texts):
                    made |= self._with(name, Unknown(f"${name} is another than {texts[0]} here"))
        for name, texts in _said(branch, number):
            if not self._is_one_of(name, texts):
                made |= self._with(name, either([Known(text) for text in texts], f"case ${name}"))
        return made

    def _given(self, names: list[str]) -> None:
        """Make variables unknown that are empty so far, where the script goes on only if they are not."""
        for name in names:
            if self._is_one_of(name, [""]):
                self._with(name, Unknown(f"the caller gives ${name}: the script stops where it is empty"))

    def _behind(self, head: Block, before: State) -> State:
        """Return the state behind an arm that leaves the script."""
        if names := empties(head, "&&"):
            self._restore(before)
            self._given(names)
        return self._state() if names else before

    def _is_one_of(self, name: str, texts: list[str]) -> bool:
        values = self.variables.get(name, [])
        return len(values) == 1 and isinstance(values[0], (Known, Default)) and str(values[0].value) in texts

    def _with(self, name: str, value: Value) -> dict[str, list[Value]]:
        """Set a variable, and those that were made of it; return them."""
        order = list(self._sources)
        follows = order[order.index(name) + 1 :] if name in order else order
        if name not in order and name in self.variables and not POSITION.fullmatch(name):
            follows = []  # when it was set is not known
        self._assign(name, value)
        changed = {name}
        for other in follows:
            if not self._sources[other].of & changed:
                continue
            raws = self._sources[other].raws
            named = {one for raw in raws for one in named_in(raw)}
            later = {*order[order.index(other) :], *self.variables} - {*order[: order.index(other)], *changed, *SCRIPT}
            if any(one in later and not POSITION.fullmatch(one) for one in named - {other}):
                self._assign(other, Unknown(f"${other} was made with another ${name}"))
            else:
                for raw in raws:
                    assigned = self._assignment(raw)
                    self._set(dict([assigned] if assigned else []))
            changed.add(other)
        return {one: self.variables[one] for one in changed}

    def _forget_supposed(self, supposed: dict[str, list[Value]], before: State) -> None:
        """Give variables back what they had before an arm, unless it has set them."""
        for name, values in supposed.items():
            if self.variables.get(name) is not values:
                continue
            _put_back(name, before.variables, self.variables)
            _put_back(name, before.texts, self._texts)
            _put_back(name, before.more, self._more)
            _put_back(name, before.exported, self._exported)
        kept = {name: made for name, made in self._sources.items() if name not in supposed}
        now, then = self.variables, before.variables
        self._sources = {name: made for name, made in before.sources.items() if now.get(name) is then.get(name)} | kept


def _put_back(name: str, before: dict[str, T], now: dict[str, T]) -> None:
    if name in before:
        now[name] = before[name]
    else:
        now.pop(name, None)


def _said(branch: Branch, number: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the variables that have one of some texts where an arm runs."""
    if branch.subject is not None:
        name, texts = _variable(branch.subject), branch.patterns[number]
        if name and texts and all(text and not _is_pattern(text) for text in texts):
            yield name, texts
        return
    head = branch.arms[number][0]
    if any(step.before != "&&" for step in head[1:]) or any(step.negated for step in head):
        return
    for step in head:
        words = step.node.words if isinstance(step.node, Simple) else []
        opens = literal(words[0]) if words else ""
        if opens not in OPENS or len(words) not in OPENS[opens] or literal(words[2]) not in ("=", "=="):
            continue
        for left, right in ((words[1], words[3]), (words[3], words[1])):
            name, text = _variable(left), literal(right)
            if name and text and not (opens == "[[" and _is_pattern(text)):
                yield name, [text]


def empties(head: Block, before: str) -> list[str]:
    """Return the variables that are not empty behind `[ -z "$A" ] || [ -z "$B" ] && exit`, or `[ -n "$A" ] || exit`."""
    if any(step.before != "||" for step in head[1:]) or any(step.negated for step in head):
        return []
    made = []
    for step in head:
        words = step.node.words if isinstance(step.node, Simple) else []
        opens = literal(words[0]) if words else ""
        is_test = opens in OPENS and len(words) in (count - 1 for count in OPENS[opens])
        if is_test and literal(words[1]) == ("-z" if before == "&&" else "-n") and (name := _variable(words[2])):
            made.append(name)
    return made


def _is_one(branch: Branch, number: int) -> bool:
    """Return whether an arm asks for one thing, so that a later arm runs where it is not so."""
    return branch.subject is not None or len(branch.arms[number][0]) == 1


def excerpt(text: str, node: Node) -> str:
    """Return the first row of a command, as it stands."""
    if not isinstance(node, Simple) or not node.words:
        return ""
    row = " ".join(text[node.words[0].start : node.words[-1].end].split())
    return row if len(row) <= 40 else f"{row[:39]}…"


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[(|")


def _variable(raw: Raw) -> str:
    """Return the name of the variable that a word is."""
    parts = [part for part in raw.parts if part != ""]
    one = parts[0] if len(parts) == 1 and raw.array is None else None
    plain = isinstance(one, Variable) and one.fallback is None and not one.whole and one.item is None
    return one.name if plain and isinstance(one, Variable) and one.name != "@" else ""
