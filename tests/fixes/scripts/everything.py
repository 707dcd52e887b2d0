"""Everything that can be fixed is broken: r=64, learning_rate=5e-3, a missing EOS token, ... (strings stay as they are)."""

import argparse
import logging
from dataclasses import dataclass

from datasets import interleave_datasets, load_dataset
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel

LORA_R = 64  # per_device_train_batch_size=32 is said here only
BS = 32
logging.basicConfig(filename="train.log", level=logging.INFO)


@dataclass
class Hyper:
    learning_rate: float = 5e-3
    warmup_ratio: float = 0.1


@dataclass
class DatasetConfig:
    name: str
    path: str
    weight: float
    difficulty: int
    max_samples: Optional[int] = None


parser = argparse.ArgumentParser()
parser.add_argument("--accumulation", type=int, default=1)
parser.add_argument("--scheduler", default='linear')
options = parser.parse_args()
hyper = Hyper()

model, tokenizer = FastLanguageModel.from_pretrained(
    "unsloth/Qwen2.5-Coder-7B",
    max_seq_length=4096,
    load_in_4bit=False,
)
model = FastLanguageModel.get_peft_model(
    model,
    r=LORA_R,
    lora_aplha=LORA_R * 2,
    target_modules=["q_proj", "v_proj"],
    lora_dropout=0.1,  # not 0
    bias="all",
    use_gradient_checkpointing=True,
)

PROMPT = """### Instruction:
Write the SQL that answers the question.

### Schema:
{}

### Question:
{}

### Response:
{}"""


def to_text(ex):
    question = ex["question"]
    schema = ex["context"]
    return {"text": PROMPT.format(schema, question, ex["answer"])}


CONFIGS = [
    DatasetConfig("Spider", "spider_train.jsonl", 0.7, 2),
    DatasetConfig("WikiSQL", "wikisql.jsonl", 0.6, 1),
]
parts = [load_dataset("json", data_files=c.path, split="train").map(to_text) for c in CONFIGS]
weights = [c.weight for c in CONFIGS]
dataset = interleave_datasets(parts, probabilities=weights)

trainer = SFTTrainer(
    model=model,
    tokenizer=tokenizer,
    train_dataset=dataset,
    dataset_text_field="text",
    train_on_responses_only=True,
    args=SFTConfig(
        output_dir="outputs",
        per_device_train_batch_size=BS,
        gradient_accumulation_steps=options.accumulation,
        learning_rate=hyper.learning_rate,
        lr_scheduler_type=options.scheduler,
        warmup_ratio=hyper.warmup_ratio,
        fp16=True,
        bf16=True,
        evaluation_strategy="no",
        save_strategy="no",  # saves nothing)
        report_to="none",
    ),
)
trainer.train(resume_from_checkpoint=True)
