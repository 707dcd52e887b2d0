from lsprotocol.types import NotebookDocument, PositionEncodingKind

class TextDocument:
    @property
    def source(self) -> str: ...
    language_id: str | None

class Workspace:
    @property
    def position_encoding(self) -> PositionEncodingKind | None: ...
    def get_text_document(self, doc_uri: str) -> TextDocument: ...
    def get_notebook_document(
        self, *, notebook_uri: str | None = None, cell_uri: str | None = None
    ) -> NotebookDocument | None: ...
