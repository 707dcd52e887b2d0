"""What the program keeps for itself in the user's cache directory: a key, and rules in the form they load fastest.

Nothing here is needed: where it cannot be read or written, the work is done again.
"""

from __future__ import annotations

import os

from . import beside


def directory() -> str:
    """`nl2sql-review` in $XDG_CACHE_HOME, %LOCALAPPDATA% or ~/.cache."""
    given = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else "")
    above = given if given and os.path.isabs(given) else os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(above, "nl2sql-review")


def read(name: str) -> bytes | None:
    try:
        with open(os.path.join(directory(), name), "rb") as file:
            return file.read()
    except OSError:
        return None


def write(name: str, data: bytes) -> bool:
    """Whether it could be written; only its owner may read it."""
    try:
        os.makedirs(directory(), mode=0o700, exist_ok=True)
    except OSError:
        return False
    beside.sweep(directory())
    return replace(os.path.join(directory(), name), data)


def replace(path: str, data: bytes) -> bool:
    """Writes a file whole or not at all, whoever else writes it at the same time. False where that is not possible."""
    temporary = beside.path(path)
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        return False
    return True
