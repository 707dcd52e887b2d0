"""Versions that a script installs by its own calls decide which interface its calls are judged by."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

TRAINS = """
def train():
    from trl import SFTConfig, SFTTrainer
    from transformers import AutoTokenizer
    from datasets import load_dataset
    rows = load_dataset("json", data_files="train.jsonl", split="train")
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    SFTTrainer(model="gpt2", tokenizer=tokenizer, args=SFTConfig("out"), train_dataset=rows).train()

train()
"""


@pytest.mark.parametrize(
    ("installs", "refused"),
    [
        ('import modal\nmodal.Image.debian_slim().pip_install("trl==0.11.4", "transformers==4.45.2")', False),
        ('import modal\nmodal.Image.debian_slim().uv_pip_install(["trl==0.11.4", "transformers==4.45.2"])', False),
        ('import modal\nmodal.Image.debian_slim().run_commands("pip install trl==0.11.4 transformers==4.45.2")', False),
        ('import modal\nmodal.Image.debian_slim().pip_install("trl==0.19.1", "transformers==4.53.3")', True),
        ('import os\nos.system("pip install -q trl==0.11.4 transformers==4.45.2")', False),
        (
            "import subprocess, sys\n"
            'subprocess.check_call([sys.executable, "-m", "pip", "install", "trl==0.11.4", "transformers==4.45.2"])',
            False,
        ),
        # two images: which of them trains is not followed
        (
            "import modal\n"
            'one = modal.Image.debian_slim().pip_install("trl==0.11.4", "transformers==4.45.2")\n'
            'two = modal.Image.debian_slim().pip_install("trl==0.19.1", "transformers==4.53.3")',
            False,
        ),
        ('import os\nos.system("echo trl==0.11.4")', True),
    ],
)
def test_the_installed_version_decides(tmp_path: Path, installs: str, refused: bool) -> None:
    (tmp_path / "train.py").write_text(installs + "\n" + TRAINS, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert ("api/removed-argument" in {one.rule for one in file.findings}) == refused
