"""Size of the result of an operation on plain values, measured before it runs: the only place that raises `TooMuch`.

A script can request a text of a gigabyte in nine characters. Code that applies a real Python function or operator to
values of the script checks the size here first; a result that is too large becomes an unknown value with that reason.
A function without a rule of its own may make as much as its arguments multiplied, so a new model needs no rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import PurePath
from typing import Any, AnyStr

MAX_TEXT = 200_000  # characters a text of the script may grow to
MAX_ITEMS = 20_000  # elements of a container that are kept
MAX_BITS = 1_000  # of a whole number: what a float can hold, so that whatever reads it later can calculate with it
MAX_WORK = 2_000_000  # what a function may make of its arguments, multiplied, where nothing else is said
MAX_FIELD = 10_000  # the width or precision of a placeholder
MAX_EXPRESSION = 400  # characters that are kept of an expression whose value only the run decides
MAX_WRAPPED = 20_000  # characters of a text that is broken into lines: a line each makes as many texts


class TooMuch(Exception):
    """Raised if an operation would make too large a value; the message names the kind of value."""


def operation(op: str, x: object, y: object) -> None:
    """Raise TooMuch if a binary operator would make a text, a number or a list too large."""
    if isinstance(x, (str, bytes)) and op == "%":
        percent(x, y)
    elif op == "*" and isinstance(x, (str, bytes)) and isinstance(y, int):
        _text(len(x) * max(y, 0))
    elif op == "*" and isinstance(y, (str, bytes)) and isinstance(x, int):
        _text(len(y) * max(x, 0))
    elif op == "+" and isinstance(x, (str, bytes)) and isinstance(y, (str, bytes)):
        _text(len(x) + len(y))
    elif isinstance(x, int) and isinstance(y, int):
        _number(_bits(op, x, y))
    elif op == "/" and (hasattr(x, "parts") or hasattr(y, "parts")):
        _text(len(str(x)) + len(str(y)))


def _bits(op: str, x: int, y: int) -> int:
    """Return an upper bound of the bits in the result of an operator on whole numbers."""
    if op == "**":
        return x.bit_length() * y if y > 0 and abs(x) > 1 else 0
    if op == "<<":
        return x.bit_length() + y if x else 0
    if op == "*":
        return x.bit_length() + y.bit_length()
    return max(x.bit_length(), y.bit_length()) if op in ("+", "-", "|", "^", "&") else 0


def percent(template: str | bytes, argument: object) -> None:
    """Raise TooMuch if `template % argument` would be too long."""
    text = template.decode("latin-1") if isinstance(template, bytes) else template
    _field(text)
    _text(len(text) + text.count("%") * _shown(argument))


def formatting(value: object, spec: str) -> None:
    """Raise TooMuch if `format(value, spec)` would be too long."""
    _field(spec)
    _text(_shown(value))


def _field(text: str) -> None:
    if any(len(digits) > 9 or int(digits) > MAX_FIELD for digits in re.findall(r"[1-9]\d*", text)):
        raise TooMuch("a very wide placeholder")


def _shown(value: object) -> int:
    """Return the approximate length of a value when written as text."""
    if isinstance(value, int):
        _number(value.bit_length())
    return size(value) * 12 if isinstance(value, (str, bytes)) else size(value) * 24


def function(name: str, args: Iterable[Any]) -> None:
    """Raise TooMuch if a function or method of Python, called with these arguments, would make too large a value.

    `name` is the name of the callee, as in `str.ljust`: the part after the last dot counts.
    """
    args = tuple(args)
    word = name.rpartition(".")[2].rstrip("()")
    if word in NUMBERS:
        _number_function(word, args)
        return
    known = RESULTS.get(word)
    if known is not None and args and isinstance(args[0], (str, bytes)):
        try:
            _text(known(*args))
            return
        except (TypeError, AttributeError, ValueError, OverflowError):  # arguments that it does not take
            pass
    if word in WRAPPING and any(isinstance(arg, str) and len(arg) > MAX_WRAPPED for arg in args):
        raise TooMuch("a very long text, broken into lines")
    work = 1
    for arg in args:
        amount = abs(arg) if isinstance(arg, int) else int(abs(arg)) if isinstance(arg, float) and abs(arg) < 1e9 else 0
        work *= 1 + max(size(arg), amount)
        if work > MAX_WORK and word not in LINEAR:
            raise TooMuch(f"the result of {word}() on so much data")
        if amount > MAX_WORK:
            raise TooMuch(f"the result of {word}() on so large a number")


def _number_function(word: str, args: tuple[Any, ...]) -> None:
    for place, arg in enumerate(args):
        if isinstance(arg, (str, bytes)) and len(arg) > 5_000:
            raise TooMuch("a number of so many digits")
        if isinstance(arg, int):
            _number(arg.bit_length())
            if place and word == "round" and abs(arg) > 400:
                raise TooMuch("rounding to so many digits")
    if word == "pow" and len(args) == 2 and all(isinstance(arg, int) for arg in args):
        _number(_bits("**", *args))


NUMBERS = frozenset(
    "int float abs round divmod pow ord chr hex bin oct complex bool fabs sqrt log log2 log10 exp".split()
)
WRAPPING = frozenset("wrap fill shorten indent".split())
LINEAR = frozenset("sorted sum min max any all len list tuple set dict literal_eval loads isinstance".split())


def _replaced(text: AnyStr, old: AnyStr, new: AnyStr, count: int = -1) -> int:
    times = text.count(old) if old else len(text) + 1
    return len(text) + (times if count < 0 else min(times, count)) * len(new)


def _translated(text: str | bytes, table: object, *_: object) -> int:
    values = table.values() if isinstance(table, dict) else ()
    return len(text) * max((len(value) for value in values if isinstance(value, str)), default=1)


def _tabs(text: str | bytes, width: int = 8) -> int:
    return len(text) + (text.count("\t") if isinstance(text, str) else text.count(b"\t")) * max(width, 0)


def _joined(separator: AnyStr, items: Collection[AnyStr]) -> int:
    return sum(len(item) for item in items) + len(separator) * len(items)


def _as_long(text: str | bytes, *_: object) -> int:
    return len(text)


RESULTS: dict[str, Callable[..., int]] = {
    "replace": _replaced, "translate": _translated, "expandtabs": _tabs, "join": _joined,
    **dict.fromkeys(("ljust", "rjust", "center", "zfill"), lambda text, width, *_: max(len(text), width)),
    **dict.fromkeys(("encode", "decode", "hex"), lambda text, *_: 12 * len(text)),
    **dict.fromkeys(("upper", "lower", "title", "capitalize", "casefold", "swapcase"), lambda text: 3 * len(text)),
    **dict.fromkeys(
        ("strip lstrip rstrip split rsplit splitlines partition rpartition find rfind index rindex count startswith "
         "endswith removeprefix removesuffix dedent cleandoc isdigit isalpha isalnum isspace isupper islower isnumeric "
         "isdecimal istitle isidentifier isprintable isascii").split(),
        _as_long,
    ),
    "escape": lambda text: 2 * len(text),
}  # fmt: skip


def result(value: object) -> None:
    """Raise TooMuch if a plain value that was made exceeds the limit for stored values."""
    if isinstance(value, int):
        _number(value.bit_length())
    elif isinstance(value, (str, bytes)):
        _text(len(value))
    elif isinstance(value, PurePath) and len(value.parts) > MAX_FIELD:
        raise TooMuch("a very long path")


NUMBER_TYPES = {int, float, bool, type(None)}


def size(value: object) -> int:
    """Count characters, elements and their contents, each as often as it is written; stop above the limit of a text."""
    waiting, total = [value], 0
    while waiting and total <= MAX_TEXT:
        one = waiting.pop()
        if isinstance(one, (str, bytes)):
            total += len(one)
        elif isinstance(one, (list, tuple, set, frozenset, dict)):
            total += len(one)
            for inside in (one, one.values()) if isinstance(one, dict) else (one,):
                kinds = set(map(type, inside))  # of one kind, as long lists are, they need not be looked at one by one
                if kinds <= NUMBER_TYPES:
                    total += len(one)
                elif kinds == {str}:
                    total += sum(map(len, inside))
                else:
                    waiting.extend(inside)
        else:
            total += 1
    return total


def _text(length: float) -> None:
    if length > MAX_TEXT:
        raise TooMuch("a very long text")


def _number(bits: int) -> None:
    if bits > MAX_BITS:
        raise TooMuch("a very large number")
