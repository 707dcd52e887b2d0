"""Which edits cannot be made together: those that touch the same text, unless both add arguments to one call."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..report.report import Edit
from ..source import Source
from .edits import overlap, python

ARGUMENT = re.compile(r"(?:, |,?\r?\n[ \t]*)?\w+=[^\n]*[^\s]")  # code that adds one argument to a call


def rival(edit: Edit, other: Edit, taken: Iterable[Edit], source: Source) -> bool:
    """Return whether one of two edits of the script would spoil the other; `taken` are all that are to be made."""
    return overlap(edit.location, other.location) and not _joins(edit, other, taken, source)


def _joins(edit: Edit, other: Edit, taken: Iterable[Edit], source: Source) -> bool:
    """Whether two edits add arguments to one call, on lines of their own or on one that is not too long."""
    at = edit.location
    if at != other.location or at.path != source.path:
        return False
    beside = [one.content for one in taken if one.location == at] + [edit.content]
    if not all(ARGUMENT.fullmatch(content) for content in beside):
        return False
    length = len(source.line(at.row, at.cell)) + sum(map(len, beside))
    return length <= python.WIDTH or all("\n" in content for content in beside)
