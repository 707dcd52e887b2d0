"""Makes the fixes of a report: finds the fixable findings of its files, and returns the files as fixed."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..files import disk
from ..files.discovery import shown
from ..fixes import Session, open_findings
from ..fixes.comparison import placeless
from ..fixes.sharing import Reads, contents
from ..fixes.write import Edited
from ..judgement.judge import Examined
from ..report.report import FileReport, Finding, Report
from ..report.summary import summary
from .reviewer import Reviewer

Stdin = tuple[str, bytes]


@dataclass
class Fixed:
    """Fixed findings, and the files that change. `report` has the remaining findings."""

    report: Report
    made: list[Finding] = field(default_factory=list)  # each with its fix
    unsafe: int = 0  # findings left that an unsafe fix would make go away
    policy: int = 0  # findings of policy left that may have a fix, which was not asked for
    unfixed: list[tuple[Finding, str]] = field(default_factory=list)  # findings of the review without a fix, and why
    files: list[Edited] = field(default_factory=list)


def offered(reviewer: Reviewer, report: Report, stdin: Stdin | None = None) -> Report:
    """Return the report with a proved fix for every finding that has one; each proof reads the script once more."""
    others = _others(report)
    files = []
    for file in report.files:
        session = _session(reviewer, file, {}, others, stdin)
        files.append(file if session is None else session.with_fixes())
        del session
        gc.collect(0)  # all the readings of the file: memory stays flat
    return replace(report, files=tuple(files))


def fix(reviewer: Reviewer, report: Report, unsafe: bool, stdin: Stdin | None = None, policy: bool = True) -> Fixed:
    """Fix the files of a report one after the other, without writing them; a file that they share is edited once.

    Without `policy` only repairs are made.
    """
    drafts: dict[str, bytes] = {}  # by real path: a script may be a module of another
    fixed, others = Fixed(report), _others(report)
    files: list[FileReport] = []
    for file in report.files:
        session = _session(reviewer, file, drafts, others, stdin)
        if session is not None:
            before = session.data
            session.apply(unsafe, policy)
            fixed.made += session.made
            fixed.unfixed += _as_found(file, session.unfixed())
            if not policy:
                fixed.policy += sum(one.kind == "policy" for one in open_findings(session.report))
            fixed.unsafe += len(session.refused)
            drafts = session.drafts
            if session.alone:
                fixed.files.append(Edited(file.path, before, session.data))
            elif session.data != before:
                drafts[os.path.realpath(file.path)] = session.data
        files.append(file if session is None else session.remaining())
        del session
        gc.collect(0)
    fixed.files += _edited(drafts)
    fixed.report = replace(report, files=tuple(files), summary=summary(files))
    return fixed


def _as_found(file: FileReport, unfixed: list[tuple[Finding, str]]) -> Iterator[tuple[Finding, str]]:
    """Yield the unfixed findings at their places in the reviewed file, since other fixes move lines."""
    known = list(file.findings)
    for one, why in unfixed:
        alike = [f for f in known if f.fingerprint == one.fingerprint]
        alike = alike or [f for f in known if f.rule == one.rule and placeless(f.message) == placeless(one.message)]
        if alike:
            known = [f for f in known if f is not alike[0]]
        yield (alike[0] if alike else one), why


def _edited(drafts: dict[str, bytes]) -> Iterator[Edited]:
    for real, data in drafts.items():
        before = disk.script(real)
        if before != data:
            yield Edited(shown(real), before, data)


def _others(report: Report) -> Reads:
    return {file.path: None for file in report.files}


def _session(
    reviewer: Reviewer, file: FileReport, drafts: dict[str, bytes], others: Reads, stdin: Stdin | None
) -> Session | None:
    """Return a session for a script with findings to fix; None for other scripts."""
    if not open_findings(file):
        return None
    from_stdin = stdin is not None and stdin[0] == file.path
    if stdin is not None and from_stdin:
        data = stdin[1]
    else:
        try:
            data = contents(file.path, drafts)
        except OSError:
            return None

    def examine(data: bytes, path: str, drafts: Mapping[str, bytes]) -> Examined:
        examined = reviewer.examine(data, path, drafts, every_rule=True)
        return replace(examined, report=reviewer.counted(examined.report))

    return Session(examine, data, file.path, dict(drafts), alone=from_stdin, others=others)
