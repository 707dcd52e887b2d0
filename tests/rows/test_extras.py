"""Without the extra the command says what to install, and checks what it can all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer


def to_text(row):
    return {"prompt": row["schema"] + "\\n### Question:\\n" + row["question"], "completion": row["sql"]}


train = load_dataset("json", data_files=["a.jsonl", "b.parquet"], split="train").map(to_text)
trainer = SFTTrainer(model="codellama/CodeLlama-7b-hf", train_dataset=train, args=SFTConfig(max_length=2048))
"""
WITHOUT = """\
import importlib.util, sys
gone = ("pyarrow", "sqlglot", "tokenizers")
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in gone:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
plain = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in gone else plain(name, package)
from nl2sql_review.cli import main
sys.exit(main(["data", "train.py", *sys.argv[1:]]))
"""


def test_what_can_be_checked_is(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    row = {"question": "Who?", "schema": "CREATE TABLE singer (name TEXT)", "sql": "SELECT height FROM singer"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    command = [sys.executable, "-c", WITHOUT, "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1, done.stderr
    checked, left = json.loads(done.stdout)["files"]
    assert [f["rule"] for f in checked["findings"]] == ["rows/sql"]
    assert (left["path"], left["status"]) == ("b.parquet", "skipped")
    assert "needs pyarrow: pip install pyarrow" in left["reason"]
    assert "without sqlglot" in done.stderr and "without tokenizers" in done.stderr
