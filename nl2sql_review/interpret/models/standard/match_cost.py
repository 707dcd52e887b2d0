"""Steps that a regular expression of the script takes on a text, counted up to a limit.

A pattern may run forever, and `re` itself cannot be stopped. So the match is first simulated here as `re` performs it,
alternative by alternative with backtracking, and the real one runs only if the simulation ends soon. Features that are
not modelled here, such as a reference to a group, are refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

sre: Any = import_module("re._constants" if sys.version_info >= (3, 11) else "sre_constants")
parser: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")

STEPS = 20_000  # what a use of a pattern may take
DEEP = 150  # iterations of a group within each other that are followed
SIZE = 2_000  # parts of a pattern, those that are repeated so often counted each time

Part = tuple[object, Any]  # an opcode of `re`, and what it is applied to: another type for each
Next = Callable[[int], bool]  # whether the rest matches from a place


class Costly(Exception):
    """Raised if the pattern takes too many steps, or an unknown number of them."""


class Cost(NamedTuple):
    """The steps of a search that were followed; `known`: these are all, and no more than STEPS."""

    steps: int
    known: bool


def cost(pattern: str, flags: int, text: str, everywhere: bool) -> Cost:
    """Return the steps that a pattern takes on a text, as far as they are followed."""
    walk = _Walk(text, flags)
    try:
        tree = _parsed(pattern, flags)
        at = 0
        while at <= len(text):
            end = walk.first(tree, at)
            if not everywhere:
                break
            at = end if end is not None and end > at else at + 1
    except (Costly, RecursionError):
        return Cost(STEPS - max(walk.left, 0), False)
    return Cost(STEPS - walk.left, True)


@lru_cache(maxsize=256)
def _parsed(pattern: str, flags: int) -> Any:
    try:
        tree = parser.parse(pattern, flags)
    except (re.error, OverflowError, RecursionError):
        raise Costly from None
    _measure(tree, 1)
    return tree


def _measure(tree: Iterable[Part], times: int) -> int:
    """Count the parts of a pattern. Raises Costly if `re` would take long to compile it."""
    total = 0
    for op, av in tree:
        total += times
        for part in _inner(op, av):
            low = av[0] if op in (sre.MAX_REPEAT, sre.MIN_REPEAT) else 1
            total += _measure(part, times * max(min(int(low), SIZE), 1))
        if total > SIZE:
            raise Costly
    return total


def _inner(op: object, av: Any) -> list[Any]:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return [av[2]]
    if op is sre.SUBPATTERN:
        return [av[-1]]
    if op is sre.BRANCH:
        return list(av[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [av[1]]
    return []


class _Walk:
    """One match of a pattern on a text, and the steps it has taken."""

    def __init__(self, text: str, flags: int) -> None:
        self._text, self.left = text, STEPS
        self._flags = flags & (re.I | re.S | re.A)
        self._known: dict[tuple[object, int, str], bool] = {}

    def first(self, tree: Iterable[Part], at: int) -> int | None:
        """Return the end of a match that begins at a place, or None if there is none."""
        ends: list[int] = []

        def done(end: int) -> bool:
            ends.append(end)
            return True

        return ends[0] if self._match(list(tree), 0, at, done, 0) else None

    def _spend(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise Costly

    def _match(self, nodes: list[Any], index: int, at: int, then: Next, depth: int) -> bool:
        text = self._text
        while index < len(nodes):
            self._spend()
            op, av = nodes[index]
            index += 1
            if op in _ONE:
                if at >= len(text) or not self._takes(op, av, text[at]):
                    return False
                at += 1
            elif op is sre.AT:
                if not self._stands(av, at):
                    return False
            elif op is sre.SUBPATTERN:
                return self._match(list(av[-1]), 0, at, self._rest(nodes, index, then, depth), depth)
            elif op is sre.BRANCH:
                rest = self._rest(nodes, index, then, depth)
                return any(self._match(list(branch), 0, at, rest, depth) for branch in av[1])
            elif op in (sre.ASSERT, sre.ASSERT_NOT):
                if av[0] < 0:  # looks back, over a number of characters that is fixed
                    start = at - int(av[1].getwidth()[0])
                    found = start >= 0 and self._match(list(av[1]), 0, start, at.__eq__, depth)
                else:
                    found = self._match(list(av[1]), 0, at, lambda _: True, depth)
                if found is not (op is sre.ASSERT):
                    return False
            elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
                return self._repeat(op is sre.MAX_REPEAT, av, at, self._rest(nodes, index, then, depth), depth)
            else:
                raise Costly
        return then(at)

    def _rest(self, nodes: list[Any], index: int, then: Next, depth: int) -> Next:
        return lambda at: self._match(nodes, index, at, then, depth)

    def _repeat(self, greedy: bool, av: Any, at: int, then: Next, depth: int) -> bool:
        low, high, body = int(av[0]), av[1], list(av[2])
        most = len(self._text) if high is sre.MAXREPEAT else int(high)
        if len(body) == 1 and body[0][0] in _ONE:
            return self._repeat_one(greedy, low, most, body[0], at, then)
        if depth > DEEP:
            raise Costly

        def again(count: int, start: int, came: int) -> bool:
            self._spend()
            if count >= low and start == came and count:
                return then(start)  # an empty round: no other one does more

            def round_() -> bool:
                within = depth + 1 + count
                return count < most and self._match(body, 0, start, lambda end: again(count + 1, end, start), within)

            def leave() -> bool:
                return count >= low and then(start)

            return round_() or leave() if greedy else leave() or round_()

        return again(0, at, -1)

    def _repeat_one(self, greedy: bool, low: int, most: int, one: Part, at: int, then: Next) -> bool:
        text, end = self._text, at
        last = min(len(text), at + most)
        while end < last and self._takes(one[0], one[1], text[end]):
            end += 1
        self._spend(1 + (end - at) // 4)
        places = range(end, at + low - 1, -1) if greedy else range(at + low, end + 1)
        for place in places:
            self._spend()
            if then(place):
                return True
        return False

    def _takes(self, op: object, av: Any, char: str) -> bool:
        key = op, av if isinstance(av, int) else id(av), char
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._compare(op, av, char)
        return known

    def _compare(self, op: object, av: Any, char: str) -> bool:
        if op is sre.ANY:
            return char != "\n" or bool(self._flags & re.S)
        alike = {char, char.lower(), char.upper()} if self._flags & re.I else {char}
        if op is sre.LITERAL:
            return chr(av) in alike
        if op is sre.NOT_LITERAL:
            return chr(av) not in alike
        negated = any(kind is sre.NEGATE for kind, _ in av)
        return negated is not any(_in_set(kind, value, one) for kind, value in av for one in alike)

    def _stands(self, where: object, at: int) -> bool:
        text = self._text
        if where in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING, sre.AT_BEGINNING_LINE):
            return at == 0 or text[at - 1] == "\n"
        if where in (sre.AT_END, sre.AT_END_STRING, sre.AT_END_LINE):
            return at == len(text) or text[at] == "\n"
        before = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
        after = at < len(text) and (text[at].isalnum() or text[at] == "_")
        return (before != after) is (where is sre.AT_BOUNDARY)


_ONE = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)


def _in_set(kind: object, value: Any, char: str) -> bool:
    if kind is sre.LITERAL:
        return char == chr(value)
    if kind is sre.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if kind is sre.CATEGORY:
        word, negated = str(value).rpartition("_")[2], "_NOT_" in str(value)
        if word == "DIGIT":
            return char.isdecimal() is not negated
        return (char.isspace() if word == "SPACE" else char.isalnum() or char == "_") is not negated
    return False
