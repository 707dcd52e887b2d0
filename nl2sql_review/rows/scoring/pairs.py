"""Pairs of gold and prediction, judged in a child process: `judge` is the handler that `engine.process` runs.

A task shares the files of one database and the options; an item is a pair. Connections and gold results are
kept from task to task, those used last, so that a gold statement runs once for all of its predictions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar

from ..engine.child import Tell
from ..engine.dialect import to_sqlite
from ..engine.guarded import Guarded, Refused, Rows
from ..engine.limits import MIB, Limits
from ..engine.statement import read
from .comparison import Match, difference, soft_f1
from .evaluation import Outcome
from .extraction import Extracted, extract

HANDLER = f"{__name__}:judge"
KEPT_BYTES = 128 * MIB  # of gold results
KEPT_CONNECTIONS = 64
OUTCOME_OF: dict[str, Outcome] = {"engine": "refused-by-engine", "guard": "refused-by-us", "time": "timed-out"}


class Shared(TypedDict):
    """Values that the items of a task share. `files` is empty if there are no databases."""

    files: list[str]
    match: dict[str, Any]
    dialect: str | None
    soft_f1: bool


class Item(TypedDict):
    """Pair: the gold SQL, the prediction, and the CREATE statements of the schema, None for the database's.

    `refused` is the reason why a prediction is not judged, or empty.
    """

    gold: str
    predicted: str
    refused: str
    schema: list[str] | None


class Verdict(TypedDict):
    """Verdict on a pair. `gold_refused`: why the schema refuses the gold SQL, if there is no database."""

    outcome: Outcome
    reason: str
    valid: bool | None
    chatty: bool
    soft_f1: float | None
    sql: str
    empty_gold: bool
    gold_refused: str


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Cache of the values used last; if their total weight exceeds `most`, the oldest are released."""

    def __init__(self, most: int, weigh: Callable[[V], int], let_go: Callable[[V], None]) -> None:
        self._most, self._weigh, self._let_go = most, weigh, let_go
        self._held: OrderedDict[K, V] = OrderedDict()
        self._weight = 0

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the cached value, or make and cache it."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        value = self._held[key] = make()
        self._weight += self._weigh(value)
        while self._weight > self._most and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._weight -= self._weigh(old)
            self._let_go(old)
        return value


Made = tuple[Guarded, tuple[str, ...]]


def _files() -> Kept[str, Guarded]:
    return Kept(KEPT_CONNECTIONS, lambda _: 1, Guarded.close)


def _schemas() -> Kept[tuple[str, ...], Made]:
    return Kept(KEPT_CONNECTIONS, lambda _: 1, lambda made: made[0].close())


def _golds() -> Kept[tuple[str, str], Rows | Refused]:
    return Kept(KEPT_BYTES, lambda gold: gold.size if isinstance(gold, Rows) else 0, lambda _: None)


@dataclass(slots=True)
class Memory:
    """Values that a process keeps from task to task."""

    files: Kept[str, Guarded] = field(default_factory=_files)
    schemas: Kept[tuple[str, ...], Made] = field(default_factory=_schemas)
    golds: Kept[tuple[str, str], Rows | Refused] = field(default_factory=_golds)


_MEMORY = Memory()


class GoldBroken(Exception):
    """Raised if the gold SQL does not run; the message gives the reason."""


class Task(Shared):
    """Task of a process: the pairs to judge, and what they share."""

    items: list[Any]


class Judge:
    """Judge of the pairs of one task."""

    def __init__(self, shared: Shared, limits: Limits, tell: Tell) -> None:
        self._files = shared["files"]
        self._match = Match(**shared["match"])
        self._dialect = shared["dialect"]
        self._soft_f1 = shared["soft_f1"]
        self._limits = limits
        self._tell = tell

    def verdict(self, item: Item) -> Verdict:
        """Judge one pair."""
        made = Extracted("", refused=item["refused"]) if item["refused"] else extract(item["predicted"])
        verdict = Verdict(
            outcome="empty", reason="", valid=False, chatty=made.chatty, soft_f1=0.0 if self._soft_f1 else None,
            sql=made.sql, empty_gold=False, gold_refused="",
        )  # fmt: skip
        schema = item["schema"]
        try:
            if self._files:
                verdict["empty_gold"] = self._run_gold(item["gold"])
            elif schema is not None:
                verdict["gold_refused"] = self._refusal(schema, item["gold"])
            if made.refused:
                verdict |= {"outcome": "refused-by-us", "reason": made.refused}
            elif not made.sql:
                verdict["reason"] = "no SQL in the answer" if made.chatty else ""
            else:
                self._judge(verdict, item, self._translated(made.sql))
        except GoldBroken as error:
            verdict |= {"outcome": "gold-broken", "reason": str(error), "valid": None, "soft_f1": None}
            if made.sql:
                verdict["valid"] = self._accepts(schema, made.sql)
        except Refused as refused:  # of the prediction's translation
            verdict |= {"outcome": OUTCOME_OF[refused.kind], "reason": str(refused)}
        return verdict

    def _judge(self, verdict: Verdict, item: Item, sql: str) -> None:
        schema = item["schema"]
        refused = self._explained(schema, sql)
        verdict["valid"] = self._valid(schema, refused)
        if refused is not None and (schema is None or not self._files):
            verdict |= {"outcome": OUTCOME_OF[refused.kind], "reason": str(refused)}
            if verdict["valid"] is None and refused.kind != "time":
                failed = self._made(schema or ())[1][0]
                verdict |= {"outcome": "schema-broken", "reason": f"the schema does not load: {failed}"}
        elif self._files:
            self._execute(verdict, item["gold"], sql)
        else:
            verdict["outcome"] = "valid"

    def _execute(self, verdict: Verdict, gold: str, sql: str) -> None:
        """Run a prediction on every file of the database, until one shows a difference from the gold."""
        verdict["outcome"] = "right"
        scores = []
        for file in self._files:
            try:
                reason, score = self._compared(file, gold, sql)
            except Refused as refused:
                verdict |= {"outcome": OUTCOME_OF[refused.kind], "reason": str(refused)}
                scores = [0.0]
                break
            scores.append(score)
            if reason and verdict["outcome"] == "right":
                where = f" ({_name(file)})" if len(self._files) > 1 else ""
                verdict |= {"outcome": "wrong-rows", "reason": reason + where}
                if not self._soft_f1:
                    break
        if self._soft_f1:
            verdict["soft_f1"] = sum(scores) / len(scores)

    def _compared(self, file: str, gold: str, sql: str) -> tuple[str, float]:
        """Return (difference of the results, soft F1) on one database file. Raises Refused."""
        theirs = self._gold(file, gold)
        assert isinstance(theirs, Rows)  # `_run_gold` has seen to it
        whole = self._soft_f1 or self._match.rows == "set"
        self._tell("prediction")
        ours = self._connection(file).run(sql, None if whole else len(theirs.rows))
        self._tell("comparison")
        reason = difference(theirs, ours, read(self._translated(gold)).ordered, self._match)
        return reason, soft_f1(theirs.rows, ours.rows) if self._soft_f1 else 0.0

    def _run_gold(self, gold: str) -> bool:
        """Run the gold SQL on every file; return whether no file gives a row. Raises GoldBroken."""
        results = [self._gold(file, gold) for file in self._files]
        for file, result in zip(self._files, results):
            if isinstance(result, Refused):
                where = f" ({_name(file)})" if len(self._files) > 1 else ""
                raise GoldBroken(f"{result}{where}")
        return not any(result.rows for result in results if isinstance(result, Rows))

    def _gold(self, file: str, gold: str) -> Rows | Refused:
        def run() -> Rows | Refused:
            self._tell("gold", certain=True)
            try:
                return self._connection(file).run(self._translated(gold))
            except Refused as refused:
                return refused

        return _MEMORY.golds.get((file, gold), run)

    def _connection(self, file: str) -> Guarded:
        return _MEMORY.files.get(file, partial(Guarded.file, file, self._limits))

    def _translated(self, sql: str) -> str:
        return to_sqlite(sql, self._dialect) if self._dialect else sql

    def _made(self, schema: Sequence[str]) -> Made:
        return _MEMORY.schemas.get(tuple(schema), partial(Guarded.empty, schema, self._limits))

    def _explained(self, schema: Sequence[str] | None, sql: str) -> Refused | None:
        """Return why the schema, or without one the database, does not accept a query; None if it does."""
        self._tell("schema")
        try:
            (self._connection(self._files[0]) if schema is None else self._made(schema)[0]).explain(sql)
        except Refused as refused:
            return refused
        return None

    def _valid(self, schema: Sequence[str] | None, refused: Refused | None) -> bool | None:
        """Return whether the schema accepts the query; None if time ran out or the schema does not load."""
        if refused is None:
            return True
        return None if refused.kind == "time" or (schema is not None and self._made(schema)[1]) else False

    def _accepts(self, schema: Sequence[str] | None, sql: str) -> bool | None:
        try:
            return self._valid(schema, self._explained(schema, self._translated(sql)))
        except Refused:  # not translated
            return False

    def _refusal(self, schema: Sequence[str], gold: str) -> str:
        try:
            return str(self._explained(schema, self._translated(gold)) or "")
        except Refused as refused:
            return str(refused)


def judge(task: Task, limits: Limits, tell: Tell) -> Iterator[Verdict]:
    """Yield the verdict on every item of a task, in order."""
    judges = Judge(task, limits, tell)
    for item in task["items"]:
        yield judges.verdict(item)


def _name(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2]
