"""Reviews NL2SQL fine-tuning scripts without running them.

The public API: `review`, `plan` and `memory`, with the types that they take and return. docs/api.md has examples.
Importing the package loads nothing else: a name is imported on first use, so that the command line starts fast.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = [
    "ChecklistItem",
    "FileReport",
    "Finding",
    "MemoryReport",
    "NotAConfiguration",
    "Options",
    "PlanReport",
    "Report",
    "SettingsError",
    "SourceError",
    "UnknownCard",
    "__version__",
    "memory",
    "plan",
    "review",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Union

    from .flavours import NotAConfiguration
    from .gpu_memory.cards import UnknownCard
    from .gpu_memory.summary import MemoryReport
    from .policy.settings import SettingsError
    from .render.plan_json import PlanReport
    from .report.report import ChecklistItem, FileReport, Finding, Report
    from .run.options import Options
    from .source import SourceError

    Path = Union[str, os.PathLike[str]]
else:
    HOMES = {
        "ChecklistItem": "report.report",
        "FileReport": "report.report",
        "Finding": "report.report",
        "MemoryReport": "gpu_memory.summary",
        "NotAConfiguration": "flavours",
        "Options": "run.options",
        "PlanReport": "render.plan_json",
        "Report": "report.report",
        "SettingsError": "policy.settings",
        "SourceError": "source",
        "UnknownCard": "gpu_memory.cards",
    }

    def __getattr__(name: str) -> object:
        """Import a public type from the module that defines it."""
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        made = globals()[name] = getattr(import_module(f".{HOMES[name]}", __name__), name)
        return made

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


def review(paths: Path | Sequence[Path], options: Options | None = None) -> Report:
    """Review the scripts, notebooks, configurations and directories in `paths`, each against the checklist.

    Returns one `FileReport` for each file, in order. A file that cannot be read or parsed has the status "error" and a
    finding; a file that trains nothing has the status "skipped"; a fault of this program is an entry of
    `internal_errors`. Raises SettingsError for settings or options that cannot be used.
    """
    from os import PathLike, fspath

    from .run.batch import review as reviewed
    from .run.options import Options

    named = [paths] if isinstance(paths, (str, PathLike)) else paths
    return reviewed([fspath(path) for path in named], options or Options())


def plan(path: Path, options: Options | None = None) -> PlanReport:
    """Return what one script or configuration would train with: every value, its origin, and the calls.

    A script that trains nothing has no calls, and no facts in any section. Raises OSError for a file that cannot be
    opened, SourceError for a file that cannot be parsed, NotAConfiguration for a document that no training program
    reads, SettingsError for settings or options that cannot be used.
    """
    from os import fspath

    from .render.plan_json import describe
    from .run.options import Options
    from .run.reviewer import plan as planned

    read = planned(fspath(path), options or Options())
    return describe(read.recording, read.plans)


def memory(path: Path, options: Options | None = None, *, gpu: str | None = None) -> MemoryReport:
    """Estimate the GPU memory, in GiB, that the runs of one script or configuration need.

    `gpu` is the card, as in "T4", "A100 80GB" or "16GB"; the default is the card named in the settings or in a comment
    of the script. Returns one summary for each trainer, none for a script that trains nothing; if there is no estimate,
    the `reason` of the summary explains why. Raises UnknownCard, and the errors of `plan`.
    """
    from os import fspath

    from .gpu_memory import cards
    from .run.memory import of_script
    from .run.options import Options

    if gpu is not None:
        cards.find(gpu)  # an unknown card is an error whatever the script holds
    return of_script(fspath(path), gpu, {}, name=fspath(path), options=options or Options())
