"""The program's own files in the user's cache directory: a key, and rules in the form that loads fastest.

They are optional: if they cannot be read or written, the work is repeated.
"""

from __future__ import annotations

import os

from . import beside


def directory() -> str:
    """Return `nl2sql-review` in $XDG_CACHE_HOME, %LOCALAPPDATA% or ~/.cache."""
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
    """Write a file that only its owner can read; return whether it was written."""
    try:
        os.makedirs(directory(), mode=0o700, exist_ok=True)
    except OSError:
        return False
    beside.sweep(directory())
    return replace(os.path.join(directory(), name), data)


def replace(path: str, data: bytes) -> bool:
    """Write a file completely or not at all, even if others write it at the same time. Returns False if that fails."""
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
