"""Prints the stored review of one unchanged file, without an argument parser.

Most reviews are of one file, with no options, and most of those are of a file that did not change. Such a command line
says all by itself: importing argparse and building the parser would take a fifth of the time of the answer.
"""

from __future__ import annotations

import os

from ..run import cache
from ..run.batch import Batch
from ..run.options import Options
from .console import presentation, write


def answer(path: str) -> int | None:
    """Print the stored review of the file that is the whole command line; return its exit code, None without one."""
    answers = cache.opened() if os.path.isfile(path) else None
    if answers is None:
        return None
    stored = Batch(Options(cache=answers)).answer_from_cache([path], presentation())
    if stored is None:
        return None
    text, code = stored
    write(text)
    return code
