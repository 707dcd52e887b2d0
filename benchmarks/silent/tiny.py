"""A tiny Llama, its tokenizer and a few rows: what every measurement of this folder trains on."""

from __future__ import annotations

import copy
import json
import logging
import os
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "trainer"
sys.path.insert(0, str(FIXTURES))

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@cache
def folder() -> Path:
    """Writes model and tokenizer once a process; returns their folder."""
    import make_model  # type: ignore[import-not-found]  # it lies beside the fixtures

    return make_model.write(Path(tempfile.mkdtemp(prefix="tiny-")) / "model")


def tokenizer(chat: str | None = None) -> Any:
    """Loads the tokenizer with a pad token of its own, and a chat template if one is given."""
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(folder())
    made.pad_token = "<unk>"
    made.chat_template = chat
    return made


def model(**kwargs: Any) -> Any:
    """Loads a fresh copy of the model."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder(), **kwargs)


def lora(**kwargs: Any) -> Any:
    """Makes a LoRA configuration for all seven projections."""
    from peft import LoraConfig

    return LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": PROJECTIONS, "task_type": "CAUSAL_LM", **kwargs})


@cache
def rows() -> list[dict[str, str]]:
    """Reads question, schema and SQL of the fixtures."""
    lines = (FIXTURES / "spider_train.jsonl").read_text(encoding="utf-8").splitlines()
    read = [json.loads(line) for line in lines]
    return [{"question": row["question"], "schema": row["schema"], "sql": row["query"]} for row in read]


def pairs(count: int = 16) -> Any:
    """Makes a dataset of prompt and completion."""
    from datasets import Dataset

    made = [{"prompt": f"{r['schema']}\n{r['question']}\n", "completion": r["sql"]} for r in (rows() * count)[:count]]
    return Dataset.from_list(made)


def messages(count: int = 16) -> Any:
    """Makes a dataset of conversations."""
    from datasets import Dataset

    made = [
        {
            "messages": [
                {"role": "user", "content": f"{r['schema']}\n{r['question']}"},
                {"role": "assistant", "content": r["sql"]},
            ]
        }
        for r in (rows() * count)[:count]
    ]
    return Dataset.from_list(made)


def arguments(kind: Any, **kwargs: Any) -> Any:
    """Makes training arguments that run on a CPU and write into a folder of their own."""
    wanted = {
        "output_dir": tempfile.mkdtemp(prefix="run-"),
        "per_device_train_batch_size": 2,
        "max_steps": 4,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "bf16": False,
        "seed": 1,
        **kwargs,
    }
    return kind(**wanted)


def tokenized(count: int = 16, tokenizer: Any = None) -> list[dict[str, list[int]]]:
    """Makes rows of token ids, with labels on the answer only."""
    tok = tokenizer or globals()["tokenizer"]()
    made = []
    for row in (rows() * count)[:count]:
        head = tok(f"{row['schema']}\n{row['question']}\n")["input_ids"]
        tail = [*tok(row["sql"], add_special_tokens=False)["input_ids"], tok.eos_token_id]
        ids = head + tail
        made.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [-100] * len(head) + tail})
    return made


def train(model: Any, rows: Any = None, kind: Any = None, collator: Any = None, **kwargs: Any) -> Any:
    """Trains with transformers' Trainer, or a subclass of it; returns the trainer."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    tok = tokenizer()
    trainer = (kind or Trainer)(
        model=model,
        args=arguments(TrainingArguments, **kwargs),
        train_dataset=rows or tokenized(),
        data_collator=collator or DataCollatorForSeq2Seq(tok, padding=True),
    )
    trainer.train()
    return trainer


def logged(trainer: Any, key: str) -> list[float]:
    """Lists what the trainer logged under `key`."""
    return [float(entry[key]) for entry in trainer.state.log_history if key in entry]


def weights(model: Any, part: str = "lora_") -> dict[str, Any]:
    """Copies the tensors whose name holds `part`."""
    return {name: value.detach().clone() for name, value in model.named_parameters() if part in name}


def moved(before: dict[str, Any], model: Any) -> str:
    """Says how many of the copied tensors are different now."""
    import torch

    after = dict(model.named_parameters())
    changed = sum(not torch.equal(value, after[name].detach()) for name, value in before.items())
    return f"{changed} of {len(before)}"


def same(model: Any) -> Any:
    """Copies a model."""
    return copy.deepcopy(model)


def versions() -> dict[str, str]:
    """Names the versions that are measured."""
    from importlib.metadata import version

    return {name: version(name) for name in ("transformers", "trl", "peft", "torch")}
