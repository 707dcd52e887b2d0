"""Fixes: for a finding the edits that make it go away, each proved by reading the edited script again.

    session = Session(examine, data, path)      one script, and the files it reads
    session.with_fixes()                       its findings, each with the fix that holds for it as things stand
    session.apply(unsafe=False, policy=False)  the fixes made one after the other until none is left

A rule's head names its fixer (`fix: set`), which in `kinds` makes the candidates, `proof` tries them: the
first safe one is taken, else the first that is unsafe. A fix of a trap is a repair, unless it sets another value
besides; all others are policy. Every fix leaves fewer findings, so it comes to an end. As a reading costs most, fixes
that do not touch each other are proved together, where that fails without those that spoil it, else by halves; what was
proved of a script as it stands is not proved again. A file has a budget of steps, and so has a look at all findings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Literal

from ..files.discovery import CONFIGURATIONS
from ..judgement.judge import Examined
from ..report.report import Edit, FileReport, Finding, Fix
from . import kinds, rivals, sharing
from .candidate import Candidate, affected, union
from .comparison import placeless
from .context import Task
from .edits import EditError, applied, python
from .proof import Proof, hold_together, prove
from .readings import SPENT, Examine, Readings
from .spoilers import spoiling

Key = tuple[str, str]
Group = list[tuple[Finding, Candidate]]
Made = tuple[bytes, dict[str, bytes], Examined]  # the script, the other files, and how they are judged
MOST = 100  # fixes made to one script; it has fewer findings


def _key(finding: Finding) -> Key:
    """Return the identity of a finding, which stays the same when rows move."""
    return finding.rule, placeless(finding.message)


def open_findings(file: FileReport, policy: bool = True) -> list[Finding]:
    """Return the fixable findings that are not silenced; without `policy`, only those that a repair may fix."""
    found = (f for f in file.findings if f.fixable and f.suppressed is None)
    return [f for f in found if policy or f.kind == "trap"]


def _fix(finding: Finding, candidate: Candidate, applicability: Literal["safe", "unsafe"]) -> Fix:
    kind: Literal["repair", "policy"] = "policy" if candidate.chooses or finding.kind == "policy" else "repair"
    return Fix(candidate.title, applicability, candidate.edits, kind)


def _stated(finding: Finding, candidate: Candidate) -> Finding:
    """Return the finding with a fix that was proved together with others."""
    return replace(finding, fix=_fix(finding, candidate, "unsafe" if candidate.unsafe else "safe"))


@dataclass
class Session:
    """One script in its current state. `drafts` are the edited other files of its project, by real path."""

    examine: Examine
    data: bytes
    path: str
    drafts: dict[str, bytes] = field(default_factory=dict)
    alone: bool = False  # nothing but the script may be edited: it came on standard input
    others: sharing.Reads = field(default_factory=dict)  # the scripts of the run, which may read what is edited
    made: list[Finding] = field(default_factory=list)  # what was fixed, each with its fix, in order
    # By the id of a finding: unsafe fixes, which were not asked for.
    refused: dict[int, Fix] = field(default_factory=dict)
    lacking: dict[int, str] = field(default_factory=dict)  # by the id of a finding: why it has no fix

    def __post_init__(self) -> None:
        self.readings = Readings(self.examine)
        self._policy = True
        self._firsts: dict[tuple[int, bool, bool], Candidate | None] = {}
        self._firsts_of: Examined | None = None
        self._tried: dict[tuple[int, tuple[Edit, ...]], Proof] = {}  # what is not safe, of the script as it stands
        self._tried_of: Examined | None = None
        self._beside: Finding | None = None  # what the fix found last mends as well
        self.now = self.readings.examined(self.data, self.path, self.drafts)

    @property
    def report(self) -> FileReport:
        return self.now.report

    def with_fixes(self) -> FileReport:
        """Return the current report, each finding with the fix that holds for it."""
        fixes: dict[int, Fix] = {}  # by the id of a finding, which cannot be hashed
        self._prove(open_findings(self.report), fixes)
        return replace(self.report, findings=tuple(replace(f, fix=fixes.get(id(f))) for f in self.report.findings))

    def fix_of(self, finding: Finding) -> Fix | None:
        """Return the fix that currently holds for one finding of `report`, or None if there is none."""
        found = self._best(finding) if finding in open_findings(self.report) else None
        return found[0] if found is not None else None

    def _prove(self, findings: list[Finding], fixes: dict[int, Fix]) -> None:
        """Add the fixes that hold to `fixes`; try all at once and, if they do not hold together, half by half."""
        held, _ = self._together(findings, unsafe=True)
        if held:
            fixes.update((id(f), _fix(f, c, "unsafe" if c.unsafe else "safe")) for f, c in held)
            findings = [f for f in findings if id(f) not in fixes]
        if len(findings) == 1:
            if found := self._best(findings[0]):
                fixes[id(findings[0])] = found[0]
            return
        for half in (findings[: len(findings) // 2], findings[len(findings) // 2 :]):
            if half:
                self._prove(half, fixes)

    def apply(self, unsafe: bool, policy: bool = True) -> None:
        """Apply the safe fixes, with `unsafe` also unsafe ones, until none is left; without `policy`, only repairs."""
        self._policy = policy
        before = -1
        while before < len(self.made) < MOST:
            before = len(self.made)
            self.refused, self.lacking = {}, {}
            self.readings.begin_round()
            self._fix([_key(f) for f in open_findings(self.report, policy)], unsafe)
        if not unsafe:
            self.lacking = {}
            self._prove(open_findings(self.report, policy), self.refused)

    def remaining(self) -> FileReport:
        """Return the report after `apply`: findings without a fix are not fixable, others carry their unsafe fix.

        Policy findings that were not requested may stay fixable.
        """
        asked = {id(f) for f in open_findings(self.report, self._policy)}
        fixes = [self.refused.get(id(f)) for f in self.report.findings]
        found = tuple(
            replace(f, fix=x, fixable=x is not None or f.fixable and id(f) not in asked)
            for f, x in zip(self.report.findings, fixes)
        )
        return replace(self.report, findings=found)

    def unfixed(self) -> list[tuple[Finding, str]]:
        """Return the findings that have no fix after `apply`, each with the reason."""
        asked = {id(f) for f in open_findings(self.report, self._policy)}
        found = []
        for one in self.report.findings:
            if one.suppressed is None and not one.fixable:
                found.append((one, "none is known"))
            elif id(one) in asked and id(one) not in self.refused:
                found.append((one, self.lacking.get(id(one), "not tried")))
        return found

    def _fix(self, keys: list[Key], unsafe: bool) -> None:
        """Fix the findings that are still there: all at once and, if that does not hold, half by half."""
        findings = [f for f in open_findings(self.report, self._policy) if _key(f) in keys]
        keys = list(dict.fromkeys(_key(f) for f in findings))
        held, after = self._together(findings, unsafe)
        if after is not None:
            self.data, self.drafts, self.now = after
            self.made += [_stated(f, c) for f, c in held]
            done = {_key(f) for f, _ in held}
            keys = [key for key in keys if key not in done]
        elif len(keys) == 1:
            for left in range(len(findings), 0, -1):  # counted from the end: those before it were tried
                alike = [f for f in open_findings(self.report, self._policy) if _key(f) == keys[0]]
                if left <= len(alike):
                    self._fix_one(alike[-left], unsafe)
            return
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            if half:
                self._fix(half, unsafe)

    def _fix_one(self, finding: Finding, unsafe: bool) -> None:
        found = self._best(finding, unsafe)
        if found is not None and (unsafe or found[0].applicability == "safe"):
            fix, self.data, self.drafts, self.now = found
            self.made += [replace(one, fix=fix) for one in (finding, self._beside) if one is not None]

    def _together(self, findings: list[Finding], unsafe: bool) -> tuple[Group, Made | None]:
        """Fixes of several findings that hold together, without those that spoil it, and what comes of them."""
        group = self._group(findings, unsafe)
        while len(group) > 1:
            after, spoilers = self._made(group)
            if after is not None:
                return group, after
            group = [one for number, one in enumerate(group) if number not in spoilers] if spoilers else []
        return [], None

    def _group(self, findings: list[Finding], unsafe: bool) -> Group:
        """Return the first candidate of each finding, of those that touch neither the same text nor the same facts."""
        group: Group = []
        taken: dict[Edit, None] = {}
        facts: set[str] = set()
        for finding in findings:
            if self.readings.spent:
                break
            candidate = self._first(finding, unsafe)
            if candidate is None or candidate.idle or self._known_of(finding, candidate) is not None:
                continue
            more = [edit for edit in candidate.edits if edit not in taken]
            changed = {name for name in affected(candidate.facts) if not name.startswith("api.")}
            if more and changed & facts:
                continue
            if any(rivals.rival(edit, other, taken, self.now.text_source) for edit in more for other in taken):
                continue
            group.append((finding, candidate))
            taken.update(dict.fromkeys(more))
            facts |= changed
        return group

    def _known_of(self, finding: Finding, candidate: Candidate) -> Proof | None:
        """What was found of a candidate that is not safe, while the script stays as it is."""
        if self._tried_of is not self.now:
            self._tried, self._tried_of = {}, self.now
        return self._tried.get((id(finding), candidate.edits))

    def _first(self, finding: Finding, unsafe: bool = True) -> Candidate | None:
        """Return the first candidate of a finding, made once while the script does not change."""
        if self._firsts_of is not self.now:
            self._firsts, self._firsts_of = {}, self.now
        key = id(finding), self._policy, unsafe
        if key not in self._firsts:
            self._firsts[key] = next((c for c in self._candidates(finding) if unsafe or not c.unsafe), None)
        return self._firsts[key]

    def _made(self, group: Group) -> tuple[Made | None, set[int]]:
        """What comes of several fixes at once, if they hold; else the numbers of those that spoil it, if that shows."""
        if self.readings.spent:
            return None, set()
        whole = union([candidate for _, candidate in group])
        try:
            data, drafts = self._edited(tuple(python.merged(list(whole.edits))))
        except (EditError, OSError):
            return None, set()
        after = self.readings.examined(data, self.path, drafts)
        if not hold_together(self.now, after, group):
            return None, spoiling(self.now, after, group)
        return ((data, drafts, after) if self._agreed(whole, data, drafts) == "safe" else None), set()

    def _best(self, finding: Finding, unsafe: bool = True) -> tuple[Fix, bytes, dict[str, bytes], Examined] | None:
        """The fix of a finding, and what comes of it: the script, the other files, and how they are judged.

        Where there is none, `lacking` says why: what is wrong with the first candidate. Without `unsafe` those are
        passed over that are unsafe in any case.
        """
        if self.readings.spent and not any(of == id(finding) for of, _ in self._tried):
            self.lacking[id(finding)] = SPENT
            return None
        second: tuple[Candidate, Finding | None] | None = None
        reasons: list[str] = []
        alone = ((candidate, None) for candidate in self._candidates(finding, reasons))
        for candidate, beside in chain(alone, self._pairs(finding, unsafe)):
            if candidate.unsafe and not unsafe:
                continue
            if second is not None and (beside is not None or candidate.unsafe):
                continue  # no better than what is found
            proof = self._known_of(finding, candidate)
            if proof is None and self.readings.spent:
                reasons.append(SPENT)
                break
            try:
                data, drafts = self._edited(candidate.edits)
            except (EditError, OSError) as error:
                reasons.append(f"{candidate.title}: {error}")
                continue
            if proof is None:
                proof = self._weighed(finding, candidate, data, drafts)
            if proof.applicability == "safe":
                self._beside = beside
                return _fix(finding, candidate, "safe"), data, drafts, self.readings.examined(data, self.path, drafts)
            self._tried[id(finding), candidate.edits] = proof
            if proof.applicability is None:
                reasons.append(f"{candidate.title}: {proof.why}")
            elif second is None:
                second = candidate, beside
        if second is None:
            self.lacking[id(finding)] = reasons[0] if reasons else "the code does not show where to fix it"
            return None
        candidate, self._beside = second
        data, drafts = self._edited(candidate.edits)
        after = self.readings.examined(data, self.path, drafts) if unsafe else self.now
        return _fix(finding, candidate, "unsafe"), data, drafts, after

    def _weighed(self, finding: Finding, candidate: Candidate, data: bytes, drafts: dict[str, bytes]) -> Proof:
        """What a candidate amounts to, in this script and in the others that read what it edits."""
        proof = prove(self.now, self.readings.examined(data, self.path, drafts), finding, candidate)
        if proof.applicability is not None and (there := self._agreed(candidate, data, drafts)) != "safe":
            proof = Proof(there, "another script that reads the edited file would get worse")
        if proof.applicability == "safe" and candidate.idle:
            if not sharing.is_read(candidate.idle, self.path, self.others, self._read):
                proof = Proof("unsafe", "a setting would be without effect")
        return proof

    def _pairs(self, finding: Finding, unsafe: bool) -> Iterator[tuple[Candidate, Finding]]:
        """Yield a finding's first candidate joined with another finding's, if both affect a third fact.

        A rank of 128 with an alpha of 256 becomes 16 with 16: a change of only one would put their ratio out of
        proportion.
        """
        one = self._first(finding, unsafe)
        for other in open_findings(self.report, self._policy) if one is not None else ():
            two = self._first(other, unsafe) if other is not finding else None
            if one is None or two is None or one.idle or two.idle:
                continue
            own = set(one.facts) & affected(two.facts) | set(two.facts) & affected(one.facts)
            if own or not affected(one.facts) & affected(two.facts):
                continue
            whole, either_unsafe = union([one, two]), one.unsafe or two.unsafe
            edits = tuple(python.merged(list(whole.edits)))
            title, chooses = f"{one.title} and {two.title}", one.chooses or two.chooses or other.kind == "policy"
            yield replace(whole, title=title, edits=edits, unsafe=either_unsafe, chooses=chooses), other

    def _agreed(self, candidate: Candidate, data: bytes, drafts: dict[str, bytes]) -> Literal["safe", "unsafe"] | None:
        """Return the effect of the edits on the other scripts of the run that read an edited file."""
        own = os.path.realpath(self.path)

        def read(path: str, edited: bool) -> Examined:
            return self._examined_as(path, {**drafts, own: data}) if edited else self._read(path, False)

        files = {real for real in drafts if drafts[real] != self.drafts.get(real)}
        if data != self.data and not self.alone:
            files.add(own)  # it may be a module of another
        return "safe" if not files else sharing.agree(self.now, candidate, files, self.others, read, self.drafts)

    def _read(self, path: str, edited: bool) -> Examined:
        """Return another script examined in its current state."""
        return self._examined_as(path, {**self.drafts, os.path.realpath(self.path): self.data})

    def _examined_as(self, path: str, files: Mapping[str, bytes]) -> Examined:
        return self.readings.examined(sharing.contents(path, files), path, files)

    def _candidates(self, finding: Finding, reasons: list[str] | None = None) -> Iterator[Candidate]:
        """Yield the candidates, those that set no other value first; `reasons` collects why others were not tried."""
        started = self.now.recording.started if self.now.recording is not None else None
        if started is not None and started.program and not self.path.endswith(CONFIGURATIONS):
            return  # the command line is all there is, and is not edited
        seen = set()
        last = []
        for failed_fact in self.now.carrying(finding):
            task = Task(self.now.of_run(failed_fact.plan), failed_fact, reasons if reasons is not None else [])
            for candidate in kinds.candidates(task):
                if not candidate.edits or candidate.edits in seen:
                    continue
                seen.add(candidate.edits)
                if candidate.chooses:
                    last.append(candidate)
                else:
                    yield candidate
        yield from last if self._policy else ()

    def _edited(self, edits: tuple[Edit, ...]) -> tuple[bytes, dict[str, bytes]]:
        """Return the script and the other files with the edits made. Raises EditError, OSError."""
        data, drafts = self.data, dict(self.drafts)
        for path in dict.fromkeys(edit.location.path for edit in edits):
            own = [edit for edit in edits if edit.location.path == path]
            if path == self.path:
                data = applied(data, path, own)
                continue
            if self.alone:
                raise EditError(f"{path} is not the script")
            drafts[os.path.realpath(path)] = applied(sharing.contents(path, drafts), path, own)
        return data, drafts
