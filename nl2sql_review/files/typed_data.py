"""Converts plain data (YAML, TOML, JSON) to frozen dataclasses, with errors that name the key and the remedy.

Rule heads and settings are read on every run, and the first pydantic model of a process costs more than parsing
ten scripts. So the dataclasses are checked here, by their own annotations, and pydantic reads the same dataclasses
only to make a JSON Schema (`schema`). Supported types: `Any`, `bool`, `int`, `float`, `str`, `None`, `Literal`,
unions, `tuple[X, ...]`, `dict[str, X]` and dataclasses of these. A field may set `metadata["key"]` if its key is no
Python name (`fail-on`).
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from functools import cache, lru_cache
from typing import Any, Iterable, Literal, Mapping, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class ShapeError(ValueError):
    """Error for data of the wrong shape. `key` is the dotted path (empty for the whole), the text gives the remedy."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key
        self.message = message


def build(kind: type[T], data: object, key: str = "") -> T:
    """Convert `data` to type `kind`. Raises ShapeError. Numbers are not strings and booleans are not numbers."""
    made: T = _value(kind, data, key)
    return made


def _value(kind: object, data: object, key: str) -> Any:
    """Convert `data` to any supported type: see the top of this file."""
    if kind is Any:
        return data
    origin = get_origin(kind)
    if origin is Literal:
        options = get_args(kind)
        if any(data is o or (type(data) is type(o) and data == o) for o in options):
            return data
        raise ShapeError(key, f"{show(data)} is not one of {listed(options)}{did_you_mean(data, options)}")
    if origin is Union or _is_new_union(kind):
        return _union(kind, data, key)
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise ShapeError(key, f"must be a list, not {named(data)}")
        return tuple(_value(get_args(kind)[0], item, f"{key}[{i}]") for i, item in enumerate(data))
    if origin is dict:
        if not isinstance(data, Mapping):
            raise ShapeError(key, f"must be a mapping, not {named(data)}")
        _, kind_of_value = get_args(kind)
        return {k: _value(kind_of_value, v, dotted(key, k)) for k, v in data.items()}
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, data, key)
    if kind is None or kind is type(None):
        ok = data is None
    elif kind is float:
        ok = type(data) in (int, float)
    else:
        ok = type(data) is kind
    if not ok:
        raise ShapeError(key, f"must be {_NAMES.get(kind, kind)}, not {named(data)}")
    return data


def restore(kind: type[T], data: object) -> T:
    """Rebuild a dataclass from plain data that was written from it: as `build`, but without checks."""
    of_any_type: Any = kind  # which mypy takes for hashable, as all types are
    made: T = _maker(of_any_type)(data)
    return made


@cache
def _maker(kind: object) -> Any:
    """Return a function that makes a value of a type from plain data; None if plain data are the value."""
    if is_dataclass(kind) and isinstance(kind, type):
        makers = {name: _maker(hint) for name, hint in _hints(kind).items()}
        makers = {name: maker for name, maker in makers.items() if maker is not None}

        def made(data: dict[str, Any]) -> Any:
            for name, maker in makers.items():
                if data[name] is not None:
                    data[name] = maker(data[name])
            return kind(**data)

        return made
    inner = [maker for part in get_args(kind) if not isinstance(part, str) and (maker := _maker(part)) is not None]
    if get_origin(kind) is tuple:
        return (lambda data: tuple(map(inner[0], data))) if inner else tuple
    return inner[0] if inner else None


@cache
def keys(kind: type) -> Mapping[str, str]:
    """Return the keys of a dataclass in files → the names of its fields."""
    return {f.metadata.get("key", f.name): f.name for f in fields(kind) if f.init and not f.metadata.get("hidden")}


def _dataclass(kind: type, data: object, key: str) -> Any:
    if not isinstance(data, Mapping):
        raise ShapeError(key, f"must be a mapping, not {named(data)}")
    known, hints = keys(kind), _hints(kind)
    given = {}
    for k, v in data.items():
        if k not in known:
            raise ShapeError(dotted(key, k), f"unknown key{did_you_mean(k, known)}; known are {listed(known)}")
        given[known[k]] = _value(hints[known[k]], v, dotted(key, k))
    for name, written in _needed(kind):
        if name not in given:
            raise ShapeError(key, f"`{written}` is missing")
    try:
        return kind(**given)
    except ShapeError as error:  # from __post_init__, which does not know where it stands
        raise ShapeError(dotted(key, error.key) if error.key else key, error.message) from None


@cache
def _needed(kind: type) -> tuple[tuple[str, str], ...]:
    """Return the fields without a default, each with its key in files."""
    known = {name: key for key, name in keys(kind).items()}
    needed = (f for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return tuple((f.name, known[f.name]) for f in needed if f.name in known)


def _union(kind: object, data: object, key: str) -> Any:
    """Convert `data` to the matching alternative; a mapping to the one with its keys, so that errors are specific."""
    alternatives = get_args(kind)
    others = [a for a in alternatives if a is not type(None)]
    if len(others) == 1 and data is not None:
        return _value(others[0], data, key)
    if isinstance(data, Mapping):
        mappings = [a for a in alternatives if is_dataclass(a)] + [a for a in alternatives if get_origin(a) is dict]
        if mappings:
            by_key = [
                a for a in mappings if is_dataclass(a) and isinstance(a, type) and any(k in keys(a) for k in data)
            ]
            nested = bool(data) and all(isinstance(v, Mapping) for v in data.values())
            return _value((by_key or mappings[:: -1 if nested else 1])[0], data, key)
    if isinstance(data, str) and (words := [a for a in alternatives if get_origin(a) is Literal]):
        return _value(words[0], data, key)
    for alternative in alternatives:
        try:
            return _value(alternative, data, key)
        except ShapeError as error:
            if error.key != key:  # it was the right kind, and something inside it is wrong
                raise
    kinds = [listed(get_args(a)) if get_origin(a) is Literal else _NAMES.get(a, _shape(a)) for a in alternatives]
    kinds = [k for k in dict.fromkeys(kinds) if k != "nothing"]
    raise ShapeError(key, f"must be {' or '.join(kinds)}, not {named(data)}")


def _shape(kind: object) -> str:
    return "a list" if get_origin(kind) is tuple else "a mapping"


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_new_union(kind: object) -> bool:
    return type(kind).__name__ == "UnionType"


_NAMES: dict[object, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
    type(None): "nothing",
}


def named(data: object) -> str:
    """Describe `data` for an error message: `the string "16"`."""
    if data is None:
        return "nothing"
    if isinstance(data, Mapping):
        return "a mapping"
    if isinstance(data, (list, tuple)):
        return "a list"
    name = {bool: "", int: "the number ", float: "the number ", str: "the string "}.get(type(data), "")
    return f"{name}{show(data)}"


def show(data: object) -> str:
    """Return a scalar as TOML writes it."""
    if isinstance(data, bool):
        return str(data).lower()
    return f'"{data}"' if isinstance(data, str) else str(data)


def dotted(key: str, part: object) -> str:
    """Return the key of a part of a table, the part in quotes if it contains a dot or slash."""
    part = f'"{part}"' if "." in str(part) or "/" in str(part) else str(part)
    return f"{key}.{part}" if key else part


def listed(words: Iterable[object]) -> str:
    return ", ".join(str(w) for w in words)


def did_you_mean(word: object, words: Iterable[object]) -> str:
    """Return `: did you mean "equals"?`, or "" if no word is close."""
    meant = _closest(str(word), tuple(map(str, words)))
    return f'; did you mean "{meant}"?' if meant else ""


class Suggestions:
    """Suggestions for the unknown words of one file; of very many words, only the first are compared with all known."""

    COMPARED = 200  # each takes about a millisecond

    def __init__(self) -> None:
        self._left = self.COMPARED

    def spend(self) -> bool:
        """Return whether one more word may be compared."""
        self._left -= 1
        return self._left >= 0

    def of(self, word: object, words: Iterable[object]) -> str:
        """Return `; did you mean "equals"?`, or "" if no word is close or too many were compared before."""
        return did_you_mean(word, words) if self.spend() else ""


@lru_cache(maxsize=256)  # a script may make the same mistake in thousands of calls
def _closest(word: str, words: tuple[str, ...]) -> str:
    """Return the word that is spelled most like another one, "" if none is close."""
    from difflib import get_close_matches  # only on the way to an error

    spellings = {w.replace("_", "-").lower(): w for w in words}
    close = get_close_matches(word.replace("_", "-").lower(), spellings, n=1, cutoff=0.65)
    return spellings[close[0]] if close else ""


def schema(kind: type, title: str) -> dict[str, Any]:
    """Return the JSON Schema of a dataclass, generated by pydantic, with the keys as in files and no others."""
    from pydantic import TypeAdapter

    made = TypeAdapter(kind).json_schema()
    for one in _dataclasses_in(kind):
        part = made if one is kind and "properties" in made else made.get("$defs", {}).get(one.__name__, {})
        if "properties" in part:
            names = keys(one)
            part["properties"] = {k: part["properties"][f] for k, f in names.items()}
            part.setdefault("additionalProperties", False)
            if "required" in part:
                part["required"] = [k for k, f in names.items() if f in part["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": title}


def _dataclasses_in(kind: object, seen: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    """Return `kind` and every dataclass in the types of its fields."""
    if kind in seen:
        return seen
    if is_dataclass(kind) and isinstance(kind, type):
        seen = (*seen, kind)
        for hint in _hints(kind).values():
            seen = _dataclasses_in(hint, seen)
    for inner in get_args(kind):
        if not isinstance(inner, (str, int)):
            seen = _dataclasses_in(inner, seen)
    return seen
