"""Effects of one script's fix on the run's other scripts that read the edited file: a configuration, a module."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Literal

from ..files import disk
from ..judgement.judge import Examined
from . import uses
from .candidate import Candidate
from .proof import elsewhere

Reads = dict[str, "frozenset[str] | None"]  # scripts of a run: the files each reads, by real path; None: not asked yet
Read = Callable[[str, bool], Examined]  # a script by its path, with or without the edits


def agree(
    now: Examined, candidate: Candidate, files: set[str], others: Reads, read: Read, drafts: Mapping[str, bytes]
) -> Literal["safe", "unsafe"] | None:
    """Return the effect of the edits on all other scripts that read one of the edited files.

    It is safe if nothing changes there except what is fixed in this script, and None if something is worse in one
    of them. A script that takes the setting from somewhere else may still use the value in a way that no
    comparison shows: in that case a constant is not safe to change.
    """
    found: Literal["safe", "unsafe"] = "safe"
    own = os.path.realpath(now.text_source.path)
    modules = set(map(os.path.realpath, now.recorded.files_read))
    for path in others:
        if path == now.text_source.path:
            continue
        reads = others[path]
        if reads is None and files == {own} and not _may_import(path, own, drafts):
            continue
        if reads is None:
            reads = others[path] = _reads(path, read)
        if not reads & files:
            continue
        before = read(path, False)
        if not before.plans and os.path.realpath(path) in modules:
            continue  # a part of this script, weighed with it
        there = elsewhere(before, read(path, True), candidate)
        if there is None:
            return None
        if there == "unsafe" or not _used_alike(now, before, candidate):
            found = "unsafe"
    return found


def is_read(file: str, own: str, others: Reads, read: Read) -> bool:
    """Return whether another script of the run reads a file, given by its real path."""
    for path in others:
        if path == own:
            continue
        reads = others[path]
        if reads is None:
            reads = others[path] = _reads(path, read)
        if file in reads:
            return True
    return False


def _may_import(path: str, module: str, drafts: Mapping[str, bytes]) -> bool:
    """Return whether a script's text names a module in an import: reading the script as a plan costs far more."""
    stem = re.escape(os.path.basename(module).partition(".")[0])
    try:
        return re.search(rb"\b(?:import|from)\b[^\n]*\b" + stem.encode() + rb"\b", contents(path, drafts)) is not None
    except OSError:
        return False


def _reads(path: str, read: Read) -> frozenset[str]:
    try:
        recording = read(path, False).recording
    except OSError:
        return frozenset()
    if recording is None:  # it cannot be read, or configures nothing
        return frozenset()
    read_by_it = (file for file in recording.files_read if file not in recording.looked_at)
    return frozenset(map(os.path.realpath, (path, *read_by_it)))


def _used_alike(now: Examined, other: Examined, candidate: Candidate) -> bool:
    """Return whether the other script takes the same setting from the edited place, without hidden uses of it."""
    edited = {edit.location.path for edit in candidate.edits} - {now.text_source.path}
    origins = {o for plan in now.plans for name in candidate.facts for o in uses.origins(now, plan[name])}
    facts = [plan[name] for plan in other.plans for name in candidate.facts]
    shown = {o for fact in facts if uses.compared(other, fact) for o in uses.origins(other, fact)}
    return {o for o in origins if o[0] in edited} <= shown


def contents(path: str, drafts: Mapping[str, bytes]) -> bytes:
    """Return the current content of a file. Raises OSError."""
    real = os.path.realpath(path)
    if real in drafts:
        return drafts[real]
    return disk.script(real)
