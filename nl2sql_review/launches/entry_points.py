"""Entry points of a project: the commands that its installation makes, each a function of a module.

They are declared in `pyproject.toml` (`[project.scripts]`, `[tool.poetry.scripts]`), `setup.cfg` or `setup.py`
(`console_scripts`).
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

from ..files import disk, projects, toml

FILES = (projects.PYPROJECT, "setup.cfg", "setup.py")
REFERENCE = re.compile(r"\s*([A-Za-z_][\w.]*)\s*:\s*([A-Za-z_][\w.]*)\s*(?:\[[^\[\]]*\]\s*)?")
DECLARED = re.compile(rf"(?<![\w.-])([A-Za-z_][\w.-]*)\s*={REFERENCE.pattern}")  # a line of console_scripts


def of(folder: str) -> dict[str, tuple[str, str]]:
    """Return the entry points of the project that a folder belongs to: command → (module, function)."""
    root = projects.root(folder)
    made: dict[str, tuple[str, str]] = {}
    for name in reversed(FILES):
        data = disk.read(os.path.join(root, name), projects.SIZE_LIMIT)
        if data is not None and b"scripts" in data:
            made.update(_declared(name, data.decode("utf-8", "replace")))
    return made


@lru_cache(maxsize=16)
def _declared(name: str, text: str) -> dict[str, tuple[str, str]]:
    if name == projects.PYPROJECT:
        return _of_tables(text)
    _, _, after = text.partition("console_scripts")
    return {command: (module, function) for command, module, function in DECLARED.findall(after)}


def _of_tables(text: str) -> dict[str, tuple[str, str]]:
    try:
        tables = toml.parsed(text)
    except toml.NotToml:
        return {}
    made = {}
    for table in (toml.table(tables, "tool", "poetry", "scripts"), toml.table(tables, "project", "scripts")):
        for command, said in table.items():
            reference = said.get("reference") if isinstance(said, dict) else said
            found = REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
            if found is not None:
                made[command] = found[1], found[2]
    return made
