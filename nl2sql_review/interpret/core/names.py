"""Canonical names: one name for each class and function of the training stack, independent of the import.

Also the parameter names of positional arguments, and the kind of object that a call returns. Tables only; `api/`
holds the full signatures per version.
"""

from __future__ import annotations

STACK = (
    *("unsloth", "unsloth_zoo", "trl", "transformers", "peft", "datasets", "accelerate", "bitsandbytes", "wandb"),
    "sentence_transformers",
)
# Libraries that export their classes at the top.
FLAT = frozenset({"trl", "transformers", "peft", "datasets", "accelerate", "bitsandbytes"})

PARAMETERS = "inspect.parameters"  # kind of object: the names that a class of a library takes

UNSLOTH_CHAT = (
    "train_on_responses_only",
    "get_chat_template",
    "standardize_sharegpt",
    "standardize_data_formats",
    "to_sharegpt",
    "apply_chat_template",
    "construct_chat_template",
)
FAST_MODELS = frozenset(
    {
        "FastLanguageModel",
        "FastModel",
        "FastVisionModel",
        "FastTextModel",
        "FastLlamaModel",
        "FastMistralModel",
        "FastGemmaModel",
        "FastQwen2Model",
        "FastQwen3Model",
        "FastSentenceTransformer",
    }
)
ALIASES = {
    "torch.cuda.memory.memory_allocated": "torch.cuda.memory_allocated",
    "transformers.utils.is_torch_bf16_gpu_available": "transformers.utils.is_torch_bf16_gpu_available",
    "peft.mapping.get_peft_model": "peft.get_peft_model",
    "peft.mapping_func.get_peft_model": "peft.get_peft_model",
    "peft.utils.other.prepare_model_for_kbit_training": "peft.prepare_model_for_kbit_training",
    "peft.utils.prepare_model_for_kbit_training": "peft.prepare_model_for_kbit_training",
    "transformers.trainer_utils.set_seed": "transformers.set_seed",
}


def canonical(path: str) -> str:
    """Return the public name: `trl.trainer.sft_trainer.SFTTrainer` is `trl.SFTTrainer`."""
    if path in ALIASES:
        return ALIASES[path]
    parts = path.split(".")
    root = parts[0]
    if root in ("unsloth", "unsloth_zoo") and len(parts) > 1:
        for i, p in enumerate(parts[1:], 1):
            if p in UNSLOTH_CHAT:
                return ".".join(["unsloth.chat_templates", *parts[i:]])
            if p in FAST_MODELS or p in (
                "is_bfloat16_supported",
                "is_bf16_supported",
                "UnslothTrainer",
                "UnslothTrainingArguments",
            ):
                name = "is_bfloat16_supported" if p == "is_bf16_supported" else p
                return ".".join(["unsloth", name, *parts[i + 1 :]])
        return path
    if root in FLAT and len(parts) > 2:
        for i, p in enumerate(parts[1:], 1):
            if p[:1].isupper() and not (p.isupper() and i + 1 == len(parts)):
                return ".".join([root, *parts[i:]])
        if root == "datasets" or root == "peft":
            return f"{root}.{parts[-1]}" if parts[-1] in DATASET_FUNCTIONS else path
    return path


DATASET_FUNCTIONS = frozenset(
    {"load_dataset", "load_from_disk", "interleave_datasets", "concatenate_datasets", "get_peft_model"}
)

# Parameter names by position, for what scripts really pass by position.
_MODEL = ("model_name", "max_seq_length", "dtype", "load_in_4bit", "load_in_8bit")
_ADAPTER = ("model", "r", "target_modules", "lora_alpha", "lora_dropout", "bias")
POSITIONAL: dict[str, tuple[str, ...]] = {
    "peft.get_peft_model": ("model", "peft_config", "adapter_name"),
    "peft.LoraConfig": ("task_type", "peft_type"),
    "peft.prepare_model_for_kbit_training": ("model", "use_gradient_checkpointing"),
    "peft.PeftModel.from_pretrained": ("model", "model_id", "adapter_name"),
    "transformers.TrainingArguments": ("output_dir",),
    "transformers.Seq2SeqTrainingArguments": ("output_dir",),
    "transformers.Trainer": ("model", "args", "data_collator", "train_dataset", "eval_dataset"),
    "transformers.Trainer.train": ("resume_from_checkpoint",),
    "transformers.Trainer.save_model": ("output_dir",),
    "transformers.trainer_utils.get_last_checkpoint": ("folder",),
    "transformers.PreTrainedTokenizer.apply_chat_template": (
        "conversation",
        "tools",
        "documents",
        "chat_template",
        "add_generation_prompt",
        "continue_final_message",
        "tokenize",
    ),
    "trl.SFTTrainer": ("model", "args", "data_collator", "train_dataset", "eval_dataset"),
    "trl.GRPOTrainer": ("model", "reward_funcs", "args"),
    "trl.DPOTrainer": ("model", "ref_model"),  # what comes third depends on the release
    "trl.KTOTrainer": ("model", "ref_model"),
    "trl.BCOTrainer": ("model", "ref_model"),
    "trl.GKDTrainer": ("model", "teacher_model", "args"),
    **dict.fromkeys(("trl.RewardTrainer", "trl.PRMTrainer", "trl.CPOTrainer", "trl.ORPOTrainer"), ("model", "args")),
    "trl.SFTConfig": ("output_dir",),
    "trl.DataCollatorForCompletionOnlyLM": ("response_template", "instruction_template", "mlm"),
    "unsloth.chat_templates.train_on_responses_only": ("trainer", "instruction_part", "response_part", "force_match"),
    "unsloth.chat_templates.get_chat_template": ("tokenizer", "chat_template", "mapping", "map_eos_token"),
    "datasets.load_dataset": ("path", "name", "data_dir", "data_files", "split"),
    "datasets.load_from_disk": ("dataset_path",),
    "datasets.interleave_datasets": ("datasets", "probabilities", "seed", "info", "split", "stopping_strategy"),
    "datasets.concatenate_datasets": ("dsets", "info", "split", "axis"),
    "datasets.Dataset.map": ("function", "with_indices", "with_rank", "input_columns", "batched"),
    "datasets.Dataset.filter": ("function",),
    "datasets.Dataset.select": ("indices",),
    "datasets.Dataset.shuffle": ("seed",),
    "datasets.Dataset.train_test_split": ("test_size", "train_size"),
    "datasets.Dataset.rename_column": ("original_column_name", "new_column_name"),
    "datasets.Dataset.rename_columns": ("column_mapping",),
    "datasets.Dataset.remove_columns": ("column_names",),
    "datasets.Dataset.from_list": ("mapping",),
    "datasets.Dataset.from_dict": ("mapping",),
    "datasets.Dataset.from_pandas": ("df",),
    "transformers.BitsAndBytesConfig": ("load_in_8bit", "load_in_4bit"),
    "wandb.init": ("entity", "project", "dir", "id", "name"),
}


def positional(callee: str) -> tuple[str, ...]:
    names = POSITIONAL.get(callee)
    if names is not None:
        return names
    owner, _, last = callee.rpartition(".")
    if last == "from_pretrained":
        return _MODEL if owner.rsplit(".", 1)[-1] in FAST_MODELS else ("pretrained_model_name_or_path",)
    if last == "get_peft_model":
        return _ADAPTER
    if last.endswith(("Config", "TrainingArguments")) and owner in ("trl", "unsloth"):
        return ("output_dir",)
    if last.endswith("Trainer") and owner == "transformers":
        return ("model", "args", "data_collator", "train_dataset", "eval_dataset")
    if last.endswith("Trainer") and owner == "unsloth":
        return ("model", "args")
    return ()


# Ends of the names of calls that give a model; of those of `datasets` that give a dataset; objects of other libraries.
GIVE_MODELS = frozenset(
    "get_peft_model prepare_model_for_kbit_training prepare_model_for_int8_training for_training for_inference "
    "merge_and_unload unload".split()
)
GIVE_DATASETS = frozenset(
    "load_dataset load_from_disk interleave_datasets concatenate_datasets from_list from_dict from_pandas from_json "
    "from_csv from_generator from_parquet Dataset DatasetDict IterableDataset".split()
)
OBJECTS = frozenset(
    "torch.device torch.Generator huggingface_hub.HfApi logging.getLogger logging.FileHandler "
    "logging.StreamHandler random.Random".split()
)


def kind_of_result(callee: str) -> str:
    """Return the canonical kind of a call's result, or "" if the result is only a value of the run."""
    owner, _, last = callee.rpartition(".")
    root = callee.split(".")[0]
    if last in ("from_pretrained", "from_config"):
        cls = owner.rsplit(".", 1)[-1]
        if cls in FAST_MODELS:
            return "model+tokenizer"
        if "Tokenizer" in cls or "Processor" in cls:
            return "transformers.PreTrainedTokenizer"
        if cls.endswith("Config") and root == "transformers" and cls != "AutoConfig":
            return ""
        return "config" if "Config" in cls else "model"
    if last in GIVE_MODELS:
        return "model"
    if last == "get_chat_template":
        return "transformers.PreTrainedTokenizer"
    if root == "datasets" and last in GIVE_DATASETS:
        return "datasets.Dataset"
    if root in STACK and last[:1].isupper() and not owner[:1].isupper():
        return callee
    return callee if callee in OBJECTS else ""


def method_name(kind: str, name: str) -> str:
    """Return the canonical name of a method of an object of `kind`."""
    if kind.endswith("Trainer") and name in (
        "train",
        "evaluate",
        "predict",
        "save_model",
        "push_to_hub",
        "save_state",
        "add_callback",
        "log_metrics",
        "save_metrics",
    ):
        return f"transformers.Trainer.{name}"
    if kind == "model":
        return f"transformers.PreTrainedModel.{name}"
    return f"{kind}.{name}"
