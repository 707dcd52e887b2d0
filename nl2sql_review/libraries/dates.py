"""Date and releases of the library tables."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("dates.json")  # made by refresh.py; small, as each report says it


@lru_cache(maxsize=1)
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return stored


def read_on() -> str:
    """Return the day on which the index was queried, `2026-11-30`."""
    return str(_stored()["read"])


def releases() -> dict[str, str]:
    """Return the newest release of each library in the tables."""
    return dict(_stored()["releases"])
