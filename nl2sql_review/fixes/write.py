"""Writes edited files whole or not at all, even if the disk is full or the process is killed.

Every file is first written beside the original and flushed to the disk; only then are all of them exchanged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..files import beside, disk


class WriteError(Exception):
    """Raised if a file could not be written. Nothing was lost; the message lists the files exchanged before, if any."""


@dataclass(frozen=True)
class Edited:
    """A file's content as it was read, and its new content."""

    path: str
    before: bytes
    after: bytes


def write(files: Sequence[Edited]) -> None:
    """Exchange the files and keep their permissions; for a symbolic link, exchange its target. Raises WriteError."""
    ready: list[tuple[str, str]] = []
    done: list[str] = []
    try:
        for file in files:
            real = os.path.realpath(file.path)
            try:
                ready.append((_beside(real, file), real))
            except OSError as error:
                raise _failed(file.path, error, done) from None
        for (temporary, real), file in zip(ready, files):
            try:
                os.replace(temporary, real)
            except OSError as error:
                raise _failed(file.path, error, done) from None
            done.append(file.path)
        for folder in {os.path.dirname(real) for _, real in ready}:
            _to_disk(folder)
    finally:
        for temporary, _ in ready[len(done) :]:
            with suppress(OSError):
                os.unlink(temporary)


def _beside(real: str, file: Edited) -> str:
    """Write the new content to the disk, in its own file beside the old one; return its path."""
    mode = os.stat(real).st_mode
    if disk.head(real, len(file.before) + 1) != file.before:
        raise WriteError(f"{file.path} changed during the review; it was left unchanged: run again")
    if not mode & stat.S_IWUSR:
        raise WriteError(f"{file.path} is read-only; it was left unchanged")
    beside.sweep(os.path.dirname(real))
    temporary = beside.path(real)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(file.after)
            new.flush()
            os.chmod(temporary, stat.S_IMODE(mode))
            os.fsync(new.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary


def _to_disk(folder: str) -> None:
    """Flush the names in a folder to the disk if the system can: otherwise a crash could bring the old file back."""
    with suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _failed(path: str, error: OSError, done: Sequence[str]) -> WriteError:
    written = f"; written before: {', '.join(done)}" if done else ""
    return WriteError(f"{path} cannot be written: {error.strerror or error}; it was left unchanged{written}")
