"""Reviews of open documents: made when typing pauses, one at a time beside the protocol, kept until something changes.

An edit costs the reading of one script: unchanged modules are not parsed again, nor are settings and rules read again
while their files are unchanged.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...files import disk
from ...interpret.python.modules import remembering
from ...policy.rulebook import Rulebook
from ...policy.settings import SettingsError
from ...report.report import FileReport
from ...run.reviewer import Reviewer
from .documents import Document, Documents
from .turns import Turns

if TYPE_CHECKING:
    from ...judgement.judge import Examined
    from ...source import Source
    from .recorded import Record

PAUSE = 0.3  # seconds without a keystroke before a script is read again
REST = 0.05  # seconds after a review until what it has left is freed, which stops all threads for as long
OPENED, ASKED = 1, 0  # how urgent it is, the lowest first
MODULES = 300  # parsed modules that are kept


class Superseded(Exception):
    """Error for work on a document that has changed since: its result is of no use."""


@dataclass(eq=False)
class Review:
    """Result for one state of a document. `fault`: internal error instead of a result; `unset`: settings error."""

    document: Document  # as it was
    stamp: int
    report: FileReport
    examined: Examined | None = None
    rules: Rulebook | None = None
    fault: str = ""
    unset: str = ""
    warnings: tuple[str, ...] = ()  # rules that crashed
    reads: frozenset[str] = frozenset()  # real paths of what it read, looked for in vain, or searched
    drafts: Mapping[str, bytes] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)  # what it asked of the disk, and the answers
    records: list[Record] | None = None  # see recorded

    @property
    def source(self) -> Source | None:
        return self.examined.source if self.examined is not None else None


class Reviews:
    """Reviews of the open documents, by URI."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self._held: dict[str, Review] = {}
        self._turns = Turns()
        self._pool = ThreadPoolExecutor(1, "review")
        self._desk = Desk()
        self._rest: asyncio.TimerHandle | None = None  # until what reviews have left is freed

    async def current(self, uri: str, urgency: int = ASKED) -> Review | None:
        """Return the review of a document in its current state, once typing pauses; None if it is not open."""
        while True:
            document = self.documents.get(uri)
            if document is None:
                return None
            held = self._held.get(document.uri)
            if held is not None and held.stamp == document.stamp:
                return held
            wait = document.changed + PAUSE - asyncio.get_running_loop().time() if document.changed else 0
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            async with self._turns.turn(urgency):
                await self._make(document)

    async def _make(self, document: Document) -> None:
        held = self._held.get(document.uri)
        if held is not None and held.stamp == document.stamp:
            return  # somebody else asked for it in the meantime
        copy, drafts = replace(document, cells=dict(document.cells)), self.documents.drafts(document)
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._pool, self._desk.review, copy, drafts, held)
        if self.documents.get(document.uri) is document:
            self._held[document.uri] = made
        if self._rest is None:
            self._rest = loop.call_later(REST, self._tidy)  # once the answer is sent, before the next key

    def _tidy(self) -> None:
        self._rest = None
        self._pool.submit(self._desk.tidy)

    def latest(self, uri: str) -> Review | None:
        """Return the newest existing review, which may be of an older state."""
        document = self.documents.get(uri)
        return self._held.get(document.uri) if document is not None else None

    def forget(self, uri: str) -> None:
        """Drop the review of a document that was closed."""
        self._held.pop(uri, None)

    def rests_on(self, path: str) -> list[Document]:
        """Return the open documents whose review read a file, or looked for it in vain, and mark them as changed."""
        real = os.path.realpath(path)
        found = []
        for uri, review in self._held.items():
            document = self.documents.get(uri)
            if document is not None and real in review.reads and document.real != real:
                self.documents.touch(document)
                found.append(document)
        return found

    async def readers(self, path: str) -> list[Review]:
        """Return the current reviews of the open scripts that read a file."""
        real = os.path.realpath(path)
        found = [await self.current(uri) for uri, review in list(self._held.items()) if real in review.reads]
        return [review for review in found if review is not None and _has_read(review, real)]

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Desk:
    """Examiner of documents in one thread, which reuses modules, settings and rules that were read before."""

    def __init__(self) -> None:
        self._reviewer = Reviewer()
        self._modules: dict[tuple[str, bytes], Source] = {}
        self._settled = False

    def review(self, document: Document, drafts: Mapping[str, bytes], held: Review | None = None) -> Review:
        """Examine a document. Never raises: an internal error is stored in the review."""
        if not self._reviewer.holds(disk.Now()):
            self._reviewer = Reviewer()
        if held is not None and _is_same(held, document, drafts):
            return replace(held, document=document, stamp=document.stamp)
        try:
            return self._examined(document, drafts)
        except SettingsError as error:
            self._reviewer = Reviewer()
            return self._failed(document, unset=str(error))
        except (Exception, RecursionError) as error:
            return self._failed(document, fault=f"{type(error).__name__}: {error}")

    def _examined(self, document: Document, drafts: Mapping[str, bytes]) -> Review:
        with disk.Remembering() as seen, remembering(self._modules):
            made = self._reviewer.examine(document.data, document.path, drafts=dict(drafts))
            report = self._reviewer.counted(made.report)
            rules = self._reviewer.rulebook(made.settings)
        reads = frozenset(
            os.path.realpath(path)
            for one in (*made.recordings, made.recording)
            if one is not None
            for path in (*one.files_read, *one.files_missing)
        )
        return Review(
            document,
            document.stamp,
            report,
            made,
            rules,
            warnings=tuple(f"{fault.rule}: {fault.message}" for fault in made.faults),
            reads=reads,
            drafts={path: data for path, data in drafts.items() if path in reads},
            seen=seen,
        )

    def _failed(self, document: Document, fault: str = "", unset: str = "") -> Review:
        report = FileReport(document.path, "skipped", fault or unset)
        return Review(document, document.stamp, report, fault=fault, unset=unset)

    def tidy(self) -> None:
        """Keep only the newest state of every module, and free the memory of a review: its tree refers to itself."""
        newest = {path: (path, data) for path, data in self._modules}
        kept = set(list(newest.values())[-MODULES:])
        for key in [key for key in self._modules if key not in kept]:
            del self._modules[key]
        gc.collect()
        if not self._settled:  # what is imported and read once stays: it need not be looked through again
            self._settled = True
            gc.freeze()


def _has_read(review: Review, real: str) -> bool:
    """Return whether a review read a file, by its real path, and did not only look for it or search it for calls."""
    recordings = review.examined.recordings if review.examined is not None else ()
    return any(os.path.realpath(path) == real for one in recordings for path in one.files_read)


def _is_same(held: Review, document: Document, drafts: Mapping[str, bytes]) -> bool:
    """Return whether everything that a review depends on is unchanged."""
    if held.examined is None or held.document.data != document.data or held.document.cells != document.cells:
        return False
    relevant = {path: data for path, data in drafts.items() if path in held.reads}
    return relevant == held.drafts and disk.Now().confirms(held.seen)
