"""Work on untrusted SQL in child processes that are killed at their limit, so that nothing else stops.

A handler is a function `module:name` that the child imports. It is called with a task and answers its items
one by one and in order. If a process dies or stays silent, only its current item is lost. Messages are lines
of JSON: whatever happens to a child, its parent reads plain data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import Any, Literal

from .limits import Limits

KILLED = 1.02  # of a statement's time, after which a process that says nothing is killed
SPARE = 0.05  # seconds for a message to arrive
START = 60.0  # seconds that Python may take to start
BOOT = "import sys; sys.path[:] = {path!r}; from {module} import main; main(*sys.argv[1:])"


@dataclass(slots=True)
class Task:
    """Items that one process handles together, with what they share; `number` is the caller's own."""

    number: int
    shared: dict[str, Any]
    items: Sequence[Any]
    first: int = 0  # the number of the first item that is left


@dataclass(frozen=True, slots=True)
class Lost:
    """Item without an answer: why its process ended, and the last stage that it reported."""

    why: Literal["time", "ended"]
    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Result for one item of a task."""

    task: int
    item: int
    value: Any | Lost


class Fault(RuntimeError):
    """Raised if the handler raised: a bug of ours."""


@dataclass(slots=True, eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    task: Task | None = None
    done: int = 0  # items of its task
    heard: float = field(default_factory=monotonic)
    ready: bool = False
    stage: str = ""

    def give(self, task: Task) -> None:
        self.task, self.done, self.stage, self.heard = task, 0, "", monotonic()
        line = json.dumps({**task.shared, "items": list(task.items)}) + "\n"
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except OSError:  # it is dead already, and its reader says so
            pass

    def end(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass
        self.process.wait()


class _Waiting:
    """Tasks that no process has yet: first those that are returned, then the others in order."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._back: list[Task] = []
        self._others = iter(tasks)

    def again(self, task: Task) -> None:
        self._back.append(task)

    def next(self) -> Task | None:
        if self._back:
            return self._back.pop()
        return next((task for task in self._others if task.items), None)


_Message = tuple[_Child, Any]  # None: it has ended


def supervise(
    handler: str, tasks: Iterable[Task], limits: Limits, jobs: int, preload: Sequence[str] = ()
) -> Iterator[Answer]:
    """Run tasks in at most `jobs` child processes and yield the result of every item when it is ready.

    A task is taken when a child is free for it, so that few are in memory. A child is killed if it has been
    silent for a little longer than a statement's time. `preload` are modules that it imports before its time
    starts. Raises Fault.
    """
    waiting = _Waiting(tasks)
    inbox: Queue[_Message] = Queue()
    children: list[_Child] = []
    try:
        while len(children) < jobs and (first := waiting.next()) is not None:
            children.append(_start(handler, limits, inbox, preload))
            children[-1].give(first)
        while any(child.task for child in children):
            child, message = _next(children, inbox, limits)
            if child not in children or child.task is None:
                continue  # killed, and this was still under way
            task = child.task
            if message is None or isinstance(message, Lost):
                if not child.ready:
                    raise Fault(f"{sys.executable} does not start as a child process")
                lost = message or Lost("ended", child.stage, monotonic() - child.heard)
                if child.done < len(task.items):
                    yield Answer(task.number, task.first + child.done, lost)
                rest = Task(task.number, task.shared, task.items[child.done + 1 :], task.first + child.done + 1)
                if rest.items:
                    waiting.again(rest)
                children.remove(child)
                child.end()
                if (following := waiting.next()) is not None:
                    children.append(_start(handler, limits, inbox, preload))
                    children[-1].give(following)
                continue
            kind, value = message
            child.heard = monotonic()
            if kind == "ready":
                child.ready = True
            elif kind == "stage":
                child.stage = value
            elif kind == "result":
                yield Answer(task.number, task.first + child.done, value)
                child.done += 1
                child.stage = ""
            elif kind == "done":
                child.task = None
                if (following := waiting.next()) is not None:
                    child.give(following)
            else:
                raise Fault(value)
    finally:
        for child in children:
            child.end()


def _next(children: Sequence[_Child], inbox: Queue[_Message], limits: Limits) -> _Message:
    """Return the next message of any child, or that a child has been silent for too long."""
    while True:
        busy = [(child.heard + _patience(child, limits), child) for child in children if child.task]
        until, silent = min(busy, key=lambda pair: pair[0])
        try:
            return inbox.get(timeout=max(until - monotonic(), 0))
        except Empty:
            if inbox.empty():
                return silent, Lost("time", silent.stage, monotonic() - silent.heard)


def _patience(child: _Child, limits: Limits) -> float:
    return limits.seconds * KILLED + SPARE if child.ready else START


def _start(handler: str, limits: Limits, inbox: Queue[_Message], preload: Sequence[str]) -> _Child:
    """Start a child and a thread that forwards its messages."""
    path = [entry or os.getcwd() for entry in sys.path]
    boot = BOOT.format(path=path, module=f"{__package__}.child")
    command = [sys.executable, "-I", "-S", "-c", boot, handler, json.dumps(asdict(limits)), *preload]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=-1
    )
    child = _Child(process)
    Thread(target=_listen, args=(child, inbox), daemon=True).start()
    return child


def _listen(child: _Child, inbox: Queue[_Message]) -> None:
    assert child.process.stdout is not None
    try:
        for line in child.process.stdout:
            inbox.put((child, json.loads(line)))
    except ValueError:  # half a line, or the pipe was closed: it has ended
        pass
    inbox.put((child, None))
