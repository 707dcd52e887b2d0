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
