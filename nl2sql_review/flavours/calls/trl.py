"""TRL's command line: `trl sft --config config.yaml`.

Values are defaults of the parser's options, so argparse converts text. A key of no option is passed on to
`accelerate launch`, which accepts its own options and stops at others.
"""

from __future__ import annotations

from ...interpret.core.datasets import Dataset
from ...interpret.core.recording import Call
from ...libraries import store
from ...training_plan.values import Absent, Known, Term, Value
from ..reading import LOGS_NOTHING, NO_CHOICE, Level, Reading, Stated, known, load, mixed, words

ADAPTER = {
    "r": "lora_r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "target_modules": "lora_target_modules",
    "modules_to_save": "lora_modules_to_save",
    "task_type": "lora_task_type",
    "use_rslora": "use_rslora",
    "use_dora": "use_dora",
}
ADAPTER_ONLY = (
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "lora_target_modules",
    "lora_modules_to_save",
    "use_rslora",
    "use_dora",
)
# keys that no configuration of SFT has -> the trainer, the surest first: GRPO and KTO share those of DPO
OTHERS = {
    "num_generations": "GRPO", "reward_funcs": "GRPO", "reward_model_name_or_path": "GRPO",
    "desirable_weight": "KTO", "center_rewards_coefficient": "Reward",
    "reference_free": "DPO", "ref_model_mixup_alpha": "DPO", "beta": "DPO", "max_prompt_length": "DPO",
}  # fmt: skip
LAUNCH_FILES = ("accelerate_config", "config_file", "deepspeed", "deepspeed_config_file")
NO_UNSLOTH = "trl sft trains without Unsloth, and no key enables Unsloth's checkpointing; TRL's own is enabled"
RESTART = (
    "a restart is requested on the command line, `trl sft --config … --resume_from_checkpoint true`: "
    "in the file it would make the first run fail"
)


def read(r: Reading) -> None:
    top = r.top
    other = next((OTHERS[key] for key in OTHERS if key in top.items), "")
    check(r, top, other)
    kind = f"{other}Trainer" if other else "SFTTrainer"
    arguments = training_arguments(r, top, f"{other}Config" if other else "SFTConfig")
    model = base(r, top)
    data = datasets(r, top)
    trainer = r.call(f"trl.{kind}", top.place, model=known(model), args=known(arguments))
    if data is not None:
        r.give(trainer, "train_dataset", Known(data, (top.place,)), top, "dataset_name")
    adapter(r, top, trainer)
    train = r.call(f"trl.{kind}.train", top.place)
    train.receiver = trainer.result
    if "resume_from_checkpoint" in top:
        r.give(
            train, "resume_from_checkpoint", switch(top.get("resume_from_checkpoint")), top, "resume_from_checkpoint"
        )
    else:
        r.beyond(RESTART, "checkpointing.resume")
    if arguments.arguments.get("gradient_checkpointing") is None or top.plain("gradient_checkpointing") is True:
        r.beyond(NO_UNSLOTH, "lora.gradient_checkpointing", "lora.misplaced_gradient_checkpointing")
    precision(r, top, arguments)
    if "skip_memory_metrics" not in top:
        r.beyond(LOGS_NOTHING, "memory.monitoring", "memory.monitoring_sees")
    prompt(r, top)
    for key in ("num_processes", "mixed_precision"):
        if key in top:
            r.made.launch[key] = top.written(key)
    for key in LAUNCH_FILES:
        if isinstance(top.plain(key) if r.keys.knows("", key) else getattr(top.written(key), "value", None), str):
            r.made.launch_files.append((getattr(top.written(key), "value", ""), top.where(key)))


def switch(value: Value) -> Value:
    """Return `resume_from_checkpoint`, an option of text, as a switch if the file has `true` or `false`."""
    if isinstance(value, Known) and isinstance(value.value, str) and value.value.lower() in ("true", "false"):
        return Known(value.value.lower() == "true", value.trace)
    return value


# -- keys --------------------------------------------------------------------------------------------------------


def check(r: Reading, top: Level, other: str) -> None:
    if other:
        r.made.doubts["unknown"] = (
            f"this is a configuration of another TRL trainer ({other}), and its keys are unknown here"
        )
        return
    versions = r.made.versions
    asked = ("trl", "transformers")

    def gone(key: str) -> bool:
        """Return whether a key of the newest wheel or of older releases is in none of the judged versions."""

        def rejects(installed: dict[str, str]) -> bool:
            found = store.whole("trl", "SFTConfig", installed)
            return found is not None and not found.accepts(key)

        return bool(versions.all(rejects, *asked))

    former = {
        n
        for where in (("trl", "SFTConfig"), ("trl", "_BaseConfig"), ("transformers", "TrainingArguments"))
        for n in store.ever(*where)
    }
    own = {"env", *r.keys.sections["launcher"], "accelerate_config", "config", *r.keys.sections[""]}
    fine = {key for key in former if key not in own and not gone(key)}
    for key in [k for k in top.items if isinstance(k, str) and k in former and k not in own | fine]:
        used = ", ".join(
            f"{c.library} {c.number}" + ("" if c.said else ", assumed") for c in map(versions.__getitem__, asked)
        )
        instead = {
            "max_seq_length": "; it is called max_length",
            "warmup_ratio": "; warmup_steps below 1 is the share",
            "evaluation_strategy": "; it is called eval_strategy",
        }
        r.defect(
            "removed",
            top,
            key,
            f"{key} is no longer a key of trl sft ({used}): {r.flavour.refusal}{instead.get(key, '')}",
        )
        fine.add(key)
    r.check(top, extra=own | fine)
    for one in top.listed("datasets", "datasets"):
        r.check(one)


# -- model -------------------------------------------------------------------------------------------------------


def base(r: Reading, top: Level) -> Call:
    call = r.call(
        "transformers.AutoModelForCausalLM.from_pretrained",
        top.where("model_name_or_path") if "model_name_or_path" in top else top.place,
    )
    r.give(call, "pretrained_model_name_or_path", top.get("model_name_or_path"), top, "model_name_or_path")
    r.give(call, "attn_implementation", top.get("attn_implementation"), top, "attn_implementation")
    dtype = top.get("dtype")
    if isinstance(dtype, Known) and isinstance(dtype.value, str) and dtype.value != "auto":
        r.give(call, "dtype", Term(f"torch.{dtype.value}", "symbol", (), dtype.trace), top, "dtype")
    for bits in (4, 8):
        key = f"load_in_{bits}bit"
        if top.plain(key) is True:
            config = r.call("transformers.BitsAndBytesConfig", top.where(key))
            r.give(config, key, top.get(key), top, key)
            r.give(config, "bnb_4bit_use_double_quant", top.get("use_bnb_nested_quant"), top, "use_bnb_nested_quant")
            call.arguments["quantization_config"] = known(config)
            break
    return call


def adapter(r: Reading, top: Level, trainer: Call) -> None:
    if top.plain("use_peft") is not True:
        for key in ADAPTER_ONLY:
            if key in top and isinstance(top.get("use_peft"), Known):
                r.defect(
                    "ignored",
                    top,
                    key,
                    f"{key} has no effect: use_peft is not true, so no adapter is added and all weights are trained",
                )
        return
    config = r.call("peft.LoraConfig", top.place)
    r.fill(config, top, ADAPTER)
    modules = config.arguments.get("target_modules")
    if isinstance(modules, Known) and isinstance(modules.value, list) and len(modules.value) == 1:
        config.arguments["target_modules"] = Known(modules.value[0], modules.trace)  # ["all-linear"] is "all-linear"
    config.arguments["bias"] = top.built_in("none", "bias")
    trainer.arguments["peft_config"] = known(config)


def training_arguments(r: Reading, top: Level, kind: str) -> Call:
    """Return the SFTConfig call with every key as written; omitted keys have SFTConfig's own default, by version."""
    call = r.call(f"trl.{kind}", top.place)
    others = {"dataset_name", "datasets", "env", *(set(r.keys.sections["launcher"]) - set(r.keys.sections[""]))}
    model = {
        *ADAPTER.values(),
        "model_name_or_path",
        "use_peft",
        "load_in_4bit",
        "load_in_8bit",
        "dtype",
        "attn_implementation",
    }
    for key in top.items:
        if isinstance(key, str) and key not in others | model and key in top:
            r.give(call, key, top.get(key), top, key)
    call.arguments.pop("resume_from_checkpoint", None)
    return call


def precision(r: Reading, top: Level, arguments: Call) -> None:
    """State that the precision is fixed: one of the two keys, or SFTConfig's own bf16; none of them queries the GPU."""
    half = top.plain("fp16") is True if "fp16" in top else False
    full = top.plain("bf16") is True if "bf16" in top else not half
    if half != full and all(isinstance(top.get(k), Known) for k in ("fp16", "bf16")):
        r.beyond(NO_CHOICE.format("fp16" if half else "bf16"), "arguments.mixed_precision")


# -- data --------------------------------------------------------------------------------------------------------


def datasets(r: Reading, top: Level) -> Dataset | None:
    listed = top.listed("datasets", "datasets")
    if listed:
        names = [(one.get("path"), one.where("path")) for one in listed]
    else:
        names = [(top.get("dataset_name"), top.where("dataset_name"))] if "dataset_name" in top else []
    data = mixed(r, load(r, top.place, names), top.where("datasets"))
    shares = [one.plain("fraction") for one in listed]
    if len(listed) > 1 and any(share is not None for share in shares):
        at = listed[0].where("fraction")
        if any(share is None for share in shares):
            r.defect("conflict", top, "datasets", "fraction is set for only some of the datasets: ValueError")
        note = "each dataset is cut to its fraction of the whole, and no row counts twice"
        r.state("dataset.mixing", Known("interleaved by weight", (at,)), note=note)
        r.state("dataset.weights", Known(shares, (at,)))
        r.beyond("TRL divides the fractions by their sum", "dataset.weights_sum")
        r.beyond(
            "the first rows of each dataset are used: nothing is sampled",
            "dataset.seed",
            "dataset.stopping_strategy",
            "dataset.misaligned_weights",
        )
    r.data_made_before("TRL reads the columns it expects; no key maps other names")
    return data


def prompt(r: Reading, top: Level) -> None:
    at = (
        top.where("datasets")
        if "datasets" in top
        else top.where("dataset_name")
        if "dataset_name" in top
        else top.place
    )
    columns = [set(words(one.plain("columns"))) for one in top.listed("datasets", "datasets")]
    form = ""
    if columns and all(c >= {"prompt", "completion"} for c in columns):
        form = "prompt-completion"
    elif columns and all(c & {"messages", "conversations"} for c in columns):
        form = "chat"
    elif columns and all(str(top.plain("dataset_text_field") or "text") in c for c in columns):
        form = "text"
    r.made.text = Stated(form, why="the content of the dataset's columns is not in the configuration", at=at)
    completion, assistant = top.get("completion_only_loss"), top.get("assistant_only_loss")
    on, note, key = "", "", ""
    if isinstance(assistant, Known) and assistant.value is True:
        on, note, key = "response", "by assistant_only_loss, and that needs conversations", "assistant_only_loss"
    elif isinstance(completion, Known) and completion.value is False:
        on, note, key = "all", "completion_only_loss: false", "completion_only_loss"
    elif form == "prompt-completion" and isinstance(completion, (Known, Absent)):
        on, note = "response", "by prompt and completion columns"
    elif form == "text":
        on, note = "all", "the dataset is a text column, and nothing masks the prompt in it"
    elif form == "chat":
        on, note = "all", "assistant_only_loss is not set"
    if on:
        where = top.where(key) if key else at
        r.state("prompt.loss_on", Known(on, (where,)), note=note)
    r.beyond(
        "TRL masks by columns or by the chat template, not by a marker",
        "prompt.instruction_marker",
        "prompt.response_marker",
        "prompt.markers",
    )
    if form == "prompt-completion":
        r.state("prompt.ending", Known("eos", (at,)), note="appended to the completion by TRL")
    elif form == "chat":
        r.state("prompt.ending", Known("eos", (at,)), note="by the chat template")
