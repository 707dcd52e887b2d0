"""Fixes in configurations."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from nl2sql_review.cli import main

from ..marked import FIXTURES
from .reading import AXOLOTL

CONFIGS = FIXTURES / "configs"


def fixed(text, name, tmp_path):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    main([str(path), "--isolated", "--fix-policy", "-q"])
    return path.read_text(encoding="utf-8")


def test_a_fix_edits_the_scalar_and_keeps_comments(tmp_path, capsys):
    before = AXOLOTL.format("# the adapter\nlora_r: 64    # was 8\nlora_alpha:   '128'\nlearning_rate: 1e-3 # hot\n")
    after = fixed(before, "c.yaml", tmp_path)
    assert "# the adapter\nlora_r: 16    # was 8\nlora_alpha:   '16'\nlearning_rate: 0.0002 # hot\n" in after.replace(
        "lora_alpha:   16\n", "lora_alpha:   '16'\n"
    )
    assert after.startswith("base_model: m\ndatasets: [{path: d, type: alpaca}]\n")


def test_a_fix_edits_json(tmp_path, capsys):
    shutil.copy(CONFIGS / "unsloth-studio" / "request.json", tmp_path / "request.json")
    before = (tmp_path / "request.json").read_text(encoding="utf-8")
    after = fixed(before, "request.json", tmp_path)
    assert json.loads(after) == {**json.loads(before), "lora_r": 16, "lr_scheduler_type": "cosine"}
    assert after == before.replace('"lora_r": 64', '"lora_r": 16').replace('"linear"', '"cosine"')


def test_the_learning_rate_of_studio_stays_text(tmp_path, capsys):
    for name, rate in (("request.json", '"1e-3"'), ("request.json", '"0.001"')):
        before = (CONFIGS / "unsloth-studio" / name).read_text(encoding="utf-8").replace('"2e-4"', rate)
        assert '"learning_rate": "2e-4"' in fixed(before, name, tmp_path)
    before = (CONFIGS / "unsloth-studio" / "broken.yaml").read_text(encoding="utf-8")
    assert 'learning_rate: "2e-4"' in fixed(before, "broken.yaml", tmp_path)


def test_a_missing_key_is_added_to_its_section(tmp_path, capsys):
    after = fixed(
        "model: m\ndata:\n  dataset: d\nlora:  # the adapter\n    lora_alpha: 16\ntraining:\n  batch_size: 4\n",
        "c.yaml",
        tmp_path,
    )
    assert "lora:  # the adapter\n    lora_r: 16\n    lora_alpha: 16\n" in after


LLAMAFACTORY = """\
model_name_or_path: meta-llama/Llama-3-8B
stage: sft
do_train: true
finetuning_type: lora
{}lora_target: all
dataset: sql
template: llama3
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
"""


@pytest.mark.parametrize("rank", ["lora_rank: 8\n", "lora_rank: 64\n", ""])
def test_the_alpha_that_follows_the_rank_is_said_with_it(rank, tmp_path, capsys):
    """LLaMA-Factory's alpha is twice the rank where it is left out: 16 for the rank of 8."""
    after = yaml.safe_load(fixed(LLAMAFACTORY.format(rank), "c.yaml", tmp_path))
    assert (after["lora_rank"], after["lora_alpha"]) == (16, 16)
    assert (after["per_device_train_batch_size"], after["gradient_accumulation_steps"]) == (4, 4)


def test_the_rank_alone_is_set_where_alpha_is_said(tmp_path, capsys):
    before = LLAMAFACTORY.format("lora_rank: 8\nlora_alpha: 16\n")
    after = fixed(before, "c.yaml", tmp_path)
    assert "lora_rank: 16\nlora_alpha: 16\nlora_target" in after and after.count("lora_alpha") == 1
