"""Which checkpoint a restarted run resumes from: the newest of its own directory, or another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import glob, os, pathlib, shutil
from datasets import load_dataset
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer
OUT = "models/out"
{code}
rows = load_dataset("json", data_files="t.jsonl", split="train")
trainer = SFTTrainer(model="gpt2", args=SFTConfig(output_dir=OUT{more}), train_dataset=rows)
trainer.train(resume_from_checkpoint=found)
"""
SORTED = 'paths = sorted(glob.glob(OUT + "/checkpoint-*"), key=lambda path: int(path.split("-")[-1]){})\n'
NEWEST = "found = get_last_checkpoint(OUT) if os.path.isdir(OUT) else None"


@pytest.mark.parametrize(
    ("code", "more", "told"),
    [
        (NEWEST, "", ""),
        ("os.makedirs(OUT, exist_ok=True)\nfound = get_last_checkpoint(OUT)", "", ""),
        ("pathlib.Path(OUT).mkdir(exist_ok=True)\nfound = get_last_checkpoint(OUT)", "", ""),
        ("os.makedirs('logs', exist_ok=True)\nfound = get_last_checkpoint(OUT)", "", "first run fails"),
        (SORTED.format("") + "found = paths[-1] if paths else None", "", ""),
        (SORTED.format("") + "found = paths[0] if paths else None", "", "oldest"),
        (SORTED.format(", reverse=True") + "found = paths[0] if paths else None", "", ""),
        (SORTED.format(", reverse=True") + "found = paths[-1] if paths else None", "", "oldest"),
        (NEWEST.replace("OUT", "'models/first'"), "", "another directory"),
        (NEWEST.replace("OUT", "'./models/out/'"), "", ""),
        ("shutil.rmtree(OUT, ignore_errors=True)\n" + NEWEST, "", "deletes its output directory"),
        ("if os.getenv('FRESH'):\n    shutil.rmtree(OUT)\n" + NEWEST, "", ""),
        ("shutil.rmtree('cache')\n" + NEWEST, "", ""),
    ],
)
def test_the_checkpoint_that_is_loaded(tmp_path: Path, code: str, more: str, told: str) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(code=code, more=more), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    found = "".join(f.message for f in file.findings if f.rule == "checkpointing/resume")
    assert (bool(found), told in found) == (bool(told), True)
