"""Scores of a set of predictions for people: figures, outcomes of the questions, the first failures of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..rows.scoring.evaluation import OUTCOMES, Comparison, Evaluation, Judged, Rule, Share, Turned
from .terminal import Terminal, escape, width, wrap

SHOWN = 3  # of each kind of failure
LISTED = 12  # databases
GOOD = ("right", "valid")


def render(evaluation: Evaluation, terminal: Terminal) -> str:
    return "".join(f"{line.rstrip()}\n" for line in _lines(evaluation, terminal))


def _lines(evaluation: Evaluation, terminal: Terminal) -> Iterator[str]:
    yield from (terminal.paint(line, "bold") for line in wrap(escape(title(evaluation)), terminal.columns))
    yield ""
    for name, value, said in figures(evaluation):
        yield f"  {name:<20} {terminal.paint(f'{value:>8}', 'bold')}  {said}"
    yield ""
    for outcome, number in evaluation.outcomes.items():
        style = "green" if outcome in GOOD else "dim" if outcome.endswith("broken") else "red"
        yield f"  {OUTCOMES[outcome]:<26} {terminal.paint(f'{number:>7,}', style)}"
    if evaluation.chatty:
        yield f"  {'text around the SQL':<26} {evaluation.chatty:>7,}  (scored by the SQL in it)"
    yield from _table("by clause of the gold SQL", evaluation.by_clause, terminal)
    yield from _table("by database, worst first", evaluation.by_database, terminal)
    if evaluation.against is not None:
        yield from _against(evaluation.against, terminal)
    yield from _failures(evaluation.results, terminal)
    yield ""
    for text in (*rule_words(evaluation.rule, evaluation.databases is not None), *evaluation.notes):
        yield from (terminal.paint(line, "dim") for line in wrap(escape(text), terminal.columns))
    for gate in evaluation.gates:
        mark = terminal.glyphs.passed if gate.passed else terminal.glyphs.failed
        yield terminal.paint(f"{mark} {escape(gate.said)}", "green" if gate.passed else "red")


def title(evaluation: Evaluation) -> str:
    """Return a line with the predictions, the gold file, and the numbers of questions, schemas and database files."""
    databases = len(evaluation.by_database)
    where = f", {_many(evaluation.database_files, 'database file')}" if evaluation.database_files else ""
    of = f" on {_many(databases, 'schema')}" if databases else ""
    return f"{evaluation.predictions} against {evaluation.gold}: {_many(evaluation.pairs, 'question')}{of}{where}"


def figures(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value, basis) of each figure that was computed."""
    if evaluation.databases is not None:
        right = evaluation.outcomes.get("right", 0)
        empty = evaluation.empty_gold
        proves = (
            f"; {_many(empty, 'gold result')} without a row prove{'' if empty > 1 else 's'} little" if empty else ""
        )
        said = f"{right:,} of {evaluation.counted:,}{_interval(evaluation.accuracy_interval)}{proves}"
        yield "execution accuracy", percent(evaluation.execution_accuracy), said
    known = [judged.valid for judged in evaluation.results if judged.valid is not None]
    on = {"rows": "of the rows", "file": "given", "databases": "of the databases"}[evaluation.schemas]
    said = f"{sum(known):,} of {len(known):,}{_interval(evaluation.valid_interval)}; the schemas {on}"
    yield "schema-valid rate", percent(evaluation.schema_valid_rate), said
    if evaluation.soft_f1 is not None:
        yield "soft F1", percent(evaluation.soft_f1), "BIRD's: values by row, duplicates dropped"


def percent(share: float | None) -> str:
    """Return a share in per cent, or a dash if there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{100 * difference:+.1f}"


def chance(p: float) -> str:
    """Return a p value as text."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


def compared(against: Comparison) -> str:
    """Return the difference to the other set in a sentence."""
    name = against.metric.replace("_", " ")
    theirs = against.execution_accuracy if against.metric == "execution_accuracy" else against.schema_valid_rate
    low, high = against.interval
    return (
        f"{name} {points(against.difference)} points (95 % interval {points(low)} to {points(high)}) from "
        f"{percent(theirs)}, over {_many(against.pairs, 'pair')}; McNemar p = {chance(against.mcnemar_p)}"
    )


def rule_words(rule: Rule, executed: bool) -> Iterator[str]:
    """Yield sentences on how results were compared and within what limits."""
    if executed:
        rows = (
            "rows as a multiset, in order if the gold SQL orders them" if rule.rows == "multiset" else "rows as a set"
        )
        columns = "columns in the gold's order" if rule.columns == "ordered" else "columns in any order"
        equal = f"numbers equal within {rule.tolerance:g}" if rule.tolerance else "numbers equal exactly"
        yield f"{rows}; {columns}; {equal}; {rule.timeout:g} s a statement"
    if rule.dialect is not None:
        yield f"SQL translated from {rule.dialect} to SQLite by sqlglot before it was run"


def shown_first(results: Sequence[Judged], most: int) -> Iterator[tuple[str, int, list[Judged]]]:
    """Yield (outcome in words, count, the first of them) for every kind of failure."""
    for outcome, words in OUTCOMES.items():
        if outcome not in GOOD:
            found = [judged for judged in results if judged.outcome == outcome]
            if found:
                yield words, len(found), found[:most]


def _interval(interval: tuple[float, float] | None) -> str:
    return f", 95 % interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f}" if interval else ""


def _table(head: str, shares: Sequence[Share], terminal: Terminal) -> Iterator[str]:
    if not shares or (len(shares) == 1 and head.startswith("by database")):
        return
    yield ""
    yield terminal.paint(head, "bold")
    listed = shares[:LISTED]
    names = [_cut(escape(share.name), 32, terminal) for share in listed]
    widest = max(map(width, names))
    for name, share in zip(names, listed):
        yield f"  {name}{' ' * (widest - width(name))} {percent(share.accuracy):>8}  {share.right:,} of {share.pairs:,}"
    if len(shares) > len(listed):
        yield f"  {terminal.glyphs.ellipsis} and {len(shares) - len(listed):,} more (--output-format json has all)"


def _against(against: Comparison, terminal: Terminal) -> Iterator[str]:
    yield ""
    yield from (terminal.paint(line, "bold") for line in wrap(f"against {escape(against.path)}", terminal.columns))
    yield from (f"  {line}" for line in wrap(compared(against), terminal.columns - 2))
    for word, turned in (("right", against.turned_right), ("wrong", against.turned_wrong)):
        yield f"  {len(turned):,} turned {word}" + (f", the first {SHOWN}" if len(turned) > SHOWN else "")
        yield from (f"    {line}" for each in turned[:SHOWN] for line in _turned(each, terminal))


def _turned(turned: Turned, terminal: Terminal) -> Iterator[str]:
    change = f"{OUTCOMES[turned.before]} {terminal.glyphs.arrow} {OUTCOMES[turned.after]}"
    text = f"{turned.id} {turned.db_id}: {turned.question} ({change})"
    yield _cut(escape(text), terminal.columns - 4, terminal)


def _failures(results: Sequence[Judged], terminal: Terminal) -> Iterator[str]:
    for words, number, first in shown_first(results, SHOWN):
        yield ""
        yield terminal.paint(
            f"{words}: {number:,}" + (f", the first {len(first)}" if number > len(first) else ""), "bold"
        )
        for judged in first:
            head = " ".join(part for part in (judged.id, judged.db_id, judged.question) if part)
            yield f"  {_cut(escape(head), terminal.columns - 2, terminal)}"
            for mark, text in (
                ("gold", judged.gold),
                ("said", judged.sql or judged.predicted or ""),
                ("why", judged.reason),
            ):
                if text:
                    yield f"    {mark:<4} {_cut(escape(' '.join(text.split())), terminal.columns - 9, terminal)}"


def _cut(text: str, columns: int, terminal: Terminal) -> str:
    from .terminal import cut

    columns = max(columns, 12)
    return (
        text
        if width(text) <= columns
        else cut(text, columns - width(terminal.glyphs.ellipsis)) + terminal.glyphs.ellipsis
    )


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
