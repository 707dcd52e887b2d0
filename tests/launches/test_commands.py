"""Scripts with commands of their own (`train.py sft --rank 8`): click, typer, fire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import plan

IMPORTS = """\
from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
"""
TRAIN = """\
    SFTTrainer(model="Qwen/Qwen2.5-Coder-7B", args=SFTConfig(output_dir="{name}", learning_rate=lr), train_dataset=rows,
               peft_config=LoraConfig(r=rank)).train()
"""
FUNCTIONS = (
    "{train}def train({own}rank: int = 8, lr: float = 1e-5):\n" + TRAIN.format(name="out") + "\n"
    "{warm}def warm_up({own}rank: int = 16, lr: float = 3e-4):\n" + TRAIN.format(name="warm") + "\n"
    "{probe}def probe({own}):\n    print(1)\n"
)
COMMAND = "@app.command()\n"
OPTIONS = '@click.option("--rank", default={})\n@click.option("--lr", default={})\n'
PLAIN = FUNCTIONS.format(train="", warm="", probe="", own="")
METHODS = FUNCTIONS.format(train="", warm="", probe="", own="self, ").replace("\n", "\n    ")
SCRIPTS = {
    "typer": "import typer\napp = typer.Typer()\n"
    + IMPORTS
    + FUNCTIONS.format(train=COMMAND, warm=COMMAND, probe=COMMAND, own="")
    + "app()\n",
    "click": "import click\n"
    + IMPORTS
    + "@click.group()\ndef app(): pass\n"
    + FUNCTIONS.format(
        train=COMMAND + OPTIONS.format(8, 1e-5), warm=COMMAND + OPTIONS.format(16, 3e-4), probe=COMMAND, own=""
    )
    + "app()\n",
    "fire of a dictionary": "import fire\n"
    + IMPORTS
    + PLAIN
    + 'fire.Fire({"train": train, "warm-up": warm_up, "probe": probe})\n',
    "fire of a class": "import fire\n" + IMPORTS + "class App:\n    " + METHODS + "\nfire.Fire(App)\n",
    "fire of an object": "import fire\n" + IMPORTS + "class App:\n    " + METHODS + "\nfire.Fire(App())\n",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def planned(*words: str) -> list[tuple[str, object, object]]:
    plans = plan("train.py", Options(command_line=words or None)).plans
    return [(one.run, one.lora.r.value.value, one.arguments.learning_rate.value.value) for one in plans]


@pytest.mark.parametrize("kind", SCRIPTS)
def test_the_command_line_says_which_command_is_reviewed(kind: str) -> None:
    Path("train.py").write_text(SCRIPTS[kind])
    assert planned("train", "--rank", "4") == [("train.py train --rank 4", 4, 1e-5)]
    assert planned("warm-up", "--lr", "2e-4") == [("train.py warm-up --lr 2e-4", 16, 2e-4)]


@pytest.mark.parametrize("kind", SCRIPTS)
def test_without_a_command_line_each_command_that_trains_is_a_run(kind: str) -> None:
    Path("train.py").write_text(SCRIPTS[kind])
    runs = [(run.replace("_", "-"), rank, rate) for run, rank, rate in planned()]
    assert runs == [("python train.py train", 8, 1e-5), ("python train.py warm-up", 16, 3e-4)]


def test_fire_without_a_component_runs_the_function_that_is_named() -> None:
    Path("train.py").write_text(f"import fire\n{IMPORTS}{PLAIN}fire.Fire()\n")
    assert planned("warm_up", "--rank", "4") == [("train.py warm_up --rank 4", 4, 3e-4)]


def test_a_finding_names_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(SCRIPTS["typer"])
    cli.main(["--no-cache", "--select", "lora/rank,arguments/learning-rate", "--output-format", "json", "train.py"])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    told = [(finding["rule"], finding["run"]) for finding in file["findings"]]
    assert ("lora/rank", "python train.py train") in told and ("lora/rank", "python train.py warm-up") not in told
    assert {run for rule, run in told if rule == "arguments/learning-rate"} == set(file["runs"])


def test_launch_lines_of_two_commands_are_each_the_run_of_its_command() -> None:
    Path("train.py").write_text(SCRIPTS["fire of a dictionary"])
    Path("go.sh").write_text("python train.py train --rank 4\npython train.py warm-up --rank 5\n")
    assert planned() == [
        ("python train.py train --rank 4", 4, 1e-5),
        ("python train.py warm-up --rank 5", 5, 3e-4),
    ]
    Path("go.sh").write_text("python train.py train --rank 4\n")
    assert [(rank, rate) for _, rank, rate in planned()] == [(4, 1e-5), (16, 3e-4)]


ARGUMENTS = {
    "click": 'import click\n{}@click.command()\n@click.argument("rank", type=int)\n'
    '@click.argument("lr", type=float, default=1e-5)\n@click.option("--half/--full", default=True)\n'
    '@click.option("--name")\ndef main(rank, lr, half, name):\n{}main()\n',
    "typer": "import typer\n{}"
    "def main(rank: int, lr: float = typer.Argument(1e-5), half: bool = True, name: str = ''):\n{}typer.run(main)\n",
    "fire": "import fire\n{}def main(rank, lr=1e-5, half=True, name=''):\n{}fire.Fire(main)\n",
}


@pytest.mark.parametrize("kind", ARGUMENTS)
@pytest.mark.parametrize(
    ("words", "rank", "rate"),
    [(["4", "3e-4"], 4, 3e-4), (["--name", "7", "4"], 4, 1e-5), (["4", "--name=x", "3e-4"], 4, 3e-4)],
)
def test_words_that_are_no_options_are_the_arguments(kind: str, words: list[str], rank: int, rate: float) -> None:
    Path("train.py").write_text(ARGUMENTS[kind].format(IMPORTS, TRAIN.format(name="out")))
    assert [(r, lr) for _, r, lr in planned(*words)] == [(rank, rate)]


@pytest.mark.parametrize(("kind", "flag"), [("click", "--full"), ("typer", "--no-half")])
def test_a_flag_takes_no_argument(kind: str, flag: str) -> None:
    train = TRAIN.format(name="out").replace("learning_rate=lr", "bf16=half")
    Path("train.py").write_text(ARGUMENTS[kind].format(IMPORTS, train))
    (found,) = plan("train.py", Options(command_line=(flag, "4"))).plans
    assert (found.lora.r.value.value, found.arguments.bf16.value.value) == (4, False)
