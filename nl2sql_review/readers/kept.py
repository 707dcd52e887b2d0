"""The model that is kept: the direction of the metric, early stopping, and the state that a restarted run finds."""

from __future__ import annotations

import re
from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Trace, Value, options
from . import earlier
from .api.arguments import Defect, branch
from .api.imports import fact as listed
from .derive import is_left_out, plain
from .object_settings import last, makers, objects
from .run import Run, is_trainer
from .spelling import spelt

FEWER = re.compile(
    r"error|perplexity|(^|_)(ppl|wer|cer|ter|mse|mae|rmse|nll|bpb)(_|$)|distance|edits?(_|$)|failures?|invalid|loss$"
)
MORE = re.compile(
    r"accura|exact|(^|_)(em|ex|f1|bleu|acc|map|mrr|ndcg)(_|$)|rouge|score|precision|recall|reward|valid_|correct"
)
# What is another text at every start.
CHANGES = re.compile(
    r"datetime\.(now|utcnow|today)\(|\btime\.(time|strftime|time_ns|localtime)\(|uuid\d?\(|getpid\(|token_hex\(|"
    r"date\.today\(|\brandom\.\w+\(|mkdtemp\(|TemporaryDirectory\(|\blen\(os\.listdir\("
)

GIVEN = re.compile(r"\b(environ|getenv|argv)\b")  # a restart may be given the name again, as Slurm does its job's


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.checkpointing
    if run.trainer is None or run.configuration is not None and not run.arguments:
        why = "no trainer is created"
        part.best_model = part.resumed_state = Fact(Absent(why), at=run.place, why_not=why)
        return
    part.best_model = listed([*direction(run), *early(run), *on_training_rows(run)], run.place)
    resume = part.resume.value
    if resume_never(resume):
        why = "the training is not resumed"
        part.resumed_state = Fact(Absent(why), at=part.resume.at or run.place, why_not=why)
        return
    at = part.resume.at or run.place
    part.resumed_state = listed(
        [*optimizer(run), *changing(run, at), *shared(run), *earlier.changed(run, plan, at)], at
    )


def resume_never(value: Value) -> bool:
    return all(not isinstance(o, (Known, Default)) or o.value in ("never", "unread argument") for o in options(value))


# -- the best model ----------------------------------------------------------------------------------------------


def early_stopping(run: Run) -> Call | None:
    """Return the callback that stops this trainer's run early."""
    stops = [c for c in run.calls if last(c.callee) == "EarlyStoppingCallback"]
    if not stops:
        return None
    assert run.trainer is not None
    given = run.trainer.get("callbacks")
    none_given = isinstance(given, (Known, Default)) and not given.value
    if none_given and not any(last(c.callee) == "add_callback" for c in run.calls):
        return None
    trainers = [c for c in run.calls if is_trainer(c)]
    if len(trainers) == 1:
        return stops[-1]
    items = getattr(given, "parts", None) or getattr(given, "value", None) or ()
    held = [t for v in items if hasattr(v, "trace") for t in objects(v)] if isinstance(items, (list, tuple)) else []
    return next((c for c in stops if any(c.result is t for t in held)), None)


def direction(run: Run) -> Iterator[Defect]:
    """Yield a metric whose direction is taken the wrong way round."""
    given = run.arguments
    metric, better = given.value("metric_for_best_model"), given.value("greater_is_better")
    name = plain(metric)
    strategy = plain(given.value("save_strategy"))
    reads = plain(given.value("load_best_model_at_end")) is True or early_stopping(run) is not None
    if not isinstance(name, str) or not (reads or strategy == "best"):
        return
    word = name.lower().removeprefix("eval_")
    fewer, more = FEWER.search(word) is not None, MORE.search(word) is not None
    if fewer is more:
        return  # the name does not say
    left_out = is_left_out(better)
    if not left_out and not isinstance(better, (Known, Default)):
        return
    taken = not word.endswith("loss") if left_out else bool(plain(better))
    if taken is more:
        return
    place = given.where("metric_for_best_model") if left_out else given.where("greater_is_better")
    assert place is not None
    if left_out:
        text = (
            f"a lower {name} is better, but greater_is_better is left out and defaults to True because the name "
            f"does not end with loss: the worst checkpoint is kept; set greater_is_better=False"
        )
    else:
        side = "more" if more else "less"
        text = f"{side} of {name} is better, but greater_is_better={taken}: the worst checkpoint is kept"
    default = isinstance(metric, Default) or isinstance(better, Default)
    yield Defect("worst", "metric_for_best_model", place, text, assumed=default, trace=metric.trace)


def early(run: Run) -> Iterator[Defect]:
    """Yield early stopping that keeps the last model, which was just found to be worse."""
    call = early_stopping(run)
    loads = run.arguments.value("load_best_model_at_end")
    if call is None or "best_model_checkpoint" in run.source.text:
        return
    if isinstance(loads, Absent) and run.arguments.unknown or not run.arguments:
        return
    if not isinstance(loads, Absent) and not (isinstance(loads, (Known, Default)) and not loads.value):
        return
    if call.conditional and isinstance(loads, (Default, Either)):
        return  # what makes the callback may be what loads the best model
    text = "early stopping without load_best_model_at_end=True: the last model is kept, after the worse evaluations"
    default = isinstance(loads, Default)
    yield Defect("last", "EarlyStoppingCallback", call.place, text, branch(call), default, loads.trace)


def on_training_rows(run: Run) -> Iterator[Defect]:
    """Evaluations on the rows that are trained on: the last checkpoint is the best one, however it does on others."""
    assert run.trainer is not None
    loads = run.arguments.value("load_best_model_at_end")
    if not (isinstance(loads, (Known, Default)) and loads.value is True) and early_stopping(run) is None:
        return
    train, held = run.trainer.get("train_dataset"), run.trainer.get("eval_dataset")
    place = run.trainer.places.get("eval_dataset")
    here = run.trainer.places.get("train_dataset")
    if place is None or here is None or any(isinstance(v, (Either, Absent)) for v in (train, held)):
        return
    one, other = list(objects(train)), list(objects(held))
    if len(one) == len(other) == 1 and one[0] is other[0] or same_code(here, place):
        text = (
            "the best model is chosen on the rows that are trained on: their loss keeps falling while the model "
            "overfits; hold rows out"
        )
        yield Defect("training rows", "eval_dataset", place, text, branch(run.trainer), isinstance(loads, Default))


def same_code(one: Place, other: Place) -> bool:
    """Whether two arguments of a call are one expression that calls nothing."""
    if one.source is not other.source or one.node is other.node:  # one `**` may bring both
        return False
    codes = [p.source.segment(getattr(p.node, "value", p.node)) for p in (one, other)]
    return codes[0] == codes[1] and "(" not in codes[0]


# -- a run that resumes ------------------------------------------------------------------------------------------


def optimizer(run: Run) -> Iterator[Defect]:
    only = run.arguments.value("save_only_model")
    place = run.arguments.where("save_only_model")
    if isinstance(only, (Known, Default)) and only.value is True and place is not None:
        text = (
            "save_only_model leaves the optimizer and the schedule out of the checkpoints that the run resumes "
            "from: both start over"
        )
        yield Defect("no optimizer", "save_only_model", place, text, "", isinstance(only, Default), only.trace)


def changing(run: Run, at: Place | None) -> Iterator[Defect]:
    """Yield a defect if the run looks for its checkpoints in a folder that the same start has just created."""
    folder = run.arguments.value("output_dir")
    if isinstance(folder, (Known, Default, Absent)) or at is None or not run.train:
        return
    moment = CHANGES.search(spelt(folder)) if isinstance(folder, (Text, Term)) else None
    if moment is None or GIVEN.search(spelt(folder)) or any(GIVEN.search(code) for code in passed(folder)):
        return
    asked = run.train[-1].get("resume_from_checkpoint", "$0")
    here = any(plain(o) is True or isinstance(o, (Term, Text)) and CHANGES.search(spelt(o)) for o in options(asked))
    if here:
        text = (
            "the output directory has another name at every start: a restarted run looks in a different one and never "
            "finds its checkpoints"
        )
        yield Defect("changes", "output_dir", at, text, trace=folder.trace)


def passed(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the statements that a value and its parts came through."""
    import libcst as cst

    if depth > 4:
        return
    for step in getattr(value, "trace", ()):
        if isinstance(step.node, cst.CSTNode):
            path = step.source.nodes.path(step.node)
            yield step.source.segment(next((n for n in path if isinstance(n, cst.SimpleStatementLine)), step.node))
    for part in (*(getattr(value, "parts", None) or ()), *getattr(value, "args", ())):
        yield from passed(part, depth + 1)


def shared(run: Run) -> Iterator[Defect]:
    """Yield a second training that resumes in the folder of the first and finds the first one's last step."""
    mine = run.arguments.value("output_dir")
    if not isinstance(mine, (Known, Default)) or run.trainer is None or not run.train:
        return
    for call in run.calls:
        if call is run.trainer:
            break
        if not is_trainer(call) or not trained(run, call) or same_data(call, run.trainer):
            continue
        other = makers(call.get("args")).value("output_dir")
        if isinstance(other, (Known, Default)) and other.value == mine.value:
            place = first_own(run, mine.trace) or run.train[-1].place
            text = (
                f"an earlier training in the script also writes to {mine.value}, and this one resumes from there: "
                f"it starts at the last step of the other"
            )
            yield Defect("shared", "output_dir", place, text, "", isinstance(mine, Default), mine.trace)
            return


def trained(run: Run, trainer: Call) -> bool:
    return any(
        last(c.callee) == "train" and c.receiver is trainer.result and trainer.result is not None for c in run.calls
    )


def same_data(one: Call, other: Call) -> bool:
    """Return whether both train on the same rows, so that the second continues the first, or it cannot be told."""
    a, b = (loads(c) for c in (one, other))
    return not a or not b or a == b


def loads(trainer: Call) -> list[str]:
    """Return the sources of a trainer's training rows, from the load calls."""
    found = []
    for thing in objects(trainer.get("train_dataset")):
        for call in getattr(thing, "sources", ()):
            found += [f"{call.callee}({name}={spelt(value)})" for name, value in call.arguments.items()]
    return found


def first_own(run: Run, trace: Trace) -> Place | None:
    return next((step for step in trace if step.source is run.source), None)
