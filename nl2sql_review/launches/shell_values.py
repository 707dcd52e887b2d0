"""Values of shell words: how they are put together, split, edited and summed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from ..training_plan.values import Default, Either, Known, Unknown, Value, options

MOST_CHARACTERS = 20_000  # of a word that variables are put into
MOST_EDITED = 2_000  # characters of a value that an operator edits
MOST_OPTIONS = 8  # values of one word


def spread(value: Value, groups: list[list[Value]]) -> None:
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


def ends(value: Value) -> tuple[str, str]:
    """Return the literal beginning and end of a word; of one that is not known, those that are known."""
    if isinstance(value, Known):
        return str(value.value), str(value.value)
    return value.parts if isinstance(value, Unknown) and isinstance(value.parts, tuple) else ("", "")


def _ending(values: list[Value]) -> str:
    """Return the literal end of a word that is put together: `/train.py` of `"$ROOT/train.py"`."""
    end = ""
    for value in reversed(values):
        if not isinstance(value, (Known, Default)):
            return f"{ends(value)[1]}{end}"
        end = f"{value.value}{end}"
    return end


def joined(values: list[Value]) -> Value:
    """Join several values into one word."""
    values = [value for value in values if value != Known("")] or [Known("")]
    if len(values) == 1:
        return values[0]
    texts = []
    by = ""
    for at, value in enumerate(values):
        if isinstance(value, Either) and all(isinstance(o, Known) for o in value.options):
            made = [joined([*values[:at], option, *values[at + 1 :]]) for option in value.options]
            return either(made, value.condition)
        if not isinstance(value, (Known, Default)):
            why = getattr(value, "why", "") or "a word put together from parts known only at run time"
            return Unknown(why, parts=(ends(values[0])[0], _ending(values)))
        texts.append(str(value.value))
        if sum(map(len, texts)) > MOST_CHARACTERS:
            return Unknown("a very long text")
        by = by or (value.overridden_by if isinstance(value, Default) else "")
    return Default("".join(texts), by) if by else Known("".join(texts))


def either(values: Sequence[Value], condition: str) -> Value:
    """Return one of several values; unknown if there are too many, or one of them is not known."""
    found: dict[object, Value] = {}
    for value in values:
        for option in options(value):
            if not isinstance(option, Known):
                return option if isinstance(option, Unknown) else Unknown(f"it depends on {condition}")
            found.setdefault(option.value, option)
    if len(found) > MOST_OPTIONS:
        return Unknown(f"one of {len(found)} words, by {condition}")
    made = tuple(found.values())
    return made[0] if len(made) == 1 else Either(made, condition)


# -- operators ---------------------------------------------------------------------------------------------------


def edited(value: Value, sign: str, pattern: str, text: str, why: str) -> Value:
    """Return a value as `${name%pattern}`, `${name/pattern/text}` and the like make it."""
    if isinstance(value, Either):
        return either([edited(option, sign, pattern, text, why) for option in value.options], value.condition)
    if not isinstance(value, (Known, Default)):
        return value
    whole = str(value.value)
    if len(whole) > MOST_EDITED or pattern.count("*") > 2:
        return Unknown(why)
    made = _edit(whole, sign, pattern, text)
    return Known(made) if isinstance(value, Known) else Default(made, value.overridden_by)


def _edit(whole: str, sign: str, pattern: str, text: str) -> str:
    if sign in ("^^", ",,", "^", ","):
        change: Callable[[str], str] = str.upper if sign[0] == "^" else str.lower
        return change(whole) if len(sign) == 2 else change(whole[:1]) + whole[1:]
    form = re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)
    if sign in ("/", "//"):
        return form.sub(lambda _: text, whole, count=int(sign == "/")) if pattern else whole
    lengths = range(len(whole) + 1) if len(sign) == 1 else range(len(whole), -1, -1)
    for length in lengths:
        if sign[0] == "#" and form.fullmatch(whole, 0, length):
            return whole[length:]
        if sign[0] == "%" and form.fullmatch(whole, len(whole) - length):
            return whole[: len(whole) - length]
    return whole


# -- arithmetic --------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"-?\d{1,15}")
TOKEN = re.compile(r"(\d{1,15})|([-+*/%()])")
SUMS: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "%": lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1),
}
LARGEST, LONGEST = 2**62, 200


def result(text: str, of: Callable[[str], Value], why: str) -> Value:
    """Return the whole number that `$((…))` gives; `of` returns the value of a variable."""
    by = ""

    def filled(found: re.Match[str]) -> str:
        nonlocal by
        value = of(found[1] or found[2] or found[3])
        number = str(value.value).strip() if isinstance(value, (Known, Default)) else ""
        if not NUMBER.fullmatch(number):
            raise ValueError(value.why if isinstance(value, Unknown) else why)
        by = by or (value.overridden_by if isinstance(value, Default) else "")
        return f"(0{number})" if number.startswith("-") else number

    if len(text) > LONGEST or re.search(r"(?<!\d)0\d|[*]{2}", text):
        return Unknown(why)
    try:
        plain = re.sub(r"\$\{(\w+)\}|\$(\w+)|\b([A-Za-z_]\w*)", filled, text)
    except ValueError as error:
        return Unknown(str(error))
    found = TOKEN.findall(plain)
    tokens = [number or sign for number, sign in found]
    whole = "".join(tokens) == re.sub(r"\s+", "", plain)
    made = _Sum(tokens).whole() if whole else None
    if made is None:
        return Unknown(why)
    return Default(str(made), by) if by else Known(str(made))


class _Sum:
    """Reader of a sum of whole numbers; a text that is none, or too large a number, gives None."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, ""]
        self._at = 0

    def whole(self) -> int | None:
        """Return what the whole sum comes to, None where it is none."""
        try:
            made = self._terms("+-")
        except (ValueError, ZeroDivisionError):
            return None
        return made if not self._tokens[self._at] else None

    def _terms(self, signs: str) -> int:
        made = self._terms("*/%") if signs == "+-" else self._one()
        while (sign := self._tokens[self._at]) and sign in signs:
            self._at += 1
            made = SUMS[sign](made, self._terms("*/%") if signs == "+-" else self._one())
            if abs(made) > LARGEST:
                raise ValueError
        return made

    def _one(self) -> int:
        token = self._tokens[self._at]
        self._at += 1
        if token == "(":
            made = self._terms("+-")
            if self._tokens[self._at] != ")":
                raise ValueError
            self._at += 1
            return made
        if token == "-":
            return -self._one()
        return int(token)
