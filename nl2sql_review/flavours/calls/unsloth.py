"""Unsloth: `unsloth train -c config.yaml`, and the requests (JSON) and model defaults (YAML) of Unsloth Studio.

Both run one trainer of the same package. Read by pydantic; until 2026.9.2 the command line dropped unknown
keys and refused a YAML switch for gradient_checkpointing.
"""

from __future__ import annotations

from typing import Any

from ...interpret.core.datasets import Dataset
from ...interpret.core.recording import Call
from ...libraries.versions import is_exact, key_of
from ...training_plan.values import Absent, Known, Place, Term, Text, Unknown, Value
from ..reading import Level, Reading, Stated, column, eos, known, load, mixed, number, unset, words

FORBIDS = "2026.9.3"  # the first release whose command line refuses unknown keys and takes YAML switches

ADAPTER = {"r": "lora_r", "lora_alpha": "lora_alpha", "lora_dropout": "lora_dropout", "use_rslora": "use_rslora"}
ARGUMENTS = {
    "per_device_train_batch_size": "batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "num_train_epochs": "num_epochs",
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "seed": "random_seed",
    "max_length": "max_seq_length",
    "packing": "packing",
    "output_dir": "output_dir",
    "optim": "optim",
    "lr_scheduler_type": "lr_scheduler_type",
}
# What the trainer does where the flavour has no key (studio/backend/core/training/trainer.py).
BUILT_IN: dict[str, str] = {"optim": "adamw_8bit", "lr_scheduler_type": "linear"}
NO_KEY = ", and that has no key for it"
CHECKPOINTING = {
    "true": True,
    "1": True,
    "yes": True,
    "none": False,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
    "": "unsloth",
}
SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SUPPORTED = "is_bfloat16_supported()"
SECTIONS = ("data", "training", "lora", "logging")
# studio/backend/utils/datasets/chat_templates.py, DEFAULT_ALPACA_TEMPLATE
ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n",
    "\n\n### Input:\n",
    "\n\n### Response:\n",
)


class Whole:
    """Keys of a configuration wherever they are: at the top, or in the section that has them."""

    def __init__(self, reading: Reading, levels: list[Level]) -> None:
        self.reading, self.levels = reading, levels

    def of(self, key: str) -> Level:
        """Return the level that has a key, or the level where it belongs."""
        known = [lv for lv in self.levels if self.reading.keys.knows(lv.section, key)]
        known.sort(key=lambda lv: key not in lv.items)
        known += [lv for lv in self.levels if lv.section == "training"]
        return (known or self.levels)[0]

    def get(self, key: str) -> Value:
        level = self.of(key)
        value = level.get(key)
        if unset(value) and key in BUILT_IN:
            return level.built_in(BUILT_IN[key], key, "" if self.reading.keys.knows(level.section, key) else NO_KEY)
        return value

    def plain(self, key: str) -> Any:
        value = self.get(key)
        return value.value if isinstance(value, Known) else None

    def __contains__(self, key: str) -> bool:
        return key in self.of(key)


def read(r: Reading) -> None:
    top = r.top
    sections = [name for name in (*SECTIONS, "inference") if name in top.items]
    studio = is_studio(r)
    # a file of Studio's model defaults has the keys of a request, in the sections of the command line
    levels = [top.section_at(name, "" if studio else name) for name in (sections if studio else SECTIONS)]
    whole = Whole(r, [top, *levels] if studio else [*levels, top])
    check(r, top, levels)
    full = str(whole.plain("training_type") or "").lower().startswith("full")
    r.recording.imports.append(("unsloth", top.place))
    model = base(r, whole, full)
    made = model if full else adapter(r, whole, model)
    arguments = training_arguments(r, whole)
    data = datasets(r, whole)
    trainer = r.call("trl.SFTTrainer", top.place, model=known(made), args=known(arguments))
    if data is not None:
        level = whole.of("dataset" if not studio else "hf_dataset")
        r.give(trainer, "train_dataset", Known(data, (level.place,)), level, "dataset")
    if "output_dir" not in whole:
        why = (
            "Studio names the folder"
            if studio
            else "output_dir is not set: the run gets its own directory under outputs/"
        )
        if studio:
            r.beyond(why, "project.output_dir")
        else:
            r.state("project.output_dir", Absent(why), whole.of("output_dir").place, argument="output_dir")
    masks(r, whole, trainer)
    train = r.call("trl.SFTTrainer.train", top.place)
    train.receiver = trainer.result
    resume(r, whole, studio)
    prompt(r, whole, data)
    r.beyond(
        f"{r.flavour.program} shows memory usage itself; no key controls it",
        "memory.monitoring",
        "memory.monitoring_sees",
    )


def is_studio(r: Reading) -> bool:
    return r.flavour.name == "unsloth-studio"


def check(r: Reading, top: Level, levels: list[Level]) -> None:
    places = {level.section: r.keys.sections[level.section] for level in levels if level.section}
    refuses = False  # a request's model ignores what it does not know
    if not is_studio(r):
        choice = r.made.versions["unsloth"]
        judged = (choice.number,) if is_exact(choice.specifier) else choice.judged
        refuses = not judged or all(key_of(v) >= key_of(FORBIDS) for v in judged)
    for level in levels:
        value = level.written("gradient_checkpointing")
        if isinstance(value, Known) and isinstance(value.value, bool):
            if not is_studio(r) and not refuses:
                text = f"gradient_checkpointing: a YAML boolean is refused before unsloth {FORBIDS}: "
                text += 'write "true", "none" or "unsloth"'
                r.defect("value", level, "gradient_checkpointing", text)
            level.items["gradient_checkpointing"] = Known("true" if value.value else "none", value.trace)
    if is_studio(r) and any(level.items for level in levels):
        return  # the defaults of a model hold more than a request
    r.check(top, refuses=refuses, places=places, extra=("split",) if is_studio(r) else ())
    for level in levels:
        r.check(level, refuses=refuses, places={name: keys for name, keys in places.items() if name != level.section})


# -- model -------------------------------------------------------------------------------------------------------


def base(r: Reading, whole: Whole, full: bool) -> Call:
    key = "model_name" if is_studio(r) else "model"
    level = whole.of(key)
    call = r.call("unsloth.FastLanguageModel.from_pretrained", level.where(key) if key in level else level.place)
    name = level.get(key)
    if unset(name):
        name = Unknown("the configuration names no model: the command line or Studio does that")
    r.give(call, "model_name", name, level, key)
    r.give(call, "max_seq_length", whole.get("max_seq_length"), whole.of("max_seq_length"), "max_seq_length")
    if full:
        call.arguments["load_in_4bit"], call.arguments["full_finetuning"] = Known(False), Known(True)
    else:
        r.give(call, "load_in_4bit", whole.get("load_in_4bit"), whole.of("load_in_4bit"), "load_in_4bit")
    return call


def adapter(r: Reading, whole: Whole, model: Call) -> Call:
    level = whole.of("lora_r")
    call = r.call("unsloth.FastLanguageModel.get_peft_model", level.place, model=known(model))
    for argument, key in ADAPTER.items():
        r.give(call, argument, whole.get(key), whole.of(key), key)
    modules = whole.get("target_modules")
    if isinstance(modules, Known):
        names = list(words(modules.value)) or SEVEN
        modules = Known("all-linear" if names == ["all-linear"] else names, modules.trace)
    elif unset(modules):
        modules = level.built_in(SEVEN, "target_modules")
    r.give(call, "target_modules", modules, whole.of("target_modules"), "target_modules")
    call.arguments["bias"] = level.built_in("none", "bias")
    r.give(
        call,
        "use_gradient_checkpointing",
        checkpointing(whole),
        whole.of("gradient_checkpointing"),
        "gradient_checkpointing",
    )
    return call


def checkpointing(whole: Whole) -> Value:
    value = whole.get("gradient_checkpointing")
    if isinstance(value, Known) and isinstance(value.value, str):
        text = value.value.strip().lower()
        return Known(CHECKPOINTING.get(text, text), value.trace)
    return value


def training_arguments(r: Reading, whole: Whole) -> Call:
    call = r.call("trl.SFTConfig", whole.of("batch_size").place)
    for argument, key in ARGUMENTS.items():
        value = whole.get(key)
        r.give(call, argument, number(value) if key == "learning_rate" else value, whole.of(key), key)
    steps, ratio = whole.of("warmup_steps"), whole.of("warmup_ratio")
    if "warmup_ratio" in ratio:
        r.give(call, "warmup_steps", ratio.get("warmup_ratio"), ratio, "warmup_ratio")  # the trainer takes it first
    else:
        value = steps.get("warmup_steps")
        r.give(
            call,
            "warmup_steps",
            value if not unset(value) else steps.built_in(5, "warmup_steps"),
            steps,
            "warmup_steps",
        )
    most = whole.get("max_steps")
    if isinstance(most, Known) and isinstance(most.value, int) and most.value > 0:
        r.give(call, "max_steps", most, whole.of("max_steps"), "max_steps")
        call.arguments.pop("num_train_epochs", None)
    supported = Term(SUPPORTED, "call", (), (r.top.place,))
    call.arguments["bf16"], call.arguments["fp16"] = (
        supported,
        Term(f"not {SUPPORTED}", "not", (supported,), supported.trace),
    )
    saving(r, whole, call)
    trackers = [name for name in ("wandb", "tensorboard") if whole.plain(f"enable_{name}") is True]
    level = whole.of("enable_wandb")
    value = (
        Known(trackers, (level.where("enable_wandb"),))
        if trackers or "enable_wandb" in level
        else level.built_in([], "enable_wandb")
    )
    r.give(call, "report_to", value, level, "enable_wandb")
    if not trackers:
        r.state("project.tracker", Known("none", value.trace), note="enable_wandb is not set")
    return call


def saving(r: Reading, whole: Whole, call: Call) -> None:
    """Set the save arguments: `save_steps: 0` saves nothing, and there is no key for the number of checkpoints kept."""
    value, level = whole.get("save_steps"), whole.of("save_steps")
    if isinstance(value, Known):
        on = isinstance(value.value, int) and value.value > 0
        strategy = Known("steps" if on else "no", value.trace)
        r.give(call, "save_strategy", strategy, level, "save_steps")
        if on:
            r.give(call, "save_steps", value, level, "save_steps")
    call.arguments["save_total_limit"] = level.built_in(None, "save_total_limit", NO_KEY)
    r.beyond(f"{r.flavour.program} has no key for it, and keeps every checkpoint", "checkpointing.save_total_limit")


def resume(r: Reading, whole: Whole, studio: bool) -> None:
    level = whole.of("resume_from_checkpoint")
    if studio and "resume_from_checkpoint" in level:
        r.state(
            "checkpointing.resume",
            Known("fixed path", (level.where("resume_from_checkpoint"),)),
            argument="resume_from_checkpoint",
            remedy="leave out resume_from_checkpoint, and resume the run from Studio's history",
        )
    elif studio:
        r.beyond("a run is resumed from Studio's history, and that sets resume_from_checkpoint", "checkpointing.resume")
    else:
        r.beyond("unsloth train cannot resume: it has no key for it", "checkpointing.resume")


# -- data --------------------------------------------------------------------------------------------------------


def datasets(r: Reading, whole: Whole) -> Dataset | None:
    names: list[tuple[Value, Place]] = []
    for key in ("dataset", "hf_dataset", "local_dataset", "local_datasets"):
        level = whole.of(key)
        value = level.get(key)
        if isinstance(value, Known) and value.value:
            listed = value.value if isinstance(value.value, list) else [value.value]
            names += [(Known(name, (level.where(key),)), level.where(key)) for name in listed]
        elif isinstance(value, Unknown):
            names.append((value, level.where(key)))
    r.data_made_before(f"{r.flavour.program} finds the columns itself")
    return mixed(r, load(r, r.top.place, names), names[0][1] if names else r.top.place)


def masks(r: Reading, whole: Whole, trainer: Call) -> None:
    value, level = whole.get("train_on_completions"), whole.of("train_on_completions")
    at = level.where("train_on_completions")
    if isinstance(value, Unknown):
        r.state("prompt.loss_on", value)
    elif isinstance(value, Known) and value.value is True:
        r.call("unsloth.chat_templates.train_on_responses_only", at, trainer=known(trainer))
        r.state("prompt.loss_on", Known("response", (at,)), note="by train_on_completions")
    else:
        default = "" if "train_on_completions" in level else f", {r.flavour.program}'s default"
        r.state(
            "prompt.loss_on",
            Known("all", (at,)),
            note=f"train_on_completions: false{default}",
        )
    r.beyond(
        "the markers are those of the template known to Unsloth",
        "prompt.instruction_marker",
        "prompt.response_marker",
        "prompt.markers",
    )


def prompt(r: Reading, whole: Whole, data: Dataset | None) -> None:
    level = whole.of("format_type")
    kind = str(whole.plain("format_type") or "auto").lower()
    at = level.where("format_type")
    if kind == "raw" or str(whole.plain("training_type")) == "Continued Pretraining":
        r.made.text = Stated(objective="it trains on plain text, as in pretraining")
        return
    if kind == "alpaca":
        holes = [column(data, name, at) for name in ("instruction", "input", "output")]
        parts = [part for pair in zip(ALPACA, holes) for part in pair]
        r.made.text = Stated("text", Text((*parts, eos(at)), (at,)), at=at)
    else:
        r.made.text = Stated("chat", why="the data determines the template of the rows", at=at)
    by = "the template alpaca" if kind == "alpaca" else "the chat template"
    r.state("prompt.ending", Known("eos", (at,)), note=f"by {by}")
