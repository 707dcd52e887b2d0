"""`dataset/field-fallbacks` is decided by the data files beside the script, where the script alone leaves it open."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from nl2sql_review.report.report import ChecklistItem, FileReport
from nl2sql_review.run import batch
from nl2sql_review.run.cache import Cache
from nl2sql_review.run.options import Options

SCRIPT = """\
from datasets import load_dataset
from trl import SFTTrainer


def to_text(row):
    question = row["question"]
    return {"text": f"Question: {question}\\n\\n### Response:\\n{row['sql']}"}


train = load_dataset("json", data_files="data/spider.json", split="train").map(to_text)
trainer = SFTTrainer(model="codellama/CodeLlama-7b-hf", train_dataset=train)
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").touch()
    Path("train.py").write_text(SCRIPT, encoding="utf-8")
    Path("data").mkdir()
    return Path("data/spider.json")


def reviewed(cache: Cache | None = None) -> tuple[FileReport, ChecklistItem]:
    options = Options(isolated=True, overrides={"select": ["dataset/field-fallbacks"]}, cache=cache)
    (file,) = batch.review(["train.py"], options).files
    (item,) = file.checklist
    return file, item


@pytest.mark.parametrize(("column", "verdict"), [("sql", "pass"), ("query", "fail")])
def test_a_token_of_the_tokenizer_is_no_column(data: Path, column: str, verdict: str) -> None:
    data.write_text(json.dumps([{"question": "Who?", column: "SELECT 1"}]), encoding="utf-8")
    script = SCRIPT.replace("{row['sql']}", "{row['sql'] + (tokenizer.eos_token or '')}")
    loads = 'from transformers import AutoTokenizer\n\ntokenizer = AutoTokenizer.from_pretrained("gpt2")\n'
    Path("train.py").write_text(loads + script, encoding="utf-8")
    file, item = reviewed()
    assert item.verdict == verdict
    assert not any("eos_token" in finding.message for finding in file.findings)


def test_no_row_has_the_column(data: Path) -> None:
    data.write_text(json.dumps([{"question": "Who?", "query": "SELECT 1"}]), encoding="utf-8")
    file, item = reviewed()
    (finding,) = file.findings
    assert item.verdict == "fail" and finding.certainty == "certain" and finding.location.row == 7
    assert finding.message == "'sql' is read, and no row of spider.json has it; its columns are query, question"


def test_one_row_lacks_it(data: Path) -> None:
    rows = [{"question": "Who?", "sql": "SELECT 1"}, {"question": "Where?"}]
    data.write_text(json.dumps(rows), encoding="utf-8")
    assert "row 2 of spider.json" in reviewed()[0].findings[0].message


def test_all_rows_have_it(data: Path) -> None:
    data.write_text(json.dumps([{"question": "Who?", "sql": "SELECT 1"}]), encoding="utf-8")
    item = reviewed()[1]
    assert (item.verdict, item.certainty) == ("pass", "certain") and "in all rows of spider.json" in item.evidence


def test_of_a_large_file_the_first_rows_speak(data: Path) -> None:
    row = json.dumps({"question": "Who?" * 100, "sql": "SELECT 1"})
    data.write_text(f"{row}\n" * 4000, encoding="utf-8")
    item = reviewed()[1]
    assert (item.verdict, item.certainty) == ("pass", "default") and "in the first 100 rows" in item.evidence


def test_what_cannot_be_read_leaves_it_open(data: Path) -> None:
    assert reviewed()[1].verdict == "unknown"
    data.write_text("", encoding="utf-8")
    assert reviewed()[1].verdict == "unknown"
    data.write_bytes(gzip.compress(b"[]"))
    assert reviewed()[1].verdict == "unknown"


def test_the_cache_knows_the_data_file(data: Path, tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    data.write_text(json.dumps([{"question": "Who?", "sql": "SELECT 1"}]), encoding="utf-8")
    assert reviewed(cache)[1].verdict == "pass"
    data.write_text(json.dumps([{"question": "Who?", "sq": "SELECT 1"}]), encoding="utf-8")
    os.utime(data, ns=(1, 1))
    assert reviewed(cache.again())[1].verdict == "fail"
