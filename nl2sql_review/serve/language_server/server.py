"""The server: assigns a handler to each message of the protocol. Everything that takes time is awaited elsewhere.

Diagnostics are pushed to clients that do not pull them, and returned to those that do. An internal error while one
file is reviewed is a message to its editor; the server and the other files go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer

from ... import __version__
from . import answers, diagnostics
from .documents import Document, Documents, path_of
from .positions import Positions
from .proofs import Proofs
from .protocol import NAME, Protocol, outlast, runs
from .reviews import ASKED, OPENED, Review, Reviews

# Files whose change on disk may change a review: modules, configurations, settings, requirements, data.
WATCHED = "**/*.{py,ipynb,toml,yaml,yml,json,jsonl,csv,tsv,parquet,txt,cfg,lock,sh,md}"
# All cells of them, whatever their language: a cell is known by its number over all.
NOTEBOOKS = types.NotebookDocumentSyncOptions(
    [types.NotebookDocumentFilterWithNotebook(types.NotebookDocumentFilterNotebookType("jupyter-notebook"))], save=True
)
log = logging.getLogger(NAME)
Placed = dict[str, list[types.Diagnostic]]  # by the URI that they stand in


class Server(LanguageServer):
    """Server of one editor."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(NAME, __version__, notebook_document_sync=NOTEBOOKS, protocol_cls=Protocol, max_workers=2)
        self.documents = Documents()
        self.reviews = Reviews(self.documents)
        self.proofs = Proofs(self.documents)
        self.positions = Positions(self.documents)
        self.options: dict[str, Any] = {}  # what the client said at the start
        self._placed: dict[str, Placed] = {}  # by the URI of the document whose review found them
        self._tasks: dict[str, tuple[asyncio.Task[None], int]] = {}  # with how urgent they are
        self._told: set[str] = set()  # faults that were shown already
        self._pulls_cells = False  # whether the client has pulled a cell's diagnostics: VS Code pulls those of files
        self._watch: asyncio.Future[None] | None = None  # of the editor's process

    def shutdown(self) -> None:
        """Stop serving. pygls leaves a port's connection open, and since Python 3.12 asyncio waits for its end."""
        super().shutdown()
        if isinstance(self.protocol.writer, asyncio.StreamWriter):
            self.protocol.writer.close()

    # What the client can do

    def starts(self, params: types.InitializeParams) -> None:
        """Store the client's position encoding and options."""
        if params.capabilities.notebook_document is None:  # it may send notebooks all the same
            params.capabilities.notebook_document = types.NotebookDocumentClientCapabilities(
                types.NotebookDocumentSyncClientCapabilities()
            )
        self.protocol.keep_texts()
        self.positions = Positions(self.documents, self.workspace.position_encoding or types.PositionEncodingKind.Utf16)
        if isinstance(params.initialization_options, dict):
            self.options = params.initialization_options
        if params.process_id is not None and runs(params.process_id):  # the number may be of another container
            self._watch = asyncio.ensure_future(outlast(params.process_id))

    def can(self, path: str) -> bool:
        """Return whether the client has a capability, given by its path: `workspace.inlay_hint.refresh_support`."""
        found: Any = self.client_capabilities
        for name in path.split("."):
            found = getattr(found, name, None)
            if found is None:
                return False
        return found is not False

    @property
    def pulls(self) -> bool:
        """Return whether the client pulls diagnostics rather than waiting for them."""
        return self.can("text_document.diagnostic")

    # Reviews and what becomes of them

    def expect(self, document: Document, urgency: int = OPENED) -> None:
        """Schedule the review of a document, and the publication of its diagnostics."""
        task, before = self._tasks.get(document.uri, (None, urgency))
        if task is not None and not task.done():
            if before <= urgency:
                return
            task.cancel()  # it waits among what is less urgent
        self._tasks[document.uri] = asyncio.ensure_future(self._announce(document.uri, urgency)), urgency

    async def _announce(self, uri: str, urgency: int) -> None:
        while (review := await self.reviews.current(uri, urgency)) is not None:
            self.take_in(review)
            document = self.documents.get(uri)
            if document is None or document.stamp == review.stamp:
                return

    def take_in(self, review: Review) -> None:
        """Store the places of a review's findings, publish changed diagnostics, and report internal errors."""
        owner = review.document.uri
        before, now = self._placed.get(owner, {}), self._place(review)
        self._placed[owner] = now
        self.publish([uri for uri in {**before, **now} if before.get(uri) != now.get(uri)])
        if review.fault:
            self._tell(f"{review.document.path} could not be reviewed because of a bug in {NAME}: {review.fault}")
        for warning in review.warnings:
            self._tell(f"{review.document.path}: a rule failed because of a bug in {NAME}: {warning}")

    def _place(self, review: Review) -> Placed:
        document = review.document
        made: Placed = {uri: [] for uri in (document.uri, *document.cells.values())}
        found: Iterable[tuple[str, types.Diagnostic]]
        if review.unset:
            found = diagnostics.of_settings(review.unset, document.path, self.positions)
        else:
            found = diagnostics.of_findings(review.report.findings, review.rules, self.positions)
        for uri, one in found:
            made.setdefault(uri, []).append(one)
        return made

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, text))

    def diagnostics_of(self, uri: str) -> list[types.Diagnostic]:
        """Return the diagnostics of a file or cell, from the reviews of all open documents, each once."""
        made: list[types.Diagnostic] = []
        for placed in self._placed.values():
            made += [one for one in placed.get(uri, ()) if one not in made]
        return made

    def publish(self, uris: Iterable[str]) -> None:
        """Push the diagnostics of files and cells, except for those that the client pulls itself."""
        for uri in uris:
            document = self.documents.get(uri)
            pulled = self.pulls and document is not None and (uri == document.uri or self._pulls_cells)
            if not pulled:
                params = types.PublishDiagnosticsParams(uri, self.diagnostics_of(uri))
                if document is not None and uri == document.uri:
                    params.version = document.version
                self.text_document_publish_diagnostics(params)

    def pulled(self, uri: str) -> None:
        """Note that the client pulls the diagnostics of a file or cell, and take back those pushed to cells."""
        document = self.documents.get(uri)
        if document is not None and uri != document.uri and not self._pulls_cells:
            self._pulls_cells = True
            for cell in (cell for one in self.documents for cell in one.cells.values()):
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(cell, []))

    def changed(self, document: Document) -> None:
        """Review a changed document, and the documents that read it, anew."""
        self.expect(document, ASKED if document.changed else OPENED)
        others = self.reviews.rests_on(document.path)
        for other in others:
            self.expect(other)
        if others:
            self.refresh()

    def refresh(self) -> None:
        """Tell the client to repeat its requests, for files that it did not change itself."""
        for capability, ask in (
            ("workspace.diagnostics.refresh_support", self.workspace_diagnostic_refresh),
            ("workspace.inlay_hint.refresh_support", self.workspace_inlay_hint_refresh),
            ("workspace.code_lens.refresh_support", self.workspace_code_lens_refresh),
        ):
            if self.can(capability):
                ask(None, lambda _: None)

    def closed(self, uri: str) -> None:
        """Remove a closed document, and the diagnostics that only its review found."""
        document = self.documents.get(uri)
        if document is None:
            return
        if uri in self._tasks:
            self._tasks.pop(uri)[0].cancel()
        self.documents.remove(uri)
        self.reviews.forget(uri)
        placed = self._placed.pop(uri, {})
        for one in placed:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(one, self.diagnostics_of(one)))
        for other in self.reviews.rests_on(document.path):  # which read the draft
            self.expect(other)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log the error that a client's message caused; what is no answer to a request is also logged in the client."""
        if source is JsonRpcException:  # where pygls reads messages
            text = f"a message could not be read: {error}"
        else:
            text = f"{getattr(source, '__name__', source)}: {error}"
        trace = error.data["traceback"] if isinstance(error, JsonRpcInternalError) and error.data else ()
        log.error("%s", "\n".join((text, *trace)).rstrip())
        if not isinstance(error, JsonRpcException) or trace:
            self.window_log_message(types.LogMessageParams(types.MessageType.Error, text))


def made() -> Server:
    """Return a server with all its handlers."""
    server = Server()
    _synchronize(server)
    _diagnose(server)
    answers.register(server)
    return server


def _synchronize(server: Server) -> None:
    def now() -> float:
        return asyncio.get_running_loop().time()

    def text(uri: str) -> str:
        source: str = server.workspace.get_text_document(uri).source
        return source

    def notebook(uri: str, version: int, changed: float = 0.0) -> None:
        found = server.workspace.get_notebook_document(notebook_uri=uri)
        if found is None:
            return
        cells = []
        for cell in found.cells:
            document = server.workspace.get_text_document(cell.document)
            cells.append((cell.document, int(cell.kind), document.language_id or "", document.source))
        server.changed(server.documents.put_notebook(uri, cells, version, changed))

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.starts(params)

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        if server.can("workspace.did_change_watched_files.dynamic_registration"):
            watch = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(WATCHED)])
            wanted = types.Registration("watched-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, watch)
            server.client_register_capability(types.RegistrationParams([wanted]), lambda _: None)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        one = params.text_document
        server.changed(server.documents.put(one.uri, one.text, one.version, language=one.language_id))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        one = params.text_document
        server.changed(server.documents.put(one.uri, text(one.uri), one.version, now()))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_opened(params: types.DidOpenNotebookDocumentParams) -> None:
        notebook(params.notebook_document.uri, params.notebook_document.version)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_changed(params: types.DidChangeNotebookDocumentParams) -> None:
        notebook(params.notebook_document.uri, params.notebook_document.version, now())

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_closed(params: types.DidCloseNotebookDocumentParams) -> None:
        server.closed(params.notebook_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        _everything_anew(server, [path_of(params.text_document.uri)])

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def notebook_saved(params: types.DidSaveNotebookDocumentParams) -> None:
        _everything_anew(server, [path_of(params.notebook_document.uri)])

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        _everything_anew(server, [path_of(change.uri) for change in params.changes])

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        if isinstance(params.settings, dict):
            server.options = {**server.options, **params.settings.get(NAME, {})}


def _everything_anew(server: Server, paths: list[str]) -> None:
    """Check each open document again after files changed on disk; cheap if nothing it depends on has changed."""
    log.debug("changed on disk: %s", paths)
    for document in server.documents:
        server.documents.touch(document)
        server.expect(document)
    server.refresh()


def _diagnose(server: Server) -> None:
    options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier=NAME)

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def diagnostic(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        uri = params.text_document.uri
        server.pulled(uri)
        review = await server.reviews.current(uri)
        if review is None:
            return types.RelatedFullDocumentDiagnosticReport(items=[])
        server.take_in(review)
        result = f"{review.stamp}"
        if params.previous_result_id == result:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result)
        related = None
        if server.can("text_document.diagnostic.related_document_support"):
            others = [one for one in server._place(review) if server.documents.get(one) is None]
            related = {one: types.FullDocumentDiagnosticReport(server.diagnostics_of(one)) for one in others}
        return types.RelatedFullDocumentDiagnosticReport(
            items=server.diagnostics_of(uri), result_id=result, related_documents=related or None
        )


def run(port: int | None = None, verbose: bool = False) -> bool:
    """Serve one client until it disconnects; return whether it asked for the end first.

    Raises OSError if the port is not available.
    """
    gc.enable()  # a command ends before garbage matters; a server does not
    gc.set_threshold(500_000, 20, 50)  # of itself seldom within a review: Desk.tidy looks between them
    logging.basicConfig(
        stream=sys.stderr, level=logging.DEBUG if verbose else logging.WARNING, format="%(levelname)s %(message)s"
    )
    logging.getLogger("pygls").setLevel(logging.DEBUG if verbose else logging.CRITICAL)  # see report_server_error
    server = made()
    try:
        if port is None:
            with (
                contextlib.suppress(BrokenPipeError),  # the client reads no more
                os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out,  # the protocol's own: it is closed with it
            ):
                sys.stdout = sys.stderr  # nothing else is to be written among the messages
                server.start_io(stdout=out)
        else:
            server.start_tcp("127.0.0.1", port)
    finally:
        server.reviews.stop()
        server.proofs.stop()
    return server.protocol.ended
