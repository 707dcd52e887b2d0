from collections.abc import Mapping, Sequence

from lsprotocol.types import (
    NotebookDocument,
    PositionEncodingKind,
    TextDocumentContentChangePartial,
    TextDocumentSyncKind,
    WorkspaceFolder,
)

class PositionCodec:
    encoding: PositionEncodingKind | str | None

class TextDocument:
    def __init__(
        self,
        uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
        local: bool = True,
        sync_kind: TextDocumentSyncKind = ...,
        position_codec: PositionCodec | None = None,
    ) -> None: ...
    @property
    def source(self) -> str: ...
    @property
    def position_codec(self) -> PositionCodec: ...
    language_id: str | None
    _source: str | None

    def _apply_incremental_change(self, change: TextDocumentContentChangePartial) -> None: ...

class Workspace:
    def __init__(
        self,
        root_uri: str | None,
        sync_kind: TextDocumentSyncKind = ...,
        workspace_folders: Sequence[WorkspaceFolder] | None = None,
        position_encoding: PositionEncodingKind | str | None = ...,
    ) -> None: ...
    _sync_kind: TextDocumentSyncKind

    @property
    def root_uri(self) -> str | None: ...
    @property
    def folders(self) -> Mapping[str, WorkspaceFolder]: ...
    @property
    def position_encoding(self) -> PositionEncodingKind | None: ...
    @property
    def position_codec(self) -> PositionCodec: ...
    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> TextDocument: ...
    def get_text_document(self, doc_uri: str) -> TextDocument: ...
    def get_notebook_document(
        self, *, notebook_uri: str | None = None, cell_uri: str | None = None
    ) -> NotebookDocument | None: ...
