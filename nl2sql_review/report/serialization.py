"""Results as JSON: dataclasses in the order of their fields, on one line or indented.

All characters beyond ASCII are escaped, so that the bytes are the same JSON on every console.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from operator import is_
from typing import Any

from .report import Location


def dump(value: object) -> str:
    """Return any result dataclass as one line of JSON, keys in the order of the fields."""
    return document(plain(value), indent=None)


def document(value: object, indent: int | None = 2) -> str:
    """Return JSON types as a document; unpaired surrogates, which strict readers refuse, are replaced."""
    separators = (",", ":") if indent is None else None
    text = io.StringIO()  # written piece by piece: a list of the pieces is several times the text
    json.dump(value, text, separators=separators, indent=indent, allow_nan=False)
    return _unobeyed(well_formed_json(text.getvalue())) + "\n"


_BUILD_COMMAND = re.compile(r"##(\w*)\[")


def _unobeyed(text: str) -> str:
    """Return the same JSON without `##[`, `##vso[` …, which a build log executes wherever they occur."""
    return _BUILD_COMMAND.sub(r"##\1\\u005b", text) if "##" in text else text


_ESCAPES = re.compile(r"\\(?:ud[89ab]..\\ud[c-f]..|ud[89a-f]..|.)")


def well_formed_json(text: str) -> str:
    """Return JSON with every escape of an unpaired surrogate, which strict readers refuse, replaced."""
    if "\\ud" not in text:
        return text
    return _ESCAPES.sub(lambda found: "\\ufffd" if len(found[0]) == 6 else found[0], text)


def plain(value: object) -> Any:
    """Return the value in JSON types. Numbers that JSON lacks (nan, inf) and foreign objects become text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if type(value) in _NAMES or is_dataclass(type(value)):
        if isinstance(value, Location) and not value.row:  # of a data file as a whole
            return {"path": value.path, **dict.fromkeys(_names(Location)[1:])}
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Sequence)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    return str(value)


def well_formed(value: Any) -> Any:
    """Return a result dataclass with its text as in JSON: unpaired surrogates are replaced.

    So a report is the same whether it was made in this process or read from JSON.
    """
    kind = type(value)
    if kind is str:
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if kind in _AS_IT_IS:
        return value
    if kind is list or kind is tuple:
        made = kind(map(well_formed, value))
        return value if all(map(is_, made, value)) else made  # most texts are: copies would cost more than the search
    if kind is dict:
        return {well_formed(key): well_formed(item) for key, item in value.items()}
    if kind in _NAMES or is_dataclass(kind):
        held = [getattr(value, name) for name in _names(kind)]
        fit = list(map(well_formed, held))
        return value if all(map(is_, fit, held)) else kind(**dict(zip(_names(kind), fit)))
    return value


_AS_IT_IS = frozenset((bool, int, float, type(None)))
_NAMES: dict[type, tuple[str, ...]] = {}


def _names(cls: type) -> tuple[str, ...]:
    names = _NAMES.get(cls)
    if names is None:
        names = _NAMES[cls] = tuple(f.name for f in fields(cls))
    return names
