"""TOML parser of the running Python: the built-in one since 3.11, tomli before."""

from __future__ import annotations

import sys
from typing import Any


class NotToml(ValueError):
    """Error for text that is not TOML; the message gives the place."""


def parsed(text: str) -> dict[str, Any]:
    """Return the tables of TOML text. Raises NotToml."""
    if sys.version_info >= (3, 11):  # imported here: most runs read none
        import tomllib
    else:
        import tomli as tomllib
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotToml(str(error)) from None
    except RecursionError:
        raise NotToml("nested too deeply to be read") from None
    return tables
