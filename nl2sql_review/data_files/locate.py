"""Finds the files that a dataset's name means: a path, a pattern, a folder, or a name on the hub that was loaded."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..training_plan.feeds import Rows
from .formats import DataFile, Format, data_file

MOST_FILES = 1000
REMOTE = re.compile(r"^[a-z][a-z0-9+.-]+://")
PATTERN = re.compile(r"[*?\[]")
SPLIT_NAMES = {
    "train": ("train",), "validation": ("validation", "valid", "val", "dev", "eval"), "test": ("test", "eval"),
    "dev": ("dev", "validation", "valid"), "eval": ("eval", "validation", "test"),
}  # fmt: skip


@dataclass(slots=True)
class Located:
    """Files of a dataset, and the reason why some or all of them are not checked, as (name, reason)."""

    files: list[DataFile] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)


def locate(rows: Rows, folders: Sequence[str], allow: Callable[[str], object] | None = None) -> Located:
    """Return the files that a dataset is read from. A relative path may start from any of `folders`.

    `allow` is called with every path before it is opened, and raises ValueError for a path that is not allowed.
    """
    made = Located()
    split = re.split(r"[\[+]", rows.split)[0]
    if not rows.names:
        made.missing.append(("the dataset", rows.why or "its path is not in the script"))
    for name in rows.names:
        found, why = _named(name, rows, split, folders, allow)
        if len(made.files) + len(found) > MOST_FILES:
            why, found = f"{len(found):,} files; {MOST_FILES:,} are checked", found[:MOST_FILES]
        made.files += [file for file in found if file not in made.files]
        if why:
            made.missing.append((name, why))
    return made


def _named(
    name: str, rows: Rows, split: str, folders: Sequence[str], allow: Callable[[str], object] | None
) -> tuple[list[DataFile], str]:
    if REMOTE.match(name):
        return [], "it is not on this machine"
    if "\0" in name:
        return [], "a path cannot contain a null character"
    for folder in folders:
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(name)))
        if not _allowed(path, allow):
            continue
        if os.path.isfile(path):
            file = _file(_shown(path), rows.format)
            return ([file], "") if file else ([], "its format is unknown: it is not a JSON, CSV, Parquet or Arrow file")
        if os.path.isdir(path):
            found = [file for file in _in_folder(path, split) if _allowed(file.path, allow)]
            return (found, "") if found else ([], "there is no data file in this directory")
        if PATTERN.search(name):
            paths = [each for each in sorted(glob.glob(path, recursive=True)) if _allowed(each, allow)]
            files = [file for each in paths if os.path.isfile(each) and (file := _file(_shown(each), rows.format))]
            if files:
                return files, ""
    if rows.hub:
        found = [] if allow is not None else _of_hub(name, split)
        return (found, "") if found else ([], "it is a dataset on the hub that was never loaded on this machine")
    return [], "the file does not exist" if allow is None else "the file does not exist or may not be read"


def _allowed(path: str, allow: Callable[[str], object] | None) -> bool:
    """Return whether a path may be opened: `allow` raises ValueError for a path that is not allowed."""
    try:
        return allow is None or bool(allow(path))
    except ValueError:
        return False


def _shown(path: str) -> str:
    """Return the path as it is shown to people: relative if it is below the working directory."""
    here = os.getcwd()
    return os.path.relpath(path, here) if os.path.abspath(path).startswith(here.rstrip(os.sep) + os.sep) else path


NAMED: dict[str, Format] = {"json": "json", "csv": "csv", "parquet": "parquet", "arrow": "arrow"}


def _file(path: str, format: str) -> DataFile | None:
    """Return the data file by its suffix or, if the suffix is unknown, by the reader that the script names."""
    found = data_file(path)
    if found is not None:
        return found
    named = NAMED.get(format)
    return DataFile(path, named) if named is not None else None


def _in_folder(folder: str, split: str) -> list[DataFile]:
    """Return the files of a folder: those that `save_to_disk` wrote, else its data files of the split."""
    if os.path.isfile(os.path.join(folder, "dataset_dict.json")):
        splits: list[object] = [*_json(os.path.join(folder, "dataset_dict.json")).get("splits", [])]
        chosen = [name for name in splits if name == split] or [name for name in splits if name == "train"] or splits
        return [file for name in chosen[:1] for file in _in_folder(os.path.join(folder, str(name)), "")]
    state = os.path.join(folder, "state.json")
    if os.path.isfile(state):
        names = [str(entry.get("filename", "")) for entry in _json(state).get("_data_files", [])]
        return [DataFile(_shown(os.path.join(folder, name)), "arrow") for name in names if name]
    paths = sorted(
        os.path.join(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if data_file(name) is not None
    )
    return [file for path in _of_split(paths, folder, split or "train") if (file := data_file(_shown(path)))]


def _of_split(paths: Sequence[str], folder: str, split: str) -> list[str]:
    """Return the paths whose names contain the split; if none does, the paths that name no split."""
    words = {path: re.split(r"[^a-z]+", os.path.relpath(path, folder).lower()) for path in paths}
    for name in SPLIT_NAMES.get(split, (split,)):
        chosen = [path for path in paths if name in words[path]]
        if chosen:
            return chosen
    known = {name for names in SPLIT_NAMES.values() for name in names}
    return [path for path in paths if not known.intersection(words[path])]


def _json(path: str) -> dict[str, Any]:
    from ..files import disk

    try:
        made = json.loads(disk.whole(path, 10_000_000))
    except (OSError, ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


def _of_hub(name: str, split: str) -> list[DataFile]:
    """Return the files that `datasets`, or the hub's own cache, stores for a name."""
    home = os.environ.get("HF_HOME") or os.path.join(os.path.expanduser("~"), ".cache", "huggingface")
    kept = os.environ.get("HF_DATASETS_CACHE") or os.path.join(home, "datasets")
    hub = os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")
    below = glob.escape(os.path.join(kept, name.replace("/", "___")))
    prepared = sorted(glob.glob(os.path.join(below, "**", "*.arrow"), recursive=True))
    prepared = [path for path in prepared if not os.path.basename(path).startswith("cache-")]
    if prepared:
        folder = os.path.dirname(max(prepared, key=os.path.getmtime))
        inside = [path for path in prepared if os.path.dirname(path) == folder]
        return [DataFile(path, "arrow") for path in _of_split(inside, folder, split or "train")]
    snapshots = glob.glob(os.path.join(hub, f"datasets--{glob.escape(name.replace('/', '--'))}", "snapshots", "*"))
    if snapshots:
        return _in_folder(max(snapshots, key=os.path.getmtime), split)
    return []
