"""Messages show what the script says, also where another value is worked out from it and judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

HEAD = """\
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, Trainer, TrainingArguments
"""


def said(folder: Path, code: str, rule: str) -> str:
    """The evidence of one rule's item."""
    (folder / "train.py").write_text(HEAD + code, encoding="utf-8")
    (file,) = review(str(folder / "train.py"), Options(isolated=True)).files
    return next(item.evidence for item in file.checklist if item.rule == rule)


ADAPTED = """\
model = {loader}.from_pretrained("{name}")
model = get_peft_model(model, LoraConfig(target_modules={modules}))
Trainer(model, TrainingArguments("out"), train_dataset=rows).train()
"""
T5 = {"loader": "AutoModelForSeq2SeqLM", "name": "google/flan-t5-base"}
ROBERTA = {"loader": "AutoModelForSequenceClassification", "name": "FacebookAI/roberta-base"}
PHI = {"loader": "AutoModelForCausalLM", "name": "microsoft/Phi-3-mini-4k-instruct"}


@pytest.mark.parametrize(
    ("model", "modules", "shown"),
    [
        (T5, '["q", "v"]', 'target_modules=["q", "v"] (q, v standing for q_proj, v_proj'),
        (
            ROBERTA,
            '["dense", "out_proj"]',
            'target_modules=["dense", "out_proj"] (dense, out_proj standing for o_proj, gate',
        ),
        (PHI, '["qkv_proj"]', 'target_modules=["qkv_proj"] ('),
        (PHI, '"all-linear"', 'target_modules="all-linear" ('),
        (PHI, '["q_proj", "model.v_proj"]', 'target_modules=["q_proj", "model.v_proj"]'),
        (PHI, 'r".*(q|v)_proj"', 'target_modules=["q_proj", "v_proj"] (a regular expression; the names'),
    ],
)
def test_modules_are_named_as_in_the_script(tmp_path, model, modules, shown):
    assert said(tmp_path, ADAPTED.format(**model, modules=modules), "lora/target-modules").startswith(shown)


REPORTS = """\
{first}
from trl import SFTConfig, SFTTrainer
trainer = SFTTrainer(model="Qwen/Qwen2.5-0.5B", args=SFTConfig(output_dir="out"), train_dataset=rows)
trainer.train()
"""
IGNORED = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

def made(one):
    return {{{row}}}

data = load_dataset("json", data_files="train.jsonl", split="train")
rows = data.map(made, remove_columns=data.column_names)
trainer = SFTTrainer(model="Qwen/Qwen2.5-0.5B", args=SFTConfig(completion_only_loss=True), train_dataset=rows)
trainer.train()
"""
CHAT = '"messages": [{"role": "user", "content": one["q"]}, {"role": "assistant", "content": one["a"]}]'


@pytest.mark.parametrize(("first", "reason"), [("import unsloth", False), ("import torch", True)])
def test_the_reason_of_a_default_is_that_of_its_maker(tmp_path, first, reason):
    text = said(tmp_path, REPORTS.format(first=first), "project/tracking")
    assert text.startswith('report_to="none"')
    assert ("since transformers 5.0" in text) is reason


@pytest.mark.parametrize(
    ("row", "where"), [(CHAT, "a column of messages"), ('"text": one["q"] + one["a"]', "a text column")]
)
def test_what_is_ignored_is_named(tmp_path, row, where):
    text = said(tmp_path, IGNORED.format(row=row), "prompt/response-only-loss")
    assert f"completion_only_loss is silently ignored on {where}" in text
