"""Finds the files to review: the given ones, and those in the given directories.

`.gitignore` files and the settings' `exclude` use the same globs, which are matched here rather than by git: this must
work without git or a repository, and a subprocess costs more than the whole walk. Links to directories are not
followed, so that there are no loops and no file is found twice.
"""

from __future__ import annotations

import os
import re
import stat
from functools import cache

from . import disk
from .globs import Globs, globs, lines_of
from .limits import SIZE_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CONFIGURATIONS = (".yaml", ".yml", ".json", ".toml")
SUFFIXES = (".py", ".ipynb", *CONFIGURATIONS)
# The line of a key, and the line of a section with a mapping below it, with the words of a Screening.
KEY = rb"""(?:^[ \t]*|["'])(?:%s)["']?[ \t]*[:=]"""
SECTION = rb"""^[ \t{,]*["'\[]?(?:%s)["'\]]?[ \t]*(?:[:=][ \t]*(?:[{\r\n#]|$)|$)"""
HEAD = 64 * 1024  # bytes of a YAML or JSON file in which these are looked for
LARGEST = 1_000_000  # bytes: a larger one is data
# Given by name, these are still no scripts; any other suffix is taken for Python.
NO_SCRIPTS = (".jsonl", ".md", ".txt", ".csv", ".cfg", ".ini")
# What starts scripts: shells, Slurm, make, just, Docker.
LAUNCHES = (".sh", ".bash", ".zsh", ".slurm", ".sbatch", ".sub", ".job", ".pbs", ".lsf", ".mk")
MAKEFILES = ("makefile", "gnumakefile")
JUSTFILES = ("justfile", ".justfile")
# Folders that hold other people's code, or a copy of one's own.
NEVER_OURS = frozenset(
    ".bzr .direnv .eggs .git .hg .ipynb_checkpoints .mypy_cache .nox .pytest_cache .ruff_cache .svn .tox .venv "
    "__pycache__ __pypackages__ _build build dist node_modules site-packages venv".split()
)


def is_launch_file(path: str) -> bool:
    """Return whether a path has the name of a file that starts programs."""
    name = os.path.basename(path).lower()
    return name.endswith(LAUNCHES) or name in MAKEFILES or name in JUSTFILES or is_dockerfile(name)


def is_dockerfile(name: str) -> bool:
    """Return whether a file has the name of a Dockerfile: `Dockerfile`, `Dockerfile.gpu`, `train.dockerfile`."""
    lower = name.lower()
    if lower.endswith((*SUFFIXES, *NO_SCRIPTS)):
        return False
    return lower.partition(".")[0] in ("dockerfile", "containerfile") or lower.endswith(".dockerfile")


def may_launch(path: str) -> bool:
    """Return whether a path may be that of a launch file, or of YAML that describes a job."""
    return is_launch_file(path) or path.endswith((".yaml", ".yml", "launch.json"))


class Found:
    """A file to review. `shown` is its path in the report, `given` whether it was named rather than found."""

    __slots__ = ("path", "shown", "given", "problem", "real", "started_by")

    def __init__(
        self, path: str, shown: str, given: bool, problem: str = "", real: str = "", started_by: str = ""
    ) -> None:
        self.path = path
        self.shown = shown
        self.given = given
        self.problem = problem  # why a directory could not be listed
        self.real = real or os.path.realpath(path)  # the same for all ways to the same file
        self.started_by = started_by  # the launch file that was named in its place


class Screening:
    """Marks that distinguish training configurations from other YAML, JSON and TOML before parsing.

    Each such configuration has one of `keys`, at any depth, or one of `sections` with a mapping below it; few other
    files have them.
    """

    __slots__ = ("keys", "sections")

    def __init__(self, keys: tuple[str, ...], sections: tuple[str, ...]) -> None:
        self.keys = tuple(key.encode() for key in keys)
        self.sections = tuple(section.encode() for section in sections)

    def names_key(self, data: bytes) -> bool:
        """Return whether the data contains one of the keys."""
        return _has_line(data, KEY, self.keys)

    def names_section(self, data: bytes) -> bool:
        """Return whether the data contains one of the sections."""
        return _has_line(data, SECTION, self.sections)


def _has_line(data: bytes, form: bytes, words: tuple[bytes, ...]) -> bool:
    # One search a word: the alternatives of a regular expression are tried at every byte, twenty times as slow.
    for word in words:
        if word in data:
            return _line_with(form, words).search(data) is not None
    return False


@cache
def _line_with(form: bytes, words: tuple[bytes, ...]) -> re.Pattern[bytes]:
    return re.compile(form % b"|".join(words), re.MULTILINE)


def find(
    paths: Iterable[str], exclude_of: Callable[[str], Globs] = lambda _: globs((), ""), force_exclude: bool = False
) -> list[Found]:
    """Return the files that `paths` refer to, in order, each of them once.

    `exclude_of` returns the excluding globs for a directory; they apply to found files, never to given ones. With
    `force_exclude` a given file counts as found, as for a hook that names every file that changed.
    """
    found: dict[str, Found] = {}
    for path in paths:
        path = os.path.normpath(path)
        files: Iterable[Found] = (Found(path, shown(path), not force_exclude),)
        if os.path.isdir(path):
            files = walk(path, exclude_of)
        elif force_exclude and excluded(path, exclude_of):
            files = ()
        for file in files:
            known = found.setdefault(file.real, file)
            known.given = known.given or file.given
    return list(found.values())


def may_configure(path: str, screening: Screening) -> bool:
    """Return whether a YAML, JSON or TOML file may be a training configuration. Reads its head, parses nothing."""
    try:
        if os.stat(path).st_size > LARGEST:
            return False
        head = disk.head(path, HEAD)
    except OSError:
        return False
    return screening.names_key(head) or screening.names_section(head)


def may_train(data: bytes) -> bool:
    """Return whether a file names one of the libraries that training scripts must name; if not, do not parse it."""
    named = b"unsloth" in data or b"transformers" in data or b"peft" in data or b"SFTTrainer" in data
    return named or b"trl" in data and re.search(rb"\btrl\b", data) is not None


def excluded(path: str, exclude_of: Callable[[str], Globs] = lambda _: globs((), "")) -> bool:
    """Return whether a walk would skip a file: from the root of its repository, else from its settings' directory."""
    full = os.path.abspath(path)
    folder = os.path.dirname(full)
    here = repository(folder) or exclude_of(folder).root or folder
    ignores = _ignores_above(here)
    for inside in _below(here, full):
        is_directory = inside != full
        ignores = (*ignores, _read(os.path.join(here, ".gitignore"), here))
        if is_directory and (
            os.path.basename(inside) in NEVER_OURS or os.path.exists(os.path.join(inside, "pyvenv.cfg"))
        ):
            return True
        if _is_excluded(inside, is_directory, (*ignores, exclude_of(here))):
            return True
        here = inside
    return False


def _below(directory: str, path: str) -> Iterator[str]:
    """Yield the folders from a directory down to a path in it, and the path itself."""
    for part in os.path.relpath(path, directory).split(os.sep):
        directory = os.path.join(directory, part)
        yield directory


def shown(path: str) -> str:
    """Return a path as reports show it: relative to the working directory if it is below it, with forward slashes."""
    full = os.path.abspath(path)
    here = os.getcwd()
    for inside in (full, os.path.realpath(full)):  # the working directory may have been reached by a link
        if inside.startswith(here + os.sep):
            return inside[len(here) + 1 :].replace(os.sep, "/")
    return os.path.normpath(path).replace(os.sep, "/")


def walk(directory: str, exclude_of: Callable[[str], Globs]) -> Iterator[Found]:
    """Yield scripts, notebooks and possible configurations below a directory, sorted by path."""
    ignores = _ignores_above(os.path.abspath(directory))
    yield from _walk(directory, os.path.realpath(directory), ignores, exclude_of)


def _walk(directory: str, real: str, ignores: tuple[Globs, ...], exclude_of: Callable[[str], Globs]) -> Iterator[Found]:
    try:
        entries = sorted(os.scandir(directory), key=lambda e: e.name)
    except OSError as error:
        yield Found(directory, shown(directory), False, f"the directory cannot be listed: {error.strerror or error}")
        return
    full = os.path.abspath(directory)
    if any(e.name == "pyvenv.cfg" for e in entries):
        return  # a virtual environment, whatever it is called
    if any(e.name == ".gitignore" for e in entries):
        ignores = (*ignores, _read(os.path.join(full, ".gitignore"), full))
    excluded = (*ignores, exclude_of(directory))
    all_in = not any(globs.patterns for globs in excluded)
    shown_below = shown(os.path.join(directory, "_"))[:-1]
    below = "" if directory == "." else os.path.join(directory, "")
    for entry in entries:
        name = entry.name
        is_directory = entry.is_dir(follow_symlinks=False)
        if is_directory and name in NEVER_OURS:
            continue
        if not is_directory and not (name.endswith(SUFFIXES) and _may_be_read(entry)):
            continue
        if not all_in and _is_excluded(os.path.join(full, name), is_directory, excluded):
            continue
        if is_directory:
            yield from _walk(below + name, os.path.join(real, name), ignores, exclude_of)
        else:
            real_file = "" if entry.is_symlink() else os.path.join(real, name)
            yield Found(below + name, shown_below + name, False, "", real_file)


def _may_be_read(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file or a broken link (to be reported), not a directory, pipe or device."""
    if entry.is_file(follow_symlinks=False):
        return True
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _is_excluded(path: str, is_directory: bool, rules: tuple[Globs, ...]) -> bool:
    *ignores, settings = rules
    if settings.match(path, is_directory):
        return True
    for rule in reversed(ignores):  # the nearest .gitignore has the last word
        verdict = rule.match(path, is_directory)
        if verdict is not None:
            return verdict
    return False


def _ignores_above(directory: str) -> tuple[Globs, ...]:
    """Return the .gitignore files above a directory, up to the root of its repository, outermost first."""
    root = repository(directory)
    if root is None:
        return ()  # only what lies in the directory itself counts
    above = (root, *_below(root, directory))[:-1] if directory != root else ()
    exclude = _read(os.path.join(_git_folder(root), "info", "exclude"), root)
    return (exclude, *(_read(os.path.join(folder, ".gitignore"), folder) for folder in above))


def repository(directory: str) -> str | None:
    """Return the root of the repository of a directory (absolute): the nearest ancestor with .git, or itself."""
    while not os.path.exists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory


def _git_folder(root: str) -> str:
    """Return git's folder for the whole repository: `.git`, or the target of this file in a worktree or submodule."""
    folder = os.path.join(root, ".git")
    if not os.path.isfile(folder):
        return folder
    folder = os.path.join(root, _line(folder).removeprefix("gitdir: "))
    return os.path.join(folder, _line(os.path.join(folder, "commondir")))


def _line(path: str) -> str:
    """Return the first line of a file, "" if it cannot be read."""
    try:
        line = disk.head(path, 4096).partition(b"\n")[0]
        return line.decode("utf-8", "surrogateescape").replace("\0", "")  # which no path may hold
    except OSError:
        return ""


def _read(path: str, root: str) -> Globs:
    try:
        return globs(lines_of(disk.head(path, SIZE_LIMIT)), root)
    except OSError:
        return globs((), root)
