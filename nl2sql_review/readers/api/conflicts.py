"""Finds arguments that contradict each other, the wrong class of arguments, and defaults that have changed."""

from __future__ import annotations

import re
from typing import Any, Iterator

from ...interpret.core.recording import Call
from ...libraries import store
from ...libraries.versions import key_of
from ...training_plan.values import Absent, Default, Known, Value
from ..derive import plain
from ..object_settings import last, objects
from ..run import Run
from . import groups
from .arguments import Defect, Judging, assumed, branch
from .definitions import chain
from .unscaled import unscaled
from .wording import lower_end, short, stated

LENGTHS = ("max_length", "max_seq_length")
# Defaults one would want to know of when they change within the stated range.
TOLD = (
    "max_length",
    "learning_rate",
    "bf16",
    "gradient_checkpointing",
    "report_to",
    "optim",
    "packing",
    "save_safetensors",
)
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
    yield Defect("wrong class", last(call.callee), call.place, text, _branch(run), assumed(judging.versions["trl"]))


# -- contradictions ----------------------------------------------------------------------------------------------


def conflicts(run: Run, judging: Judging) -> Iterator[Defect]:
    for defect in (
        *_flags(run, judging),
        *_best_model(run, judging),
        *_evaluation(run, judging),
        *_unmeasured(run),
        *_own_reference(run, judging),
        *_trainer(run, judging),
        *groups.torn(run, judging),
        *unscaled(run),
    ):
        if not judging.guards.over(defect.place):
            defect.branch = defect.branch or _branch(run)
            yield defect


def _branch(run: Run) -> str:
    """Return the condition under which the trainer is made with these arguments; "" if several calls agree on them."""
    return branch(run.trainer) or (branch(run.arguments.call) if len(run.arguments.makers) == 1 else "")


def _flags(run: Run, judging: Judging) -> Iterator[Defect]:
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


def _best_model(run: Run, judging: Judging) -> Iterator[Defect]:
    given = run.arguments
    if _plain(given.value("load_best_model_at_end")) is not True:
        return
    place = given.where("load_best_model_at_end") or given.place
    saving, evaluating = given.value("save_strategy"), given.value("eval_strategy", "evaluation_strategy")
    save = "steps" if isinstance(saving, Absent) else _word(saving)
    evaluate = "no" if isinstance(evaluating, Absent) else _word(evaluating)
    if isinstance(evaluating, Absent) and not isinstance(given.value("do_eval", "eval_steps"), Absent):
        return
    if (
        save is None
        or evaluate is None
        or save == "best"
        or place is None
        or given.call is None
        or given.call.unknown_arguments
    ):
        return
    if save != evaluate:
        text = (
            "load_best_model_at_end=True requires save_strategy and eval_strategy to be the same, "
            f'but they are "{save}" and "{evaluate}": ValueError'
        )
        same = f'set eval_strategy="{save}" and pass an eval_dataset' if evaluate == "no" else "set both to the same"
        remedy = f"{same}, or leave out load_best_model_at_end"
        yield Defect("conflict", "load_best_model_at_end", place, text, remedy=remedy)
        return
    saved, evaluated = given.value("save_steps"), given.value("eval_steps")
    every, each = (v.value if isinstance(v, (Known, Default)) else None for v in (saved, evaluated))
    if save == "steps" and isinstance(every, int) and isinstance(each, int) and each > 0 and every % each:
        text = (
            f"load_best_model_at_end=True requires save_steps to be a multiple of eval_steps, but they are {every} "
            f"and {each}: ValueError"
        )
        default = isinstance(saved, Default) or isinstance(evaluated, Default)
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
    if trainer.unknown_arguments or any(not _left_out(trainer.get(one)) for one in ("compute_metrics", "callbacks")):
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
    missing = trainer.get("eval_dataset")
    if not isinstance(missing, Absent) and not (isinstance(missing, Known) and missing.value is None):
        return
    if judging.versions.all(lambda i: key_of(i["transformers"]) >= key_of("4.46"), "transformers"):
        place = given.where("eval_strategy", "evaluation_strategy") or given.place
        yield Defect(
            "conflict",
            "eval_strategy",
            place,
            f'eval_strategy="{strategy}" but {last(trainer.callee)} gets no eval_dataset: ValueError',
            assumed=assumed(judging.versions["transformers"]),
            remedy="pass an eval_dataset to the trainer, or leave out eval_strategy",
        )


def _trainer(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the combinations that SFTTrainer rejects; Unsloth's version of it is another class."""
    trainer, given = run.trainer, run.arguments
    if trainer is None or trainer.callee != "trl.SFTTrainer" or judging.patched:
        return
    guess = assumed(judging.versions["trl"])
    formats = trainer.get("formatting_func")
    if not isinstance(formats, Absent) and not (isinstance(formats, Known) and formats.value is None):
        if _plain(given.value("completion_only_loss")) is True and _since(judging, "0.18.0"):
            text = "completion_only_loss=True cannot be combined with a formatting_func: ValueError"
            yield Defect(
                "conflict",
                "completion_only_loss",
                given.where("completion_only_loss") or given.place,
                text,
                assumed=guess,
                remedy="format the rows before passing them to the trainer, and leave out formatting_func",
            )
    if _plain(given.value("padding_free")) is True and _since(judging, "1.0.0"):
        length = given.value("max_length")
        packing = given.value("packing")
        unpacked = isinstance(packing, Absent) or _plain(packing) is False
        if unpacked and (isinstance(length, Absent) or isinstance(_plain(length), int)):
            text = "padding_free=True without packing does not enforce max_length: ValueError"
            place = given.where("padding_free") or given.place
            remedy = "set packing=True or max_length=None"
            yield Defect("conflict", "padding_free", place, text, assumed=guess, remedy=remedy)
    modules = run.adapter.value("target_modules")
    if (
        isinstance(modules, Known)
        and isinstance(modules.value, (list, tuple, set))
        and "lm_head" in modules.value
        and _since(judging, "1.15.0")
    ):
        text = "target_modules contains lm_head, but SFTTrainer does not train it: ValueError"
        place = run.adapter.where("target_modules") or trainer.place
        yield Defect(
            "conflict", "target_modules", place, text, assumed=guess, remedy="leave lm_head out of target_modules"
        )
    config, model = trainer.get("peft_config"), trainer.get("model")
    maker = getattr(getattr(getattr(model, "value", None), "call", None), "callee", "")
    adapted = ADAPTED.fullmatch(maker) is not None
    if adapted and isinstance(config, Known) and config.value is not None and _since(judging, "0.27.0"):
        by = maker.removeprefix("peft.")
        text = f"the model already has an adapter ({by}), and peft_config adds another: ValueError"
        place = trainer.places.get("peft_config", trainer.place)
        remedy = f"leave out peft_config, or the call of {by}"
        yield Defect("conflict", "peft_config", place, text, assumed=guess, remedy=remedy)


def _since(judging: Judging, version: str) -> bool:
    return judging.versions.all(lambda installed: key_of(installed["trl"]) >= key_of(version), "trl")


# -- defaults ----------------------------------------------------------------------------------------------------


def changed_defaults(run: Run, judging: Judging) -> Iterator[Defect]:
    call = run.arguments.call
    if call is None or call.unknown_arguments or call.instance is not None or len(run.arguments.makers) != 1:
        return
    library, _, callable = call.callee.partition(".")
    if not store.knows(library, callable):
        return
    slots: Any = getattr(run.arguments.makers[0][1], "slots", None) or {}
    for name in TOLD:
        if name in call.arguments or name in slots:
            continue
        if name == "bf16" and plain(call.get("fp16")) is True:
            continue  # None means the opposite of fp16, so every version leaves it off
        if name == "report_to":
            yield from _trackers(run, call, judging)
        elif not judging.patched:
            yield from _within_range(library, callable, name, call, judging)


def _trackers(run: Run, call: Call, judging: Judging) -> Iterator[Defect]:
    """Yield a defect if W&B is used but not reported to.

    Before transformers 5 the default was every installed tracker; since then it is none, unless set.
    """
    used = next(
        (
            c
            for c in run.calls
            if c.callee in ("wandb.init", "wandb.login") or c.callee.startswith("os.environ.WANDB_P")
        ),
        None,
    )
    if used is None or not judging.versions.all(lambda i: key_of(i["transformers"]) >= key_of("5.0.0"), "transformers"):
        return
    choice = judging.versions["transformers"]
    text = (
        'report_to is left out: the default is "none" since transformers 5.0, and every installed tracker before; '
        f'{stated(choice)}, so nothing is logged to W&B; set report_to="wandb"'
    )
    yield Defect("changed default", "report_to", call.place, text, branch(call), assumed(choice))


def _within_range(library: str, callable: str, name: str, call: Call, judging: Judging) -> Iterator[Defect]:
    for one in chain(library, callable):
        choice = judging.versions[one]
        if not choice.said or choice.open or len(choice.versions) < 2 or not lower_end(choice):
            continue
        values: dict[object, str] = {}
        for version in choice.versions:
            found = store.whole(library, callable, {**judging.versions.installed(), one: version})
            if found is None or name not in found.parameters:
                return
            text = found.parameters[name]
            values.setdefault("False" if (name, text) == ("gradient_checkpointing", "None") else text, version)
        if len(values) > 1 and store.NO_LITERAL not in values:
            told = " and ".join(f"{text} from {one} {short(version)}" for text, version in values.items())
            yield Defect(
                "changed default",
                name,
                call.place,
                f"{name} is left out, and its default depends on the version: {told}; {choice.said} allows both",
                branch(call),
            )
            return


def _plain(value: Value) -> Any:
    return value.value if isinstance(value, Known) else None


def _left_out(value: Value) -> bool:
    return isinstance(value, Absent) or isinstance(value, Known) and value.value is None


def _word(value: Value) -> str | None:
    """Return a strategy as a word, or None if unknown: `IntervalStrategy.STEPS` and "steps" are the same."""
    if isinstance(value, Known) and isinstance(value.value, str):
        return value.value
    text = getattr(getattr(value, "value", value), "text", "")
    return text.rpartition(".")[2].lower() if "Strategy." in text else None
