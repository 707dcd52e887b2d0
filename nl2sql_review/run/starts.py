"""Finds the command lines that start a script, each of which a review covers.

Words after `--` are used alone; otherwise the lines of the named launch file, then those of the settings' `runs`, and
at last those found beside the script, each of which may be started. Without any the script runs as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .. import flavours
from ..files import discovery, disk
from ..files.discovery import Found
from ..launches import launch_files
from ..launches.launchers import Launchers
from ..launches.shell import Shell
from ..launches.shell_commands import Command
from ..policy.settings import Settings, SettingsError
from ..source import SIZE_LIMIT, Source, SourceError, Span
from ..source.command_line import HERE, CommandLine, said
from ..training_plan.values import Known, Place

if TYPE_CHECKING:
    from ..interpret.core.recording import Recording

MOST_RUNS = 8  # of one script: each is read and judged
RECIPE = re.compile(rb"^(?:model_name_or_path|dataset_name|dataset_mixture)\s*:", re.MULTILINE)
RECIPES = ("recipes", "configs", "config", "configurations")  # folders of them, beside a script
LARGEST_RECIPE = 64_000  # bytes
USES_RECIPES = "TrlParser"
KEY = re.compile(rb"^([A-Za-z]\w*)[ \t]*:", re.MULTILINE)
OF_TRL_SFT = ("ScriptArguments", "ModelConfig", "DatasetMixtureConfig")  # whose fields are keys of `trl sft`
TAKEN_ANYWHERE = ("config", "env", "torch_dtype")  # what TrlParser itself takes, and an older name


def started_in_python(callees: Iterable[str]) -> str:
    """Return why a script that leaves its training to a program is not read, or "" if it calls none."""
    for callee in callees:
        package, _, name = callee.partition(".")
        if f"{package}.{name.rpartition('.')[2]}" in flavours.functions():
            return f"{callee} trains, with settings that are not read from Python: review them as a configuration file"
    return ""


def lines_of(
    path: str,
    source: Source,
    settings: Settings,
    root: str,
    given: Sequence[str] | None = None,
    started_by: str = "",
) -> list[CommandLine]:
    """Return the distinct command lines that start `path`; [] if none is known.

    `given` are the words after `--`, `started_by` the launch file that was named in place of the script. Raises
    SettingsError for `runs` that start nothing.
    """
    if given is not None:
        return [said(given, path)]
    if started_by:
        return distinct(line for line in _of_launch_file(started_by) if _starts(line, path, root))
    stated = [line for line in stated_in(settings) if _starts(line, path, root)]
    if stated:
        return distinct(stated)
    configures = source.kind == "configuration"
    lines = [line for line in launch_files.beside(path, root) if bool(line.program) == configures]
    if not lines and USES_RECIPES in source.text and source.kind == "script":
        lines = [_with_recipe(path, recipe) for recipe in _recipes(path, root)]
    return distinct(lines)


def distinct(lines: Iterable[CommandLine]) -> list[CommandLine]:
    """Return the first of the command lines that start the same run, for each run; their texts differ."""
    made: dict[tuple[object, ...], CommandLine] = {}
    texts: set[str] = set()
    for line in lines:
        if line.key not in made and len(made) < MOST_RUNS:
            named = (
                line.text,
                f"{line.text} ({line.where()})",
                *(f"{line.text} ({n})" for n in range(2, MOST_RUNS + 2)),
            )
            text = next(text for text in named if text not in texts)
            made[line.key] = replace(line, text=text)
            texts.add(text)
    return list(made.values())


def _starts(line: CommandLine, path: str, root: str) -> bool:
    found = launch_files.resolved(line, root)
    return found == disk.real(path) if line.script else line.place is not None and line.place.source.path == path


def _of_launch_file(path: str) -> list[CommandLine]:
    data = disk.read(path, launch_files.LARGEST)
    try:
        return launch_files.followed(launch_files.of_file(data, path)) if data is not None else []
    except SourceError:
        return []


# -- the settings ------------------------------------------------------------------------------------------------


def stated_in(settings: Settings) -> list[CommandLine]:
    """Return the command lines in the settings' `runs`. Raises SettingsError for one that starts nothing."""
    if not settings.runs:
        return []
    file = settings.sources.get("runs", settings.file)
    data = disk.read(file, 1_000_000) if file and file != "command line" else None
    name = discovery.shown(file) if data is not None else "the settings"
    text = data.decode("utf-8", "replace") if data is not None else "\n".join(settings.runs)
    source = Source(name, text)
    made = []
    for run in settings.runs:
        at = text.find(run)
        row = text.count("\n", 0, at) + 1 if at >= 0 else 1
        column = at - (text.rfind("\n", 0, at) + 1) + 1 if at >= 0 else 1

        def place(start: int, end: int, row: int = row, column: int = column) -> Place:
            return Place(source, Span(row, column + start, row, column + end))

        folders = (settings.root or os.getcwd(), os.getcwd())
        launchers = Launchers(run, place, partial(_always, folders))
        found = launch_files.followed(launchers.of(Shell().commands(run)))
        if not found:
            remedy = 'write it as in a shell: "python train.py --config configs/spider.yaml"'
            raise SettingsError(f"{file or 'command line'}: runs: {run!r} starts no training script; {remedy}")
        made += found
    return made


# -- TRL's recipes -----------------------------------------------------------------------------------------------


def _recipes(script: str, root: str) -> list[str]:
    """Return the YAML files that `--config` of a script with TrlParser may name: those beside the script."""
    here = os.path.dirname(os.path.abspath(script))
    folders = [here, *(os.path.join(base, name) for base in dict.fromkeys((here, root)) for name in RECIPES)]
    found = []
    for folder in folders:
        for suffix in (".yaml", ".yml"):
            for name in disk.names(folder, suffix=suffix)[:20]:
                file = os.path.join(folder, name)
                data = disk.read(file, LARGEST_RECIPE) if launch_files.is_inside(file, root) else None
                if data is not None and RECIPE.search(data):
                    found.append(file)
    return list(dict.fromkeys(found))[:MOST_RUNS]


def of_other_scripts(lines: Sequence[CommandLine], recordings: Sequence[Recording]) -> set[str]:
    """Return the lines with a recipe that the script's parser refuses for its keys, if it takes another of them."""
    refused = {
        line.text for line, recording in zip(lines, recordings) if _recipe(line) and _refuses(recording, _recipe(line))
    }
    return refused if len(refused) < len(lines) else set()


def _recipe(line: CommandLine) -> str:
    """Return the path of a recipe that was only found, or "" for a line that somebody wrote."""
    guessed = not line.said and line.where() == HERE
    return str(line.words[1].value) if guessed and isinstance(line.words[1], Known) else ""


def _refuses(recording: Recording, recipe: str) -> bool:
    """Return whether a recipe has keys that no release of the parser's dataclasses has: TrlParser then stops."""
    from ..flavours import keys
    from ..libraries.store import ever

    classes = [name.rpartition(".")[2] for name in recording.parsed_classes]
    fields = {name: {*ever("trl", name), *ever("transformers", name)} for name in classes}
    if not classes or any(not found and name not in OF_TRL_SFT for name, found in fields.items()):
        return False
    known = set(keys.of("trl").sections[""])
    if "SFTConfig" not in classes:
        known -= {*ever("trl", "SFTConfig")}
    known |= {option.lstrip("-").replace("-", "_") for option in recording.options}
    written = {key.decode() for key in KEY.findall(disk.read(recipe, LARGEST_RECIPE) or b"")}
    return not written <= known.union(TAKEN_ANYWHERE, ever("transformers", "TrainingArguments"), *fields.values())


def _with_recipe(script: str, recipe: str) -> CommandLine:
    """Return the line that gives a recipe to a script. Nobody wrote it, so its words are no origin of a value."""
    line = said(["--config", discovery.shown(recipe)], script)
    return replace(line, words=(Known("--config"), Known(recipe)), said=False, text=f"python {line.text}")


# -- launch files that are named ---------------------------------------------------------------------------------


def _always(folders: tuple[str, ...], command: Command) -> tuple[str, ...]:
    return folders


def launched(path: str, shown: str, within: Sequence[str] = ()) -> list[Found]:
    """Return the files that a launch file starts, each to be reviewed as it is started there.

    For programs that it starts with options alone, and if nothing that it starts was found, return the file itself.
    `within`: folders that the files must be in, if any are given.
    """
    made: dict[str, Found] = {}
    for line in _of_launch_file(path):
        file = launch_files.resolved(line)
        if file and within and not any(launch_files.is_inside(file, folder) for folder in within):
            continue
        if file and not discovery.is_launch_file(file):
            name = discovery.shown(file)
            made.setdefault(file, Found(name, name, True, started_by=shown))
        elif not line.script and line.program:
            made.setdefault(path, Found(path, shown, True, started_by=shown))
    return list(made.values()) or [Found(path, shown, True)]


def nothing_started(data: bytes, path: str) -> str:
    """Return the reason why a launch file leads to no review."""
    try:
        lines = launch_files.followed(launch_files.of_file(data, path))
    except SourceError:
        lines = []
    missing = [line.script for line in lines if line.script and not launch_files.resolved(line)]
    if missing:
        names = ", ".join(dict.fromkeys(missing))
        return f"{launch_files.NO_LAUNCH} that can be read: {names} was not found from here"
    return launch_files.NO_LAUNCH


# -- notebooks ---------------------------------------------------------------------------------------------------


class StartedProgram(NamedTuple):
    """A program that a notebook starts, with its places, and the line that starts it."""

    source: Source
    line: CommandLine


def written_by(source: Source) -> dict[str, bytes]:
    """Return the files that a notebook's cells write: real path → content."""
    folder = os.path.dirname(os.path.abspath(source.path))
    made = {}
    for magic in source.magics:
        if name := launch_files.written(magic):
            body = magic.text.partition("\n")[2]
            made[disk.real(os.path.join(folder, name))] = body.encode("utf-8", "surrogatepass")
    return made


def of_notebook(source: Source, root: str) -> list[StartedProgram]:
    """Return the programs that a notebook's shell lines start: files that its cells write, and scripts beside it."""
    folder = os.path.dirname(os.path.abspath(source.path))
    cells = {launch_files.written(magic): magic.cell for magic in source.magics}
    cells = {os.path.normpath(os.path.join(folder, name)): cell for name, cell in cells.items() if name}
    made = []
    for line in distinct(launch_files.followed(launch_files.of_source(source))):
        if line.program and not line.script:
            made.append(StartedProgram(source, line))
            continue
        there = next((p for f in line.folders if (p := os.path.normpath(os.path.join(f, line.script))) in cells), "")
        file = launch_files.resolved(line, root)
        if there:
            program = source.written_in(cells[there])
            made.append(StartedProgram(program, line))
        elif file and launch_files.is_inside(file, root):
            data = disk.read(file, SIZE_LIMIT)
            with suppress(SourceError):
                if data is not None:
                    made.append(StartedProgram(Source.from_bytes(data, discovery.shown(file)), line))
    return made
