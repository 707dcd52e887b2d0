"""Summary of the fixes that were made, and of those that are possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..report.report import Finding, Fix
from .excerpt import place
from .summary import count
from .terminal import escape

if TYPE_CHECKING:
    from ..run.fix import Fixed


def told(fixed: Fixed, listed: bool) -> str:
    """Return the last lines of `--fix`: the number of fixed findings, each of them if `listed`, and the rest."""
    return "".join(f"{line}\n" for line in (*_made(fixed, listed), _counted(fixed, "fixed")))


def would(fixed: Fixed, listed: bool) -> str:
    """Return the last lines of `--diff`: also the findings without a fix, with the reason."""
    lines = [*_made(fixed, listed), *_unread(fixed), *_unfixed(fixed), _counted(fixed, "would be fixed")]
    return "".join(f"{line}\n" for line in lines)


def _unread(fixed: Fixed) -> Iterator[str]:
    for file in fixed.report.files:
        if file.status == "error":
            for one in file.findings:
                yield f"{place(one.location)}: {one.rule}: not read: {escape(' '.join(one.message.split()))}"


def _made(fixed: Fixed, listed: bool) -> Iterator[str]:
    for one in fixed.made if listed else ():
        assert one.fix is not None
        yield f"{place(one.location)}: {one.rule}: {escape(one.fix.title)} ({_manner(one.fix)})"


def _unfixed(fixed: Fixed) -> Iterator[str]:
    for one, why in fixed.unfixed:
        yield f"{place(one.location)}: {one.rule}: no fix: {escape(' '.join(why.split()))}"


def _counted(fixed: Fixed, done: str) -> str:
    from ..fixes.readings import SPENT  # loaded by now; a review without fixes does without

    if not fixed.report.files or all(file.status == "skipped" for file in fixed.report.files):
        return "nothing was reviewed: no training script found"
    policy = f"; up to {fixed.policy} more with --fix-policy" if fixed.policy else ""
    unsafe = f"; {fixed.unsafe} more with --unsafe-fixes" if fixed.unsafe else ""
    spent = sum(why == SPENT for _, why in fixed.unfixed)
    cut = f"; {spent} not tried, since the limit of steps is reached: choose rules with --select" if spent else ""
    return f"{count(len(fixed.made), 'finding', 'findings')} {done}{policy}{unsafe}{cut}"


def _manner(fix: Fix) -> str:
    return f"unsafe {fix.kind}" if fix.applicability == "unsafe" else fix.kind


def mark(finding: Finding) -> str:
    """Return the mark of a finding with a proved fix, "" for other findings."""
    return " [*]" if finding.fix is not None and finding.suppressed is None else ""


def remark(finding: Finding) -> Iterable[tuple[str, str]]:
    """Yield the line for the fix of a finding, if it has one."""
    if finding.fix is not None:
        yield "fix", f"{finding.fix.title} ({_manner(finding.fix)})"
