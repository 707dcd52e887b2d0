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

from . import json_rows, tables
from .formats import ROW_BYTES, DataFile, Unreadable, decoded, opened, pieces, refuse_utf16, undecoded

TOGETHER = 1000  # rows of a batch
BATCH_BYTES = 4 << 20  # bytes of a batch, beside those of its last row
COLUMNS = 10_000  # of a CSV header


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
        """Whether the batch has as many rows, or bytes, as are handed on together."""
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
            lines = not records and json_rows.is_lines(file)
            made = _lines(file) if lines else _batched(json_rows.rows(file, records))
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
    for text in decoded(file):
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
