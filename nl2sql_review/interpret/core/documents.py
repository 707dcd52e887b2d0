"""JSON, TOML and INI documents as abstract values, each with its place in the file (`yaml_documents` has YAML).

The text is parsed as the script's library would parse it. A document is parsed once and turned into fresh objects at
every load, since every load of a file returns an object of its own.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # the stubs leave it out; the module lists it
from typing import Any, Callable

from ...files import toml
from ...source import Source, Span
from ...training_plan.values import Known, Place, Trace, Unknown, Value
from . import sizes
from .objects import Mapping, Sequence

MAX_NODES = 20_000  # elements of one document, aliases counted every time they are used
Maker = Callable[[], Value]


class Malformed(Exception):
    """Raised if the text is not a document of its format. The message is one line; `span` is the place, if known."""

    def __init__(self, message: str, row: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.span = Span(row, column, row, column + 1) if row else None


@dataclass(frozen=True)
class Pair:
    """One `key: value` pair of a document: the place of the key, and the place of the value, which a fix replaces.

    `again`: the same mapping already had this key, so this pair silently wins. `plain`: the value is not quoted.
    """

    key: Span
    value: Span
    again: bool = False
    plain: bool = True
    merged: bool = False  # it comes from another mapping, through `<<`


class Text:
    """A text, possibly from a file, with the places of its characters. Without a source every place is `trace`.

    `pairs` maps the identity of each mapping object to its pairs, if they are `wanted`.
    """

    def __init__(self, text: str, source: Source | None = None, trace: Trace = (), wanted: bool = False) -> None:
        self.text, self.source, self.outer = text, source, trace
        self._starts: list[int] | None = None
        self.pairs: dict[int, dict[Any, Pair]] | None = {} if wanted else None

    def note(self, mapping: Mapping, pairs: dict[Any, Pair]) -> Mapping:
        if self.pairs is not None:
            self.pairs[id(mapping)] = pairs
        return mapping

    def span(self, start: int, end: int) -> Span:
        (row, column), (end_row, end_column) = self.position(start), self.position(end)
        return Span(row + 1, column + 1, end_row + 1, end_column + 1)

    def at(self, start: tuple[int, int], end: tuple[int, int]) -> Trace:
        """Return the trace of a value that runs from (row, column) to (row, column), both 0-based."""
        if self.source is None:
            return self.outer
        span = Span(start[0] + 1, start[1] + 1, end[0] + 1, end[1] + 1)
        return (*self.outer, Place(self.source, self.source.in_cell(span)))

    def between(self, start: int, end: int) -> Trace:
        return self.at(self.position(start), self.position(end)) if self.source is not None else self.outer

    def position(self, offset: int) -> tuple[int, int]:
        """Return the 0-based (row, column) of an offset."""
        if self._starts is None:
            self._starts = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", self.text))]
        row = bisect_right(self._starts, offset) - 1
        return row, offset - self._starts[row]

    def width(self, row: int) -> int:
        """Return the length of a line without its trailing whitespace."""
        self.position(0)
        assert self._starts is not None
        if row >= len(self._starts):
            return 0
        end = self._starts[row + 1] if row + 1 < len(self._starts) else len(self.text)
        return len(self.text[self._starts[row] : end].rstrip())

    @property
    def whole(self) -> Trace:
        return self.at((0, 0), (0, self.width(0)))


class Budget:
    def __init__(self) -> None:
        self.left = MAX_NODES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Malformed(f"it holds more than {MAX_NODES:,} values")


# -- JSON ------------------------------------------------------------------------------------------------
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
SPACE = re.compile(r"[ \t\n\r]*")
WORDS = {"null": None, "true": True, "false": False, "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def json_document(text: Text) -> Maker:
    try:
        json.loads(text.text)
    except (ValueError, RecursionError) as e:
        raise Malformed(
            f"not JSON ({str(e).splitlines()[0]})", getattr(e, "lineno", 0), getattr(e, "colno", 0)
        ) from None

    def make() -> Value:
        reader = JsonMaker(text)
        return reader.value(reader.skip(0))[0]

    make()
    return make


class JsonMaker:
    """Scanner of a text that is already known to be JSON."""

    def __init__(self, text: Text) -> None:
        self.source, self.text, self.budget = text, text.text, Budget()

    def skip(self, i: int) -> int:
        return SPACE.match(self.text, i).end()  # type: ignore[union-attr]  # matches the empty string too

    def value(self, i: int, start: int | None = None) -> tuple[Value, int]:
        """Return the value that starts at `i`, and its end. `start`: the start of its key."""
        self.budget.spend()
        text = self.text
        begin = i if start is None else start
        char = text[i]
        if char == '"':
            v, end = scanstring(text, i + 1, True)
            return Known(v, self.source.between(begin, end)), end
        if char == "{":
            items: dict[Any, Value] = {}
            pairs: dict[Any, Pair] = {}
            at = self.skip(i + 1)
            while text[at] != "}":
                key, end = scanstring(text, at + 1, True)
                colon = self.skip(end)
                first, named = self.skip(colon + 1), end
                items[key], end = self.value(first, at)
                if self.source.pairs is not None:
                    again = key in pairs
                    pairs[key] = Pair(
                        self.source.span(at, named), self.source.span(first, end), again, text[first] != '"'
                    )
                at = self.skip(end)
                if text[at] == ",":
                    at = self.skip(at + 1)
            return Known(self.source.note(Mapping(items), pairs), self.source.between(begin, i + 1)), at + 1
        if char == "[":
            values: list[Value] = []
            at = self.skip(i + 1)
            while text[at] != "]":
                v, end = self.value(at)
                values.append(v)
                at = self.skip(end)
                if text[at] == ",":
                    at = self.skip(at + 1)
            last = at + 1 if "\n" not in text[i:at] else i + 1
            return Known(Sequence(tuple(values), "list"), self.source.between(begin, last)), at + 1
        for word, constant in WORDS.items():
            if text.startswith(word, i):
                return Known(constant, self.source.between(begin, i + len(word))), i + len(word)
        end = NUMBER.match(text, i).end()  # type: ignore[union-attr]  # nothing else is left
        return kept(Known(json.loads(text[i:end]), self.source.between(begin, end))), end


# -- TOML and INI ----------------------------------------------------------------------------------------
def toml_document(text: Text) -> Maker:
    try:
        plain = toml.parsed(text.text)
    except (ValueError, RecursionError) as e:
        raise Malformed(f"not TOML ({str(e).splitlines()[0]})") from None
    return lambda: placed(plain, (), lines_of_keys(text), text)


TABLE = re.compile(r"\s*\[\[?\s*(?!\s)([^\]]+)\]\]?")
PAIR = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*[=:]\s*(.*?)\s*$""")


def lines_of_keys(text: Text) -> dict[tuple[str, ...], Trace]:
    """Return the places of the keys in a file of `[table]` and `key = value` lines: for places only, not for values."""
    found: dict[tuple[str, ...], Trace] = {}
    table: tuple[str, ...] = ()
    for row, line in enumerate(text.text.splitlines()):
        head = TABLE.match(line)
        if head is not None:
            table = words(head.group(1).rstrip())
            found.setdefault(table, text.at((row, head.start(1)), (row, head.end(1))))
            continue
        pair = PAIR.match(line)
        if pair is not None:
            found.setdefault((*table, *words(pair.group(1))), text.at((row, pair.start(1)), (row, pair.end(2))))
    return found


def words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))


def placed(v: object, path: tuple[Any, ...], where: dict[tuple[str, ...], Trace], text: Text) -> Value:
    trace = where.get(path) or where.get(path[:-1]) or text.whole
    if isinstance(v, dict):
        return Known(Mapping({k: placed(x, (*path, k), where, text) for k, x in v.items()}), trace)
    if isinstance(v, list):
        return Known(Sequence(tuple(placed(x, path, where, text) for x in v), "list"), trace)
    if v is None or isinstance(v, (str, bool, int, float)):
        return kept(Known(v, trace))
    return Unknown(f"a {type(v).__name__} in a TOML file", trace)


def kept(value: Value) -> Value:
    """Return the value, or an unknown value if it is a number too large for a float."""
    try:
        sizes.result(value.value if isinstance(value, Known) else None)
    except sizes.TooMuch as error:
        return Unknown(str(error), value.trace)
    return value


def ini_document(text: Text, lower: bool = True, inline: tuple[str, ...] = (), interpolation: bool = True) -> Maker:
    """Return {section: {key: text}} as configparser reads it, with [DEFAULT] in every section."""
    import configparser

    parser = configparser.ConfigParser(
        inline_comment_prefixes=inline or None,
        interpolation=configparser.BasicInterpolation() if interpolation else None,
    )
    if not lower:
        setattr(parser, "optionxform", str)  # noqa: B010 (the documented way; to mypy it is a method)
    try:
        parser.read_string(text.text)
        plain = {name: dict(parser[name]) for name in ("DEFAULT", *parser.sections())}
    except configparser.Error as e:
        raise Malformed(f"not a file that configparser can read ({type(e).__name__})") from None
    return lambda: placed(plain, (), lines_of_keys(text), text)
