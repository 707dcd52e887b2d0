"""A baseline: the findings a project has accepted for now, so that only new ones count.

The file is JSON, sorted, one finding a line, to be committed and read in a diff. Findings are known again by their
fingerprints, so lines may move. What was fixed is said, and `nl2sql-review baseline write` takes it out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from ..files import disk
from ..files.discovery import shown
from ..files.typed_data import ShapeError, build
from ..policy.rulebook import NOTICES
from ..policy.settings import SettingsError
from ..report.report import BaselineEntry, FileReport

VERSION = 1
SIZE_LIMIT = 20_000_000  # bytes
NAME = "nl2sql-review-baseline.json"


@dataclass(frozen=True)
class Baseline:
    """The entries of a file; their paths are relative to the folder the file lies in."""

    version: int
    findings: tuple[BaselineEntry, ...] = ()
    path: str = field(default="", metadata={"hidden": True})  # of the file

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ShapeError("version", f"is {self.version}, and this nl2sql-review reads version {VERSION}")

    @property
    def folder(self) -> str:
        return os.path.dirname(os.path.abspath(self.path))

    @cached_property
    def _fingerprints(self) -> frozenset[str]:
        return frozenset(entry.fingerprint for entry in self.findings)

    def silenced(self, file: FileReport) -> FileReport:
        """The file with the findings that are accepted suppressed."""
        because = f"in the baseline {shown(self.path)}"
        findings = tuple(
            replace(f, suppressed=because, suppressed_by="baseline")
            if f.suppressed is None and f.fingerprint in self._fingerprints
            else f
            for f in file.findings
        )
        return replace(file, findings=findings)

    def removable(self, files: Iterable[FileReport]) -> list[BaselineEntry]:
        """The entries that are no longer found: their file is gone, or was judged, and the rule too, without them.

        What could not be decided this time, or was not looked at, may still be there.
        """
        by_path = {_relative(file.path, self.folder): file for file in files}
        gone = []
        for entry in self.findings:
            file = by_path.get(entry.path)
            if file is None:
                if not disk.exists(os.path.join(self.folder, entry.path)):
                    gone.append(entry)
            elif _is_judged(entry.rule, file) and entry.fingerprint not in {f.fingerprint for f in file.findings}:
                gone.append(entry)
        return gone

    def entries(self, file: FileReport) -> list[BaselineEntry]:
        """What is found in a file now; what a comment silences needs no entry."""
        path = _relative(file.path, self.folder)
        counted = (f for f in file.findings if f.suppressed is None)
        return [BaselineEntry(path, f.rule, f.fingerprint, f.message) for f in counted]


def read(path: str) -> Baseline:
    """The baseline in a file. SettingsError says what is wrong with it."""
    name = shown(path)
    try:
        data = disk.read(path, SIZE_LIMIT)
        if data is None:
            data = disk.whole(path, SIZE_LIMIT)  # which says why it cannot be read
            disk.seen_once(path)
        return replace(build(Baseline, json.loads(data)), path=path)
    except FileNotFoundError:
        remedy = f"make it with nl2sql-review baseline write --output {name} PATH…"
        raise SettingsError(f"{name}: there is no such baseline; {remedy}") from None
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror or error}") from None
    except (ShapeError, ValueError, RecursionError) as error:
        raise SettingsError(f"{name}: this is no baseline of nl2sql-review: {error}") from None


def text(entries: Iterable[BaselineEntry]) -> str:
    """The file that holds these entries, one a line."""
    ordered = sorted(entries, key=lambda e: (e.path, e.rule, e.message, e.fingerprint))
    lines = ",".join(f"\n  {json.dumps(asdict(entry), ensure_ascii=False)}" for entry in ordered)
    return f'{{\n "version": {VERSION},\n "findings": [{lines}\n ]\n}}\n'


def _is_judged(rule: str, file: FileReport) -> bool:
    if file.status != "reviewed":
        return file.status == "skipped"
    return rule in NOTICES or any(item.rule == rule and item.verdict != "unknown" for item in file.checklist)


def _relative(path: str, folder: str) -> str:
    return os.path.relpath(os.path.abspath(path), folder).replace(os.sep, "/")
