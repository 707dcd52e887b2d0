"""Finds arguments that contradict each other, and arguments of the wrong class."""

from __future__ import annotations

import re
from typing import Any, Iterator

from ...interpret.core.recording import Call
from ...libraries.versions import key_of
from ...training_plan.values import Absent, Default, Known, Value
from ..derive import is_left_out, plain
from ..object_settings import from_library, last, objects
from ..run import Run
from . import groups
from .arguments import Defect, Judging, assumed_since, branch
from .unscaled import unscaled

LENGTHS = ("max_length", "max_seq_length")
# What each trainer measures by itself, beside the loss.
SPEED = ("runtime", "samples_per_second", "steps_per_second", "epoch")
MEASURES = {
    "transformers.Trainer": SPEED,
    "transformers.Seq2SeqTrainer": SPEED,
    "trl.SFTTrainer": (*SPEED, "mean_token_accuracy", "entropy", "num_tokens"),
}
SET_LATER = re.compile(r"\.compute_metrics\s*=")
COPIES = re.compile(r"deepcopy|copy\.copy|\.clone\(")
ADAPTED = re.compile(r"peft\.(?:get_peft_model|(?:Auto)?PeftModel\w*\.from_pretrained)")


def wrong_class(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the arguments of a transformers trainer that SFTTrainer is given: it then cuts texts at its own default."""
    trainer, call = run.trainer, run.arguments.call
    if trainer is None or call is None or trainer.callee != "trl.SFTTrainer" or judging.patched:
        return
    if (
        call.callee not in ("transformers.TrainingArguments", "transformers.Seq2SeqTrainingArguments")
        or call.instance is not None
    ):
        return
    if any(name in trainer.arguments for name in LENGTHS) or trainer.unknown_arguments or len(run.arguments.makers) > 1:
        return
    if not judging.versions.all(lambda i: key_of(i["trl"]) >= key_of("0.13.0"), "trl") or judging.guards.over(
        call.place, name="SFTTrainer"
    ):
        return
    text = (
        f"SFTTrainer is given {last(call.callee)}: it converts them to an SFTConfig and truncates every text at the "
        f"default of 1024 tokens; use SFTConfig(max_length=…)"
    )
    guess = assumed_since(judging.versions["trl"], "0.13.0")
    yield Defect("wrong class", last(call.callee), call.place, text, _branch(run), guess)


# -- contradictions ----------------------------------------------------------------------------------------------


def conflicts(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the contradictions that stop the run, unless code of the script guards against them."""
    for defect in (
        *_flags(run),
        *_best_model(run),
        *_evaluation(run, judging),
        *_unmeasured(run),
        *_own_reference(run, judging),
        *_sft_trainer(run, judging),
        *groups.torn(run, judging),
        *unscaled(run),
    ):
        if not judging.guards.over(defect.place):
            defect.branch = defect.branch or _branch(run)
            yield defect


def _branch(run: Run) -> str:
    """Return the condition under which the trainer is made with these arguments; "" if several calls agree on them."""
    return branch(run.trainer) or (branch(run.arguments.call) if len(run.arguments.makers) == 1 else "")


def _flags(run: Run) -> Iterator[Defect]:
    """Yield two precisions, or two quantizations, that are both enabled."""
    given = run.arguments
    if _plain(given.value("fp16")) is True and _plain(given.value("bf16")) is True:
        yield Defect(
            "conflict",
            "bf16",
            given.where("bf16") or given.place,
            "fp16 and bf16 are both enabled: ValueError",
        )
    for call in run.calls:
        if call.callee == "transformers.BitsAndBytesConfig" and all(
            _plain(call.get(n)) is True for n in ("load_in_4bit", "load_in_8bit")
        ):
            yield Defect(
                "conflict",
                "load_in_8bit",
                call.places.get("load_in_8bit", call.place),
                "load_in_4bit=True and load_in_8bit=True cannot be combined: ValueError",
                branch(call),
            )


def _best_model(run: Run) -> Iterator[Defect]:
    """Yield a best model to be loaded at the end that is not saved when it is measured."""
    given = run.arguments
    asked = given.value("load_best_model_at_end")
    if plain(asked) is not True:
        return
    place = given.where("load_best_model_at_end") or given.place
    saving, evaluating = given.value("save_strategy"), given.value("eval_strategy", "evaluation_strategy")
    save = "steps" if isinstance(saving, Absent) else _word(saving, assumed=True)
    evaluate = "no" if isinstance(evaluating, Absent) else _word(evaluating, assumed=True)
    other = given.value("do_eval", "eval_steps")
    if isinstance(evaluating, Absent) and not isinstance(other, Absent) and not from_library(other):
        return
    if (
        save is None
        or evaluate is None
        or save == "best"
        or place is None
        or given.call is None
        or given.call.unread_arguments
    ):
        return
    assumed = any(isinstance(v, Default) for v in (asked, saving, evaluating))
    if save != evaluate:
        text = (
            "load_best_model_at_end=True requires save_strategy and eval_strategy to be the same, "
            f'but they are "{save}" and "{evaluate}": ValueError'
        )
        same = f'set eval_strategy="{save}" and pass an eval_dataset' if evaluate == "no" else "set both to the same"
        remedy = f"{same}, or leave out load_best_model_at_end"
        yield Defect("conflict", "load_best_model_at_end", place, text, assumed=assumed, remedy=remedy)
        return
    saved, evaluated = given.value("save_steps"), given.value("eval_steps")
    every, each = (v.value if isinstance(v, (Known, Default)) else None for v in (saved, evaluated))
    if save == "steps" and isinstance(every, int) and isinstance(each, int) and each > 0 and every % each:
        text = (
            f"load_best_model_at_end=True requires save_steps to be a multiple of eval_steps, but they are {every} "
            f"and {each}: ValueError"
        )
        default = assumed or isinstance(saved, Default) or isinstance(evaluated, Default)
        trace = (*saved.trace, *evaluated.trace)
        remedy = f"set save_steps={-(-every // each) * each}, a multiple of eval_steps"
        yield Defect("conflict", "load_best_model_at_end", place, text, assumed=default, trace=trace, remedy=remedy)


def _unmeasured(run: Run) -> Iterator[Defect]:
    """Yield a metric that decides which model is best, and that nothing computes."""
    trainer, given = run.trainer, run.arguments
    metric = given.value("metric_for_best_model")
    name = _plain(metric)
    if trainer is None or not isinstance(name, str) or trainer.callee not in MEASURES or trainer.instance is not None:
        return
    if trainer.unknown_arguments or any(not is_left_out(trainer.get(one)) for one in ("compute_metrics", "callbacks")):
        return
    if any(last(call.callee) == "add_callback" for call in run.calls):  # one may add to the metrics
        return
    if run.mentions(SET_LATER) or _word(given.value("save_strategy")) == "no":
        return
    evaluates = _word(given.value("eval_strategy", "evaluation_strategy")) in ("steps", "epoch")
    if not evaluates or name.endswith(("loss", *MEASURES[trainer.callee])):  # also of one of several datasets
        return
    text = (
        f"nothing computes {name}: {last(trainer.callee)} gets no compute_metrics, "
        f"so the first evaluation raises KeyError"
    )
    place = given.where("metric_for_best_model") or given.place
    remedy = "pass a compute_metrics that returns it, or leave the metric out"
    yield Defect("conflict", "metric_for_best_model", place, text, trace=metric.trace, remedy=remedy)


def _own_reference(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield a trainer whose reference model is the model that it trains, and no copy of it."""
    if run.trainer is None or run.trainer.callee != "trl.DPOTrainer" or run.mentions(COPIES):
        return
    if judging.patched or not _since(judging, "0.12.0"):
        return
    model, reference = (list(objects(run.trainer.get(name))) for name in ("model", "ref_model"))
    if len(model) == len(reference) == 1 and model[0] is reference[0]:
        text = "ref_model is the model that is trained: ValueError"
        place = run.trainer.places.get("ref_model", run.trainer.place)
        remedy = "leave ref_model out: the trainer makes a copy, or turns the adapter off"
        yield Defect("conflict", "ref_model", place, text, remedy=remedy)


def _evaluation(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield an evaluation that has no data."""
    trainer, given = run.trainer, run.arguments
    strategy = _word(given.value("eval_strategy", "evaluation_strategy"))
    if (
        trainer is None
        or trainer.callee not in ("trl.SFTTrainer", "transformers.Trainer")
        or trainer.unknown_arguments
        or trainer.instance is not None
    ):
        return
    if strategy not in ("steps", "epoch") or len(given.makers) > 1:
        return
    if not is_left_out(trainer.get("eval_dataset")):
        return
    if judging.versions.all(lambda i: key_of(i["transformers"]) >= key_of("4.46"), "transformers"):
        place = given.where("eval_strategy", "evaluation_strategy") or given.place
        yield Defect(
            "conflict",
            "eval_strategy",
            place,
            f'eval_strategy="{strategy}" but {last(trainer.callee)} gets no eval_dataset: ValueError',
            assumed=assumed_since(judging.versions["transformers"], "4.46"),
            remedy="pass an eval_dataset to the trainer, or leave out eval_strategy",
        )


def _sft_trainer(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the combinations that SFTTrainer rejects; Unsloth's version of it is another class."""
    trainer = run.trainer
    if trainer is None or trainer.callee != "trl.SFTTrainer" or judging.patched:
        return
    for since, defects in (
        ("0.18.0", _formatted(run, trainer)),
        ("1.0.0", _unlimited(run)),
        ("1.15.0", _lm_head(run, trainer)),
        ("0.27.0", _second_adapter(trainer)),
    ):
        if _since(judging, since):
            for defect in defects:
                defect.assumed = assumed_since(judging.versions["trl"], since)
                yield defect


def _since(judging: Judging, version: str) -> bool:
    """Return whether every version of TRL that may be installed is this one or later."""
    return judging.versions.all(lambda installed: key_of(installed["trl"]) >= key_of(version), "trl")


def _formatted(run: Run, trainer: Call) -> Iterator[Defect]:
    """Yield a loss on completions alone, of rows that a function turns into one text."""
    given = run.arguments
    if not is_left_out(trainer.get("formatting_func")) and _plain(given.value("completion_only_loss")) is True:
        text = "completion_only_loss=True cannot be combined with a formatting_func: ValueError"
        place = given.where("completion_only_loss") or given.place
        remedy = "format the rows before passing them to the trainer, and leave out formatting_func"
        yield Defect("conflict", "completion_only_loss", place, text, remedy=remedy)


def _unlimited(run: Run) -> Iterator[Defect]:
    """Yield batches without padding whose rows are not packed to the length that is set."""
    given = run.arguments
    length, packing = given.value("max_length"), given.value("packing")
    unpacked = isinstance(packing, Absent) or _plain(packing) is False
    limited = isinstance(length, Absent) or isinstance(_plain(length), int)
    if _plain(given.value("padding_free")) is True and unpacked and limited:
        text = "padding_free=True without packing does not enforce max_length: ValueError"
        place = given.where("padding_free") or given.place
        yield Defect("conflict", "padding_free", place, text, remedy="set packing=True or max_length=None")


def _lm_head(run: Run, trainer: Call) -> Iterator[Defect]:
    """Yield an adapter on the output layer."""
    modules = _plain(run.adapter.value("target_modules"))
    if isinstance(modules, (list, tuple, set)) and "lm_head" in modules:
        text = "target_modules contains lm_head, but SFTTrainer does not train it: ValueError"
        place = run.adapter.where("target_modules") or trainer.place
        yield Defect("conflict", "target_modules", place, text, remedy="leave lm_head out of target_modules")


def _second_adapter(trainer: Call) -> Iterator[Defect]:
    """Yield an adapter for a model that has one already."""
    config, model = trainer.get("peft_config"), trainer.get("model")
    maker = getattr(getattr(getattr(model, "value", None), "call", None), "callee", "")
    if ADAPTED.fullmatch(maker) and isinstance(config, Known) and config.value is not None:
        by = maker.removeprefix("peft.")
        text = f"the model already has an adapter ({by}), and peft_config adds another: ValueError"
        place = trainer.places.get("peft_config", trainer.place)
        yield Defect("conflict", "peft_config", place, text, remedy=f"leave out peft_config, or the call of {by}")


def _plain(value: Value) -> Any:
    return value.value if isinstance(value, Known) else None


def _word(value: Value, assumed: bool = False) -> str | None:
    """Return a strategy as a word, or None if unknown: `IntervalStrategy.STEPS` and "steps" are the same.

    A default counts only if this is `assumed`.
    """
    if isinstance(value, (Known, Default) if assumed else Known) and isinstance(value.value, str):
        return value.value
    text = getattr(getattr(value, "value", value), "text", "")
    return text.rpartition(".")[2].lower() if "Strategy." in text else None
