"""Decoding of bytes to text as Python decodes a source file (PEP 263), with the place of undecodable bytes."""

from __future__ import annotations

import codecs
import re

from .spans import Lines, SourceError, point

_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"[ \t\f]*(?:#.*)?\Z")
_NEWLINE = re.compile(rb"\r\n?|\n")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


NO_TEXTS = ("idna", "punycode")  # of host names: they do not decode every text, and take quadratic time


def decode(data: bytes, cookie: bool = True) -> tuple[str, str, bool]:
    """Return (text, encoding, whether there was a byte order mark); line ends stay unchanged.

    `cookie`: whether a comment in the first two lines may name the encoding.
    """
    bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    if data.startswith(_UTF_16):
        raise _unreadable("the file is UTF-16: save it as UTF-8", 1, 1)
    encoding = "utf-8"
    if cookie and (named := _named(body)):
        encoding, row, column = named
        try:
            encoding = codecs.lookup(encoding).name
            text_codec = isinstance(b"    ".decode(encoding), str)  # refused by codecs that are not of text
        except (LookupError, ValueError):
            text_codec = False
        if not text_codec or encoding in NO_TEXTS:
            raise _unreadable(f"unknown encoding '{named[0]}'", row, column)
        if bom and encoding != "utf-8":
            raise _unreadable(f"encoding '{named[0]}' contradicts the UTF-8 byte order mark", row, column)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        row, column = _place(_before(body, error.start, encoding))
        byte = body[error.start] if error.start < len(body) else 0
        raise _unreadable(f"byte 0x{byte:02x} is not {encoding}: save the file as UTF-8", row, column) from None
    except (UnicodeError, ValueError, LookupError):
        raise _unreadable(f"the file is not {encoding}: save it as UTF-8", 1, 1) from None
    if (null := text.find("\0")) >= 0:
        raise _unreadable("null byte: this is not a text file", *_place(text[:null]))
    return text, encoding, bom


def encode(text: str) -> bytes:
    """Return the bytes of a script that decode to a text: in the encoding that it names, else in UTF-8."""
    data = text.encode("utf-8", "surrogatepass")
    named = None if text.isascii() else _named(data)
    if named is None:
        return data
    try:
        made = text.encode(named[0])
        return made if decode(made)[0] == text else data
    except (LookupError, UnicodeError, SourceError):
        return data


def _before(body: bytes, end: int, encoding: str) -> str:
    """Return the text before an invalid byte; if the codec cannot tell, treat every byte as a character."""
    try:
        return body[:end].decode(encoding, "replace")
    except (UnicodeError, ValueError, LookupError):
        return body[:end].decode("latin-1")


def too_large(size: int, limit: int) -> SourceError:
    """Return the error for a file, or a notebook's code, of `size` bytes or characters."""
    return _unreadable(f"too large: {size / 1e6:.1f} MB, and files of {limit // 10**6} MB or more are not read", 1, 1)


def _named(body: bytes) -> tuple[str, int, int] | None:
    """Return the encoding named in the first two lines, and the place of its name."""
    for row, line in enumerate(_NEWLINE.split(body[:4096], maxsplit=2)[:2], 1):
        if match := _COOKIE.match(line):
            return match[1].decode("ascii", "replace"), row, match.start(1) + 1
        if not _BLANK.match(line):
            break
    return None


def _place(before: str) -> tuple[int, int]:
    return Lines(before).place(len(before))


def _unreadable(message: str, row: int, column: int) -> SourceError:
    return SourceError("file/unreadable", message, point(row, column))
