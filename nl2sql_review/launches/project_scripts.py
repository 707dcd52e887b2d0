"""Scripts and notebooks of a project with their texts, as far as a search through them goes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from ..files import disk
from ..files.discovery import NEVER_OURS

MOST_FILES, MOST_FOLDERS, LARGEST = 400, 200, 200_000  # that are searched; bytes of a file
NOT_PROGRAMS = NEVER_OURS | {"test", "tests", "vendor", "third_party"}  # folders
TEST = re.compile(r"^(?:test_.*|.*_test|conftest|setup)\.py$")


def texts(top: str, drafts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the contents of the scripts below a real path, by their real paths; `drafts` as in `callers.of`."""
    return {path: found for path in _scripts(top) if (found := text(path, drafts)) is not None}


def _scripts(top: str) -> Iterator[str]:
    """Yield the scripts and notebooks below a folder, the upper folders first; folders with other code are left out."""
    folders, found = [top], 0
    for folder in folders:
        names = disk.names(folder)
        if "pyvenv.cfg" in names:
            continue
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith((".py", ".ipynb")) and not TEST.match(name):
                found += 1
                if found > MOST_FILES:
                    return
                yield path
            elif "." not in name and name not in NOT_PROGRAMS and len(folders) < MOST_FOLDERS:
                if disk.is_folder(path) and disk.real(path) == path:  # a link may lead anywhere, and in circles
                    folders.append(path)


def text(path: str, drafts: Mapping[str, bytes]) -> bytes | None:
    """Return the content of a file of the project, edited or not; None for a link, and for one that is too large."""
    if path in drafts:
        return drafts[path]
    of_commit = getattr(drafts, "top", "")  # nothing else was there
    if of_commit and path.startswith(of_commit + os.sep) or disk.real(path) != path:
        return None
    return disk.read(path, LARGEST)
