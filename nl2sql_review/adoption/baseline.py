"""Baseline: the findings that a project has accepted for now, so that only new ones count.

The file is sorted JSON, one finding per line, to be committed and read in a diff. Findings are matched by their
fingerprints, so lines may move. An entry stores the value that was judged; a finding with another value is new. Fixed
findings are reported, and `nl2sql-review baseline write` removes them. Entries of older files, which store no value,
accept any value.
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
from ..fixes.comparison import placeless
from ..judgement.suppression import accepted_was, with_accepted
from ..policy.expectations import spelled
from ..policy.rulebook import NOTICES
from ..policy.settings import SettingsError
from ..report.report import BaselineEntry, FileReport, Finding

VERSION = 1
SIZE_LIMIT = 20_000_000  # bytes
NAME = "nl2sql-review-baseline.json"
UNREAD = ("file/unreadable", "file/syntax")  # what is in such a file nobody has seen, so nobody can accept it


@dataclass(frozen=True)
class Baseline:
    """Entries of a baseline file; their paths are relative to the folder of the file."""

    version: int
    findings: tuple[BaselineEntry, ...] = ()
    path: str = field(default="", metadata={"hidden": True})  # of the file
    valueless: frozenset[str] = field(default=frozenset(), metadata={"hidden": True})  # fingerprints without a value

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ShapeError("version", f"is {self.version}, but this nl2sql-review reads version {VERSION}")

    @property
    def folder(self) -> str:
        """Absolute directory of the baseline, which its paths are relative to."""
        return os.path.dirname(os.path.abspath(self.path))

    @cached_property
    def _accepted(self) -> dict[str, list[BaselineEntry]]:
        """Entries by fingerprint."""
        found: dict[str, list[BaselineEntry]] = {}
        for entry in self.findings:
            found.setdefault(entry.fingerprint, []).append(entry)
        return found

    def accepts(self, finding: Finding) -> bool:
        """Return whether the baseline has the finding with this value; false for files that cannot be read."""
        if finding.rule in UNREAD:
            return False
        known = self._accepted.get(finding.fingerprint, ())
        return finding.fingerprint in self.valueless or any(_same(entry.value, finding.value) for entry in known)

    def silenced(self, file: FileReport) -> FileReport:
        """Return the file with accepted findings suppressed, and a note on those with another value than accepted."""
        because = f"in the baseline {shown(self.path)}"
        edited = self._edited(file)
        findings = tuple(
            f
            if f.suppressed is not None
            else replace(f, suppressed=because, suppressed_by="baseline")
            if self.accepts(f) or f.fingerprint in edited
            else self._renewed(f, file)
            for f in file.findings
        )
        return with_accepted(replace(file, findings=findings))

    def _edited(self, file: FileReport) -> dict[str, BaselineEntry]:
        """Return the entries of findings of which only the code has changed, by their current fingerprints.

        The place of a finding about an omitted argument is the whole call: a new argument there does not make it new.
        """
        path, prints = _relative(file.path, self.folder), {f.fingerprint for f in file.findings}
        gone = [e for e in self.findings if e.path == path and e.fingerprint not in {*prints, *self.valueless}]
        found = {}
        for one in file.findings if gone else ():
            if (one.suppressed is None or one.suppressed_by == "baseline") and not self.accepts(one):
                same = (e for e in gone if e.rule == one.rule and _same(e.value, one.value))
                known = next((e for e in same if placeless(e.message) == placeless(one.message)), None)
                if known is not None:
                    found[one.fingerprint] = known
                    gone.remove(known)
        return found

    def _renewed(self, finding: Finding, file: FileReport) -> Finding:
        """Return the finding with a note on the value accepted before, in the same code or else for the same rule."""
        known = self._accepted.get(finding.fingerprint, [])
        if not known:
            path = _relative(file.path, self.folder)
            prints = {f.fingerprint for f in file.findings}
            alike = [f for f in file.findings if f.rule == finding.rule and f.fingerprint not in self._accepted]
            gone = [
                e for e in self.findings if (e.path, e.rule) == (path, finding.rule) and e.fingerprint not in prints
            ]
            known = gone if len(gone) == len(alike) == 1 else []
        if not known or known[0].fingerprint in self.valueless or _same(known[0].value, finding.value):
            return finding
        old = known[0].value
        return accepted_was(finding, old if isinstance(old, str) and "=" not in finding.message else spelled(old))

    def removable(self, files: Iterable[FileReport]) -> list[BaselineEntry]:
        """Return the entries that are no longer found: their file is gone, or their rule was judged there without them.

        An entry stays if its rule could not be decided this time, or if its file was not reviewed.
        """
        by_path = {_relative(file.path, self.folder): file for file in files}
        gone = []
        edited = {entry.fingerprint for file in by_path.values() for entry in self._edited(file).values()}
        for entry in self.findings:
            file = by_path.get(entry.path)
            if entry.fingerprint in edited:
                continue
            if file is None:
                if not disk.exists(os.path.join(self.folder, entry.path)):
                    gone.append(entry)
            elif _is_judged(entry.rule, file) and entry.fingerprint not in {f.fingerprint for f in file.findings}:
                gone.append(entry)
        return gone

    def entries(self, file: FileReport) -> list[BaselineEntry]:
        """Return the current findings of a file as entries, except suppressed ones and those of unreadable files."""
        path = _relative(file.path, self.folder)
        counted = (f for f in file.findings if f.suppressed is None and f.rule not in UNREAD)
        return [BaselineEntry(path, f.rule, f.fingerprint, f.message, f.value) for f in counted]

    def is_new(self, entry: BaselineEntry) -> bool:
        """Return whether the baseline lacks an entry, or has it with another value."""
        known = self._accepted.get(entry.fingerprint, [])
        return (
            not known
            or entry.fingerprint not in self.valueless
            and not any(_same(one.value, entry.value) for one in known)
        )


def read(path: str) -> Baseline:
    """Read the baseline from a file. Raises SettingsError, whose text explains what is wrong with it."""
    name = shown(path)
    try:
        data = disk.read(path, SIZE_LIMIT)
        if data is None:
            data = disk.whole(path, SIZE_LIMIT)  # which says why it cannot be read
            disk.seen_once(path)
        said = json.loads(data)
        made = build(Baseline, said)
        prints = frozenset(entry["fingerprint"] for entry in said.get("findings", ()) if "value" not in entry)
        return replace(made, path=path, valueless=prints)
    except FileNotFoundError:
        remedy = f"create it with nl2sql-review baseline write --output {name} PATH…"
        raise SettingsError(f"{name}: the baseline does not exist; {remedy}") from None
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror or error}") from None
    except (ShapeError, ValueError, RecursionError) as error:
        remedy = "restore it, or delete it and accept the findings anew with nl2sql-review baseline write"
        raise SettingsError(f"{name}: this is not a baseline of nl2sql-review: {error}; {remedy}") from None


def text(entries: Iterable[BaselineEntry]) -> str:
    """Return the text of a baseline file with these entries, one per line."""
    ordered = sorted(entries, key=lambda e: (e.path, e.rule, e.message, e.fingerprint))
    lines = ",".join(f"\n  {json.dumps(asdict(entry), ensure_ascii=False)}" for entry in ordered)
    return f'{{\n "version": {VERSION},\n "findings": [{lines}\n ]\n}}\n'


def _same(a: object, b: object) -> bool:
    """Return whether two values are the same in JSON: 1 equals 1.0, but true is not a number."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True) or _number(a) == _number(b) is not None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _is_judged(rule: str, file: FileReport) -> bool:
    if file.status != "reviewed":
        return file.status == "skipped"
    return rule in NOTICES or any(item.rule == rule and item.verdict != "unknown" for item in file.checklist)


def _relative(path: str, folder: str) -> str:
    return os.path.relpath(os.path.abspath(path), folder).replace(os.sep, "/")
