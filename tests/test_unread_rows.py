"""Rows that a module makes which is not in the project: what the script makes of them is known, the rest is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

SCRIPT = """\
from multiprocessing import Pool
import pandas as pd
from shop.rows import load_rows, stored
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B")

def told(row):
    return {{"text": row["question"] + "\\n" + row["sql"] + {end}}}

rows = {rows}
SFTTrainer("Qwen/Qwen2.5-7B", args=SFTConfig("out", dataset_text_field="text"), train_dataset=rows,
           processing_class=tokenizer).train()
"""


def verdicts(folder: Path, rows: str, end: str = "tokenizer.eos_token") -> dict[str, str]:
    (folder / "train.py").write_text(SCRIPT.format(rows=rows, end=end), encoding="utf-8")
    (file,) = review(str(folder / "train.py"), Options(isolated=True)).files
    return {item.rule: str(item.verdict) for item in file.checklist}


@pytest.mark.parametrize(
    "rows", ["load_rows('train').map(told)", "stored.map(told, remove_columns=['id'])", "stored.map(function=told)"]
)
def test_a_text_that_the_script_adds_to_them_is_judged(tmp_path, rows):
    found = verdicts(tmp_path, rows)
    assert found["prompt/eos"] == "pass" and found["dataset/weighted-sampling"] == "unknown"
    assert verdicts(tmp_path, rows, "tokenizer.eos_token + ' '")["prompt/eos"] == "fail"


@pytest.mark.parametrize(
    "rows",
    [
        "load_rows('train')",
        "stored.map(load_rows)",  # by a function that is not read
        "stored.map(told, [1, 2])",  # of more than one list
        "stored.map(**load_rows())",
        "Pool(4).map(told, load_rows('train'))",
        "pd.read_csv('a.csv').x.map(told)",
    ],
)
def test_what_no_function_of_the_script_makes_stays_unknown(tmp_path, rows):
    assert verdicts(tmp_path, rows)["prompt/eos"] == "unknown"
