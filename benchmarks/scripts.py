"""Training scripts of realistic size and manner, made from a seed, for the benchmarks."""

from __future__ import annotations

import random
from pathlib import Path

# Lines of 85 public training scripts at the 5th, 10th, … 95th percentile; ours have 126 at least.
SIZES = (98, 104, 110, 116, 121, 128, 132, 146, 162, 187, 191, 205, 223, 248, 327, 396, 455, 508, 661)

HEAD = '''"""Fine-tunes {base} for text to SQL (configuration {seed})."""

import argparse
import json
import logging
import os
from dataclasses import dataclass, field
from typing import Dict, List, Optional

import torch
from unsloth import FastLanguageModel, is_bfloat16_supported
from unsloth.chat_templates import train_on_responses_only
from datasets import concatenate_datasets, interleave_datasets, load_dataset
from transformers import TrainingArguments
from trl import SFTConfig, SFTTrainer

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)

MODEL_NAME = "{base}"
MAX_SEQ_LENGTH = {length}
LORA_R = {r}
LORA_ALPHA = LORA_R * {factor}
OUTPUT_DIR = os.path.join("models", "nl2sql-{seed}")
TARGET_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROMPT = """Below is an instruction that describes a task. Write a response that completes the request.

### Instruction:
Convert the question to SQL.

Schema:
{{schema}}

Question: {{question}}

### Response:
{{sql}}"""


@dataclass
class DatasetConfig:
    name: str
    path: str
    weight: float = 1.0
    difficulty: str = "medium"
    max_samples: Optional[int] = None


DATASETS = [
    DatasetConfig("spider", "data/spider.json", weight=0.5),
    DatasetConfig("wikisql", "data/wikisql.json", weight=0.3, difficulty="easy"),
    DatasetConfig("bird", "data/bird.json", weight=0.2, difficulty="hard", max_samples=5000),
]

'''

HELPER = '''
def clean_{n}(rows: List[Dict], limit: int = {limit}) -> List[Dict]:
    """Keeps rows of source {n} that have a query, and shortens their schema."""
    kept = []
    for index, row in enumerate(rows):
        query = row.get("sql", row.get("query", ""))
        if not query or len(query) > limit:
            logger.debug("row %d of source {n} is left out", index)
            continue
        schema = row.get("schema") or ""
        kept.append({{"question": row["question"].strip(), "schema": schema[:{limit}], "sql": query}})
        if len(kept) >= {limit}:
            break
    statistics = {{"kept": len(kept), "of": len(rows), "ratio": len(kept) / max(1, len(rows))}}
    logger.info("source {n}: %s", json.dumps(statistics, indent=2))
    return kept

'''

TAIL = """
def build_model(model_name: str = MODEL_NAME):
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=model_name,
        max_seq_length=MAX_SEQ_LENGTH,
        dtype=None,
        load_in_4bit=True,
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=LORA_R,
        target_modules=TARGET_MODULES,
        lora_alpha=LORA_ALPHA,
        lora_dropout=0,
        bias="none",
        use_gradient_checkpointing="unsloth",
        random_state=3407,
    )
    return model, tokenizer


def build_dataset(tokenizer):
    def to_text(example):
        text = PROMPT.format(schema=example["schema"][:1000], question=example["question"], sql=example["sql"])
        return {{"text": text + tokenizer.eos_token}}

    parts = [load_dataset("json", data_files=config.path, split="train").map(to_text) for config in DATASETS]
    weights = [config.weight for config in DATASETS]
    return interleave_datasets(parts, probabilities=[w / sum(weights) for w in weights], seed=42)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default={rate})
    parser.add_argument("--batch-size", type=int, default={batch})
    args = parser.parse_args()
    model, tokenizer = build_model()
    trainer = SFTTrainer(
        model=model,
        tokenizer=tokenizer,
        train_dataset=build_dataset(tokenizer),
        args=SFTConfig(
            output_dir=OUTPUT_DIR,
            dataset_text_field="text",
            max_length=MAX_SEQ_LENGTH,
            per_device_train_batch_size=args.batch_size,
            gradient_accumulation_steps=4,
            num_train_epochs=args.epochs,
            learning_rate=args.learning_rate,
            lr_scheduler_type="cosine",
            warmup_ratio=0.03,
            fp16=not is_bfloat16_supported(),
            bf16=is_bfloat16_supported(),
            optim="adamw_8bit",
            logging_steps=10,
            save_strategy="epoch",
            save_total_limit=3,
            seed=3407,
            report_to="wandb",
        ),
    )
    trainer = train_on_responses_only(
        trainer, instruction_part="### Instruction:\\n", response_part="### Response:\\n"
    )
    logger.info("%.1f GB reserved", torch.cuda.max_memory_reserved() / 2**30)
    trainer.train()
    model.save_pretrained(OUTPUT_DIR)


if __name__ == "__main__":
    main()
"""


def script(seed: int, rows: int) -> str:
    """A script of about so many lines."""
    rng = random.Random(seed)
    head = HEAD.format(
        base=rng.choice(("unsloth/llama-3-8b-bnb-4bit", "codellama/CodeLlama-7b-hf", "Qwen/Qwen2.5-Coder-7B")),
        length=rng.choice((1024, 2048, 4096)), r=rng.choice((8, 16, 32, 64)), factor=rng.choice((1, 2)), seed=seed,
    )  # fmt: skip
    tail = TAIL.format(rate=rng.choice(("2e-4", "1e-4", "5e-5")), batch=rng.choice((2, 4, 8)))
    helpers = ""
    while (head + helpers + tail).count("\n") < rows:
        helpers += HELPER.format(n=helpers.count("\ndef "), limit=rng.choice((500, 1000, 2000)))
    return head + helpers + tail


def write_scripts(folder: Path, count: int) -> None:
    """So many scripts, each in a project of its own, spread over `SIZES`."""
    for number in range(count):
        path = folder / f"project{number:04d}" / "train.py"
        path.parent.mkdir(parents=True)
        path.write_text(script(number, SIZES[number % len(SIZES)]), encoding="utf-8")
