"""Differences between two runs: the public, versioned result of `nl2sql-review diff`.

A side is a script, notebook or configuration, one of another revision, or a finished run. Equal settings are counted,
not listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .report import Verdict

VERSION = 1

Weight = Literal["certain", "may", "note"]


@dataclass(frozen=True, slots=True)
class Stated:
    """Value of a setting on one side.

    `text` is the value in words ("unset" if there is none), `value` the same as JSON if it is plain, `kind` as in a
    plan. `origin` is its place in words: `train.py:12 r=args.rank`.
    """

    text: str
    value: Any = None
    kind: str = "absent"
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs between the sides.

    `section` is that of the plan; `note` gives the reason if it is not in the files themselves: the library versions
    that they state.
    """

    section: str
    name: str
    before: Stated
    after: Stated
    note: str = ""


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """An item of the checklist with another verdict; `evidence` is that of the later side."""

    rule: str
    title: str
    before: Verdict
    after: Verdict
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """An observation about a side beyond its values: a file missing beside an adapter, a loss that never changes.

    "certain" is a contradiction, "may" can have another reason, "note" describes the limits of the comparison.
    """

    weight: Weight
    text: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """Differences between two sides.

    `differences` are settings, by section; `consequences` follow from them (effective batch, steps, memory, tokens);
    `prompt` is a unified diff of the training text, line by line; `equal` counts the settings that agree.
    """

    before: str
    after: str
    differences: tuple[Difference, ...] = ()
    consequences: tuple[Difference, ...] = ()
    verdicts: tuple[VerdictChange, ...] = ()
    prompt: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    equal: int = 0
    version: int = VERSION

    @property
    def differs(self) -> bool:
        """Return whether there is any difference."""
        contradicted = any(remark.weight == "certain" for remark in self.remarks)
        return bool(self.differences or self.prompt or self.verdicts or contradicted)
