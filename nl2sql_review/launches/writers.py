"""Scripts of a project that may write a data file, found by their text before any of them is interpreted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

WRITES = re.compile(rb"\.to_(?:json|csv|parquet|pickle)\(|\.save_to_disk\(|\bdump\(|\.write(?:_text|lines|rows?)?\(")
MOVES = re.compile(rb"\bshutil\b|\bos\.replace\b|\.rename\(|\burlretrieve\b")  # may put another file in its place
SAVES = re.compile(rb"\.save_to_disk\(")  # what writes a folder
# What a configuration, or a module, calls a path: `train_file: data/train.jsonl`, `"train": str = "data/train.jsonl"`.
KEY = re.compile(rb"""(?<!\w)(\w+)["']?[ \t]*(?::[ \t]*\w+[ \t]*)?[:=]""")
LONGEST = 2000  # bytes of such a line


def _keys(text: bytes, path: re.Pattern[bytes]) -> Iterator[bytes]:
    """Yield the names that stand before a path on its line."""
    if path.search(text) is None:
        return
    for line in text.splitlines():
        if len(line) <= LONGEST and (found := path.search(line)):
            yield from (key[1] for key in KEY.finditer(line, 0, found.start()))


def of(file: str, scripts: Mapping[str, bytes], read: Iterable[bytes]) -> list[str]:
    """Return the scripts that write or move files and speak of the one at a path.

    They name it, or use a name that it has in what the reviewed script reads: a configuration, a module.
    """
    name = re.escape(os.path.basename(file).encode("utf-8", "surrogateescape"))
    keys = {key for text in read for key in _keys(text, re.compile(rb"\b" + name))}
    speaks = re.compile(rb"\b(?:" + b"|".join([name, *sorted(keys)]) + rb")\b")
    writes = WRITES if os.path.splitext(file)[1] else SAVES
    made = (path for path, text in scripts.items() if writes.search(text) or MOVES.search(text))
    return [path for path in made if speaks.search(scripts[path])]
