"""Differences between two runs, for a language model: one line each, without repetition."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.plan_diff import PlanDiff
from .plan_diff_text import headline, origins
from .terminal import escape


def render(diff: PlanDiff) -> str:
    """Return the differences in few tokens; text from the files is escaped and cannot start a line of its own."""
    return "".join(f"{line}\n" for line in _lines(diff))


def _lines(diff: PlanDiff) -> Iterator[str]:
    yield f"{escape(diff.before)} -> {escape(diff.after)}: {headline(diff)}"
    for one in diff.differences:
        places = origins(one, "->")
        parts = [f"{one.section} {escape(one.name)}: {escape(one.before.text)} -> {escape(one.after.text)}"]
        parts += [escape(text) for text in (places, one.note) if text]
        yield " | ".join(parts)
    for one in diff.consequences:
        yield f"follows {one.name}: {one.before.text} -> {one.after.text}"
    for verdict in diff.verdicts:
        evidence = f" | {escape(verdict.evidence)}" if verdict.evidence and verdict.after != "pass" else ""
        yield f"verdict {verdict.rule}: {verdict.before} -> {verdict.after}{evidence}"
    for line in diff.prompt:
        yield f"prompt {escape(line)}"
    for remark in diff.remarks:
        where = f" ({escape(remark.origin)})" if remark.origin else ""
        yield f"{remark.weight} {escape(remark.text)}{where}"
