"""Outcome for one file, its transfer between processes and into the cache, and many outcomes as one report.

A report is packed, as JSON and compressed, only if it leaves the process; a report printed here is not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ..report.exit_codes import FAULT, FINDINGS, NOT_REVIEWED, NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..report.report import FileReport, InternalError, Status

COUNTS = ("errors", "warnings", "advice", "unknown", "suppressed")  # fields of Summary


class Outcome:
    """The outcome for one file. Its report is an object, or packed, or neither if path, status and reason are all.

    `code` is the exit code if this were the only file, `counts` are those of COUNTS, `faults` internal errors as (rule,
    path, message), `rests_on` is a digest of everything that led here, "" if the outcome must not be reused.
    """

    __slots__ = ("path", "status", "reason", "code", "counts", "faults", "rests_on", "_file", "_packed")

    def __init__(
        self,
        path: str,
        status: Status,
        reason: str,
        code: int = NOT_REVIEWED,
        counts: Sequence[int] = (0,) * len(COUNTS),
        faults: Sequence[tuple[str, str, str]] = (),
        rests_on: str = "",
        *,
        file: FileReport | None = None,
        packed: bytes = b"",
    ) -> None:
        self.path = path
        self.status = status
        self.reason = reason
        self.code = code
        self.counts = counts
        self.faults = faults
        self.rests_on = rests_on
        self._file = file
        self._packed = packed

    @property
    def has_report(self) -> bool:
        """Return whether there is more to report than path, status and reason."""
        return self._file is not None or bool(self._packed)

    def report(self) -> FileReport:
        """Return the report of the file, unpacked anew each time if it is stored packed."""
        if self._file is not None:
            return self._file
        from ..report.report import FileReport

        if not self._packed:
            return FileReport(self.path, self.status, self.reason)
        import zlib

        from ..files.typed_data import restore

        made: FileReport = restore(FileReport, json.loads(zlib.decompress(self._packed)))
        return made

    def pack(self) -> bytes:
        """Return the report as JSON, compressed; b"" if there is none."""
        if self._file is not None and not self._packed:
            import zlib

            from ..report.serialization import plain

            # Of one report `dumps` takes a third of the time of `dump`, which writes piece by piece.
            self._packed = zlib.compress(json.dumps(plain(self._file), separators=(",", ":")).encode(), 1)
        return self._packed

    def compact(self) -> None:
        """Keep only the packed report, if there is one: the objects of hundreds of reports are large."""
        if self._packed:
            self._file = None

    def to_message(self) -> tuple[Any, ...]:
        """Return the outcome as plain data, for another process."""
        counts, faults, packed = list(self.counts), list(self.faults), self.pack()
        return self.path, self.status, self.reason, self.code, counts, faults, self.rests_on, packed

    @classmethod
    def from_message(cls, message: tuple[Any, ...]) -> Outcome:
        """Return the outcome that another process sent."""
        *fields, packed = message
        return cls(*fields, packed=packed)


IRRELEVANT = Outcome("", "skipped", "")  # a file that no report mentions


def outcome_of(file: FileReport, faults: Sequence[InternalError], code: int) -> Outcome:
    """Return the outcome made from a report, its internal errors and its exit code."""
    from ..report.report import FileReport
    from ..report.summary import summary

    sums = summary([file])
    plain = file == FileReport(file.path, file.status, file.reason)
    counts = [getattr(sums, name) for name in COUNTS]
    named = [(fault.rule, fault.path, fault.message) for fault in faults]
    return Outcome(file.path, file.status, file.reason, code, counts, named, file=None if plain else file)


def code_of(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code of a run: an internal error wins, then findings, then success."""
    codes = {outcome.code for outcome in outcomes}
    return next((code for code in (FAULT, FINDINGS, NOTHING) if code in codes), NOT_REVIEWED)


def folders(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the directories of the files, each once."""
    return list(dict.fromkeys(os.path.dirname(outcome.path) for outcome in outcomes))


class FileReports(Sequence["FileReport"]):
    """The reports of many files, each unpacked on access."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = outcomes

    def __len__(self) -> int:
        return len(self._outcomes)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return FileReports(self._outcomes[index])
        return self._outcomes[index].report()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (FileReports, tuple)) and tuple(self) == tuple(other)
