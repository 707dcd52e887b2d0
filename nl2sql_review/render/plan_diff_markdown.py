"""Differences between two runs, as a comment on a pull request in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.plan_diff import Difference, PlanDiff
from .escaping import markdown_code, markdown_text
from .plan_diff_text import WORDS, by_section, headline, origins
from .terminal import escape

MARKS = {"certain": "✘", "may": "?", "note": "–"}
MOST_LINES = 200  # of the training text


def render(diff: PlanDiff) -> str:
    """Return the differences as GitHub and GitLab render them; content of the files is shown as text."""
    return "\n".join(_lines(diff)) + "\n"


def _lines(diff: PlanDiff) -> Iterator[str]:
    yield f"### {markdown_code(diff.before)} → {markdown_code(diff.after)}"
    yield ""
    yield f"{headline(diff)}."
    for title, found in by_section(diff):
        yield from _table(title, found)
    if diff.consequences:
        yield from _table("what follows", diff.consequences)
    if diff.verdicts:
        yield ""
        yield "| checklist | before → after | |"
        yield "|---|---|---|"
        for one in diff.verdicts:
            change = f"{WORDS[one.before]} → {WORDS[one.after]}"
            yield f"| `{one.rule}` | {change} | {markdown_text(one.evidence if one.after != 'pass' else '')} |"
    if diff.prompt:
        lines = [escape(line) for line in diff.prompt[:MOST_LINES]]
        fence = "`" * max(3, 1 + max((len(run) for line in lines for run in _ticks(line)), default=0))
        yield ""
        yield f"{fence}diff"
        yield from lines
        yield fence
    if diff.remarks:
        yield ""
        for remark in diff.remarks:
            where = f" ({markdown_code(remark.origin)})" if remark.origin else ""
            yield f"- {MARKS[remark.weight]} {markdown_text(remark.text)}{where}"


def _ticks(line: str) -> list[str]:
    from re import findall

    return findall("`+", line)


def _table(title: str, found: tuple[Difference, ...] | list[Difference]) -> Iterator[str]:
    yield ""
    yield f"| {title} | before → after | |"
    yield "|---|---|---|"
    for one in found:
        places = origins(one)
        where = markdown_code(places).replace("|", "\\|") if places else ""
        note = f"{where}<br>*{markdown_text(one.note)}*" if one.note and where else where or markdown_text(one.note)
        change = f"{markdown_text(one.before.text)} → {markdown_text(one.after.text)}"
        yield f"| {markdown_text(one.name)} | {change} | {note} |"
