"""Values that a library refuses where the object is made: a dictionary as `args`, a task type that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

HEAD = """\
from peft import LoraConfig, TaskType
from transformers import Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer
"""


def refused(folder: Path, code: str, stated: str = "") -> list[tuple[int, str, str]]:
    """(row, certainty, message) of the values that are said to be refused."""
    (folder / "requirements.txt").write_text(stated, encoding="utf-8")
    (folder / "train.py").write_text(HEAD + code, encoding="utf-8")
    report = batch.review([str(folder / "train.py")], Options())
    assert not report.internal_errors
    (file,) = report.files
    found = [f for f in file.findings if f.rule == "api/refused-value"]
    return [(f.location.row, str(f.certainty), f.message) for f in found]


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ('SFTTrainer("m", dict(output_dir="o"), train_dataset=rows)\n', 4),
        ('settings = {"output_dir": "o"}\nsettings["bf16"] = True\nTrainer(model, args=settings)\n', 6),
        ('settings = SFTConfig("o").to_dict()\nSFTTrainer("m", args=SFTConfig(**settings))\n', 0),
        ('SFTTrainer("m", args=TrainingArguments("o"))\n', 0),
        ('SFTTrainer("m", args=load("settings"))\n', 0),
        (
            'try:\n    one = SFTTrainer("m", args={"output_dir": "o"})\n'
            'except Exception:\n    one = SFTTrainer("m", args=SFTConfig("o"))\n',
            0,
        ),
        (
            "class Own(SFTTrainer):\n    def __init__(self, args, **more):\n"
            '        super().__init__(args=SFTConfig(**args), **more)\n\n\nOwn(args={"output_dir": "o"}, model="m")\n',
            0,
        ),
    ],
)
def test_a_dictionary_is_no_training_arguments(tmp_path: Path, code: str, row: int) -> None:
    found = refused(tmp_path, code)
    assert [one[0] for one in found] == ([row] if row else [])
    assert all("is given a dict as args: AttributeError" in one[2] for one in found)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ('"causal_lm"', '"CAUSAL_LM"'),
        ('"SEQ2SEQ_LM"', "SEQ_2_SEQ_LM"),
        ('"Causal-LM"', '"CAUSAL_LM"'),
        ('"text-generation"', "ValueError"),
        ('"CAUSAL_LM"', ""),
        ("TaskType.CAUSAL_LM", ""),
        ("None", ""),
        ("kind()", ""),
    ],
)
def test_a_task_type_is_a_word_of_peft(tmp_path: Path, word: str, meant: str) -> None:
    found = refused(tmp_path, f"LoraConfig(r=16, task_type={word})\n")
    assert [one[0] for one in found] == ([4] if meant else []) and all(meant in one[2] for one in found)


@pytest.mark.parametrize(("stated", "told"), [("peft==0.13.2", 0), ("peft>=0.12,<0.14", 0), ("peft==0.14.0", 1)])
def test_every_word_was_kept_before_peft_checked_it(tmp_path: Path, stated: str, told: int) -> None:
    assert len(refused(tmp_path, 'LoraConfig(r=16, task_type="causal_lm")\n', stated)) == told


def test_a_word_of_the_command_line_may_be_another(tmp_path: Path) -> None:
    code = (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        'parser.add_argument("--task", default="causal_lm")\nLoraConfig(task_type=parser.parse_args().task)\n'
    )
    assert [one[1] for one in refused(tmp_path, code)] == ["default"]


TRAINED = (
    'args = TrainingArguments("o", report_to={value})\n{more}Trainer("m", args=args, train_dataset=rows).train()\n'
)


@pytest.mark.parametrize(
    ("value", "more", "stated", "told"),
    [
        ("None", "", "transformers==5.0.0", 1),
        ("None", "", "", 1),
        ("None", "", "transformers==4.57.1", 0),
        ("None", "", "transformers>=4.57,<5", 0),
        ('"none"', "", "transformers==5.0.0", 0),
        ("None", 'args.report_to = "wandb"\n', "transformers==5.0.0", 0),
        ('"wandb"', "args.report_to = None\n", "transformers==5.0.0", 1),
        ("None", "del Trainer\nfrom own import Trainer\n", "transformers==5.0.0", 0),
    ],
)
def test_a_tracker_called_none_is_refused_since_transformers_5(
    tmp_path: Path, value: str, more: str, stated: str, told: int
) -> None:
    found = refused(tmp_path, TRAINED.format(value=value, more=more), stated)
    assert [one[2][:47] for one in found] == told * ["Trainer is given report_to=None: ValueError (No"]


@pytest.mark.parametrize(
    ("stated", "certainty", "words"),
    [
        ("", "default", "transformers 5.24 is assumed"),
        ("transformers==5.1.0\n", "certain", "transformers 5.1 is stated (requirements.txt:1)"),
        ("transformers>=4.44\n", "default", "transformers>=4.44 (requirements.txt:1) allows versions up to 5.24"),
        ("transformers>=5.1\n", "certain", "transformers>=5.1 (requirements.txt:1) allows versions up to 5.24"),
        (
            "transformers>=5\nvllm>=0.3\n",
            "certain",
            "transformers>=5 (requirements.txt:1), beside vllm>=0.3 (requirements.txt:2), allows versions up to 5.20.1",
        ),
        (
            "transformers>=5.1,<5.10\nvllm>=0.3\n",
            "certain",
            "transformers>=5.1,<5.10 (requirements.txt:1) allows versions up to 5.8",
        ),
    ],
)
def test_a_tracker_that_only_new_releases_refuse_is_as_certain_as_the_release(tmp_path, stated, certainty, words):
    code = 'Trainer("m", args=TrainingArguments("o", report_to=None), train_dataset=rows).train()\n'
    ((_, found, message),) = refused(tmp_path, code, stated)
    assert found == certainty and message.endswith(words)


def test_a_tracker_that_the_stated_release_takes_is_not_refused(tmp_path):
    code = 'Trainer("m", args=TrainingArguments("o", report_to=None), train_dataset=rows).train()\n'
    assert refused(tmp_path, code, "transformers==4.57.1\n") == []
