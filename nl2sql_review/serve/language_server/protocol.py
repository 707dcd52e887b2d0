"""The protocol's own order of messages, where pygls is not strict, and the end of a server whose editor is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidRequest, JsonRpcServerNotInitialized
from pygls.protocol import LanguageServerProtocol

from .texts import Texts

NAME = "nl2sql-review"
LOOK = 10.0  # seconds between two looks at whether the editor still runs


class Protocol(LanguageServerProtocol):
    """The protocol, of which a request that cannot be understood is answered as well, and a done one is forgotten."""

    greeted = False  # whether `initialize` was received

    @property
    def ended(self) -> bool:
        """Return whether the client has asked for the end, by `shutdown`."""
        return bool(self._shutdown)

    def keep_texts(self) -> None:
        """Keep the texts of documents in lines as the client counts them. For the start, before any is opened."""
        made = self.workspace
        sync = types.TextDocumentSyncKind.Incremental
        self._workspace = Texts(made.root_uri, sync, list(made.folders.values()), made.position_encoding)

    def _handle_request(self, msg_id: Any, method_name: str, params: Any) -> None:
        """Answer a request. pygls would also answer what comes before `initialize`, and a second `initialize`."""
        greets = method_name == types.INITIALIZE
        if greets == self.greeted:
            refused: type[JsonRpcException] = JsonRpcInvalidRequest if greets else JsonRpcServerNotInitialized
            error = refused(f"initialize comes {'only once' if greets else 'first'}")
            self._send_response(msg_id, error=error.to_response_error())
            return
        self.greeted = True
        super()._handle_request(msg_id, method_name, params)

    def _execute_handler(self, msg_id: Any, *rest: Any, **named: Any) -> None:
        """Let a handler run. pygls 2.1 keeps what became of every notification: a kilobyte for each key typed."""
        super()._execute_handler(msg_id, *rest, **named)
        future = self._request_futures.get(msg_id)
        if future is None:
            return
        loop = asyncio.get_running_loop()

        def forget() -> None:
            if self._request_futures.get(msg_id) is future:
                del self._request_futures[msg_id]

        future.add_done_callback(lambda _: loop.call_soon_threadsafe(forget))  # not while pygls goes through them

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Return a message as the protocol's own types. Raises JsonRpcException, after it has told the client."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            raise


def runs(process: int) -> bool:
    """Return whether a process runs; False on Windows, whose `os.kill` would end it."""
    if sys.platform == "win32":
        return False
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


async def outlast(process: int) -> None:
    """End this process after the editor's: its pipe may be held open by others."""
    while runs(process):
        await asyncio.sleep(LOOK)
    logging.getLogger(NAME).warning("the editor ended without a shutdown request")
    os._exit(1)  # a thread still waits for its next message
