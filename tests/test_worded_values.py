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
PHI = {"loader": "AutoModelForCausalLM", "name": "microsoft/Phi-3-mini-4k-instruct"}


@pytest.mark.parametrize(
    ("model", "modules", "shown"),
    [
        (T5, '["q", "v"]', 'target_modules=["q", "v"] (q, v standing for q_proj, v_proj'),
        (PHI, '["qkv_proj"]', 'target_modules=["qkv_proj"] ('),
        (PHI, '"all-linear"', 'target_modules="all-linear" ('),
        (PHI, '["q_proj", "model.v_proj"]', 'target_modules=["q_proj", "model.v_proj"]'),
        (PHI, 'r".*(q|v)_proj"', 'target_modules=["q_proj", "v_proj"] (a regular expression; the names'),
    ],
)
def test_modules_are_named_as_in_the_script(tmp_path, model, modules, shown):
    assert said(tmp_path, ADAPTED.format(**model, modules=modules), "lora/target-modules").startswith(shown)
