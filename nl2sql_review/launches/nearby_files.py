"""Where files that may hold launches of a script are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, islice

from ..files import disk, projects
from .project_scripts import NOT_PROGRAMS

FOLDERS = (  # of launch files, beside a script
    *("scripts", "script", "shell_scripts", "shell", "sh", "bash", "bin", "slurm", "jobs", "run", "runs", "runner"),
    *("launch", "recipes", "docker", "k8s", "deploy"),
    *(".github/workflows", ".vscode"),
)
NAMED = ("Makefile", "makefile", "GNUmakefile", "Justfile", "justfile", ".justfile", "launch.json", projects.PYPROJECT)
COMMON = (".sh", ".bash", ".slurm", ".sbatch", ".mk", ".yaml", ".yml")  # suffixes that are looked for beside a script
SHELL = (".sh", ".bash", ".slurm", ".sbatch")  # suffixes that are looked for in a folder of any name
MOST_FILES = 40  # that are looked into for one script
MOST_FOLDERS = 40  # of any name, beside a script or in one folder above it


def of(script: str, root: str) -> Iterator[str]:
    """Return the files: of the script's folder and those above it, of their folders for launches, of their others."""
    here = os.path.dirname(os.path.abspath(script))
    above = [here]
    top = os.path.abspath(root)
    while above[-1] != top and os.path.dirname(above[-1]) != above[-1] and len(above) < 6:
        above.append(os.path.dirname(above[-1]))
    if above[-1] != top:
        above = [here]
    return islice(chain(_usual(above), _others(above)), MOST_FILES)


def _usual(above: list[str]) -> Iterator[str]:
    for folder in above:
        inner = [os.path.join(folder, name) for name in FOLDERS if disk.is_folder(os.path.join(folder, name))]
        for place in (folder, *inner):
            yield from (os.path.join(place, n) for suffix in COMMON for n in disk.names(place, suffix=suffix))
            yield from (os.path.join(place, n) for n in NAMED if disk.is_file(os.path.join(place, n)))
            yield from (os.path.join(place, n) for n in disk.names(place, prefix="Dockerfile"))


def _others(above: list[str]) -> Iterator[str]:
    """Yield the shell and Slurm scripts of folders of any name (`cluster/train.sh`)."""
    for folder in above:
        names = [n for n in disk.names(folder) if "." not in n and n not in NOT_PROGRAMS and n not in FOLDERS]
        places = [place for n in names if disk.is_folder(place := os.path.join(folder, n)) and place not in above]
        for place in places[:MOST_FOLDERS]:
            yield from (os.path.join(place, n) for n in disk.names(place) if n.endswith(SHELL))
