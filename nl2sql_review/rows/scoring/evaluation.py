"""Result of a set of predictions: the public, versioned output of `nl2sql-review evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VERSION = 1
Outcome = Literal[
    "right",  # the rows of the gold
    "wrong-rows",  # other rows
    "valid",  # without a database: accepted by the engine on its schema
    "refused-by-engine",  # not SQL, or a table, column or function that is not there
    "refused-by-us",  # no query, more than one statement, or beyond a limit other than time
    "timed-out",
    "empty",  # no SQL in it
    "missing",  # no prediction for the question
    "gold-broken",  # the gold SQL does not run: the pair does not count
    "schema-broken",  # without a database: the schema does not load, so nothing can be said
]
OUTCOMES: dict[Outcome, str] = {
    "right": "right",
    "wrong-rows": "wrong rows",
    "valid": "accepted on the schema",
    "refused-by-engine": "rejected by SQLite",
    "refused-by-us": "not run",
    "timed-out": "timed out",
    "empty": "empty, no SQL",
    "missing": "missing",
    "gold-broken": "gold broken, not counted",
    "schema-broken": "schema broken, not counted",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule of comparison, limits of a statement, and the `dialect` from which sqlglot translated."""

    rows: Literal["multiset", "set"]
    columns: Literal["ordered", "any"]
    tolerance: float
    timeout: float
    dialect: str | None
    max_rows: int
    max_result_bytes: int
    max_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One question. `valid`: whether SQLite accepts the prediction on the schema; null if that is unknown."""

    id: str
    db_id: str
    question: str
    outcome: Outcome
    reason: str
    valid: bool | None
    chatty: bool
    soft_f1: float | None
    gold: str
    predicted: str | None
    sql: str  # what was taken out of the prediction, and run


@dataclass(frozen=True, slots=True)
class Share:
    """Right answers among the pairs of a database or clause; without databases, valid ones."""

    name: str
    pairs: int
    right: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Turned:
    """Question on which two sets of predictions differ: its outcome with the other set (`before`) and this one."""

    id: str
    db_id: str
    question: str
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of this set of predictions with another, question by question, over the pairs that count.

    `difference` is this minus the other; `interval` holds 95 % of its paired bootstrap; `mcnemar_p` is McNemar's
    exact test, two-sided.
    """

    path: str
    metric: Literal["execution_accuracy", "schema_valid_rate"]
    execution_accuracy: float | None
    schema_valid_rate: float | None
    difference: float
    interval: tuple[float, float]
    mcnemar_p: float
    pairs: int
    turned_right: tuple[Turned, ...]
    turned_wrong: tuple[Turned, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """Condition on the figures (`--fail-below`, `--no-worse-than`), and whether it holds."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of a set of predictions.

    `execution_accuracy` is right ÷ pairs whose gold runs (a missing prediction is wrong), `schema_valid_rate` is
    accepted ÷ pairs with a known answer; both are null if undefined. Intervals are Wilson's, 95 %. The accuracy
    is over `counted` pairs, of which `empty_gold` have a gold that returns no row: they prove little.
    """

    version: int
    execution_accuracy: float | None
    schema_valid_rate: float | None
    soft_f1: float | None
    accuracy_interval: tuple[float, float] | None
    valid_interval: tuple[float, float] | None
    pairs: int
    counted: int
    empty_gold: int
    chatty: int
    outcomes: dict[Outcome, int]
    predictions: str
    gold: str
    databases: str | None
    database_files: int
    schemas: Literal["rows", "file", "databases"]
    rule: Rule
    by_database: tuple[Share, ...]
    by_clause: tuple[Share, ...]
    against: Comparison | None
    gates: tuple[Gate, ...]
    notes: tuple[str, ...]
    results: tuple[Judged, ...]
