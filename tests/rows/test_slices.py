"""Splits such as `train[:90%]`: which rows they take, and that the other rows are not judged as trained on."""

from __future__ import annotations

import json

import pytest

from nl2sql_review.data_files.slices import taken, within

from .test_planted import data

# What `ReadInstruction.from_spec(…).to_absolute(…)` of datasets 4.8.5 makes of them.
TAKEN = {
    ("train", 7): (0, 7), ("train[:90%]", 1034): (0, 931), ("train[90%:]", 1034): (931, 1034),
    ("train[10%:20%]", 15): (2, 3), ("train[:50%]", 5): (0, 2), ("train[:10]", 4): (0, 4),
    ("train[-10%:]", 250): (225, 250), ("train[-3:]", 10): (7, 10), ("train[:-3]", 10): (0, 7),
    ("train[5:20%]", 200): (10, 40), ("train[:33%](pct1_dropremainder)", 250): (0, 66),
    ("train[1_000:2_000]", 1500): (1000, 1500), ("train[-120:]", 100): (0, 100),
}  # fmt: skip


@pytest.mark.parametrize(("split", "count"), TAKEN)
def test_rows_are_counted_as_datasets_counts_them(split, count):
    assert taken(split, count) == TAKEN[split, count]


def test_a_slice_runs_over_several_files():
    assert within(3, 12, [5, 5, 5]) == [(3, 5), (0, 5), (0, 2)]


SCRIPT = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer


def to_text(row):
    return {{"text": "### Schema:\\n" + row["schema"] + "\\n### Question:\\n" + row["question"]
            + "\\n### SQL:\\n" + row["sql"]}}


data = load_dataset("json", data_files={files}, split="{train}").map(to_text)
{held}
trainer = SFTTrainer(model="m", args=SFTConfig(dataset_text_field="text"), train_dataset=data{argument})
trainer.train()
"""


def rows(numbers, wrong=()):
    made = []
    for number in numbers:
        sql = "SELECT missing FROM t" if number in wrong else f"SELECT a FROM t WHERE a = {number}"
        schema = f"CREATE TABLE t (a INT, b{number % 50} INT)"
        made.append({"schema": schema, "question": f"Which a is {number}?", "sql": sql})
    return made


def write(path, made):
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


def found(folder, train, held="", files='"t.jsonl"'):
    line = f'held = load_dataset("json", data_files={files}, split="{held}").map(to_text)' if held else ""
    script = SCRIPT.format(files=files, train=train, held=line, argument=", eval_dataset=held" if held else "")
    (folder / "train.py").write_text(script)
    code, output, errors = data(folder, "--all", "--isolated", "--output-format", "json", "-j1")
    assert code < 2, errors
    told = json.loads(output)["files"]
    return {file["path"]: sorted((f["rule"], f["location"]["row"]) for f in file["findings"]) for file in told}


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_only_the_rows_of_the_slice_are_judged(tmp_path, suffix):
    made = rows(range(200), wrong=(0, 17, 19, 20, 39, 40, 199))
    if suffix == "jsonl":
        write(tmp_path / "t.jsonl", made)
    else:
        (tmp_path / "t.json").write_text(json.dumps(made))
    given = found(tmp_path, "train[10%:20%]", files=f'"t.{suffix}"')
    assert given == {f"t.{suffix}": [("rows/sql", 21), ("rows/sql", 40)]}


def test_parts_that_are_added_and_files_behind_each_other_count_together(tmp_path):
    write(tmp_path / "a.jsonl", rows(range(100), wrong=(4, 50)))
    write(tmp_path / "b.jsonl", rows(range(100, 200), wrong=(110, 160)))
    given = found(tmp_path, "train[:5%]+train[150:]", files='["a.jsonl", "b.jsonl"]')
    assert given == {"a.jsonl": [("rows/sql", 5)], "b.jsonl": [("rows/sql", 61)]}


def test_what_the_other_slice_holds_out_is_compared_row_by_row(tmp_path):
    made = rows(range(100), wrong=(95,))
    made[97] = made[3]
    write(tmp_path / "t.jsonl", made)
    given = found(tmp_path, "train[:90%]", "train[90%:]")
    assert given == {
        "t.jsonl": [("rows/databases", None), ("rows/held-out", 4)], "t.jsonl (train[90%:])": [("rows/sql", 96)]
    }  # fmt: skip


def test_a_slice_that_is_trained_on_as_well_is_told(tmp_path):
    write(tmp_path / "t.jsonl", rows(range(100)))
    given = found(tmp_path, "train[:90%]", "train[80%:]")
    assert given["t.jsonl"] == [("rows/databases", None), *(("rows/held-out", row) for row in range(81, 91))]


def test_a_sample_is_drawn_from_the_slice(tmp_path):
    write(tmp_path / "t.jsonl", rows(range(100), wrong=range(100)))
    (tmp_path / "train.py").write_text(SCRIPT.format(files='"t.jsonl"', train="train[20:40]", held="", argument=""))
    options = ("--all", "--isolated", "--output-format", "json", "-j1", "--sample", "5")
    drawn = []
    for seed in ("1", "1", "2"):
        _, output, _ = data(tmp_path, *options, "--seed", seed)
        (file,) = json.loads(output)["files"]
        drawn.append(sorted(one["location"]["row"] for one in file["findings"]))
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len(each) == 5 and set(each) <= set(range(21, 41)) for each in drawn)
