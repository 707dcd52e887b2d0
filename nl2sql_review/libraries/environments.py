"""Requirements of a project that are installed together: those of its script, and those of each of its files."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..files import disk
from . import declared, project_files
from .project_files import Broken, Group
from .requirements import PYTHON, Requirement

if TYPE_CHECKING:
    from ..source import Source


@dataclass(frozen=True)
class Environments:
    """Each of `groups` must hold as a whole; `broken` gives place and reason for each file that cannot be parsed."""

    groups: tuple[Group, ...]
    broken: tuple[str, ...] = ()


def of_script(source: Source, folder: str, root: str) -> Environments:
    """Return the groups of a script's own lines and of the files beside it and above it up to the root."""
    found = [*_install_lines(source), tuple(_metadata(source))]
    broken: list[str] = []
    folder, root = os.path.abspath(folder), os.path.abspath(root)
    while True:
        for path in declared.files(folder):
            try:
                found += _of_file(path, folder, root)
            except Broken as error:
                broken.append(str(error))
        parent = os.path.dirname(folder)
        if folder == root or parent == folder or not folder.startswith(root):
            break
        folder = parent
    return Environments(tuple(dict.fromkeys(g for g in found if len(g) > 1)), tuple(broken))


def _install_lines(source: Source) -> Iterator[Group]:
    for magic in getattr(source, "magics", ()):
        for line in magic.text.replace("\\\n", " ").splitlines():
            match = None if line.lstrip().startswith("#") else declared.INSTALL.search(line)
            if match:
                yield project_files.installed(match[1].split("&&")[0].split(";")[0], f"cell {magic.cell}")


def _metadata(source: Source) -> Iterator[Requirement]:
    said = declared.metadata(getattr(source, "text", ""))
    listed, python = said.get("dependencies"), said.get("requires-python")
    for one in listed if isinstance(listed, list) else ():
        made = project_files.requirement(str(one), "script metadata")
        if made is not None:
            yield made
    if isinstance(python, str):
        yield Requirement(PYTHON, python, "script metadata")


def _of_file(path: str, folder: str, root: str, seen: set[str] | None = None) -> tuple[Group, ...]:
    """Return the groups of a file; a requirements file forms one group with the files it includes. Raises Broken.

    `seen`: the files that were read already, which count once.
    """
    seen = seen if seen is not None else set()
    data = disk.read(path, declared.LIMIT) if path not in seen else None
    if data is None:
        return ()
    seen.add(path)
    name = os.path.relpath(path, folder).replace(os.sep, "/")
    own = project_files.groups(name, project_files.text_of(data))
    more = [p for p in declared.included(path, data) if p.startswith(root + os.sep)]
    if not more:
        return own
    beside = [group for p in more for group in _of_file(p, folder, root, seen)]
    return (tuple(dict.fromkeys(one for group in (*own, *beside) for one in group)),)
