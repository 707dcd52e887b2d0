"""Code lenses on the trainer: the GPU memory that the run needs, its plan, and the prompt as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lsprotocol.types import CodeLens, Command

from ...gpu_memory.advice import gib
from ...gpu_memory.cards import UnknownCard
from ...gpu_memory.summary import Summary
from ...interpret.core.recording import Call
from ...judgement.wording import where
from ...readers.run import is_trainer
from ...render import memory_text, plan_json, plan_text, plan_words
from ...render.terminal import Terminal
from ...run.memory import of_plans
from . import recorded
from .commands import MEMORY, PLAN, PROMPT
from .positions import Positions
from .reviews import Review

WIDTH = 100  # columns of what a command shows


def of(review: Review, positions: Positions, uri: str) -> Iterator[CodeLens]:
    """Yield the lenses of a file or cell; without a trainer they are on the first call of the stack."""
    if review.examined is None or not review.examined.plans:
        return
    found = recorded.calls(review)
    trainers: list[Call] = [call for call in found if is_trainer(call)] or found[-1:]
    owner = review.document.uri
    seen = set()
    for number, call in enumerate(trainers):
        at = where(call.place)
        if at is None or positions.uri(at) != uri or at in seen:
            continue
        seen.add(at)
        row = positions.range(at)
        for title, command in _titles(review, number):
            yield CodeLens(row, Command(title, command, arguments=[owner]))


def _titles(review: Review, number: int) -> Iterator[tuple[str, str]]:
    summary = _summary(review, number)
    if summary is not None and summary.gib is not None:
        yield f"≈ {gib(summary.gib)} GiB{_fits(summary)}", MEMORY
    elif summary is not None:
        yield "no memory estimate", MEMORY
    yield "show the plan", PLAN
    yield "show the prompt as the model sees it", PROMPT


def _summary(review: Review, number: int) -> Summary | None:
    assert review.examined is not None
    try:
        runs = of_plans(review.examined.plans, None, {}, review.document.path).runs
    except UnknownCard:  # a comment names one
        return None
    return runs[min(number, len(runs) - 1)] if runs else None


def _fits(summary: Summary) -> str:
    if summary.card is not None:
        return f": {summary.card.verdict} on {summary.card.name}"
    return f", fits {summary.smallest_card}" if summary.smallest_card else ", more than one GPU holds"


def memory(review: Review) -> str:
    """Return the memory estimate of a script as text."""
    if review.examined is None:
        return review.report.reason
    report = of_plans(review.examined.plans, None, {}, review.document.path)
    return memory_text.render(report, Terminal(columns=WIDTH))


def plan(review: Review) -> str:
    """Return the plan of a script as text."""
    described = _described(review)
    return review.report.reason if described is None else plan_text.render(described, review.document.path, _TERMINAL)


def prompt(review: Review) -> str:
    """Return the text that the model is trained on, with the values that are filled in."""
    described = _described(review)
    if described is None:
        return review.report.reason
    made = []
    for sections in (described.plan, *described.more_plans):
        value = sections.prompt["text"]
        for parts in plan_words.texts(value):
            made.append("".join(map(_part, parts)))
        if not plan_words.texts(value):
            made.append(f"the prompt is unknown: {value.reason or plan_words.said(value)}")
    return "\n\n---\n\n".join(dict.fromkeys(made))


def _part(part: dict[str, Any]) -> str:
    return str(part["text"]) if "text" in part else f"{{{part['hole']}}}"


def _described(review: Review) -> plan_json.PlanReport | None:
    examined = review.examined
    if examined is None or examined.recording is None or not examined.plans:
        return None
    return plan_json.describe(examined.recording, examined.plans)


_TERMINAL = Terminal(columns=WIDTH)
SHOWN = {PLAN: plan, PROMPT: prompt, MEMORY: memory}
