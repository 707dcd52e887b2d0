"""A client of the language server: pytest-lsp's, with what the tests ask of it.

Each session has a server of its own, in a thread: what it says does not depend on the process, which takes a second to
start. That of the command line is driven in `test_faults.py`.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.io_ import run_async
from pygls.uris import from_fs_path
from pytest_lsp.client import LanguageClient, make_test_lsp_client

from nl2sql_review.serve.language_server.server import made

ROOT = Path(__file__).parents[2]
LINE_END = re.compile(r"\r\n|\r|\n")  # of the protocol
LIMIT = 120  # seconds for an answer on a loaded machine


class Editor:
    """What a person does in an editor, and what they see of it."""

    def __init__(self, client: LanguageClient, folder: Path, capabilities: types.ServerCapabilities) -> None:
        self.client, self.folder, self.capabilities = client, folder, capabilities
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}

    def uri(self, name: str) -> str:
        return from_fs_path(str(self.folder / name)) or ""

    def write(self, name: str, text: str) -> None:
        """Put a file on disk, which the editor does not open."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def open(self, name: str, text: str, language: str = "python") -> str:
        uri = self.uri(name)
        self.versions[uri], self.texts[uri] = 1, text
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )
        return uri

    def open_notebook(self, name: str, *texts: str) -> list[str]:
        """Open a notebook with a code cell for each text; return the URIs of the cells."""
        notebook = self.uri(name)
        uris = [f"vscode-notebook-cell:{notebook[5:]}#{number}" for number in range(len(texts))]
        cells = [types.NotebookCell(types.NotebookCellKind.Code, uri) for uri in uris]
        self.client.notebook_document_did_open(
            types.DidOpenNotebookDocumentParams(
                types.NotebookDocument(notebook, "jupyter-notebook", 1, cells),
                [types.TextDocumentItem(uri, "python", 1, text) for uri, text in zip(uris, texts)],
            )
        )
        return uris

    def type(self, uri: str, text: str) -> None:
        """Replace the whole text."""
        self.versions[uri] += 1
        self.texts[uri] = text
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def replace(self, uri: str, old: str, new: str) -> None:
        """Replace a piece of a line, as typing does."""
        text = self.texts[uri]
        at = self.at(uri, old)
        end = types.Position(at.line, at.character + len(old))
        self.versions[uri] += 1
        self.texts[uri] = text.replace(old, new, 1)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangePartial(types.Range(at, end), new)],
            )
        )

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def at(self, uri: str, words: str, offset: int = 0) -> types.Position:
        """Where words stand first, in UTF-16 units."""
        *above, rest = LINE_END.split(self.texts[uri][: self.texts[uri].index(words) + offset])
        return types.Position(len(above), len(rest.encode("utf-16-le")) // 2)

    async def pushed(self, uri: str, wanted: Callable[[list[types.Diagnostic]], bool]) -> list[types.Diagnostic]:
        """The diagnostics of a file, once they are as wanted."""
        await self.until(lambda: uri in self.client.diagnostics and wanted(list(self.client.diagnostics[uri])))
        return list(self.client.diagnostics[uri])

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + LIMIT
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, f"not seen: {self.client.diagnostics.keys()}"
            await asyncio.sleep(0.02)

    async def pull(self, uri: str, before: str | None = None) -> Any:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=before)
        return await asyncio.wait_for(self.client.text_document_diagnostic_async(params), LIMIT)

    async def hover(self, uri: str, words: str, offset: int = 0) -> str | None:
        params = types.HoverParams(types.TextDocumentIdentifier(uri), self.at(uri, words, offset))
        found = await asyncio.wait_for(self.client.text_document_hover_async(params), LIMIT)
        return None if found is None else found.contents.value  # type: ignore[union-attr]

    async def definition(self, uri: str, words: str, offset: int = 0) -> Any:
        params = types.DefinitionParams(types.TextDocumentIdentifier(uri), self.at(uri, words, offset))
        return await asyncio.wait_for(self.client.text_document_definition_async(params), LIMIT)

    async def hints(self, uri: str) -> list[types.InlayHint]:
        whole = types.Range(types.Position(0, 0), types.Position(100_000, 0))
        params = types.InlayHintParams(types.TextDocumentIdentifier(uri), whole)
        return list(await asyncio.wait_for(self.client.text_document_inlay_hint_async(params), LIMIT) or [])

    async def lenses(self, uri: str) -> list[types.CodeLens]:
        params = types.CodeLensParams(types.TextDocumentIdentifier(uri))
        return list(await asyncio.wait_for(self.client.text_document_code_lens_async(params), LIMIT) or [])

    async def command(self, name: str, *arguments: Any) -> Any:
        params = types.ExecuteCommandParams(name, list(arguments))
        return await asyncio.wait_for(self.client.workspace_execute_command_async(params), LIMIT)

    async def actions(
        self, uri: str, words: str, *, only: list[str] | None = None, everything: bool = False
    ) -> list[types.CodeAction]:
        """The code actions at words, or for the whole file."""
        at = self.at(uri, words)
        where = types.Range(at, at) if not everything else types.Range(types.Position(0, 0), types.Position(9999, 0))
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), where, types.CodeActionContext([], only=only)
        )
        found = await asyncio.wait_for(self.client.text_document_code_action_async(params), LIMIT)
        return [one for one in found or [] if isinstance(one, types.CodeAction)]

    async def resolved(self, action: types.CodeAction) -> types.CodeAction:
        return await asyncio.wait_for(self.client.code_action_resolve_async(action), LIMIT)

    async def completions(self, uri: str, at: types.Position) -> list[str]:
        params = types.CompletionParams(types.TextDocumentIdentifier(uri), at)
        found = await asyncio.wait_for(self.client.text_document_completion_async(params), LIMIT)
        items = found.items if isinstance(found, types.CompletionList) else found or []
        return [item.label for item in items]

    def applied(self, edit: types.WorkspaceEdit, uri: str) -> str:
        """The text of a file after an edit."""
        changes = dict(edit.changes or {})
        for change in edit.document_changes or []:
            assert isinstance(change, types.TextDocumentEdit)
            changes[change.text_document.uri] = change.edits  # type: ignore[assignment]
        text = self.texts[uri]
        starts = [0, *(end.end() for end in LINE_END.finditer(text))]

        def offset(at: types.Position) -> int:
            return min(starts[min(at.line, len(starts) - 1)] + at.character, len(text))

        for one in sorted(changes[uri], key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
            start, end = offset(one.range.start), offset(one.range.end)
            text = text[:start] + one.new_text + text[end:]  # type: ignore[union-attr]
        return text


@asynccontextmanager
async def editor(
    folder: Path,
    capabilities: types.ClientCapabilities | None = None,
    options: Any = None,
    root: bool = False,
    path: Sequence[Path] = (),
) -> AsyncIterator[Editor]:
    """A server that was started in a folder and greeted; without capabilities the client has none.

    With a `path`, where Python looks first for modules, it is a process.
    """
    client = make_test_lsp_client()
    async with _process(client, folder, path) if path else _thread(client, folder):
        yield await _greeted(client, folder, capabilities, options, root)
        await asyncio.wait_for(client.shutdown_session(), LIMIT)


async def _greeted(
    client: LanguageClient, folder: Path, capabilities: types.ClientCapabilities | None, options: Any, root: bool
) -> Editor:
    params = types.InitializeParams(capabilities=capabilities or types.ClientCapabilities())
    params.initialization_options = options
    if root:
        params.workspace_folders = [types.WorkspaceFolder(from_fs_path(str(folder)) or "", "project")]
    found = await asyncio.wait_for(client.initialize_session(params), LIMIT)
    return Editor(client, folder, found.capabilities)


@asynccontextmanager
async def _process(client: LanguageClient, folder: Path, path: Sequence[Path]) -> AsyncIterator[None]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    command = (sys.executable, "-m", "nl2sql_review", "server")
    await client.start_io(*command, cwd=str(folder), env=environment)
    try:
        yield
    finally:
        if client._server is not None and client._server.returncode is None:  # a test failed: nobody said farewell
            client._server.kill()
        await client.stop()


@asynccontextmanager
async def _thread(client: LanguageClient, folder: Path) -> AsyncIterator[None]:
    here, there = socket.socketpair()
    before = os.getcwd()
    os.chdir(folder)
    server = made()
    streams = there.makefile("rb"), there.makefile("wb")
    thread = threading.Thread(target=server.start_io, args=streams, daemon=True)
    thread.start()
    reader, writer = await asyncio.open_connection(sock=here)
    client.protocol.set_writer(writer)
    connection = asyncio.create_task(run_async(client._stop_event, reader, client.protocol))
    try:
        yield
    finally:
        writer.close()  # the server ends, whether or not it has been told to
        await asyncio.to_thread(thread.join, LIMIT)
        for end in (*streams, there):
            end.close()
        server.reviews.stop()
        server.proofs.stop()
        await client.stop()
        await connection
        os.chdir(before)
        assert not thread.is_alive()


def drive(work: Callable[[Editor], Awaitable[None]], folder: Path, **how: Any) -> None:
    """Run one session from greeting to farewell."""

    async def session() -> None:
        async with editor(folder, **how) as one:
            await work(one)

    asyncio.run(session())
