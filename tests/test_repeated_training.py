"""A trainer that a loop trains again, and loops that make, change or resume one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

HEAD = """\
import argparse
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
rows = load_dataset("json", data_files="train.jsonl", split="train")
trainer = SFTTrainer(model="gpt2", args=SFTConfig("out"{more}), train_dataset=rows{given})
"""


def repeated(folder: Path, code: str, more: str = "", given: str = "") -> list[tuple[int, str]]:
    (folder / "train.py").write_text(HEAD.format(more=more, given=given) + code, encoding="utf-8")
    (file,) = batch.review([str(folder / "train.py")], Options(isolated=True)).files
    found = [f for f in file.findings if f.rule == "arguments/repeated-train"]
    return [(f.location.row or 0, str(f.certainty)) for f in found]


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("for epoch in range(3):\n    trainer.train()\n", 7),
        ("for epoch in range(3):\n    print(epoch)\n    trainer.train(resume_from_checkpoint=False)\n", 8),
        ("turn = 0\nwhile turn < 2:\n    trainer.train()\n    turn += 1\n", 8),
        ("trainer.train()\n", 0),
        ("for epoch in range(1):\n    trainer.train()\n", 0),
        ("for epoch in range(3):\n    trainer.train(resume_from_checkpoint=epoch > 0)\n", 0),
        ("for path in ('a', 'b'):\n    trainer.train_dataset = load_dataset(path)\n    trainer.train()\n", 0),
        ("for rate in (1e-4, 2e-4):\n    trainer.args.learning_rate = rate\n    trainer.train()\n", 0),
        ("for epoch in range(3):\n    trainer.train()\n    if done():\n        break\n", 7),
        ("while True:\n    trainer.train()\n    trainer.save_model('out')\n", 7),
        (
            "for turn in range(3):\n try:\n  trainer.train()\n  break\n except OSError:\n  pass\n",
            0,
        ),
        ("for turn in range(3):\n    rows.stage = turn\n    trainer.train()\n", 0),
        ("for turn in range(3):\n    trainer.model.load_state_dict(start)\n    trainer.train()\n", 0),
        (
            "for rate in (1e-4, 2e-4):\n"
            '    trainer = SFTTrainer(model="gpt2", args=SFTConfig("out"), train_dataset=rows)\n    trainer.train()\n',
            0,
        ),
    ],
)
def test_only_the_same_trainer_as_it_was(tmp_path: Path, code: str, row: int) -> None:
    assert [one[0] for one in repeated(tmp_path, code)] == ([row] if row else [])


LOOP = "for epoch in range(3):\n    trainer.train()\n"


@pytest.mark.parametrize(
    ("more", "given", "told"),
    [
        (', lr_scheduler_type="cosine"', "", True),
        (', lr_scheduler_type="constant"', "", False),
        (", lr_scheduler_type=kind()", "", False),
        ("", ", optimizers=(optimizer, schedule)", False),
    ],
)
def test_only_a_schedule_that_the_trainer_draws(tmp_path: Path, more: str, given: str, told: bool) -> None:
    assert bool(repeated(tmp_path, LOOP, more, given)) is told


def test_an_option_may_say_how_often(tmp_path: Path) -> None:
    code = (
        "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--epochs", type=int, default=3)\noptions = parser.parse_args()\n'
    )
    assert [one[1] for one in repeated(tmp_path, code + LOOP.replace("3", "options.epochs"))] == ["default"]
