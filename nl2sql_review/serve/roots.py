"""Files that a client may have reviewed: those below its roots, after all links are followed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import urlsplit
from urllib.request import url2pathname


class Outside(ValueError):
    """Error for a path outside the roots; the text names them."""


class Roots:
    """Directories from the `file://` URIs of a client; without any, the working directory.

    Other URIs, and those with another host, are no files of this machine and allow nothing.
    """

    def __init__(self, uris: Iterable[str] = ()) -> None:
        uris = list(uris)
        named = [_directory(uri) for uri in uris] if uris else [os.path.realpath(os.getcwd())]
        self.directories = tuple(directory for directory in named if directory)

    @classmethod
    def of(cls, directories: Iterable[str]) -> Roots:
        """Return roots with these real paths, and no others."""
        made = cls.__new__(cls)
        made.directories = tuple(directories)
        return made

    @property
    def first(self) -> str:
        """First root, the base of relative paths. Raises Outside."""
        if not self.directories:
            raise Outside("none of the client's roots is a directory on this machine")
        return self.directories[0]

    def file(self, path: str) -> str:
        """Return the real path of a file that may be read; a relative path starts at the first root. Raises Outside."""
        try:
            real = os.path.realpath(os.path.join(self.first, path))
        except Outside:
            raise
        except ValueError:  # a null character, half of a surrogate pair
            raise Outside("the path contains a character that is invalid on this machine") from None
        if not any(_holds(directory, real) for directory in self.directories):
            raise Outside(f"{path} is not below the client's roots: {', '.join(self.directories)}")
        return real


def _directory(uri: str) -> str:
    """Return the real path of a URI, "" if it is not on this machine."""
    try:
        parts = urlsplit(uri)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            return ""
        path = url2pathname(parts.path)
        return os.path.realpath(path) if os.path.isabs(path) else ""
    except (ValueError, OSError):  # no URI, or what no path holds
        return ""


def _holds(directory: str, path: str) -> bool:
    return path.startswith(directory.rstrip(os.sep) + os.sep)
