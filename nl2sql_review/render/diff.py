"""Changes by fixes, as a unified diff that `patch` reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

from .escaping import c_quoted

if TYPE_CHECKING:
    from ..fixes.write import Edited

LINE = re.compile(r"[^\n]*\n|[^\n]+")
NO_NEWLINE = "\n\\ No newline at end of file\n"


def render(files: Iterable[Edited]) -> str:
    """Return the diffs of the edited files, one after the other."""
    return "".join(line for file in files for line in _lines(file.path, file.before, file.after))


def _lines(path: str, before: bytes, after: bytes) -> Iterator[str]:
    old, new = (LINE.findall(_text(data)) for data in (before, after))
    for line in unified_diff(old, new, c_quoted(path), c_quoted(path)):
        yield line if line.endswith("\n") else line + NO_NEWLINE


def _text(data: bytes) -> str:
    from ..source.decoding import decode

    return decode(data)[0]
