"""The pages of the rules on rows: what they call good passes, what they call bad is found in the rows they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review.policy import rulebook
from nl2sql_review.rows import data_review
from nl2sql_review.rows.check import Asked
from nl2sql_review.run.options import Options

SCRIPT = """\
from datasets import load_dataset
from trl import SFTTrainer


def to_text(row):
    prompt = f"### Schema:\\n{row['schema']}\\n### Question:\\n{row['question']}\\n### Response:\\n"
    return {"prompt": prompt, "completion": row["sql"]}


train = load_dataset("json", data_files="train.jsonl", split="train").map(to_text)
trainer = SFTTrainer(model="codellama/CodeLlama-7b-hf", train_dataset=train)
"""
BOOK = rulebook.load()
FENCES = [
    pytest.param(rule, fence, id=f"{rule.id}:{fence.row}-{fence.label.split()[0]}")
    for rule in BOOK.on_rows
    for fence in rule.fences
    if fence.language == "jsonl"
]


@pytest.mark.parametrize(("rule", "fence"), FENCES)
def test_a_fence_is_judged_as_it_is_labelled(
    rule: Any, fence: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT, encoding="utf-8")
    Path("train.jsonl").write_text(fence.code, encoding="utf-8")
    made = data_review.review("train.py", Asked(), Options(isolated=True), every=True)
    found = sorted(f.location.row for file in made.report.files for f in file.findings if f.rule == rule.id)
    label, *rows = fence.label.split()
    assert label in ("good", "bad") and bool(rows) == (label == "bad")
    assert found == [int(row) for row in rows]


@pytest.mark.parametrize("rule", BOOK.on_rows, ids=lambda rule: rule.id)
def test_a_page_says_when_to_ignore_it_and_why_there_is_no_fix(rule: Any) -> None:
    assert "\n## Why it matters\n" in rule.body and "\n## When to ignore it\n" in rule.body
    assert "\n## Why there is no fix\n" in rule.body and not rule.head.fix


def test_the_examples_are_json() -> None:
    good = [fence for param in FENCES for fence in param.values[1:] if fence.label == "good"]
    assert good and all(json.loads(line) for fence in good for line in fence.code.splitlines())
