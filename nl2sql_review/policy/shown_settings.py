"""Shows settings to people: one line each, as in the file, with where each was set."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..files.typed_data import show
from .settings import KEYS, Settings


def show_settings(settings: Settings) -> str:
    """Return one line per setting, as in the file, with where it was set."""
    lines = []
    for k, name in KEYS.items():
        value = getattr(settings, name)
        lines.append((f"{k} = {_toml(value)}" if value is not None else f"# {k} =", settings.sources.get(k, "default")))
    for id in settings.parameters:
        lines.append((f'"{id}" = {changed_rule(settings, id)}', settings.sources.get(id, "default")))
    width = max(len(line) for line, _ in lines)
    return "\n".join(f"{line:{width}}  # {source}" for line, source in lines)


def changed_rule(settings: Settings, id: str) -> str:
    """Return the settings' changes to a rule as a TOML table, `{ equals = 32 }`, or "" if there are none."""
    tables = settings.parameters.get(id)
    if not tables:
        return ""
    whole = {**tables[""].given(), "severity": tables[""].severity}
    parts = [f"{k} = {_toml(v)}" for k, v in whole.items() if v is not None]
    parts += [f'"{f}" = {_toml(t.given())}' for f, t in tables.items() if f]
    return f"{{ {', '.join(parts)} }}"


def _toml(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(v) for v in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(k)} = {_toml(v)}' for k, v in value.items())} }}" if value else "{}"
    return show(value)


def _key(key: str) -> str:
    """As TOML takes it: bare where it may be."""
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else show(key)
