"""Models that write no answer to a question: what is asked of answers is not asked of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

SCRIPT = """\
from datasets import load_dataset
from diffusers import UNet2DConditionModel
from transformers import (
    AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForSpeechSeq2Seq, AutoTokenizer, Trainer,
    TrainingArguments, WhisperForConditionalGeneration,
)
tokenizer = AutoTokenizer.from_pretrained("some/model")
model = {loader}.from_pretrained("some/model")
rows = load_dataset("json", data_files="t.jsonl", split="train")
rows = rows.map(lambda row: tokenizer(row["text"], truncation=True, max_length=512))
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("loader", "asked"),
    [
        ("AutoModelForCausalLM", True),
        ("AutoModelForSequenceClassification", False),
        ("AutoModelForSpeechSeq2Seq", False),
        ("WhisperForConditionalGeneration", False),
        ("UNet2DConditionModel", False),
    ],
)
def test_lengths_and_texts_are_asked_of_models_that_write_answers(tmp_path: Path, loader: str, asked: bool) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(loader=loader), encoding="utf-8")
    items = {item.rule: item for item in review(tmp_path / "train.py", Options(isolated=True)).files[0].checklist}
    for rule in ("memory/sequence-length", "prompt/eos", "prompt/response-only-loss"):
        assert (items[rule].verdict != "not-applicable") is asked, rule
    assert items["arguments/scheduler"].verdict == "fail"


LIGHTNING = """\
import lightning
import torch
from transformers import AutoModelForCausalLM

class Lit(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = AutoModelForCausalLM.from_pretrained("gpt2")

    def training_step(self, batch, number):
        return self.model(**batch).loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-4)

lightning.Trainer(max_epochs=3).fit(Lit(), loader)
{after}
"""
AGAIN = 'model = AutoModelForCausalLM.from_pretrained("gpt2-medium", load_in_4bit=True)'


@pytest.mark.parametrize(
    ("after", "loaded"),
    [("", "train.py:8"), (AGAIN, "train.py:8"), ("encoder.fit(labels)\n" + AGAIN, "train.py:8")],
)
def test_model_that_is_loaded_after_the_training_is_not_the_trained_one(
    tmp_path: Path, after: str, loaded: str
) -> None:
    (tmp_path / "train.py").write_text(LIGHTNING.format(after=after), encoding="utf-8")
    item = next(
        one
        for one in review(tmp_path / "train.py", Options(isolated=True)).files[0].checklist
        if one.rule == "lora/four-bit"
    )
    assert item.verdict == "fail" and loaded in item.evidence
