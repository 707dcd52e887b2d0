"""Edits of configuration files: the scalar that a value was read from is replaced in place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ...report.report import Edit, Location
from ...training_plan.values import Place

if TYPE_CHECKING:
    from ...source import Source

_KEY = re.compile(r"""\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s:={\[]+)\s*[:=]\s*""")

_VALUE = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'[^']*'|[^#;\s]+""")


def replaced(place: Place, value: object, wanted: object) -> Edit | None:
    """Replace the one-line scalar at `place`, after its key if there is one; None if something else is there."""
    span, source = place.node, place.source
    if span.row != span.end_row or not isinstance(wanted, (bool, int, float, str)):
        return None
    text = source.line(span.row)[span.column - 1 : span.end_column - 1]
    key = _KEY.match(text)
    start = key.end() if key is not None else 0
    old = text[start:]
    if not source.path.endswith((".yaml", ".yml", ".json")):  # there the place of a value goes to the end of its line
        whole = _VALUE.match(old)
        old = whole[0] if whole is not None else old
    if not old or old[0] in "[{&*!|>" or not _reads_as(old, value):
        return None
    begin = span.column + start
    at = Location(source.path, span.row, begin, span.row, begin + len(old))
    return Edit(at, scalar(wanted, old, source.path))


def _reads_as(scalar: str, value: object) -> bool:
    """Return whether a scalar may give the value: the same text, or the same number, true, false or null."""
    bare = scalar.strip().strip("\"'")
    if isinstance(value, bool) or value is None:
        return bare.lower() in (_TRUE if value else _FALSE if value is False else _NULL)
    if isinstance(value, (int, float)):
        try:
            return float(bare.replace("_", "")) == value
        except ValueError:
            return False
    return isinstance(value, str) and (bare == value or value in scalar)


_TRUE, _FALSE, _NULL = ("true", "yes", "on", "y"), ("false", "no", "off", "n"), ("null", "~", "none", "")


def added(place: Place, key: str, wanted: object) -> Edit | None:
    """Add a key to its YAML mapping: at the end of the file, or as the first key of its section."""
    source, row = place.source, place.node.row
    if (
        source.kind != "configuration"
        or source.path.endswith((".json", ".toml"))
        or not isinstance(wanted, (bool, int, float, str))
    ):
        return None
    text = scalar(wanted, "", source.path)
    head = source.line(row)
    last = max((n for _, n, line in source.rows() if line.strip()), default=row)
    if (
        re.fullmatch(r"[\w-]+:\s*(#.*)?", head) is None
        or row == last
        or not source.line(row + 1).startswith((" ", "\t"))
    ):
        if head[:1] in "{ " or source.line(last).startswith(("...", "}")):
            return None
        return _after(source, last, f"{key}: {text}")
    following = next(
        line for _, n, line in source.rows() if n > row and line.strip() and not line.lstrip().startswith("#")
    )
    return _after(source, row, f"{following[: len(following) - len(following.lstrip())]}{key}: {text}")


def _after(source: Source, row: int, line: str) -> Edit:
    end = len(source.line(row)) + 1
    return Edit(Location(source.path, row, end, row, end), f"\n{line}")


def key(place: Place) -> str:
    """Return the key of the pair at a place, or "" if there is none."""
    found = _KEY.match(_text(place))
    return found[0].strip().rstrip(":=").strip(" \"'") if found else ""


def switch(place: Place) -> bool | None:
    """Return the value of the switch at a place, or None if no switch is there."""
    text = _text(place)
    found = _KEY.match(text)
    return {"true": True, "false": False}.get(text[found.end() if found else 0 :].strip("\"'").lower())


def _text(place: Place) -> str:
    span = place.node
    return str(place.source.line(span.row)[span.column - 1 : span.end_column - 1]) if span.row == span.end_row else ""


def scalar(wanted: bool | int | float | str, like: str, path: str) -> str:
    """Return a scalar as YAML, JSON and TOML write it, in the quotes of the one that it replaces."""
    if isinstance(wanted, bool):
        return (
            {"True": "True", "False": "True", "TRUE": "TRUE", "FALSE": "TRUE"}.get(like, "true") if wanted else "false"
        )
    if isinstance(wanted, str):
        if like[:1] == "'":
            return "'" + wanted.replace("'", "''") + "'"
        bare = not path.endswith((".json", ".toml")) and like[:1] != '"' and re.fullmatch(r"[A-Za-z][\w/.-]*", wanted)
        return wanted if bare else json.dumps(wanted)
    return repr(wanted)  # 0.0002 rather than 2e-4, which is text in YAML 1.1
