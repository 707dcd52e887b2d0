"""Child process: takes tasks from standard input, one JSON value per line, and answers on standard output.

Its memory is limited, it can make no file larger than 0 bytes, and it exits when its parent is gone.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from time import monotonic
from typing import Any, NoReturn, Protocol

from .limits import Limits


class Tell(Protocol):
    """Report to the parent of the stage that begins: sent if nothing was sent lately, or always if `certain`.

    After a `certain` report the next stage is sent too.
    """

    def __call__(self, stage: str, certain: bool = False) -> None: ...


Handler = Callable[[Any, Limits, Tell], Iterator[Any]]
SILENCE = 0.01  # of a statement's time: how old the last sign of life may be when a statement begins
ORPHANED = 1.5  # of a statement's time, after which the system ends a process that nobody has ended


def main(handler: str, given: str, *preload: str) -> NoReturn:
    """Serve `module:function` until standard input ends; `given` are the limits as JSON. Never returns."""
    for needed in preload:
        import_module(needed)
    limits = Limits(**json.loads(given))
    _confine(limits)
    module, _, name = handler.partition(":")
    work: Handler = getattr(import_module(module), name)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what anything prints must not stand among the answers
    told, again = 0.0, False

    def answer(kind: str, value: object) -> None:
        nonlocal told, again
        told, again = monotonic(), False
        answers.write(json.dumps((kind, value)) + "\n")

    def tell(stage: str, certain: bool = False) -> None:
        nonlocal again
        if certain or again or monotonic() - told > limits.seconds * SILENCE:
            _alarm(limits.seconds * ORPHANED + 1)
            answer("stage", stage)
            again = certain

    answer("ready", None)
    try:
        for line in sys.stdin:
            _alarm(limits.seconds * ORPHANED + 1)
            for result in work(json.loads(line), limits, tell):
                answer("result", result)
            answer("done", None)
            _alarm(0)
    except BrokenPipeError:
        pass
    except Exception as error:  # a fault of ours: the parent says it
        answer("fault", f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _confine(limits: Limits) -> None:
    """Limit the resources of this process, as far as the system supports it."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA hard_heap_limit = {limits.memory_bytes // 2}")
    connection.close()
    try:
        import resource
    except ImportError:  # Windows: SQLite's own limit remains
        return
    wanted = {"RLIMIT_AS": limits.memory_bytes, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, value in wanted.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):  # not known here, or set lower already
            pass


def _alarm(seconds: float) -> None:
    """Make the system end this process after the given seconds, or never for 0."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
