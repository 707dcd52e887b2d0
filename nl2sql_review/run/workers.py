"""Work spread over processes, each of which is given one number at a time and answers with a value; and its limits.

Processes are forked, so that they share everything loaded already, and start in milliseconds. If a process dies, its
number is given to another one, and then given up; it is given up at once if the system ended the process because one
number took more than `SECONDS` of processor time. Without fork there is only one process. Work that is too little to be
spread is done in this process, within the same time (`limited`).
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType
    from typing import Any

EACH = 4  # numbers at least, for another process to be worth its start
TRIES = 2
SECONDS = 60  # of processor time for a number: thirty times what a review may take
MEMORY = 4 * 1024**3  # bytes of address space; what is more raises MemoryError
INDEX = 4  # bytes of a number in a pipe, and of the length of an answer


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable(jobs: int | None = None) -> int:
    """Return the number of processes to use: `jobs`, by default one for each usable processor; 1 without fork."""
    if not hasattr(os, "fork"):
        return 1
    return processors() if jobs is None else jobs


_SPENT = 24  # SIGXCPU, wherever it is known


class Spent(BaseException):
    """Raised in work that took more than `SECONDS` of processor time. No Exception: nothing on the way may keep it."""


@contextmanager
def limited() -> Iterator[None]:
    """Limit the processor time of work in this process: it is ended by Spent, except where no signal can do so."""
    import signal
    from threading import current_thread, main_thread

    if (
        not hasattr(signal, "setitimer")  # Windows
        or current_thread() is not main_thread()
        or signal.getsignal(signal.SIGPROF) is not signal.SIG_DFL  # a profiler measures this process
    ):
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Spent

    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)


class Worker:
    """A forked process, and the number that it works on."""

    __slots__ = ("pid", "tasks", "answers", "holds")

    def __init__(self, work: Callable[[int], Any], others: Sequence[Worker]) -> None:
        tasks, self.tasks = os.pipe()
        self.answers, answers = os.pipe()
        self.holds = -1
        self.pid = os.fork()
        if not self.pid:
            # The parent's ends are not ours: an end that stays open here would hide the parent's death from another.
            for fd in (self.tasks, self.answers, *(fd for other in others for fd in (other.tasks, other.answers))):
                os.close(fd)
            _serve(work, tasks, answers)
        os.close(tasks)
        os.close(answers)

    def give(self, number: int) -> None:
        """Hand the process the file with this number to review."""
        self.holds = number
        os.write(self.tasks, number.to_bytes(INDEX, "big"))

    def answer(self) -> Any:
        """Return the answer to its number. Raises EOFError if it has died."""
        length = int.from_bytes(_exactly(self.answers, INDEX), "big")
        return marshal.loads(_exactly(self.answers, length))

    def end(self, kill: bool = False) -> int:
        """End the process; return the signal that ended it before, 0 if none did."""
        os.close(self.tasks)
        os.close(self.answers)
        if kill:
            import signal

            os.kill(self.pid, signal.SIGKILL)
        return os.waitpid(self.pid, 0)[1] & 0x7F


def _serve(work: Callable[[int], Any], tasks: int, answers: int) -> None:
    """Run the loop of a process: never returns."""
    import signal

    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends it at once and without a word; the parent says the word
        while number := os.read(tasks, INDEX):
            _confine()
            data = marshal.dumps(work(int.from_bytes(number, "big")))
            data = len(data).to_bytes(INDEX, "big") + data
            while data:
                data = data[os.write(answers, data) :]
    finally:
        os._exit(0)


def _confine() -> None:
    """Limit the processor time and memory of this process from now on, as far as the system supports it."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        limits = ((resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + SECONDS), (resource.RLIMIT_AS, MEMORY))
        for kind, limit in limits:
            _, most = resource.getrlimit(kind)
            resource.setrlimit(kind, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
    except (ImportError, OSError, ValueError):  # Windows has none
        pass


def _exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def spread(work: Callable[[int], Any], numbers: Sequence[int], jobs: int) -> Iterator[tuple[int, Any]]:
    """Yield (number, answer) as they arrive; the answer is None if the process died each time it was tried.

    `work` must not raise, and its answers are plain data (bytes, text, numbers, tuples and lists).
    """
    from select import select

    waiting = list(reversed(numbers))
    tried = dict.fromkeys(numbers, 0)
    workers: list[Worker] = []
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # what is there now is shared, and looking through it would copy it

    def busy(worker: Worker) -> None:
        if waiting:
            worker.give(waiting.pop())
        else:
            worker.end()
            workers.remove(worker)

    def start() -> None:
        workers.append(Worker(work, workers))
        busy(workers[-1])

    try:
        for _ in range(min(jobs, len(numbers))):
            start()
        while workers:
            ready, _, _ = select([worker.answers for worker in workers], [], [])
            for worker in [worker for worker in workers if worker.answers in ready]:
                number = worker.holds
                try:
                    answer = worker.answer()
                except EOFError:
                    tried[number] += TRIES if worker.end() == _SPENT else 1
                    workers.remove(worker)
                    if tried[number] < TRIES:
                        waiting.append(number)
                    else:
                        yield number, None
                    if waiting:
                        start()
                    continue
                busy(worker)
                yield number, answer
    finally:
        for worker in workers:
            worker.end(kill=True)
        gc.unfreeze()
