"""Replacements of removed and deprecated names: the part of the libraries' history that signatures do not show.

The signatures show when a name was removed; this module lists what to write instead, and since when a name
was deprecated.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """`instead` is a phrase to follow "use"; `deprecated` is the first version that warns, "" if none does."""

    instead: str = ""
    deprecated: str = ""


IN_CONFIG = (
    "dataset_text_field",
    "max_seq_length",
    "packing",
    "dataset_num_proc",
    "dataset_batch_size",
    "model_init_kwargs",
    "dataset_kwargs",
    "eval_packing",
    "neftune_noise_alpha",
)

# callable -> argument -> what became of it
ARGUMENTS: dict[str, dict[str, Change]] = {
    "trl.SFTTrainer": {
        "tokenizer": Change("processing_class=", "0.12.0"),
        **{name: Change(f"SFTConfig({name}=…)", "0.9.2") for name in IN_CONFIG},
        "max_seq_length": Change("SFTConfig(max_length=…)", "0.9.2"),
        "dataset_batch_size": Change("", "0.9.2"),
        "num_of_sequences": Change("", "0.9.2"),
        "chars_per_token": Change("", "0.9.2"),
        "infinite": Change("max_steps= or num_train_epochs= of SFTConfig", "0.8.6"),
        "model_init": Change("a model that is created before the trainer"),
        "compute_loss_func": Change("a subclass that overrides compute_loss", "1.16.0"),
    },
    "trl.SFTConfig": {
        "max_seq_length": Change("max_length=", "0.16.0"),
        "dataset_batch_size": Change("", "0.15.0"),
        "num_of_sequences": Change("max_length=", "0.15.0"),
        "chars_per_token": Change("", "0.15.0"),
        "use_liger": Change("use_liger_kernel=", "0.16.0"),
        "pad_token": Change("tokenizer.pad_token", "1.1.0"),
    },
    "trl.DPOTrainer": {"tokenizer": Change("processing_class=", "0.12.0")},
    "transformers.TrainingArguments": {
        "evaluation_strategy": Change("eval_strategy=", "4.41.0"),
        "warmup_ratio": Change("warmup_steps=, a value below 1 being the share of all steps", "5.0.0"),
        "logging_dir": Change("the environment variable TENSORBOARD_LOGGING_DIR", "5.0.0"),
        "group_by_length": Change('train_sampling_strategy="group_by_length"'),
        "dispatch_batches": Change('accelerator_config={"dispatch_batches": …}', "4.38.0"),
        "split_batches": Change('accelerator_config={"split_batches": …}', "4.38.0"),
        "no_cuda": Change("use_cpu=", "4.34.0"),
        "use_mps_device": Change(""),
        "per_gpu_train_batch_size": Change("per_device_train_batch_size=", "4.0.0"),
        "per_gpu_eval_batch_size": Change("per_device_eval_batch_size=", "4.0.0"),
        "adafactor": Change('optim="adafactor"', "4.30.0"),
        "half_precision_backend": Change(""),
        "fp16_backend": Change(""),
        "fp16_opt_level": Change(""),
        "overwrite_output_dir": Change("resume_from_checkpoint of train(), or a new output_dir"),
        "save_safetensors": Change(""),
        "push_to_hub_token": Change("hub_token=", "4.30.0"),
        "push_to_hub_model_id": Change("hub_model_id=", "4.30.0"),
        "push_to_hub_organization": Change("hub_model_id=", "4.30.0"),
        "include_tokens_per_second": Change(""),
        "include_inputs_for_metrics": Change('include_for_metrics=["inputs"]'),
        "jit_mode_eval": Change(""),
        "torchdynamo": Change("torch_compile_backend=", "4.30.0"),
        "ray_scope": Change(""),
        "gradient_checkpointing": Change("activation_checkpointing=", "5.23.0"),
        "gradient_checkpointing_kwargs": Change("activation_checkpointing_kwargs=", "5.23.0"),
    },
    "transformers.Trainer": {"tokenizer": Change("processing_class=", "4.46.0")},
    "transformers.Seq2SeqTrainer": {"tokenizer": Change("processing_class=", "4.46.0")},
}
ARGUMENTS["transformers.Seq2SeqTrainingArguments"] = ARGUMENTS["transformers.TrainingArguments"]

# Arguments of loaders that take `**kwargs`, so that no signature tells: they go on to the model, which refuses them.
# callable -> argument -> (library, first known version that refuses, what to use instead)
REFUSED: dict[str, dict[str, tuple[str, str, str]]] = {
    "from_pretrained": {
        "load_in_4bit": ("transformers", "5.0.0", "quantization_config=BitsAndBytesConfig(load_in_4bit=True)"),
        "load_in_8bit": ("transformers", "5.0.0", "quantization_config=BitsAndBytesConfig(load_in_8bit=True)"),
        "use_auth_token": ("transformers", "5.0.0", "token="),
    },
}

# name that was exported once -> what to use instead; a bare name takes its arguments and is written in its place
IMPORTS: dict[str, str] = {
    "trl.DataCollatorForCompletionOnlyLM": (
        "prompt and completion columns, or SFTConfig(completion_only_loss=True) with them"
    ),
    "trl.ConstantLengthDataset": "SFTConfig(packing=True)",
    "trl.setup_chat_format": "clone_chat_template(model, tokenizer, source); its third result is the added tokens",
    "peft.prepare_model_for_int8_training": "prepare_model_for_kbit_training",
    "transformers.AdamW": "torch.optim.AdamW",
}

# What Unsloth's versions of TRL's classes take besides.
UNSLOTH_EXTRA = {
    "vllm_sampling_params",
    "unsloth_num_chunks",
    "unsloth_logit_chunk_multiplier",
    "unsloth_grpo_mini_batch",
    "max_seq_length",
    "embedding_learning_rate",
    "tokenizer",
}

# what the trainers never took, though one reads it often: name -> what does it
MISTAKEN: dict[str, str] = {
    "train_on_responses_only": (
        "it is a function of unsloth.chat_templates: trainer = train_on_responses_only(trainer, …) after creating "
        "the trainer; or train on prompt and completion columns"
    ),
}
