"""The report as JSON, version 1: the dataclasses of `report.py`, field by field, on one line.

Everything beyond ASCII is escaped, so that the bytes are the same JSON on every console.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..report import Report
    from .view import View


def render(report: Report, view: View) -> str:
    """All of it, whatever the view leaves out."""
    return dump(report)


def dump(value: Any, indent: int | None = None) -> str:
    """Any result dataclass, or a document made of plain data, as JSON, keys in the order of the fields; on one line without `indent`."""
    separators = (",", ":") if indent is None else None
    return json.dumps(plain(value), separators=separators, indent=indent, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """The value in JSON's own types. What JSON lacks (nan, inf, half of a surrogate pair) and foreign objects become text."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {plain(key if isinstance(key, str) else str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Sequence)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    return str(value)


_NAMES: dict[type, tuple[str, ...]] = {}


def _names(cls: type) -> tuple[str, ...]:
    names = _NAMES.get(cls)
    if names is None:
        names = _NAMES[cls] = tuple(f.name for f in fields(cls))
    return names
