"""Reviews of a script as its command lines start it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli, review
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import plan
from nl2sql_review.training_plan.facts import TrainingPlan
from nl2sql_review.training_plan.values import Default, Known, Unknown

IMPORTS = """\
from datasets import load_dataset
from peft import LoraConfig
from transformers import HfArgumentParser
from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer, TrlParser, get_peft_config
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
"""
TRAIN = """\
SFTTrainer(model="Qwen/Qwen2.5-Coder-7B", args=SFTConfig(output_dir="out", learning_rate={lr}), train_dataset=rows,
           peft_config=LoraConfig(r={r})).train()
"""
ARGPARSE = (
    "import argparse\n" + IMPORTS + "parser = argparse.ArgumentParser()\n"
    'parser.add_argument("--lr", type=float, default=1e-5)\nparser.add_argument("--rank", type=int, required=True)\n'
    "args = parser.parse_args({words})\n" + TRAIN.format(lr="args.lr", r="args.rank")
)
HF = (
    IMPORTS
    + """\
parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
script, training, model = parser.parse_args_and_config()
trainer = SFTTrainer(model.model_name_or_path, args=training, train_dataset=rows, peft_config=get_peft_config(model))
trainer.train()
"""
)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files into a project of its own, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        return tmp_path

    return write


def planned(path: str, *words: str) -> list[TrainingPlan]:
    return plan(path, Options(command_line=words or None)).plans


def reviewed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    code = cli.main(["--no-cache", "--output-format", "json", *argv])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else err


PARSERS = {
    "argparse": ARGPARSE.format(words=""),
    "argparse of sys.argv": "import sys\n" + ARGPARSE.format(words="sys.argv[1:]"),
    "click": "import click\n"
    + IMPORTS
    + '@click.command()\n@click.option("--lr", default=1e-5)\n@click.option("--rank", type=int, required=True)\n'
    + "def main(lr, rank):\n    "
    + TRAIN.format(lr="lr", r="rank").replace("\n ", " ")
    + "main()\n",
    "typer": "import typer\n"
    + IMPORTS
    + "def main(lr: float = 1e-5, rank: int = typer.Option(...)):\n    "
    + TRAIN.format(lr="lr", r="rank").replace("\n ", " ")
    + "typer.run(main)\n",
    "fire": "import fire\n"
    + IMPORTS
    + "def main(rank, lr=1e-5):\n    "
    + TRAIN.format(lr="lr", r="rank").replace("\n ", " ")
    + "fire.Fire(main)\n",
    "tyro": "import tyro\nfrom dataclasses import dataclass\n"
    + IMPORTS
    + "@dataclass\nclass Args:\n    rank: int\n    lr: float = 1e-5\nargs = tyro.cli(Args)\n"
    + TRAIN.format(lr="args.lr", r="args.rank"),
    "HfArgumentParser": "from dataclasses import dataclass\n"
    + IMPORTS
    + "@dataclass\nclass Args:\n    rank: int\n    lr: float = 1e-5\n"
    + "(args,) = HfArgumentParser(Args).parse_args_into_dataclasses()\n"
    + TRAIN.format(lr="args.lr", r="args.rank"),
    "absl": "from absl import app, flags\n"
    + IMPORTS
    + 'flags.DEFINE_float("lr", 1e-5, "")\nflags.DEFINE_integer("rank", None, "", required=True)\nFLAGS = flags.FLAGS\n'
    + "def main(argv):\n    "
    + TRAIN.format(lr="FLAGS.lr", r="FLAGS.rank").replace("\n ", " ")
    + "app.run(main)\n",
}


@pytest.mark.parametrize(
    ("words", "half"),
    [(["--half", "False"], False), (["--half=False"], False), (["--half", "True"], True), (["--half"], True)],
)
def test_a_flag_of_fire_takes_the_word_behind_it(words: list[str], half: bool, write: Write) -> None:
    train = "SFTTrainer(model='m', args=SFTConfig('out', bf16=half), train_dataset=rows).train()"
    write(train_DOT_py=f"import fire\n{IMPORTS}def main(half=True):\n    {train}\nfire.Fire(main)\n")
    (told,) = planned("train.py", *words)
    assert told.arguments.bf16.value == Known(half, told.arguments.bf16.value.trace)


@pytest.mark.parametrize("parser", PARSERS)
def test_what_the_command_line_says_is_known_and_what_it_leaves_out_is_settled(parser: str, write: Write) -> None:
    write(train_DOT_py=PARSERS[parser])
    (told,) = planned("train.py", "--rank", "8", "--lr", "3e-4")
    assert told.lora.r.value == Known(8, told.lora.r.value.trace)
    assert told.arguments.learning_rate.value == Known(3e-4, told.arguments.learning_rate.value.trace)
    (left,) = planned("train.py", "--rank=8")
    assert left.lora.r.value.value == 8
    assert left.arguments.learning_rate.value == Known(1e-5, left.arguments.learning_rate.value.trace)
    (alone,) = planned("train.py")
    assert isinstance(alone.lora.r.value, Unknown) and isinstance(alone.arguments.learning_rate.value, Default)


def test_the_trace_of_a_word_is_the_command_line(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""))
    _, report = reviewed(capsys, "--select", "lora/rank", "train.py", "--", "--rank", "8")
    (finding,) = report["files"][0]["findings"]
    assert finding["location"]["path"] == "train.py" and finding["run"] == ""
    assert finding["trace"][0]["location"]["path"] == "the command line" and finding["trace"][0]["text"] == "--rank 8"
    assert report["files"][0]["runs"] == ["train.py --rank 8"]


def test_equal_words_of_a_line_are_traced_to_their_own_options(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""))
    _, report = reviewed(capsys, "--select", "lora/rank", "train.py", "--", "--rank", "8", "--lr", "8")
    (finding,) = report["files"][0]["findings"]
    assert finding["trace"][0]["text"] == "--rank 8"


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["train.py", "other.py", "--", "--rank", "8"], 2, "-- starts the command line of one script"),
        ([".", "--", "--rank", "8"], 2, "is a directory"),
        (["--", "train.py"], 1, ""),
        (["plan", "train.py", "--", "--rank", "8"], 0, ""),
        (["memory", "train.py", "--", "--rank", "8"], 0, ""),
    ],
)
def test_two_dashes_after_one_path_begin_its_command_line(
    argv: list[str], code: int, says: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""), other_DOT_py="")
    assert cli.main(argv) == code
    assert says in capsys.readouterr().err


def test_the_settings_say_how_scripts_are_started_and_what_differs_names_its_run(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["python train.py --rank 8 --lr 2e-4", "accelerate launch --num_processes 2 train.py --rank 16 --lr 2e-4"]
    write(train_DOT_py=ARGPARSE.format(words=""), nl2sql_review="")
    Path("nl2sql-review.toml").write_text(f"runs = {json.dumps([*runs, runs[0]])}\n")
    _, report = reviewed(capsys, "--select", "lora/rank,lora/alpha,arguments/learning-rate", "train.py")
    (file,) = report["files"]
    assert file["runs"] == runs
    rank, alpha = (
        [(f["run"], f["message"].split(";")[0]) for f in file["findings"] if f["rule"] == f"lora/{name}"]
        for name in ("rank", "alpha")
    )
    assert [run for run, _ in rank] == [runs[0]] and "nl2sql-review.toml:1" in rank[0][1]
    assert len({f["fingerprint"] for f in file["findings"]}) == len(file["findings"])
    assert not any(f["rule"] == "arguments/learning-rate" for f in file["findings"])


def test_a_run_that_starts_nothing_is_a_mistake_in_the_settings(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""))
    Path("nl2sql-review.toml").write_text('runs = ["make coffee"]\n')
    assert cli.main(["train.py"]) == 2
    assert "runs: 'make coffee' starts no training script" in capsys.readouterr().err


def test_lines_that_lie_beside_are_defaults_of_another_line(write: Write) -> None:
    write(
        src__train_DOT_py=ARGPARSE.format(words=""),
        scripts__go_DOT_sh="torchrun --nproc_per_node 2 src/train.py --rank 8",
    )
    (found,) = planned("src/train.py")
    rank = found.lora.r.value
    assert isinstance(rank, Default) and rank.value == 8 and rank.trace[0].source.path == "scripts/go.sh"
    assert found.arguments.processes.value.value == 2


@pytest.mark.parametrize(
    ("lies_in", "line", "expected"),
    [
        ("cluster/go_DOT_sh", "python train.py --rank 8", 8),
        ("cluster/go_DOT_slurm", "python train.py --rank 8", 8),
        ("cluster/go_DOT_sh", "cd ..\npython train.py --rank 8", 8),
        ("cluster/go_DOT_sh", "python other.py --rank 8", None),
        ("cluster/go_DOT_txt", "python train.py --rank 8", None),
        ("tests/go_DOT_sh", "python train.py --rank 8", None),
        ("cluster/node/go_DOT_sh", "python train.py --rank 8", None),
    ],
)
def test_shell_scripts_are_looked_for_in_a_folder_of_any_name(
    lies_in: str, line: str, expected: int | None, write: Write
) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""), **{lies_in.replace("/", "__"): line})
    (found,) = planned("train.py")
    assert getattr(found.lora.r.value, "value", None) == expected


def test_a_script_of_the_same_name_beside_the_line_is_the_one_it_starts(write: Write) -> None:
    write(
        train_DOT_py=ARGPARSE.format(words=""),
        other__train_DOT_py=ARGPARSE.format(words=""),
        other__go_DOT_sh="python train.py --rank 8",
    )
    ranks = [plan.lora.r.value for path in ("train.py", "other/train.py") for plan in planned(path)]
    assert [getattr(rank, "value", None) for rank in ranks] == [None, 8]


@pytest.mark.parametrize("parser", PARSERS)
def test_what_a_line_beside_gives_is_no_default_of_the_option(
    parser: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train_DOT_py=PARSERS[parser], go_DOT_sh="python train.py --rank 8\n")
    _, report = reviewed(capsys, "--select", "lora/rank,arguments/learning-rate", "train.py")
    found = {finding["rule"]: finding for finding in report["files"][0]["findings"]}
    assert "from --rank 8 (go.sh:1) (another launch may give another value)" in found["lora/rank"]["message"]
    remark = "(default of --lr; no launch that was found gives it)"
    assert remark in found["arguments/learning-rate"]["message"]
    assert {finding["certainty"] for finding in found.values()} == {"default"}


@pytest.mark.parametrize(
    ("launch", "remark"),
    [
        ("", "default of --lr; the command line may override it"),
        ("python train.py --rank 16", "default of --lr; no launch that was found gives it"),
        ("python train.py --rank 16 --lr 1e-5", "another launch may give another value"),
        ("python train.py --rank 16 --lr=1e-5", "another launch may give another value"),
        (
            "python train.py --rank 16\npython train.py --rank 16 --lr 2e-4",
            "default of --lr; this launch leaves it out",
        ),
        ('python train.py --rank 16 "$@"', 'default of --lr; "$@" stands for what the caller gives'),
        ("python train.py --rank 16 $MORE", "default of --lr; $MORE may stand for several words"),
    ],
)
def test_a_default_says_what_the_launches_say_of_its_option(
    launch: str, remark: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""), go_DOT_sh=f"{launch}\n")
    _, report = reviewed(capsys, "--select", "arguments/learning-rate", "train.py")
    (finding,) = report["files"][0]["findings"]
    assert f"({remark})" in finding["message"] and finding["certainty"] == "default"


def test_an_unknown_word_that_no_option_takes_may_be_one(write: Write) -> None:
    write(train_DOT_py=ARGPARSE.format(words=""), go_DOT_sh='python train.py --rank 16 --lr 1e-5 "$MORE"\n')
    (found,) = plan("go.sh", Options()).plans
    assert isinstance(found.lora.r.value, Known) and found.lora.r.value.value == 16
    write(go_DOT_sh='python train.py --rank 16 "$MORE"\n')
    (found,) = plan("go.sh", Options()).plans
    assert isinstance(found.arguments.learning_rate.value, Default)


def test_each_turn_of_a_loop_is_a_run(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    loop = "for r in 8 16 32; do\n  python train.py --rank $r --lr 2e-4\ndone\n"
    write(train_DOT_py=ARGPARSE.format(words=""), go_DOT_sh=loop)
    _, report = reviewed(capsys, "--select", "lora/rank", "train.py")
    assert [finding["run"] for finding in report["files"][0]["findings"]] == [
        "python train.py --rank $r --lr 2e-4 (r=8)",
        "python train.py --rank $r --lr 2e-4 (r=32)",
    ]


def test_what_every_launch_gives_is_told_once_with_the_lines_that_give_it(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = "parser.add_argument('--name')\nargs = parser"
    write(
        train_DOT_py=ARGPARSE.format(words="").replace("args = parser", parser),
        a_DOT_sh="python train.py --rank 8 --name a\n",
        b_DOT_sh="python train.py --name b --rank=8\n",
    )
    _, report = reviewed(capsys, "--select", "lora/rank", "train.py")
    (finding,) = report["files"][0]["findings"]
    assert finding["run"] == "" and "from --rank 8 (a.sh:1, b.sh:1)" in finding["message"]
    assert [step["location"]["path"] for step in finding["trace"]] == ["a.sh", "b.sh"]
    write(c_DOT_sh="python train.py --rank 16\n", d_DOT_sh="python train.py --rank 4\n")
    _, report = reviewed(capsys, "--select", "lora/rank", "train.py")
    told = {finding["value"]: finding["run"].split("; ") for finding in report["files"][0]["findings"]}
    runs = report["files"][0]["runs"]
    assert told == {8: runs[:2], 4: runs[3:]}


def test_a_launch_file_is_reviewed_by_what_it_starts(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        a_DOT_py=ARGPARSE.format(words=""),
        b_DOT_py=ARGPARSE.format(words=""),
        run_DOT_sh="python a.py --rank 8\npython b.py --rank 16\n",
        none_DOT_sh="echo hello\n",
        gone_DOT_sh="python gone.py\n",
    )
    code, report = reviewed(capsys, "--select", "lora/rank", "run.sh")
    assert [(f["path"], f["status"], len(f["findings"])) for f in report["files"]] == [
        ("a.py", "reviewed", 1),
        ("b.py", "reviewed", 0),
    ]
    assert code == 1 and report["files"][0]["findings"][0]["certainty"] == "certain"
    assert report["files"][0]["findings"][0]["trace"][0]["location"]["path"] == "run.sh"
    for name, reason in (("none.sh", "no training is started here"), ("gone.sh", "gone.py was not found from here")):
        code, report = reviewed(capsys, name)
        assert code == 3 and report["files"][0]["status"] == "skipped" and reason in report["files"][0]["reason"]
        assert cli.main(["plan", name]) == 3 and cli.main(["memory", name]) == 3
        assert "no training is started here" in capsys.readouterr().err


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "source": c, "metadata": {}, "outputs": [], "execution_count": None} for c in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize(
    ("cells", "path", "rank"),
    [
        (["!pip install trl", "%%writefile a.py\n" + ARGPARSE.format(words=""), "!python a.py --rank 8"], "n.ipynb", 8),
        (["!python beside.py --rank 8"], "beside.py", 8),
        (["%%bash\ncd .\npython beside.py \\\n  --rank 8"], "beside.py", 8),
        (["%run beside.py --rank 8"], "beside.py", 8),
        (["%%bash\ntrl sft --model_name_or_path m --dataset_name d --use_peft --lora_r 8"], "n.ipynb", 8),
        (["rank = 8", "!python beside.py --rank {rank}"], "beside.py", None),
    ],
)  # fmt: skip
def test_a_notebook_is_reviewed_by_what_its_cells_start(
    cells: list[str], path: str, rank: int | None, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(n_DOT_ipynb=notebook(*cells), beside_DOT_py=ARGPARSE.format(words=""))
    _, report = reviewed(capsys, "--select", "lora", "n.ipynb")
    assert [(f["path"], f["status"]) for f in report["files"]] == [(path, "reviewed")]
    (found,) = planned("n.ipynb")
    value = found.lora.r.value
    assert isinstance(value, Unknown) if rank is None else value.value == rank


@pytest.mark.parametrize(
    ("words", "batch", "rate"),
    [
        ("--per_device_train_batch 4 --learning_rate 1e-4", 4, 1e-4),  # the beginning of one name, and a whole name
        ("--per-device-train-b=4 --learning_rate_of 7", 4, 2e-5),
        ("--per_device 4 --learning_rate 1e-4", None, None),  # of training or of evaluation
        ("--data per_device_train_batch --learning_rate 1e-4", 8, 1e-4),  # no option
    ],
)
def test_the_beginning_of_an_options_name_stands_for_it(
    words: str, batch: int | None, rate: float | None, write: Write
) -> None:
    """argparse takes it; a name of the library's class is not the beginning of a longer one of the script's."""
    declared = "from dataclasses import dataclass\n@dataclass\nclass Ours:\n    data: str = None\n"
    declared += "    learning_rate_of_head: float = 3.0\n"
    parsed = "_, training = HfArgumentParser((Ours, SFTConfig)).parse_args_into_dataclasses()\n"
    write(sft_DOT_py=IMPORTS + declared + parsed + 'SFTTrainer("m", args=training, train_dataset=rows).train()\n')
    (found,) = planned("sft.py", *words.split())
    for fact, value in ((found.arguments.per_device_batch_size, batch), (found.arguments.learning_rate, rate)):
        assert isinstance(fact.value, Unknown) if value is None else fact.value.value == value
    assert found.api.unknown_arguments.cases == ()


def test_words_that_the_parser_refuses_leave_the_librarys_fields_unknown(write: Write) -> None:
    declared = "from dataclasses import dataclass\n@dataclass\nclass Ours:\n    data: str = None\n"
    parsed = "_, training = HfArgumentParser((Ours, SFTConfig)).parse_args_into_dataclasses()\n"
    write(sft_DOT_py=IMPORTS + declared + parsed + 'SFTTrainer("m", args=training, train_dataset=rows).train()\n')
    for words, accumulation in (("--data a --gradient_accumulation_steps 2", 2), ("--data --seed 1", None)):
        write(shell_scripts__run_DOT_sh=f"python ../sft.py {words}\n")
        (found,) = planned("sft.py")
        value = found.arguments.gradient_accumulation.value
        assert isinstance(value, Unknown) if accumulation is None else value.value == accumulation


def test_recipes_beside_a_script_that_parses_them_are_its_runs(write: Write) -> None:
    recipe = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: {}\nlearning_rate: 1.0e-4\n"
    write(sft_DOT_py=HF, recipes__a_DOT_yaml=recipe.format(8))
    (found,) = planned("sft.py")
    assert found.lora.r.value.value == 8 and isinstance(found.lora.r.value, Default)
    (said,) = planned("sft.py", "--config", "recipes/a.yaml", "--lora_r", "32", "--bf16", "false")
    assert said.lora.r.value == Known(32, said.lora.r.value.trace)
    assert said.arguments.learning_rate.value.value == 1e-4 and said.arguments.bf16.value.value is False
    write(recipes__b_DOT_yaml=recipe.format(64))
    assert [one.lora.r.value.value for one in planned("sft.py")] == [8, 64]


def test_a_value_of_a_recipe_that_nobody_gives_is_from_the_recipe_itself(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line with `--config` was only supposed, so it is no source; the recipe's own line is, whoever names it."""
    recipe = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: 8\n"
    write(sft_DOT_py=HF, recipes__a_DOT_yaml=recipe)
    _, report = reviewed(capsys, "sft.py")
    (said,) = [f["message"] for f in report["files"][0]["findings"] if f["rule"] == "lora/rank"]
    assert "r=8, from lora_r: 8 (recipes/a.yaml:4) (another launch may give another value)" in said
    write(run_DOT_sh="python sft.py --config recipes/a.yaml\n")
    _, report = reviewed(capsys, "sft.py")
    (said,) = [f["message"] for f in report["files"][0]["findings"] if f["rule"] == "lora/rank"]
    assert "r=8, from lora_r: 8 (recipes/a.yaml:4)" in said


def test_argparse_makes_numbers_of_the_texts_in_a_recipe(write: Write) -> None:
    """YAML reads `1e-4` as a text, and so does a script that loads the file itself."""
    declared = (
        "from dataclasses import dataclass\n@dataclass\nclass Ours:\n    dropout: float = 0.5\n    name: str = 'a'\n"
    )
    script = IMPORTS + declared + "ours, training = TrlParser((Ours, SFTConfig)).parse_args_and_config()\n"
    script += 'SFTTrainer("m", args=training, train_dataset=rows,\n'
    script += "           peft_config=LoraConfig(lora_dropout=ours.dropout)).train()\n"
    recipe = "learning_rate: 1e-4\ndropout: 1e-1\nname: 1e-2\noutput_dir: 1e-3\nwarmup_steps: 1e1\n"
    write(sft_DOT_py=script, a_DOT_yaml=recipe)
    (found,) = planned("sft.py", "--config", "a.yaml")
    assert (found.arguments.learning_rate.value.value, found.lora.dropout.value.value) == (1e-4, 0.1)
    assert found.arguments.warmup_steps.value.value == 10
    assert found.project.output_dir.value.value == "1e-3"
    itself = "import yaml\n" + IMPORTS + 'training = SFTConfig(**yaml.safe_load(open("a.yaml")))\n'
    itself += 'SFTTrainer("m", args=training, train_dataset=rows).train()\n'
    write(itself_DOT_py=itself, a_DOT_yaml="learning_rate: 1e-4\n")
    assert planned("itself.py")[0].arguments.learning_rate.value.value == "1e-4"


@pytest.mark.parametrize(
    ("trl", "words", "said"),
    [
        ("trl==0.14.0", "--config a.yaml", []),  # it drops the key
        ("trl==0.14.0", "--config a.yaml --made_up 1", ["made_up"]),
        ("trl==0.19.1", "--config a.yaml", ["invented"]),
    ],
)
def test_a_key_that_no_class_has_is_refused_by_the_parser_that_reads_it(
    trl: str, words: str, said: list[str], write: Write
) -> None:
    write(sft_DOT_py=HF, a_DOT_yaml="model_name_or_path: m\ninvented: 3\n", requirements_DOT_txt=f"{trl}\n")
    (found,) = planned("sft.py", *words.split())
    cases = found.api.unknown_arguments.cases
    assert [case.argument for case in cases] == said
    assert all("the parser raises ValueError" in case.sentence for case in cases)


def test_a_recipe_with_keys_of_another_scripts_parser_is_no_run(write: Write) -> None:
    recipe = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: {}\n{}: {}\n"
    other = HF.replace("SFTConfig, M", "GRPOConfig, M").replace("import Mod", "import GRPOConfig, Mod")
    write(
        sft_DOT_py=HF,
        grpo_DOT_py=other,
        recipes__a_DOT_yaml=recipe.format(8, "packing", "true"),
        recipes__b_DOT_yaml=recipe.format(64, "num_generations", 4),
        recipes__c_DOT_yaml=recipe.format(16, "warmup_ratio", 0.1),
    )
    assert [one.lora.r.value.value for one in planned("sft.py")] == [8, 16]
    assert [one.lora.r.value.value for one in planned("grpo.py")] == [64, 16]
    for name in "ac":
        (Path("recipes") / f"{name}.yaml").unlink()
    assert [one.lora.r.value.value for one in planned("sft.py")] == [64]  # the only one is reviewed, with its mistake


@pytest.mark.parametrize(
    "launch",
    [
        'accelerate launch --num_processes 4 "${BASE}/sft.py" --config "${BASE}/recipes/a.yaml" --lora_dropout $DROP',
        'SCRIPT="$BASE/sft.py"\naccelerate launch --num_processes 4 $SCRIPT --config $BASE/recipes/a.yaml '
        "--lora_dropout $DROP",
        'LAUNCH=(\n  accelerate launch\n  --num_processes 4\n  "${BASE}/sft.py"\n  --config "$BASE/recipes/a.yaml"\n'
        '  --lora_dropout $DROP\n)\nA=1 \\\n"${LAUNCH[@]}"',
    ],
)
def test_paths_below_a_folder_that_only_the_run_knows_are_found_by_their_ends(launch: str, write: Write) -> None:
    recipe = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: 8\n"
    run = f'BASE="${{SCRATCH}}/Project"\nDROP=0.2\n{launch}\n'
    write(sft_DOT_py=HF, recipes__a_DOT_yaml=recipe, recipes__b_DOT_yaml=recipe, run_DOT_sh=run)
    (found,) = planned("sft.py")
    assert (found.lora.r.value.value, found.lora.dropout.value.value) == (8, 0.2)
    assert found.arguments.processes.value.value == 4
    write(run_DOT_sh=run.replace("a.yaml", "c.yaml"))
    assert isinstance(planned("sft.py")[0].lora.r.value, Unknown)


@pytest.mark.parametrize(
    ("line", "fact", "value"),
    [
        ("trl sft --config c.yaml --lora_r 32", "lora.r", 32),
        ("trl sft --config c.yaml", "lora.r", 8),
        ("trl sft --model_name_or_path m --dataset_name d --use_peft --lora_r 4 --lora_target_modules q_proj v_proj",
         "lora.target_modules", ["q_proj", "v_proj"]),
        ("llamafactory-cli train lf.yaml lora_rank=32", "lora.r", 32),
        ("unsloth train --model m --dataset d --lora-r 4", "lora.r", 4),
        ("axolotl train ax.yml --lora-r 4", "lora.r", 4),
        ("accelerate launch --num_processes 2 -m axolotl.cli.train ax.yml", "arguments.processes", 2),
    ],
)  # fmt: skip
def test_a_program_on_a_shell_line_is_the_configuration_it_is(
    line: str, fact: str, value: object, write: Write
) -> None:
    write(
        c_DOT_yaml="model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: 8\n",
        lf_DOT_yaml="model_name_or_path: m\nstage: sft\nfinetuning_type: lora\nlora_rank: 8\ndataset: d\n",
        ax_DOT_yml="base_model: m\nadapter: lora\nlora_r: 8\ndatasets:\n  - path: d\n    type: alpaca\n",
        run_DOT_sh=line + "\n",
    )
    (found,) = planned("run.sh")
    assert found[fact].value.value == value


ACTION = """\
import argparse
{imports}
class Demo(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        parser.parse_args(["--rank", "8", "--lr=.01"], namespace)
        namespace.demo = True
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-5)
parser.add_argument("--rank", type=int, default=64)
parser.add_argument("--demo", action=Demo, nargs=0)
args = parser.parse_args()
{train}"""


@pytest.mark.parametrize(
    ("words", "rank", "rate"),
    [
        (["--demo"], 8, 0.01),
        (["--demo", "--rank", "4"], 4, 0.01),
        (["--rank", "4", "--demo"], 8, 0.01),
        (["--lr", "3e-4"], 64, 3e-4),
    ],
)
def test_an_action_of_the_scripts_own_runs_where_its_option_stands(
    words: list[str], rank: int, rate: float, write: Write
) -> None:
    script = ACTION.format(imports=IMPORTS, train=TRAIN.format(lr="args.lr", r="args.rank"))
    write(train_DOT_py=script)
    (found,) = planned("train.py", *words)
    assert (found.lora.r.value.value, found.arguments.learning_rate.value.value) == (rank, rate)


def test_a_file_of_a_container_is_the_file_of_that_name_here(write: Write) -> None:
    write(
        src__train_DOT_py=ARGPARSE.format(words=""), run_DOT_sh="docker run x python /workspace/src/train.py --rank 8\n"
    )
    (found,) = planned("run.sh")
    assert found.lora.r.value.value == 8


def test_what_a_notebook_writes_beside_its_script_is_read(write: Write) -> None:
    script = (
        ARGPARSE.format(words="").replace("args = parser", "parser.add_argument('--config')\nargs = parser")
        + "import yaml\nprint(yaml.safe_load(open(args.config)))\n"
    )
    script = script.replace("learning_rate=args.lr", "learning_rate=yaml.safe_load(open(args.config))['lr']")
    cells = [
        "%%writefile train.py\nimport yaml\n" + script,
        "%%writefile c.yaml\nlr: 3.0e-4\n",
        "%%writefile acc.yaml\ncompute_environment: LOCAL_MACHINE\nnum_processes: 3\ndistributed_type: MULTI_GPU\n",
        "!accelerate launch --config_file acc.yaml train.py --rank 8 --config c.yaml",
    ]
    write(n_DOT_ipynb=notebook(*cells))
    (found,) = planned("n.ipynb")
    assert (found.lora.r.value.value, found.arguments.learning_rate.value.value) == (8, 3e-4)
    assert found.arguments.processes.value.value == 3


@pytest.mark.parametrize("first", ["", "\n", "# a remark\n"])
def test_a_configuration_that_a_cell_writes_is_read_by_the_program_that_a_cell_starts(write: Write, first: str) -> None:
    recipe = "model_name_or_path: m\nstage: sft\ndo_train: true\ndataset: d\nlora_rank: 8\nfinetuning_type: lora\n"
    write(
        n_DOT_ipynb=notebook(
            "%%writefile /content/F/x.yaml\n" + first + recipe,
            "!cd F/ && llamafactory-cli train /content/F/x.yaml learning_rate=1e-4",
        )
    )
    (found,) = planned("n.ipynb")
    assert (found.lora.r.value.value, found.arguments.learning_rate.value.value) == (8, 1e-4)
    place = found.lora.r.at
    assert place is not None
    at = place.source.span(place.node)
    assert (at.cell, at.row) == (1, 6 + first.count("\n"))


def test_a_configuration_that_does_not_train_trains_where_the_command_line_says_so(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = "model_name_or_path: m\nstage: sft\ndataset: d\nlora_rank: 8\nfinetuning_type: lora\n"
    for words, ignored in ((" do_train=true", 0), ("", 1)):
        write(x_DOT_yaml=recipe, run_DOT_sh=f"llamafactory-cli train x.yaml{words}\n")
        _, report = reviewed(capsys, "run.sh")
        rules = [finding["rule"] for finding in report["files"][0]["findings"]]
        assert rules.count("api/ignored-key") == ignored


def test_a_file_that_sys_argv_names_is_parsed(write: Write) -> None:
    script = "import sys, os\n" + HF.replace("TrlParser((", "HfArgumentParser((").replace(
        "parser.parse_args_and_config()", "parser.parse_yaml_file(os.path.abspath(sys.argv[1]))"
    )
    recipe = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: 8\nlearning_rate: 1.0e-4\noutput_dir: o\n"
    write(sft_DOT_py=script, c_DOT_yaml=recipe)
    (found,) = planned("sft.py", "c.yaml")
    assert (found.lora.r.value.value, found.arguments.learning_rate.value.value) == (8, 1e-4)


def test_the_plan_of_a_launch_file_is_that_of_the_first_script_that_trains(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        prepare_DOT_py="import datasets\n",
        broken_DOT_py="a b\n",
        train_DOT_py=ARGPARSE.format(words=""),
        run_DOT_sh="python broken.py\npython prepare.py\npython train.py --rank 8\npython merge.py\n",
    )
    assert [one.lora.r.value.value for one in planned("run.sh")] == [8]
    assert cli.main(["diff", "--isolated", "run.sh", "train.py --rank 16"]) == 0
    assert "8 → 16" in capsys.readouterr().out


def test_nothing_outside_of_the_project_is_read_for_a_launch(write: Write, tmp_path: Path) -> None:
    outside = tmp_path.with_name(tmp_path.name + "-outside")
    outside.mkdir()
    (outside / "secret.sh").write_text("python train.py --rank 8\n")
    (outside / "other.py").write_text(ARGPARSE.format(words=""))
    root = write(train_DOT_py=ARGPARSE.format(words=""), n_DOT_ipynb=notebook(f"!python {outside}/other.py --rank 8"))
    (root / "run.sh").symlink_to(outside / "secret.sh")
    assert isinstance(planned("train.py")[0].lora.r.value, Unknown)
    assert planned("n.ipynb") == []
    (root / "go.sh").write_text(f"python {outside}/other.py --rank 8\n")
    assert planned("go.sh") != []
    assert plan("go.sh", Options(within=(str(root.resolve()),))).plans == []


@pytest.mark.parametrize(
    ("launches", "certainty"),
    [("python train.py --prepare-only\npython train.py\n", "certain"), ("python train.py --prepare-only\n", "branch")],
)
def test_what_is_sure_in_one_run_is_told_once(
    launches: str, certainty: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    script = (
        "import argparse\n" + IMPORTS + "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--prepare-only", action="store_true")\nargs = parser.parse_args()\n'
        "if not args.prepare_only:\n    SFTTrainer(model='m', args=SFTConfig(nothing=1), train_dataset=rows).train()\n"
    )
    write(train_DOT_py=script, run_DOT_sh=launches)
    cli.main(["train.py", "--select", "api/unknown-argument", "--output-format", "json", "--no-cache"])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [(one["certainty"], one["run"]) for one in file["findings"]] == [(certainty, "")]


@pytest.mark.parametrize(
    ("otherwise", "runs"),
    [
        ("trainer.evaluate()", ["python train.py --task train"]),
        ("print(len(rows))", ["python train.py --task train"]),
        ("more.finish(trainer)", ["python train.py --task train", "python train.py --task other"]),
    ],
    ids=["evaluates", "does nothing", "may train"],
)
def test_a_launch_that_trains_nothing_is_no_run_where_another_one_trains(
    otherwise: str, runs: list[str], write: Write
) -> None:
    script = (
        "import argparse, more\n" + IMPORTS + "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--task", required=True)\nargs = parser.parse_args()\n'
        "trainer = SFTTrainer(model='m', args=SFTConfig(), train_dataset=rows)\n"
        f"if args.task == 'train':\n    trainer.train()\nelse:\n    {otherwise}\n"
    )
    write(train_DOT_py=script, go_DOT_sh="python train.py --task train\npython train.py --task other\n")
    assert [one.run for one in planned("train.py")] == runs


def test_a_launch_file_that_starts_others_is_reviewed_by_what_those_start(write: Write) -> None:
    write(
        train_DOT_py=ARGPARSE.format(words=""),
        scripts__rank_DOT_sh="RANK=${1:-16}\npython train.py --rank $RANK --lr ${2}\n",
        scripts__any_DOT_sh='python train.py "$@"\n',
        submit_DOT_sh="bash scripts/rank.sh 4 3e-4\nsbatch scripts/any.sh --rank 5\nbash submit.sh\n",
    )
    told = [(one.lora.r.value.value, one.arguments.learning_rate.value.value) for one in planned("submit.sh")]
    assert told == [(4, 3e-4), (5, 1e-5)]


def test_two_launches_of_one_text_are_two_runs(write: Write) -> None:
    write(
        train_DOT_py=ARGPARSE.format(words=""),
        go_DOT_sh="R=4\npython train.py --rank $R\nR=8\npython train.py --rank $R\n",
    )
    told = [(one.run, one.lora.r.value.value) for one in planned("train.py")]
    assert told == [("python train.py --rank $R", 4), ("python train.py --rank $R (go.sh:4)", 8)]


MAIN = ARGPARSE.replace("parser = ", "def main():\n    parser = ").replace("\nparser.", "\n    parser.")
MAIN = MAIN.replace("\nargs", "\n    args").replace("SFTTrainer(model", "    SFTTrainer(model")
POINTS = {
    "pyproject.toml": '[project.scripts]\nmy-train = "tool.cli:main"\nmy-other = "tool.cli:other"\n',
    "pyproject.toml of poetry": '[tool.poetry.scripts]\nmy-train = {reference = "tool.cli:main", type = "console"}\n'
    'my-other = "tool.cli:other"\n',
    "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    my-train = tool.cli:main\n"
    "    my-other=tool.cli:other\n",
    "setup.py": "setup(entry_points={'console_scripts': ['my-train = tool.cli:main', 'my-other=tool.cli:other']})\n",
}


@pytest.mark.parametrize("kind", POINTS)
def test_an_entry_point_of_the_project_is_the_function_that_it_names(kind: str, write: Write) -> None:
    other = MAIN[MAIN.index("def main") :].replace("main", "other").replace("default=1e-5", "default=3e-4")
    both = MAIN.format(words="") + other.format(words="")
    root = write(
        src__tool__cli_DOT_py=f"{both}if __name__ == '__main__':\n    main()\n",
        run_DOT_sh="echo go\nmy-train --rank 4\nuv run my-other --rank 5 &\n",
    )
    (root / kind.split()[0]).write_text(POINTS[kind])
    told = [(one.run, one.lora.r.value.value, one.arguments.learning_rate.value.value) for one in planned("run.sh")]
    assert told == [("my-train --rank 4", 4, 1e-5), ("uv run my-other --rank 5", 5, 3e-4)]
    assert [one.lora.r.value.value for one in planned("src/tool/cli.py")] == [4, 5]


@pytest.mark.parametrize(
    "line", ["python -m tool.cli", "PYTHONPATH=src python -m tool.cli", "cd src; python -m tool.cli"]
)
def test_a_module_is_found_where_python_looks_for_it(line: str, write: Write) -> None:
    write(src__tool__cli_DOT_py=ARGPARSE.format(words=""), run_DOT_sh=f"{line} --rank 4\n")
    assert [one.lora.r.value.value for one in planned("run.sh")] == [4]


def test_a_package_of_folders_without_init_files_is_one(write: Write) -> None:
    script = "from src.models.lora import adapter\n" + ARGPARSE.format(words="").replace("LoraConfig(r=", "adapter(")
    write(
        src__sft__train_DOT_py=script,
        src__models__lora_DOT_py="from peft import LoraConfig\ndef adapter(r):\n    return LoraConfig(r=r)\n",
        run_DOT_sh="python -m src.sft.train --rank 4\n",
    )
    assert [one.lora.r.value.value for one in planned("run.sh")] == [4]


CHAT = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
import fire
def main({parameters}):
    model = AutoModelForCausalLM.from_pretrained({name})
    tokenizer = AutoTokenizer.from_pretrained({name})
    def write(row):
        turns = [{{"role": "user", "content": row["q"]}}, {{"role": "assistant", "content": row["a"]}}]
        return {{"text": {text}}}
    data = load_dataset("json", data_files="a.jsonl", split="train").map(write)
    SFTTrainer(model=model, args=SFTConfig(), processing_class=tokenizer, train_dataset=data).train()
fire.Fire(main)
"""
TEMPLATE = "tokenizer.apply_chat_template(turns, tokenize=False)"
MODEL = '"Qwen/Qwen2.5-7B-Instruct"'


@pytest.mark.parametrize(
    ("parameters", "name", "text", "certainty"),
    [
        (f"base_model={MODEL}", "base_model", TEMPLATE, "default"),
        ("rate=1e-4", MODEL, TEMPLATE, "certain"),
        (f"base_model={MODEL}", "base_model", 'row["q"] + row["a"] + tokenizer.eos_token', "certain"),
    ],
)
def test_what_rests_on_a_model_that_an_option_may_replace_is_no_more_certain_than_its_default(
    parameters: str, name: str, text: str, certainty: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train_DOT_py=CHAT.format(parameters=parameters, name=name, text=text))
    _, report = reviewed(capsys, "--select", "prompt/eos", "train.py")
    (item,) = report["files"][0]["checklist"]
    assert (item["verdict"], item["certainty"]) == ("pass", certainty)


def test_a_preset_of_tyro_takes_the_words_of_the_line(write: Write) -> None:
    preset = PARSERS["tyro"].replace("tyro.cli(Args)", "tyro.cli(Args, default=Args(rank=8, lr=1e-5))")
    write(train_DOT_py=preset)
    (found,) = planned("train.py", "--rank", "16")
    assert isinstance(found.lora.r.value, Known) and found.lora.r.value.value == 16
    assert isinstance(found.arguments.learning_rate.value, Known)
    (found,) = planned("train.py")
    assert isinstance(found.lora.r.value, Default) and found.lora.r.value.value == 8


QUOTED = """#!/bin/bash
srun bash -c '
  echo "node $SLURM_PROCID"
  python train.py --rank 8
'
"""


@pytest.mark.parametrize(
    ("launch", "source"), [(QUOTED, "the command in quotes"), ("python train.py --rank 8\n", "--rank 8")]
)
def test_the_source_of_a_value_is_quoted_if_it_says_something(
    tmp_path: Path, launch: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(
        "import argparse\nfrom peft import LoraConfig\nfrom trl import SFTConfig, SFTTrainer\n"
        "p = argparse.ArgumentParser()\np.add_argument('--rank', type=int, required=True)\na = p.parse_args()\n"
        "SFTTrainer('m', args=SFTConfig('o'), train_dataset=rows, peft_config=LoraConfig(r=a.rank)).train()\n"
    )
    (tmp_path / "job.sbatch").write_text(launch)
    (file,) = review("train.py", Options(isolated=True)).files
    assert f"r=8, from {source} (" in next(found.message for found in file.findings if found.rule == "lora/rank")
