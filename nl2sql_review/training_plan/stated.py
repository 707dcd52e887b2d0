"""What a project states of its runs, as far as a plan rests on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ProjectSettings(Protocol):
    """The part of a project's settings that is read before there is a plan; `policy.settings.Settings` has it."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Of a library the version or requirement that the scripts run on."""

    @property
    def sources(self) -> Mapping[str, str]:
        """Of a key of the settings where it was said."""

    @property
    def processes(self) -> int | None:
        """How many processes train at once."""

    @property
    def launch(self) -> tuple[str, ...]:
        """The files that say how the scripts are launched, relative to `root`."""

    @property
    def root(self) -> str:
        """The directory of the settings file, "" where there is none."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Of a rule what the project expects of it."""
