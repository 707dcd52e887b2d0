"""PyTorch's own test for bfloat16: what it says of a card that only emulates it depends on the release."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

SCRIPT = """\
import torch
from transformers import Trainer, TrainingArguments
asked = torch.cuda.is_bf16_supported({asked})
Trainer("m", TrainingArguments("out", bf16=asked, fp16=not asked)).train()
"""


@pytest.mark.parametrize(
    ("asked", "stated", "verdict", "certainty"),
    [
        ("", "torch>=2.4", "fail", "certain"),
        ("", "torch==2.5.1+cu121", "fail", "certain"),
        ("", "torch", "fail", "default"),
        ("", "torch>=2.0", "fail", "default"),
        ("", "torch==2.1.0", "pass", "certain"),
        ("including_emulation=False", "torch", "pass", "certain"),
    ],
)
def test_the_probe_is_judged_by_the_release(
    tmp_path: Path, asked: str, stated: str, verdict: str, certainty: str
) -> None:
    (tmp_path / "requirements.txt").write_text(f"{stated}\n", encoding="utf-8")
    (tmp_path / "train.py").write_text(SCRIPT.format(asked=asked), encoding="utf-8")
    items = review(tmp_path / "train.py", Options(isolated=True)).files[0].checklist
    (item,) = [one for one in items if one.rule == "arguments/mixed-precision"]
    assert (item.verdict, item.certainty) == (verdict, certainty)
    assert ("an older torch" in item.evidence) == (certainty == "default")
