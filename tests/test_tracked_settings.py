"""Settings that the tracker or the log records: which of them tell of the run, and which of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import wandb
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
{before}
SFTTrainer(model="gpt2", args=SFTConfig(output_dir="out/a", learning_rate=1e-3), train_dataset=rows).train()
{after}
"""
PREFERENCES = 'DPOTrainer(model="gpt2", args=DPOConfig("out", learning_rate=5e-5), train_dataset=pairs).train()'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("print('learning rate: 5e-5')", "", True),
        ("print('training with learning_rate=5e-5')", "", True),
        ("print('head_lr=5e-5')", "", False),
        ("print('DPO: lr=5e-5')", PREFERENCES, False),
        ("wandb.init(config={'output_dir': 'out'})", "", True),
        ("wandb.init(config={'output': {'output_dir': 'out'}, 'training': {'output_dir': 'out/a'}})", "", False),
        ("print('max length: 512')", "", False),  # the rows may be cut to it
    ],
)
def test_what_is_recorded_of_the_run(tmp_path: Path, before: str, after: str, told: bool) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(before=before, after=after), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert ("project/tracked-config" in {one.rule for one in file.findings}) == told
