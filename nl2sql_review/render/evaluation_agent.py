"""Scores of a set of predictions for a language model: figures first, then failures by kind, one line each."""

from __future__ import annotations

from collections.abc import Iterator

from ..rows.scoring.evaluation import Evaluation, Judged
from .evaluation_text import compared, figures, rule_words, shown_first, title
from .terminal import escape

SHOWN = 5  # of each kind
NAMED = 20  # questions that turned, by their ids
LONGEST = 240  # characters of a text


def render(evaluation: Evaluation) -> str:
    return "".join(f"{escape(line)}\n" for line in _lines(evaluation))


def _lines(evaluation: Evaluation) -> Iterator[str]:
    yield title(evaluation)
    for name, value, said in figures(evaluation):
        yield f"{name}: {value} ({said})"
    yield "outcomes: " + ", ".join(f"{outcome} {number}" for outcome, number in evaluation.outcomes.items())
    if evaluation.chatty:
        yield f"text around the SQL: {evaluation.chatty}"
    if evaluation.against is not None:
        yield f"against {evaluation.against.path}: {compared(evaluation.against)}"
        for word, turned in (
            ("right", evaluation.against.turned_right),
            ("wrong", evaluation.against.turned_wrong),
        ):
            more = ", …" if len(turned) > NAMED else ""
            yield f"turned {word}: {len(turned)}" + (
                f" ({', '.join(each.id for each in turned[:NAMED])}{more})" if turned else ""
            )
    if evaluation.by_clause:
        yield "by clause: " + ", ".join(f"{share.name} {share.right}/{share.pairs}" for share in evaluation.by_clause)
    yield from rule_words(evaluation.rule, evaluation.databases is not None)
    yield from evaluation.notes
    yield from (f"{gate.name}: {'holds' if gate.passed else 'FAILS'}: {gate.said}" for gate in evaluation.gates)
    for words, number, first in shown_first(evaluation.results, SHOWN):
        yield f"{words}: {number}"
        yield from (_failure(judged) for judged in first)


def _failure(judged: Judged) -> str:
    said = judged.sql or judged.predicted or ""
    parts = (
        f"- {judged.id} {judged.db_id}".rstrip(),
        f"question: {_short(judged.question)}" if judged.question else "",
        f"gold: {_short(judged.gold)}",
        f"predicted: {_short(said)}" if said else "",
        judged.reason,
    )
    return " | ".join(part for part in parts if part)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
