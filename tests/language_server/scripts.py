"""A project that the tests edit: values come from a class, a constant, a configuration and an option."""

SETTINGS = """\
from dataclasses import dataclass


@dataclass
class Settings:
    rank: int = 64
"""
CONFIG = "batch: 2\ndropout: 0.1\n"
TRAIN = """\
import argparse

import yaml
from conf import Settings
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel

LORA_ALPHA = 16
settings = Settings()
cfg = yaml.safe_load(open("conf.yaml"))
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
args = parser.parse_args()
model, tokenizer = FastLanguageModel.from_pretrained(
    "unsloth/Qwen2.5-Coder-7B-Instruct-bnb-4bit", max_seq_length=2048, load_in_4bit=True
)
model = FastLanguageModel.get_peft_model(
    model,
    r=settings.rank,
    lora_alpha=LORA_ALPHA,
    lora_dropout=cfg["dropout"],
)
ds = load_dataset("json", data_files="train.jsonl", split="train")
trainer = SFTTrainer(
    model=model,
    tokenizer=tokenizer,
    train_dataset=ds,
    dataset_text_field="text",
    args=SFTConfig(
        output_dir="out",
        per_device_train_batch_size=cfg["batch"],
        gradient_accumulation_steps=8,
        num_train_epochs=args.epochs,
        save_steps=100,
        fp16=True,
    ),
)
trainer.train()
"""
SHORT = """\
from unsloth import FastLanguageModel

R = 64
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=R, lora_alpha=R)
"""
