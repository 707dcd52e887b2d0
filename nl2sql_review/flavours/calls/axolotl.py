"""Axolotl: `axolotl train config.yml`. Read by PyYAML and pydantic, which converts values and drops unknown keys."""

from __future__ import annotations

import math

from ...interpret.core.recording import Call
from ...libraries.versions import key_of
from ...training_plan.values import Absent, Known, Unknown
from ..reading import NO_CHOICE, Level, Reading, known, number, unset
from .axolotl_data import datasets, prompt

# argument -> key
ARGUMENTS = {
    "output_dir": "output_dir",
    "per_device_train_batch_size": "micro_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "learning_rate": "learning_rate",
    "lr_scheduler_type": "lr_scheduler",
    "optim": "optimizer",
    "weight_decay": "weight_decay",
    "num_train_epochs": "num_epochs",
    "max_steps": "max_steps",
    "seed": "seed",
    "packing": "sample_packing",
    "deepspeed": "deepspeed",
    "fsdp": "fsdp_config",
    "logging_steps": "logging_steps",
    "neftune_noise_alpha": "neftune_noise_alpha",
}
ADAPTER = {
    "r": "lora_r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "modules_to_save": "lora_modules_to_save",
    "use_rslora": "peft_use_rslora",
    "use_dora": "peft_use_dora",
}
TRACKERS = {
    "wandb": ("use_wandb", "wandb_project"),
    "mlflow": ("use_mlflow", "mlflow_experiment_name"),
    "tensorboard": ("use_tensorboard",),
    "comet_ml": ("use_comet", "comet_project_name"),
    "trackio": ("use_trackio", "trackio_project_name"),
    "swanlab": ("use_swanlab", "swanlab_project"),
}
WARMUP = 0.03  # of the steps, at most 100: what the trainer's builder takes where nothing is said
KEPT = 4  # checkpoints: save_total_limit where nothing is said

NO_UNSLOTH = "Axolotl trains without Unsloth, and no key enables Unsloth's checkpointing; Axolotl's own is enabled"


def read(r: Reading) -> None:
    top = r.top
    plugins = r.keys.sections["plugins"] if "plugins" in top else ()
    r.check(top, extra=plugins, refuses=False)
    for one in top.listed("datasets", "datasets"):
        r.check(one, refuses=False)
        if isinstance(one.plain("type"), dict):
            r.check(one.section_at("type", "datasets.type"), refuses=False)
    conflicts(r, top)
    model = adapter(r, top, base(r, top))
    arguments = training_arguments(r, top)
    data = datasets(r, top)
    cut = r.call("transformers.PreTrainedTokenizer.__call__", top.place)
    r.give(cut, "max_length", top.get("sequence_len"), top, "sequence_len")
    r.state("memory.length_conflict", Known(False), top.place)
    trainer = r.call(f"axolotl.{trainer_class(top)}", top.place, model=known(model), args=known(arguments))
    if data is not None:
        r.give(trainer, "train_dataset", Known(data, (top.where("datasets"),)), top, "datasets")
    train = r.call(f"{trainer.callee}.train", top.place)
    train.receiver = trainer.result
    resume(r, top)
    prompt(r, top, data)
    r.state(
        "memory.monitoring",
        Known(["Axolotl's own log"], (top.place,)),
        note="Axolotl logs what PyTorch has reserved at every logging step",
    )
    r.state("memory.monitoring_sees", Known("reserved memory", (top.place,)))
    r.made.sharing = sharing(top)
    if isinstance(top.plain("deepspeed"), str):
        r.made.launch_files.append((top.plain("deepspeed"), top.where("deepspeed")))


def sharing(top: Level) -> int:
    """Return how many processes share each row: Axolotl does not count them as several batches."""
    sequence = top.plain("context_parallel_size") or top.plain("sequence_parallel_degree")
    sizes = [size for size in (sequence, top.plain("tensor_parallel_size")) if isinstance(size, int) and size > 0]
    return math.prod(sizes)


def trainer_class(top: Level) -> str:
    """Return the trainer's class by the kind of training: its name tells readers whether a text has an answer."""
    rl = str(top.plain("rl") or "")
    if top.plain("reward_model") or top.plain("process_reward_model"):
        return "RewardTrainer"
    return f"{rl.upper()}Trainer" if rl else "AxolotlTrainer"


def base(r: Reading, top: Level) -> Call:
    name = r.call("transformers.AutoModelForCausalLM.from_pretrained", top.where("base_model"))
    r.give(name, "pretrained_model_name_or_path", top.get("base_model"), top, "base_model")
    kind = top.plain("adapter")
    handed_on = hands_on_4bit(r) if kind == "lora" else False
    for bits, adapters in ((4, ("qlora", "lora") if handed_on else ("qlora",)), (8, ("lora",))):
        key = f"load_in_{bits}bit"
        if top.plain(key) is True and kind in adapters:
            config = r.call("transformers.BitsAndBytesConfig", top.where(key), bnb_4bit_use_double_quant=Known(True))
            r.give(config, key, top.get(key), top, key)
            name.arguments["quantization_config"] = known(config)
            break
    else:
        if top.plain("load_in_4bit") is True and handed_on is None:
            why = "with adapter: lora only axolotl before 0.13 quantizes in 4 bit, and its release is unknown"
            r.state("lora.load_in_4bit", Unknown(why, (top.where("load_in_4bit"),)), argument="load_in_4bit")
        elif top.plain("load_in_4bit") is True and kind == "lora":
            note = "only adapter: qlora quantizes in 4 bit, with adapter: lora the key has no effect"
            r.state("lora.load_in_4bit", Known(False, (top.where("load_in_4bit"),)), note=note, argument="load_in_4bit")
        elif top.plain("load_in_8bit") is True:
            r.state("lora.load_in_4bit", Absent("the model is loaded in 8 bit"), top.where("load_in_8bit"))
        elif top.plain("gptq") is True:
            r.state("lora.load_in_4bit", Known(True, (top.where("gptq"),)), note="GPTQ weights")
    return name


def hands_on_4bit(r: Reading) -> bool | None:
    """Return whether the release gives `load_in_4bit` to transformers with any adapter; None if it is unknown.

    Releases before 0.13 do, each of which requires a transformers before 4.57.
    """
    found = {key_of(version) < key_of("4.57") for version in r.made.versions["transformers"].judged}
    return found.pop() if len(found) == 1 else None


def adapter(r: Reading, top: Level, model: Call) -> Call:
    kind = top.plain("adapter")
    if kind not in ("lora", "qlora"):
        if kind:
            r.state("lora.adapter", Absent(f"adapter: {kind} adds no LoRA adapter"), top.where("adapter"))
        return model
    config = r.call("peft.LoraConfig", top.where("adapter"))
    config.place = top.place
    r.fill(config, top, ADAPTER)
    config.arguments["bias"] = top.built_in("none", "bias")
    modules = top.get("lora_target_modules")
    if top.plain("lora_target_linear") is True:
        r.give(
            config, "target_modules", Known("all-linear", (top.where("lora_target_linear"),)), top, "lora_target_linear"
        )
    else:
        r.give(
            config,
            "target_modules",
            modules if not unset(modules) else top.built_in([], "lora_target_modules"),
            top,
            "lora_target_modules",
        )
    made = r.call("peft.get_peft_model", top.where("adapter"), model=known(model), peft_config=known(config))
    return made


# -- training arguments ------------------------------------------------------------------------------------------


def training_arguments(r: Reading, top: Level) -> Call:
    call = r.call("axolotl.AxolotlTrainingArguments", top.place)
    r.fill(call, top, ARGUMENTS)
    r.give(call, "learning_rate", number(top.get("learning_rate")), top, "learning_rate")
    if unset(top.get("learning_rate")):
        r.state(
            "arguments.learning_rate",
            Absent("learning_rate is not set, but Axolotl requires it"),
            argument="learning_rate",
        )
    batch(r, top, call)
    warmup(r, top, call)
    precision(r, top, call)
    saving(r, top, call)
    checkpointing(r, top, call)
    trackers = [name for name, keys in TRACKERS.items() if any(top.plain(k) not in (None, False, "") for k in keys)]
    key = next((k for name in trackers for k in TRACKERS[name] if k in top), "wandb_project")
    value = Known(trackers, (top.where(key),)) if trackers else top.built_in([], "report_to")
    r.give(call, "report_to", value, top, key)
    if not trackers:
        r.state(
            "project.tracker", Known("none"), top.where("wandb_project"), "neither use_wandb nor wandb_project is set"
        )
    return call


def batch(r: Reading, top: Level, call: Call) -> None:
    """Set the default accumulation if `batch_size` (micro_batch_size × accumulation) is given without it."""
    total, micro = top.plain("batch_size"), top.plain("micro_batch_size")
    if total and micro and "gradient_accumulation_steps" not in top:
        # the schema's default of 1 comes first: batch_size only says what is counted, not what is done
        call.arguments["gradient_accumulation_steps"] = top.default("gradient_accumulation_steps")


def warmup(r: Reading, top: Level, call: Call) -> None:
    if "warmup_steps" in top:
        r.give(call, "warmup_steps", top.get("warmup_steps"), top, "warmup_steps")
    elif "warmup_ratio" in top:
        r.give(call, "warmup_steps", top.get("warmup_ratio"), top, "warmup_ratio")
    else:
        r.give(call, "warmup_steps", top.built_in(WARMUP, "warmup_ratio", ", at most 100 steps"), top, "warmup_ratio")


def precision(r: Reading, top: Level, call: Call) -> None:
    """Set the precision: `bf16: auto`, the default, is bf16 unless fp16 is on.

    Axolotl asks the GPU for it, but counts emulation: a T4 or V100 trains in bf16, too.
    """
    bf16, fp16 = top.get("bf16"), top.get("fp16")
    half = top.plain("fp16") is True
    on = Known(not half, bf16.trace) if isinstance(bf16, Known) and bf16.value == "auto" else bf16
    r.give(call, "bf16", on, top, "bf16")
    full = isinstance(on, Known) and on.value is True
    r.give(call, "fp16", Known(False, bf16.trace) if full or unset(fp16) else fp16, top, "fp16")
    if half or full:
        r.beyond(NO_CHOICE.format("bf16" if full else "fp16"), "arguments.mixed_precision")


def saving(r: Reading, top: Level, call: Call) -> None:
    steps, strategy = top.get("save_steps"), top.get("save_strategy")
    r.give(call, "save_steps", steps, top, "save_steps")
    if "save_steps" in top or "saves_per_epoch" in top:
        key = "save_steps" if "save_steps" in top else "saves_per_epoch"
        r.give(call, "save_strategy", Known("steps", (top.where(key),)), top, key)
    else:
        r.give(
            call,
            "save_strategy",
            strategy if not unset(strategy) else top.built_in("epoch", "save_strategy"),
            top,
            "save_strategy",
        )
    limit = top.get("save_total_limit")
    r.give(
        call,
        "save_total_limit",
        limit if not unset(limit) else top.built_in(KEPT, "save_total_limit"),
        top,
        "save_total_limit",
    )


def checkpointing(r: Reading, top: Level, call: Call) -> None:
    value = top.get("gradient_checkpointing")
    on = isinstance(value, Known) and value.value not in (False, None)
    if isinstance(value, Known) and isinstance(value.value, str):
        value = Known(True, value.trace)  # "offload": a manner of it
    r.give(call, "gradient_checkpointing", value, top, "gradient_checkpointing")
    if isinstance(value, Known) and not on:
        note = "gradient_checkpointing: true enables Axolotl's own"
        r.state("lora.gradient_checkpointing", Known(False, value.trace), note=note)
    if on:
        r.beyond(NO_UNSLOTH, "lora.gradient_checkpointing", "lora.misplaced_gradient_checkpointing")


def conflicts(r: Reading, top: Level) -> None:
    """Add a defect for each combination of keys that the schema's validators refuse."""

    def refuse(key: str, why: str) -> None:
        r.defect("conflict", top, key, f"{why}: {r.flavour.refusal}")

    if top.plain("warmup_steps") and top.plain("warmup_ratio"):
        refuse("warmup_ratio", "warmup_steps and warmup_ratio cannot be combined")
    if "gradient_accumulation_steps" in top and top.plain("batch_size"):
        refuse("batch_size", "gradient_accumulation_steps and batch_size cannot be combined")
    if top.plain("save_steps") and top.plain("saves_per_epoch"):
        refuse("saves_per_epoch", "save_steps and saves_per_epoch cannot be combined")
    if top.plain("save_steps") and top.plain("save_strategy") not in (None, "steps"):
        refuse(
            "save_strategy", f"save_steps implies the strategy steps, but save_strategy is {top.plain('save_strategy')}"
        )
    loaded = next((k for k in ("load_in_4bit", "load_in_8bit") if top.plain(k) is True), "")
    if loaded and not top.plain("adapter"):
        refuse(loaded, f"{loaded} is enabled, but no adapter is set")
    if top.plain("adapter") == "qlora" and top.plain("load_in_4bit") is not True:
        refuse("adapter", "adapter: qlora needs load_in_4bit: true")


def resume(r: Reading, top: Level) -> None:
    by = "resume_from_checkpoint"
    if isinstance(top.plain(by), str):
        remedy = f"set auto_resume_from_checkpoints: true in place of {by}"
        r.state("checkpointing.resume", Known("fixed path", (top.where(by),)), argument=by, remedy=remedy)
    elif top.plain("auto_resume_from_checkpoints") is True:
        r.state(
            "checkpointing.resume",
            Known("newest", (top.where("auto_resume_from_checkpoints"),)),
            note="by auto_resume_from_checkpoints",
        )
    else:
        r.state(
            "checkpointing.resume", Known("never", (top.where(by),)), note="auto_resume_from_checkpoints is not set"
        )
