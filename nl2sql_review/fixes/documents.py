"""Edits of configuration files: the scalar that a value was read from, replaced where it stands."""

from __future__ import annotations

import json
import re
from typing import Any

from ..report import Edit, Location
from ..values import Place

_KEY = re.compile(r"""\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s:={\[]+)\s*[:=]\s*""")


def replaced(place: Place, value: Any, wanted: Any) -> Edit | None:
    """The scalar of one line at `place` (with its key, if it has one) replaced; None where that is not what stands there."""
    span, source = place.node, place.source
    if span.row != span.end_row or not isinstance(wanted, (bool, int, float, str)):
        return None
    text = source.line(span.row)[span.column - 1 : span.end_column - 1]
    key = _KEY.match(text)
    start = key.end() if key is not None else 0
    old = text[start:]
    if not old or old[0] in "[{&*!|>":
        return None
    at = Location(source.path, span.row, span.column + start, span.row, span.end_column)
    return Edit(at, scalar(wanted, old, source.path))


def added(place: Place, key: str, wanted: Any) -> Edit | None:
    """A key that is left out, added to the YAML mapping it belongs to: at the end of the file, or as first of its section."""
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


def _after(source: Any, row: int, line: str) -> Edit:
    end = len(source.line(row)) + 1
    return Edit(Location(source.path, row, end, row, end), f"\n{line}")


def key(place: Place) -> str:
    """The key of the pair at a place, "" where it is none."""
    found = _KEY.match(_text(place))
    return found[0].strip().rstrip(":=").strip(" \"'") if found else ""


def switch(place: Place) -> bool | None:
    """The position of the switch at a place; None where no switch stands there."""
    text = _text(place)
    found = _KEY.match(text)
    return {"true": True, "false": False}.get(text[found.end() if found else 0 :].strip("\"'").lower())


def _text(place: Place) -> str:
    span = place.node
    return str(place.source.line(span.row)[span.column - 1 : span.end_column - 1]) if span.row == span.end_row else ""


def scalar(wanted: Any, like: str, path: str) -> str:
    """A scalar as YAML, JSON and TOML write it, in the quotes of the one it replaces."""
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
