"""Entry point of scoring: from files of gold rows and predictions to an Evaluation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from ..engine import dialect, schema
from ..engine.dialect import NoTranslation
from ..engine.limits import Limits
from ..engine.process import Answer, Lost, Task, supervise
from ..engine.schema import Schema
from ..engine.statement import CLAUSES, read
from ..spelling import option
from .comparison import Match
from .databases import Databases, Schemas
from .evaluation import OUTCOMES, VERSION, Comparison, Evaluation, Gate, Judged, Outcome, Rule, Share, Turned
from .inputs import InputError, Question, by_order, gold_rows, predicted_rows, questions
from .intervals import mcnemar, paired_bootstrap, wilson
from .pairs import HANDLER, Item, Verdict

TOGETHER = 100  # pairs that a process is given at once
NOT_COUNTED: tuple[Outcome, ...] = ("gold-broken", "schema-broken")
GOOD: tuple[Outcome, ...] = ("right", "valid")


@dataclass(frozen=True, slots=True)
class Asked:
    """Request for an evaluation. `allow` is called first with the path of every database and schema; it may raise."""

    predictions: str
    gold: str
    databases: str | None = None
    schemas: str | None = None
    against: str | None = None
    no_worse: bool = False
    fail_below: float | None = None
    match: Match = field(default_factory=Match)
    soft_f1: bool = False
    dialect: str | None = None
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    allow: Callable[[str], object] | None = None


Progress = Callable[[int, int], None]


def evaluate(asked: Asked, progress: Progress | None = None) -> Evaluation:
    """Score a set of predictions, and a second one if two are compared. Raises InputError."""
    if asked.dialect is not None:
        try:
            dialect.check(asked.dialect)
        except NoTranslation as error:
            raise InputError(str(error)) from None
    paths = [asked.predictions, *([asked.against] if asked.against else [])]
    gold = gold_rows(asked.gold)
    sets = [predicted_rows(path) for path in paths]
    pairs = questions(gold, sets)
    found = _found(pairs, asked, gold.by_line)
    verdicts = _judged(pairs, found, asked, progress)
    judged = [tuple(_record(pair, at, verdicts[n][at]) for n, pair in enumerate(pairs)) for at in range(len(paths))]
    made = _summary(pairs, judged, verdicts, found, asked)
    if not pairs:
        made = replace(made, notes=(*made.notes, f"{asked.gold} has no rows: nothing was scored"))
    ordered = [note for rows in sets if (note := by_order(gold, rows))]
    return replace(made, notes=(*made.notes, *ordered))


@dataclass(slots=True)
class _Found:
    """Files and schemas of the questions, in their order."""

    files: list[tuple[str, ...]]
    schemas: list[Schema | None]
    source: Literal["rows", "file", "databases"]  # of the schemas


def _found(pairs: Sequence[Question], asked: Asked, gold_is_text: bool) -> _Found:
    databases = Databases(asked.databases, asked.allow) if asked.databases else None
    given = Schemas(asked.schemas, asked.allow) if asked.schemas else None
    files: list[tuple[str, ...]] = [()] * len(pairs)
    if databases is not None:
        files = databases.all_files([(pair.database, pair.place) for pair in pairs])
    if given is not None:
        return _Found(files, [given.of(pair.database, pair.place) for pair in pairs], "file")
    texts = {text: schema.read(text) for pair in pairs if (text := pair.schema)}
    own = [texts[pair.schema] if pair.schema else None for pair in pairs]
    if any(each and each.statements for each in own):
        stray = next((pair for pair, each in zip(pairs, own) if not (each and each.statements)), None)
        if stray is None:
            return _Found(files, own, "rows")
        if databases is None:
            raise InputError(
                f"{stray.place}: the row has no schema, unlike the others; give a file with all schemas by "
                f"{option('schemas')}"
            )
    if databases is None and pairs:
        raise InputError(
            f"{pairs[0].place}: there is nothing to check against: no column `schema` with CREATE TABLE"
            f"{' (a text file cannot have one)' if gold_is_text else ''}. Give "
            f"{option('databases')} (a directory of databases) or {option('schemas')} (tables.json, a .sql file, or a "
            "directory)"
        )
    return _Found(files, [None for _ in pairs], "databases")


def _judged(pairs: Sequence[Question], found: _Found, asked: Asked, progress: Progress | None) -> list[list[Verdict]]:
    """Return the verdicts for each question, one per set of predictions."""
    groups: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        key = found.files[number] or pair.database
        groups[key] += [(number, at) for at in range(len(pair.predicted))]
    sets = len(pairs[0].predicted) if pairs else 1
    size = TOGETHER - TOGETHER % sets or sets  # all predictions for one gold go together
    places = [group[at : at + size] for group in groups.values() for at in range(0, len(group), size)]
    tasks = [
        Task(n, _shared(found.files[batch[0][0]], asked), _items(batch, pairs, found, asked.limits))
        for n, batch in enumerate(places)
    ]
    verdicts: list[list[Verdict | None]] = [[None] * sets for _ in pairs]
    total, done = len(pairs) * sets, 0
    for answer in supervise(HANDLER, tasks, asked.limits, asked.jobs, ("sqlglot",) if asked.dialect else ()):
        number, at = places[answer.task][answer.item]
        verdicts[number][at] = _verdict(answer, asked)
        done += 1
        if progress is not None:
            progress(done, total)
    return [[verdict for verdict in each if verdict is not None] for each in verdicts]


def _shared(files: tuple[str, ...], asked: Asked) -> dict[str, object]:
    return {
        "files": list(files),
        "match": asdict(asked.match),
        "dialect": asked.dialect,
        "soft_f1": asked.soft_f1 and bool(files),
    }


def _items(batch: Sequence[tuple[int, int]], pairs: Sequence[Question], found: _Found, limits: Limits) -> list[Item]:
    items: list[Item] = []
    for number, at in batch:
        made = found.schemas[number]
        statements = list(made.statements) if made is not None else None
        predicted, refused = pairs[number].predicted[at] or "", ""
        if len(predicted) > limits.answer_length:  # to read it takes longer than a statement may
            refused = f"the answer is {len(predicted):,} characters long; the limit is {limits.answer_length:,}"
            predicted = ""
        items.append({"gold": pairs[number].gold, "predicted": predicted, "refused": refused, "schema": statements})
    return items


def _verdict(answer: Answer, asked: Asked) -> Verdict:
    """Return the verdict of a child, or one made from how the child ended."""
    lost = answer.value
    if not isinstance(lost, Lost):
        verdict: Verdict = lost
        return verdict
    if lost.why == "time":
        outcome: Outcome = "timed-out"
        reason = f"stopped after {asked.limits.seconds:g} s, because SQLite did not stop by itself"
    else:
        outcome, reason = "refused-by-us", "it crashed its process: too much memory, or a bug in SQLite"
    if lost.stage == "gold":
        outcome = "gold-broken"
    return {
        "outcome": outcome, "reason": reason, "valid": None, "chatty": False,
        "soft_f1": 0.0 if asked.soft_f1 and outcome != "gold-broken" else None,
        "sql": "", "empty_gold": False, "gold_refused": "",
    }  # fmt: skip


def _record(pair: Question, at: int, verdict: Verdict) -> Judged:
    outcome = verdict["outcome"]
    if outcome == "empty" and pair.predicted[at] is None:
        outcome = "missing"
    return Judged(
        id=pair.id, db_id=pair.database, question=pair.question, outcome=outcome, reason=verdict["reason"],
        valid=verdict["valid"], chatty=verdict["chatty"], soft_f1=verdict["soft_f1"],
        gold=pair.gold, predicted=pair.predicted[at], sql=verdict["sql"],
    )  # fmt: skip


def _summary(
    pairs: Sequence[Question],
    sets: Sequence[tuple[Judged, ...]],
    verdicts: Sequence[Sequence[Verdict]],
    found: _Found,
    asked: Asked,
) -> Evaluation:
    results = sets[0]
    executed = asked.databases is not None
    counted = [judged for judged in results if judged.outcome not in NOT_COUNTED]
    right = sum(judged.outcome == "right" for judged in counted)
    known = [judged.valid for judged in results if judged.valid is not None]
    soft = [judged.soft_f1 for judged in counted if judged.soft_f1 is not None]
    outcomes = Counter(judged.outcome for judged in results)
    against = _comparison(sets[0], sets[1], asked) if len(sets) > 1 else None
    accuracy, valid = _accuracy(results) if executed else None, _valid_rate(results)
    return Evaluation(
        version=VERSION,
        execution_accuracy=accuracy,
        schema_valid_rate=valid,
        soft_f1=sum(soft) / len(soft) if soft else None,
        accuracy_interval=wilson(right, len(counted)) if executed and counted else None,
        valid_interval=wilson(sum(known), len(known)) if known else None,
        pairs=len(results),
        counted=len(counted),
        empty_gold=sum(each[0]["empty_gold"] for each in verdicts),
        chatty=sum(judged.chatty for judged in results),
        outcomes={outcome: outcomes[outcome] for outcome in OUTCOMES if outcomes[outcome]},
        predictions=asked.predictions,
        gold=asked.gold,
        databases=asked.databases,
        database_files=len({file for files in found.files for file in files}),
        schemas=found.source,
        rule=_rule(asked),
        by_database=_shares(counted, lambda judged: (judged.db_id,) if judged.db_id else ()),
        by_clause=_shares(counted, lambda judged: read(judged.gold).clauses or ("none of these",), CLAUSES),
        against=against,
        gates=_gates(accuracy if executed else valid, against, asked),
        notes=tuple(_notes(pairs, results, verdicts, found, executed)),
        results=results,
    )


def _accuracy(results: Sequence[Judged]) -> float | None:
    counted = [judged for judged in results if judged.outcome not in NOT_COUNTED]
    return sum(judged.outcome == "right" for judged in counted) / len(counted) if counted else None


def _valid_rate(results: Sequence[Judged]) -> float | None:
    known = [judged.valid for judged in results if judged.valid is not None]
    return sum(known) / len(known) if known else None


def _rule(asked: Asked) -> Rule:
    limits, match = asked.limits, asked.match
    return Rule(
        rows=match.rows, columns=match.columns, tolerance=match.tolerance,
        timeout=limits.seconds, dialect=asked.dialect,
        max_rows=limits.rows, max_result_bytes=limits.result_bytes, max_memory_bytes=limits.memory_bytes,
    )  # fmt: skip


def _shares(
    counted: Sequence[Judged], names: Callable[[Judged], Sequence[str]], order: Sequence[str] = ()
) -> tuple[Share, ...]:
    """Return the share of right answers by name, in the given order, the others worst first."""
    pairs: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for judged in counted:
        for name in names(judged):
            pairs[name] += 1
            right[name] += judged.outcome in GOOD
    listed = [name for name in order if name in pairs] + sorted(
        (name for name in pairs if name not in order), key=lambda name: (right[name] / pairs[name], name)
    )
    return tuple(Share(name, pairs[name], right[name], right[name] / pairs[name]) for name in listed)


def _comparison(ours: Sequence[Judged], theirs: Sequence[Judged], asked: Asked) -> Comparison | None:
    """Return this set against the other, over the pairs that count in both; None if there are none."""
    assert asked.against is not None
    both = [
        (one, other)
        for one, other in zip(ours, theirs)
        if one.outcome not in NOT_COUNTED and other.outcome not in NOT_COUNTED
    ]
    if not both:
        return None
    won = [(one, other) for one, other in both if one.outcome in GOOD and other.outcome not in GOOD]
    lost = [(one, other) for one, other in both if one.outcome not in GOOD and other.outcome in GOOD]
    return Comparison(
        path=asked.against,
        metric="execution_accuracy" if asked.databases is not None else "schema_valid_rate",
        execution_accuracy=_accuracy(theirs) if asked.databases is not None else None,
        schema_valid_rate=_valid_rate(theirs),
        difference=(len(won) - len(lost)) / len(both),
        interval=paired_bootstrap(len(won), len(lost), len(both)),
        mcnemar_p=mcnemar(len(won), len(lost)),
        pairs=len(both),
        turned_right=tuple(_turned(one, other) for one, other in won),
        turned_wrong=tuple(_turned(one, other) for one, other in lost),
    )


def _turned(one: Judged, other: Judged) -> Turned:
    return Turned(one.id, one.db_id, one.question, before=other.outcome, after=one.outcome)


def _gates(figure: float | None, against: Comparison | None, asked: Asked) -> tuple[Gate, ...]:
    name = "execution accuracy" if asked.databases is not None else "schema-valid rate"
    gates = []
    if asked.fail_below is not None and figure is not None:
        below = figure < asked.fail_below
        shown = _apart(100 * figure, 100 * asked.fail_below)
        said = f"{name} {shown} % is {'below' if below else 'not below'} {100 * asked.fail_below:.12g} %"
        gates.append(Gate("fail-below", not below, said))
    if asked.no_worse and against is not None:
        worse = against.difference < 0
        said = (
            f"{name} is {'worse' if worse else 'not worse'} than that of {against.path}: {_points(against.difference)}"
        )
        gates.append(Gate("no-worse-than", not worse, said))
    return tuple(gates)


def _points(difference: float) -> str:
    sign = "+" if difference >= 0 else ""
    return f"{sign}{_apart(100 * difference, 0)} points"


def _apart(value: float, other: float) -> str:
    """Return a figure with two decimals, or as many as it takes to stay on its side of another figure."""
    for digits in range(2, 15):
        shown = float(f"{value:.{digits}f}")
        if (shown < other, shown > other) == (value < other, value > other):
            break
    return f"{value:.{digits}f}"


def _notes(
    pairs: Sequence[Question],
    results: Sequence[Judged],
    verdicts: Sequence[Sequence[Verdict]],
    found: _Found,
    executed: bool,
) -> list[str]:
    """Return notes that a reader of the figures needs."""
    notes = []
    if pairs and all(pair.predicted[0] == pair.gold for pair in pairs):
        notes.append("every prediction is identical to the gold SQL: is this the right column?")
    cut = sum(each is not None and each.cut for each in found.schemas)
    if cut:
        notes.append(f"the schema is truncated in {cut:,} rows: what is cut off counts as missing")
    refused = [(pair, each[0]["gold_refused"]) for pair, each in zip(pairs, verdicts) if each[0]["gold_refused"]]
    if refused and not executed:
        pair, why = refused[0]
        notes.append(
            f"SQLite rejects the gold SQL of {len(refused):,} rows on their own schema; the first: {pair.place}: {why}"
        )
    unknown = sum(judged.valid is None for judged in results)
    if unknown:
        notes.append(f"the schema-valid rate leaves out {unknown:,} whose validity in SQLite is unknown")
    return notes
