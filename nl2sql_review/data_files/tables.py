"""Parquet and Arrow, read by pyarrow in batches, and the columns of their schema."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .formats import DataFile, Unreadable

TOGETHER = 1000  # rows read at a time
NEEDED = "reading {0} needs pyarrow: pip install pyarrow"


def is_needed(file: DataFile) -> str:
    """Return what must be installed to read a file, or "" if nothing is missing."""
    if file.format in ("parquet", "arrow") and find_spec("pyarrow") is None:
        return NEEDED.format(file.format)
    return ""


def columns(file: DataFile) -> list[str]:
    """Return the names of the columns from the schema. Raises Unreadable."""
    pyarrow = _pyarrow(file)
    try:
        if file.format == "parquet":
            import pyarrow.parquet as parquet

            return list(parquet.read_schema(file.path).names)
        with pyarrow.memory_map(file.path) as source:
            return list(_reader(pyarrow, source).schema.names)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise Unreadable(f"it is not a {file.format} file: {_first_line(error)}") from None


def rows(file: DataFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, row) for each row of a table. Raises Unreadable."""
    pyarrow = _pyarrow(file)
    number = 0
    try:
        for batch in _batches(pyarrow, file):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        if number:
            raise Unreadable(f"nothing after row {number} is read: {_first_line(error)}") from None
        raise Unreadable(f"it is not a {file.format} file: {_first_line(error)}") from None


def _batches(pyarrow: ModuleType, file: DataFile) -> Iterator[Any]:
    if file.format == "parquet":
        import pyarrow.parquet as parquet

        with parquet.ParquetFile(file.path, memory_map=True) as table:
            yield from table.iter_batches(batch_size=TOGETHER, use_threads=False)
        return
    with pyarrow.memory_map(file.path) as source:
        reader = _reader(pyarrow, source)
        if hasattr(reader, "num_record_batches"):
            found: Iterator[Any] = (reader.get_batch(at) for at in range(reader.num_record_batches))
        else:
            found = iter(reader)
        for batch in found:
            for start in range(0, batch.num_rows, TOGETHER):
                yield batch.slice(start, TOGETHER)


def _reader(pyarrow: ModuleType, source: Any) -> Any:
    """Return a reader of Arrow streams, which `datasets` writes, or of Arrow files, which other programs write."""
    try:
        return pyarrow.ipc.open_stream(source)
    except pyarrow.ArrowInvalid:
        source.seek(0)
        return pyarrow.ipc.open_file(source)


def _pyarrow(file: DataFile) -> Any:
    if file.packed:
        raise Unreadable(f"a compressed {file.format} file cannot be read: unpack it")
    try:
        import pyarrow
    except ImportError:
        raise Unreadable(NEEDED.format(file.format)) from None
    return pyarrow


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
