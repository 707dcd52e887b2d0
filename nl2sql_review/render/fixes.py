"""What was fixed, and what could be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..report import Finding
from .excerpt import place
from .summary import count
from .terminal import escape


def made(fixed: Any, listed: bool) -> str:
    """The last lines of `--fix`: how many findings are fixed, which ones if `listed`, and what more there is."""
    return "".join(f"{line}\n" for line in _made(fixed.made, fixed.unsafe, listed))


def _made(findings: list[Finding], unsafe: int, listed: bool) -> Iterator[str]:
    if listed and findings:
        yield "Fixed:"
        for one in findings:
            assert one.fix is not None
            unsafely = " (unsafe)" if one.fix.applicability == "unsafe" else ""
            yield f"  {place(one.location)}: {one.rule}: {escape(one.fix.title)}{unsafely}"
    text = f"{count(len(findings), 'finding', 'findings')} fixed"
    if unsafe:
        text += f"; {unsafe} more with --unsafe-fixes"
    yield text


def mark(finding: Finding) -> str:
    return " [*]" if finding.fixable and finding.suppressed is None else ""


def remark(finding: Finding) -> Iterable[tuple[str, str]]:
    """The fix as a line under the finding, where one was asked for."""
    if finding.fix is not None:
        yield "fix", finding.fix.title + (" (unsafe)" if finding.fix.applicability == "unsafe" else "")
