"""A script with everything that can be fixed broken, fixed, and run on stand-ins that write down its calls."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.rehearsal import perform

from .repair import session

SCRIPT = Path(__file__).parent / "scripts" / "everything.py"

# The end of a callee -> what the fixed script must pass to it: the values of the rules.
POLICY = {
    "FastLanguageModel.from_pretrained": {"load_in_4bit": True, "max_seq_length": 2048},
    "get_peft_model": {
        "r": 16,
        "lora_alpha": 16,
        "lora_dropout": 0,
        "bias": "none",
        "use_gradient_checkpointing": "unsloth",
        "target_modules": ["q_proj", "v_proj", "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    },
    "SFTConfig": {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "learning_rate": 2e-4,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,
        "max_length": 2048,
        "save_strategy": "epoch",
        "save_total_limit": 3,
        "report_to": "wandb",
        "output_dir": "models/nl2sql-unsloth",
    },
    "interleave_datasets": {"seed": 42},
    "train_on_responses_only": {
        "instruction_part": "### Instruction:\n",
        "response_part": "### Response:\n",
    },
}


@pytest.fixture(scope="module")
def fixed():
    one = session(SCRIPT.read_bytes(), "train.py")
    one.apply(unsafe=True)
    return one


def test_no_fixable_finding_is_left(fixed):
    assert [f for f in fixed.report.findings if f.fixable] == []
    assert {f.rule for f in fixed.report.findings} <= {"project/paths"}  # where the script lies


def test_a_second_run_changes_nothing(fixed):
    again = session(fixed.data, "train.py")
    again.apply(unsafe=True)
    assert again.data == fixed.data and again.made == []


def test_comments_and_strings_are_as_they_were(fixed):
    before, after = SCRIPT.read_text(), fixed.data.decode()
    for mark in (
        '"""Everything that can be fixed is broken: r=64, learning_rate=5e-3',
        "# per_device_train_batch_size=32 is said here only",
        "# not 0",
        "# saves nothing)",
        "default='cosine'",
    ):
        assert mark.replace("cosine", "linear") in before and mark in after


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a rehearsal needs fork() and resource limits")
def test_the_rehearsal_records_the_values_of_the_rules(fixed, tmp_path):
    assert "Optional" in perform(SCRIPT).error
    path = tmp_path / "train.py"
    path.write_bytes(fixed.data)
    run = perform(path)
    assert run.error == ""
    for callee, wanted in POLICY.items():
        (call,) = [c for c in run.calls if c.callee.endswith(callee)]
        assert {name: call.arguments.get(name) for name in wanted} == wanted, callee
    (config,) = [c.arguments for c in run.calls if c.callee.endswith("SFTConfig")]
    assert "warmup_ratio" not in config and config["bf16"] != config["fp16"]
    (trainer,) = [c.arguments for c in run.calls if c.callee.endswith("SFTTrainer")]
    assert "train_on_responses_only" not in trainer
