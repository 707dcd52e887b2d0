"""Which files to review: the ones given, and those found in the directories given.

`.gitignore` files and the settings' `exclude` speak one language of globs, which is matched here rather than by
asking git: it must work where git or a repository is missing, and a subprocess costs more than the whole walk.
Links to directories are not followed, so that no loop is possible and no file is met twice.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable, Iterable, Iterator

CONFIGURATIONS = (".yaml", ".yml", ".json", ".toml")
SUFFIXES = (".py", ".ipynb", *CONFIGURATIONS)
# A script that trains names one of these; a file that names none need not be parsed.
STACK = re.compile(rb"unsloth|\btrl\b|transformers|peft|SFTTrainer")
# A configuration that trains has one of these keys, or sections `lora` and `training`; few other YAML and JSON files do.
PLAINLY = re.compile(rb"""(?:^[ \t]*|["'])(?:base_model|model_name_or_path|finetuning_type|training_type)["']?[ \t]*[:=]""", re.MULTILINE)
SECTION = re.compile(rb"""^[ \t{,]*["'\[]?(?:lora|training)["'\]]?[ \t]*(?:[:=][ \t]*(?:[{\r\n#]|$)|$)""", re.MULTILINE)
HEAD = 64 * 1024  # bytes of a YAML or JSON file in which these are looked for
LARGEST = 1_000_000  # bytes: a larger one is data
# Given by name, these are still no scripts; any other suffix is taken for Python.
NO_SCRIPTS = (".jsonl", ".md", ".txt", ".csv", ".cfg", ".ini", ".sh")
# Folders that hold other people's code, or a copy of one's own.
NEVER_OURS = frozenset(
    ".bzr .direnv .eggs .git .hg .ipynb_checkpoints .mypy_cache .nox .pytest_cache .ruff_cache .svn .tox .venv "
    "__pycache__ __pypackages__ _build build dist node_modules site-packages venv".split()
)


@dataclass(slots=True)
class Found:
    """A file to review. `shown` is its path in the report, `given` whether it was named rather than found."""

    path: str
    shown: str
    given: bool
    problem: str = ""  # why a directory could not be listed


@dataclass(frozen=True)
class Globs:
    """Patterns as in a .gitignore in the directory `root`; the last one that matches decides."""

    root: str
    patterns: tuple[tuple[re.Pattern[str], bool, bool], ...]  # what, whether it re-includes, directories only

    def match(self, path: str, is_directory: bool) -> bool | None:
        """True: excluded. False: included again by a `!`. None: not mentioned. `path` is absolute."""
        if not self.patterns or not path.startswith(self.root + os.sep):
            return None
        relative = path[len(self.root) + 1 :].replace(os.sep, "/")
        for pattern, again, directories in reversed(self.patterns):
            if (is_directory or not directories) and pattern.match(relative):
                return not again
        return None


@lru_cache(maxsize=256)
def globs(lines: tuple[str, ...], root: str) -> Globs:
    made = [_pattern(line) for line in lines]
    return Globs(root.rstrip(os.sep), tuple(p for p in made if p is not None))


def _pattern(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    line = re.sub(r"(?<!\\) +$", "", line.rstrip("\r\n"))
    if not line or line.startswith("#"):
        return None
    again = line.startswith("!")
    line = line[again:]
    directories = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    line = line.removeprefix("/")
    if not line:
        return None
    regex = "" if anchored else "(?:.*/)?"
    try:
        return re.compile(f"{regex}{_regex(line)}\\Z", re.DOTALL), again, directories
    except re.error:  # a broken character class matches nothing, as in git
        return None


def _regex(glob: str) -> str:
    out, i = [], 0
    while i < len(glob):
        if glob.startswith("**/", i) and (i == 0 or glob[i - 1] == "/"):
            out.append("(?:.*/)?")
            i += 3
        elif glob[i:] == "**" and i > 0 and glob[i - 1] == "/":
            out.append(".+")
            i += 2
        elif glob[i] == "*":
            while glob[i + 1 : i + 2] == "*":
                i += 1
            out.append("[^/]*")
            i += 1
        elif glob[i] == "?":
            out.append("[^/]")
            i += 1
        elif glob[i] == "[" and (end := glob.find("]", i + 2 + (glob[i + 1 : i + 2] in ("!", "^")))) > 0:
            inside = glob[i + 1 : end]
            negated = inside[:1] in ("!", "^")
            inside = inside[negated:].replace("\\", "\\\\").replace("[", "\\[")
            out.append(f"(?!/)[{'^' if negated else ''}{inside}]")
            i = end + 1
        elif glob[i] == "\\" and i + 1 < len(glob):
            out.append(re.escape(glob[i + 1]))
            i += 2
        else:
            out.append(re.escape(glob[i]))
            i += 1
    return "".join(out)


def find(
    paths: Iterable[str], exclude_of: Callable[[str], Globs] = lambda _: globs((), ""), force_exclude: bool = False
) -> list[Found]:
    """The files that `paths` mean, in order, each once however often it is meant.

    `exclude_of` gives the excluding globs for a directory; they hold for what is found, never for what is given. With
    `force_exclude` a file that is given counts as one that was found, as where a hook names every file that changed.
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
            key = os.path.realpath(file.path)
            known = found.setdefault(key, file)
            known.given = known.given or file.given
    return list(found.values())


def may_configure(path: str) -> bool:
    """Whether a YAML, JSON or TOML file looks as if it might train. Its head is read, nothing is parsed."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                return False
            head = file.read(HEAD)
    except OSError:
        return False
    return PLAINLY.search(head) is not None or SECTION.search(head) is not None


def excluded(path: str, exclude_of: Callable[[str], Globs] = lambda _: globs((), "")) -> bool:
    """Whether a walk would pass a file over: from the root of its repository, else from the directory of its settings."""
    full = os.path.abspath(path)
    folder = os.path.dirname(full)
    here = _repository(folder) or exclude_of(folder).root or folder
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
    """The folders from a directory down to a path in it, and the path itself."""
    for part in os.path.relpath(path, directory).split(os.sep):
        directory = os.path.join(directory, part)
        yield directory


def shown(path: str) -> str:
    """How a path is written in a report: relative to here where it lies below, with forward slashes."""
    full = os.path.abspath(path)
    here = os.getcwd()
    for inside in (full, os.path.realpath(full)):  # the working directory may have been reached by a link
        if inside.startswith(here + os.sep):
            return inside[len(here) + 1 :].replace(os.sep, "/")
    return os.path.normpath(path).replace(os.sep, "/")


def walk(directory: str, exclude_of: Callable[[str], Globs]) -> Iterator[Found]:
    """Scripts, notebooks, and what may be configurations, below a directory, sorted by path."""
    yield from _walk(directory, _ignores_above(os.path.abspath(directory)), exclude_of)


def _walk(directory: str, ignores: tuple[Globs, ...], exclude_of: Callable[[str], Globs]) -> Iterator[Found]:
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
    for entry in entries:
        path = os.path.join(full, entry.name)
        is_directory = entry.is_dir(follow_symlinks=False)
        if is_directory and entry.name in NEVER_OURS:
            continue
        if not is_directory and not (entry.name.endswith(SUFFIXES) and _may_be_read(entry)):
            continue
        if _is_excluded(path, is_directory, excluded):
            continue
        inner = os.path.join(directory, entry.name) if directory != "." else entry.name
        if is_directory:
            yield from _walk(inner, ignores, exclude_of)
        else:
            yield Found(inner, shown(inner), False)


def _may_be_read(entry: os.DirEntry[str]) -> bool:
    """A file, or a link that leads nowhere (which is worth a word); no directory, pipe or device."""
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
    """The .gitignore files above a directory, up to the root of its repository, outermost first."""
    root = _repository(directory)
    if root is None:
        return ()  # only what lies in the directory itself counts
    above = (root, *_below(root, directory))[:-1] if directory != root else ()
    exclude = _read(os.path.join(root, ".git", "info", "exclude"), root)
    return (exclude, *(_read(os.path.join(folder, ".gitignore"), folder) for folder in above))


def _repository(directory: str) -> str | None:
    """The nearest directory with .git, from an absolute path upwards."""
    while not os.path.exists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory


def _read(path: str, root: str) -> Globs:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return globs(tuple(file.read().removeprefix("\ufeff").splitlines()), root)
    except OSError:
        return globs((), root)
