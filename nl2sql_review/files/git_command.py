"""Runs git on an unreviewed repository so that no program named in the repository is run.

A repository's own configuration, attributes and hooks can name programs: a file-system monitor, filters, diff drivers,
a pager, hooks, a remote to fetch missing objects from. Each is switched off; only the repository whose `.git` was
found by an explicit search is opened, so that a folder that merely looks like a bare repository is ignored.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

OLDEST = (2, 38)  # the first with safe.bareRepository
PATIENCE = 120  # seconds for one answer; a pipe in the place of an included file would be waited for for ever
MEMORY = 2 << 30  # bytes that git may fill, beside files that it maps: a link to a device is read without end

SETTINGS = (
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.askPass=",
    "core.gitProxy=",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "diff.external=",
    "diff.autoRefreshIndex=false",
    "diff.ignoreSubmodules=dirty",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "core.quotePath=false",
)
ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # for a git that does not know GIT_NO_LAZY_FETCH; stronger than protocol.<name>.allow
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# What a hook of git says of its own repository is not true of another one, and no variable may name a program.
DROPPED = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_REPLACE_REF_BASE", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_ASKPASS",
    "SSH_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND", "GIT_CEILING_DIRECTORIES", "GIT_ATTR_SOURCE",
)  # fmt: skip
DRIVER = re.compile(rb"filter\.(.*)\.(?:clean|smudge|process|required)", re.DOTALL)


class GitError(Exception):
    """Error of git, or of running it; the text gives the reason and the remedy."""


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree; `top` is the folder with `.git`, `filters` are the drivers it may run."""

    top: str
    filters: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def around(cls, directory: str) -> Repository:
        """Find the repository of a directory. Raises GitError."""
        _program(tuple(os.get_exec_path()))  # the first thing missing is the first thing said
        folder = os.path.realpath(directory)
        while not _marked(folder):
            above = os.path.dirname(folder)
            if above == folder:
                raise GitError(f"not a git repository: no .git in {directory} or above it")
            folder = above
        return cls.at(folder)

    @classmethod
    def at(cls, top: str) -> Repository:
        """Open the repository whose `.git` is in a folder. Raises GitError if git opens another one instead."""
        bare = cls(top)
        told = os.path.realpath(os.fsdecode(bare.ask("rev-parse", "--show-toplevel")).removesuffix("\n"))
        if told != top:
            raise GitError(f"the repository at {top} has its files elsewhere, in {told}: unset its core.worktree")
        names = bare.ask("config", "-z", "--includes", "--name-only", "--list").split(b"\0")
        drivers = {match[1] for match in map(DRIVER.fullmatch, names) if match}
        return cls(top, tuple(sorted(drivers)))

    def says(self, *words: str) -> str:
        """Return the output of git, "" if it fails."""
        try:
            return os.fsdecode(self.ask(*words)).strip()
        except GitError:
            return ""

    def ask(self, *words: str) -> bytes:
        """Return the output of git. Raises GitError with its error message."""
        said, fault = _run(self.top, self._environment(), *words)
        if not fault:
            return said
        if self._lacks_objects(words):
            raise GitError(
                f"{self.top} is a partial clone, and a review does not fetch anything: "
                f"git fetch --refetch --no-filter ({fault})"
            )
        raise GitError(fault)

    def _lacks_objects(self, words: tuple[str, ...]) -> bool:
        return words[0] in ("diff", "cat-file") and bool(self.says("config", "--get-regexp", r"^remote\..*\.promisor$"))

    def _environment(self) -> dict[str, str]:
        """Return the caller's environment without variables that name a program; an empty filter is not run."""
        kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
        made = {**kept, **ENVIRONMENT, "GIT_CEILING_DIRECTORIES": os.path.dirname(self.top)}
        given = made.get("GIT_CONFIG_COUNT", "")
        number = int(given) if given.isascii() and given.isdigit() else 0
        for driver in self.filters:
            for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")):
                made[f"GIT_CONFIG_KEY_{number}"] = f"filter.{os.fsdecode(driver)}.{key}"
                made[f"GIT_CONFIG_VALUE_{number}"] = value
                number += 1
        made["GIT_CONFIG_COUNT"] = str(number)
        return made


def _marked(folder: str) -> bool:
    """Return whether git would take the folder for the top of a repository: an empty `.git` does not count."""
    mark = os.path.join(folder, ".git")
    return os.path.isfile(mark) or os.path.lexists(os.path.join(mark, "HEAD"))


def _run(directory: str, environment: dict[str, str], *words: str) -> tuple[bytes, str]:
    """Return the output of git, and its error message, "" if there is none."""
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    command = [_program(tuple(os.get_exec_path())), "--no-pager", "--no-replace-objects", *settings, *words]
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        with subprocess.Popen(
            command, cwd=directory, env=environment, stdin=nothing, stdout=pipe, stderr=pipe
        ) as asked:
            _limit(asked.pid)
            try:
                out, err = asked.communicate(timeout=PATIENCE)
            except BaseException:
                asked.kill()
                raise
    except subprocess.TimeoutExpired:
        return b"", f"git {words[0]} in {directory} did not answer within {PATIENCE} seconds"
    except (OSError, ValueError) as error:
        return b"", f"git cannot be run on {directory}: {error}"
    if not asked.returncode:
        return out, ""
    said = os.fsdecode(err).strip().splitlines()
    return b"", said[0].removeprefix("fatal: ") if said else f"git {words[0]} ended with {asked.returncode}"


def _limit(process: int) -> None:
    """Keep a process from filling the memory, where the system can."""
    if sys.platform == "linux":
        import resource

        with contextlib.suppress(OSError, ValueError):  # it has ended, or has less already
            _, hard = resource.prlimit(process, resource.RLIMIT_DATA)
            resource.prlimit(process, resource.RLIMIT_DATA, (MEMORY, hard))


@functools.cache
def _program(folders: tuple[str, ...]) -> str:
    """Return the path of git, never from the working directory, which is under review. Raises GitError if too old."""
    name = "git.exe" if os.name == "nt" else "git"
    for folder in filter(os.path.isabs, folders):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            break
    else:
        raise GitError("git is not installed; it is needed to know what has changed")
    said = subprocess.run([path, "version"], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL).stdout
    found = re.search(rb"(?<!\d)(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        version = found[0].decode() if found else "of unknown version"
        raise GitError(
            f"{path} is git {version}, and a repository can make it run commands: install git "
            f"{OLDEST[0]}.{OLDEST[1]} or newer"
        )
    return path
