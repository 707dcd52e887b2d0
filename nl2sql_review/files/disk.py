"""The only access to the disk for everything that decides a review, with a record of what was read.

A review depends on more than the script: on modules and configurations beside it, settings, requirement files, and on
the absence of certain files. While `Remembering` is open, each request to this module is recorded as a question with
its answer; a cached review is valid as long as every question has the same answer (`Now.confirms`).

    with Remembering() as seen:
        review(script)
    seen                   # {"kind /p/config.yaml": "file", "2000000 /p/config.yaml": "9f86d0…", "kind /p/util.py": ""}

This file is part of the cost of a cached answer: it imports next to nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextvars import ContextVar

from .limits import size_limit

try:
    from _blake2 import blake2b  # hashlib's own; hashlib would load all of OpenSSL first, a third of a cached answer
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Union

    Path = Union[str, os.PathLike[str]]

_seen: ContextVar[dict[str, str] | None] = ContextVar("seen", default=None)
_within: ContextVar[tuple[str, ...] | None] = ContextVar("within", default=None)


class Within:
    """Context in which nothing exists outside these directories (real paths).

    Questions about other files are answered as if there were none, and no other file is opened.
    """

    def __init__(self, directories: Iterable[str]) -> None:
        self._directories = tuple(directories)

    def __enter__(self) -> None:
        self._token = _within.set(self._directories)

    def __exit__(self, *_: object) -> None:
        _within.reset(self._token)


def lies_in(real: str, directory: str) -> bool:
    """Return whether a real path is a directory, or is below it."""
    return real == directory or real.startswith(directory.rstrip(os.sep) + os.sep)


def _hidden(path: Path) -> bool:
    within = _within.get()
    if within is None:
        return False
    try:
        real = os.path.realpath(path)
    except ValueError:  # a path that no disk can hold
        return True
    return not any(lies_in(real, directory) for directory in within)


class Remembering:
    """Context that records the questions asked in it; an outer one records them too, unless this one is `apart`."""

    def __init__(self, apart: bool = False) -> None:
        self._apart = apart

    def __enter__(self) -> dict[str, str]:
        self.seen: dict[str, str] = {}
        self._token = _seen.set(self.seen)
        return self.seen

    def __exit__(self, *_: object) -> None:
        _seen.reset(self._token)
        if not self._apart:
            recall(self.seen)


def recall(seen: Mapping[str, str]) -> None:
    """Record earlier questions and answers that are used again without looking at the disk."""
    around = _seen.get()
    if around is not None:
        around.update(seen)


def _note(question: str, answer: str) -> str:
    around = _seen.get()
    if around is not None:
        around[question] = answer
    return answer


def script(path: str) -> bytes:
    """Return the bytes of a file to review, up to the size limit. Records nothing. Raises OSError."""
    return head(path, size_limit(path))


def head(path: Path, limit: int) -> bytes:
    """Return the first `limit` bytes of a regular file. Records nothing. Raises OSError, also for other file types."""
    if _hidden(path):
        raise OSError(errno.EACCES, "it is outside the directories that may be read", os.fspath(path))
    # Whatever the path is, opening it must not wait (a pipe), become our terminal, or be read without end (a device).
    try:
        handle = os.open(path, os.O_RDONLY | _NO_WAITING)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):  # which says little of a socket
            raise OSError(
                error.errno, f"it is {_named(os.stat(path).st_mode)}, and only files are read", path
            ) from None
        raise
    with open(handle, "rb", buffering=0) as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(
                errno.EINVAL, f"it is {_named(status.st_mode)}, and only regular files are read", os.fspath(path)
            )
        # No buffer of the limit's size, which takes longer than the reading; a file of /proc says it had no bytes.
        ask = min(status.st_size + 1, limit, PIECE)
        pieces: list[bytes] = []
        while limit > 0 and (piece := file.read(ask)):
            pieces.append(piece)
            limit -= len(piece)
            ask = min(limit, PIECE)
    return b"".join(pieces)


def whole(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file with at most `limit` bytes. Records nothing. Raises OSError."""
    data = head(path, limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes, and is not read", os.fspath(path))
    return data


PIECE = 1 << 20  # bytes read at a time
_NO_WAITING = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


def _named(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for is_one, name in kinds if is_one(mode)), "a device")


# -- questions ---------------------------------------------------------------------------------------------------


def kind(path: Path) -> str:
    """ "file", "folder", "other" (a pipe, a device), or "" when nothing is there; links are followed.

    What was answered once is not asked again while it is remembered: half of the questions of a review are asked twice.
    """
    if _hidden(path):
        return ""
    question, around = f"kind {os.fspath(path)}", _seen.get()
    known = around.get(question) if around is not None else None
    return _note(question, _kind(path)) if known is None else known


def is_file(path: Path) -> bool:
    return kind(path) == "file"


def is_folder(path: Path) -> bool:
    return kind(path) == "folder"


def exists(path: Path) -> bool:
    return kind(path) != ""


def size(path: Path) -> int:
    """Return the size in bytes; 0 if nothing is there."""
    return 0 if _hidden(path) else int(_note(f"size {os.fspath(path)}", _size(path)))


def real(path: Path) -> str:
    """Return the absolute path with all links followed, whether or not it exists."""
    return _note(f"real {os.fspath(path)}", os.path.realpath(path))


def names(path: Path, prefix: str = "", suffix: str = "") -> list[str]:
    """List the entries of a folder that start with `prefix` and end in `suffix`, sorted; [] if it cannot be listed.

    Hidden files are left out, including the cache of this program.
    """
    if _hidden(path):
        return []
    listed = _names(path, prefix, suffix)
    _note(f"names {prefix}*{suffix} {os.fspath(path)}", _of_names(listed))
    return listed or []


def read(path: Path, limit: int) -> bytes | None:
    """Return the bytes of a file; None if there is no file to read or it has more than `limit` bytes."""
    data = _bytes(path, limit)
    _note(f"{limit} {os.fspath(path)}", _of_bytes(data))
    return data


def data(path: Path) -> str:
    """Return what identifies the state of a data file: its size, time and first bytes; "" if there is no file.

    Such files are too large to be read completely each time a cached answer is checked.
    """
    return _note(f"data {os.fspath(path)}", _data(path))


def seen_once(path: Path) -> None:
    """Record a read that cannot be repeated: results that depend on it must not be reused."""
    _note(f"once {os.fspath(path)}", "seen")


def together(seen: Mapping[str, str]) -> dict[str, str]:
    """Combine the questions for missing files by folder: most of them are for modules of libraries."""
    absent = {question[5:] for question, answer in seen.items() if not answer and question.startswith("kind ")}
    kept = {question: answer for question, answer in seen.items() if answer or not question.startswith("kind ")}
    of: dict[str, list[str]] = {}
    for path in sorted(absent):
        folder, name = os.path.split(path)
        if folder in absent:
            continue
        plain = name.isascii() and " " not in name and name not in ("", ".", "..")
        if plain and os.path.isabs(folder):
            of.setdefault(folder, []).append(name)
        else:
            kept[f"kind {path}"] = ""
    return {**kept, **{f"any {'/'.join(names)} {folder}": "" for folder, names in of.items()}}


# -- answers -----------------------------------------------------------------------------------------------------


class Now:
    """Current answers, each looked up once: many reviews ask the same questions about the same folders."""

    def __init__(self) -> None:
        self._answers: dict[str, str] = {}
        self._folders: dict[str, frozenset[str] | None] = {}

    def confirms(self, seen: Mapping[str, str]) -> bool:
        """Return whether every question still has the same answer."""
        answers = self._answers
        for question, before in seen.items():
            now = answers.get(question)
            if now is None:
                now = answers[question] = self._answer(question)
            if now != before:
                return False
        return True

    def _answer(self, question: str) -> str:
        word, _, rest = question.partition(" ")
        if word == "any":
            names, _, folder = rest.partition(" ")
            return self._any(names.split("/"), folder)
        if word == "kind":
            return _kind(rest)
        if word == "once":
            return ""
        if word == "size":
            return _size(rest)
        if word == "real":
            return os.path.realpath(rest)
        if word == "data":
            return _data(rest)
        if word == "names":
            pattern, _, path = rest.partition(" ")
            prefix, _, suffix = pattern.partition("*")
            return _of_names(_names(path, prefix, suffix))
        return _of_bytes(_bytes(rest, int(word)))

    def _any(self, asked: list[str], folder: str) -> str:
        """Return which of some names a folder contains, from its listing: file systems differ in case sensitivity."""
        if folder not in self._folders:
            self._folders[folder] = _few_names(folder)
        there = self._folders[folder]
        may = asked if there is None else [name for name in asked if name.lower() in there]
        return "/".join(name for name in may if _kind(os.path.join(folder, name)))


FEW = 1000  # names: to list more costs more than to ask for one after the other


def _few_names(folder: str) -> frozenset[str] | None:
    """Return the names in a folder, in lower case; None if there are too many, or it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name.lower() for entry, _ in zip(entries, range(FEW))]
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except (OSError, ValueError):
        return None
    return frozenset(names) if len(names) < FEW else None


def digest(data: bytes, key: bytes = b"") -> str:
    """Return the BLAKE2b digest of bytes, 40 hexadecimal digits; with a key, a seal."""
    return blake2b(data, digest_size=20, key=key).hexdigest()


def _kind(path: Path) -> str:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # a path that no disk can hold
        return ""
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def _size(path: Path) -> str:
    try:
        return str(os.stat(path).st_size)
    except (OSError, ValueError):
        return "0"


DATA_HEAD = 64_000  # bytes of a data file that are compared


def _data(path: Path) -> str:
    try:
        status = os.stat(path)
        return f"{status.st_size} {status.st_mtime_ns} {digest(head(path, DATA_HEAD))}"
    except (OSError, ValueError):
        return ""


def _names(path: Path, prefix: str, suffix: str) -> list[str] | None:
    try:
        return [name for name in _listed(path) if name.startswith(prefix) and name.endswith(suffix)]
    except (OSError, ValueError):
        return None


SETTLED = 2_000_000_000  # nanoseconds after which a change of a folder shows in its time, whatever the file system
_listings: dict[str, tuple[int, list[str]]] = {}


def _listed(path: Path) -> list[str]:
    """Return the names in a folder without hidden files, sorted; kept, since all scripts of a folder need them."""
    changed, name = os.stat(path).st_mtime_ns, os.fspath(path)
    if not os.path.isabs(name):
        name = os.path.abspath(name)
    known = _listings.get(name)
    if known is not None and known[0] == changed:
        return known[1]
    listed = sorted(n for n in os.listdir(path) if not n.startswith("."))
    if time.time_ns() - changed > SETTLED:
        if len(_listings) >= 64:
            _listings.clear()
        _listings[name] = changed, listed
    return listed


def _of_names(listed: list[str] | None) -> str:
    return "" if listed is None else digest("\0".join(listed).encode("utf-8", "surrogateescape"))


def _bytes(path: Path, limit: int) -> bytes | None:
    try:
        return whole(path, limit)
    except (OSError, ValueError):  # a path that no disk can hold
        return None


def _of_bytes(data: bytes | None) -> str:
    return "" if data is None else digest(data)
