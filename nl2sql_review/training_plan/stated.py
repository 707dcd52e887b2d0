"""A project's statements about its runs, as far as a plan depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ProjectSettings(Protocol):
    """The project settings that are read before there is a plan, as `policy.settings.Settings` has them."""

    @property
    def versions(self) -> Mapping[str, str]:
        """For each library, the version or requirement that the scripts run on."""

    @property
    def sources(self) -> Mapping[str, str]:
        """For each key of the settings, the source it comes from."""

    @property
    def processes(self) -> int | None:
        """The number of processes that train at once."""

    @property
    def launch(self) -> tuple[str, ...]:
        """The files that define how the scripts are launched, relative to `root`."""

    @property
    def root(self) -> str:
        """The directory of the settings file, "" if there is none."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """For each rule, the parameters that the project sets for it."""
