"""Process that answers the tools of the MCP server, separate so that a review can be ended whatever a script causes.

Requests are read as lines of JSON from standard input, answers are written as lines of JSON to standard output. A
review that takes longer than `SECONDS` is ended by the system, even if it never returns to Python; more memory than
`MEMORY` is refused. If the server ends, so does this process.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from queue import Queue
from threading import Thread
from typing import Any, NoReturn

from . import tools

SECONDS = 120  # of a review; evaluation and data have limits of their own, for every statement
MEMORY = 4 * 1024**3  # bytes of address space
UNLIMITED = ("evaluate", "check_data")


def main() -> NoReturn:
    """Serve until standard input ends. Never returns."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
    os.dup2(2, 1)  # what anything prints must not stand among the answers
    gc.enable()  # a single review does without
    requests: Queue[str] = Queue()
    Thread(target=_listen, args=(requests,), daemon=True).start()
    try:
        while True:
            asked: dict[str, Any] = json.loads(requests.get())
            tool = asked["tool"]
            _confine(None if tool in UNLIMITED else MEMORY, 0 if tool in UNLIMITED else SECONDS)
            os.chdir(asked["cwd"])
            answer = tools.answer(tool, asked["arguments"], asked["directories"])
            _confine(None, 0)
            answers.write(json.dumps(answer) + "\n")
    except OSError:  # the server is gone
        pass
    finally:
        os._exit(0)


def _listen(requests: Queue[str]) -> None:
    """Pass requests on; end the process when standard input ends, even in the middle of a request."""
    for line in sys.stdin.buffer:
        requests.put(line.decode())
    os._exit(0)


def _confine(memory: int | None, seconds: int) -> None:
    """Limit the processor time and memory of this process from now on, as far as the system supports it."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        import resource
    except ImportError:  # Windows, where the server alone ends a process
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (hard if memory is None else memory, hard))
    except (ValueError, OSError):  # it is set lower already
        pass
