"""Limits of a statement."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one statement, and of the process that runs it.

    `seconds` is wall time, `result_bytes` counts text and blobs of all rows, `value_bytes` any one value (before
    Python 3.11 one of the result; the memory bounds the others), `memory_bytes` the address space of the child
    process, half of it SQLite's.
    `answer_length` is the length of a model's whole answer, with text around its SQL: a longer answer is not even
    searched.
    """

    seconds: float = 10.0
    rows: int = 500_000
    result_bytes: int = 64 * MIB
    value_bytes: int = 16 * MIB
    sql_length: int = 100_000
    answer_length: int = 400_000
    memory_bytes: int = 2048 * MIB
