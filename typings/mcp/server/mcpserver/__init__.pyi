from collections.abc import Callable
from typing import Any, TypeVar

from ...types import CallToolResult, InputRequiredResult, ToolAnnotations

F = TypeVar("F", bound=Callable[..., Any])

class ClientCapabilities:
    roots: object

class Context:
    @property
    def client_capabilities(self) -> ClientCapabilities | None: ...

class ListRoots: ...

class Resolve:
    def __init__(self, fn: Callable[..., Any]) -> None: ...

class Arguments:
    def validate_arguments(self, arguments: dict[str, Any]) -> object: ...

class Tool:
    name: str
    parameters: dict[str, Any]
    fn_metadata: Arguments

class Tools:
    def list_tools(self) -> list[Tool]: ...

class LowLevelServer:
    def create_initialization_options(self) -> object: ...
    async def run(self, incoming: Any, outgoing: Any, options: object) -> None: ...

class MCPServer:
    _tool_manager: Tools
    _lowlevel_server: LowLevelServer

    def __init__(self, name: str, *, title: str, version: str, instructions: str, log_level: str) -> None: ...
    def add_tool(self, fn: Callable[..., Any], *, title: str, annotations: ToolAnnotations) -> None: ...
    def resource(self, uri: str, *, name: str, title: str, mime_type: str) -> Callable[[F], F]: ...
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context | None = None
    ) -> CallToolResult | InputRequiredResult: ...
    async def run_stdio_async(self) -> None: ...
    def run(self) -> None: ...
