from concurrent.futures import Future
from typing import Any

from .workspace import Workspace

class LanguageServerProtocol:
    writer: object  # an asyncio.StreamWriter where the client is on a port
    _request_futures: dict[str | int, Future[Any]]
    _shutdown: bool
    _workspace: Workspace | None

    @property
    def workspace(self) -> Workspace: ...
    def _handle_request(self, msg_id: Any, method_name: str, params: Any) -> None: ...
    def _execute_handler(self, msg_id: Any, *rest: Any, **named: Any) -> None: ...
    def _send_response(self, msg_id: str | int, result: object = None, error: object = None) -> None: ...
    def structure_message(self, data: dict[str, Any]) -> Any: ...
