"""Files that start a run in addition to its script or configuration: accelerate's YAML and DeepSpeed's JSON.

They set the number of processes, the precision, and numbers that must equal those of the training arguments.
A file that the settings, the configuration or the script names is used as it is. One that is only found
beside them, alone of its kind, is used unless the launcher states otherwise.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

from ..files import disk
from ..interpret.core import documents
from ..interpret.core.joins import demote
from ..interpret.core.objects import Mapping, object_of
from ..interpret.core.recording import Call, Recording
from ..interpret.core.yaml_documents import yaml_documents
from ..source import Source, SourceError
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Known, Place, Unknown, Value, same

LAUNCHER = "the launcher"
NAMED_SO = re.compile(
    r"accelerate|fsdp|deepspeed|(?:^|[_-])(?:ds|ddp|zero)\d?(?:[_.-]|$)|default_config", re.IGNORECASE
)
# What a script says that may be given a DeepSpeed file on its command line.
TAKES_DEEPSPEED = ("deepspeed", "hfargumentparser", "trlparser")  # in lower case
MOST = 20  # files of such names that are looked into
LARGEST = 16_384  # bytes of a file of accelerate's that was not named
SUFFIXES = (".yaml", ".yml", ".json")
# key of a DeepSpeed configuration -> the fact of the plan that it must agree with
DEEPSPEED = {
    "train_micro_batch_size_per_gpu": "arguments.per_device_batch_size",
    "gradient_accumulation_steps": "arguments.gradient_accumulation",
    "train_batch_size": "arguments.effective_batch",
    "optimizer.params.lr": "arguments.learning_rate",
    "optimizer.params.weight_decay": "arguments.weight_decay",
    "scheduler.params.warmup_max_lr": "arguments.learning_rate",
    "bf16.enabled": "arguments.bf16",
    "fp16.enabled": "arguments.fp16",
}
STEPS = 1000  # of warm-up in DeepSpeed's schedules, where the file has none
WARMUP = "scheduler.params.warmup_num_steps"
# key of accelerate's `deepspeed_config` -> the same
PLUGIN = {"gradient_accumulation_steps": "arguments.gradient_accumulation"}


def launcher_of(keys: frozenset[str]) -> tuple[str, str]:
    """Return (owner of a launcher's file, what it is read with), or two empty texts for any other file."""
    if keys & {"compute_environment", "distributed_type"} or {"num_processes", "mixed_precision"} <= keys:
        return "an accelerate", "the script or configuration that it launches"
    if keys & {"zero_optimization", "train_micro_batch_size_per_gpu"}:
        return "a DeepSpeed", "the script or configuration that names it"
    return "", ""


@dataclass(frozen=True)
class Said:
    """Setting of a launcher's file that must agree with a fact of the plan."""

    key: str
    fact: str
    value: Value
    place: Place


@dataclass(frozen=True)
class Schedule:
    """DeepSpeed's own schedule, which takes the place of the trainer's. `sure`: this file starts the run."""

    kind: Known | Default  # as in the file: "WarmupDecayLR"
    warmup: Known | Default | None  # a number of steps, or None if it is left to the training arguments
    file: str
    sure: bool


@dataclass
class Launch:
    """Combined settings of all these files. `files` are their paths, as shown to people."""

    processes: Value | None = None
    precision: Value | None = None  # "bf16", "fp16" or "no"
    accumulation: Value | None = None
    said: list[Said] = field(default_factory=list)
    schedule: Schedule | None = None
    deepspeed: bool = False  # whether one of them is DeepSpeed's
    unread: str = ""  # a DeepSpeed file that the script names and that is not there
    files: list[str] = field(default_factory=list)
    by: str = ""  # what starts the processes, where it is a command line: "torchrun in run.sh:3"


def find(recording: Recording, source: Source, settings: object) -> Launch:
    """Return the settings of the files that belong to a script or configuration; unreadable files are ignored."""
    made = Launch()
    _of_line(made, recording.started)
    known, given = set(), {os.path.basename(name) for name in _given(recording)}
    maybe: list[Path] = []
    for path, sure in _paths(recording, source, settings):
        file = _file(recording, path)
        if file is None and path[-1].name in given:
            made.unread = made.unread or path[-1].name
        if file is None or file in known:
            continue
        known.add(file)
        if sure or not _is_accelerate(recording, file):
            _read(made, recording, file, sure)
        else:
            maybe.append(file)
    _found(made, recording, maybe)
    for call in recording.calls:
        _inline(made, call)
        if call.callee == "accelerate.notebook_launcher" and made.processes is None:
            made.processes = _count(call.get("num_processes"))
            made.by = "as notebook_launcher starts it"
    configuration = recording.configuration
    if configuration is not None:
        made.processes = configuration.launch.get("num_processes", made.processes)
        made.precision = configuration.launch.get("mixed_precision", made.precision)
    if recording.project is not None:
        recording.looked_at += [file for file in recording.project.read_files if file not in recording.files_read]
        recording.files_read = list(dict.fromkeys([*recording.files_read, *recording.project.read_files]))
    return made


def _of_line(made: Launch, line: CommandLine | None) -> None:
    """Apply the launcher's own options, which take precedence over its files."""
    if line is None:
        return
    made.processes = _softened(line.processes, line)
    made.precision = _softened(line.precision, line)
    made.accumulation = _softened(line.accumulation, line)
    if made.processes is not None:
        made.by = f"as {line.where()} starts it"


def _count(value: Value) -> Value | None:
    """Return a number of processes, possibly unknown, or None if the launcher's own default applies."""
    return value if isinstance(value, (Known, Default, Unknown)) and getattr(value, "value", 1) is not None else None


def _softened(value: Value | None, line: CommandLine) -> Value | None:
    return demote(value, line.overridable) if value is not None and line.overridable else value


def _found(made: Launch, recording: Recording, files: list[Path]) -> None:
    """Read accelerate's files that are only found beside: values in which all agree may apply, others are unknown."""
    if len(files) == 1:
        _read(made, recording, files[0], False)
        return
    each = [Launch() for _ in files]
    for one, file in zip(each, files):
        _read(one, recording, file, False)
    names = " and ".join(name for one in each[:3] for name in one.files[:1])
    why = f"there are several configs: {names}; it is unknown which of them accelerate reads"
    for name in ("processes", "precision", "accumulation"):
        values = [getattr(one, name) for one in each]
        if getattr(made, name) is None and any(value is not None for value in values):
            agree = all(value is not None and same(value, values[0]) for value in values)
            setattr(made, name, values[0] if agree else Unknown(why))
    made.files += [name for one in each for name in one.files]


def _paths(recording: Recording, source: Source, settings: object) -> Iterator[tuple[list[Path], bool]]:
    """Yield the possible paths of each file, and whether it is named rather than found."""
    here = Path(os.path.dirname(os.path.abspath(source.path)))
    root = recording.project.root if recording.project is not None else None
    roots = list(dict.fromkeys(filter(None, (here, root))))
    stated = getattr(settings, "launch", ())
    for name in stated:
        yield [Path(getattr(settings, "root", "") or ".") / name], True
    named = [name for name, _ in recording.configuration.launch_files] if recording.configuration is not None else []
    given = [call.arguments["deepspeed"] for call in recording.calls if "deepspeed" in call.arguments]
    off = bool(given) and all(isinstance(value, Known) and value.value is None for value in given)
    for name in (*named, *_given(recording)):
        yield [folder / name for folder in roots], True
    line = recording.started
    for name in line.files if line is not None else ():
        yield [Path(folder) / name for folder in (*line.folders, *map(str, roots))], line.said
    if not stated and recording.project is not None and not (line is not None and line.files):
        takes = (
            recording.configuration is None
            and not named
            and not _given(recording)
            and not off
            and any(word in source.text.lower() for word in TAKES_DEEPSPEED)
        )
        for kind in (_is_accelerate, _is_deepspeed) if takes else (_is_accelerate,):
            beside = [p for folder in roots for p in _beside(folder, kind) if kind(recording, p)]
            for path in dict.fromkeys(beside) if kind is _is_accelerate else beside if len(set(beside)) == 1 else ():
                yield [path], False


def _given(recording: Recording) -> list[str]:
    """Return the DeepSpeed files that training arguments are given."""
    values = [call.arguments["deepspeed"] for call in recording.calls if "deepspeed" in call.arguments]
    names = [value.value for value in values if isinstance(value, (Known, Default)) and isinstance(value.value, str)]
    return [name for name in names if name.endswith(".json")]


def _beside(folder: Path, kind: object) -> list[Path]:
    """Return files that may be of a kind, listed by suffix: other files of the folder may change without effect.

    accelerate's files are recognized by their content, whatever their names; DeepSpeed's JSON also by its name,
    because a folder may hold any number of other JSON files.
    """
    named = kind is _is_deepspeed
    names = [
        name
        for suffix in SUFFIXES
        for name in disk.names(folder, suffix=suffix)
        if (NAMED_SO.search(name) if named else suffix != ".json" and disk.size(folder / name) <= LARGEST)
    ]
    return [folder / name for name in names[:MOST]]


def _is_accelerate(recording: Recording, path: Path) -> bool:
    data = recording.project.read(path) or b""
    return (
        not path.name.endswith(".json")
        and re.search(rb"^(?:compute_environment|distributed_type)\s*:", data, re.MULTILINE) is not None
    )


def _is_deepspeed(recording: Recording, path: Path) -> bool:
    data = recording.project.read(path) or b""
    return (
        path.name.endswith(".json")
        and re.search(rb'"(?:zero_optimization|train_micro_batch_size_per_gpu)"\s*:', data) is not None
    )


def _file(recording: Recording, paths: list[Path]) -> Path | None:
    if recording.project is None:
        return None
    return next((path for path in paths if recording.project.read(path) is not None), None)


# -- reading one file --------------------------------------------------------------------------------------------


def _read(made: Launch, recording: Recording, file: Path, sure: bool) -> None:
    name = recording.project.display(file)
    try:
        source = Source.from_bytes(recording.project.read(file), name)
        text = documents.Text(source.text, source)
        found = documents.json_document(text)() if name.endswith(".json") else yaml_documents(text)[0]()
    except (SourceError, documents.Malformed, IndexError):
        return
    made.files.append(name)
    if _at(found, "compute_environment") is None and _at(found, "distributed_type") is None:
        made.deepspeed = True
        _agreements(made, found, DEEPSPEED, sure)
        made.schedule = made.schedule or _schedule(found, name, sure)
        return
    processes = _value(found, "num_processes", sure)
    kind = str(_plain(_at(found, "distributed_type")) or "").upper()
    if kind == "NO":
        processes = processes or _value(found, "distributed_type", sure, 1)
    made.processes = made.processes or processes
    made.precision = made.precision or _value(found, "mixed_precision", sure)
    # Under another kind accelerate does not look at it.
    plugin = _at(found, "deepspeed_config") if kind in ("DEEPSPEED", "") else None
    made.accumulation = made.accumulation or _value(plugin, "gradient_accumulation_steps", sure)
    if plugin is not None:
        _agreements(made, plugin, PLUGIN, sure)
        inner = _plain(_at(plugin, "deepspeed_config_file"))
        if isinstance(inner, str):
            path = _file(
                recording, [file.parent / inner, *([recording.project.root / inner] if recording.project.root else [])]
            )
            if path is None:
                made.unread = made.unread or inner
            elif recording.project.display(path) not in made.files:
                _read(made, recording, path, sure)


def _agreements(made: Launch, found: Value | None, table: dict[str, str], sure: bool) -> None:
    for key, fact in table.items():
        value = _value(found, key, sure)
        if value is not None and value.value != "auto":
            made.said.append(Said(key, fact, value, value.trace[-1]))


def _schedule(found: Value | None, file: str, sure: bool) -> Schedule | None:
    kind, warmup = _value(found, "scheduler.type", sure), _value(found, WARMUP, sure)
    if kind is None or not isinstance(kind.value, str):
        return None
    if warmup is None and kind.value.startswith("Warmup"):
        warmup = Known(STEPS, kind.trace) if sure else Default(STEPS, LAUNCHER, kind.trace)
    return Schedule(kind, None if warmup is not None and warmup.value == "auto" else warmup, file, sure)


def _inline(made: Launch, call: Call) -> None:
    """Read `TrainingArguments(deepspeed={…})`: the file's content, in the call."""
    given = call.arguments.get("deepspeed")
    if not isinstance(given, (Known, Default)) or not isinstance(given.value, dict):
        return
    made.deepspeed = True
    for key, fact in DEEPSPEED.items():
        plain = _inside(given.value, key)
        if isinstance(plain, (bool, int, float)):
            made.said.append(Said(key, fact, Known(plain, given.trace), call.places.get("deepspeed", call.place)))
    kind, warmup = _inside(given.value, "scheduler.type"), _inside(given.value, WARMUP)
    if isinstance(kind, str):
        steps = None if warmup == "auto" else Known(warmup if warmup is not None else STEPS, given.trace)
        made.schedule = Schedule(Known(kind, given.trace), steps, "", True)


def _inside(content: object, dotted: str) -> object:
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _value(found: Value | None, key: str, sure: bool, instead: int | None = None) -> Known | Default | None:
    value = _at(found, key)
    plain = _plain(value)
    if value is None or plain is None or isinstance(value, Unknown):
        return None
    plain = plain if instead is None else instead
    return Known(plain, value.trace) if sure else Default(plain, LAUNCHER, value.trace)


def _at(found: Value | None, dotted: str) -> Value | None:
    for part in dotted.split("."):
        mapping = object_of(found)
        if not isinstance(mapping, Mapping) or part not in mapping.state.items:
            return None
        found = mapping.state.items[part]
    return found


def _plain(value: Value | None) -> str | int | float | bool | None:
    return value.value if isinstance(value, Known) and isinstance(value.value, (str, int, float, bool)) else None
