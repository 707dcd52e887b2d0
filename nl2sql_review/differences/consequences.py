"""Consequences of settings that differ: effective batch, steps, samples and tokens seen, memory."""

from __future__ import annotations

from collections.abc import Iterator

from ..render.plan_json import PlanValue, describe_fact
from ..report.plan_diff import Difference, Stated
from ..run.memory import of_plans
from ..training_plan.facts import TrainingPlan


def between(first: TrainingPlan, second: TrainingPlan) -> Iterator[Difference]:
    """Yield the consequences that differ between two plans, each as a number if it can be known."""
    for name, unit, of in (
        ("effective batch", "", effective_batch),
        ("steps", "", steps),
        ("samples seen", "", samples),
        ("tokens a step, at most", "", tokens_a_step),
        ("tokens seen, at most", "", tokens),
        ("GPU memory", " GiB", memory),
    ):
        a, b = of(first), of(second)
        if a != b:
            yield Difference("", name, _said(a, unit), _said(b, unit))


def _said(value: float | None, unit: str) -> Stated:
    if value is None:
        return Stated("unknown", None, "unknown")
    text = f"{value:,}" if isinstance(value, int) else f"{value:.1f}"
    return Stated(text + unit, value, "known")


def _number(value: PlanValue) -> int | None:
    plain = value.value if value.kind in ("known", "default") else None
    return int(plain) if isinstance(plain, (int, float)) and not isinstance(plain, bool) else None


def effective_batch(plan: TrainingPlan) -> int | None:
    """Return the number of samples in one optimizer step, over all processes."""
    return _number(describe_fact(plan.arguments.effective_batch))


def steps(plan: TrainingPlan) -> int | None:
    """Return the optimizer steps of the whole run if the script sets them; None for epochs, which need the data."""
    count = _number(describe_fact(plan.arguments.max_steps))
    return count if count is not None and count > 0 else None


def samples(plan: TrainingPlan) -> int | None:
    """Return the rows that a run sees: steps × effective batch; None if one of them is unknown."""
    return _product(steps(plan), effective_batch(plan))


def tokens_a_step(plan: TrainingPlan) -> int | None:
    """Return the most tokens of one step: effective batch × sequence length; None if one of them is unknown."""
    return _product(effective_batch(plan), _number(describe_fact(plan.memory.sequence_length)))


def tokens(plan: TrainingPlan) -> int | None:
    """Return the most tokens that a run sees; None if the steps, the batch or the length is unknown."""
    return _product(steps(plan), tokens_a_step(plan))


def _product(a: int | None, b: int | None) -> int | None:
    return a * b if a is not None and b is not None else None


def memory(plan: TrainingPlan) -> float | None:
    """Return the estimated peak memory of the run, in GiB."""
    (summary,) = of_plans([plan], None, {}, "").runs
    return round(summary.gib, 1) if summary.gib is not None else None
