"""A text column beside the messages it was made of: TRL takes the messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

SCRIPT = """
import os
{unsloth}
from datasets import load_dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer
name = "Qwen/Qwen2.5-Coder-7B-Instruct"
tokenizer = AutoTokenizer.from_pretrained(name)
dataset = load_dataset("ours/rows", split="train")

def texts(row):
    return {{"text": tokenizer.apply_chat_template(row["messages"], tokenize=False)}}

dataset = dataset.map(texts{removed})
args = SFTConfig("out", dataset_text_field="text"{loss})
trainer = SFTTrainer(model=name, args={args}, train_dataset=dataset)
trainer.train()
"""
GONE = ", remove_columns=dataset.column_names"
NAMED = ', remove_columns=["messages"]'
RENAMED = ').rename_column("messages", "turns"'
DROPPED = ').remove_columns(["id", "messages"]'
OTHER = ', remove_columns=["id"]'
OPEN = ', remove_columns=[os.environ["GONE"]]'
ON = ", assistant_only_loss=True"


def verdicts(tmp_path: Path, *, removed: str = "", loss: str = "", args: str = "args", unsloth: str = "") -> list[str]:
    made = SCRIPT.format(removed=removed, loss=loss, args=args, unsloth=unsloth)
    (tmp_path / "train.py").write_text(made)
    (file,) = review(tmp_path / "train.py", Options(isolated=True)).files
    rules = ("prompt/response-only-loss", "prompt/second-eos")
    return [next(str(item.verdict) for item in file.checklist if item.rule == rule) for rule in rules]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"loss": ON}, ["pass", "not-applicable"]),
        ({"loss": ON, "removed": GONE}, ["fail", "fail"]),  # a text that ends in a line feed, and no messages
        *(({"removed": one}, ["fail", "fail"]) for one in (NAMED, RENAMED, DROPPED)),
        ({"removed": OTHER}, ["fail", "not-applicable"]),
        ({"removed": OPEN}, ["unknown", "unknown"]),
        ({}, ["fail", "not-applicable"]),
        ({"unsloth": "import unsloth"}, ["fail", "pass"]),  # which takes the text
        ({"loss": ON, "args": "args if os.path.exists('x') else SFTConfig('out')"}, ["unknown", "not-applicable"]),
    ],
)
def test_messages_that_stay_in_the_rows(tmp_path: Path, given: dict[str, str], expected: list[str]) -> None:
    assert verdicts(tmp_path, **given) == expected
