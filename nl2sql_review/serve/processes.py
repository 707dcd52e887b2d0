"""Processes that answer requests, seen from the server.

There is one for each request in progress; it is kept for the next request, and ended if a request is cancelled or
takes too long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from threading import Lock
from typing import Any

import anyio
import anyio.to_thread

from .roots import Roots
from .tools import Answer
from .worker import SECONDS, UNLIMITED

MOST = 4  # processes at once; further requests wait
LATE = 5.0  # seconds after which the server ends a process that should have been ended by the system
BOOT = "import sys; sys.path[:] = {path!r}; from {module} import main; main()"

_idle: list[Worker] = []
_lock = Lock()
_limiter = anyio.CapacityLimiter(MOST)


class Worker:
    """A process that answers one request at a time."""

    def __init__(self) -> None:
        path = [entry or os.getcwd() for entry in sys.path]
        boot = BOOT.format(path=path, module=f"{__package__}.worker")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", boot],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    @property
    def status(self) -> int | None:
        """Exit status, None while the process runs."""
        return self._process.poll()

    def answer(self, request: bytes) -> Answer | None:
        """Send a request and wait for the answer; None if the process has ended before."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            return json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):  # it died, or was ended
            return None

    def end(self) -> None:
        """Kill the process; pending requests get no answer."""
        self._process.kill()
        self._process.wait()


async def ask(tool: str, roots: Roots, **arguments: Any) -> Answer:
    """Call a tool in a separate process, which ends if the request is cancelled."""
    request = {"tool": tool, "arguments": arguments, "directories": roots.directories, "cwd": os.getcwd()}
    line = json.dumps(request).encode() + b"\n"
    async with _limiter:
        worker = _take()
        try:
            with anyio.move_on_after(None if tool in UNLIMITED else SECONDS + LATE) as patience:
                answer: Answer | None = await anyio.to_thread.run_sync(worker.answer, line, abandon_on_cancel=True)
        except BaseException:
            worker.end()
            raise
        if patience.cancelled_caught or answer is None:
            worker.end()
            return _lost(worker)
        with _lock:
            _idle.append(worker)
    return answer


def _take() -> Worker:
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.status is None:
                return worker
    return Worker()


def _lost(worker: Worker) -> Answer:
    import signal

    if worker.status in (-signal.SIGKILL, -getattr(signal, "SIGALRM", signal.SIGKILL)):
        return Answer(
            code="limit", message=f"it took longer than {SECONDS} seconds, or too much memory, and was stopped"
        )
    return Answer(code="internal-error", message="the worker process ended early (a bug in nl2sql-review)")
