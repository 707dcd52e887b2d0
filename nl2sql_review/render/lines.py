"""The lines of the files that a report speaks of, read again when they are shown."""

from __future__ import annotations

from functools import lru_cache

from ..report import Location
from ..source import Source, SourceError


class Lines:
    """Callable: a location → the line it starts on, without its end; None when it cannot be read any more."""

    def __init__(self, stdin: tuple[str, bytes] | None = None) -> None:
        self._stdin = stdin
        self._source = lru_cache(maxsize=16)(self._read)  # findings come file by file; the traces of one go to a few

    def __call__(self, location: Location) -> str | None:
        source = self._source(location.path)
        return None if source is None else source.line(location.row, location.cell)

    def _read(self, path: str) -> Source | None:
        """The text of a file; characters of one that is not text are shown as such."""
        data = self._bytes(path)
        if data is None:
            return None
        try:
            return Source.from_bytes(data, path)
        except SourceError:
            pass
        try:
            return Source(path, data[:100_000].decode("utf-8", "replace"))
        except SourceError:  # a notebook whose JSON is broken
            return None

    def _bytes(self, path: str) -> bytes | None:
        if self._stdin is not None and path == self._stdin[0]:
            return self._stdin[1]
        try:
            with open(path, "rb") as file:
                return file.read()
        except (OSError, ValueError):
            return None
