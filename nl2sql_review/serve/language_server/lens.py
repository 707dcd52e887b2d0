"""Code lenses on the trainer: the GPU memory that the run needs, its plan, and the prompt as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol.types import CodeLens, Command

from ...gpu_memory.advice import gib
from ...gpu_memory.cards import UnknownCard
from ...gpu_memory.summary import Summary
from ...interpret.core.recording import Call
from ...judgement.wording import where
from ...readers.run import is_trainer
from ...render import memory_text, plan_json, plan_text, plan_words
from ...render.terminal import Terminal
from ...report.report import Location
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
    for at in dict.fromkeys(where(call.place) for call in trainers):
        if at is None or positions.uri(at) != uri:
            continue
        row = positions.range(at)
        for title, command in _titles(review, at):
            yield CodeLens(row, Command(title, command, arguments=[owner]))


def _titles(review: Review, at: Location) -> Iterator[tuple[str, str]]:
    runs = _summaries(review, at)
    known = [one for one in runs if one.gib is not None]
    if known:
        largest = max(known, key=lambda one: one.gib or 0)
        several = "up to " if len(runs) > 1 else ""  # runs of one line, as in a loop
        yield f"{several}≈ {gib(largest.gib or 0)} GiB{_fits(largest)}", MEMORY
    elif runs:
        yield "no memory estimate", MEMORY
    yield "show the plan", PLAN
    yield "show the prompt as the model sees it", PROMPT


def _summaries(review: Review, at: Location) -> list[Summary]:
    """Return the estimates of the runs whose trainer is made at a place; of all where no plan names it."""
    assert review.examined is not None
    plans = review.examined.plans
    here = [one for one in plans if (place := one.api.trainer.at) is not None and where(place) == at]
    try:
        return list(of_plans(here or plans, None, {}, review.document.path).runs)
    except UnknownCard:  # a comment names one
        return []


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
            made.append(recorded.written(parts))
        if not plan_words.texts(value):
            made.append(f"the prompt is unknown: {value.reason or plan_words.said(value)}")
    return "\n\n---\n\n".join(dict.fromkeys(made))


def _described(review: Review) -> plan_json.PlanReport | None:
    examined = review.examined
    if examined is None or examined.recording is None or not examined.plans:
        return None
    return plan_json.describe(examined.recording, examined.plans)


_TERMINAL = Terminal(columns=WIDTH)
SHOWN = {PLAN: plan, PROMPT: prompt, MEMORY: memory}
