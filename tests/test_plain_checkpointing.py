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


@pytest.mark.parametrize(
    ("loaded", "made", "trl", "said", "certainty"),
    [
        # PEFT checkpoints quantized weights only
        ("load_in_4bit=not args.full", "TrainingArguments", "1.16.0", ("yes", BY_PREPARING), "default"),
        ("load_in_4bit=args.quantize", "TrainingArguments", "1.16.0", ("no", BY_PREPARING), "default"),
        ("load_in_4bit=True", "TrainingArguments", "1.16.0", ("yes", BY_PREPARING), "certain"),
        (
            "load_in_4bit=not args.full, load_in_8bit=True",
            "TrainingArguments",
            "1.16.0",
            ("yes", BY_PREPARING),
            "certain",
        ),
        # TRL turns it on where nothing is said, transformers does not
        ("load_in_4bit=not args.full", "trl.SFTConfig", "1.16.0", ("yes", "by default of SFTConfig"), "certain"),
        ("load_in_4bit=not args.full", "trl.SFTConfig", ">=0.12", ("yes", "by default of SFTConfig"), "default"),
        ("load_in_4bit=not args.full", "trl.SFTConfig", "0.16.0", ("yes", BY_PREPARING), "default"),
    ],
)
def test_it_is_as_sure_as_the_quantization_or_the_class(
    tmp_path: Path, loaded: str, made: str, trl: str, said: tuple[str, str], certainty: str
) -> None:
    text = SCRIPT.format(test="True", prepared="", enabled="", given="").replace("load_in_4bit=True", loaded)
    options = "".join(f'parser.add_argument("--{name}", action="store_true")\n' for name in ("full", "quantize"))
    text = text.replace("args = parser", f"{options}args = parser").replace("import argparse", "import trl, argparse")
    text = text.replace("Trainer(", "trl.SFTTrainer(").replace("args=TrainingArguments", f"args={made}")
    (tmp_path / "train.py").write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(f'[tool.nl2sql-review.versions]\ntrl = "{trl}"\n', encoding="utf-8")
    items = review(tmp_path / "train.py", Options()).files[0].checklist
    item = next(one for one in items if one.rule == "lora/gradient-checkpointing")
    assert item.certainty == certainty
    assert f"gradient checkpointing: {said[0]}" in item.evidence and said[1] in item.evidence
