"""What differs between two runs: the public, versioned result of `nl2sql-review diff`.

A side is a script, notebook or configuration, one of another revision, or a finished run. Equal things are counted and
never named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .report import Verdict

VERSION = 1

Weight = Literal["certain", "may", "note"]


@dataclass(frozen=True, slots=True)
class Stated:
    """What one side says of a setting.

    `text` is the value in words ("unset" where nothing is said), `value` the same as JSON where it is plain, `kind` as
    in a plan. `origin` is where it comes from, in words: `train.py:12 r=args.rank`.
    """

    text: str
    value: Any = None
    kind: str = "absent"
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting on which the sides differ. `section` is that of the plan; `note` says why they may, if not by what
    the files say: the library versions that they state."""

    section: str
    name: str
    before: Stated
    after: Stated
    note: str = ""


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """An item of the checklist that is judged otherwise; `evidence` is the later side's."""

    rule: str
    title: str
    before: Verdict
    after: Verdict
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a side beyond values: a file that lies not beside an adapter, a loss that never moves.

    "certain" is a contradiction, "may" what may have another reason, "note" says how far the comparison goes.
    """

    weight: Weight
    text: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """`differences` are settings, by section; `consequences` what follows from them (effective batch, steps, memory,
    tokens); `prompt` a unified diff of the training text, line by line; `equal` how many settings agree."""

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
        """Whether anything is not the same."""
        contradicted = any(remark.weight == "certain" for remark in self.remarks)
        return bool(self.differences or self.prompt or self.verdicts or contradicted)
