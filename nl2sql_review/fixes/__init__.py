"""Fixes: for a finding the edits that make it go away, each proved by reading the edited script again.

    session = Session(examine, data, path)      one script, and the files it reads
    session.offers()                            its findings, each with the fix that holds for it as things stand
    session.settle(unsafe=False)                the fixes made one after the other until none is left

A rule's head says in which manner it is fixed (`fix: set`), `manners` makes the candidates, `proof` weighs them: the first
safe one is taken, else the first that is unsafe. Every fix leaves fewer findings, so it comes to an end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..judge import Examined
from ..report import Edit, FileReport, Finding, Fix
from . import manners
from .edits import Misfit, applied
from .proof import Candidate, weigh

Examine = Callable[[bytes, str, Mapping[str, bytes]], Examined]
MOST = 100  # fixes made to one script; it has fewer findings


@dataclass
class Session:
    """One script as it is and as it becomes. `drafts` are the other files of its project that were edited, by real path."""

    examine: Examine
    data: bytes
    path: str
    drafts: dict[str, bytes] = field(default_factory=dict)
    alone: bool = False  # nothing but the script may be edited: it came on standard input
    made: list[Finding] = field(default_factory=list)  # what was fixed, each with its fix, in order
    refused: int = 0  # findings left that an unsafe fix would make go away

    def __post_init__(self) -> None:
        self.now = self.examine(self.data, self.path, self.drafts)

    @property
    def report(self) -> FileReport:
        return self.now.report

    def offers(self) -> FileReport:
        """The report as things stand, with the fixes that hold."""
        findings = tuple(replace(f, fix=found[0]) if (found := self._best(f)) else f for f in self.report.findings)
        return replace(self.report, findings=findings)

    def settle(self, unsafe: bool) -> None:
        """Makes the safe fixes, or the unsafe ones as well, until none is left."""
        while len(self.made) < MOST and self._pass(unsafe):
            pass

    def _pass(self, unsafe: bool) -> bool:
        """One walk over the findings; whether anything was fixed."""
        before = len(self.made)
        self.refused = 0
        tried: set[tuple[str, str]] = set()
        while waiting := [f for f in self.report.findings if (f.rule, f.message) not in tried]:
            tried.add((waiting[0].rule, waiting[0].message))
            found = self._best(waiting[0])
            if found is not None and not unsafe and found[0].applicability != "safe":
                self.refused += 1
            elif found is not None:
                fix, self.data, self.drafts, self.now = found
                self.made.append(replace(waiting[0], fix=fix))
        return len(self.made) > before

    def _best(self, finding: Finding) -> tuple[Fix, bytes, dict[str, bytes], Examined] | None:
        """The fix of a finding, and what comes of it: the script, the other files, and how they are judged."""
        if finding.suppressed is not None:
            return None
        second = None
        for candidate in self._candidates(finding):
            try:
                data, drafts = self._edited(candidate.edits)
            except (Misfit, OSError):
                continue
            after = self.examine(data, self.path, drafts)
            found = weigh(self.now, after, finding, candidate)
            if found is not None and (found == "safe" or second is None):
                one = Fix(candidate.title, found, candidate.edits), data, drafts, after
                if found == "safe":
                    return one
                second = one
        return second

    def _candidates(self, finding: Finding) -> Iterator[Candidate]:
        seen = set()
        for ground in self.now.grounds:
            if ground.carries(finding):
                for candidate in manners.candidates(manners.Task(self.now, ground)):
                    if candidate.edits and candidate.edits not in seen:
                        seen.add(candidate.edits)
                        yield candidate

    def _edited(self, edits: tuple[Edit, ...]) -> tuple[bytes, dict[str, bytes]]:
        """The script and the other files with the edits made. Raises Misfit, OSError."""
        data, drafts = self.data, dict(self.drafts)
        for path in dict.fromkeys(edit.location.path for edit in edits):
            own = [edit for edit in edits if edit.location.path == path]
            if path == self.path:
                data = applied(data, path, own)
                continue
            if self.alone:
                raise Misfit(f"{path} is not the script")
            real = os.path.realpath(path)
            if real not in drafts:
                with open(real, "rb") as file:
                    drafts[real] = file.read()
            drafts[real] = applied(drafts[real], path, own)
        return data, drafts
