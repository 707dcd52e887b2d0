"""Judges an edited data file as the training scripts near it will use it, for a note to its editor."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..files import discovery, disk

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
LARGEST = 50_000_000  # bytes of a data file; a larger one is left to `nl2sql-review data`
ROWS = 2_000  # that are looked at
MOST_NEAR, MOST_READ = 200, 5  # scripts that are looked through for the file's name; those that are interpreted


def near(path: str) -> Iterator[str]:
    """Yield the training scripts near a data file that name it, or its folder."""
    from ..files import projects

    folder = os.path.dirname(os.path.abspath(path))
    above = os.path.dirname(folder)
    words = [os.path.basename(path).encode(), os.path.basename(folder).encode() + b"/"]
    seen = 0
    for place in dict.fromkeys((folder, above, projects.root(folder), os.getcwd())):
        for name in sorted(disk.names(place)):
            script = os.path.join(place, name)
            if not name.endswith((".py", ".ipynb")) or not os.path.isfile(script):
                continue
            seen += 1
            if seen > MOST_NEAR:
                return
            data = disk.script(script)
            if discovery.may_train(data) and any(word in data for word in words):
                yield script


def notes(path: str) -> list[str]:
    """Return a line for each finding of the rules on rows in a data file, from the scripts near it that load it."""
    if not path.lower().endswith(SUFFIXES) or os.path.getsize(path) > LARGEST:
        return []
    edited = os.path.realpath(path)
    told: dict[str, None] = {}
    for number, script in enumerate(near(path)):
        if number == MOST_READ:
            break
        told |= dict.fromkeys(_of_script(script, edited))
    return list(told)


def _of_script(script: str, edited: str) -> Iterator[str]:
    from ..flavours import NotAConfiguration
    from ..render import agent
    from ..rows import data_review
    from ..rows.check import Asked, DataError
    from ..run.options import Options
    from ..source import SourceError

    def allow(path: str) -> bool:
        """Return whether a path may be read: only the edited file, and the folders above it."""
        real = os.path.realpath(path)
        return real == edited or edited.startswith(real.rstrip(os.sep) + os.sep)

    try:
        made = data_review.review(script, Asked(sample=ROWS, allow=allow), Options(force_exclude=True))
    except (DataError, NotAConfiguration, SourceError):
        return
    for file in made.report.files:
        for finding in file.findings:
            if finding.suppressed is None and os.path.realpath(finding.location.path) == edited:
                yield agent.finding(finding, file.path)
