"""Reads a repository's files from git, including submodules: what changed since a commit, and the earlier content.

The git program is called instead of reading its files, since it handles worktrees, renames and ignored files.
`git_command.py` calls it so that no program named in a repository is run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .git_command import GitError, Repository

__all__ = ["Before", "GitError", "Tree", "before", "tree"]

SUBMODULE, FILES = "160000", ("100644", "100755")  # modes of an entry


class Blob(NamedTuple):
    """Earlier content of a file: its repository, and its name there."""

    repository: Repository
    name: str


class Before(Mapping[str, bytes]):
    """Changed files that existed before: real path → earlier content, read on access."""

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.gone: set[str] = set()  # files that were there and are not any more
        self.same: set[str] = set()  # files that have not changed
        self._contents: dict[str, bytes] = {}

    def __getitem__(self, path: str) -> bytes:
        if path not in self._contents:
            blob = self.blobs[path]
            self._contents[path] = blob.repository.ask("cat-file", "blob", blob.name)
        return self._contents[path]

    def __contains__(self, path: object) -> bool:
        return path in self.blobs

    def __iter__(self) -> Iterator[str]:
        return iter(self.blobs)

    def __len__(self) -> int:
        return len(self.blobs)


def before(ref: str) -> Before:
    """Return the files of the working directory's repository from before its branch left `ref`. Raises GitError."""
    repository = Repository.around(os.getcwd())
    made = Before()
    _collect(repository, _base(repository, ref), made)
    return made


def _base(repository: Repository, ref: str) -> str:
    """Return the commit where the branch left `ref`. Raises GitError."""
    top = repository.top
    if not repository.says("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"):
        fetch = f"fetch it, as in git fetch origin {ref.removeprefix('origin/')}"
        remedy = _remedy(repository, "commit first, or leave out --changed-only" if ref == "HEAD" else fetch)
        raise GitError(f"there is no commit {ref} in {top}: {remedy}")
    base = repository.says("merge-base", "--", ref, "HEAD")
    if not base:
        remedy = _remedy(repository, "compare with a branch that shares history with this one")
        raise GitError(f"{ref} and HEAD have no commit in common in {top}: {remedy}")
    return base


def _remedy(repository: Repository, otherwise: str) -> str:
    if repository.says("rev-parse", "--is-shallow-repository") == "true":
        return (
            "this clone is shallow; fetch the history: git fetch --unshallow, in GitHub Actions fetch-depth: 0, "
            "in GitLab GIT_DEPTH: 0"
        )
    return otherwise


def _collect(repository: Repository, base: str, made: Before) -> None:
    def path(name: bytes) -> str:
        return os.path.join(repository.top, os.fsdecode(name))

    tracked: set[str] = set()
    submodules: dict[str, str] = {}  # path → the commit it was at
    for entry in repository.ask("ls-files", "-z", "--cached", "--stage").split(b"\0"):
        head, _, name = entry.partition(b"\t")
        if name:
            mode, commit, _ = os.fsdecode(head).split(" ")
            if mode == SUBMODULE:
                submodules[path(name)] = commit
            else:
                tracked.add(path(name))
    # Dirty submodules are looked into below: git would start another git in each, beyond these settings.
    compare = ("--raw", "-z", "--no-abbrev", "--find-renames", "--ignore-submodules=dirty", "--no-ext-diff")
    # No file of the repository's choice says in which order they come.
    plain = ("--no-textconv", f"-O{os.devnull}")
    fields = iter(repository.ask("diff", *compare, *plain, base, "--").split(b"\0"))
    for head in fields:
        if not head:
            continue
        old_mode, new_mode, old, _, status = os.fsdecode(head[1:]).split(" ")
        source = path(next(fields))
        target = path(next(fields)) if status[0] in "RC" else source
        tracked.discard(target)
        submodules.pop(target, None)
        if old_mode == SUBMODULE and new_mode == SUBMODULE:
            submodules[target] = old
        elif status[0] == "D":
            made.gone.add(source)
        elif old_mode in FILES:
            made.blobs[target] = Blob(repository, old)
            if status[0] == "R":
                made.gone.add(source)
    made.same |= tracked
    for top, commit in submodules.items():
        # A link in the place of a submodule would lead to a repository that is not part of this one.
        if os.path.exists(os.path.join(top, ".git")) and os.path.realpath(top) == top:
            _submodule(Repository.at(top), commit, made)


def _submodule(repository: Repository, base: str, made: Before) -> None:
    if not repository.says("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}"):
        top = repository.top
        raise GitError(f"the submodule {top} lacks its previous commit {base[:12]}: git -C {top} fetch --unshallow")
    _collect(repository, base, made)


class Tree(Mapping[str, bytes]):
    """The files of one commit, by the real paths that they have in the working tree → what they held; read when asked.

    `top` is the folder of the repository: below it nothing else was there. Submodules are those of that commit;
    `absent` are those that are not checked out here, or lack it, and the commit that they were at.
    """

    def __init__(self, repository: Repository, commit: str) -> None:
        self.top, self.commit = repository.top, commit
        self.absent: dict[str, str] = {}
        self._names: dict[str, Blob] = {}
        self._contents: dict[str, bytes] = {}
        self._list(repository, commit)

    def _list(self, repository: Repository, commit: str) -> None:
        for entry in repository.ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            head, _, name = entry.partition(b"\t")
            mode, _, id = os.fsdecode(head).replace(" commit ", " blob ").partition(" blob ")
            path = os.path.join(repository.top, os.fsdecode(name))
            if name and mode in FILES:
                self._names[path] = Blob(repository, id)
            elif name and mode == SUBMODULE:
                self._list_submodule(path, id)

    def _list_submodule(self, top: str, commit: str) -> None:
        # A link in the place of a submodule would lead to a repository that is not part of this one.
        if os.path.exists(os.path.join(top, ".git")) and os.path.realpath(top) == top:
            inner = Repository.at(top)
            if inner.says("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
                return self._list(inner, commit)
        self.absent[top] = commit

    def __getitem__(self, path: str) -> bytes:
        if path not in self._contents:
            blob = self._names[path]
            self._contents[path] = blob.repository.ask("cat-file", "blob", blob.name)
        return self._contents[path]

    def __contains__(self, path: object) -> bool:
        return path in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def tree(ref: str) -> Tree:
    """Return the files of the working directory's repository at a commit. Raises GitError for an unknown commit."""
    repository = Repository.around(os.getcwd())
    commit = repository.says("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not commit:
        raise GitError(f"there is no commit {ref} in {repository.top}: {_remedy(repository, 'name one that exists')}")
    return Tree(repository, commit)
