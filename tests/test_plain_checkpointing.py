"""Gradient checkpointing without Unsloth: which of several things that enable it is named, and how surely."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

SCRIPT = """\
import argparse, os
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
parser = argparse.ArgumentParser()
parser.add_argument("--bits", type=int, default=4)
args = parser.parse_args()
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B", load_in_4bit=True)
if {test}:
    model = prepare_model_for_kbit_training(model{prepared})
{enabled}
model = get_peft_model(model, LoraConfig(r=16))
Trainer(model=model, args=TrainingArguments(output_dir="o"{given}), train_dataset=rows).train()
"""
BY_PREPARING, BY_ARGUMENTS = "by prepare_model_for_kbit_training", "by the training arguments"
ON, OFF = ", gradient_checkpointing=True", ", gradient_checkpointing=False"


@pytest.mark.parametrize(
    ("test", "prepared", "enabled", "given", "said", "certainty"),
    [
        ("True", "", "", ON, BY_PREPARING, "certain"),
        ("True", "", "", OFF, BY_PREPARING, "certain"),
        ("args.bits == 4", "", "", ON, BY_ARGUMENTS, "certain"),
        ("os.environ['QLORA']", "", "", ON, BY_ARGUMENTS, "certain"),
        ("args.bits == 4", "", "model.gradient_checkpointing_enable()", "", "yes (plain checkpointing)", "certain"),
        ("args.bits == 4", "", "", "", BY_PREPARING, "default"),
        ("os.environ['QLORA']", "", "", OFF, "depending on `os.environ['QLORA']`", "branch"),
        ("True", ", use_gradient_checkpointing=False", "", ON, BY_ARGUMENTS, "certain"),
        ("True", ", use_gradient_checkpointing=False", "", "", "no (by prepare_model_for_kbit_training)", "certain"),
    ],
)
def test_what_enables_it_in_any_case_is_named(
    tmp_path: Path, test: str, prepared: str, enabled: str, given: str, said: str, certainty: str
) -> None:
    text = SCRIPT.format(test=test, prepared=prepared, enabled=enabled, given=given)
    (tmp_path / "train.py").write_text(text, encoding="utf-8")
    items = review(tmp_path / "train.py", Options(isolated=True)).files[0].checklist
    item = next(one for one in items if one.rule == "lora/gradient-checkpointing")
    assert item.verdict == "fail" and item.certainty == certainty
    assert said in item.evidence
