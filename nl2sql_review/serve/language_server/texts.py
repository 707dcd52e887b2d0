"""Texts of open documents as the client edits them. pygls ends a line also at a form feed or U+2028; no editor does."""

from __future__ import annotations

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from ...source.spans import Lines
from .positions import offset


class Text(TextDocument):
    """A text whose lines are those of the protocol: they end at `\\n`, `\\r\\n` and `\\r`."""

    def _apply_incremental_change(self, change: types.TextDocumentContentChangePartial) -> None:
        lines, encoding = Lines(self.source), self.position_codec.encoding
        start, end = (offset(lines, at, encoding) for at in (change.range.start, change.range.end))
        self._source = lines.text[:start] + change.text + lines.text[end:]


class Texts(Workspace):
    """All texts of a client."""

    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> Text:
        return Text(doc_uri, source, version, language_id, True, self._sync_kind, self.position_codec)
