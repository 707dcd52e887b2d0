"""Fixes for open documents, each proved by reading the edited script again, in parallel with the reviews.

A proof is kept until the document changes, and abandoned when it does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from ...report.report import FileReport, Finding, Fix
from ...run.reviewer import Reviewer
from .documents import Document, Documents
from .reviews import Review, Superseded

if TYPE_CHECKING:
    from ...fixes import Session
    from ...judgement.judge import Examined

T = TypeVar("T")


@dataclass
class Settled:
    """A script and other files, by real path, after the fixes."""

    data: bytes
    drafts: Mapping[str, bytes]


@dataclass
class _Drafted:
    """Reviewer of a script that uses the unsaved contents of other open files."""

    reviewer: Reviewer
    drafts: dict[str, bytes]

    def counted(self, file: FileReport) -> FileReport:
        return self.reviewer.counted(file)

    def examine(self, data: bytes, path: str, drafts: Mapping[str, bytes] | None = None) -> Examined:
        return self.reviewer.examine(data, path, drafts=self.drafts if drafts is None else drafts)


@dataclass
class _Known:
    """Proved fixes for one state of a document."""

    stamp: int
    session: Session | None = None
    fixes: dict[str, Fix | None] = field(default_factory=dict)  # by the fingerprint of a finding


class Proofs:
    """Fixes of open documents, by URI."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self._pool = ThreadPoolExecutor(1, "proofs")
        self._known: dict[str, _Known] = {}

    async def fix(self, review: Review, finding: Finding) -> Fix | None:
        """Return the proved fix of a finding for the current text, None if there is none. Raises Superseded."""
        known = self._of(review)
        if finding.fingerprint not in known.fixes:
            known.fixes[finding.fingerprint] = await self.run(lambda: self._proved(review, known, finding))
        return known.fixes[finding.fingerprint]

    async def settled(self, review: Review, policy: bool) -> Settled:
        """Return a script after all safe repairs, or with `policy` all safe fixes. Raises Superseded."""

        def work() -> Settled:
            session = self._session(review)
            session.apply(unsafe=False, policy=policy)
            drafts = {path: data for path, data in session.drafts.items() if path not in self._notebooks()}
            return Settled(session.data, drafts)

        return await self.run(work)

    async def ignored(self, review: Review, finding: Finding, reason: str) -> bytes | None:
        """Return the script with a comment that ignores a finding, None if that is not possible. Raises Superseded."""

        def work() -> bytes | None:
            from ...run.add_ignores import IgnoreError, silence

            others = tuple(
                replace(one, suppressed="not this one")
                if one.suppressed is None and one.fingerprint != finding.fingerprint
                else one
                for one in review.report.findings
            )
            reviewer = _Drafted(Reviewer(), dict(self.documents.drafts(review.document)))
            try:
                made = silence(reviewer, replace(review.report, findings=others), review.document.data, reason)
            except IgnoreError:
                return None
            return made.edited.after if made is not None else None

        return await self.run(work)

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Run work that takes long, after the work already in the queue."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _of(self, review: Review) -> _Known:
        uri = review.document.uri
        known = self._known.get(uri)
        if known is None or known.stamp != review.stamp:
            self._known = {one: kept for one, kept in self._known.items() if self.documents.get(one) is not None}
            known = self._known[uri] = _Known(review.stamp)
        return known

    def _proved(self, review: Review, known: _Known, finding: Finding) -> Fix | None:
        session = known.session = known.session or self._session(review)
        same = next((one for one in session.report.findings if one.fingerprint == finding.fingerprint), None)
        return session.fix_of(same) if same is not None else None

    def _session(self, review: Review) -> Session:
        from ...fixes import Session

        document = review.document
        reviewer = Reviewer()

        def examine(data: bytes, path: str, drafts: Mapping[str, bytes]) -> Examined:
            self._check(document, review.stamp)
            return reviewer.examine(data, path, drafts=drafts)

        drafts = {path: data for path, data in self.documents.drafts(document).items() if os.path.isfile(path)}
        drafts |= {path: data for path, data in self._notebooks().items() if path != document.real}
        others = {
            one.path: None for one in self.documents if one.uri != document.uri and one.path.endswith((".py", ".ipynb"))
        }
        return Session(examine, document.data, document.path, dict(drafts), others=dict(others))

    def _notebooks(self) -> dict[str, bytes]:
        """The open notebooks as their cells are now, by real path: they are read, and no fix of a module edits them."""
        return {one.real: one.data for one in self.documents if one.cells}

    def _check(self, document: Document, stamp: int) -> None:
        now = self.documents.get(document.uri)
        if now is None or now.stamp != stamp:
            raise Superseded
