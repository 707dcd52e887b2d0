"""TOML parser of the running Python: the built-in one since 3.11, tomli before."""

from __future__ import annotations

import re
import sys
from typing import Any

MOST_PARTS = 1_000  # of a dotted key: the parser takes a time that grows with their square


class NotToml(ValueError):
    """Error for text that is not TOML; the message gives the place."""


def parsed(text: str) -> dict[str, Any]:
    """Return the tables of TOML text. Raises NotToml."""
    if sys.version_info >= (3, 11):  # imported here: most runs read none
        import tomllib
    else:
        import tomli as tomllib
    if any(part.count(".") > MOST_PARTS for part in re.split(r"[=,\n\[\]{}]", text)):
        raise NotToml("nested too deeply to be read")
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotToml(str(error)) from None
    except RecursionError:
        raise NotToml("nested too deeply to be read") from None
    return tables


def table(data: object, *keys: str) -> dict[str, Any]:
    """Return the table at a path of keys, empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def place_of(content: str, key: str) -> str:
    """Return the place of a key in a TOML file as `:3:1`, or "" if it is not found."""
    name = re.escape(key.strip('"').partition("[")[0].partition(".")[0])
    found = re.search(
        rf"^[ \t]*(?:\[+[ \t]*(?:tool\.nl2sql-review\.)?)?[\"']?({name})[\"']?[ \t]*[=\].]", content, re.MULTILINE
    )
    if found is None:
        return ""
    row = content.count("\n", 0, found.start(1)) + 1
    return f":{row}:{found.start(1) - content.rfind(chr(10), 0, found.start(1))}"
