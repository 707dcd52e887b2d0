"""Helpers for settings that build on others: files that `extend` files, and settings for some paths only."""

from __future__ import annotations

import os
import re

from ..files.globs import globs


def matches(paths: tuple[str, ...], file: str, root: str) -> bool:
    """Return whether globs relative to `root` match a file or a folder that contains it."""
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
    """Return the place of a key in a TOML file as `:3:1`, or "" if it is not found."""
    name = re.escape(key.strip('"').partition("[")[0].partition(".")[0])
    found = re.search(
        rf"^[ \t]*(?:\[+[ \t]*(?:tool\.nl2sql-review\.)?)?[\"']?({name})[\"']?[ \t]*[=\].]", content, re.MULTILINE
    )
    if found is None:
        return ""
    row = content.count("\n", 0, found.start(1)) + 1
    return f":{row}:{found.start(1) - content.rfind(chr(10), 0, found.start(1))}"
