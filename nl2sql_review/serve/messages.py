"""Reads standard input: one message per line, whatever else a client may send.

A line that is no message is answered as JSON-RPC requires, so that nobody waits for it; a line that is too long is
not kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import ErrorData, JSONRPCError

from ..report.serialization import well_formed_json

LARGEST = 64_000_000  # bytes of a message: a notebook of the largest size that is read, as JSON within JSON
PARSE_ERROR = -32700  # of JSON-RPC


class Lines:
    """Standard input as text, one message per line; read by `anyio.wrap_file`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readline(self) -> str:
        """Return the next line, "" at the end. Returns text that is no JSON in place of a line that is too long."""
        line = self._file.readline(LARGEST)
        while line.isspace():
            line = self._file.readline(LARGEST)
        if len(line) < LARGEST or line.endswith(b"\n"):
            return well_formed_json(line.decode("utf-8", "replace"))
        while line and not line.endswith(b"\n"):
            line = self._file.readline(1 << 20)
        return TOO_LONG


TOO_LONG = f"longer than {LARGEST:,} bytes\n"


@asynccontextmanager
async def relayed(incoming: Any, outgoing: Any) -> AsyncIterator[Any]:
    """Yield the messages of a transport; anything else is answered with an error."""
    send, receive = anyio.create_memory_object_stream[SessionMessage | Exception](0)

    async def relay() -> None:
        async with send:
            async for item in incoming:
                if isinstance(item, Exception):
                    error = ErrorData(code=PARSE_ERROR, message=f"this is not a JSON-RPC message: {_reason(item)}")
                    await outgoing.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=None, error=error)))
                else:
                    await send.send(item)

    async with anyio.create_task_group() as group:
        group.start_soon(relay)
        yield receive
        group.cancel_scope.cancel()


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{lines[0][:200]}; send one JSON object per line, of at most {LARGEST:,} bytes" if lines else "it is empty"
