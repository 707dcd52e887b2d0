"""Rows that a script keeps for its next start: it loads them where they are there, and else makes and saves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

TRAIN = """\
import os
from pathlib import Path
from datasets import load_dataset, load_from_disk
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/codellama-7b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16)

def text(row):
    asked = f"### Schema:\\n{row['context']}\\n### Question:\\n{row['question']}\\n### SQL:\\n"
    return {"text": asked + f"{row['answer']}END"}

def made():
    return load_dataset("b-mc2/sql-create-context", split="train").map(text)

ROWS
SFTTrainer(model, args=SFTConfig(output_dir="out"), train_dataset=rows, processing_class=tokenizer).train()
"""
OR_ELSE = """\
if os.path.exists("cache/rows"):
    rows = load_from_disk("cache/rows")
else:
    rows = made()
    rows.save_to_disk("cache/rows")
"""
RETURNED = """\
def kept(path):
    if Path(path).is_dir():
        return load_from_disk(path)
    rows = made()
    rows.save_to_disk(path)
    return rows

rows = kept("/data/rows")
"""
TRIED = """\
try:
    rows = load_from_disk("cache/rows")
except FileNotFoundError:
    rows = made()
    rows.save_to_disk("cache/rows")
"""
AS_JSON = OR_ELSE.replace(
    'load_from_disk("cache/rows")', 'load_dataset("json", data_files="cache/rows", split="train")'
)
AS_JSON = AS_JSON.replace("save_to_disk", "to_json").replace("cache/rows", "cache/rows.json")


def ending(folder: Path, rows: str, end: str = "</s>", beside: str = "") -> tuple[str, str, str]:
    """Return the verdict on the end of the text, its certainty, and what it is said of."""
    (folder / "pyproject.toml").write_text("")
    (folder / "train.py").write_text(TRAIN.replace("ROWS\n", rows).replace("END", end))
    if beside:
        (folder / "prepare.py").write_text(beside)
    [file] = review(folder / "train.py", Options(isolated=True)).files
    [item] = [item for item in file.checklist if item.rule == "prompt/eos"]
    return item.verdict, item.certainty, item.evidence


@pytest.mark.parametrize("rows", [OR_ELSE, RETURNED, TRIED, AS_JSON])
@pytest.mark.parametrize("end, expected", [("</s>", "pass"), ("", "fail")])
def test_what_is_loaded_is_what_an_earlier_start_has_saved(tmp_path: Path, rows: str, end: str, expected: str) -> None:
    verdict, certainty, evidence = ending(tmp_path, rows, end)
    assert (verdict, certainty) == (expected, "default")
    assert end == "" or "as the script itself writes it" in evidence


@pytest.mark.parametrize(
    "rows",
    [
        OR_ELSE.replace('save_to_disk("cache/rows")', 'save_to_disk("cache/others")'),
        OR_ELSE.replace("rows = made()\n    rows.save", "rows = made()\n    made().remove_columns('text').save"),
        # saved in place of what was loaded
        'if os.path.exists("cache/rows"):\n    rows = load_from_disk("cache/rows")\n'
        '    rows.map(text).save_to_disk("cache/rows")\nelse:\n    rows = made()\n',
        # loaded at each start, also at the first
        'rows = load_from_disk("cache/rows")\nmade().save_to_disk("cache/rows")\n',
        'rows = load_from_disk("cache/rows")\nif "text" not in rows.column_names:\n'
        '    rows.map(text).save_to_disk("cache/rows")\n',
        # saved where it is loaded, and not where it is made
        'if os.path.exists("cache/rows"):\n    rows = load_from_disk("cache/rows")\n'
        '    made().save_to_disk("cache/rows")\nelse:\n    rows = made()\n',
    ],
)
def test_other_rows_than_those_saved_stay_unknown(tmp_path: Path, rows: str) -> None:
    assert ending(tmp_path, rows)[0] == "unknown"


def test_another_script_may_have_saved_them(tmp_path: Path) -> None:
    beside = 'import sys\nfrom datasets import load_dataset\nload_dataset(sys.argv[1]).save_to_disk("cache/rows")\n'
    assert ending(tmp_path, OR_ELSE, beside=beside)[0] == "unknown"
    assert ending(tmp_path, OR_ELSE, beside=beside.replace("cache/rows", "cache/tests"))[0] == "pass"
