"""Evaluation of a feed's expressions on rows: the closed list of `training_plan/feeds.py`, no code of the script.

An expression is compiled once into functions that take the row; each operation does what Python does, within
limits.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .table_cut import cut_schema

Row = Mapping[str, Any]
Tokenize = Callable[[str], list[int]]
Evaluate = Callable[[Row, list[Any]], Any]  # the row, and the elements of the joins that are under way

LONGEST = 64 << 20  # characters a text may grow to


class NotKnown(Exception):
    """Raised if the value of an expression is unknown; the message gives the reason."""


class Raises(Exception):
    """Raised where the script would raise, with Python's message. `column` is the missing column, if one is missing."""

    def __init__(self, message: str, column: str = "") -> None:
        super().__init__(message)
        self.column = column


class Compiler:
    """Compiler of expressions. `special`: the tokenizer's own tokens as text; `tokenize`: None if not on disk."""

    def __init__(self, special: Mapping[str, str], tokenize: Tokenize | None = None) -> None:
        self._tokens_of_model = special
        self._tokenize = tokenize

    def compile(self, made: Sequence[Any]) -> Evaluate:
        """Return the function that evaluates an expression on a row. It raises NotKnown and Raises."""
        compile = getattr(self, f"_{made[0].replace('.', '')}", None)
        if compile is None:
            return _unknown(f"the operation {made[0]} is not evaluated")
        found: Evaluate = compile(*made[1:])
        return found

    def _const(self, value: object) -> Evaluate:
        return lambda row, elements: value

    def _row(self) -> Evaluate:
        return lambda row, elements: row

    def _unknown(self, why: str) -> Evaluate:
        return _unknown(why)

    def _element(self, number: int = 0) -> Evaluate:
        def element(row: Row, elements: list[Any]) -> Any:
            if number >= len(elements):
                raise NotKnown("an element of an unknown sequence")
            return elements[number]

        return element

    def _special(self, name: str) -> Evaluate:
        token = self._tokens_of_model.get(name)
        return _unknown(f"the tokenizer's {name} token is unknown") if token is None else lambda row, elements: token

    def _item(self, owner: Sequence[Any], key: Sequence[Any]) -> Evaluate:
        of, by = self.compile(owner), self.compile(key)

        def item(row: Row, elements: list[Any]) -> Any:
            thing, name = of(row, elements), by(row, elements)
            try:
                return thing[name]
            except KeyError:
                raise Raises(f"KeyError: {name!r}", str(name) if thing is row else "") from None
            except (TypeError, IndexError) as error:
                raise Raises(f"{type(error).__name__}: {error}") from None

        return item

    def _get(self, owner: Sequence[Any], key: Sequence[Any], otherwise: Sequence[Any] | None) -> Evaluate:
        of, by = self.compile(owner), self.compile(key)
        default = self.compile(otherwise) if otherwise is not None else None

        def get(row: Row, elements: list[Any]) -> Any:
            thing, name = of(row, elements), by(row, elements)
            if not isinstance(thing, Mapping):
                raise Raises(f"AttributeError: {type(thing).__name__!r} object has no attribute 'get'")
            if name in thing:
                return thing[name]
            return default(row, elements) if default is not None else None

        return get

    def _slice(self, owner: Sequence[Any], start: Sequence[Any] | None, stop: Sequence[Any] | None) -> Evaluate:
        of = self.compile(owner)
        first = self.compile(start) if start is not None else None
        last = self.compile(stop) if stop is not None else None

        def cut(row: Row, elements: list[Any]) -> Any:
            thing = of(row, elements)
            try:
                return thing[first(row, elements) if first else None : last(row, elements) if last else None]
            except (TypeError, KeyError) as error:
                raise Raises(f"TypeError: {error}") from None

        return cut

    def _or(self, *operands: Sequence[Any]) -> Evaluate:
        return self._first_that(True, operands)

    def _and(self, *operands: Sequence[Any]) -> Evaluate:
        return self._first_that(False, operands)

    def _first_that(self, settles: bool, operands: Sequence[Sequence[Any]]) -> Evaluate:
        made = [self.compile(operand) for operand in operands]

        def first(row: Row, elements: list[Any]) -> Any:
            value = None
            for operand in made:
                value = operand(row, elements)
                if bool(value) is settles:
                    return value
            return value

        return first

    def _not(self, operand: Sequence[Any]) -> Evaluate:
        made = self.compile(operand)
        return lambda row, elements: not made(row, elements)

    def _op(self, operator: str, left: Sequence[Any], right: Sequence[Any]) -> Evaluate:
        do = OPERATORS.get(operator)
        if do is None:
            return _unknown(f"the operator {operator} is not evaluated")
        one, other = self.compile(left), self.compile(right)

        def apply(row: Row, elements: list[Any]) -> Any:
            a, b = one(row, elements), other(row, elements)
            try:
                return do(a, b)
            except TypeError as error:
                raise Raises(f"TypeError: {error}") from None
            except (ValueError, ZeroDivisionError, OverflowError) as error:
                raise NotKnown(str(error)) from None

        return apply

    def _text(self, parts: Sequence[Sequence[Any]]) -> Evaluate:
        made = [self.compile(part) for part in parts]
        return lambda row, elements: "".join([_str(part(row, elements)) for part in made])

    def _list(self, parts: Sequence[Sequence[Any]]) -> Evaluate:
        made = [self.compile(part) for part in parts]
        return lambda row, elements: [part(row, elements) for part in made]

    def _either(self, options: Sequence[Sequence[Any]]) -> Evaluate:
        made = [self.compile(option) for option in options]

        def one(row: Row, elements: list[Any]) -> Any:
            values = [option(row, elements) for option in made]
            if all(value == values[0] for value in values[1:]):
                return values[0]
            raise NotKnown("it is unknown which branch of the script creates it")

        return one

    def _join(self, separator: str, sequence: Sequence[Any], element: Sequence[Any], number: int = 0) -> Evaluate:
        of, each = self.compile(sequence), self.compile(element)

        def join(row: Row, elements: list[Any]) -> str:
            things = of(row, elements)
            if not isinstance(things, (list, tuple, str, dict)):
                raise Raises(f"TypeError: {type(things).__name__!r} object is not iterable")
            parts: list[str] = []
            for thing in things:
                part = each(row, [*elements[:number], thing])
                if not isinstance(part, str):
                    raise Raises(f"TypeError: sequence item {len(parts)}: expected str instance")
                parts.append(part)
            return separator.join(parts)

        return join

    def _call(self, name: str, *arguments: Sequence[Any]) -> Evaluate:
        made = [self.compile(argument) for argument in arguments]
        if name == "tokenize":
            return self._tokens(made[0])
        do = FUNCTIONS.get(name)
        method = name[1:] if name.startswith(".") else ""

        def call(row: Row, elements: list[Any]) -> Any:
            values = [argument(row, elements) for argument in made]
            try:
                if method:
                    return _method(method, values)
                if do is None:
                    raise NotKnown(f"{name} is not evaluated")
                return do(*values)
            except (TypeError, AttributeError, ValueError, LookupError) as error:
                raise Raises(f"{type(error).__name__}: {error}") from None

        return call

    def _tokens(self, text: Evaluate) -> Evaluate:
        tokenize = self._tokenize

        def tokens(row: Row, elements: list[Any]) -> list[int]:
            if tokenize is None:
                raise NotKnown("the tokenizer is not on this machine")
            return tokenize(_str(text(row, elements)))

        return tokens


def _unknown(why: str) -> Evaluate:
    def unknown(row: Row, elements: list[Any]) -> Any:
        raise NotKnown(why)

    return unknown


def _str(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _method(name: str, values: list[Any]) -> Any:
    owner, arguments = values[0], values[1:]
    if isinstance(owner, str):
        if name in TEXT_METHODS:
            if name == "replace" and len(owner) * (1 + len(str(arguments[1]))) > LONGEST:
                raise NotKnown("a text that grows too long")
            return getattr(owner, name)(*arguments)
        raise NotKnown(f"the method {name} is not evaluated")
    if isinstance(owner, Mapping) and name in ("keys", "values", "items"):
        return list(getattr(owner, name)())
    if isinstance(owner, (list, tuple)) and name in ("count", "index"):
        return getattr(owner, name)(*arguments)
    if owner is None or isinstance(owner, (int, float, list, dict)):
        raise AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}")
    raise NotKnown(f"the method {name} is not evaluated")


TEXT_METHODS = frozenset(
    "strip lstrip rstrip lower upper title capitalize replace split rsplit splitlines join removeprefix removesuffix "
    "startswith endswith encode count isspace isdigit partition rpartition".split()
)
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
    "is": lambda a, b: a is b,
    "is not": lambda a, b: a is not b,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "str": str, "len": len, "bool": bool, "int": int, "float": float, "repr": repr, "list": list, "any": any,
    "all": all, "min": min, "max": max, "sorted": sorted, "sum": sum, "dumps": json.dumps,
    "cut": cut_schema,
    "shorten": lambda text, width: textwrap.shorten(text, width=width),
}  # fmt: skip
