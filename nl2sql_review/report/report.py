"""The public, versioned result of a review, rendered as JSON, SARIF and every other format.

Rows and columns are 1-based, columns count code points, ends are exclusive. `cell` is the 1-based index over all
cells of a notebook; rows then count within that cell. In a data file a row is a record, and row 0, which is null in
JSON, stands for the file as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

VERSION = 1

Severity = Literal["error", "warning", "advice"]
Effect = Literal["silent", "stops", "cost", "style"]
Kind = Literal["trap", "policy"]
Certainty = Literal["certain", "default", "branch"]
Verdict = Literal["pass", "fail", "unknown", "not-applicable"]
Status = Literal["reviewed", "skipped", "error"]
Suppressor = Literal["comment", "baseline", "unchanged"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "advice")
CERTAINTIES: tuple[Certainty, ...] = ("certain", "default", "branch")
KINDS: tuple[Kind, ...] = ("trap", "policy")
EFFECTS: tuple[Effect, ...] = ("stops", "silent", "cost", "style")


@dataclass(frozen=True, slots=True)
class Location:
    path: str
    row: int
    column: int
    end_row: int
    end_column: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One place that a value passed through; `text` is the code there or its meaning."""

    location: Location
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A place and the text that replaces it; an empty place is a point between two characters."""

    location: Location
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that remove a finding, proved by reviewing the script with them.

    "safe": the script does the same except for the finding. Edits may be in other files than the script. A "repair"
    makes the script do what it evidently should do; a change of a choice is "policy".
    """

    title: str
    applicability: Literal["safe", "unsafe"]
    edits: tuple[Edit, ...] = ()
    kind: Literal["repair", "policy"] = "policy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about what the script does, and why that is wrong.

    `kind`: a "trap" stops the run, or trains something else than the script states; "policy" is a team's choice.
    `value` is the resolved value as JSON (None if there is none), `related` the ids of rules that found the same
    defect. `suppressed` is the reason why it does not count (an empty string for a comment without a reason), or None,
    and `suppressed_by` the means: a comment in the source, the baseline, or unchanged lines. `fixable`: its rule has a
    way to fix such a finding; `fix` is the fix itself, once it has been requested and proved. `fingerprint` stays the
    same while the code of the finding does, wherever it moves in its file; no two findings of a report share one. `run`
    names the command line that it applies to, if it applies to some of several.
    """

    rule: str
    severity: Severity
    effect: Effect
    certainty: Certainty
    message: str
    value: Any
    location: Location
    trace: tuple[TraceStep, ...] = ()
    related: tuple[str, ...] = ()
    suppressed: str | None = None
    suppressed_by: Suppressor | None = None
    help: str = ""
    fixable: bool = False
    fix: Fix | None = None
    fingerprint: str = ""
    kind: Kind = "policy"
    run: str = ""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One row of the checklist: `evidence` is the basis of the verdict, `reason` explains unknown and not-applicable.

    `accepted`: it fails, and every finding of it is suppressed, by a comment or the baseline.
    """

    rule: str
    section: str
    title: str
    verdict: Verdict
    certainty: Certainty
    evidence: str
    reason: str = ""
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class FileReport:
    """Result of a review for one file; `runs` are the command lines that start it, or run it as a module, if known.

    `notes` list unexpected assumptions of the judgement: a library version that is not in the tables, the script that
    runs it as a module.
    """

    path: str
    status: Status
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    runs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    reviewed: int = 0
    skipped: int = 0
    errors: int = 0  # findings of severity error that are not suppressed
    warnings: int = 0
    advice: int = 0
    unknown: int = 0  # checklist items that could not be decided
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class Tables:
    """Date on which the tables of the libraries were read, and the newest release of each library in them."""

    read: str = ""
    releases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InternalError:
    """An error in this program: the rule that crashed (or "" for the engine), the file, and the exception's text."""

    rule: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """A finding in a baseline; `path` is relative to the folder of the baseline, `value` is the judged value."""

    path: str
    rule: str
    fingerprint: str
    message: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Report:
    version: int = VERSION
    files: tuple[FileReport, ...] = ()
    summary: Summary = field(default_factory=Summary)
    internal_errors: tuple[InternalError, ...] = ()
    removable: tuple[BaselineEntry, ...] = ()  # known to the baseline and no longer found
    tables: Tables = field(default_factory=Tables)
