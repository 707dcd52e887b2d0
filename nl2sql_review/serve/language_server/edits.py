"""Changes to files as edits of the protocol: small ones, so that the editor keeps its marks and its cursor."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping

from lsprotocol.types import (
    OptionalVersionedTextDocumentIdentifier,
    Position,
    Range,
    TextDocumentEdit,
    TextEdit,
    WorkspaceEdit,
)

from ...files import disk
from ...report.report import Edit
from ...source import kind_of
from ...source.decoding import decode
from ...source.spans import lines_of
from .documents import Document, Documents, uri_of
from .positions import Positions

Changes = dict[str, list[TextEdit]]


def of_edits(edits: Iterable[Edit], positions: Positions) -> Changes:
    """Return the edits of a fix, by file or cell."""
    made: Changes = {}
    for edit in edits:
        one = TextEdit(positions.range(edit.location), edit.content)
        made.setdefault(positions.uri(edit.location), []).append(one)
    return made


def of_contents(
    document: Document, data: bytes, others: Mapping[str, bytes], before: Mapping[str, bytes], positions: Positions
) -> Changes:
    """Return the edits from a document to `data`, and from other files, by real path, to their new contents."""
    made: Changes = {}
    if document.cells:
        cells = json.loads(data)["cells"]
        for number, uri in document.cells.items():
            source = cells[number - 1]["source"]
            text = source if isinstance(source, str) else "".join(source)
            made[uri] = list(_between(uri, positions.documents.text(uri) or "", text, positions))
    else:
        old = positions.documents.text(document.uri) or ""
        made[document.uri] = list(_between(document.uri, old, _text(data, document.path), positions))
    for path, content in others.items():
        old_content = before.get(path)
        if old_content is None:
            old_content = disk.script(path)
        if old_content == content:
            continue
        open_document = positions.documents.of_path(path)
        uri = open_document.uri if open_document is not None else uri_of(path)
        made[uri] = list(_between(uri, _text(old_content, path), _text(content, path), positions))
    return {uri: edits for uri, edits in made.items() if edits}


def _text(data: bytes, path: str) -> str:
    return decode(data, cookie=kind_of(path) == "script")[0]


def _between(uri: str, old: str, new: str, positions: Positions) -> Iterator[TextEdit]:
    """Yield the edits from one text to another, as whole lines."""
    before, after = lines_of(old), lines_of(new)
    for tag, start, end, first, last in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            stop = Position(end, 0)
            if end == len(before) and before and not before[-1].endswith(("\n", "\r")):
                stop = positions.position(uri, end, len(before[-1]) + 1)
            yield TextEdit(Range(Position(start, 0), stop), "".join(after[first:last]))


def workspace_edit(changes: Changes, documents: Documents, versioned: bool) -> WorkspaceEdit:
    """Return changes in the form that the client accepts: with document versions if it supports them."""
    if not versioned:
        return WorkspaceEdit(changes=dict(changes))
    made = []
    for uri, edits in changes.items():
        document = documents.get(uri)
        version = document.version if document is not None and document.uri == uri else None
        made.append(TextDocumentEdit(OptionalVersionedTextDocumentIdentifier(uri, version), list(edits)))
    return WorkspaceEdit(document_changes=list(made))
