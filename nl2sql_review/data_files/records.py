"""Numbered rows of a data file, in batches and in order; unreadable rows become problems with their number.

Rows are numbered from 1: the line of JSONL, the element of a JSON array, the record of a CSV file without its
header, the row of a table.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import tables
from .formats import DataFile, Unreadable, opened, pieces, refuse_utf16, undecoded

TOGETHER = 1000  # rows of a batch
BATCH_BYTES = 4 << 20  # bytes of a batch, beside those of its last row
ROW_BYTES = 64 << 20  # bytes of a row that is still read
COLUMNS = 10_000  # of a CSV header
LISTS = ("data", "rows", "examples", "train")  # keys under which a JSON object holds its rows


@dataclass(slots=True)
class Batch:
    """Rows in order; `numbers` has the number of each of `rows`.

    A row is a dict, or a line of JSON as text that is still to be parsed (`row_of`).
    """

    numbers: list[int] = field(default_factory=list)
    rows: list[dict[str, Any] | str] = field(default_factory=list)
    size: int = 0

    def add(self, number: int, row: dict[str, Any] | str, size: int) -> None:
        self.numbers.append(number)
        self.rows.append(row)
        self.size += size

    @property
    def full(self) -> bool:
        return len(self.rows) >= TOGETHER or self.size >= BATCH_BYTES


@dataclass(frozen=True, slots=True)
class Problem:
    """Part of a file that cannot be read: `row` is its number, or 0 for the whole file."""

    row: int
    message: str


def read(file: DataFile, records: str = "") -> Iterator[Batch | Problem]:
    """Yield a file's rows in batches, and a Problem for each part that cannot be read.

    `records`: the key that holds the rows of a JSON object.
    """
    try:
        if file.format == "jsonl":
            made = _lines(file)
        elif file.format == "json":
            made = _json(file, records)
        elif file.format in ("csv", "tsv"):
            made = _csv(file)
        else:
            made = _batched(tables.rows(file))
        empty = True
        for one in made:
            empty = False
            yield one
        if empty:
            yield Problem(0, "it has no rows")
    except Unreadable as error:
        yield Problem(error.row, str(error))


def row_of(text: str) -> dict[str, Any]:
    """Parse one line of JSON. Raises ValueError with a message for people."""
    try:
        row = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"not an object but {kind_of(row)}: a row must be an object with columns")
    if len(row) > COLUMNS:
        raise ValueError(f"it has {len(row):,} columns; {COLUMNS:,} are read")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"not UTF-8: a byte after {text[max(error.start - 20, 0) : error.start]!r}") from None
    return row


def kind_of(value: object) -> str:
    """Return the JSON name for the type of a value."""
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "a number")


def _lines(file: DataFile) -> Iterator[Batch | Problem]:
    """Yield the lines of JSONL unparsed: parsing is left to several processes."""
    batch = Batch()
    number, rest = 0, b""
    skipping = False
    for piece in _with_end(pieces(file)):
        if piece and not piece.strip() and not rest.strip():  # blanks, of which there may be very many
            number, rest = number + (rest + piece).count(b"\n"), b""
            continue
        *lines, rest = (rest + piece).split(b"\n") if piece else (rest, b"")
        if not piece:
            lines = [line for line in lines if line]
        for line in lines:
            number += 1
            if skipping:
                skipping = False
                continue
            text = line.decode("utf-8", "surrogateescape").strip(" \t\r\n")
            if not text:
                continue
            batch.add(number, text, len(line))
            if batch.full:
                yield batch
                batch = Batch()
        if skipping:
            rest = b""
        elif len(rest) > ROW_BYTES:
            yield Problem(number + 1, f"it is longer than {ROW_BYTES >> 20} MiB, and is not read")
            rest, skipping = b"", True
    if batch.rows:
        yield batch


RANGE = 1 << 20  # bytes of a range of lines


def ranges(file: DataFile) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, bytes, number of its first line, its lines) for parts of an unpacked file of lines.

    The process that gets a part reads it itself (`lines_of`), so no rows are sent from one process to another.
    Raises Unreadable for a line that is too long.
    """
    start, number = 0, 1
    with opened(file) as stream:
        while data := stream.read(RANGE):
            if not start:
                refuse_utf16(data)
            if not data.endswith(b"\n"):
                data += stream.readline(ROW_BYTES)
                if len(data) > ROW_BYTES:
                    raise Unreadable(f"it has a line of more than {ROW_BYTES >> 20} MiB after line {number}")
            lines = data.count(b"\n")
            yield start, len(data), number, lines
            start, number = start + len(data), number + lines


def lines_of(path: str, start: int, size: int, number: int) -> Batch:
    """Return the rows of a range of lines. Raises OSError."""
    batch = Batch()
    with open(path, "rb") as stream:
        stream.seek(start)
        data = stream.read(size)
    if not start:
        data = data.removeprefix(codecs.BOM_UTF8)
    for line in data.split(b"\n"):
        text = line.decode("utf-8", "surrogateescape").strip(" \t\r\n")
        if text:
            batch.add(number, text, 0)
        number += 1
    batch.size = size
    return batch


def _with_end(stream: Iterator[bytes]) -> Iterator[bytes]:
    yield from stream
    yield b""


def _json(file: DataFile, records: str) -> Iterator[Batch | Problem]:
    """Yield the elements of an array one by one; for an object, those of the array that it holds; else lines."""
    start = b""
    for piece in pieces(file):
        start += piece
        if start.strip():
            break
    head = start.lstrip()
    if not head:
        raise Unreadable("it is empty")
    if head[:1] == b"[":
        yield from _batched(_elements(file))
    elif head[:1] == b"{":
        if not records and _is_lines(head):
            yield from _lines(file)  # named .json, written as lines, as `datasets` reads it too
        else:
            yield from _batched(_held(file, records))
    else:
        raise Unreadable(f"it is not JSON: it begins with {head[:20].decode('utf-8', 'replace')!r}")


def _is_lines(head: bytes) -> bool:
    """Return whether a text that begins with an object has one object per line."""
    line, newline, rest = head.partition(b"\n")
    try:
        whole = isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
    return whole and bool(newline) and rest.lstrip()[:1] in (b"{", b"") or whole and not newline


def _elements(file: DataFile) -> Iterator[tuple[int, Any]]:
    """Yield the elements of an array while it is read, so that only a few are in memory."""
    decoder = json.JSONDecoder()
    decode = _decoded(file)
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


def _decoded(file: DataFile) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for piece in pieces(file):
        text = decoder.decode(piece)
        if text:
            yield text


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


def _csv(file: DataFile) -> Iterator[Batch | Problem]:
    csv.field_size_limit(ROW_BYTES)
    lines = _text_lines(file)
    reader = csv.reader(lines, delimiter="\t" if file.format == "tsv" else ",")
    try:
        header = next(reader, None)
    except csv.Error as error:
        raise Unreadable(f"its header cannot be read: {error}") from None
    if header is None:
        raise Unreadable("it is empty")
    if why := undecoded(header):
        raise Unreadable(f"its header is {why}")
    header = [name.replace(_NULL, "�") for name in header]
    if len(header) > COLUMNS:
        raise Unreadable(f"its header names {len(header):,} columns; {COLUMNS:,} are read")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        yield Problem(0, f"its header names the column {twice!r} twice: only the last one counts")
    batch = Batch()
    number = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            yield Problem(number, f"not CSV: {error}")
            continue
        if cells is None:
            break
        if not cells:
            continue  # a blank line
        number += 1
        if len(cells) > len(header):
            yield Problem(number, f"{len(cells)} cells where the header has {len(header)}: a comma may need quotes")
            continue
        if not all(map(str.isascii, cells)):
            if why := undecoded(cells):
                yield Problem(number, why)
                continue
            cells = [cell.replace(_NULL, "\0") for cell in cells]
        row = {name: cell or None for name, cell in zip(header, cells)}  # an empty cell is None, as `datasets` has it
        row |= dict.fromkeys(header[len(cells) :])
        batch.add(number, row, sum(map(len, cells)))
        if batch.full:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


_NULL = "\udc00"  # stands for a null character, which `csv` refuses before Python 3.11; no byte is decoded to it


def _text_lines(file: DataFile) -> Iterator[str]:
    rest = ""
    for text in _decoded(file):
        *lines, rest = (rest + text.replace("\0", _NULL)).split("\n")
        for line in lines:
            yield line + "\n"
        if len(rest) > ROW_BYTES:
            raise Unreadable(f"it has a line of more than {ROW_BYTES >> 20} MiB")
    if rest:
        yield rest


def _batched(rows: Iterator[tuple[int, Any]]) -> Iterator[Batch | Problem]:
    """Yield rows in batches, and a Problem for each element that is not a row."""
    batch = Batch()
    problem: Unreadable | None = None
    try:
        for number, row in rows:
            if not isinstance(row, dict):
                yield Problem(number, f"not an object but {kind_of(row)}: a row must be an object with columns")
                continue
            if len(row) > COLUMNS:
                yield Problem(number, f"it has {len(row):,} columns; {COLUMNS:,} are read")
                continue
            try:
                why = undecoded(row)
            except RecursionError:
                why = "it is nested too deeply"
            if why:
                yield Problem(number, why)
                continue
            batch.add(number, row, 0)
            if batch.full:
                yield batch
                batch = Batch()
    except Unreadable as error:
        problem = error
    if batch.rows:
        yield batch
    if problem is not None:
        raise problem
