"""Finds values in a script that a library certainly refuses: the run stops where the object is made."""

from __future__ import annotations

from typing import Iterator

from ...files.typed_data import did_you_mean
from ...interpret.core.recording import Call
from ...libraries.versions import key_of
from ...training_plan.values import Default, Known
from ..derive import plain
from ..object_settings import last
from ..run import Run
from .arguments import CONFIG_OF, Defect, Judging, assumed_since, branch
from .wording import short, stated

# Trainers that read attributes of `args`, which a dictionary does not have (trl 0.8.6 to 1.16.0, transformers 5.17.0).
TRAINERS = {
    "transformers": ("Trainer", "Seq2SeqTrainer"),
    "trl": ("SFTTrainer", "DPOTrainer", "GRPOTrainer", "ORPOTrainer", "KTOTrainer", "CPOTrainer", "RewardTrainer"),
}
# peft.TaskType, the same from 0.2 to 0.21. Since 0.14.0 `PeftConfig.__post_init__` refuses every other word.
TASK_TYPES = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")
TASK_TYPES_CHECKED = "0.14.0"
# transformers.training_args.OptimizerNames: names that are gone, since when, and the same optimizer today
OPTIMIZERS = {"adamw_hf": ("4.50.0", "adamw_torch")}
NONE_REFUSED = "5.0.0"  # the first transformers whose trainers look for a tracker called None


def refused(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the values that the trainer or the adapter's configuration refuses, except where a `try` awaits that."""
    for call in run.calls:
        if call.instance is not None or judging.guards.over(call.place, name=last(call.callee)):
            continue
        library, _, name = call.callee.partition(".")
        if name in TRAINERS.get(library, ()):
            yield from _dictionary(call, name)
        elif call.callee == "peft.LoraConfig":
            yield from _task_type(call, judging)
    yield from _trackers(run, judging)
    yield from _optimizers(run, judging)


def _dictionary(call: Call, trainer: str) -> Iterator[Defect]:
    """Yield the defect of a dictionary given as the training arguments."""
    value = call.get("args")
    if not isinstance(value, (Known, Default)) or not isinstance(value.value, dict):
        return
    config = CONFIG_OF.get(trainer, trainer.removesuffix("Trainer") + "Config")
    yield Defect(
        "value",
        "args",
        call.places.get("args", call.place),
        f"{trainer} is given a dict as args: AttributeError, because it reads the settings as attributes",
        branch(call),
        trace=value.trace,
        remedy=f"create the arguments from it: args={config}(**…)",
    )


def _task_type(call: Call, judging: Judging) -> Iterator[Defect]:
    """Yield the defect of a task type that PEFT does not have, if the versions that are judged check it."""
    value = call.get("task_type")
    if not isinstance(value, (Known, Default)) or not isinstance(value.value, str) or value.value in TASK_TYPES:
        return
    if not judging.versions.all(lambda installed: key_of(installed["peft"]) >= key_of(TASK_TYPES_CHECKED), "peft"):
        return
    likely = next((word for word in TASK_TYPES if word.replace("_", "") == _letters(value.value)), "")
    hint = f'; did you mean "{likely}"?' if likely else did_you_mean(value.value.upper(), TASK_TYPES)
    yield Defect(
        "value",
        "task_type",
        call.places.get("task_type", call.place),
        f'{last(call.callee)} has no task_type="{value.value}": ValueError{hint}',
        branch(call),
        assumed_since(judging.versions["peft"], TASK_TYPES_CHECKED) or isinstance(value, Default),
        trace=value.trace,
        remedy=f"use one of {', '.join(TASK_TYPES)}",
    )


def _trackers(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the defect of `report_to=None`, which stops the trainer in the versions that are judged."""
    trainer, value, place = run.trainer, run.arguments.value("report_to"), run.arguments.where("report_to")
    if trainer is None or place is None or not isinstance(value, (Known, Default)) or value.value is not None:
        return
    name = last(trainer.callee)
    if name not in TRAINERS.get(trainer.callee.partition(".")[0], ()) or judging.guards.over(trainer.place, name=name):
        return
    choice = judging.versions["transformers"]
    if judging.versions.all(
        lambda installed: key_of(installed["transformers"]) >= key_of(NONE_REFUSED), "transformers"
    ):
        yield Defect(
            "value",
            "report_to",
            place,
            f"{name} is given report_to=None: ValueError (None is not supported) since transformers 5.0; before, it "
            f"meant every installed tracker; {stated(choice)}",
            branch(trainer),
            assumed_since(choice, NONE_REFUSED) or isinstance(value, Default),
            trace=value.trace,
            remedy='write report_to="none" for no tracker, or name the trackers',
        )


def _optimizers(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the defect of an optimizer that the judged versions no longer know by its name."""
    call, value, place = run.arguments.call, run.arguments.value("optim"), run.arguments.where("optim")
    optimizer = plain(value)
    if call is None or place is None or not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        return
    since, instead = OPTIMIZERS[optimizer]
    choice = judging.versions["transformers"]
    if judging.guards.over(call.place, value, last(call.callee)) or not judging.versions.all(
        lambda installed: key_of(installed["transformers"]) >= key_of(since), "transformers"
    ):
        return
    text = f'{last(call.callee)} has no optim="{optimizer}" since transformers {short(since)}: ValueError'
    yield Defect(
        "value",
        "optim",
        place,
        f"{text}; {stated(choice)}",
        branch(call),
        assumed_since(choice, since),
        trace=value.trace,
        remedy=f'write optim="{instead}"',
        overridden_by=value.overridden_by if isinstance(value, Default) else "",
    )


def _letters(word: str) -> str:
    return "".join(c for c in word.upper() if c.isalnum())
