"""Whole files whose comments say what is found: `# expect: <rule> [part of the message]` at the line of the fault.

A file is about the rules that it and its family are marked with, and is judged by these: one more rule in rules/
changes nothing here. The whole checklist is held by the pair in fixtures/golden, and by `tests/golden/checklist.txt`,
which says, too, what the other files are told of rules that they are not about.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path
from typing import Iterable, NamedTuple

from nl2sql_review.report.report import FileReport, Finding
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXPECT = re.compile(r"# expect: (?P<rule>\S+)(?: (?P<part>.*?))?\s*$")


class Mark(NamedTuple):
    row: int
    rule: str
    part: str  # of the message


@functools.cache
def marks(path: Path) -> tuple[Mark, ...]:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [(row, EXPECT.search(line)) for row, line in enumerate(lines, 1)]
    return tuple(Mark(row, match["rule"], match["part"] or "") for row, match in found if match)


def about(family: Iterable[Path]) -> set[str]:
    """The rules that a family of files is marked with."""
    return {mark.rule for path in family for mark in marks(path)}


@functools.cache
def review(path: Path) -> FileReport:
    """The report of one file by the whole checklist; made once, for all tests."""
    report = batch.review([str(path)], Options(isolated=True))
    (file,) = report.files
    assert file.status == "reviewed" and not report.internal_errors, (file.reason, report.internal_errors)
    return file


def findings(path: Path) -> list[Finding]:
    return [finding for finding in review(path).findings if finding.suppressed is None]


def judged(path: Path, family: Iterable[Path]) -> list[Finding]:
    """What is found in a file by the rules that its family is about, each under the name by which it is marked.

    Two rules may have found the same defect: it may be marked with either.
    """
    rules, marked = about(family), {(mark.row, mark.rule) for mark in marks(path)}
    return [
        replace(one, rule=next((rule for rule in one.related if (one.location.row, rule) in marked), one.rule))
        for one in findings(path)
        if {one.rule, *one.related} & rules
    ]


def elsewhere(path: Path, family: Iterable[Path]) -> list[tuple[str, str]]:
    """(rule, verdict): what a file is told of rules that it is not about, and what stays undecided in it."""
    rules = about(family)
    found = {(one.rule, "fail") for one in findings(path) if not {one.rule, *one.related} & rules}
    return sorted(found | {(item.rule, "unknown") for item in review(path).checklist if item.verdict == "unknown"})
