"""Settings that stand on others: files that `extend` files, and what holds for some paths only."""

from __future__ import annotations

import os
import re

from ..files.globs import globs


def matches(paths: tuple[str, ...], file: str, root: str) -> bool:
    """Whether globs relative to `root` match a file, or a folder that it lies in."""
    pattern = globs(paths, root)
    full = os.path.abspath(file)
    if pattern.match(full, False):
        return True
    folder = os.path.dirname(full)
    while folder.startswith(root.rstrip(os.sep) + os.sep):
        if pattern.match(folder, True):
            return True
        folder = os.path.dirname(folder)
    return False


def place_of(content: str, key: str) -> str:
    """Return `:3:1`, where a key stands in a TOML file, or "" where that is not plain to see."""
    name = re.escape(key.strip('"').partition("[")[0].partition(".")[0])
    found = re.search(
        rf"^[ \t]*(?:\[+[ \t]*(?:tool\.nl2sql-review\.)?)?[\"']?({name})[\"']?[ \t]*[=\].]", content, re.MULTILINE
    )
    if found is None:
        return ""
    row = content.count("\n", 0, found.start(1)) + 1
    return f":{row}:{found.start(1) - content.rfind(chr(10), 0, found.start(1))}"
