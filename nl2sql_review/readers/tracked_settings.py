"""Checks the settings that a tracker or a log records against those that the run uses."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Place, Term, Text, Unknown, Value
from .derive import contents, plain
from .object_settings import from_library, last
from .run import Run, is_trainer, train_calls
from .tracker import CALLED

# Names under which settings are logged -> the facts they state. The first that applies is compared.
TRACKED = {
    "arguments.learning_rate": ("learning_rate", "lr", "base_lr"),
    "arguments.per_device_batch_size": (
        "per_device_train_batch_size",
        "per_device_batch_size",
        "train_batch_size",
        "batch_size",
        "micro_batch_size",
    ),
    "arguments.effective_batch": ("effective_batch_size", "total_batch_size", "global_batch_size"),
    "arguments.gradient_accumulation": (
        "gradient_accumulation_steps",
        "gradient_accumulation",
        "grad_accum",
        "grad_accumulation_steps",
        "accumulation_steps",
    ),
    "arguments.epochs": ("num_train_epochs", "epochs", "num_epochs", "n_epochs"),
    "arguments.max_steps": ("max_steps",),
    "arguments.scheduler": ("lr_scheduler_type", "scheduler", "lr_scheduler"),
    "arguments.warmup": ("warmup_ratio", "warmup"),
    "arguments.warmup_steps": ("warmup_steps",),
    "arguments.weight_decay": ("weight_decay",),
    "arguments.optimizer": ("optim", "optimizer"),
    "lora.r": ("r", "lora_r", "lora_rank", "rank"),
    "lora.alpha": ("lora_alpha", "alpha"),
    "lora.dropout": ("lora_dropout", "dropout"),
    "lora.model_name": ("model_name", "model", "base_model", "model_id"),
    "lora.load_in_4bit": ("load_in_4bit",),
    "dataset.sources": ("dataset", "dataset_name", "dataset_id", "train_file", "train_path"),
    "memory.sequence_length": ("max_seq_length", "max_length", "max_seq_len", "sequence_length", "seq_length"),
    "checkpointing.save_total_limit": ("save_total_limit",),
    "checkpointing.save_steps": ("save_steps",),
    "checkpointing.save_strategy": ("save_strategy",),
    "arguments.seed": ("seed", "random_seed"),
    "project.output_dir": ("output_dir",),
}
FACT_OF = {name: fact for fact, names in TRACKED.items() for name in names}

# end of a callee -> the argument that holds the settings
TRACKERS = {
    "wandb.init": ("config",),
    "wandb.config.update": ("$0", "d", "allow_val_change"),
    "wandb.config=": ("config",),
    "mlflow.log_params": ("params", "$0"),
    "trackio.init": ("config",),
    "swanlab.init": ("config",),
}
# a path, or a name of the hub
OF_DATA = re.compile(r"^(?:[\w./-]*~)*[\w.-]*/[\w./-]+$|\.(?:jsonl?|csv|tsv|parquet|txt|arrow)$")
LOGGING = ("logging", "builtins", "print", "loguru", "rich")  # modules
LOGGERS = ("info", "debug", "warning", "print", "log")
# "batch_size=8", "Learning rate: 2e-4", "LoRA r: 16"; not "r/alpha: 16/32", where two names share a label
LITERAL = re.compile(
    r"(?<![\w./])([A-Za-z][A-Za-z_ ]{0,60}?)\s*[:=]\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.]*\w)"
)


def untracked(run: Run, plan: TrainingPlan) -> Fact:
    """Return the settings that the tracker or the log records with another value than the run uses."""
    wrong: list[tuple[str, Place, str]] = []
    right: set[tuple[str, Place]] = set()  # a dict may hold a name in several parts: one of them is the run's
    compared, unknown = 0, ""
    for name, value, place in (*tracked(run), *logged(run)):
        if isinstance(value, Unknown):
            unknown = unknown or value.why
            continue
        fact = used_by(run, plan, name)
        if FACT_OF.get(name) == "arguments.epochs" and steps_decide(plan):
            continue
        stated, used = contents(value), contents(fact.value)
        if not comparable(stated, used) or FACT_OF.get(name) == "dataset.sources" and named_to_another(run, stated):
            continue
        compared += 1
        if (
            agree(stated, used)
            or name in ("batch_size", "train_batch_size")
            and agree(stated, plain(plan["arguments.effective_batch"].value))
        ):
            right.add((name, place))
            continue
        if (
            isinstance(value, Default)
            and isinstance(fact.value, Default)
            and value.overridden_by == fact.value.overridden_by
            or name in FACT_OF
            and FACT_OF[name] == "arguments.effective_batch"
            and several_would(plan, stated, used)
        ):
            continue
        if FACT_OF.get(name) == "memory.sequence_length" and from_library(fact.value):
            continue  # the script may cut its rows itself
        wrong.append((name, place, f"{name} is recorded as {said(stated)}, the run uses {said(used)}"))
    wrong = [one for one in wrong if one[:2] not in right]
    if wrong:
        texts = list(dict.fromkeys(text for _, _, text in wrong))
        first = wrong[0][1]
        return Fact(Known(texts, (first,)), at=first, note="; ".join(texts))
    if unknown and not compared:
        return Fact(Unknown(unknown), at=run.place)
    if not compared:
        return Fact(Known([]), at=run.place, why_not="no settings are passed to a tracker or written to the log")
    return Fact(Known([]), at=run.place, note=f"{compared} recorded settings agree with the run")


def steps_decide(plan: TrainingPlan) -> bool:
    """Return whether max_steps ends the run, or may end it, so that its number of epochs is no setting."""
    given = plan.arguments.max_steps.value
    if isinstance(given, (Unknown, Term)):  # computed from the rows, most often
        return True
    steps = plain(given)
    return isinstance(steps, int) and steps > 0


def several_would(plan: TrainingPlan, stated: object, used: object) -> bool:
    """Return whether a recorded batch is that of several processes, where nothing settles how many train."""
    if isinstance(plan.arguments.processes.value, Known) or not isinstance(stated, int) or not isinstance(used, int):
        return False
    return used > 0 and stated > used and stated % used == 0


def used_by(run: Run, plan: TrainingPlan, name: str) -> Fact:
    """Return the run's value of a recorded setting: a fact of the plan, or the argument of a call."""
    if name in FACT_OF:
        fact = plan[FACT_OF[name]]
        not_loaded_so = name == "load_in_4bit" and isinstance(fact.value, Absent) and run.load
        return Fact(Known(False), at=fact.at) if not_loaded_so else fact
    for given in (run.arguments, run.adapter, run.load):
        if given and not isinstance(value := given.value(name), (Absent, Unknown)):
            return Fact(value, at=given.where(name))
    return Fact(Absent(f"no call sets {name}"))


def known_setting(run: Run, name: object) -> bool:
    """Return whether a name is a setting of the plan, the training arguments, the adapter or the loader."""
    if not isinstance(name, str):
        return False
    if name in FACT_OF:
        return True
    made = (call for given in (run.arguments, run.adapter, run.load) for call, _ in given.makers if call is not None)
    return any(name in call.arguments for call in made)


def said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def comparable(stated: object, used: object) -> bool:
    """Return whether a recorded value and the run's are of one kind: `packing: 1` is none with True."""
    if isinstance(stated, str) and isinstance(used, list):
        return is_words(used) and OF_DATA.search(stated) is not None  # any other text is a name of one's own
    if isinstance(stated, list) or isinstance(used, list):
        return is_words(stated) and is_words(used)
    of_one_kind = isinstance(stated, (int, float, str)) and isinstance(used, (int, float, str))
    return of_one_kind and isinstance(used, bool) == isinstance(stated, bool)


def named_to_another(run: Run, text: object) -> bool:
    """Return whether a call other than a tracker's is given a text: the script reads such a file too."""
    calls = (call for call in run.recording.every() if not call.callee.startswith(CALLED))
    return any(contents(value) == text for call in calls for value in call.arguments.values())


def is_words(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(word, str) for word in value)


def agree(stated: int | float | str | list[str], used: object) -> bool:
    if isinstance(stated, list):
        return isinstance(used, list) and set(stated) == set(used)
    if isinstance(used, list):
        return any(agree(stated, one) or str(stated) in str(one) for one in used)
    if not isinstance(used, (int, float, str)):
        return False
    if isinstance(stated, bool) or isinstance(used, bool):
        return stated is used
    if isinstance(stated, str) and isinstance(used, str):
        one, other = stated.lower(), used.lower()  # "adamw" names the class AdamW
        return one == other or one.rpartition("/")[2] == other.rpartition("/")[2]
    if isinstance(stated, str) or isinstance(used, str):
        try:
            return float(stated) == float(used)
        except ValueError:
            return False
    return abs(stated - used) <= 1e-9 * max(abs(stated), abs(used))


def told_of(run: Run) -> Iterator[Call]:
    """Yield the calls that may tell of this run: of several trainers, those from the end of one to that of the next."""
    trainers = sorted((c for c in run.recording.calls if is_trainer(c)), key=lambda c: c.order)
    trained = train_calls(run.recording, alone=None)
    begins, ends = -1, None
    for trainer, following in zip_longest(trainers, trainers[1:]):
        before = [c.order for c in trained.get(id(trainer), ()) if following is None or c.order < following.order]
        ends = max([trainer.order, *before]) if following is not None else None
        if trainer is run.trainer:
            break
        begins, ends = (ends if ends is not None else -1), None
    for call in run.calls:
        if call.order > begins and (ends is None or call.order <= ends):
            yield call


def tracked(run: Run) -> Iterator[tuple[str, Value, Place]]:
    """Yield the settings that the calls of a tracker are given."""
    for call in told_of(run):
        for callee, names in TRACKERS.items():
            if call.callee == callee or call.callee.endswith("." + callee):
                value = call.get(*names)
                place = next((call.places[n] for n in names if n in call.places), call.place)
                yield from entries(run, value, place)
        if call.callee.startswith("wandb.config.") and call.callee.endswith("="):
            name = last(call.callee)[:-1]
            if known_setting(run, name) and call.arguments:
                yield name, next(iter(call.arguments.values())), call.place
        if call.callee.endswith("mlflow.log_param"):
            name = plain(call.get("key", "$0"))
            if known_setting(run, name):
                yield str(name), call.get("value", "$1"), call.place


def entries(run: Run, value: Value, place: Place) -> Iterator[tuple[str, Value, Place]]:
    """Yield the settings among the items of a dict, also in nested dicts: {"lora": {"r": 16}}."""
    items = contents(value)
    if not isinstance(items, dict):
        return
    wrap = (
        (lambda v: Default(v, value.overridden_by, value.trace))
        if isinstance(value, Default)
        else (lambda v: Known(v, value.trace))
    )
    for name, item in items.items():
        item = item if hasattr(item, "trace") else wrap(item)
        inner = contents(item)
        if isinstance(inner, dict):
            yield from entries(run, item, place)
        elif known_setting(run, name):
            yield name, item, place


def logged(run: Run) -> Iterator[tuple[str, Value, Place]]:
    """Yield numbers that are literals in a log line. A value filled in by a format is a separate setting.

    Of several trainers, a line does not say which one it tells of.
    """
    if sum(map(is_trainer, run.recording.every())) > 1:
        return
    for call in told_of(run):
        if last(call.callee) not in LOGGERS or call.callee.split(".")[0] not in LOGGING:
            continue
        value = call.get("msg", "message", "$0")
        parts = value.parts if isinstance(value, Text) else [plain(value)]
        for text in (part for part in parts if isinstance(part, str)):
            for label, number in LITERAL.findall(text[:2000]):
                if name := setting_name(label):
                    stated = float(number) if re.search(r"[.eE]", number) else int(number)
                    yield name, Known(stated, value.trace), call.place


def setting_name(label: str) -> str:
    """Return the setting at the end of a label: "training with learning rate" is learning_rate.

    A name of one letter is not accepted, nor is the end of a name like head_lr.
    """
    words = label.lower().split()
    names = ("_".join(words[i:]) for i in range(len(words)))
    return next((n for n in names if n in FACT_OF and len(n) > 1), "")
