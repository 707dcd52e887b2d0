"""Which files a client may have reviewed: those below its roots, whatever links lead there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import urlsplit
from urllib.request import url2pathname


class Outside(ValueError):
    """The path leads out of the roots; the text names them."""


class Roots:
    """Directories, from the `file://` URIs that a client gives; without any, the working directory.

    Other URIs are no files of this machine and allow nothing.
    """

    def __init__(self, uris: Iterable[str] = ()) -> None:
        uris = list(uris)
        named = [url2pathname(urlsplit(uri).path) for uri in uris if uri.startswith("file://")]
        self.directories = tuple(os.path.realpath(path) for path in (named if uris else [os.getcwd()]))

    @property
    def first(self) -> str:
        """Where relative paths start. Raises Outside."""
        if not self.directories:
            raise Outside("none of the client's roots is a directory of this machine")
        return self.directories[0]

    def file(self, path: str) -> str:
        """The real path of a file that may be read; a relative one counts from the first root. Raises Outside."""
        if "\0" in path:
            raise Outside("a path holds no null character")
        real = os.path.realpath(os.path.join(self.first, path))
        if not any(_holds(directory, real) for directory in self.directories):
            raise Outside(f"{path} is not below the client's roots: {', '.join(self.directories)}")
        return real


def _holds(directory: str, path: str) -> bool:
    return path.startswith(directory.rstrip(os.sep) + os.sep)
