"""Rows of data files that another script of the project writes: what a training script loads from them.

What is concluded from such rows is never certain: the file may have been made otherwise. Facts that the training script
itself decides stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..data_files.formats import data_file
from ..data_files.heads import head
from ..files import discovery, disk
from ..interpret.core.recording import FAILED, Call, Condition, Recording, Rows
from ..interpret.models.data.written import WRITERS, absolute, merged
from ..interpret.program import interpret
from ..launches import project_scripts, writers
from ..readers.object_settings import last
from ..source import Source, SourceError
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Either, Known, Unknown, Value, same

MOST = 4  # scripts that are interpreted for a file
STEPS = 20_000  # of the interpretation of all of them
AGAIN = 30_000  # of the training script, which is interpreted a second time
LOADERS = ("datasets.load_dataset", "datasets.load_from_disk")
SECTIONS = ("prompt", "dataset")  # whose facts rest on rows
LENGTHS = ("memory.trainer_length", "memory.length_conflict", "memory.sequence_length")  # and those of cut rows
# Calls that put another file in the place of one: the argument that says where.
MOVED_TO = {
    **dict.fromkeys(
        ("shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.move", "os.rename", "os.replace"), ("dst", "$1")
    ),
    **dict.fromkeys(("pathlib.Path.rename", "pathlib.Path.replace"), ("target", "$0")),
    "urllib.request.urlretrieve": ("filename", "$1"),
}


def awaited(recordings: list[Recording], plans: list[TrainingPlan], root: str) -> list[str]:
    """Return the data files whose rows a script loads without showing them, if a plan lacks them.

    They are those of the project, and those that the script itself writes where it does not load them.
    """
    own = kept(recordings)
    loaded = (file for one in recordings for file in one.rows_awaited)
    files = dict.fromkeys(file for file in loaded if file.startswith(root + os.sep) or file in own)
    if not files or sum(one.steps for one in recordings) > AGAIN:
        return []
    if not any(is_open(fact) for plan in plans for _, fact in facts(plan)):
        return []
    return list(files)


@dataclass(slots=True)
class Search:
    """Search of a project for the scripts that write data files, below a root whose path is real.

    `scripts` are those that may write, by path, and `read` the texts in which a name of a file may stand.
    """

    root: str
    drafts: Mapping[str, bytes]
    scripts: dict[str, bytes]
    read: list[bytes]
    own: Mapping[str, Rows]  # of files that the training script itself writes
    by: dict[str, list[str]] = field(default_factory=dict)  # script -> files whose rows are known from it
    unknown: list[str] = field(default_factory=list)  # why other rows are not known
    _made: dict[str, Recording] = field(default_factory=dict)
    _left: int = STEPS

    @property
    def said(self) -> str:
        """Sentence that says whose rows they are."""
        each = (f"{', '.join(files)} as {by} writes {'them' if files[1:] else 'it'}" for by, files in self.by.items())
        return "; ".join(each)

    def rows(self, files: Iterable[str]) -> dict[str, Rows]:
        """Return the rows of data files that scripts are known to write, by the paths of the files."""
        found: dict[str, Rows] = {}
        for file in files:
            paths = writers.of(file, self.scripts, self.read)
            if not paths and file in self.own:
                found[file] = self.own[file]
                self.by.setdefault("the script itself", []).append(self._shown(file))
            if not 0 < len(paths) <= MOST:
                continue
            scripts = {self._shown(path): self._recording(path) for path in paths}
            rows, shown = rows_from(file, scripts, self.root), self._shown(file)
            if isinstance(rows, str):
                self.unknown += [f"the rows of {shown} are not known: {rows}"] if rows else []
            else:
                found[file] = rows[0]
                self.by.setdefault(rows[1], []).append(shown)
        return found

    def _shown(self, path: str) -> str:
        return os.path.relpath(path, self.root) if path.startswith(self.root + os.sep) else path

    def _recording(self, script: str) -> Recording:
        if script not in self._made:
            self._made[script] = self._interpreted(script)
        return self._made[script]

    def _interpreted(self, path: str) -> Recording:
        """Return what a script does that is run for the files that it writes."""
        if self._left <= 0:
            return Recording(exhausted="the scripts that may write it take too many steps")
        try:
            source = Source.from_bytes(self.scripts[path], discovery.shown(path))
            made = interpret(source, self.root, self._left, drafts=self.drafts, to_write=True)
        except SourceError:
            return Recording(exhausted="it cannot be parsed")
        self._left -= made.steps
        return made


def kept(recordings: list[Recording]) -> dict[str, Rows]:
    """Return the rows of files that a script keeps for its next start: it loads a file if there is one, else writes it.

    `if os.path.exists(path): rows = load_from_disk(path)`, `else: …; rows.save_to_disk(path)`.
    """
    found: dict[str, list[list[Rows]]] = {}
    for one in recordings:
        calls, root = one.every(), one.project.root or "."
        for file in [file for file in one.rows_awaited if file in one.rows_written]:
            loads = [c for c in calls if c.callee in LOADERS and is_of(c, file, root)]
            saves = [c for c in calls if last(c.callee) in WRITERS and is_of(c, file, root)]
            if loads and saves and all(otherwise(load, save) for load in loads for save in saves):
                found.setdefault(file, []).append(one.rows_written[file])
    return {file: merged(each) for file, each in found.items()}


def is_of(call: Call, file: str, root: str) -> bool:
    """Return whether a file is an argument of a call."""
    return any(is_file(path, file, root) for path in call.arguments.values() if not isinstance(path, Unknown))


def otherwise(load: Call, save: Call) -> bool:
    """Return whether a dataset is loaded on a condition under which it is not saved, and is not what is saved."""
    if load in getattr(save.receiver, "sources", ()):
        return False
    same = [one for one in save.conditions if isinstance(one, Condition)]
    opposed = [c for c in load.conditions if not any(one == c and one.holds == getattr(c, "holds", "") for one in same)]
    return bool(opposed) or save.condition.startswith(FAILED) and not load.condition.startswith(FAILED)


def search(recordings: list[Recording], reviewed: str, root: str, drafts: Mapping[str, bytes]) -> Search:
    """Return the search for what a training script loads."""
    recording = recordings[0]
    scripts = project_scripts.texts(root, drafts)
    read = [text for path in recording.files_read if (text := project_scripts.text(path, drafts)) is not None]
    own = disk.real(reviewed)
    return Search(root, drafts, {path: text for path, text in scripts.items() if path != own}, read, kept(recordings))


def rows_from(file: str, scripts: Mapping[str, Recording], root: str) -> tuple[Rows, str] | str:
    """Return the rows of a file and the script that writes them, or why they are not known.

    Of several scripts, each of which writes the whole file, only the run knows which was the last: the rows are those
    of any.
    """
    may = {name: one for name, one in scripts.items() if one.exhausted or may_write(one, file, root)}
    names = " and ".join(may)
    if why := next((why for name, one in may.items() if (why := unshown(name, one, file, root))), ""):
        return f"{names} write it, or may write it: {why}" if len(may) > 1 else why
    if not may:
        return ""
    rows = merged([one.rows_written[file] for one in may.values()])
    if rows.open:
        return f"{names} write other columns"
    if there := other_columns(file, rows):
        return f"the file has the columns {', '.join(there)}, and not those that {names} writes"
    return rows, " or ".join(may)


def unshown(name: str, one: Recording, file: str, root: str) -> str:
    """Return why the rows that a script writes into a file are not known, "" if they are."""
    if one.exhausted:
        return f"what {name} writes is not known: {one.exhausted}"
    if file not in one.rows_written:
        return f"the script does not show which rows {name} writes"
    if any(is_file(path, file, root) for path in one.appended):
        return f"{name} appends to it"
    return f"the script does not show all that {name} writes" if merged([one.rows_written[file]]).open else ""


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
        elif (name := MOVED_TO.get(call.callee)) is not None:
            paths.append(call.get(*name))
    return file in recording.rows_written or any(is_file(path, file, root) for path in paths)


def is_file(path: Value, file: str, root: str) -> bool:
    """Return whether a path is, or may be, that of a file."""
    if isinstance(path, Either):
        return any(is_file(option, file, root) for option in path.options)
    return isinstance(path, Unknown) or absolute(path, root) == file


def facts(plan: TrainingPlan) -> Iterable[tuple[str, Fact]]:
    """Yield the facts of a plan that may rest on rows."""
    return ((name, fact) for name, fact in plan.facts() if name.partition(".")[0] in SECTIONS or name in LENGTHS)


def is_open(fact: Fact) -> bool:
    return any(isinstance(one.value, Unknown) and not one.why_not for one in (fact, *fact.cases))


def fill(plans: list[TrainingPlan], others: list[TrainingPlan], why: str) -> None:
    """Replace the facts that hang on rows by those of the same plans that were read with them, marked as assumed.

    They are those that are unknown without, those that apply only with or only without the rows, and those that the
    rows contradict.
    """
    if [plan.place and plan.place.node for plan in plans] != [plan.place and plan.place.node for plan in others]:
        return
    for plan, other in zip(plans, others):
        other_text = is_open(other["prompt.form"])  # with such rows it is not even known which of them is the text
        for name, fact in facts(plan):
            known = other[name]
            contradicted = isinstance(fact.value, Known) and not same(fact.value, known.value)
            decided = is_open(fact) or bool(fact.why_not) != bool(known.why_not) or contradicted
            if decided and not is_open(known) or other_text and is_open(known) and not is_open(fact):
                note = f"{known.note} ({why})" if known.note else why
                section, _, attribute = name.partition(".")
                cases = tuple(replace(case, assumed=True) for case in known.cases)
                setattr(getattr(plan, section), attribute, replace(known, assumed=True, note=note, cases=cases))
                plan.notes = tuple(dict.fromkeys((*plan.notes, f"reviewed with {why}")))
