"""What killed runs have left is removed by the next run. That no file is torn: `tests/fixes/test_writing.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.files import beside

SCRIPT = """\
from unsloth import FastLanguageModel

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=64)
"""
FIX = ("--isolated", "--no-cache", "--select", "lora/rank", "--fix", "--fix-policy", "train.py")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    Path("train.py").write_text(SCRIPT)
    return tmp_path


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(f"*{beside.SUFFIX}")]


def ended() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_is_removed_and_nothing_else(project: Path, capsys) -> None:
    gone = f".train.py.{ended()}.0123abcd{beside.SUFFIX}"
    kept = [f".train.py.{os.getpid()}.0123abcd{beside.SUFFIX}", f"train.py.1.0123abcd{beside.SUFFIX}", ".train.py.swp"]
    for name in (gone, *kept):
        Path(name).write_text("half")
    cli.main(list(FIX))
    assert sorted(name for name in os.listdir() if "train.py." in name) == sorted(kept)
    for name in kept:
        Path(name).unlink()
    Path(gone.replace("train.py", "out.json")).write_text("half")
    cli.main(["--isolated", "--no-cache", "--output-format", "json=out.json", "train.py"])
    assert left(project) == [] and Path("out.json").read_text().endswith("}\n")
    cli.main(["--isolated", "train.py"])
    Path(".nl2sql_review_cache", gone).write_text("half")
    Path("train.py").write_text(SCRIPT)
    cli.main(["--isolated", "train.py"])
    assert left(project) == []
