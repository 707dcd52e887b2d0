"""What stands outside a script: the adapter that a stage goes on with, the options of a run, the PyTorch it states."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

STAGE = """\
import argparse
from trl import DPOConfig, DPOTrainer
from unsloth import FastLanguageModel
parser = argparse.ArgumentParser()
parser.add_argument("--first", required=True)
args = parser.parse_args()
model, tokenizer = FastLanguageModel.from_pretrained({model})
DPOTrainer(model=model, processing_class=tokenizer, args=DPOConfig(output_dir="o")).train()
"""
RESUMED = """\
import argparse
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--resume")
args = parser.parse_args()
trainer = SFTTrainer("gpt2", args=SFTConfig(output_dir="o"))
"""
QUANTIZED = """\
from transformers import AutoModelForCausalLM
from trl import ModelConfig, SFTConfig, SFTTrainer, TrlParser, get_quantization_config
args, model_args = TrlParser((SFTConfig, ModelConfig)).parse_args_and_config()
model = AutoModelForCausalLM.from_pretrained("gpt2", quantization_config=get_quantization_config(model_args))
SFTTrainer(model, args=args).train()
"""


def item(folder: Path, code: str, rule: str):
    """Return the item of the checklist that answers a rule for a script."""
    (folder / ".git").mkdir()  # the root of a project, whose launches count
    (folder / "train.py").write_text(code)
    (file,) = batch.review([str(folder / "train.py")], Options(isolated=True)).files
    return next(one for one in file.checklist if one.rule == rule)


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        ("args.first", "unknown"),
        ('"./runs/sft"', "unknown"),
        ('"runs/sft/final"', "unknown"),
        ('"./runs/sft", full_finetuning=True', "fail"),
        ('"unsloth/Qwen3-4B"', "fail"),
    ],
)
def test_unsloth_loads_the_adapter_that_lies_with_a_model(tmp_path, model, verdict):
    assert item(tmp_path, STAGE.format(model=model), "lora/adapter").verdict == verdict


@pytest.mark.parametrize(
    ("train", "certainty"),
    [
        ("trainer.train(resume_from_checkpoint=args.resume) if args.resume else trainer.train()", "default"),
        ("if args.resume:\n    trainer.train(args.resume)\nelse:\n    trainer.train()", "default"),
        ("if args.resume:\n    trainer.train()\nelse:\n    trainer.train()", "certain"),
        ("trainer.train()", "certain"),
    ],
)
def test_an_option_may_resume_the_run(tmp_path, train, certainty):
    found = item(tmp_path, RESUMED + train + "\n", "checkpointing/resume")
    assert (found.verdict, found.certainty) == ("fail", certainty)


@pytest.mark.parametrize(
    ("options", "verdict"),
    [("--load_in_4bit", "pass"), ("--load_in_4bit true", "pass"), ("--load_in_8bit", "fail"), ("--seed 1", "fail")],
)
def test_the_quantization_of_a_model_config_is_read(tmp_path, options, verdict):
    (tmp_path / "run.sh").write_text(f"accelerate launch train.py --output_dir o {options}\n")
    found = item(tmp_path, QUANTIZED, "lora/four-bit")
    assert found.verdict == verdict
    assert ("BitsAndBytesConfig" in found.evidence) == (options != "--seed 1")


@pytest.mark.parametrize(("stated", "told"), [("2.1.0", "raise ValueError"), ("2.5.1", "emulates"), ("", "emulates")])
def test_an_early_pytorch_does_not_count_emulated_bfloat16(tmp_path, stated, told):
    (tmp_path / "requirements.txt").write_text(f"torch=={stated}\n" if stated else "torch\n")
    code = "from transformers import Trainer, TrainingArguments\n"
    code += 'Trainer(model=None, args=TrainingArguments(output_dir="o", bf16=True)).train()\n'
    assert told in item(tmp_path, code, "arguments/mixed-precision").evidence


@pytest.mark.parametrize(
    ("stated", "verdict"), [("==2.1.0", "pass"), ("==2.5.1", "fail"), (">=2.1.0", "fail"), ("", "fail")]
)
def test_the_probe_of_an_early_pytorch_is_right(tmp_path, stated, verdict):
    (tmp_path / "requirements.txt").write_text(f"torch{stated}\n")
    code = "import torch\nfrom transformers import Trainer, TrainingArguments\nbf16 = torch.cuda.is_bf16_supported()\n"
    code += 'Trainer(model=None, args=TrainingArguments(output_dir="o", bf16=bf16, fp16=not bf16)).train()\n'
    assert item(tmp_path, code, "arguments/mixed-precision").verdict == verdict
