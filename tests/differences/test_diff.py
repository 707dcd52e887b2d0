"""`nl2sql-review diff`: what differs between two scripts, configurations, revisions and command lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli

SCRIPT = """\
from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
{before}
args = SFTConfig({args})
lora = LoraConfig({lora})
SFTTrainer(model="Qwen/Qwen2.5-Coder-7B", args=args, train_dataset=rows, peft_config=lora{trainer}).train()
"""
BASE = {"args": 'output_dir="o", learning_rate=1e-4', "lora": "r=16", "before": "", "trainer": ""}
Diff = Callable[..., dict[str, Any]]


def script(**parts: str) -> str:
    return SCRIPT.format(**{**BASE, **parts})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


@pytest.fixture
def diff(folder: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    """Compares, and gives the JSON with `lines`: `section name: before -> after`."""

    def compared(*argv: str) -> dict[str, Any]:
        assert cli.main(["diff", "--isolated", "--output-format", "json", *argv]) == 0, capsys.readouterr().err
        made: dict[str, Any] = json.loads(capsys.readouterr().out)
        made["lines"] = [
            f"{d['section']} {d['name']}: {d['before']['text']} -> {d['after']['text']}" for d in made["differences"]
        ]
        return made

    return compared


def test_equal_settings_are_counted_wherever_they_come_from(folder: Path, diff: Diff) -> None:
    (folder / "a.py").write_text(script())
    moved = "RATE = 1e-4\nSETTINGS = {'r': 16}"
    (folder / "b.py").write_text(script(before=moved, args='output_dir="o", learning_rate=RATE', lora="**SETTINGS"))
    made = diff("a.py", "b.py")
    assert made["lines"] == [] and made["verdicts"] == [] and made["equal"] > 20


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({"lora": "r=32"}, ["lora r: 16 -> 32"]),
        ({"lora": "r=16, use_rslora=True"}, ["lora use_rslora: unset -> True"]),
        ({"args": 'output_dir="o"'}, ["arguments learning_rate: 1e-4 -> unset (2e-5 by default)"]),
        ({"args": 'output_dir="o", learning_rate=1e-4, gradient_accumulation_steps=4'},
         ["arguments gradient_accumulation_steps: unset (1 by default) -> 4"]),
        ({"before": "rows = rows.filter(len)"}, ["dataset filter(): not called -> called"]),
        ({"before": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--new')\np.parse_args()"},
         ["arguments --new: no option -> an option"]),
        ({"before": "from transformers import AutoTokenizer\nAutoTokenizer.from_pretrained('m', use_fast=False)"},
         ["prompt tokenizer(use_fast): unset -> False"]),
        ({"trainer": ", optimizers=(torch.optim.Sophia(lr=1e-4), None)", "before": "import torch"},
         ["arguments optimizers: unset -> (torch.optim.Sophia(lr=0.0001), None)"]),
        ({"before": "import os\nos.environ.setdefault('WANDB_PROJECT', 'sql')"},
         ['project $WANDB_PROJECT: unset -> "sql"']),
        ({"before": "import os\nos.environ.update(WANDB_PROJECT='sql')"}, ['project $WANDB_PROJECT: unset -> "sql"']),
        ({"trainer": ", dataset_num_proc=4"}, ["arguments dataset_num_proc: unset -> 4"]),
    ],
)  # fmt: skip
def test_every_argument_that_differs_is_named_and_no_other(
    change: dict[str, str], lines: list[str], folder: Path, diff: Diff
) -> None:
    (folder / "a.py").write_text(script())
    (folder / "b.py").write_text(script(**change))
    assert diff("a.py", "b.py")["lines"] == lines


def test_what_is_imported_before_unsloth_is_compared_where_both_import_it(folder: Path, diff: Diff) -> None:
    (folder / "a.py").write_text("import unsloth\nimport torch\n" + script())
    (folder / "b.py").write_text("import torch\nimport unsloth\n" + script())
    assert diff("a.py", "b.py")["lines"] == ['api imported before unsloth: [] -> ["torch"]']


def test_calls_that_judge_and_save_what_was_trained_are_named(folder: Path, diff: Diff) -> None:
    ends = script().replace("SFTTrainer(", "trainer = SFTTrainer(").replace(").train()", ")\ntrainer.train()")
    (folder / "a.py").write_text(ends + "trainer.evaluate()\n")
    (folder / "b.py").write_text(ends + "trainer.save_model()\n")
    gone, new = "arguments evaluate(): called -> not called", "artifact save_model(): not called -> called"
    assert diff("a.py", "b.py")["lines"] == [gone, new]


def test_a_new_key_is_not_named_where_its_value_is_that_of_a_setting(folder: Path, diff: Diff) -> None:
    (folder / "a.py").write_text(script(before="import yaml\ncfg = yaml.safe_load(open('a/c.yaml'))"))
    moved = script(before="import yaml\ncfg = yaml.safe_load(open('b/c.yaml'))", lora="r=cfg['rank']")
    (folder / "b.py").write_text(moved)
    for name, text in (("a", "seed: 1\n"), ("b", "seed: 1\nrank: 16\nunused: 2\n")):
        (folder / name).mkdir()
        (folder / name / "c.yaml").write_text(text)
    assert diff("a.py", "b.py")["lines"] == ["arguments unused: unset -> 2"]


def test_calls_that_prepare_the_rows_are_compared_where_they_correspond(folder: Path, diff: Diff) -> None:
    rows = "rows = rows.map(len, batched={})\nrows = rows.train_test_split(test_size={}, seed=1)['train']"
    (folder / "a.py").write_text(script(before=rows.format("True", 0.1)))
    (folder / "b.py").write_text(script(before=rows.format("False", 0.2)))
    changed = ["dataset map(batched): True -> False", "dataset train_test_split(test_size): 0.1 -> 0.2"]
    assert diff("a.py", "b.py")["lines"] == changed
    (folder / "b.py").write_text(script(before="rows = rows.map(str)\n" + rows.format("False", 0.1)))
    assert diff("a.py", "b.py")["lines"] == []  # which of the two calls is the one of before is not known


def test_a_renamed_argument_and_one_that_moved_have_the_same_value(folder: Path, diff: Diff) -> None:
    (folder / "a.py").write_text(script(args='output_dir="o", evaluation_strategy="steps"', trainer=", packing=True"))
    (folder / "b.py").write_text(script(args='output_dir="o", eval_strategy="steps", packing=True'))
    made = diff("a.py", "b.py")
    assert made["lines"] == ['arguments eval_strategy: evaluation_strategy="steps" -> eval_strategy="steps"']
    assert made["differences"][0]["note"] == "renamed, with the same value"


def test_what_follows_and_verdicts_are_told(folder: Path, diff: Diff) -> None:
    more = 'output_dir="o", learning_rate=2e-4, per_device_train_batch_size={}, max_steps=100, max_length=1024'
    (folder / "a.py").write_text(script(args=more.format(4)))
    (folder / "b.py").write_text(script(args=more.format(16)))
    made = diff("a.py", "b.py")
    told = {c["name"]: (c["before"]["value"], c["after"]["value"]) for c in made["consequences"]}
    assert told["effective batch"] == (4, 16) and told["samples seen"] == (400, 1600)
    assert told["tokens seen, at most"] == (4 * 1024 * 100, 16 * 1024 * 100)
    assert {"rule": "arguments/effective-batch", "before": "fail", "after": "pass"}.items() <= made["verdicts"][
        0
    ].items()


def test_the_training_text_is_a_text_diff(folder: Path, diff: Diff) -> None:
    text = (
        "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('Qwen/Qwen2.5-Coder-7B')\n"
        'ask = lambda x: f\'### {word}:\\n{{x["q"]}}\\n### SQL:\\n{{x["sql"]}}\'\n'
        "rows = rows.map(lambda x: {{'text': ask(x) + tok.eos_token}})"
    )
    (folder / "a.py").write_text(script(before=text.format(word="Question")))
    (folder / "b.py").write_text(script(before=text.format(word="Input")))
    made = diff("a.py", "b.py")
    assert [line for line in made["prompt"] if line[0] in "+-"] == ["-### Question:", "+### Input:"]
    assert made["lines"] == []


def test_a_revision_is_read_with_the_files_as_they_were(folder: Path, diff: Diff) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True, capture_output=True)

    reads = "import yaml\nfrom settings import RANK\ncfg = yaml.safe_load(open('c.yaml'))"
    (folder / "train.py").write_text(
        script(before=reads, args='output_dir="o", learning_rate=cfg["lr"]', lora="r=RANK")
    )
    (folder / "settings.py").write_text("RANK = 8\n")
    (folder / "c.yaml").write_text("lr: 1.0e-4\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    (folder / "settings.py").unlink()
    (folder / "settings").mkdir()
    (folder / "settings" / "__init__.py").write_text("RANK = 16\n")
    (folder / "c.yaml").write_text("lr: 2.0e-4\n")
    made = diff("HEAD:train.py", "train.py")
    assert made["lines"] == ["lora r: 8 -> 16", "arguments learning_rate: 1e-4 -> 2e-4"]
    assert made["differences"][1]["after"]["origin"].startswith("c.yaml:1 lr: 2.0e-4")
    (folder / "train.py").unlink()
    (folder / "other.py").write_text(script())
    assert "lora r: 8 -> 16" in diff("HEAD:train.py", "other.py")["lines"]


def test_a_notebook_of_a_revision_that_writes_a_file_reads_no_file_of_today(folder: Path, diff: Diff) -> None:
    reads = "from extra import RATE\ntry:\n    from settings import RANK\nexcept ImportError:\n    RANK = 8"
    code = script(before=reads, args='output_dir="o", learning_rate=RATE', lora="r=RANK")
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
        for text in ("%%writefile extra.py\nRATE = 1e-4\n", code)
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "train.ipynb").write_text(json.dumps(book))
    commit(folder)
    (folder / "settings.py").write_text("RANK = 16\n")
    assert diff("HEAD:train.ipynb", "train.ipynb")["lines"] == ["lora r: settings.RANK -> 16"]


def test_a_module_is_compared_as_the_scripts_of_each_revision_run_it(folder: Path, diff: Diff) -> None:
    (folder / "build.py").write_text("from peft import LoraConfig\ndef build(rank):\n    return LoraConfig(r=rank)\n")
    (folder / "train.py").write_text("from build import build\nbuild(8)\n")
    commit(folder)
    (folder / "train.py").write_text("from build import build\nbuild(16)\n")
    assert diff("HEAD:build.py", "build.py")["lines"] == ["lora r: 8 -> 16"]


def test_a_revision_of_a_file_in_a_submodule_is_that_of_its_commit(
    folder: Path, diff: Diff, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    inner = folder / "inner"
    inner.mkdir()
    git("init", "-q", str(inner))
    (inner / "settings.py").write_text("RANK = 8\n")
    (inner / "train.py").write_text(script(before="from settings import RANK", lora="r=RANK"))
    git("-C", str(inner), "add", ".")
    git("-C", str(inner), "commit", "-qm", "one")
    outer = folder / "outer"
    git("init", "-q", str(outer))
    git("-C", str(outer), "submodule", "add", str(inner), "sub")
    git("-C", str(outer), "commit", "-qm", "one")
    (outer / "sub" / "settings.py").write_text("RANK = 64\n")
    git("-C", str(outer / "sub"), "commit", "-qam", "two")
    git("-C", str(outer), "commit", "-qam", "two")
    (outer / "sub" / "settings.py").write_text("RANK = 16\n")
    monkeypatch.chdir(outer)
    assert diff("HEAD~1:sub/train.py", "HEAD:sub/train.py")["lines"] == ["lora r: 8 -> 64"]
    assert diff("HEAD:sub/train.py", "sub/train.py")["lines"] == ["lora r: 64 -> 16"]
    git("submodule", "deinit", "--force", "sub")
    (folder / "train.py").write_text(script())
    assert cli.main(["diff", "HEAD:sub/train.py", str(folder / "train.py")]) == 2
    assert "the submodule sub is not available as it was at HEAD" in capsys.readouterr().err


def test_variables_that_the_script_sets_and_a_second_training_are_named(folder: Path, diff: Diff) -> None:
    (folder / "a.py").write_text(script(before='import os\nos.environ["WANDB_PROJECT"] = "one"'))
    again = script(before='import os\nos.environ["WANDB_PROJECT"] = "two"').replace(
        "SFTTrainer(", "trainer = SFTTrainer("
    )
    (folder / "b.py").write_text(again.replace(".train()", "\ntrainer.train()\ntrainer.train()"))
    assert diff("a.py", "b.py")["lines"] == [
        "checkpointing calls of train(): 1 -> 2",
        'project $WANDB_PROJECT: "one" -> "two"',
    ]


OPTIONS = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-4)
options = parser.parse_args()"""


def commit(folder: Path) -> None:
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def test_a_launch_file_of_a_revision_starts_the_script_as_it_was(folder: Path, diff: Diff) -> None:
    (folder / "train.py").write_text(script(before=OPTIONS, args='output_dir="o", learning_rate=options.lr'))
    (folder / "run").mkdir()
    (folder / "run" / "train.sh").write_text("export SEEDED=1\ncd ..\npython train.py --lr 2e-4\n")
    commit(folder)
    changed = script(before=OPTIONS, args='output_dir="o", learning_rate=options.lr', lora="r=32")
    (folder / "train.py").write_text(changed)
    (folder / "run" / "train.sh").write_text("cd ..\npython train.py --lr 3e-4\n")
    lines = ["lora r: 16 -> 32", "arguments learning_rate: 2e-4 -> 3e-4"]
    assert diff("HEAD:run/train.sh", "run/train.sh")["lines"] == [*lines, 'project $SEEDED: "1" -> unset']
    assert diff("HEAD:train.py --lr 2e-4", "train.py --lr 3e-4")["lines"] == lines


def test_a_launch_file_of_a_revision_that_starts_nothing_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(script())
    (folder / "train.sh").write_text("python gone.py\n")
    (folder / "none.sh").write_text("echo hello\n")
    commit(folder)
    for name, why in (
        ("train.sh", "gone.py is not a file of that revision"),
        ("none.sh", "no training is started here"),
    ):
        assert cli.main(["diff", f"HEAD:{name}", "a.py"]) == 2
        assert why in capsys.readouterr().err


def test_each_of_several_trainers_is_compared_with_its_own(folder: Path, diff: Diff) -> None:
    second = 'SFTTrainer(model="m", args=SFTConfig(output_dir="p", learning_rate={rate}), train_dataset=rows).train()\n'
    (folder / "a.py").write_text(script() + second.format(rate="5e-6"))
    (folder / "b.py").write_text(script(lora="r=32") + second.format(rate="1e-6"))
    assert diff("a.py", "b.py")["lines"] == ["lora r: 16 -> 32", "arguments learning_rate, trainer 2: 5e-6 -> 1e-6"]


def test_keys_that_come_out_in_no_setting_are_named_by_the_file_that_a_script_reads(folder: Path, diff: Diff) -> None:
    read = 'import yaml\nconfig = yaml.safe_load(open("c.yaml"))\nprint(config["note"])'
    made = script(before=read, args='output_dir="o", learning_rate=config["lr"]')
    for side, text in (("a", "lr: 1.0e-4\nnote: one\nsame: 1\n"), ("b", "lr: 2.0e-4\nnote: two\nsame: 1\nnew: 3\n")):
        (folder / side).mkdir()
        (folder / side / "train.py").write_text(made)
        (folder / side / "c.yaml").write_text(text)
    assert diff("a/train.py", "b/train.py")["lines"] == [
        "arguments learning_rate: 1e-4 -> 2e-4",
        'arguments note: "one" -> "two"',
        "arguments new: unset -> 3",
    ]


def test_an_option_is_not_named_beside_the_value_that_it_gives(folder: Path, diff: Diff) -> None:
    (folder / "a.py").write_text(script())
    more = OPTIONS.replace("options =", 'parser.add_argument("--dry", action="store_true")\noptions =')
    (folder / "b.py").write_text(
        script(before=more.replace("1e-4", "2e-4"), args='output_dir="o", learning_rate=options.lr')
    )
    names = [line.partition(":")[0] for line in diff("a.py", "b.py")["lines"]]
    assert names == ["arguments learning_rate", "arguments --dry"]


def test_a_command_line_in_quotes_is_a_side(folder: Path, diff: Diff) -> None:
    parse = (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr', type=float, default=1e-4)\n"
        "args_ = parser.parse_args()"
    )
    (folder / "train.py").write_text(script(before=parse, args='output_dir="o", learning_rate=args_.lr'))
    changed = ["arguments learning_rate: 1e-4 -> 3e-4"]
    assert diff("train.py", "train.py --lr 3e-4")["lines"] == changed
    assert diff("python train.py", "torchrun --nproc_per_node 1 train.py --lr=3e-4")["lines"] == changed
    made = diff("train.py", "torchrun --nproc_per_node 4 train.py")
    assert made["lines"] == ["arguments processes: 1 -> 4"]
    assert made["consequences"][0]["name"] == "effective batch"
    assert diff("train.py", "train.py", "--", "--lr", "3e-4")["lines"] == []


def test_configurations_are_compared_key_by_key(folder: Path, diff: Diff) -> None:
    (folder / "a.yml").write_text(
        "base_model: m\nadapter: lora\nlora_r: 8\npad_to_sequence_len: true\ndatasets:\n  - path: d\n"
    )
    (folder / "b.yml").write_text("base_model: m\nadapter: lora\nlora_r: 16\ndatasets:\n  - path: d\n")
    assert diff("a.yml", "b.yml")["lines"] == ["lora lora_r: 8 -> 16", "arguments pad_to_sequence_len: True -> unset"]
    (folder / "c.yml").write_text("rate: 1\ndeep:\n  x: [1, 2]\n")
    (folder / "d.yml").write_text("rate: 1\ndeep:\n  x: [1, 3]\n")
    assert diff("c.yml", "d.yml")["lines"] == ["arguments deep.x: [1, 2] -> [1, 3]"]


def test_a_default_of_other_versions_says_so(folder: Path, diff: Diff) -> None:
    head = '# /// script\n# dependencies = ["transformers=={}", "trl==0.19.1"]\n# ///\n'
    (folder / "a.py").write_text(head.format("4.46.0") + script())
    (folder / "b.py").write_text(head.format("5.0.0") + script())
    made = diff("a.py", "b.py")
    notes = [d["note"] for d in made["differences"]]
    assert notes and all("stated versions: transformers 4.46.0 → 5.0.0" in note for note in notes)


@pytest.mark.parametrize("form", ["text", "agent", "markdown", "html"])
def test_before_and_after_stand_on_one_line(form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(script())
    (folder / "b.py").write_text(script(lora="r=32", args='output_dir="<b>|x`y", learning_rate=1e-4'))
    assert cli.main(["diff", "--isolated", "--exit-code", "--output-format", form, "a.py", "b.py"]) == 1
    out = capsys.readouterr().out
    arrow = {"agent": "16 -> 32", "html": "<code>16</code> → \n<code>32</code>"}.get(form, "16 → 32")
    assert arrow in out
    assert "<b>" not in out or form != "html"
    assert cli.main(["diff", "--isolated", "--exit-code", "--output-format", form, "a.py", "a.py"]) == 0


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["a.py"], "give two things to compare"),
        (["a.py", "a.py", "a.py"], "give two things to compare"),
        (["gone.py", "a.py"], "gone.py does not exist"),
        (["a.py", "HEAD:a.py"], "not a git repository"),
        (["a.py", "no such thing"], "neither a revision (HEAD~3:train.py) nor a command line"),
        (["a.py", "bad.py"], "bad.py:1:3: "),
        (["a.py", "none.py"], "not a training script"),
        (["a.py", "empty"], "the directory contains no finished run"),
        (["empty.yaml", "a.py"], "not a training configuration"),
    ],
)
def test_a_side_that_cannot_be_read_is_an_error_that_names_it(
    argv: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(script())
    (folder / "bad.py").write_text("a b\n")
    (folder / "none.py").write_text("import trl\n")
    (folder / "empty").mkdir()
    (folder / "empty.yaml").write_text("x: 1\n")
    assert cli.main(["diff", "--isolated", *argv]) == 2
    assert says in capsys.readouterr().err
