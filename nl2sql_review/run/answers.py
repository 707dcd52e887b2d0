"""Results for files that need no review: those that are no training scripts, and those with a cached review."""

from __future__ import annotations

import json

from .. import flavours
from ..files import discovery, disk
from .cache import Entry
from .outcome import IRRELEVANT, Outcome
from .selection import standard_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .options import Options

NO_SCRIPT = "not a Python script or notebook"
NOT_A_SCRIPT = "not a training script: it names none of unsloth, trl, transformers and peft"
STARTS = "; training started in an imported module is reviewed there, and as started from here if this file is named"


class Answers:
    """Outcomes that need no review, and the store for the other outcomes."""

    def __init__(self, options: Options) -> None:
        self._options, self._cache = options, options.cache
        self._key = options.cache_key()

    def without_review(self, found: discovery.Found) -> Outcome | None:
        """Return the outcome for a file that needs no review, IRRELEVANT if no report mentions it; None otherwise."""
        if found.path == "-":
            return self._stored(*standard_input(self._options))
        if found.problem:
            return None
        if found.given and found.path.endswith(discovery.NO_SCRIPTS):
            return Outcome(found.shown, "skipped", NO_SCRIPT)
        if (
            not found.given
            and found.path.endswith(discovery.CONFIGURATIONS)
            and not discovery.may_configure(found.path, flavours.screening())
        ):
            return IRRELEVANT
        try:
            data = disk.script(found.path)
        except OSError:
            return None
        if names_no_library(found, data):
            return Outcome(found.shown, "skipped", reason_to_skip(data)) if _is_plain_text(found.path, data) else None
        outcome = self._stored(found.shown, data, found.started_by)
        return outcome if outcome is None or is_relevant(found, data, outcome) else IRRELEVANT

    def _stored(self, name: str, data: bytes, started_by: str = "") -> Outcome | None:
        entry = self._cache.find("script", name, started_by, self._key) if self._cache is not None else None
        if entry is None or entry.head["content"] != disk.digest(data):
            return None
        status, reason, code, counts = entry.head["outcome"]
        return Outcome(name, status, reason, code, counts, (), entry.head["rests_on"], packed=entry.blob)

    def store(self, outcome: Outcome, name: str, data: bytes, seen: Mapping[str, str], started_by: str = "") -> None:
        """Store the outcome for a file with these bytes; `seen` are its questions to the disk, with the answers."""
        if self._cache is None:
            return
        content = disk.digest(data)
        outcome.rests_on = disk.digest(json.dumps([content, seen]).encode() + outcome.pack())
        fields = (outcome.status, outcome.reason, outcome.code, outcome.counts)
        head = {"content": content, "outcome": fields, "rests_on": outcome.rests_on}
        self._cache.store(Entry(disk.together(seen), head, outcome.pack()), "script", name, started_by, self._key)


def is_relevant(found: discovery.Found, data: bytes, outcome: Outcome) -> bool:
    """Return whether a report mentions the file: most YAML and JSON in a directory is for other programs."""
    if found.given or outcome.faults or not found.path.endswith(discovery.CONFIGURATIONS):
        return True
    return outcome.status == "reviewed" or outcome.status == "error" and flavours.screening().names_key(data)


def names_no_library(found: discovery.Found, data: bytes) -> bool:
    """Return whether a file names no training library. Binary content hides every name: such a file is opened."""
    if found.given or found.path.endswith(discovery.CONFIGURATIONS):
        return False
    return not discovery.may_train(data) and b"\0" not in data


def reason_to_skip(data: bytes) -> str:
    """Return why a script that names no training library is not reviewed."""
    return NOT_A_SCRIPT + (STARTS if b"__main__" in data else "")


def _is_plain_text(path: str, data: bytes) -> bool:
    """Return whether a file can be skipped without a closer look."""
    if not path.endswith(".py") or b"coding" in data[:4096]:
        return False
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False
