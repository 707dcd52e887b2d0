"""Tells a file that trains nothing, as one of functions that make a model, from one whose training is not read.

The second calls something that trains: a trainer that is not known, a loop of its own, a function of a module that is
not in the project. What its training does is unknown; that of the first is another file's matter.
"""

from __future__ import annotations

import re
from typing import Any

from ..interpret.core.recording import Call, Recording
from ..training_plan.facts import TrainingPlan
from ..training_plan.values import Absent
from .object_settings import last, objects
from .run import ADAPTERS, CONFIGS, Run, call_of, is_model_load, is_trainer
from .spelling import terms

NOTHING_TRAINED = "nothing is trained in this file: it makes a model and no trainer"
NOT_STARTED = "no training is started here: the file loads a model and makes no trainer"
ONLY_EVALUATED = "no training is started here: the trainer only evaluates"
# What code that trains says: a trainer or its call, a loss or labels, a step of an optimizer.
STARTS = (
    r"[Tt]rainer\w{0,40}\s{0,4}[=(.]|(?<!model\.)(?<!kbit_)(?<!for_)(?<!pre)train(?:ing)?(?:_\w{1,40})?\(|"
    r"\.(?:fit|learn|step|launch)\(|backward\("
)
TRAINS = re.compile(STARTS + r"|\b(?:loss|labels)\b['\"\]]{0,2}\s{0,4}[=:]")
# The same of code that measures a loss and says that it needs no gradients; a part of a model or of a trainer may be
# trained by another file.
STEPS_OR_PARTS = re.compile(STARTS + r"|def (?:forward|training_step|compute_loss)\(")
WITHOUT_GRADIENTS = re.compile(r"\bno_grad\b|\binference_mode\b|\.eval\(\)|\.generate\(")
# What a file does with a model that it does not train.
USED = re.compile(
    WITHOUT_GRADIENTS.pattern + r"|\bmerge_\w+\(|\bPeftModel\w*\.|\.(?:save|push)\w+\(|save_pretrained\w{0,40}\(|"
    r"\.load_adapter\(|\bpipeline\(|\bencode\("
)
# What a program says, and how a function or an object hands on what it makes.
PROGRAM = re.compile(r"__name__\s{0,4}==\s{0,4}['\"]__main__")
HANDED_OUT = re.compile(r"\b(?:return|yield)\b[ \t]*[^\s#]|\bself\.\w+\s{0,4}=(?!=)|\bglobal ")
# What starts a training in another process.
STARTS_ANOTHER = re.compile(r"(?:subprocess\.\w{1,20}|os\.system|Popen)\([^)]{0,400}train")
TRAIN_CALLED = re.compile(r"(?<!pre)train(?!able)\w{0,40}\(|\.train\b|\.(?:fit|learn|step|launch)\(|backward\(")
# The same without the method of a trainer, which is recorded.
TRAINS_OTHERWISE = re.compile(r"(?<!pre)(?<!\.)train(?!able)\w{0,40}\(|\.(?:fit|learn|step|launch)\(|backward\(")
GIVES_ROWS = re.compile(r"\.train_dataset\s{0,4}=(?!=)|['\"]train_dataset['\"]|\bget_train_dataloader\b")
# What code says that changes weights where it computes gradients: a step of an optimizer, a trainer, or the gradients.
CHANGES_WEIGHTS = re.compile(r"[Tt]rainer\w{0,40}\s{0,4}[=(.]|\.(?:fit|learn|step|launch)\(|\.grad\b|\.data\b|optim\.")
FORWARD = "transformers.PreTrainedModel.__call__"
DRAWN = re.compile(r"torch\.(?:rand(?:int)?|zeros|ones)\(")  # ids that stand for no text
STEPS = ("backward", "fit", "learn")  # calls in the modules that the file uses
# Packages whose functions, trainers apart, train nothing; "model" is one of which only that is known.
TRAIN_NOTHING = frozenset(
    {"peft", "transformers", "unsloth", "unsloth_zoo", "bitsandbytes", "torch", "datasets", "huggingface_hub", "model"}
)


def trains_nothing(run: Run) -> bool:
    """Return whether the file makes a model, no training arguments, and certainly does not train it."""
    recording = run.recording
    if run.trainer is not None or run.configuration is not None or recording.exhausted or recording.broken:
        return False
    trained = any(last(call.callee) in (*STEPS[1:], *CONFIGS) or hands_on_model(call) for call in run.calls)
    if run.backward:  # to see what it costs, perhaps
        return not trained and (not run.mentions(CHANGES_WEIGHTS) or measures_speed(run))
    text = getattr(run.source, "text", "")
    words = STEPS_OR_PARTS if WITHOUT_GRADIENTS.search(text) else TRAINS
    return not trained and not words.search(text)


def only_evaluates(run: Run) -> bool:
    """Return whether the trainer is asked to evaluate or predict, and certainly never to train."""
    trainer, recording = run.trainer, run.recording
    if trainer is None or run.train or run.configuration is not None or recording.exhausted or recording.broken:
        return False
    return only_asked(run) and (not run.mentions(TRAIN_CALLED) or without_rows(run))


def without_rows(run: Run) -> bool:
    """Return whether the trainer is given no rows to train on: its train() would raise.

    A file that trains one trainer often makes a second one to evaluate what it has trained.
    """
    trainer = run.trainer
    if trainer is None or trainer.unknown_arguments or any(run.mentions(p) for p in (GIVES_ROWS, TRAINS_OTHERWISE)):
        return False
    return isinstance(trainer.get("train_dataset"), Absent) and not any(n.startswith("$") for n in trainer.arguments)


def trains_none(recording: Recording) -> bool:
    """Return whether nothing that the script calls may train a trainer of it, followed as it was to its end."""
    if recording.exhausted or recording.broken:
        return False
    if any(
        last(call.callee) in ("train", "unsloth_train", "fit", "learn", "launch", "backward")
        for call in recording.calls
    ):
        return False
    return not handed_on(recording, [call for call in recording.calls if is_trainer(call)])


def handed_on(recording: Recording, trainers: list[Call]) -> bool:
    """Return whether a call is passed one of these trainers, which it may train."""
    made = {id(call.result) for call in trainers}
    return any(
        id(thing) in made for call in recording.calls for value in call.arguments.values() for thing in objects(value)
    )


def only_asked(run: Run) -> bool:
    """Return whether the script evaluates or predicts with its trainer."""
    made = run.trainer.result if run.trainer is not None else None
    return made is not None and any(c.receiver is made and last(c.callee) in ("evaluate", "predict") for c in run.calls)


def no_training(run: Run) -> str:
    """Return why the file certainly trains nothing, or "" if it may."""
    if trains_nothing(run):
        return NOTHING_TRAINED
    return ONLY_EVALUATED if only_evaluates(run) else ""


def read(run: Run, plan: TrainingPlan) -> None:
    """Say why no policy for trainings applies, if the file certainly starts no training."""
    if run.mentions(STARTS_ANOTHER):
        return
    plan.untrained = no_training(run)
    if plan.untrained == NOTHING_TRAINED:
        adapted = any(last(call.callee) in ADAPTERS for call in run.recording.every())
        text = getattr(run.source, "text", "")
        for_itself = PROGRAM.search(text) and not HANDED_OUT.search(text)
        plan.offers_model = adapted or not (USED.search(text) or for_itself)
        plan.untrained = NOTHING_TRAINED if plan.offers_model else NOT_STARTED


def measures_speed(run: Run) -> bool:
    """Return whether every loss is the model's own of ids that the script draws at random, as in a benchmark."""
    labels = [terms(c.arguments["labels"]) for c in run.calls if c.callee == FORWARD and "labels" in c.arguments]
    made_up = all(term is not None and DRAWN.match(term.text) for term in labels)
    return bool(labels) and made_up and run.loader is None and takes_model_loss(run)


def takes_model_loss(run: Run) -> bool:
    """Return whether every `backward` is of the loss that the model computes, or a part of it."""
    trained = [loss for c in run.backward for loss in losses(c)]
    return all(re.search(r"\.loss\b|\['loss'\]", getattr(loss, "text", "")) for loss in trained)


def losses(call: Call) -> list[Any]:
    """Return the losses of a `backward` call: its receiver, or what is passed to an Accelerator."""
    given = call.get("loss", "$0")
    return [call.receiver] if isinstance(given, Absent) else list(objects(given)) or [given]


def hands_on_model(call: Call) -> bool:
    """Return whether a call passes a model, an adapter or training arguments to a function that may train."""
    if call.callee.partition(".")[0] in TRAIN_NOTHING:
        return False
    made = [call_of(thing) for value in call.arguments.values() for thing in objects(value)]
    return any(c is not None and (is_model_load(c) or last(c.callee) in (*ADAPTERS, *CONFIGS)) for c in made)
