"""Display options of a report, for all formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .files import Files
from .terminal import PLAIN, Terminal

if TYPE_CHECKING:
    from ..gpu_memory.summary import MemoryReport
    from ..policy.rulebook import Rule
    from ..rows.shown import Example
    from .plan_json import PlanReport


@dataclass(frozen=True)
class View:
    """Display options of a report.

    `quiet` shows only the findings, `verbose` shows every item; `policy` is the name of the policy; `show_unknown` adds
    the items that could not be decided. `root` is the directory that paths are relative to, in formats with paths of a
    repository; `rules` returns the rules by id, as the settings configure them; `plan` returns the plan of a reviewed
    file and the memory that it needs.
    """

    terminal: Terminal = PLAIN
    quiet: bool = False
    verbose: bool = False
    policy: str = "nl2sql"
    show_suppressed: bool = False
    show_unknown: bool = False
    root: str = ""
    files: Files = field(default_factory=Files)
    of_data: bool = False  # whether the files are data files rather than scripts
    shown: Sequence[Example] = ()  # rows of data files as the model will see them
    rules: Callable[[], Mapping[str, Rule]] = dict
    plan: Callable[[str], tuple[PlanReport, MemoryReport] | None] = lambda path: None
