"""Rows that the script collects itself: whether they are those of one dataset; and columns of pandas frames."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Known, Unknown

HEAD = """\
import json
import pandas as pd
from datasets import Dataset, load_dataset, load_from_disk
from peft import LoraConfig
from trl import SFTTrainer
one = load_dataset("json", data_files="a.jsonl", split="train")
other = load_dataset("json", data_files="b.jsonl", split="train")
frame = pd.read_csv("c.csv")
def parts(row):
    return {"messages": [{"role": m["role"], "content": [{"text": m["content"]}]} for m in row["messages"]]}
"""
TRAIN = 'SFTTrainer(model="m", train_dataset=rows).train()\n'


def plan_of(code: str):
    source = Source.from_bytes((HEAD + code + TRAIN).encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    return plan


@pytest.mark.parametrize(
    ("code", "mixing"),
    [
        ("rows = [parts(row) for row in one]\n", "single"),
        ("rows = [parts(row) for row in one if keep(row)]\n", "single"),
        ("rows = []\nfor row in one:\n    rows.append(parts(row))\n", "single"),
        ("rows = []\nfor i in range(len(one)):\n    rows.append({'text': one[i]['text']})\n", "single"),
        ("rows = [parts(row) for row in one] + [parts(row) for row in other]\n", None),
        ("rows = [{'text': a['q'] + b['q']} for a, b in zip(one, other)]\n", None),
        ("rows = [parts(row) for row in one]\nadd_more(rows)\n", None),
        ("rows = Dataset.from_list([parts(row) for row in one])\n", "single"),
        ("rows = Dataset.from_list([parts(row) for row in one] + [parts(row) for row in other])\n", None),
        ("rows = Dataset.from_dict({'text': frame['text'].tolist(), 'label': [1 for _ in range(9)]})\n", "single"),
        ("rows = Dataset.from_dict({'text': frame['text'].tolist(), 'sql': other['sql']})\n", None),
        ("frame = pd.concat([frame, pd.read_csv('d.csv')])\n"
         "rows = Dataset.from_dict({'text': frame['text'].tolist()})\n", "concatenated"),
        ("rows = load_from_disk('x')\nrows = rows.get('train', rows)\n", "single"),
        ("rows = load_from_disk('x').get('train')\n", "single"),
    ],
)  # fmt: skip
def test_rows_are_of_one_dataset_if_each_is_made_from_a_row_of_it(code, mixing):
    found = plan_of(code)["dataset.mixing"].value
    assert found.value == mixing if isinstance(found, Known) else (isinstance(found, Unknown) and mixing is None)


OWN = """\
class Rows(torch.utils.data.Dataset):
    def __init__(self, *names):
        self.lines = []
        for name in names:
            with open(name) as file:
                self.lines += file.readlines()
    def __len__(self):
        return len(self.lines)
    def __getitem__(self, i):
        return json.loads(self.lines[i])
"""
READ = """\
def read(name, other):
    if not os.path.exists(name):
        return {missing}
    with open(name) as file:
        return [json.loads(line) for line in file]
rows = [{{"text": row["text"]}} for row in read("a.jsonl", "b.jsonl")]
"""


@pytest.mark.parametrize(
    ("missing", "single"),
    [
        ("[]", True),
        ("list()", True),
        ("[{'text': 'one of the script'}]", False),
        ("[json.loads(line) for line in open(other)]", False),
        ("json.loads(other)", False),
    ],
)
def test_no_rows_where_a_file_is_missing_are_of_no_other_dataset(missing, single):
    found = plan_of("import os\n" + READ.format(missing=missing))["dataset.mixing"].value
    assert isinstance(found, Known) is single


@pytest.mark.parametrize(
    ("rows", "single"),
    [
        ("Rows('a.jsonl')", True),
        ("Rows('a.jsonl', 'b.jsonl')", False),
        ("Rows(*sys.argv[1:])", False),
        ("Rows()", False),
        ("[json.loads(line) for line in open('a.jsonl')]", True),
        ("[json.loads(line) for line in [*open('a.jsonl'), *open('b.jsonl')]]", False),
    ],
)
def test_the_lines_of_one_file_are_one_dataset(rows, single):
    found = plan_of(f"import sys, torch\n{OWN}rows = {rows}\n")["dataset.mixing"].value
    assert isinstance(found, Known) is single


NAMED = """\
import argparse
options = argparse.ArgumentParser()
options.add_argument("--data", required=True)
options.add_argument("--more", required=True)
options.add_argument("--files", nargs="+", required=True)
args = options.parse_args()
def read(path):
    with open(path) as file:
        return {load}
rows = []
"""
ADD = "rows.append({'text': row['text']})\n"


@pytest.mark.parametrize("load", ["json.load(file)", "json.loads(file.read().strip())"])
@pytest.mark.parametrize(
    ("code", "single"),
    [
        (f"for row in read(args.data):\n    {ADD}", True),
        ("rows = [{'text': row['text']} for row in read(args.data) if row['text']]\n", True),
        ("rows = [{'text': row['text']} for row in read(args.data) + read(args.more)]\n", False),
        (f"for row in read(args.data):\n    {ADD}for row in read(args.more):\n    {ADD}", False),
        (f"for name in args.files:\n    for row in read(name):\n        {ADD}", False),
        ("rows = [{'text': row['text']} for name in read(args.data) for row in read(name)]\n", False),
        ("rows = [{'text': a['q'] + b['sql']} for a, b in zip(read(args.data), read(args.more))]\n", False),
    ],
)  # fmt: skip
def test_the_json_of_one_file_that_the_command_line_names_is_one_dataset(load, code, single):
    found = plan_of(f"{NAMED.replace('{load}', load)}{code}rows = Dataset.from_list(rows)\n")["dataset.mixing"].value
    assert isinstance(found, Known) is single


def test_a_setting_of_a_file_that_the_command_line_names_says_what_names_it():
    code = "import yaml\nLoraConfig(r=yaml.safe_load(open(args.data).read())['r'])\nrows = one\n"
    source = Source.from_bytes((HEAD + NAMED.replace("{load}", "file") + code + TRAIN).encode(), "train.py")
    (made,) = interpret(source, ".").named("LoraConfig")
    assert made.arguments["r"].why == "--data is required: only the command line gives it"


@pytest.mark.parametrize(
    ("code", "rank"),
    [
        ("frame['t'] = frame['q'].str.lower()", 8),
        ("frame['t'] = frame['q'].nunique()", 8),
        ("frame['t'] = frame['q'].tolist().lower()", 16),  # a list has no such method
    ],
)
def test_a_column_of_a_frame_has_the_methods_of_a_series(code, rank):
    code = f"try:\n    {code}\n    r = 8\nexcept AttributeError:\n    r = 16\nLoraConfig(r=r)\nrows = one\n"
    source = Source.from_bytes((HEAD + code + TRAIN).encode(), "train.py")
    (made,) = interpret(source, ".").named("LoraConfig")
    assert made.arguments["r"].value == rank


def test_text_that_is_made_from_a_column_is_read():
    code = (
        "frame['text'] = frame['q'].str.strip().map(lambda q: '### Question:\\n' + q + '\\n### SQL:\\nSELECT 1')\n"
        "rows = Dataset.from_pandas(frame)\n"
    )
    assert "### Question:" in str(plan_of(code)["prompt.text"].value)
