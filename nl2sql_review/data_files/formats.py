"""Format of a data file, by its name and first bytes, and its text, unpacked within limits."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Literal

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow"]

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv",
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow",
}  # fmt: skip
PACKED = (".gz", ".bz2", ".xz")
PIECE = 1 << 20  # bytes read at a time
ROW_BYTES = 64 << 20  # bytes of a row that is still read
UNPACKED_AT_MOST = 32 << 30  # bytes that a packed file may hold
SWELLING = 100  # times its packed size, beyond which a file of more than SMALL is taken for a bomb
SMALL = 256 << 20

PROBLEMS = (OSError, EOFError, zlib.error, lzma.LZMAError)


class Unreadable(Exception):
    """Raised if a data file, or its rest from `row` on, cannot be read; the message gives the reason and the remedy."""

    def __init__(self, message: str, row: int = 0) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file with rows: its path as shown to people, and its format."""

    path: str
    format: Format

    @property
    def packed(self) -> bool:
        return self.path.lower().endswith(PACKED)


def data_file(path: str) -> DataFile | None:
    """Return the data file for a path, by its suffix, or None if it is not a data file."""
    name = path.lower()
    for suffix in PACKED:
        name = name.removesuffix(suffix)
    format = SUFFIXES.get(os.path.splitext(name)[1])
    return DataFile(path, format) if format is not None else None


def opened(file: DataFile) -> Any:
    """Open a file and unpack it. Raises Unreadable."""
    from ..files import disk

    try:
        disk.head(file.path, 1)  # refuses what is no regular file before anything waits for it
        name = file.path.lower()
        if name.endswith(".gz"):
            stream: Any = gzip.open(file.path, "rb")
        elif name.endswith(".bz2"):
            stream = bz2.open(file.path, "rb")
        elif name.endswith(".xz"):
            stream = lzma.open(file.path, "rb")
        else:
            return open(file.path, "rb")
        return Unpacked(stream, os.path.getsize(file.path))
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from None


class Unpacked(io.RawIOBase):
    """Packed stream that stops if it expands beyond the limits."""

    def __init__(self, stream: IO[bytes], packed: int) -> None:
        super().__init__()
        self._stream, self._packed, self._read = stream, packed, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises Unreadable for a decompression bomb."""
        data: bytes = self._stream.read(size)
        self._read += len(data)
        bomb = self._read > SMALL and self._read > self._packed * SWELLING
        if bomb or self._read > UNPACKED_AT_MOST:
            raise Unreadable(
                f"it unpacks to more than {self._read:,} bytes from {self._packed:,}; if that is expected, unpack "
                f"it first"
            )
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def refuse_utf16(data: bytes) -> None:
    """Raise Unreadable if a file starts with a UTF-16 byte order mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable("it is UTF-16: save it as UTF-8")


def pieces(file: DataFile) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked, without a byte order mark. Raises Unreadable."""
    with opened(file) as stream:
        first = True
        while True:
            try:
                data = stream.read(PIECE)
            except PROBLEMS as error:
                raise Unreadable(f"it cannot be unpacked: {error}") from None
            if not data:
                return
            if first:
                refuse_utf16(data)
                data, first = data.removeprefix(codecs.BOM_UTF8), False
            yield data


def decoded(file: DataFile) -> Iterator[str]:
    """Yield a file's text; `undecoded` finds the bytes in it that are not UTF-8. Raises Unreadable."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for piece in pieces(file):
        text = decoder.decode(piece)
        if text:
            yield text


_BYTE = re.compile("[\udc80-\udcff]")  # what `surrogateescape` makes of bytes that are not UTF-8


def undecoded(value: object) -> str:
    """Return a description of the first text in a row that is not UTF-8, or "" if all texts are."""
    if isinstance(value, str):
        found = None if value.isascii() else _BYTE.search(value)
        return f"not UTF-8: a byte after {value[max(found.start() - 20, 0) : found.start()]!r}" if found else ""
    if isinstance(value, dict):
        return next(filter(None, map(undecoded, value.items())), "")
    return next(filter(None, map(undecoded, value)), "") if isinstance(value, (list, tuple)) else ""
