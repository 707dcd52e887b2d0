"""Rows of data files that another script of the project writes: what a training script loads from them.

What is concluded from such rows is never certain: the file may have been made otherwise. Facts that the training script
itself decides stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..data_files.formats import data_file
from ..data_files.heads import head
from ..files import discovery, disk
from ..interpret.core.recording import Recording, Rows
from ..interpret.models.data.written import WRITERS, absolute, merged
from ..interpret.program import interpret
from ..launches import project_scripts, writers
from ..readers.object_settings import last
from ..source import Source, SourceError
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Either, Unknown, Value

MOST = 4  # scripts that are interpreted for a file
STEPS = 20_000  # of the interpretation of all of them
AGAIN = 30_000  # of the training script, which is interpreted a second time
SECTIONS = ("prompt", "dataset")  # whose facts rest on rows


@dataclass(slots=True)
class Found:
    """Rows by the absolute paths of their files, who writes which, why others are not known, the files searched."""

    rows: dict[str, Rows] = field(default_factory=dict)
    by: dict[str, list[str]] = field(default_factory=dict)  # script -> files
    unknown: list[str] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    @property
    def said(self) -> list[str]:
        """Sentences that say whose rows they are."""
        return [
            f"{', '.join(files)} as {script} writes {'them' if files[1:] else 'it'}"
            for script, files in self.by.items()
        ]


def awaited(recordings: list[Recording], plans: list[TrainingPlan], root: str) -> list[str]:
    """Return the data files of the project whose rows a script loads without showing them, if a plan lacks them."""
    files = dict.fromkeys(file for one in recordings for file in one.rows_awaited if file.startswith(root + os.sep))
    if not files or sum(one.steps for one in recordings) > AGAIN:
        return []
    if not any(is_open(fact) for plan in plans for _, fact in facts(plan)):
        return []
    return list(files)


def find(files: list[str], recording: Recording, reviewed: str, root: str, drafts: Mapping[str, bytes]) -> Found:
    """Return the rows of data files that exactly one other script of the project writes."""
    found = Found()
    scripts = project_scripts.texts(root, drafts)
    found.searched += scripts
    read = [text for path in recording.files_read if (text := project_scripts.text(path, drafts)) is not None]
    scripts.pop(disk.real(reviewed), None)
    made: dict[str, Recording] = {}
    for file in files:
        candidates = writers.of(file, scripts, read)
        shown = os.path.relpath(file, root)
        if 0 < len(candidates) <= MOST:
            for script in candidates:
                if script not in made:
                    left = STEPS - sum(one.steps for one in made.values())
                    made[script] = interpreted(script, scripts[script], root, drafts, left)
            rows = rows_from(file, {os.path.relpath(path, root): made[path] for path in candidates}, root)
            if isinstance(rows, str):
                found.unknown += [f"the rows of {shown} are not known: {rows}"] if rows else []
            else:
                found.rows[file] = rows[0]
                found.by.setdefault(rows[1], []).append(shown)
    return found


def interpreted(path: str, data: bytes, root: str, drafts: Mapping[str, bytes], steps: int) -> Recording:
    """Return what a script does that is run for the files that it writes."""
    with suppress(SourceError):
        return interpret(
            Source.from_bytes(data, discovery.shown(path)), root, max(steps, 1), drafts=drafts, to_write=True
        )
    return Recording(exhausted="it cannot be parsed")


def rows_from(file: str, scripts: Mapping[str, Recording], root: str) -> tuple[Rows, str] | str:
    """Return the rows of a file and the one script that writes them, or why they are not known."""
    may = {name: one for name, one in scripts.items() if one.exhausted or may_write(one, file, root)}
    if len(may) != 1:
        return f"{' and '.join(may)} write it, or may write it" if may else ""
    ((name, one),) = may.items()
    if one.exhausted:
        return f"what {name} writes is not known: {one.exhausted}"
    if file not in one.rows_written:
        return f"the script does not show which rows {name} writes"
    if any(is_file(path, file, root) for path in one.appended):
        return f"{name} appends to it"
    rows = merged([one.rows_written[file]])
    if there := other_columns(file, rows):
        return f"the file has the columns {', '.join(there)}, and not those that {name} writes"
    return rows, name


def other_columns(file: str, rows: Rows) -> list[str]:
    """Return the columns of a file that is there already, if they are not those of the rows."""
    data = data_file(file)
    if data is None or not disk.is_file(file):
        return []
    there = head(data)
    return [] if there.problem or rows.open or set(there.counts) == set(rows.columns) else sorted(there.counts)


def may_write(recording: Recording, file: str, root: str) -> bool:
    """Return whether a script writes a file, or may write it because only the run decides which files it writes."""
    paths = [*recording.written]
    for call in recording.every():
        if last(call.callee) in WRITERS:
            paths += call.arguments.values()
    return file in recording.rows_written or any(is_file(path, file, root) for path in paths)


def is_file(path: Value, file: str, root: str) -> bool:
    """Return whether a path is, or may be, that of a file."""
    if isinstance(path, Either):
        return any(is_file(option, file, root) for option in path.options)
    return isinstance(path, Unknown) or absolute(path, root) == file


def facts(plan: TrainingPlan) -> Iterable[tuple[str, Fact]]:
    """Yield the facts of a plan that may rest on rows."""
    return ((name, fact) for name, fact in plan.facts() if name.partition(".")[0] in SECTIONS)


def is_open(fact: Fact) -> bool:
    return any(isinstance(one.value, Unknown) and not one.why_not for one in (fact, *fact.cases))


def fill(plans: list[TrainingPlan], others: list[TrainingPlan], said: list[str]) -> None:
    """Replace the unknown facts of plans by those of the same plans that were read with the rows, marked as assumed."""
    why = "; ".join(said)
    if [plan.place and plan.place.node for plan in plans] != [plan.place and plan.place.node for plan in others]:
        return
    for plan, other in zip(plans, others):
        for name, fact in facts(plan):
            known = other[name]
            if (is_open(fact) or fact.why_not and not known.why_not) and not is_open(known):
                note = f"{known.note}; {why}" if known.note else why
                section, _, attribute = name.partition(".")
                cases = tuple(replace(case, assumed=True) for case in known.cases)
                setattr(getattr(plan, section), attribute, replace(known, assumed=True, note=note, cases=cases))
                plan.notes = tuple(dict.fromkeys((*plan.notes, f"reviewed with {why}")))
