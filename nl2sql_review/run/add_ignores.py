"""`--add-ignores`: adds a comment for every finding of a script, so that only new ones count; proves each by a review.

A comment goes to the end of the finding's line, or else of its statement (a string or a backslash may be in the way),
or else applies to the whole file, as for a finding about the whole script or in another file. It names the value that
it accepts if that is one word: `ignore[lora/rank=32]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ..fixes.edits import EditError, applied
from ..fixes.edits.python import inserted, replaced
from ..fixes.write import Edited
from ..judgement import requests
from ..judgement.definitions import Definitions
from ..judgement.judge import Examined
from ..judgement.suppression import value_word
from ..policy.rulebook import NOTICES
from ..report.report import Edit, FileReport, Finding
from ..source import Source, SourceError, Span

_CODING = re.compile(r"#!|#.*coding[:=]")  # what must stand in the first two lines
LINE, LAST_LINE, FILE = range(3)  # where a comment goes, tried in this order


class IgnoreError(Exception):
    """Error for a comment that cannot be added; the text names the finding and the remedy."""


class Examiner(Protocol):
    """Reviewer of a changed script: a `Reviewer`, or one that also uses edited states of other files."""

    def counted(self, file: FileReport) -> FileReport:
        """Return the file with the findings suppressed that do not count."""

    def examine(self, data: bytes, path: str) -> Examined:
        """Review the bytes of a script."""


@dataclass
class Silenced:
    """A script with comments for its findings."""

    edited: Edited
    report: FileReport  # of the script as it is then
    added: list[Finding] = field(default_factory=list)


def silence(reviewer: Examiner, file: FileReport, data: bytes, reason: str) -> Silenced | None:
    """Return the script with a comment for each of its findings, None if there are none. Raises IgnoreError."""
    wanted = {f.fingerprint: f for f in file.findings if f.suppressed is None and f.rule not in NOTICES}
    if file.status != "reviewed" or not wanted:
        return None
    levels = {key: _first(f, file.path) for key, f in wanted.items()}
    while True:
        try:
            source = Source.from_bytes(data, file.path)
            made = applied(
                data, file.path, _edits(source, [(wanted[key], level) for key, level in levels.items()], reason)
            )
        except (EditError, SourceError) as error:
            raise IgnoreError(f"{file.path}: no comment can be added: {error}") from None
        report = reviewer.counted(reviewer.examine(made, file.path).report)
        left = {f.fingerprint for f in report.findings if f.suppressed is None}
        failed = [key for key in wanted if key in left]
        if not failed and report.status == "reviewed" and not left - {f.fingerprint for f in file.findings}:
            return Silenced(Edited(file.path, data, made), report, list(wanted.values()))
        moved = [key for key in failed or levels if levels[key] < FILE]
        if not moved:
            names = ", ".join(sorted({wanted[key].rule for key in failed})) or "the findings"
            raise IgnoreError(
                f"{file.path}: no comment can suppress {names}: ignore it in the settings, or accept it in a baseline"
            )
        for key in moved:
            levels[key] += 1


def _first(finding: Finding, path: str) -> int:
    at = finding.location
    whole = (at.row, at.column, at.end_row, at.end_column) == (1, 1, 1, 1)
    return FILE if at.path != path or whole else LINE


def _edits(source: Source, wanted: list[tuple[Finding, int]], reason: str) -> Iterator[Edit]:
    """Yield one edit for each line that gets a comment, with all the rules to ignore there."""
    rules: dict[tuple[int | None, int] | None, dict[str, None]] = {}
    definitions = Definitions(source)
    for finding, level in wanted:
        at = finding.location
        row = at.row if level == LINE else definitions.last_row(at.row, at.cell)
        if source.line(row, at.cell).endswith("\\"):
            row = definitions.last_row(at.row, at.cell)
        place = None if level == FILE else (at.cell, row)
        value = value_word(finding.value)
        rules.setdefault(place, {})[f"{finding.rule}={value}" if value else finding.rule] = None
    for place, names in rules.items():
        yield _comment(source, place, list(names), reason)


def _comment(source: Source, place: tuple[int | None, int] | None, names: list[str], reason: str) -> Edit:
    for request in requests.read(source).suppressions:  # one that is there gets the names as well
        fits = request.file_level if place is None else not request.file_level and (request.cell, request.row) == place
        line = source.line(request.row, request.cell)
        opened, closed = (line.find(bracket, request.column - 1) for bracket in "[]")
        if fits and request.rules and closed >= 0:
            rules = {name.partition("=")[0] for name in names}
            kept = [name for name in request.rules if "=" not in name or name.partition("=")[0] not in rules]
            at = Span(request.row, opened + 2, request.row, closed + 1, request.cell)
            return replaced(source, at, ", ".join([*kept, *names]))
    if place is not None:
        cell, row = place
        end = len(source.line(row, cell).rstrip()) + 1
        return inserted(source, row, end, cell, f"  # nl2sql: ignore[{', '.join(names)}] {reason}")
    text = f"# nl2sql: ignore-file[{', '.join(names)}] {reason}"
    rows = source.rows()
    if source.kind == "notebook":  # below the code of its first cell, as a magic wants to be the first line
        cell, row, line = [each for each in rows if each[0] == rows[0][0]][-1]
        return inserted(source, row, len(line) + 1, cell, f"\n{text}")
    head = next((row for _, row, line in rows[:2] if not _CODING.match(line)), 3)
    return inserted(source, min(head, len(rows)), 1, None, f"{text}\n")


def checked(reason: str) -> str:
    """Return the reason on one line. Raises ValueError if a comment cannot contain it."""
    text = " ".join(reason.split())
    if not text or "#" in text or not text.isprintable():
        raise ValueError("give the reason in a few words, without #: it goes into the comment")
    return text
