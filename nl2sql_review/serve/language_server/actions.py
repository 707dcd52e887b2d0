"""Code actions: a proved fix at this place; all repairs; policy fixes separately; a comment to ignore a finding.

A fix offered for a finding has been proved before. Edits that take longer, those of the whole file and the comments,
are made when the client resolves the action; if the client does not support that, at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsprotocol.types import CodeAction, CodeActionKind, Diagnostic, Position, Range, WorkspaceEdit

from ...report.report import Finding, Fix
from . import diagnostics, edits
from .edits import Changes
from .positions import Positions
from .proofs import Proofs
from .reviews import Review, Superseded

REPAIR = CodeActionKind.QuickFix
POLICY = f"{CodeActionKind.QuickFix.value}.policy.nl2sql"
IGNORE = f"{CodeActionKind.QuickFix.value}.ignore.nl2sql"
FIX_ALL = f"{CodeActionKind.SourceFixAll.value}.nl2sql"
POLICY_ALL = "source.policy.nl2sql"
KINDS: list[CodeActionKind | str] = [REPAIR, POLICY, IGNORE, FIX_ALL, POLICY_ALL]
REASON = "accepted: give the reason"  # where the client gives no other
MOST = 8  # findings of a range that are looked at: each proof reads the script again


class Actions:
    """Code actions for one client; `versioned`: it accepts edits with document versions."""

    def __init__(self, proofs: Proofs, positions: Positions, lazy: bool, versioned: bool, reason: str = REASON) -> None:
        from ...run.add_ignores import checked

        self.proofs, self.positions, self.lazy, self.versioned = proofs, positions, lazy, versioned
        try:
            self.reason = checked(reason)
        except ValueError:
            self.reason = REASON

    async def of(self, review: Review, uri: str, where: Range, only: Sequence[str] | None) -> list[CodeAction]:
        """Return the actions for a range of a file or cell, of the requested kinds."""
        if review.examined is None or review.source is None or review.fault:
            return []
        made: list[CodeAction] = []
        ignores: list[CodeAction] = []  # offered after all fixes
        here = self._here(review, uri, where)
        for finding in here[:MOST]:
            said = diagnostics.of_finding(finding, review.rules, self.positions)
            if finding.fixable and _wanted(only, REPAIR.value, POLICY):
                made += await self._fix(review, finding, said, only)
            if _wanted(only, IGNORE) and review.source.kind in ("script", "notebook"):
                action = CodeAction(f"Ignore {finding.rule} here: {self.reason}", IGNORE, [said])
                ignores += await self._later(review, action, {"ignore": finding.fingerprint})
        made += ignores
        kinds = {finding.kind for finding in review.report.findings if finding.suppressed is None and finding.fixable}
        if _wanted(only, FIX_ALL) and "trap" in kinds:
            made += await self._later(review, CodeAction("Apply all safe repairs", FIX_ALL), {"all": "repairs"})
        if _wanted(only, POLICY_ALL) and kinds:
            action = CodeAction("Apply all safe repairs and policy changes", POLICY_ALL)
            made += await self._later(review, action, {"all": "policy"})
        return made

    def _here(self, review: Review, uri: str, where: Range) -> list[Finding]:
        found = []
        for finding in review.report.findings:
            at = self.positions.mark(finding.location)
            if finding.suppressed is None and self.positions.uri(finding.location) == uri and _touch(at, where):
                found.append(finding)
        return found

    async def _fix(
        self, review: Review, finding: Finding, said: Diagnostic, only: Sequence[str] | None
    ) -> list[CodeAction]:
        fix = await self.proofs.fix(review, finding)
        if fix is None:
            return []
        kind: CodeActionKind | str = REPAIR if fix.kind == "repair" else POLICY
        if not _wanted(only, _word(kind)):
            return []
        action = CodeAction(_title(finding, fix), kind, [said])
        action.is_preferred = True if fix.applicability == "safe" and fix.kind == "repair" else None
        return await self._later(review, action, {"fix": finding.fingerprint})

    async def _later(self, review: Review, action: CodeAction, what: dict[str, str]) -> list[CodeAction]:
        action.data = {"uri": review.document.uri, "stamp": review.stamp, **what}
        if self.lazy:
            return [action]
        action = await self.resolve(review, action)
        return [action] if action.edit is not None else []

    async def resolve(self, review: Review, action: CodeAction) -> CodeAction:
        """Return the action with its edit; without one if there is nothing to change, or the file has changed."""
        what: dict[str, Any] = action.data if isinstance(action.data, dict) else {}
        if what.get("stamp") != review.stamp:
            return action
        try:
            changes = await self._changes(review, what)
        except Superseded:
            return action
        if changes:
            action.edit = self._edit(changes)
        return action

    async def _changes(self, review: Review, what: dict[str, Any]) -> Changes:
        if "all" in what:
            settled = await self.proofs.settled(review, policy=what["all"] == "policy")
            drafts = self.proofs.documents.drafts(review.document)
            return edits.of_contents(review.document, settled.data, settled.drafts, drafts, self.positions)
        name = what.get("fix") or what.get("ignore")
        finding = next((one for one in review.report.findings if one.fingerprint == name), None)
        if finding is None:
            return {}
        if "fix" in what:
            fix = await self.proofs.fix(review, finding)
            return edits.of_edits(fix.edits, self.positions) if fix is not None else {}
        data = await self.proofs.ignored(review, finding, self.reason)
        return edits.of_contents(review.document, data, {}, {}, self.positions) if data is not None else {}

    def _edit(self, changes: Changes) -> WorkspaceEdit:
        return edits.workspace_edit(changes, self.proofs.documents, self.versioned)


def _title(finding: Finding, fix: Fix) -> str:
    title = f"{fix.title[:1].upper()}{fix.title[1:]} ({finding.rule})"
    return f"{title} (unsafe: check it)" if fix.applicability == "unsafe" else title


def _wanted(only: Sequence[str] | None, *kinds: str) -> bool:
    """Return whether one of the kinds is requested; without a list all are."""
    if not only:
        return True
    return any(kind == one or kind.startswith(f"{one}.") for kind in kinds for one in map(_word, only))


def _word(kind: object) -> str:
    return str(getattr(kind, "value", kind))


def _touch(a: Range, b: Range) -> bool:
    return _key(a.start) <= _key(b.end) and _key(b.start) <= _key(a.end)


def _key(at: Position) -> tuple[int, int]:
    return at.line, at.character
