"""A script that hands its settings to a program in Python: why it is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            'from llamafactory.train.tuner import run_exp\nrun_exp({"stage": "sft", "do_train": True})\n',
            "llamafactory.train.tuner.run_exp trains",
        ),
        (
            "from llamafactory.train import tuner\n\n\n"
            "def main(settings):\n    tuner.run_exp(settings)\n\n\nmain({})\n",
            "llamafactory.train.tuner.run_exp trains",
        ),
        ("from axolotl.train import train\ntrain(cfg=load(), dataset_meta=rows)\n", "axolotl.train.train trains"),
        ("from llamafactory.chat import ChatModel\nChatModel({}).chat([])\n", "creates no trainer"),
        ("from transformers import pipeline\ndef run_exp(x):\n    return x\nrun_exp({})\n", "creates no trainer"),
    ],
)
def test_a_program_that_trains_is_named(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "train.py").write_text(f"import transformers\n{code}", encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert file.status == "skipped" and said in file.reason
