"""LLaMA-Factory: `llamafactory-cli train config.yaml`.

Read by OmegaConf, to which `2e-4` is a number, and passed to dataclasses as it is: a quoted value stays a
text, and a key of no dataclass is a ValueError.
"""

from __future__ import annotations

import re

from ...interpret.core.recording import Call
from ...libraries import store
from ...libraries.versions import allows
from ...training_plan.values import Absent, Known, Unknown
from ..keys import one_of
from ..reading import LOGS_NOTHING, NO_CHOICE, Level, Reading, known, unset, words
from .llamafactory_data import datasets, prompt

ARGUMENTS = {
    name: name
    for name in (
        *(
            "output_dir",
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "learning_rate",
            "lr_scheduler_type",
        ),
        *(
            "warmup_steps",
            "optim",
            "weight_decay",
            "num_train_epochs",
            "max_steps",
            "seed",
            "bf16",
            "fp16",
            "report_to",
        ),
        *(
            "save_strategy",
            "save_steps",
            "save_total_limit",
            "logging_steps",
            "packing",
            "deepspeed",
            "fsdp",
            "skip_memory_metrics",
        ),
    )
}
ADAPTER = {"r": "lora_rank", "lora_dropout": "lora_dropout", "use_rslora": "use_rslora", "use_dora": "use_dora"}
OTHERS = {"dpo": "DPO", "kto": "KTO", "ppo": "PPO", "rm": "Reward"}  # stage -> whose trainer has another objective
CHOICES = ("stage", "finetuning_type")  # keys of which LLaMA-Factory itself checks the value
STOPS = ("unknown", "value", "conflict")  # kinds of defects at which it ends with an error
QUANTIZED = re.compile(r"gptq|awq|aqlm|int4|4bit", re.IGNORECASE)  # in the name of a model that is published so


def trains(top: Level) -> bool:
    """Whether the program trains as the file stands, or may."""
    return not isinstance(top.get("do_train"), Absent) and top.plain("do_train") is not False


def read(r: Reading) -> None:
    top = r.top
    check(r, top)
    if not trains(top):
        text = "dataset is ignored: without do_train: true LLaMA-Factory trains nothing"
        text += "" if any(d.kind in STOPS for d in r.made.defects) else ", and ends without an error"
        r.defect("ignored", top, "do_train" if "do_train" in top else "dataset", text)
    stage = str(top.plain("stage") or "sft")
    unsloth = top.plain("use_unsloth") is True
    model = adapter(r, top, base(r, top, unsloth), unsloth)
    arguments = training_arguments(r, top)
    data = datasets(r, top)
    cut = r.call("transformers.PreTrainedTokenizer.__call__", top.place)
    r.give(cut, "max_length", top.get("cutoff_len"), top, "cutoff_len")
    r.state("memory.length_conflict", Known(False), top.place)
    kind = f"llamafactory.{OTHERS[stage]}Trainer" if stage in OTHERS else "llamafactory.CustomSeq2SeqTrainer"
    trainer = r.call(kind, top.place, model=known(model), args=known(arguments))
    if data is not None:
        r.give(trainer, "train_dataset", Known(data, (top.where("dataset"),)), top, "dataset")
    train = r.call(f"{kind}.train", top.place)
    train.receiver = trainer.result
    if unsloth:
        r.recording.imports.append(("unsloth", top.where("use_unsloth")))
    half, full = top.plain("fp16") is True, top.plain("bf16") is True or top.plain("pure_bf16") is True
    if half != full:
        r.beyond(NO_CHOICE.format("fp16" if half else "bf16"), "arguments.mixed_precision")
    if "skip_memory_metrics" not in top:
        r.beyond(LOGS_NOTHING, "memory.monitoring", "memory.monitoring_sees")
    checkpointing(r, top, unsloth)
    resume(r, top)
    prompt(r, top, data, stage)
    if isinstance(top.plain("deepspeed"), str):
        r.made.launch_files.append((top.plain("deepspeed"), top.where("deepspeed")))


def check(r: Reading, top: Level) -> None:
    """Check the keys; training arguments vary with transformers, so a key of any allowed version is accepted."""
    wanted = r.keys.requires.get("transformers", "")
    fine = {
        key
        for key in top.items
        for version in store.versions("transformers")
        if isinstance(key, str)
        and allows(wanted, version)
        and (found := store.whole("transformers", "Seq2SeqTrainingArguments", {"transformers": version})) is not None
        and found.accepts(key)
    }
    r.check(top, extra=fine)
    for key in CHOICES:
        kind = r.keys.type_of(top.section, key)
        if top.plain(key) is not None and not one_of(top.plain(key), kind):
            listed = kind[len("Literal[") : -1]
            r.defect("value", top, key, f"{key}: {top.plain(key)!r} is not one of {listed}; LLaMA-Factory stops at it")


# -- model -------------------------------------------------------------------------------------------------------


def base(r: Reading, top: Level, unsloth: bool) -> Call:
    bits, method = top.get("quantization_bit"), str(top.plain("quantization_method") or "bnb").lower()
    four = isinstance(bits, Known) and bits.value == 4
    if unsloth:
        call = r.call("unsloth.FastLanguageModel.from_pretrained", top.where("model_name_or_path"))
        r.give(call, "model_name", top.get("model_name_or_path"), top, "model_name_or_path")
        r.give(call, "max_seq_length", top.get("cutoff_len"), top, "cutoff_len")
        r.give(call, "load_in_4bit", Known(four, (top.where("quantization_bit"),)), top, "quantization_bit")
        return call
    call = r.call("transformers.AutoModelForCausalLM.from_pretrained", top.where("model_name_or_path"))
    r.give(call, "pretrained_model_name_or_path", top.get("model_name_or_path"), top, "model_name_or_path")
    if isinstance(bits, Known) and bits.value in (4, 8) and method in ("bnb", "bitsandbytes"):
        config = r.call("transformers.BitsAndBytesConfig", top.where("quantization_bit"))
        r.give(config, f"load_in_{bits.value}bit", Known(True, bits.trace), top, "quantization_bit")
        r.give(config, "bnb_4bit_use_double_quant", top.get("double_quantization"), top, "double_quantization")
        call.arguments["quantization_config"] = known(config)
    elif four:
        r.state("lora.load_in_4bit", Known(True, bits.trace), note=f"by {method.upper()}")
    elif isinstance(bits, Unknown):
        r.state("lora.load_in_4bit", bits)
    elif QUANTIZED.search(str(top.plain("model_name_or_path"))):
        why = "the model's name says that it is quantized, but the configuration does not say to how many bits"
        r.state("lora.load_in_4bit", Unknown(why, (top.where("model_name_or_path"),)))
    return call


def adapter(r: Reading, top: Level, model: Call, unsloth: bool) -> Call:
    kind = top.plain("finetuning_type")
    if kind != "lora":
        if kind in ("oft", "freeze"):
            why = "adds no LoRA adapter" if kind == "oft" else "fully trains some of the layers"
            r.state("lora.adapter", Absent(f"finetuning_type: {kind} {why}"), top.where("finetuning_type"))
        return model
    if not unset(top.get("adapter_name_or_path")) and not adds_anew(top, unsloth):
        at = top.where("adapter_name_or_path")
        made = r.call("peft.PeftModel.from_pretrained", at, model=known(model), is_trainable=Known(True, (at,)))
        r.give(made, "model_id", top.get("adapter_name_or_path"), top, "adapter_name_or_path")
        r.state("lora.adapter", Known(made.callee, (at,)), note="it is trained further")
        return made
    if unsloth:
        made = r.call("unsloth.FastLanguageModel.get_peft_model", top.place, model=known(model))
        made.arguments["use_gradient_checkpointing"] = Known("unsloth", (top.where("use_unsloth"),))
        made.keys["use_gradient_checkpointing"] = "use_unsloth"
        settings(r, top, made)
        return made
    config = r.call("peft.LoraConfig", top.place)
    settings(r, top, config)
    return r.call("peft.get_peft_model", top.place, model=known(model), peft_config=known(config))


def adds_anew(top: Level, unsloth: bool) -> bool:
    """Whether an adapter that is named gets merged, and a new one is trained; else the named one is trained further."""
    merges = not unsloth and unset(top.get("quantization_bit")) and unset(top.get("deepspeed"))
    return top.plain("create_new_adapter") is True and merges


def settings(r: Reading, top: Level, call: Call) -> None:
    r.fill(call, top, ADAPTER)
    alpha, rank = top.get("lora_alpha"), top.get("lora_rank")
    if unset(alpha) and isinstance(rank, Known) and isinstance(rank.value, int):
        alpha = top.built_in(rank.value * 2, "lora_alpha", ", twice the rank")
    elif unset(alpha):
        alpha = Unknown("lora_alpha is twice lora_rank, and that is unknown")
    r.give(call, "lora_alpha", alpha, top, "lora_alpha")
    target = top.get("lora_target")
    if isinstance(target, Known):
        names = list(words(target.value))
        target = Known("all-linear" if names == ["all"] else names, target.trace)
    r.give(call, "target_modules", target, top, "lora_target")
    extra = top.get("additional_target")
    if isinstance(extra, Known):
        r.give(call, "modules_to_save", Known(list(words(extra.value)), extra.trace), top, "additional_target")
    call.arguments["bias"] = top.built_in("none", "bias")


# -- training arguments ------------------------------------------------------------------------------------------


def training_arguments(r: Reading, top: Level) -> Call:
    call = r.call("llamafactory.TrainingArguments", top.place)
    r.fill(call, top, ARGUMENTS)
    if "warmup_ratio" in top:
        ratio = top.get("warmup_ratio")
        r.give(call, "warmup_ratio", ratio, top, "warmup_ratio")
    if "warmup_steps" not in top and "warmup_ratio" in top:
        call.arguments.pop("warmup_steps", None)
    if top.plain("pure_bf16") is True:
        r.give(call, "bf16", Known(True, (top.where("pure_bf16"),)), top, "pure_bf16")
    on = top.plain("disable_gradient_checkpointing") is not True
    at = top.where("disable_gradient_checkpointing")
    r.give(call, "gradient_checkpointing", Known(on, (at,)), top, "disable_gradient_checkpointing")
    return call


def checkpointing(r: Reading, top: Level, unsloth: bool) -> None:
    if unsloth:
        return
    if top.plain("disable_gradient_checkpointing") is True:
        r.state(
            "lora.gradient_checkpointing",
            Known(False, (top.where("disable_gradient_checkpointing"),)),
            note="disable_gradient_checkpointing: true",
        )
    elif top.plain("use_unsloth_gc") is True:
        r.state(
            "lora.gradient_checkpointing", Known("unsloth", (top.where("use_unsloth_gc"),)), note="by use_unsloth_gc"
        )
    else:
        note = "plain checkpointing; use_unsloth: true or use_unsloth_gc: true enables Unsloth's"
        r.state("lora.gradient_checkpointing", Known(True, (top.place,)), note=note)


def resume(r: Reading, top: Level) -> None:
    """State how the run resumes: without a named checkpoint, from output_dir's newest unless it is overwritten."""
    by = top.get("resume_from_checkpoint")
    at = top.where("resume_from_checkpoint")
    if isinstance(by, Unknown):
        r.state("checkpointing.resume", by)
    elif isinstance(by, Known) and by.value not in (None, False, "null", "none", ""):
        unguarded = by.value is True or str(by.value).lower() == "true"
        r.state(
            "checkpointing.resume",
            Known("unguarded" if unguarded else "fixed path", (at,)),
            argument="resume_from_checkpoint",
            remedy="leave out resume_from_checkpoint and overwrite_output_dir: LLaMA-Factory then resumes from the "
            "newest checkpoint in output_dir, if there is one",
        )
    elif top.plain("overwrite_output_dir") is True:
        r.state(
            "checkpointing.resume",
            Known("never", (top.where("overwrite_output_dir"),)),
            note="overwrite_output_dir: true",
        )
    elif not trains(top):
        why = "do_train is not set here: without it LLaMA-Factory neither trains nor looks for a checkpoint"
        r.state("checkpointing.resume", Unknown(why, (top.place,)))
    else:
        r.state(
            "checkpointing.resume", Known("newest", (top.place,)), note="by LLaMA-Factory, where output_dir holds one"
        )
