"""Temporary files, written next to the files that they replace, and removal of those that killed processes have left.

The name contains the process: `.train.py.4711.3f9c2a1b.nl2sql-review`. A file of a process that no longer exists is
removed by the next process that writes to that folder.
"""

from __future__ import annotations

import os

SUFFIX = ".nl2sql-review"


def path(target: str) -> str:
    """Return an unused name in the folder of the file to replace."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name}.{os.getpid()}.{os.urandom(4).hex()}{SUFFIX}")


def sweep(folder: str) -> None:
    """Remove the temporary files that dead processes have left in a folder; those of running processes stay."""
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith(SUFFIX) and name.startswith(".")]
    except OSError:
        return
    for name in names:
        parts = name.removesuffix(SUFFIX).rsplit(".", 2)
        if len(parts) == 3 and parts[1].isdecimal() and len(parts[2]) == 8 and _is_gone(int(parts[1])):
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:  # another run, or not ours to remove
                pass


def _is_gone(process: int) -> bool:
    if os.name == "nt" or process >= 1 << 31:  # os.kill would end it there
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
