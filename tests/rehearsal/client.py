"""The near side: hands scripts to a stage (another process, `stage.py`) and reads what was recorded there."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Recorded:
    """One call of a library, or one write to an attribute of its objects (`callee` then ends in "=")."""

    callee: str
    path: str  # of the file that holds the call, relative to the rehearsed root
    cell: int | None  # 1-based over all cells of a notebook, None in a script
    row: int  # where the call expression starts, 1-based, within the cell
    arguments: dict[str, Any]  # encoded as `record.encode` does; `$0`, `$1`, … where a name is not known


@dataclass(slots=True)
class Rehearsal:
    """One run of a script."""

    calls: list[Recorded] = field(default_factory=list)
    error: str = ""  # "KeyError: 'r' (line 7)" when the script stopped early


@functools.lru_cache(maxsize=1)
def _stage() -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal.stage"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    atexit.register(_close, process)
    return process


def _close(process: subprocess.Popen) -> None:
    process.stdin.close()
    process.wait(timeout=10)


def perform(path: Path, root: Path | None = None, variant: str = "a", fragment: bool = False) -> Rehearsal:
    """Run one script without arguments, in a copy of the project at `root`, or alone in an empty folder.

    Variant "a" is the plain run. Variant "b" is another machine, another day and another command line: what
    differs between the two is decided by the environment and no constant of the program. In a `fragment` the names
    that it does not bind (`model`, `tokenizer`) stand for something of a library.
    """
    return _perform(path.resolve(), root and root.resolve(), variant, fragment)


@functools.cache
def _perform(path: Path, root: Path | None, variant: str, fragment: bool) -> Rehearsal:
    alone = root is None
    root = path.parent if alone else root
    stage = _stage()
    job = {
        "script": str(path.relative_to(root)),
        "root": str(root),
        "alone": alone,
        "variant": variant,
        "fragment": fragment,
    }
    stage.stdin.write(json.dumps(job) + "\n")
    stage.stdin.flush()
    answer = json.loads(stage.stdout.readline())
    return Rehearsal([Recorded(**call) for call in answer["calls"]], answer["error"])


def rehearse(path: Path, root: Path | None = None) -> list[Recorded]:
    """The calls of the plain run, in execution order."""
    return perform(path, root).calls
