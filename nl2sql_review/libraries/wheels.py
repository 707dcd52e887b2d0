"""Released wheels: their sources and their metadata, also from a wheel that is read on the server.

A wheel is a zip archive with its directory at the end. From a release of gigabytes only the directory and the
few files that a table needs are requested by range; nothing is unpacked, installed or imported.
"""

from __future__ import annotations

import io
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

BLOCK = 1 << 18  # bytes asked for at once
PATIENCE = 60  # seconds for an answer
NAME = re.compile(r"([A-Za-z0-9_.]+?)-([^-]+)-.*\.whl$")


class NoRanges(Exception):
    """Raised if the index does not serve parts of a file, or not the requested parts."""


class Ranged(io.RawIOBase):
    """Seekable file on a server, read by HTTP range requests. `size` in bytes."""

    def __init__(self, url: str, size: int) -> None:
        self.url, self.size, self.at = url, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the current position. Raises NoRanges, also if the server cannot be reached."""
        wanted = min(len(buffer), self.size - self.at)
        if wanted <= 0:
            return 0
        last = self.at + wanted - 1
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={self.at}-{last}"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                data = answer.read() if answer.status == 206 else b""
        except (OSError, urllib.error.URLError) as error:
            raise NoRanges(f"{self.url}: {error}") from error
        if len(data) != wanted:
            raise NoRanges(f"{self.url}: bytes {self.at}-{last} were requested, but {len(data)} bytes came")
        buffer[:wanted] = data
        self.at += wanted
        return wanted


@contextmanager
def opened(where: Path | tuple[str, int]) -> Iterator[zipfile.ZipFile]:
    """Open a wheel, given by a path, or by an address and its size in bytes. Raises NoRanges, zipfile.BadZipFile."""
    file: IO[bytes]
    if isinstance(where, Path):
        file = where.open("rb")
    else:
        file = cast("IO[bytes]", io.BufferedReader(Ranged(*where), BLOCK))
    with file, zipfile.ZipFile(file) as wheel:
        yield wheel


def named(file: str) -> tuple[str, str]:
    """Return (library, version) from a wheel's file name, the library by its import name. Raises ValueError."""
    match = NAME.match(file)
    if match is None:
        raise ValueError(f"{file} does not have the name of a wheel")
    return match[1].lower(), match[2]


def metadata(wheel: zipfile.ZipFile) -> dict[str, Any]:
    """Return the requirements in a wheel's metadata: {"requires_python": text, "requires_dist": list of texts}."""
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    text = wheel.read(name).decode("utf-8", "replace").replace("\r\n", "\n")
    head = text.partition("\n\n")[0]
    python = re.search(r"^Requires-Python:\s*(.*)$", head, re.MULTILINE)
    requires = re.findall(r"^Requires-Dist:\s*(.*)$", head, re.MULTILINE)
    return {"requires_python": python[1].strip() if python else "", "requires_dist": requires}
