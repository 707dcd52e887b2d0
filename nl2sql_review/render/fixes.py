"""What was fixed, and what could be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..report.report import Finding
from .excerpt import place
from .summary import count
from .terminal import escape

if TYPE_CHECKING:
    from ..run.fix import Fixed


def told(fixed: Fixed, listed: bool, would: bool = False) -> str:
    """The last lines of `--fix` and `--diff`: how many findings are fixed, which if `listed`, and what else is left."""
    return "".join(f"{line}\n" for line in _told(fixed.made, fixed.unsafe, listed, would))


def _told(findings: list[Finding], unsafe: int, listed: bool, would: bool) -> Iterator[str]:
    for one in findings if listed else ():
        assert one.fix is not None
        unsafely = " (unsafe)" if one.fix.applicability == "unsafe" else ""
        yield f"{place(one.location)}: {one.rule}: {escape(one.fix.title)}{unsafely}"
    more = f"; {unsafe} more with --unsafe-fixes" if unsafe else ""
    yield f"{count(len(findings), 'finding', 'findings')} {'would be fixed' if would else 'fixed'}{more}"


def mark(finding: Finding) -> str:
    return " [*]" if finding.fixable and finding.suppressed is None else ""


def remark(finding: Finding) -> Iterable[tuple[str, str]]:
    """The fix as a line under the finding, where one was asked for."""
    if finding.fix is not None:
        yield "fix", finding.fix.title + (" (unsafe)" if finding.fix.applicability == "unsafe" else "")
