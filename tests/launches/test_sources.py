"""What a message says of where a value comes from is so: the line that gives it, and what may override it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli

IMPORTS = """\
from dataclasses import dataclass
from datasets import load_dataset
from peft import LoraConfig
from transformers import HfArgumentParser
from trl import SFTConfig, SFTTrainer, TrlParser
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
"""
TRAIN = """\
SFTTrainer(model="Qwen/Qwen2.5-Coder-7B", args=training, train_dataset=rows, peft_config=LoraConfig(r={r})).train()
"""
HF = {
    "HfArgumentParser": "@dataclass\nclass Ours:\n    rank: int = 64\n"
    "ours, training = HfArgumentParser((Ours, SFTConfig)).parse_args_into_dataclasses()\n"
    + TRAIN.format(r="ours.rank"),
    "a subclass": "@dataclass\nclass Ours(SFTConfig):\n    rank: int = 64\n"
    "(training,) = HfArgumentParser(Ours).parse_args_into_dataclasses()\n" + TRAIN.format(r="training.rank"),
    "TrlParser": "@dataclass\nclass Ours:\n    rank: int = 64\n"
    "ours, training = TrlParser((Ours, SFTConfig)).parse_args_and_config()\n" + TRAIN.format(r="ours.rank"),
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files into a project of its own, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.fixture
def items(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Returns the checklist's items by their rules."""

    def items(*words: str) -> dict[str, Any]:
        cli.main(["--isolated", "--output-format", "json", *words])
        report = json.loads(capsys.readouterr().out)
        return {item["rule"]: item for item in report["files"][0]["checklist"]}

    return items


@pytest.mark.parametrize("parser", HF)
@pytest.mark.parametrize(
    ("launch", "certainty", "remark"),
    [
        ("", "default", "default of --lr_scheduler_type; the command line may override it"),
        ("python train.py --rank 8", "default", "default of --lr_scheduler_type; no launch that was found gives it"),
        ('python train.py --rank 8 "$@"', "default", 'default of --lr_scheduler_type; "$@" stands for what'),
        ("python train.py --rank 8 --lr_scheduler_type linear", "default", "another launch may give another value"),
    ],
)
def test_a_field_that_no_launch_gives_is_a_default(
    parser: str, launch: str, certainty: str, remark: str, write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    write({"train.py": IMPORTS + HF[parser], "go.sh": launch + "\n"})
    found = items("train.py")
    assert remark in found["arguments/scheduler"]["evidence"]
    assert found["arguments/scheduler"]["certainty"] == found["lora/rank"]["certainty"] == certainty
    assert found["arguments/warmup"]["certainty"] == certainty


@pytest.mark.parametrize("parser", HF)
def test_a_field_that_the_command_line_itself_leaves_out_is_certain(
    parser: str, write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    write({"train.py": IMPORTS + HF[parser], "go.sh": "python train.py --lr_scheduler_type cosine\n"})
    found = items("train.py", "--", "--rank", "8")
    assert found["arguments/scheduler"]["certainty"] == found["lora/rank"]["certainty"] == "certain"
    assert found["arguments/scheduler"]["verdict"] == "fail"


MODEL_CONFIG = (
    IMPORTS
    + """\
from trl import ModelConfig, get_peft_config
training, model = TrlParser((SFTConfig, ModelConfig)).parse_args_and_config()
adapter = get_peft_config(model)
SFTTrainer(model=model.model_name_or_path, args=training, train_dataset=rows, peft_config=adapter).train()
"""
)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [("--use_peft --lora_r 16 --bf16 true", "pass"), ("--use_peft", "pass"), ("--bf16 true", "fail")],
)
def test_the_fields_of_a_launch_make_the_adapter_of_that_launch(
    words: str, verdict: str, write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    write({"train.py": MODEL_CONFIG, "go.sh": f"python train.py --model_name_or_path Qwen/Qwen2.5-Coder-7B {words}\n"})
    adapter = items("train.py")["lora/adapter"]
    assert adapter["verdict"] == verdict


def test_a_conflict_in_what_a_launch_gives_is_no_more_certain_than_the_launch(
    write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    best = "python train.py --load_best_model_at_end true --save_strategy epoch"
    write({"train.py": IMPORTS + HF["HfArgumentParser"], "go.sh": best + "\n"})
    found = items("train.py")["api/conflicting-arguments"]
    assert found["verdict"] == "fail" and found["certainty"] == "default"
    found = items("train.py", "--", *best.split()[2:])["api/conflicting-arguments"]
    assert found["verdict"] == "fail" and found["certainty"] == "certain"


CONFIGURED = """\
import argparse, json, yaml
from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--rank", type=int)
args = parser.parse_args()
with open(args.config) as file:
    settings = yaml.safe_load(file)
"""
TUNED = """\
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
training = SFTConfig(output_dir="out", learning_rate=settings["lr"])
SFTTrainer(model="m/m", args=training, train_dataset=rows, peft_config=LoraConfig(r=settings["rank"])).train()
"""


@pytest.mark.parametrize(
    "launch", ['CONFIG=configs/a.yaml\npython train.py --config "$CONFIG"', "python train.py --config=configs/a.yaml"]
)
def test_a_value_of_a_file_that_a_launch_names_comes_from_the_line_of_the_file(
    launch: str, write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    files = {"train.py": CONFIGURED + TUNED, "configs/a.yaml": "lr: 1.0e-5\nrank: 64\n", "go.sh": launch + "\n"}
    write(files)
    found = items("train.py")
    assert "r=64, from rank: 64 (configs/a.yaml:2)" in found["lora/rank"]["evidence"]
    assert "from lr: 1.0e-5 (configs/a.yaml:1)" in found["arguments/learning-rate"]["evidence"]
    write({"train.py": CONFIGURED + 'settings["rank"] = args.rank\n' + TUNED, "go.sh": launch + " --rank 64\n"})
    assert "r=64, from --rank 64 (go.sh:" in items("train.py")["lora/rank"]["evidence"]


def test_a_file_that_names_a_file_is_not_the_source_of_its_values(
    write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    inner = 'with open(settings["more"]) as file:\n    settings = json.load(file)\n'
    more = '{"lr": 1e-5,\n "rank": 64\n}\n'
    files = {"train.py": CONFIGURED + inner + TUNED, "a.yaml": "more: more.json\n", "more.json": more}
    write({**files, "go.sh": "python train.py --config a.yaml\n"})
    assert 'from "rank": 64 (more.json:2)' in items("train.py")["lora/rank"]["evidence"]


@pytest.mark.parametrize(
    ("second", "origin"),
    [
        ("--rank=64 --name b", "from --rank 64 (a.sh:1, b.sh:1)"),
        ('--rank "64" --name b', "from --rank 64 (a.sh:1, b.sh:1)"),
        ("--ran 64", "from --rank 64 (a.sh:1) and --ran 64 (b.sh:1)"),
    ],
)
def test_lines_that_give_a_value_in_other_words_are_quoted_themselves(
    second: str, origin: str, write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    named = CONFIGURED.replace("args =", 'parser.add_argument("--name")\nargs =')
    script = named + 'settings["rank"] = args.rank\n' + TUNED
    first = "python train.py --config a.yaml --rank 64\n"
    write(
        {
            "train.py": script,
            "a.yaml": "lr: 1.0e-5\n",
            "a.sh": first,
            "b.sh": f"python train.py --config a.yaml {second}\n",
        }
    )
    assert origin in items("train.py")["lora/rank"]["evidence"]


def test_two_files_that_give_one_value_are_both_named(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"a.yaml": "lr: 1.0e-5\nrank: 64\n", "b.yaml": "rank: 64\nlr: 0.00001\n"}
    launches = {f"{name}.sh": f"python train.py --config {name}.yaml\n" for name in "ab"}
    write({"train.py": CONFIGURED + TUNED, **files, **launches})
    cli.main(["--isolated", "--output-format", "json", "--select", "lora/rank,arguments/learning-rate", "train.py"])
    found = json.loads(capsys.readouterr().out)["files"][0]["findings"]
    messages = {finding["rule"]: finding["message"] for finding in found}
    assert "from rank: 64 (a.yaml:2, b.yaml:1)" in messages["lora/rank"]
    assert "from lr: 1.0e-5 (a.yaml:1) and lr: 0.00001 (b.yaml:2)" in messages["arguments/learning-rate"]


LONG = "a help that is long enough that the line does not fit into a message of one line"
OPTIONS = f"""\
import argparse
from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--gradient_accumulation_steps", type=int, default=16, help="{LONG}")
parser.add_argument("--rank", type=int, default=8, help="{LONG}")
parser.add_argument(
    "--lr",
    type=float, default=1e-5, help="{LONG}",
)
parser.add_argument("--decay", type=float, default=0.01)
DEFAULT_ALPHA = 64
parser.add_argument("--alpha", type=int, default=DEFAULT_ALPHA, help="{LONG}")
args = parser.parse_args()
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
training = SFTConfig(
    output_dir="out", learning_rate=args.lr, gradient_accumulation_steps=args.gradient_accumulation_steps
)
adapter = LoraConfig(r=args.rank, lora_alpha=args.alpha)
SFTTrainer(model="m/m", args=training, train_dataset=rows, peft_config=adapter).train()
"""


@pytest.mark.parametrize(
    ("rule", "origin"),
    [
        ("arguments/gradient-accumulation", "from --gradient_accumulation_steps, default 16 (train.py:6)"),
        ("lora/rank", 'from parser.add_argument("--rank", type=int, default=8… (train.py:7)'),
        ("arguments/learning-rate", "from --lr, default 1e-5 (train.py:10)"),
        ("lora/alpha", "from DEFAULT_ALPHA = 64 (train.py:13)"),
    ],
)
def test_a_default_in_a_long_line_is_quoted_with_its_option(
    rule: str, origin: str, write: Write, items: Callable[..., dict[str, Any]]
) -> None:
    write({"train.py": OPTIONS})
    assert origin in items("train.py")[rule]["evidence"]
