"""Rows of a JSON file: the elements of an array, read one by one, or what an object holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .formats import ROW_BYTES, DataFile, Unreadable, decoded, pieces

LISTS = ("data", "rows", "examples", "train")  # keys under which a JSON object holds its rows


def rows(file: DataFile, records: str) -> Iterator[tuple[int, Any]]:
    """Yield (number, element) of an array, or of the rows that an object holds under the key `records`.

    Raises Unreadable.
    """
    head = _head(file)
    if head[:1] == b"[":
        return _elements(file)
    if head[:1] == b"{":
        return _held(file, records)
    raise Unreadable(f"it is not JSON: it begins with {head[:20].decode('utf-8', 'replace')!r}")


def is_lines(file: DataFile) -> bool:
    """Return whether a file named .json has an object per line, which `datasets` reads as JSONL too."""
    line, newline, rest = _head(file).partition(b"\n")
    try:
        whole = line[:1] == b"{" and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
    return whole and bool(newline) and rest.lstrip()[:1] in (b"{", b"") or whole and not newline


def _head(file: DataFile) -> bytes:
    """Return the first bytes of a file, without the blanks before them. Raises Unreadable if there are none."""
    start = b""
    for piece in pieces(file):
        start += piece
        if start.strip():
            return start.lstrip()
    raise Unreadable("it is empty")


def _elements(file: DataFile) -> Iterator[tuple[int, Any]]:
    """Yield the elements of an array while it is read, so that only a few are in memory."""
    decoder = json.JSONDecoder()
    decode = decoded(file)
    text, at, number, wanted = "", 0, 0, 1
    opened = ended = False
    while True:
        at = _after_space(text, at)
        if not opened:
            if at >= len(text):
                text += next(decode)
                continue
            opened, at = True, at + 1
            continue
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        if at < len(text) and text[at] == "]":
            return
        if len(text) - at >= wanted or ended:
            try:
                value, end = decoder.raw_decode(text, at)
                if end < len(text) or ended:
                    number += 1
                    at, wanted = end, 1
                    yield number, value
                    continue
            except RecursionError:
                raise Unreadable("it is nested too deeply, and nothing after it is read", number + 1) from None
            except ValueError as error:
                if ended or _certain(error, text):
                    where = "the file ends inside it" if ended else str(error).partition(":")[0].lower()
                    why = f"not JSON ({where}), and nothing after it is read"
                    raise Unreadable(why, number + 1) from None
            if len(text) - at > ROW_BYTES:
                why = f"it is longer than {ROW_BYTES >> 20} MiB; nothing after it is read"
                raise Unreadable(why, number + 1)
            wanted = max(2 * (len(text) - at), 1)
        more = next(decode, "")
        ended = not more
        if ended and at >= len(text):
            raise Unreadable("the file ends here, without the ] of its array", number)
        text, at = text[at:] + more, 0


def _certain(error: ValueError, text: str) -> bool:
    """Return whether the error lies inside the text, so that reading more of the file cannot repair it."""
    position = getattr(error, "pos", len(text))
    return position < len(text) - 64 and "Unterminated" not in str(error)


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _held(file: DataFile, records: str) -> Iterator[tuple[int, Any]]:
    """Yield the rows that one JSON object holds under a key."""
    data = b""
    for piece in pieces(file):
        data += piece
        if len(data) > ROW_BYTES:
            raise Unreadable(f"it is a single object of more than {ROW_BYTES >> 20} MiB: write its rows as JSONL")
    try:
        whole = json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON: {error}") from None
    names = (records,) if records else LISTS
    rows = next((whole[name] for name in names if isinstance(whole.get(name), list)), None)
    if rows is None and not records:
        lists = [name for name, value in whole.items() if isinstance(value, list)]
        rows = whole[lists[0]] if len(lists) == 1 else None
    if rows is None:
        if records:
            raise Unreadable(f"it has no array {records!r}, but the script names that as the field with the rows")
        columns = {name: value for name, value in whole.items() if isinstance(value, list)}
        if columns and len(columns) == len(whole):  # a dict of columns
            length = max(map(len, columns.values()))
            rows = [{name: cells[at] for name, cells in columns.items() if at < len(cells)} for at in range(length)]
        else:
            rows = [whole]
    yield from enumerate(rows, 1)
