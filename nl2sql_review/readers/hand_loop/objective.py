"""Objective of a hand-written training loop: whether its loss is that of answers, of preferences or of rewards.

The loss is an expression, so what it is made of tells: that of answers is the model's own or a cross entropy over
labels, that of preferences a log-sigmoid, that of rewards weighs what the model wrote.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from ...interpret.core.objects import Opaque
from ...training_plan.values import Known, Term
from ..object_settings import last
from ..run import Run
from ..spelling import terms
from ..untrained import losses, takes_model_loss

PARTS_READ = 4_000  # of one loss: those of long loops repeat
LOG_SIGMOIDS = ("logsigmoid", "LogSigmoid")
OVER_LABELS = ("cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss")
LOG_PROBABILITIES = ("gather", "log_softmax")
# What code says of such a loss, where the loss itself could not be followed.
SPOKEN_OF = re.compile(
    r"\badvantages?\b|\b(?:ref|reference|old)_(?:policy|model|log_?p\w*)\b|\bpolicy_(?:loss|model)\b|\blogsigmoid\("
    r"|\b(?:dpo|ppo|grpo)_\w*loss\b"
)
ANSWERS = "answers"
PREFERENCES = "the loss of the loop compares answers by a log-sigmoid: it does not train on a text and its answer"
REWARDS = "the loss of the loop weighs texts by a reward: it does not train on a text and its answer"
UNREAD = "it is unknown whether the loop trains on answers: its loss is not read, and the script speaks of {}"
MIXED = "the loop trains on answers and on something else, or on parts of which that is not known"


def other_objective(run: Run) -> str:
    """Return why a loop certainly does not train on answers, or "" if it may."""
    found = [_kinds(loss) for loss in _different(run)]
    return min(found[0]) if found and all(kinds in ({PREFERENCES}, {REWARDS}) for kinds in found) else ""


def rewarded(run: Run) -> bool:
    """Return whether a loss of a loop weighs texts by a reward: its step takes what is sampled, and not rows."""
    return any(REWARDS in _kinds(loss) for loss in _different(run))


def unsure(run: Run) -> str:
    """Return why it is unknown whether a loop trains on answers, or "" if it does or certainly does not."""
    if not run.backward or other_objective(run):
        return ""
    found = [_kinds(loss) for loss in _different(run)]
    if any(kinds & {PREFERENCES, REWARDS} for kinds in found):
        return MIXED
    if all(kinds == {ANSWERS} for kinds in found) or takes_model_loss(run):
        return ""
    said = next((m[0] for source in run.sources if (m := SPOKEN_OF.search(source.text))), "")
    return UNREAD.format(said.rstrip("(")) if said else ""


def _different(run: Run) -> list[object]:
    """Return the losses of a loop; the turns of a loop that are the same expression count once."""
    found = {getattr(loss, "text", ""): loss for call in run.backward for loss in losses(call)}
    return list(found.values())


def _kinds(loss: object) -> set[str]:
    """Return what a loss is made of, as far as it tells."""
    kinds = set()
    for part in parts(loss):
        name = _called(part)
        if name in LOG_SIGMOIDS:
            return {PREFERENCES}
        if name == "std" or name == "exp" and any(map(_compares, part.args)):
            kinds.add(REWARDS)
        elif name in OVER_LABELS or part.text.endswith((".loss", "['loss']")):
            kinds.add(ANSWERS)
    return kinds


def _called(part: Term) -> str:
    """Return the name of the function or method that an expression calls, "" if it is no call."""
    if part.operation != "call":
        return ""
    named = (one.text for arg in part.args if (one := terms(arg)) is not None and one.operation == "receiver")
    return next(named, "") or last(part.text.partition("(")[0])


def _compares(value: object) -> bool:
    """Return whether a value is the difference of two log-probabilities, as in the ratio of two policies."""
    term = terms(value)
    if term is not None and term.operation == "receiver":
        term = terms(term.args[0])
    if term is None or term.operation != "op" or len(term.args) != 2 or " - " not in term.text:
        return False
    return all(any(_called(part) in LOG_PROBABILITIES for part in parts(side)) for side in term.args)


def parts(value: object) -> Iterator[Term]:
    """Yield the expressions that a value is made of, its own first."""
    waiting: deque[Any] = deque([value])
    seen: set[int] = set()
    while waiting and len(seen) < PARTS_READ:
        one = waiting.popleft()
        if id(one) in seen:
            continue
        seen.add(id(one))
        term = terms(Known(one) if isinstance(one, Opaque) else one)
        if term is not None:
            yield term
            waiting += term.args
        waiting += getattr(one, "options", ())
        inner = getattr(one, "parts", None)
        waiting += [] if inner is None else inner.values() if isinstance(inner, dict) else inner
        held = getattr(one, "value", None)
        waiting += held if isinstance(held, (list, tuple)) else ()
