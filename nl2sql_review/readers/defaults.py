"""What the libraries do when an argument is left out.

The tables say which defaults are worth a fact, and what they are in the newest known versions (trl 1.16, transformers
5.23, peft 0.21, unsloth 2026.10); under the versions a script states they are what the signatures say.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Iterator

from ..libraries import store

TRAINING_ARGUMENTS: dict[str, Any] = {
    "output_dir": "trainer_output",
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 3.0,
    "max_steps": -1,
    "learning_rate": 5e-05,
    "lr_scheduler_type": "linear",
    "warmup_steps": 0,
    "optim": "adamw_torch",
    "weight_decay": 0.0,
    "bf16": False,
    "fp16": False,
    "save_strategy": "steps",
    "save_steps": 500,
    "save_total_limit": None,
    "report_to": "none",
    "seed": 42,
}

# SFTConfig changes some of them; bf16=None means "unless fp16", settled in readers/arguments.py.
SFT_CONFIG: dict[str, Any] = {**TRAINING_ARGUMENTS, "learning_rate": 2e-05, "bf16": None, "max_length": 1024}

LORA_CONFIG: dict[str, Any] = {"r": 8, "lora_alpha": 8, "target_modules": None, "lora_dropout": 0.0, "bias": "none"}

UNSLOTH_ADAPTER: dict[str, Any] = {
    "r": 16,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "lora_dropout": 0.0,
    "bias": "none",
    "use_gradient_checkpointing": "unsloth",
}

UNSLOTH_MODEL: dict[str, Any] = {"max_seq_length": 2048, "load_in_4bit": True}

BITS_AND_BYTES: dict[str, Any] = {"load_in_4bit": False, "load_in_8bit": False}


_installed: ContextVar[dict[str, str] | None] = ContextVar("installed", default=None)


@contextmanager
def under(installed: dict[str, str] | None) -> Iterator[None]:
    """Defaults are those of these versions (library -> version) while a script is read."""
    token = _installed.set(installed)
    try:
        yield
    finally:
        _installed.reset(token)


def of(callee: str) -> dict[str, Any]:
    """The defaults of what this call makes; empty when they are not known."""
    installed = _installed.get()
    return _of(callee, tuple(sorted(installed.items())) if installed else ())


@lru_cache(maxsize=256)
def _of(callee: str, versions: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    newest, installed = _newest(callee), dict(versions)
    library, _, callable = callee.partition(".")
    if not newest or not installed:
        return newest
    if library == "unsloth":
        callable = (
            "FastLlamaModel.get_peft_model"
            if callable.endswith("get_peft_model")
            else "FastLanguageModel.from_pretrained"
        )
    found = store.whole(library, callable, installed)
    if found is None:
        return newest
    made = {}
    for name, value in newest.items():
        # trl before 0.16 says max_seq_length, and None is 1024 unless the tokenizer knows less
        spelled = "max_seq_length" if name == "max_length" and name not in found.parameters else name
        try:
            made[name] = found.default(spelled)
        except KeyError:
            if spelled in found.parameters:
                made[name] = value  # what no literal says
            continue
        if spelled == "max_seq_length" and made[name] is None:
            made[name] = value
        if name == "report_to" and made[name] is None:
            made[name] = "all"  # what is installed, before transformers 5
    return made


def _newest(callee: str) -> dict[str, Any]:
    owner, _, name = callee.rpartition(".")
    if name == "get_peft_model" and callee.startswith("unsloth"):
        return UNSLOTH_ADAPTER
    if name == "from_pretrained" and owner.rpartition(".")[2].startswith("Fast") and callee.startswith("unsloth"):
        return UNSLOTH_MODEL
    if name == "LoraConfig":
        return LORA_CONFIG
    if name == "BitsAndBytesConfig":
        return BITS_AND_BYTES
    if name in ("TrainingArguments", "Seq2SeqTrainingArguments", "UnslothTrainingArguments"):
        return TRAINING_ARGUMENTS if name != "UnslothTrainingArguments" else SFT_CONFIG
    if name == "SFTConfig":
        return SFT_CONFIG
    if name.endswith("Config") and callee.startswith("trl."):
        return {k: v for k, v in TRAINING_ARGUMENTS.items() if k != "learning_rate"} | {
            "bf16": None
        }  # each has its own rate
    return {}


def name(callee: str) -> str:
    """How the owner of a default is called in a trace: `TrainingArguments`, `FastLanguageModel.get_peft_model`."""
    owner, _, last = callee.rpartition(".")
    return f"{owner.rpartition('.')[2]}.{last}" if last in ("get_peft_model", "from_pretrained") else last
