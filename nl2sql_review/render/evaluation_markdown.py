"""Scores of a set of predictions in Markdown: for a comment on a pull request or a job's summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..rows.scoring.evaluation import OUTCOMES, Comparison, Evaluation, Share
from .escaping import markdown_code, markdown_text
from .evaluation_text import compared, figures, percent, rule_words, shown_first, title

SHOWN = 5  # of each kind
LONGEST = 200  # characters of a text


def render(evaluation: Evaluation) -> str:
    return "\n".join(_lines(evaluation)) + "\n"


def _lines(evaluation: Evaluation) -> Iterator[str]:
    yield "## nl2sql-review evaluate"
    yield ""
    yield markdown_text(title(evaluation))
    for gate in evaluation.gates:
        yield ""
        yield f"{'✔' if gate.passed else '✘'} {markdown_text(gate.said)}"
    yield ""
    yield "| | | |"
    yield "|---|--:|---|"
    for name, value, said in figures(evaluation):
        yield f"| **{name}** | **{value}** | {markdown_text(said)} |"
    for outcome, number in evaluation.outcomes.items():
        yield f"| {OUTCOMES[outcome]} | {number:,} | |"
    if evaluation.chatty:
        yield f"| text around the SQL | {evaluation.chatty:,} | scored by the SQL in it |"
    if evaluation.against is not None:
        yield from _against(evaluation.against)
    yield from _table("Clause of the gold SQL", evaluation.by_clause)
    yield from _table("Database", evaluation.by_database)
    for words, number, first in shown_first(evaluation.results, SHOWN):
        yield ""
        yield f"<details><summary>{words}: {number:,}</summary>"
        yield ""
        yield "| | Question | Gold | Predicted | |"
        yield "|---|---|---|---|---|"
        for judged in first:
            said = judged.sql or judged.predicted or ""
            cells = (
                markdown_text(judged.id),
                markdown_text(_short(judged.question)),
                _code(judged.gold),
                _code(said),
                markdown_text(judged.reason),
            )
            yield f"| {' | '.join(cells)} |"
        yield ""
        yield "</details>"
    yield ""
    yield " ".join(
        f"*{markdown_text(words)}.*"
        for words in (*rule_words(evaluation.rule, evaluation.databases is not None), *evaluation.notes)
    )


def _against(against: Comparison) -> Iterator[str]:
    yield ""
    yield f"Against {markdown_code(against.path)}: {markdown_text(compared(against))}."
    yield ""
    yield "| Turned | Question | From | To |"
    yield "|---|---|---|---|"
    for word, turned in (("right", against.turned_right), ("wrong", against.turned_wrong)):
        for each in turned[:SHOWN]:
            said = markdown_text(f"{each.id} {_short(each.question)}")
            yield f"| {word} | {said} | {OUTCOMES[each.before]} | {OUTCOMES[each.after]} |"
        if len(turned) > SHOWN:
            yield f"| {word} | … and {len(turned) - SHOWN:,} more | | |"


def _table(head: str, shares: Sequence[Share]) -> Iterator[str]:
    if not shares:
        return
    yield ""
    yield f"<details><summary>{head}</summary>"
    yield ""
    yield f"| {head} | Right | Pairs | |"
    yield "|---|--:|--:|--:|"
    for share in shares:
        yield f"| {markdown_text(share.name)} | {share.right:,} | {share.pairs:,} | {percent(share.accuracy)} |"
    yield ""
    yield "</details>"


def _code(sql: str) -> str:
    return markdown_code(_short(sql)).replace("|", "\\|") if sql.strip() else ""


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
