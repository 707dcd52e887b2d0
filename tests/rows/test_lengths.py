"""Lengths by the model's own tokenizer, from a folder and from the hub's cache; and what is claimed without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from .test_planted import ROOT

SCRIPT = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer


def to_text(row):
    return {{"text": "### Question:\\n" + row["question"] + "\\n### SQL:\\n" + row["sql"]}}


data = load_dataset("json", data_files="t.jsonl", split="train").map(to_text)
args = SFTConfig(dataset_text_field="text", max_length={length})
trainer = SFTTrainer(model="{model}", args=args, train_dataset=data)
trainer.train()
"""
LENGTH = 54
ROWS = [
    {"question": f"Wie viele {'große ' * (number % 7)}Sänger {'🎤' * (number % 11)} gibt es, mit Nummer {number}?",
     "sql": f"SELECT COUNT(*) FROM singer WHERE number = {number}"}
    for number in range(300)
]  # fmt: skip


def text(row):
    return f"### Question:\n{row['question']}\n### SQL:\n{row['sql']}"


@pytest.fixture(scope="module")
def tokenizer():
    """A byte-level tokenizer as most models have one, which sets a BOS before each text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        map(text, ROWS), trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return made


def looked(folder: Path, model: str, length: int) -> dict:
    (folder / "train.py").write_text(SCRIPT.format(model=model, length=length))
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    argv = [sys.executable, "-m", "nl2sql_review", "data", "train.py", "--isolated", "--select", "rows/length", "-j1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(folder / "hf")}
    command = [*argv, "--all", "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    (file,) = json.loads(done.stdout)["files"]
    return file


@pytest.mark.parametrize("cached", [False, True])
def test_lengths_are_those_that_the_tokenizer_counts(tmp_path, tokenizer, cached):
    model = "acme/small" if cached else "model"
    folder = tmp_path / ("hf/hub/models--acme--small/snapshots/0" if cached else "model")
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "</s>", "bos_token": {"content": "<s>"}}')
    file = looked(tmp_path, model, LENGTH)
    counted = {number: len(tokenizer.encode(text(row)).ids) for number, row in enumerate(ROWS, 1)}
    long = {number: count for number, count in counted.items() if count > LENGTH}
    assert 20 < len(long) < 280
    told = {one["location"]["row"]: int(one["message"].partition(" tokens")[0]) for one in file["findings"]}
    assert told == long


@pytest.mark.parametrize(
    ("length", "verdict"), [(LENGTH, "unknown"), (170, "unknown"), (400, "pass")], ids=["many", "by its bytes", "fits"]
)
def test_without_a_tokenizer_only_what_fits_by_its_bytes_passes(tmp_path, length, verdict):
    (item,) = (one for one in looked(tmp_path, "acme/absent", length)["checklist"] if one["rule"] == "rows/length")
    assert item["verdict"] == verdict
    assert max(map(len, map(text, ROWS))) < 170 < max(len(text(row).encode()) for row in ROWS) < 398
