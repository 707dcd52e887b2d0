"""Reads one side of a comparison: a file, a command line, a file of another revision, a finished run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..files import discovery, disk, git
from ..flavours import NotAConfiguration
from ..interpret.core import documents
from ..interpret.core.objects import Mapping as Items
from ..interpret.core.objects import object_of
from ..interpret.core.operations import freeze
from ..judgement.judge import Examined
from ..launches import launch_files
from ..launches.launchers import Launchers
from ..launches.shell import Shell
from ..render.plan_json import PlanValue, describe_value
from ..report.report import InternalError
from ..run.options import Options
from ..run.reviewer import Reviewer, started
from ..source import Source, SourceError, Span
from ..source.command_line import CommandLine
from ..training_plan.facts import TrainingPlan
from ..training_plan.values import Known, Place, Value
from . import run_files
from .finished_run import FinishedRun
from .settings import Setting

LARGEST, MOST_KEYS = 100_000, 300  # bytes and keys of a configuration that a script reads, and not of data


class NotReadable(Exception):
    """Error for a side that cannot be compared; the text gives the reason and the remedy."""


@dataclass
class Side:
    """One side: its name and its content. A finished run has `finished`, any other side `examined`."""

    name: str
    examined: Examined | None = None
    finished: FinishedRun | None = None
    keys: list[Setting] = field(default_factory=list)  # of a configuration: every key that it holds
    read: dict[str, list[Setting]] = field(default_factory=dict)  # the same of each configuration that a script reads

    @property
    def plans(self) -> list[TrainingPlan]:
        return self.examined.plans if self.examined is not None else []

    @property
    def flavour(self) -> str:
        """Name of the program that reads a configuration, "" for a script."""
        recording = self.examined.recording if self.examined is not None else None
        return recording.configuration.flavour.name if recording is not None and recording.configuration else ""


def read_both(before: str, after: str, options: Options) -> tuple[Side, Side]:
    """Read two sides; next to a command line, a script without one is started without words. Raises as `read` does."""
    plain = options
    if options.command_line is None and any(_has_words(one) for one in (before, after)):
        plain = options.but(command_line=())
    return read(before, plain), read(after, plain)


def _has_words(text: str) -> bool:
    """Return whether a side says how a script is started: `HEAD:train.py` and a path do not."""
    return len(text.split()) > 1 and not os.path.exists(text) and _line(text) is not None


def read(text: str, options: Options) -> Side:
    """Read the side that a command line argument names. Raises NotReadable, SettingsError.

    An existing path comes first; then `REVISION:PATH` in git; then a command line: `python train.py --lr 1e-4`.
    """
    if os.path.isdir(text):
        return _finished(text)
    if os.path.exists(text):
        return _script(text, text, options)
    revision, colon, path = text.partition(":")
    if colon and path and revision and "\n" not in text:
        return _revision(revision, path, text, options)
    line = _line(text)
    if line is not None:
        return _started(line, text, options)
    raise NotReadable(
        f"{text} does not exist, and it is neither a revision (HEAD~3:train.py) nor a command line "
        '("train.py --lr 1e-4", in quotes)'
    )


def _finished(folder: str) -> Side:
    found = run_files.read(folder)
    if found is None:
        names = ", ".join(run_files.NAMES)
        raise NotReadable(f"{folder}: the directory contains no finished run: none of {names}")
    return Side(discovery.shown(folder) + "/", finished=found)


def _script(path: str, name: str, options: Options) -> Side:
    shown = discovery.shown(path)
    starts = discovery.is_launch_file(path)
    reviewer = Reviewer.of(options.but(command_line=None) if starts else options)
    reviewer.alone = True
    if starts:
        try:
            found, _ = started(reviewer, path, shown)
        except (OSError, SourceError, NotAConfiguration) as error:
            raise NotReadable(f"{name}: {error}") from None
        path, shown = found.path, found.shown
    try:
        data = disk.script(path)
    except OSError as error:
        raise NotReadable(f"{name}: {error.strerror or error}") from None
    return _examined(data, shown, name, reviewer, None)


def _examined(data: bytes, path: str, name: str, reviewer: Reviewer, drafts: Mapping[str, bytes] | None) -> Side:
    made = reviewer.examine(data, path, drafts)
    if made.report.status == "error":
        at = made.report.findings[0].location if made.report.findings else None
        where = f":{at.row}:{at.column}" if at is not None else ""
        raise NotReadable(f"{name}{where}: {made.report.reason}")
    side = Side(name, made if made.plans else None)
    if path.endswith(discovery.CONFIGURATIONS):
        side.keys = _keys(Source.from_bytes(data, path), side)
    elif made.plans and made.recording is not None:
        own = [path for path in made.recording.files_read if path not in made.recording.looked_at]
        side.read = dict(_configurations(own, side, drafts or {}))
    if not made.plans and not side.keys:
        raise NotReadable(f"{name}: {made.report.reason or 'it trains nothing'}")
    return side


def faults(side: Side) -> Sequence[InternalError]:
    """Return the internal errors that occurred while a side was read."""
    return side.examined.faults if side.examined is not None else ()


# -- revisions ---------------------------------------------------------------------------------------------------


def _revision(revision: str, path: str, name: str, options: Options) -> Side:
    try:
        tree = git.tree(revision)
    except git.GitError as error:
        raise NotReadable(f"{name}: {error}") from None
    real, words = _in_tree(path, tree)
    if not real:
        for top, commit in tree.absent.items():
            if any(os.path.join(folder, path).startswith(top + os.sep) for folder in (tree.top, os.getcwd())):
                raise NotReadable(
                    f"{name}: the submodule {discovery.shown(top)} is not available as it was at {revision} "
                    f"({commit[:12]}): git submodule update --init, or git fetch in it"
                )
        raise NotReadable(
            f"{name}: {path} is not a file of {revision}; paths start at {tree.top}, or at the working directory"
        )
    reviewer = Reviewer.of(options.but(command_line=words) if words is not None else options)
    reviewer.alone = True
    try:
        if discovery.is_launch_file(real):
            reviewer = Reviewer.of(options.but(command_line=None))
            reviewer.alone = True
            real, reviewer.line = _launched(real, tree, name)
        data = tree[real]
    except git.GitError as error:
        raise NotReadable(f"{name}: {error}") from None
    return _examined(data, discovery.shown(real), name, reviewer, tree)


def _in_tree(path: str, tree: git.Tree) -> tuple[str, tuple[str, ...] | None]:
    """Return the real path of a file of a commit, and the words that follow it; "" if there is no such file."""
    here = os.path.realpath(os.getcwd())
    try:
        first, *words = shlex.split(path)
    except ValueError:
        first, words = path, []
    for said, given in ((path, None), (first, tuple(words))):
        for folder in (tree.top, here):
            real = os.path.normpath(os.path.join(folder, said))
            if real in tree:
                return real, given
    return "", None


def _launched(path: str, tree: git.Tree, name: str) -> tuple[str, CommandLine]:
    """Return the first script of a commit that its launch file starts, and the line that starts it.

    Raises NotReadable, GitError.
    """
    try:
        lines = launch_files.of_file(tree[path], discovery.shown(path))
    except SourceError as error:
        raise NotReadable(f"{name}: {error}") from None
    folders = (os.path.dirname(path), tree.top)
    for line in lines:
        tries = [os.path.normpath(os.path.join(folder, line.script)) for folder in (*line.folders, *folders)]
        real = next((one for one in map(os.path.realpath, tries) if line.script and one in tree), "")
        if real:
            return real, line
    missing = ", ".join(dict.fromkeys(line.script for line in lines if line.script))
    why = f"{missing} is not a file of that revision" if missing else launch_files.NO_LAUNCH
    raise NotReadable(f"{name}: {why}")


# -- command lines -----------------------------------------------------------------------------------------------


def _line(text: str) -> CommandLine | None:
    """Parse a command line: a launcher and what it starts, or a script with its words. Returns None for other text."""
    source = Source("the command line", text)
    source.kind = "launch"

    def place(start: int, end: int) -> Place:
        return Place(source, Span(1, start + 1, 1, end + 1))

    launchers = Launchers(text, place, lambda command: (os.getcwd(),))
    found = list(launchers.of(Shell().commands(text)))
    if not found and not text.startswith("-"):
        prefix = "python "
        longer = Launchers(prefix + text, lambda a, b: place(max(a - len(prefix), 0), b - len(prefix)),
                           lambda command: (os.getcwd(),))  # fmt: skip
        found = list(longer.of(Shell().commands(prefix + text)))
    return found[0] if len(found) == 1 else None


def _started(line: CommandLine, name: str, options: Options) -> Side:
    path = launch_files.resolved(line)
    if not path and line.script == name:
        raise NotReadable(f"{name} does not exist")
    if not path:
        raise NotReadable(f"{name}: {line.script or 'what it starts'} was not found from here")
    reviewer = Reviewer.of(options)
    reviewer.alone, reviewer.line = True, line
    try:
        data = disk.script(path)
    except OSError as error:
        raise NotReadable(f"{name}: {error.strerror or error}") from None
    return _examined(data, discovery.shown(path), name, reviewer, None)


# -- configurations ----------------------------------------------------------------------------------------------


def _keys(source: Source, side: Side) -> list[Setting]:
    """Return every key of a configuration by its dotted path, even if only a script reads that configuration."""
    from .. import flavours

    try:
        document, _ = flavours.parsed(source, flavours.of(side.flavour).yaml if side.flavour else "pyyaml")
    except (SourceError, NotAConfiguration, documents.Malformed):
        return []
    facts = {fact.argument: name for plan in side.plans[:1] for name, fact in plan.facts() if fact.argument}
    return [
        Setting(("key", path), facts.get(path.rpartition(".")[2], "arguments").partition(".")[0], path, value,
                facts.get(path.rpartition(".")[2], ""))
        for path, value in _leaves(document, "")
    ]  # fmt: skip


def _configurations(
    paths: Sequence[str], side: Side, drafts: Mapping[str, bytes]
) -> Iterator[tuple[str, list[Setting]]]:
    """Yield the keys of each configuration that a script reads, by file name; files that share a name are left out."""
    names = [os.path.basename(path) for path in paths]
    for path, name in zip(paths, names):
        if not path.endswith(discovery.CONFIGURATIONS) or names.count(name) > 1:
            continue
        data = drafts[path] if path in drafts else disk.read(path, LARGEST)
        keys = _keys(Source.from_bytes(data, discovery.shown(path)), side) if data and len(data) <= LARGEST else []
        if 0 < len(keys) <= MOST_KEYS:  # else it holds data
            yield name, keys


def _leaves(value: Value, path: str) -> list[tuple[str, PlanValue]]:
    found = object_of(value)
    if isinstance(found, Items) and found.state.items:
        return [
            leaf
            for key, inner in found.state.items.items()
            for leaf in _leaves(inner, f"{path}.{key}" if path else str(key))
        ]
    frozen = freeze(value)
    if isinstance(frozen, Known) and frozen.value is None:
        return []  # a key without a value says nothing
    return [(path, describe_value(frozen))] if path else []
