"""Selects the files of a run: the named paths, without those that the settings of their folders exclude."""

from __future__ import annotations

import os

from ..files import discovery, disk, globs, projects
from .cache import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .options import Options
    from .reviewer import Reviewer

# The settings files that may count for a directory: where they are the same, so are the settings.
Chain = tuple[str, ...]


class FolderSettings:
    """Settings of directories that decide which files count: from the cache, else from a reviewer."""

    def __init__(self, options: Options, reviewer: Callable[[], Reviewer]) -> None:
        self._options, self._cache, self._reviewer = options, options.cache, reviewer
        self._key = options.cache_key()
        self._exclusions: dict[Chain, globs.Globs] = {}
        self._entries: dict[Chain, Entry] = {}
        self._new: list[Chain] = []  # read in this run
        self._chains: dict[str, Chain] = {}

    def exclusions(self, directory: str) -> globs.Globs:
        """Return the patterns that the settings for files in a directory exclude. Raises SettingsError."""
        exclusions = self.exclusions_from_cache(directory)
        if exclusions is None:
            chain = self._chain(os.path.abspath(directory))
            with disk.Remembering() as seen:
                settings = self._reviewer().settings(directory)
            exclusions = self._exclusions[chain] = globs.globs(settings.exclude, settings.root)
            head = {"exclude": settings.exclude, "root": settings.root, "baseline": bool(settings.baseline)}
            self._entries[chain] = Entry(disk.together(seen), head)
            self._new.append(chain)
        return exclusions

    def exclusions_from_cache(self, directory: str) -> globs.Globs | None:
        """Return the patterns that the settings exclude, or None if they must be read."""
        chain = self._chain(os.path.abspath(directory))
        if chain not in self._exclusions and self._cache is not None:
            entry = self._cache.find("settings", *chain, self._key)
            if entry is not None:
                self._entries[chain] = entry
                self._exclusions[chain] = globs.globs(tuple(entry.head["exclude"]), entry.head["root"])
        return self._exclusions.get(chain)

    def has_baseline(self, directory: str) -> bool:
        """Return whether a baseline accepts findings of files in a directory. Raises SettingsError."""
        self.exclusions(directory)
        return bool(self._entries[self._chain(os.path.abspath(directory))].head["baseline"])

    def evidence(self) -> str:
        """Return everything that the settings of the working directory depend on, as text."""
        return repr(self._entries[self._chain(os.getcwd())].seen)

    def store(self) -> None:
        """Store the settings that were read in this run."""
        if self._cache is not None:
            for chain in self._new:
                self._cache.store(self._entries[chain], "settings", *chain, self._key)

    def _chain(self, directory: str) -> Chain:
        if self._options.config is not None or self._options.isolated:
            return (self._options.config or "",)
        if directory not in self._chains:
            own, last = projects.own_candidates(directory)
            above = os.path.dirname(directory)
            self._chains[directory] = own if last or above == directory else own + self._chain(above)
        return self._chains[directory]


def standard_input(options: Options) -> tuple[str, bytes]:
    """Return the name and the bytes of the file that the path `-` stands for."""
    return options.stdin if options.stdin is not None else ("<stdin>", b"")


def _started(found: discovery.Found, options: Options) -> list[discovery.Found]:
    """Return the files that a named launch file starts, in its place; for other files the file itself."""
    if not found.given or found.problem or not discovery.may_launch(found.path):
        return [found]
    from .starts import launched

    return launched(found.path, found.shown, options.within)


def find_files(paths: Sequence[str], options: Options, settings: FolderSettings) -> list[discovery.Found]:
    """Return the files that the paths refer to, in order. Raises SettingsError."""
    found: list[discovery.Found] = []
    for one in discovery.find((p for p in paths if p != "-"), settings.exclusions, options.force_exclude):
        found += _started(one, options)
    name = standard_input(options)[0]
    if "-" in paths and not (options.force_exclude and discovery.excluded(name, settings.exclusions)):
        found.insert(min(list(paths).index("-"), len(found)), discovery.Found("-", "-", True))
    return found
