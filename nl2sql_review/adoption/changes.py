"""Selects the findings that count with `--changed-only`: those that the changes since a commit touched or caused.

A finding counts if it, or a place that its value passed through, is on a changed line, or if the script did not have it
before, with the files that it reads in their earlier state. Uncommitted edits, and files that git does not track yet,
are changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..files import disk, git
from ..report.report import FileReport, Finding
from ..source import Source, SourceError
from .edit_diff import Edit, Row, stands_on, without_places

if TYPE_CHECKING:
    from ..judgement.judge import Examined

Examine = Callable[[bytes, str, Mapping[str, bytes]], "Examined"]  # as Reviewer.examine


class All:
    """Rows of a new file: contains every row."""

    def __contains__(self, row: object) -> bool:
        return True


@dataclass
class Earlier:
    """Earlier findings of a script, by fingerprint, and the rules whose items could not be decided."""

    findings: dict[str, Finding] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


@dataclass
class Changes:
    """Changes since the commit `ref`, in the repository of the working directory."""

    ref: str
    before: git.Before
    _rows: dict[str, Container[Row]] = field(default_factory=dict)
    _earlier: dict[str, Earlier] = field(default_factory=dict)

    @classmethod
    def since(cls, ref: str) -> Changes:
        """Read the changes since `ref`. Raises git.GitError, whose text names the remedy."""
        return cls(ref, git.before(ref))

    def counted(self, file: FileReport, examine: Examine) -> FileReport:
        """Return the file with earlier findings suppressed and without checklist items that were unknown before."""
        earlier = self._earlier.get(file.path)
        if earlier is None:
            earlier = self._earlier[file.path] = self._examined(file, examine)
        because = f"there before, at {self.ref}"
        findings = tuple(
            replace(f, suppressed=because, suppressed_by="unchanged")
            if f.suppressed is None and _is_known(f, earlier) and not stands_on(f, self._touched)
            else f
            for f in file.findings
        )
        items = tuple(i for i in file.checklist if i.verdict != "unknown" or i.rule not in earlier.unknown)
        if os.path.realpath(file.path) in self.before.same and all(f.suppressed is not None for f in findings):
            items = tuple(i for i in items if i.verdict == "unknown")  # nothing here is news
        return replace(file, findings=findings, checklist=items)

    def _examined(self, file: FileReport, examine: Examine) -> Earlier:
        """Review the earlier version of the script. Returns no findings if that version cannot be reconstructed."""
        real = os.path.realpath(file.path)
        says = any(f.suppressed is None for f in file.findings) or any(i.verdict == "unknown" for i in file.checklist)
        if not says or (real not in self.before and real not in self.before.same):
            return Earlier()
        data = self.before[real] if real in self.before else _bytes(real)
        examined = examine(data, file.path, self.before)
        missed = examined.recording.project.missing if examined.recording is not None else ()
        if examined.faults or any(os.path.realpath(path) in self.before.gone for path in missed):
            return Earlier()  # it reads a file that is gone, so this is not how it was
        undecided = frozenset(item.rule for item in examined.report.checklist if item.verdict == "unknown")
        return Earlier({f.fingerprint: f for f in examined.report.findings if f.suppressed is None}, undecided)

    def _touched(self, path: str) -> Container[Row]:
        """Return the changed rows of a file."""
        if path not in self._rows:
            self._rows[path] = self._read_rows(path)
        return self._rows[path]

    def _read_rows(self, path: str) -> Container[Row]:
        real = os.path.realpath(path)
        if real not in self.before:
            return frozenset() if real in self.before.same else All()
        try:
            return Edit.between(
                Source.from_bytes(self.before[real], path), Source.from_bytes(_bytes(real), path)
            ).touched
        except SourceError:
            return All()


def _is_known(finding: Finding, earlier: Earlier) -> bool:
    was = earlier.findings.get(finding.fingerprint)
    said = [(repr(f.value), without_places(f.message)) for f in (finding, was) if f is not None]
    return was is not None and said[0] == said[1]


def _bytes(path: str) -> bytes:
    try:
        return disk.script(path)
    except OSError:
        return b""
