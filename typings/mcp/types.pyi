from typing import Literal

class ToolAnnotations:
    def __init__(
        self, *, read_only_hint: bool, destructive_hint: bool, idempotent_hint: bool, open_world_hint: bool
    ) -> None: ...

class TextContent:
    def __init__(self, *, type: Literal["text"], text: str) -> None: ...

class CallToolResult:
    def __init__(
        self, *, content: list[TextContent], structured_content: object = None, is_error: bool = False
    ) -> None: ...

class InputRequiredResult: ...

class Root:
    uri: object  # a URL, whose text is wanted

class ListRootsResult:
    roots: list[Root]

    def __init__(self, *, roots: list[Root]) -> None: ...

class ErrorData:
    def __init__(self, *, code: int, message: str) -> None: ...

class JSONRPCError:
    def __init__(self, *, jsonrpc: Literal["2.0"], id: str | int | None, error: ErrorData) -> None: ...
