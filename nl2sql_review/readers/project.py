"""Conventions of the project: where files lie, what is tracked, and whether the tracked values are right."""

from __future__ import annotations

import os
import re
from itertools import zip_longest
from typing import Iterator

from ..files import disk, projects
from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Either, Known, Place, Text, Unknown, Value
from . import hand_loop
from .arguments import setting
from .checkpointing import UNSAVED
from .derive import contents, derive, plain
from .judged_versions import within
from .object_settings import from_library, last
from .run import Run, is_trainer, train_calls

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
OF_UNSLOTH = "unsloth_training_checkpoints"
DISABLED = "os.environ.WANDB_DISABLED="
DISABLING = {DISABLED: ("true", "1", "yes", "on"), "os.environ.WANDB_MODE=": ("disabled",)}
FIVE = "5.0.0"  # the transformers that no longer asks WANDB_DISABLED, and refuses report_to=None
# What `report_to="all"` may report to besides W&B, where it is installed.
INTEGRATIONS = [
    *("tensorboard", "mlflow", "comet_ml", "trackio", "swanlab", "clearml", "dvclive", "neptune", "dagshub"),
    *("azure_ml", "codecarbon", "kubeflow"),
]
CALLED = ("wandb.", "trackio.", "mlflow.")
TRACKING = re.compile(
    r"(?i)wandb|trackio|mlflow|swanlab|tensorboard|SummaryWriter|comet|neptune|clearml|dvclive|\baim\b"
)
OF_DATA = re.compile(r"^[\w./~-]*/[\w./-]+$|\.(?:jsonl?|csv|tsv|parquet|txt|arrow)$")  # a path, or a name of the hub
LOGGERS = ("info", "debug", "warning", "print", "log")
# "batch_size=8", "Learning rate: 2e-4", "LoRA r: 16"; not "r/alpha: 16/32", where two names share a label
LITERAL = re.compile(
    r"(?<![\w./])([A-Za-z][A-Za-z_ ]{0,60}?)\s*[:=]\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.]*\w)"
)


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.project
    part.script = script(run)
    part.output_dir = setting(run, "output_dir", ("output_dir",))
    if plan.checkpointing.save_strategy.note == UNSAVED:
        part.output_dir.value = Known(OF_UNSLOTH, part.output_dir.value.trace)
    part.log_file = log_file(run)
    part.dataset_configs_in = dataset_configs(run)
    part.tracker = tracker(run)
    part.untracked_truth = untracked(run, plan)


# -- paths -------------------------------------------------------------------------------------------------------


def script(run: Run) -> Fact:
    """Return the script's path from its project's root: the nearest folder with `.git`, pyproject.toml or settings."""
    path = getattr(run.source, "path", "") or ""
    if not path or not disk.is_file(path):
        return Fact(Known(path), at=run.place, why_not="the script is not a file, so it has no path")
    if path.endswith(".ipynb"):
        return Fact(Known(path), at=run.place, why_not="a notebook is not the project's training script")
    here = os.path.abspath(path)
    folder = projects.marked(os.path.dirname(here))
    shown = path if folder is None else os.path.relpath(here, folder)
    return Fact(Known(shown.replace(os.sep, "/")), at=run.place)


def log_file(run: Run) -> Fact:
    handlers = [
        c for c in run.calls if last(c.callee) in ("FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler")
    ]
    configured = [c for c in run.calls if c.callee.endswith("logging.basicConfig") and "filename" in c.arguments]
    added = [c for c in run.calls if c.callee.startswith("loguru.") and last(c.callee) == "add"]
    for call in (*handlers, *configured, *added):
        value = call.get("filename", "sink", "$0")
        if not isinstance(value, Absent):
            name = next(n for n in ("filename", "sink", "$0") if n in call.arguments)
            return Fact(value, at=call.places.get(name, call.place))
    return Fact(Absent("no log file is configured"), at=run.place)


def dataset_configs(run: Run) -> Fact:
    """Return where the class that describes a dataset is defined: in the script or another file of the project."""
    for cls in run.recording.classes:
        fields = {*getattr(cls, "fields", ())}
        if "path" in fields and {"weight", "name"} & fields:
            module = getattr(cls, "module", None)
            node, source = getattr(cls, "node", None), getattr(module, "source", None)
            place = Place(source, node) if node is not None and source is not None else run.place
            own = source is None or source is run.source or getattr(module, "name", "") == "__main__"
            where = "script" if own else str(getattr(source, "path", "another file"))
            return Fact(Known(where, (place,) if place else ()), at=place if own else run.place)
    return Fact(Absent("no class describes the datasets"), at=run.place, why_not="no class describes the datasets")


# -- tracking ----------------------------------------------------------------------------------------------------


def tracker(run: Run) -> Fact:
    fact = setting(run, "report_to", ("report_to",))
    if fact.why_not:
        return called(run) or fact
    if from_library(fact.value):
        fact.note = "since transformers 5.0 nothing is reported by default" if plain(fact.value) == "none" else ""
        if any(last(c.callee) == "WandbCallback" for c in run.calls):
            return Fact(Known(["wandb"], (run.place,) if run.place else ()), at=run.place, note="by WandbCallback")
    off, trace = switched_off(run), fact.value.trace
    refused = within(run, "transformers", FIVE)
    if refused and plain(fact.value) is None and isinstance(fact.value, (Known, Default)):
        fact.note = "transformers refuses report_to=None since 5.0"
    elif off is not None and isinstance(fact.value, (Known, Default)) and reports(fact.value.value, "wandb"):
        fact.at, fact.note = off.place, f"{last(off.callee)[:-1]} disables W&B"
        trace = (off.place,)
    fact.value = derive(lambda value: reported(value, off is not None, none_is_none=refused), fact.value, trace=trace)
    return fact


def called(run: Run) -> Fact | None:
    """Return the tracker that a script without training arguments calls itself; None if it has no loop either."""
    ours = [c for c in run.recording.every() if c.callee.endswith((".init", ".log")) and c.callee.startswith(CALLED)]
    starts = [c for c in ours if c in run.calls]
    if starts:
        return Fact(Known([starts[0].callee.split(".")[0]], (starts[0].place,)), at=starts[0].place)
    if not hand_loop.trains(run):
        return None
    accelerator = hand_loop.last_of(run, ("Accelerator",))
    if accelerator is not None and not isinstance(asked := accelerator.get("log_with"), Absent):
        named = derive(lambda value: reported(value, without_wandb=False, none_is_none=True), asked)
        return Fact(named, at=accelerator.places.get("log_with", accelerator.place))
    if ours:
        return Fact(Default("none", ours[0].condition, (ours[0].place,)), at=ours[0].place)
    if any(TRACKING.search(text) for text in hand_loop.texts(run)):
        return hand_loop.unread(run, "whether it calls a tracker")
    return Fact(Known("none", (run.place,) if run.place else ()), at=run.place, note="the loop calls no tracker")


def switched_off(run: Run) -> Call | None:
    """Return a write to the environment that disables W&B although the trainer reports to it, or None."""
    for call in run.calls:
        words = DISABLING.get(call.callee, ())
        given = next(iter(call.arguments.values()), Absent())
        # os.environ.setdefault may change nothing, so what it sets is no known value.
        if words and call.certain and isinstance(given, Known) and str(given.value).lower() in words:
            if call.callee != DISABLED or not within(run, "transformers", FIVE):
                return call
    return None


def reports(value: object, tracker: str) -> bool:
    """Return whether a value of `report_to` may name a tracker: by itself, or by naming all that are installed."""
    named = value if isinstance(value, (list, tuple)) else [value]
    return any(one in (None, "all", tracker) for one in named)


def reported(value: object, without_wandb: bool, none_is_none: bool) -> object:
    """Return the trackers that a value of `report_to` names, "none" for none.

    `without_wandb`: the environment disables W&B. `none_is_none`: None names no tracker, not every installed one.
    """
    if value in ("none", [], ["none"]) or value is None and none_is_none:
        return "none"
    if value in (None, "all", ["all"]):
        if without_wandb:
            return Either((Known("none"), Known(INTEGRATIONS)), "what is installed")
        if value is None:
            return Unknown("before transformers 5.0, report_to=None means every installed tracker; later it is refused")
        return Unknown('report_to="all" reports to whatever is installed')
    named = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else value
    if isinstance(named, list) and without_wandb:
        return [one for one in named if one != "wandb"] or "none"
    return named


# -- what is tracked against what runs ---------------------------------------------------------------------------


def untracked(run: Run, plan: TrainingPlan) -> Fact:
    """Return the settings that the tracker or the log records with another value than the run uses."""
    wrong: list[str] = []
    first: Place | None = None
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
        wrong.append(f"{name} is recorded as {said(stated)}, the run uses {said(used)}")
        first = first or place
    if wrong:
        wrong = list(dict.fromkeys(wrong))
        return Fact(Known(wrong, (first,) if first else ()), at=first, note="; ".join(wrong))
    if unknown and not compared:
        return Fact(Unknown(unknown), at=run.place)
    if not compared:
        return Fact(Known([]), at=run.place, why_not="no settings are passed to a tracker or written to the log")
    return Fact(Known([]), at=run.place, note=f"{compared} recorded settings agree with the run")


def steps_decide(plan: TrainingPlan) -> bool:
    """Return whether max_steps ends the run, so that its number of epochs is no setting."""
    steps = plain(plan.arguments.max_steps.value)
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
    """Yield numbers that are literals in a log line. A value filled in by a format is a separate setting."""
    for call in told_of(run):
        if last(call.callee) not in LOGGERS or call.callee.split(".")[0] not in (
            "logging",
            "builtins",
            "print",
            "loguru",
            "rich",
        ):
            continue
        value = call.get("msg", "message", "$0")
        texts = (
            [plain(value)]
            if isinstance(plain(value), str)
            else [p for p in value.parts if isinstance(p, str)]
            if isinstance(value, Text)
            else []
        )
        for text in texts:
            for label, number in LITERAL.findall(text[:2000]):
                name = setting_name(label)
                if name:
                    yield (
                        name,
                        Known(float(number) if re.search(r"[.eE]", number) else int(number), value.trace),
                        call.place,
                    )


def setting_name(label: str) -> str:
    """Return the setting at the end of a label: "training with learning rate" is learning_rate.

    A name of one letter is not accepted, nor the end of an identifier: adapter_dropout is another setting than dropout.
    """
    words = label.lower().split()
    names = ("_".join(words[i:]) for i in range(len(words)))
    return next((n for n in names if n in FACT_OF and len(n) > 1), "")
