"""What git knows of a repository's files, those of submodules too: what changed since a commit, and what it held.

The program is asked, never its files: it knows of worktrees, renames, filters and ignored files.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import NamedTuple

SUBMODULE, FILES = "160000", ("100644", "100755")  # modes of an entry


class GitError(Exception):
    """git cannot say what has changed; the text says why, and what to do."""


class Blob(NamedTuple):
    """The content of a file as it was: in which repository, and its name there."""

    repository: str
    name: str


class Before(Mapping[str, bytes]):
    """The files that have changed and were there before, by real path → what they held; read when asked for."""

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.gone: set[str] = set()  # files that were there and are not any more
        self.same: set[str] = set()  # files that have not changed
        self._contents: dict[str, bytes] = {}

    def __getitem__(self, path: str) -> bytes:
        if path not in self._contents:
            blob = self.blobs[path]
            self._contents[path] = _git(blob.repository, "cat-file", "blob", blob.name)
        return self._contents[path]

    def __contains__(self, path: object) -> bool:
        return path in self.blobs

    def __iter__(self) -> Iterator[str]:
        return iter(self.blobs)

    def __len__(self) -> int:
        return len(self.blobs)


def before(ref: str) -> Before:
    """The files of the working directory's repository as they were where its branch left `ref`. Raises GitError."""
    top = os.path.realpath(os.fsdecode(_git(os.getcwd(), "rev-parse", "--show-toplevel")).removesuffix("\n"))
    made = Before()
    _collect(top, _base(top, ref), made)
    return made


def _base(top: str, ref: str) -> str:
    """The commit where the branch left `ref`."""
    if not _says(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"):
        fetch = f"fetch it, as in git fetch origin {ref.removeprefix('origin/')}"
        remedy = _remedy(top, "commit first, or leave out --changed-only" if ref == "HEAD" else fetch)
        raise GitError(f"there is no commit {ref} in {top}: {remedy}")
    base = _says(top, "merge-base", "--", ref, "HEAD")
    if not base:
        remedy = _remedy(top, "compare with a branch that shares history with this one")
        raise GitError(f"{ref} and HEAD have no commit in common in {top}: {remedy}")
    return base


def _remedy(top: str, otherwise: str) -> str:
    if _says(top, "rev-parse", "--is-shallow-repository") == "true":
        return (
            "this clone is shallow; fetch the history: git fetch --unshallow, in GitHub Actions fetch-depth: 0, "
            "in GitLab GIT_DEPTH: 0"
        )
    return otherwise


def _collect(top: str, base: str, made: Before) -> None:
    def path(name: bytes) -> str:
        return os.path.join(top, os.fsdecode(name))

    listed = _git(top, "ls-files", "-z", "--cached")
    tracked = {path(name) for name in listed.split(b"\0") if name}
    fields = iter(
        _git(top, "diff", "--raw", "-z", "--no-abbrev", "--find-renames", "--ignore-submodules=none", base).split(b"\0")
    )
    for head in fields:
        if not head:
            continue
        old_mode, new_mode, old, _, status = os.fsdecode(head[1:]).split(" ")
        source = path(next(fields))
        target = path(next(fields)) if status[0] in "RC" else source
        tracked.discard(target)
        if old_mode == SUBMODULE and new_mode == SUBMODULE:
            if os.path.exists(os.path.join(target, ".git")):
                _submodule(target, old, made)
        elif status[0] == "D":
            made.gone.add(source)
        elif old_mode in FILES:
            made.blobs[target] = Blob(top, old)
            if status[0] == "R":
                made.gone.add(source)
    for name in tracked:
        if os.path.exists(os.path.join(name, ".git")):
            made.same |= _files_of(name)
    made.same |= tracked


def _submodule(top: str, base: str, made: Before) -> None:
    if not _says(top, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}"):
        raise GitError(f"the submodule {top} lacks the commit {base[:12]} it was at: git -C {top} fetch --unshallow")
    _collect(top, base, made)


def _files_of(top: str) -> set[str]:
    """The files of a submodule that has not changed."""
    names = _git(top, "ls-files", "-z", "--cached", "--recurse-submodules").split(b"\0")
    return {os.path.join(top, os.fsdecode(name)) for name in names if name}


def _says(top: str, *words: str) -> str:
    """What git answers, "" when it says no."""
    try:
        return os.fsdecode(_git(top, *words)).strip()
    except GitError:
        return ""


def _git(directory: str, *words: str) -> bytes:
    # What a hook of git says of its own repository is not true of another one.
    inside = {
        k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_INDEX_FILE")
    }
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=false", "-c", "diff.ignoreSubmodules=none", *words],
            cwd=directory, env={**inside, "LC_ALL": "C"}, capture_output=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise GitError("git is not installed, and it alone knows what has changed") from None
    if done.returncode:
        said = os.fsdecode(done.stderr).strip().splitlines()
        raise GitError(said[0].removeprefix("fatal: ") if said else f"git {words[0]} ended with {done.returncode}")
    return done.stdout
