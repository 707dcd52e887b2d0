"""Facts of the prompt that rest on what is known of a model, where only an option's default names the model.

What the text ends with, and what a chat template writes, depends on the tokenizer. Such a fact holds unless another
model is named, so that it is no more certain than the default. It is found by reading the prompt without the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, Prompt, TrainingPlan
from ..training_plan.values import Default, Unknown, Value, same
from . import prompt
from .object_settings import last
from .prompt import labels, silent_failures
from .run import MODEL_NAMES, Run

OTHER = "an option may name another"
NAMED = (*MODEL_NAMES, "chat_template", "$1")  # arguments that name a model, or a template
NAMING = ("from_pretrained", "get_chat_template")


def mark(run: Run, plan: TrainingPlan) -> None:
    """Mark as assumed the facts of the prompt that another model would change, if an option may name one."""
    name = plan.lora.model_name
    calls = [call for call in run.calls if last(call.callee) in NAMING and _named(call)]
    if not calls and not isinstance(name.value, Default):
        return
    other = copy(plan)
    other.prompt, other.lora = Prompt(), copy(plan.lora)
    if isinstance(name.value, Default):
        other.lora.model_name = Fact(Unknown(OTHER), at=name.at)
    with _unnamed(calls):
        for section in (prompt, silent_failures, labels):
            section.read(run, other)
    for field in plan.prompt.names():
        fact = getattr(plan.prompt, field)
        if not isinstance(fact.value, Unknown) and not _alike(fact, getattr(other.prompt, field)):
            fact.assumed = True
            for case in fact.cases:
                case.assumed = True


def _alike(fact: Fact, other: Fact) -> bool:
    return same(fact.value, other.value) and fact.why_not == other.why_not and len(fact.cases) == len(other.cases)


def _named(call: Call) -> dict[str, Value]:
    """Return the arguments of a call that name a model or a template by default, as unknown ones."""
    return {key: Unknown(OTHER) for key in NAMED if isinstance(call.arguments.get(key), Default)}


@contextmanager
def _unnamed(calls: Iterable[Call]) -> Iterator[None]:
    """Hide the names that calls are given by default."""
    hidden = [(call, call.arguments) for call in calls]
    for call, arguments in hidden:
        call.arguments = {**arguments, **_named(call)}
    try:
        yield
    finally:
        for call, arguments in hidden:
            call.arguments = arguments
