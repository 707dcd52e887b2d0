"""Fingerprints that identify a finding after other lines change: its rule, file, enclosing definition and code.

The line number and the message are left out, since the message may name lines and values. Whitespace and
comments in the code are ignored; findings that agree in all of this are numbered in the order of their
places.
"""

from __future__ import annotations

import os.path
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..files import disk, projects
from ..report.report import Finding, Location
from .definitions import Definitions

if TYPE_CHECKING:
    from ..source import Source

CODE = 2000  # characters of code that count


def stamped(findings: Iterable[Finding], script: str, sources: Mapping[str, Source]) -> tuple[Finding, ...]:
    """Return the findings about `script` with their fingerprints; `sources` maps paths to the readable sources."""
    root = projects.root(os.path.dirname(os.path.abspath(script)))
    seen: Counter[str] = Counter()
    definitions: dict[str, Definitions] = {}

    def context(at: Location) -> tuple[str, str]:
        """Return (the enclosing definition, the code without whitespace and comments)."""
        source = sources.get(at.path)
        if source is None:
            return "", ""
        if at.path not in definitions:
            definitions[at.path] = Definitions(source)
        return definitions[at.path].at(at.row, at.cell), "".join(source.code(at, CODE).split())

    made = []
    for finding in findings:
        at = finding.location
        where = (script,) if at.path == script else (script, at.path)
        files = [os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/") for path in where]
        same = digest(finding.rule, *files, *context(at))
        seen[same] += 1
        made.append(replace(finding, fingerprint=same if seen[same] == 1 else f"{same}-{seen[same]}"))
    return tuple(made)


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits that identify these texts."""
    return disk.digest("\0".join(parts).encode("utf-8", "surrogatepass"))[:32]
