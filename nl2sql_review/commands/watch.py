"""`--watch`: reviews again whenever a file or setting that the review depends on has changed."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from ..files import disk
from ..files.discovery import CONFIGURATIONS, NEVER_OURS, SUFFIXES
from ..report.exit_codes import NOTHING
from .console import complain, write
from .program import UsageError

PAUSE = 0.3  # seconds between two looks
CLEAR = "\x1b[2J\x1b[3J\x1b[H"  # of screen and scrollback


def run(paths: Sequence[str], review: Callable[[], int]) -> int:
    """Review repeatedly until interrupted. Errors in the settings are reported, and the settings watched as well."""
    try:
        while True:
            if sys.stdout.isatty():
                write(CLEAR)
            stamps = dict(_stamps(paths))
            with disk.Remembering() as seen:
                try:
                    review()
                except UsageError as error:
                    complain(str(error))
            gc.collect()
            rests_on = {question: answer for question, answer in seen.items() if not question.startswith("once ")}
            print("watching for changes; press Ctrl-C to stop", file=sys.stderr, flush=True)
            while stamps == dict(_stamps(paths)) and disk.Now().confirms(rests_on):
                time.sleep(PAUSE)
    except KeyboardInterrupt:
        return NOTHING


def _stamps(paths: Sequence[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the path of each script and configuration below the paths, with its modification time (ns) and size."""
    for path in paths:
        files = _below(path) if os.path.isdir(path) else (path,)
        for file in files:
            try:
                status = os.stat(file)
            except OSError:
                yield file, (0, 0)
            else:
                yield file, (status.st_mtime_ns, status.st_size)


def _below(directory: str) -> Iterator[str]:
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if name not in NEVER_OURS and not name.startswith(".")]
        yield from (os.path.join(folder, name) for name in files if name.endswith((*SUFFIXES, *CONFIGURATIONS)))
