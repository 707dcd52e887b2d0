"""Reviews of a module as the scripts of its project run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli
from nl2sql_review.launches import project_scripts
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import plan
from nl2sql_review.training_plan.values import Default, Known, Unknown

LORA = """\
from peft import LoraConfig

def adapter(rank):
    return LoraConfig(r=rank, lora_alpha=16, lora_dropout=0, target_modules="all-linear")
"""
TRAINER = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

def trainer(rows, rate, **more):
    arguments = SFTConfig(output_dir="out", learning_rate=rate, **more)
    return SFTTrainer("Qwen/Qwen2.5-Coder-7B", args=arguments, train_dataset=rows, peft_config=LoraConfig(r=16))
"""
TRAIN = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
from lora import adapter
SFTTrainer("Qwen/Qwen2.5-Coder-7B", args=SFTConfig(output_dir="out", learning_rate=1e-3), peft_config=adapter({rank}),
           train_dataset=load_dataset("json", data_files="pairs.jsonl", split="train")).train()
"""
USE = """\
from datasets import load_dataset
from build import trainer
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
trainer(rows.map(lambda row: {"text": row["question"] + row["sql"]}, remove_columns=rows.column_names), 2e-4).train()
"""
Write = Callable[[dict[str, str]], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files into a project of its own, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")

    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)

    return write


def reviewed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    cli.main([*words, "--output-format", "json"])
    file: dict[str, Any] = json.loads(capsys.readouterr().out)["files"][0]
    return file


def verdicts(file: dict[str, Any]) -> dict[str, str]:
    return {item["rule"]: item["verdict"] for item in file["checklist"]}


def rank(path: str = "lora.py") -> list[object]:
    return [one.lora.r.value for one in plan(path, Options()).plans]


@pytest.mark.parametrize("given, verdict", [(64, "fail"), (16, "pass")])
def test_a_module_is_judged_by_what_the_script_passes(
    write: Write, capsys: pytest.CaptureFixture[str], given: int, verdict: str
) -> None:
    write({"lora.py": LORA, "train.py": TRAIN.format(rank=given)})
    file = reviewed(capsys, "--no-cache", "lora.py")
    assert verdicts(file)["lora/rank"] == verdict
    assert file["runs"] == ["python train.py"]
    assert "reviewed as train.py runs it" in file["notes"]
    found = [one for one in file["findings"] if one["rule"] == "lora/rank"]
    assert [one["location"]["path"] for one in found] == ["lora.py"] * (verdict == "fail")


def test_what_another_file_decides_is_left_to_its_review(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"lora.py": LORA, "train.py": TRAIN.format(rank=64)})
    file = reviewed(capsys, "--no-cache", "lora.py")
    items = {item["rule"]: item for item in file["checklist"]}
    assert items["arguments/learning-rate"]["verdict"] == "not-applicable"
    assert items["arguments/learning-rate"]["reason"] == "train.py decides it"
    assert {one["location"]["path"] for one in file["findings"]} == {"lora.py"}
    assert verdicts(reviewed(capsys, "--no-cache", "train.py"))["arguments/learning-rate"] == "fail"


def test_a_module_that_makes_the_trainer_has_the_whole_run(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"build.py": TRAINER})
    alone = verdicts(reviewed(capsys, "--no-cache", "build.py"))
    assert alone["arguments/learning-rate"] == alone["dataset/field-fallbacks"] == "unknown"
    write({"train.py": USE})
    file = reviewed(capsys, "--no-cache", "build.py")
    assert verdicts(file)["arguments/learning-rate"] == "pass"
    assert verdicts(file)["checkpointing/resume"] == "fail"  # train() is in the other file
    assert verdicts(file) == verdicts(reviewed(capsys, "--no-cache", "train.py"))


def test_each_script_is_a_run_of_its_own(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"lora.py": LORA, "train_small.py": TRAIN.format(rank=16), "train_large.py": TRAIN.format(rank=64)})
    file = reviewed(capsys, "--no-cache", "lora.py")
    assert file["runs"] == ["python train_large.py", "python train_small.py"]
    ranks = [one for one in file["findings"] if one["rule"] == "lora/rank"]
    assert [one["run"] for one in ranks] == ["python train_large.py"]
    assert ranks[0]["message"].startswith("r=64, from 64 (train_large.py:4)")


def test_a_script_is_read_with_its_command_line(write: Write) -> None:
    train = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--rank', type=int)\n"
    train += TRAIN.format(rank="parser.parse_args().rank")
    write({"lora.py": LORA, "train.py": train, "run.sh": "python train.py --rank 32\n"})
    (one,) = plan("lora.py", Options()).plans
    assert isinstance(one.lora.r.value, Default) and one.lora.r.value.value == 32
    assert one.run == "python train.py --rank 32"


@pytest.mark.parametrize(
    "files",
    [
        {"train.py": "from lora import adapter\nprint('ready')\n"},
        {"train.py": "from lora import adapter\ndef main(rank):\n    adapter(rank)\n"},
        {"train.py": "import lora\nif undefined(:\n"},
        {"train.py": "# from lora import adapter\nfrom other import adapter\nadapter(64)\n"},
        {"models/__init__.py": "from lora import adapter\nadapter(64)\n"},
        {"tests/test_lora.py": "from lora import adapter\nadapter(64)\n"},
        {"vendor/train.py": "from lora import adapter\nadapter(64)\n"},
        {".old/train.py": "from lora import adapter\nadapter(64)\n"},
        {"train.py": "from lora import adapter\nadapter(64)\n" + "#" * project_scripts.LARGEST},
    ],
)
def test_what_does_not_run_the_module_leaves_it_unknown(write: Write, files: dict[str, str]) -> None:
    write({"lora.py": LORA, **files})
    (value,) = rank()
    assert isinstance(value, Unknown) and "not given here" in value.why


@pytest.mark.parametrize(
    "files",
    [
        {"train.py": "from src.model import lora\n"},
        {"train.py": "import src.model.lora as lora\n"},
        {"src/train.py": "from .model import lora\n"},
        {"src/train.py": "from model import (  # the adapter\n    lora,\n)\n"},
        {"src/setting.py": "from model import lora\n", "src/train.py": "from setting import lora\n"},
        {"src/model/__init__.py": "from . import lora\n", "train.py": "from src.model import lora\n"},
    ],
)
def test_a_module_is_found_however_it_is_imported(write: Write, files: dict[str, str]) -> None:
    name = next(name for name in files if name.endswith("train.py"))
    files = {**files, name: files[name] + "lora.adapter(rank=64)\n"}
    write({"src/model/lora.py": LORA, "src/__init__.py": "", **files})
    (value,) = rank("src/model/lora.py")
    assert isinstance(value, Known) and value.value == 64


@pytest.mark.parametrize(
    "files",
    [
        {"shared.py": "import lora\nimport model\n", "model.py": "from lora import adapter\nadapter(8)\n"},
        {"shared.py": "import lora\n", "model.py": "import lora\nimport shared\nlora.adapter(8)\n"},
        {
            "lora.py": "import model\n" + LORA,
            "model.py": "import lora\ndef build(rank=8):\n    lora.adapter(rank)\nbuild()\n",
        },
    ],
)
def test_a_module_that_others_import_is_no_script(write: Write, files: dict[str, str]) -> None:
    write({"lora.py": LORA, "train.py": "import shared, model\nimport lora\nlora.adapter(64)\n", **files})
    assert {one.run for one in plan("lora.py", Options()).plans} == {"python train.py"}


def test_a_script_that_is_too_long_to_read_leaves_room_for_the_next(write: Write) -> None:
    long = "from lora import adapter\nadapter(64)\n" + "".join(
        f"train_{n} = [train * {n} for train in range(9)]\n" for n in range(1500)
    )
    write({"lora.py": LORA, "train.py": long, "tune.py": "from lora import adapter\nadapter(32)\n"})
    (value,) = rank()
    assert isinstance(value, Known) and value.value == 32


def test_scripts_that_make_none_of_its_calls_do_not_count(write: Write) -> None:
    write({f"train_{n}.py": "from lora import adapter\n" for n in range(5)})
    write({"lora.py": LORA, "tune.py": "from lora import adapter\nadapter(32)\n"})
    (value,) = rank()
    assert isinstance(value, Known) and value.value == 32


def test_a_notebook_may_be_the_script(write: Write) -> None:
    cell = {"cell_type": "code", "source": ["from lora import adapter\n", "adapter(64)"]}
    write({"lora.py": LORA, "train.ipynb": json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4})})
    (value,) = rank()
    assert isinstance(value, Known) and value.value == 64


def test_a_script_that_trains_has_no_callers(write: Write) -> None:
    main = "def main(rank=8):\n" + "".join(f"    {line}\n" for line in TRAIN.format(rank="rank").splitlines())
    write({"lora.py": LORA, "train.py": main + "main()\n", "all.py": "import train\ntrain.main(64)\n"})
    (one,) = plan("train.py", Options()).plans
    assert isinstance(one.lora.r.value, Known) and one.lora.r.value.value == 8
    assert one.run == ""


def test_words_after_the_dashes_start_the_module_itself(write: Write) -> None:
    write({"lora.py": LORA, "train.py": TRAIN.format(rank=64)})
    (one,) = plan("lora.py", Options(command_line=())).plans
    assert isinstance(one.lora.r.value, Unknown)


def test_a_trainer_that_no_script_makes_is_reviewed_too(write: Write) -> None:
    other = TRAINER.replace("def trainer", "def second").replace("rows, rate,", "rows,").replace("=rate,", "=1e-3,")
    write({"build.py": TRAINER + other, "train.py": USE})
    rates = [one.arguments.learning_rate.value for one in plan("build.py", Options()).plans]
    assert [getattr(value, "value", None) for value in rates] == [2e-4, 1e-3]


def test_calls_that_no_script_makes_are_listed(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"lora.py": LORA + "\ndef small():\n    return LoraConfig(r=4)\n", "train.py": TRAIN.format(rank=64)})
    cli.main(["plan", "lora.py", "--output-format", "json"])
    report = json.loads(capsys.readouterr().out)
    ranks = [call["arguments"]["r"]["value"] for call in report["calls"] if call["callee"] == "peft.LoraConfig"]
    assert ranks == [64, 4]
    assert report["plan"]["lora"]["r"]["value"] == 64


def test_the_cache_knows_the_scripts(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"lora.py": LORA})
    assert verdicts(reviewed(capsys, "lora.py"))["lora/rank"] == "unknown"
    write({"train.py": TRAIN.format(rank=64)})
    assert verdicts(reviewed(capsys, "lora.py"))["lora/rank"] == "fail"
    write({"train.py": TRAIN.format(rank=16)})
    assert verdicts(reviewed(capsys, "lora.py"))["lora/rank"] == "pass"
    Path("train.py").unlink()
    assert verdicts(reviewed(capsys, "lora.py"))["lora/rank"] == "unknown"


def test_a_fix_is_made_where_the_script_passes_the_value(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"lora.py": LORA, "train.py": TRAIN.format(rank=64)})
    cli.main(["--no-cache", "--fix-policy", "--unsafe-fixes", "--select", "lora/rank", "lora.py"])
    capsys.readouterr()
    assert verdicts(reviewed(capsys, "--no-cache", "lora.py"))["lora/rank"] == "pass"
    assert verdicts(reviewed(capsys, "--no-cache", "train.py"))["lora/rank"] == "pass"


def test_a_value_of_its_own_changes_nothing_else(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"lora.py": LORA, "train.py": TRAIN.format(rank=64)})
    given = verdicts(reviewed(capsys, "--no-cache", "lora.py"))
    write({"lora.py": LORA.replace("r=rank", "r=64")})
    assert verdicts(reviewed(capsys, "--no-cache", "lora.py")) == given
    cli.main(["--no-cache", "--fix-policy", "--unsafe-fixes", "--select", "lora/rank", "lora.py"])
    assert "r=16" in Path("lora.py").read_text()


def test_memory_and_plan_are_those_of_the_run(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write({"build.py": TRAINER, "train.py": USE})
    assert cli.main(["plan", "build.py"]) == 0
    assert "as python train.py" in capsys.readouterr().out
    cli.main(["memory", "build.py", "--output-format", "json"])
    by_module = json.loads(capsys.readouterr().out)["runs"]
    cli.main(["memory", "train.py", "--output-format", "json"])
    assert by_module == json.loads(capsys.readouterr().out)["runs"]
