"""Options beside a file of settings, and options that hold a collection: H4ArgumentParser, fire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import plan
from nl2sql_review.training_plan.facts import TrainingPlan
from nl2sql_review.training_plan.values import Default, Known, Unknown

IMPORTS = """\
from dataclasses import dataclass
from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
"""
TRAIN = """\
SFTTrainer("Qwen/Qwen2.5-7B", args={args}, train_dataset=load_dataset("a", split="train"),
           peft_config=LoraConfig({lora})).train()
"""
H4 = (
    IMPORTS
    + """\
from alignment import H4ArgumentParser
@dataclass
class Adapter:
    r: int = 8
    modules: list[str] = None
    task: str = "CAUSAL_LM"
adapter, args = H4ArgumentParser((Adapter, SFTConfig)).parse()
"""
    + TRAIN.format(args="args", lora="r=adapter.r, target_modules=adapter.modules, task_type=adapter.task")
)


def planned(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, *words: str) -> TrainingPlan:
    monkeypatch.chdir(folder)
    (folder / "train.py").write_text(code)
    (folder / "run.yaml").write_text("r: 32\nmodules: [q_proj]\nlearning_rate: 2.0e-4\noutput_dir: out\n")
    (told,) = plan("train.py", Options(command_line=words or None)).plans
    return told


def values(told: TrainingPlan) -> list[Any]:
    found = (told[name].value for name in ("lora.r", "lora.target_modules", "arguments.learning_rate"))
    return [value.value if isinstance(value, (Known, Default)) else type(value) for value in found]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run.yaml"], [32, ["q_proj"], 2e-4]),
        (["run.yaml", "--r=16", "--modules=q_proj,v_proj"], [16, ["q_proj", "v_proj"], 2e-4]),
        (["run.yaml", "--learning_rate=1e-5"], [32, ["q_proj"], 1e-5]),
        (["--r", "16", "--output_dir", "o", "--learning_rate", "1e-5"], [16, ["q_proj", "v_proj"], 1e-5]),
        (["gone.yaml", "--r=16"], [Unknown, Unknown, Unknown]),
    ],
)
def test_options_change_the_settings_of_a_file(tmp_path, monkeypatch, words, said):
    assert values(planned(tmp_path, monkeypatch, H4, *words)) == said


def test_without_a_command_line_any_option_may_be_given(tmp_path, monkeypatch):
    told = planned(tmp_path, monkeypatch, H4)
    assert isinstance(told.lora.r.value, Default) and not isinstance(told.arguments.learning_rate.value, Known)


FIRE = IMPORTS + "import fire\ndef main(lora={'r': 8}, **training):\n    "
FIRE += TRAIN.format(args="SFTConfig('out', **training)", lora="**lora").replace("\n ", " ") + "fire.Fire(main)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--lora", '{"r": 16, "target_modules": ["q_proj"]}'], [16, ["q_proj"], 2e-5]),
        (["--lora={r: 16, target_modules: [q_proj]}", "--learning-rate", "1e-4"], [16, ["q_proj"], 1e-4]),
        (["--bf16", "--learning_rate=1e-4"], [8, ["q_proj", "v_proj"], 1e-4]),
        (["--lora", "{r: 4 + x}"], [Unknown, Unknown, 2e-5]),  # no literal: fire passes the text on
    ],
)
def test_fire_takes_collections_and_further_options(tmp_path, monkeypatch, words, said):
    told = planned(
        tmp_path, monkeypatch, FIRE.replace("{'r': 8}", "{'r': 8, 'target_modules': ['q_proj', 'v_proj']}"), *words
    )
    assert values(told) == said


def test_without_a_command_line_fire_may_set_more(tmp_path, monkeypatch):
    told = planned(tmp_path, monkeypatch, FIRE)
    assert isinstance(told.arguments.learning_rate.value, Unknown)
