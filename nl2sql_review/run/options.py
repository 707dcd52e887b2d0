"""Options of a run besides the paths: one object that every entry point takes and passes on."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..adoption.changes import Changes
    from .cache import Cache


class Options:
    """The options of a run. Immutable; `but` makes a changed copy.

    `config`: the one settings file to read, instead of the nearest of each script.
    `isolated`: read no settings file.
    `overrides`: settings that win over those of files, under the keys of a settings file: `{"select": ["lora"]}`.
    `command_line`: the words after the name of the script when it is started; None if unknown.
    `flavour`: the program that reads the configurations, if their keys would select another one.
    `within`: real paths of directories; no module or data file beside a script is read outside them.
    `stdin`: the name and the bytes of the script that the path `-` stands for.
    `force_exclude`: apply exclusions to files that are named as well, not only to those found in a directory.
    `changes`: count only findings that these changes touched or caused.
    `cache`: the cache to read answers from and to store them in; None for no cache.
    `jobs`: the number of processes that share the work, None for one per processor.
    `progress`: a function to call with the number of files reviewed and the number to review.
    """

    # By hand, not by `dataclass`: what the cache answers imports neither that nor typing.
    __slots__ = ("config", "isolated", "overrides", "command_line", "flavour", "within", "stdin", "force_exclude",
                 "changes", "cache", "jobs", "progress")  # fmt: skip
    config: str | None
    isolated: bool
    overrides: Mapping[str, Any]
    command_line: tuple[str, ...] | None
    flavour: str
    within: tuple[str, ...]
    stdin: tuple[str, bytes] | None
    force_exclude: bool
    changes: Changes | None
    cache: Cache | None
    jobs: int | None
    progress: Callable[[int, int], None] | None

    def __init__(
        self,
        *,
        config: str | None = None,
        isolated: bool = False,
        overrides: Mapping[str, Any] | None = None,
        command_line: tuple[str, ...] | None = None,
        flavour: str = "",
        within: tuple[str, ...] = (),
        stdin: tuple[str, bytes] | None = None,
        force_exclude: bool = False,
        changes: Changes | None = None,
        cache: Cache | None = None,
        jobs: int | None = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        values = (
            config,
            isolated,
            overrides or {},
            command_line,
            flavour,
            within,
            stdin,
            force_exclude,
            changes,
            cache,
            jobs,
            progress,
        )
        for name, value in zip(self.__slots__, values):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"options cannot be changed: make a copy with but({name}=…)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("options cannot be changed: make a copy with but(…)")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and self._values() == other._values()

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={value!r}' for name, value in self._values().items())})"

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def but(self, **changes: Any) -> Options:
        """Return a copy with these options in place of the present ones. Raises TypeError for an unknown name."""
        return Options(**{**self._values(), **changes})

    def cache_key(self) -> str:
        """Return the options that affect the findings in a file, and the working directory, as text."""
        chosen = [self.config, self.isolated, self.overrides, self.command_line, self.flavour, self.within]
        return json.dumps([os.getcwd(), *chosen], sort_keys=True)
