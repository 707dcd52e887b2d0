"""Cache of reviews: one JSON file for each script and each set of options.

An entry lists the questions that its answer depends on (`disk.Remembering`), and is valid only while all of them have
the same answer and the program is the same. It is sealed with a key in the user's own cache directory, so that a file
that is torn, foreign, or forged in a tree under review is not accepted; and being JSON it could not run anything. The
cache never makes a review fail: if an entry cannot be read or written, the file is reviewed again.
"""

from __future__ import annotations

import json
import os
import sys
from _operator import _compare_digest  # hmac's own; hmac would load hashlib, and with it all of OpenSSL

from .. import __version__
from ..files import beside, disk, projects, resources, user_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

DIRECTORY = ".nl2sql_review_cache"
TAG, IGNORE = "CACHEDIR.TAG", ".gitignore"
SIGNATURE = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of nl2sql-review; see https://bford.info/cachedir/\n"
)
KEY = "key"
KEY_SIZE = 32
LARGEST = 100_000_000  # bytes of an entry
RELIES_ON = ("libcst", "yaml")  # libraries whose behaviour shows in a review


class Entry:
    """An answer, and the questions that it depends on: `head` is read on every hit, `blob` is left unread."""

    __slots__ = ("seen", "head", "blob")

    def __init__(self, seen: Mapping[str, str], head: dict[str, Any], blob: bytes = b"") -> None:
        self.seen = seen
        self.head = head
        self.blob = blob


class Cache:
    """Entries in one directory, sealed with the key of the user; without a key nothing is found or stored."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._engine = engine()
        self._now = disk.Now()
        self._key: bytes | None = None
        self._swept = False  # what killed runs left was removed
        self._broken = False  # nothing can be written: not tried again

    def again(self) -> Cache:
        """Open the same cache again, without the answers about the disk that were looked up before."""
        return Cache(self.directory)

    def find(self, *name: str) -> Entry | None:
        """Return the entry of that name, or None unless everything that it depends on is unchanged."""
        data = self._sealed(name)
        seal, _, body = data.partition(b"\n")
        ours = self._seal(body) if seal else ""
        if not ours or not _compare_digest(seal, ours.encode()):  # without a key no seal is ours, an empty one least
            return None
        written, _, blob = body.partition(b"\n")
        head = json.loads(written)  # sealed by us: as we wrote it
        if head["name"] != list(name) or head["engine"] != self._engine or not self._now.confirms(head["seen"]):
            return None
        disk.recall(head["seen"])
        return Entry(head["seen"], head["head"], blob)

    def store(self, entry: Entry, *name: str) -> None:
        """Write an entry in place of an older one of that name. Does nothing if it cannot be written."""
        if self._broken:
            return
        head = {"name": name, "engine": self._engine, "seen": entry.seen, "head": entry.head}
        body = json.dumps(head, separators=(",", ":")).encode() + b"\n" + entry.blob
        seal = self._seal(body, make=True)
        self._broken = (
            not seal or not self._prepared() or not user_cache.replace(self._path(name), f"{seal}\n".encode() + body)
        )

    def _sealed(self, name: tuple[str, ...]) -> bytes:
        """Return the bytes of an entry, b"" if there is none: a pipe, a link or a file too large is not an entry."""
        path = self._path(name)
        try:
            return b"" if os.path.islink(path) else disk.whole(path, LARGEST)
        except OSError:
            return b""

    def _path(self, name: tuple[str, ...]) -> str:
        return os.path.join(self.directory, disk.digest("\0".join(name).encode("utf-8", "surrogatepass")) + ".json")

    def _seal(self, body: bytes, make: bool = False) -> str:
        """Return the seal of these bytes, which only the user's key can produce; "" if there is no key."""
        if self._key is None or make and not self._key:
            self._key = _key(make)
        return disk.digest(body, self._key) if self._key else ""

    def _prepared(self) -> bool:
        """Create the directory, marked for git and backup programs, unless it exists; return whether it is usable."""
        if self._swept:
            return True
        try:
            os.makedirs(self.directory, exist_ok=True)
            beside.sweep(self.directory)
            made = not set(os.listdir(self.directory)) - {IGNORE}  # the tag comes last: with it all is there
        except OSError:
            return False
        self._swept = not made or all(
            user_cache.replace(os.path.join(self.directory, name), text.encode())
            for name, text in ((IGNORE, "*\n"), (TAG, SIGNATURE))
        )
        return self._swept


def _key(make: bool) -> bytes:
    data = user_cache.read(KEY) or b""
    if len(data) == KEY_SIZE:
        return data
    if make and user_cache.write(KEY, os.urandom(KEY_SIZE)):
        data = user_cache.read(KEY) or b""  # of two that make one at the same time, the last
    return data if len(data) == KEY_SIZE else b""


def place() -> str:
    """Return the directory of the cache: in the root of the working directory's project, else in the latter."""
    here = os.getcwd()
    return os.path.join(projects.marked(here) or here, DIRECTORY)


def opened(directory: str | None = None) -> Cache | None:
    """Open the cache in a directory, by default that of the project; None if that is a link."""
    if directory is None and os.path.islink(place()):
        return None  # from a tree that somebody else made
    return Cache(os.path.abspath(directory if directory is not None else place()))


def clear(directory: str | None = None) -> int | None:
    """Remove the cache; return the number of entries, or None if the directory is not a cache. Raises OSError."""
    where = directory if directory is not None else place()
    try:
        names = os.listdir(where)
    except FileNotFoundError:
        return 0
    if os.path.islink(where) or TAG not in names and names:
        return None
    entries = [name for name in names if ".json" in name or name.endswith(beside.SUFFIX)]
    for name in (*entries, IGNORE, TAG):
        try:
            os.unlink(os.path.join(where, name))
        except FileNotFoundError:  # another run, or never there
            pass
    try:
        os.rmdir(where)
    except OSError:  # something else lies there, and stays
        pass
    return len(entries)


def engine() -> str:
    """Return a digest of the program: its files and rules, the libraries it reads with, the Python that runs it."""
    said = [__version__, sys.version]
    for folder in (resources.PACKAGE, resources.find("rules")):
        said += _files(folder)
    from importlib.machinery import PathFinder

    for name in RELIES_ON:
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin:
            said += _files(os.path.dirname(spec.origin), deep=False)
    return disk.digest("\n".join(said).encode("utf-8", "surrogateescape"))


def _files(folder: str, deep: bool = True) -> Iterator[str]:
    """Yield name, size and time of every file of a package."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.name.startswith(("__pycache__", ".")):
                continue
            if entry.is_dir():
                if deep:
                    yield from _files(entry.path)
            else:
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
