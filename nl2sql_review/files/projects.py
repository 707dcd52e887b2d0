"""Finds the root of a project, and the settings files that count, from the marks above a script."""

from __future__ import annotations

import os

from . import disk

DEDICATED = "nl2sql-review.toml"
PYPROJECT = "pyproject.toml"
TABLE = "nl2sql-review"
SIZE_LIMIT = 2_000_000  # bytes of a settings file
MARKS = (".git", PYPROJECT, DEDICATED)
# Weaker signs, for a script that lies outside of the working directory.
SIGNS = (
    *("requirements.txt", "setup.py", "setup.cfg", "uv.lock", "poetry.lock", "pdm.lock"),
    *("environment.yml", "Pipfile"),
)


def marked(directory: str) -> str | None:
    """Return `directory` (absolute) or its nearest ancestor with .git, pyproject.toml or nl2sql-review.toml."""
    return _ancestor_with(directory, MARKS)


def tree(directory: str) -> str:
    """Return the tree of a settings file in `directory` (absolute): its repository, else that directory."""
    return _ancestor_with(directory, (".git",)) or directory


def root(directory: str) -> str:
    """Return the nearest ancestor of `directory` with .git, pyproject.toml or nl2sql-review.toml.

    Without one, return the working directory if it contains `directory`: scripts are run, and find their files, from
    there. Otherwise return the nearest ancestor with another sign of a project (requirements.txt, setup.py, …), else
    `directory` itself.
    """
    start = os.path.abspath(directory)
    found = marked(start)
    if found is not None:
        return found
    working = os.getcwd()
    if start != working and start.startswith(working.rstrip(os.sep) + os.sep):
        return working
    return _ancestor_with(start, SIGNS) or start


def _ancestor_with(directory: str, names: tuple[str, ...]) -> str | None:
    while True:
        if any(disk.exists(os.path.join(directory, name)) for name in names):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def candidates(directory: str) -> tuple[str, ...]:
    """Return the settings files that may count for `directory`, an absolute path, nearest first.

    A pyproject.toml is a candidate if it contains our name; the reader checks whether it contains our table.
    """
    found: tuple[str, ...] = ()
    while True:
        own, last = own_candidates(directory)
        found += own
        parent = os.path.dirname(directory)
        if last or parent == directory:
            return found
        directory = parent


def own_candidates(directory: str) -> tuple[tuple[str, ...], bool]:
    """Return the candidates in a directory itself, and whether the search ends there."""
    dedicated = os.path.join(directory, DEDICATED)
    if disk.is_file(dedicated):
        return (dedicated,), True
    shared = os.path.join(directory, PYPROJECT)
    own = disk.is_file(shared) and TABLE.encode() in (disk.read(shared, SIZE_LIMIT) or b"")
    return (shared,) if own else (), disk.exists(os.path.join(directory, ".git"))
