"""Files that are open in the editor: scripts, configurations and notebooks, as the bytes that a review reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pygls.uris import from_fs_path, to_fs_path

from ...files import disk
from ...source import kind_of
from ...source.decoding import encode
from ...source.spans import Lines

CODE = 2  # the kind of a cell that holds code, in the protocol


def path_of(uri: str) -> str:
    """Return the path of a URI; for an unsaved document a name in the working directory."""
    found: str | None = to_fs_path(uri) if uri.startswith("file:") else None
    if found:
        return os.path.normpath(found)
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in uri.rpartition("/")[2] or uri)
    known = name.endswith((".py", ".ipynb", ".yaml", ".yml", ".json", ".toml", ".sh"))
    return os.path.join(os.getcwd(), name if known else f"{name}.py")


def script_path(path: str) -> str:
    """Return the path of Python text whose file is of another format: `folder/n.ipynb.py`.

    jupyterlab-lsp sends the cells of `folder/n.ipynb` as one script that it calls `folder/.virtual_documents/n.ipynb`.
    """
    if kind_of(path) == "script":
        return path
    return os.sep.join(part for part in path.split(os.sep) if part != ".virtual_documents") + ".py"


def uri_of(path: str) -> str:
    """Return the URI of a file that the editor has not opened."""
    return from_fs_path(os.path.abspath(path)) or f"file://{quote(os.path.abspath(path))}"


@dataclass
class Document:
    """One open file. `stamp` grows with every change that may affect its review, in it or in the files that it reads.

    cells: for a notebook, the number of each of its code cells over all cells, and the URI of its text
    """

    uri: str
    path: str
    data: bytes
    version: int | None = None
    stamp: int = 0
    changed: float = 0.0  # when it was last typed into, by the loop's clock; 0 for one that was only opened
    cells: dict[int, str] = field(default_factory=dict)
    joined: bool = False  # it is the cells of a notebook as one script, and its path is no file's

    def __post_init__(self) -> None:
        self.real = os.path.realpath(self.path)  # once: many places are looked up by it


class Documents:
    """The open documents by URI, and the URI of the notebook of each cell."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}
        self._notebook_of: dict[str, str] = {}
        self._texts: dict[str, str] = {}  # by URI, cells included
        self._lines: dict[str, Lines] = {}
        self._stamp = 0

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """Return the document, or the notebook of a cell."""
        return self._open.get(self._notebook_of.get(uri, uri))

    def of_path(self, path: str) -> Document | None:
        """Return the open document of a file."""
        found = next((one for one in self._open.values() if one.path == path), None)
        if found is not None:
            return found
        real = os.path.realpath(path)
        return next((one for one in self._open.values() if one.real == real), None)

    def put(
        self, uri: str, text: str, version: int | None, changed: float = 0.0, language: str | None = None
    ) -> Document:
        """Store a text in its current state in the editor; `language` is what a text that is opened is said to be."""
        document = self._open.get(uri)
        if document is None:
            path = path_of(uri)
            read_as = script_path(path) if language == "python" else path
            document = Document(uri, read_as, b"", joined=read_as != path and kind_of(path) == "notebook")
            self._open[uri] = document
        self._set_text(uri, text)
        script = kind_of(document.path) == "script"
        document.data = encode(text) if script else text.encode("utf-8", "surrogatepass")
        document.version, document.changed = version, changed
        self.touch(document)
        return document

    def put_notebook(self, uri: str, cells: list[tuple[str, int, str, str]], version: int, changed: float) -> Document:
        """Store a notebook: for each cell its URI, kind, language and text."""
        document = self._open.get(uri) or Document(uri, path_of(uri), b"")
        self._open[uri] = document
        for cell in document.cells.values():
            self._forget(cell)
        document.cells = {}
        made = []
        for number, (cell, kind, language, text) in enumerate(cells, 1):
            self._set_text(cell, text)
            self._notebook_of[cell] = uri
            document.cells[number] = cell
            code = kind == CODE and language in ("python", "")
            made.append(_cell("code" if code else "markdown" if kind != CODE else "raw", text))
        document.data = json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
        document.version, document.changed = version, changed
        self.touch(document)
        return document

    def remove(self, uri: str) -> None:
        """Remove a document that was closed."""
        document = self._open.pop(uri, None)
        if document is not None:
            for each in (uri, *document.cells.values()):
                self._forget(each)

    def _set_text(self, uri: str, text: str) -> None:
        self._texts[uri] = text
        self._lines.pop(uri, None)

    def _forget(self, uri: str) -> None:
        self._texts.pop(uri, None)
        self._lines.pop(uri, None)
        self._notebook_of.pop(uri, None)

    def touch(self, document: Document) -> None:
        """Mark the review of a document as out of date."""
        self._stamp += 1
        document.stamp = self._stamp

    def drafts(self, but: Document) -> dict[str, bytes]:
        """Return the unsaved contents of the other open documents, by real path."""
        made = {}
        for one in self._open.values():
            if one is but or not one.uri.startswith("file:") or one.path.endswith(".ipynb"):
                continue
            if _saved(one.real, len(one.data)) != one.data:
                made[one.real] = one.data
        return made

    def cell_of(self, uri: str) -> int | None:
        """Return the number of a cell, None for other URIs."""
        document = self.get(uri)
        if document is None or uri == document.uri:
            return None
        return next((number for number, cell in document.cells.items() if cell == uri), None)

    def uri(self, path: str, cell: int | None = None) -> str:
        """Return the editor's URI of a file, or of a cell of a notebook."""
        document = self.of_path(path)
        if document is None:
            return uri_of(path)
        return document.cells.get(cell, document.uri) if cell is not None else document.uri

    def line(self, uri: str, row: int) -> str:
        """Return a line, counted from 1; "" if there is none."""
        if uri not in self._lines:
            text = self._texts.get(uri)
            if text is None:
                try:
                    text = disk.script(path_of(uri)).decode("utf-8", "replace")
                except (OSError, ValueError):
                    text = ""
                return _line(Lines(text), row)  # not kept: the file may change
            self._lines[uri] = Lines(text)
        return _line(self._lines[uri], row)

    def text(self, uri: str) -> str | None:
        """Return the text of an open document or cell."""
        return self._texts.get(uri)


def _line(lines: Lines, row: int) -> str:
    return lines[row] if 1 <= row <= len(lines) else ""


def _saved(path: str, size: int) -> bytes | None:
    try:
        return disk.head(path, size + 1)
    except (OSError, ValueError):
        return None


def _cell(kind: str, text: str) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text}
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made
