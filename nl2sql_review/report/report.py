"""The public, versioned result of a review. JSON, SARIF and every other rendering say what stands here.

Rows and columns are 1-based, columns count code points, ends are exclusive. `cell` is the 1-based index over all
cells of a notebook; rows then count within that cell. Of a data file a row is a record, and row 0, which is null in
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
    """One place a value passed through; `text` is the code there or what it means."""

    location: Location
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """The text of a place, and what is to stand there instead; an empty place is one between two characters."""

    location: Location
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that make a finding go away, proved by reviewing the script with them.

    "safe": nothing differs in what the script does but what was to be fixed. Edits may be of other files than the
    script. A "repair" makes the script do what it evidently means to; what changes a choice is "policy".
    """

    title: str
    applicability: Literal["safe", "unsafe"]
    edits: tuple[Edit, ...] = ()
    kind: Literal["repair", "policy"] = "policy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim about what the script does, and why that is wrong.

    `kind`: a "trap" stops the run, or trains something else than the script says; "policy" is a team's choice. `value`
    is the resolved value as JSON (None when there is none), `related` the ids of rules that found the same defect.
    `suppressed` is the reason why it does not count (an empty string where a comment gives none), or None, and
    `suppressed_by` says by what: a comment in the source, the baseline, or that its lines have not changed. `fixable`:
    its rule knows a manner of fixing such a finding; `fix` is the fix itself, once it has been asked for and proved to
    hold. `fingerprint` stays the same while the code of the finding does, wherever it moves in its file; no two
    findings of a report share one. `run` names the command line that it holds for, where it holds for some of several.
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
    """One row of the checklist: `evidence` says what was found, `reason` why an item is unknown or not applicable.

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
    """What a review says of one file; `runs` are the command lines that start it, where any is known.

    `notes` say what the judgement rests on, where a reader would not expect it: a version that the tables do not know.
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
    """The day on which the tables of the libraries were read, and the newest release of each that they know."""

    read: str = ""
    releases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InternalError:
    """A fault of ours: the rule that crashed (or "" for the engine), on which file, and the exception's text."""

    rule: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """A finding that a baseline knows; `path` is relative to the folder of the baseline, `value` what was judged."""

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
