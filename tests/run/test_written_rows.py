"""Rows of data files that another script of the project writes, and what they decide of the training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli
from nl2sql_review.launches import project_scripts

PREPARE = """\
import json
from datasets import load_dataset

def text(example):
    return f"### Instruction:\\nAnswer with SQL.\\n\\n### Schema:\\n{example['context']}\\n\\n" \\
        f"### Question:\\n{example['question']}\\n\\n### Response:\\n{example['answer']}"

rows = [{"text": text(example)} for example in load_dataset("b-mc2/sql-create-context", split="train")]
with open("data/train.jsonl", "w") as file:
    for row in rows:
        file.write(json.dumps(row) + "\\n")
"""
NO_SCHEMA = PREPARE.replace("### Schema:\\n{example['context']}\\n\\n", "")
TRAIN = """\
import json
from unsloth import FastLanguageModel
from datasets import Dataset, load_dataset
from trl import SFTConfig, SFTTrainer

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/codellama-7b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16)
rows = load_dataset("json", data_files="data/train.jsonl", split="train")
SFTTrainer(model, args=SFTConfig(output_dir="out"), train_dataset=rows, processing_class=tokenizer).train()
"""
LOADED = 'load_dataset("json", data_files="data/train.jsonl", split="train")'
WRITTEN = 'open("data/train.jsonl", "w")'
RULES = ("prompt/alpaca", "prompt/eos", "dataset/field-fallbacks")
Review = Callable[..., dict[str, Any]]


@pytest.fixture
def review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Review:
    """Writes files into a project, reviews its train.py, and returns the file of the report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")

    def review(files: dict[str, str], *words: str) -> dict[str, Any]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        cli.main(["train.py", "--output-format", "json", *(words or ["--no-cache"])])
        file: dict[str, Any] = json.loads(capsys.readouterr().out)["files"][0]
        file["items"] = {item["rule"]: item for item in file["checklist"]}
        return file

    return review


def verdicts(file: dict[str, Any]) -> list[str]:
    return [file["items"][rule]["verdict"] for rule in RULES]


@pytest.mark.parametrize(
    "prepare, expected",
    [
        (PREPARE, ["pass", "fail", "pass"]),
        (NO_SCHEMA, ["fail", "fail", "pass"]),
        (PREPARE.replace("['answer']}", "['answer']}</s>"), ["pass", "pass", "pass"]),
    ],
)
def test_a_text_is_judged_as_the_script_writes_it_and_never_with_certainty(
    review: Review, prepare: str, expected: list[str]
) -> None:
    file = review({"prepare.py": prepare, "train.py": TRAIN})
    assert verdicts(file) == expected
    assert {file["items"][rule]["certainty"] for rule in RULES} == {"default"}
    assert "reviewed with data/train.jsonl as prepare.py writes it" in file["notes"]
    assert "data/train.jsonl as prepare.py writes it" in file["items"]["dataset/field-fallbacks"]["evidence"]
    assert all(one["certainty"] == "default" for one in file["findings"] if one["rule"] in RULES)


@pytest.mark.parametrize(
    "prepare",
    [
        PREPARE.replace(WRITTEN, 'open(Path(__file__).parent / "data" / "train.jsonl", "w")').replace(
            "import json", "import json\nfrom pathlib import Path"
        ),
        PREPARE.replace(WRITTEN, 'open(out, "w")').replace("rows =", 'out = "./data/train.jsonl"\nrows ='),
        PREPARE[: PREPARE.index("with open")] + "import random\nrandom.Random(3).shuffle(rows)\nrows = rows[:100]\n"
        "from pathlib import Path\nwith Path('data/train.jsonl').open('w') as file:\n"
        "    file.writelines(json.dumps(row) + '\\n' for row in rows)\n",
        PREPARE[: PREPARE.index("with open")] + "from datasets import Dataset\nfrom sklearn.model_selection import "
        "train_test_split\nrows, held_out = train_test_split(rows, test_size=0.1)\n"
        "Dataset.from_list(rows).to_json('data/train.jsonl')\n",
        PREPARE.replace('"data/train.jsonl"', "args.out").replace(
            "rows =",
            "import argparse\nparser = argparse.ArgumentParser()\n"
            "parser.add_argument('--out', default='data/train.jsonl')\nargs = parser.parse_args()\nrows =",
        ),
        "def main():\n    " + PREPARE.replace("\n", "\n    ") + "\nif __name__ == '__main__':\n    main()\n",
    ],
)  # fmt: skip
def test_the_script_is_found_however_it_names_and_writes_the_file(review: Review, prepare: str) -> None:
    assert verdicts(review({"scripts/prepare.py" if "__file__" not in prepare else "prepare.py": prepare,
                            "train.py": TRAIN})) == ["pass", "fail", "pass"]  # fmt: skip


def test_the_path_may_stand_in_a_configuration_that_both_read(review: Review) -> None:
    read = "import yaml\ncfg = yaml.safe_load(open('config.yaml'))\n"
    file = review(
        {
            "config.yaml": "data:\n  train_path: data/train.jsonl\n",
            "prepare.py": read + PREPARE.replace('"data/train.jsonl"', 'cfg["data"]["train_path"]'),
            "train.py": read + TRAIN.replace('"data/train.jsonl"', 'cfg["data"]["train_path"]'),
        }
    )
    assert verdicts(file) == ["pass", "fail", "pass"]


ADDED = PREPARE.replace('{"text": text(example)}', '{"text": text(example), "id": 1}')


ELSEWHERE = PREPARE.replace('"data/train.jsonl"', "str(Path(__file__).parent / 'a' / 'train.jsonl')")
BY_OPTION = PREPARE.replace('"data/train.jsonl"', "sys.argv[1]") + "# data/train.jsonl"
MORE = PREPARE + "    file.writelines(open('more.jsonl'))\n"
MOVED = "import os, shutil\nfrom pathlib import Path\nfrom urllib.request import urlretrieve\n{}\n"
MAY = "mend.py and prepare.py write it, or may write it"
NO_ROWS = "import json\njson.dump(read(), open('data/train.jsonl', 'w'))\n"


@pytest.mark.parametrize(
    "files, said",
    [
        ({"train.jsonl": ""}, ""),
        ({"prepare.py": PREPARE, "again.py": ADDED}, "again.py and prepare.py write other columns"),
        ({"prepare.py": PREPARE, "again.py": MORE}, "again.py and prepare.py write it, or may write it"),
        ({"prepare.py": PREPARE.replace('"w"', '"a"')}, "prepare.py appends to it"),
        ({"prepare.py": PREPARE, "mend.py": MOVED.format("shutil.copy('mended.jsonl', 'data/train.jsonl')")}, MAY),
        ({"prepare.py": PREPARE, "mend.py": MOVED.format("os.replace('mended.jsonl', 'data/train.jsonl')")}, MAY),
        ({"prepare.py": PREPARE, "mend.py": MOVED.format("Path('mended.jsonl').rename('data/train.jsonl')")}, MAY),
        ({"prepare.py": PREPARE, "mend.py": MOVED.format("urlretrieve('http://a/b', 'data/train.jsonl')")}, MAY),
        ({"prepare.py": PREPARE.replace("data/train", "train")}, ""),
        ({"data/prepare.py": ELSEWHERE}, ""),
        ({"tests/prepare.py": PREPARE, ".cache/prepare.py": PREPARE, "vendor/prepare.py": PREPARE}, ""),
        ({"prepare.py": PREPARE + "#" * project_scripts.LARGEST}, ""),
        ({"prepare.py": PREPARE + "while (\n"}, "what prepare.py writes is not known: it cannot be parsed"),
        ({"prepare.py": "def later():\n    " + PREPARE.replace("\n", "\n    ")}, ""),
        ({"prepare.py": PREPARE, "data/train.jsonl": '{"prompt": "a"}\n'}, "the file has the columns prompt"),
        ({"prepare.py": BY_OPTION}, "the script does not show which rows prepare.py writes"),
        (
            {"prepare.py": MORE},
            "does not show all that prepare.py writes",
        ),
        ({"prepare.py": NO_ROWS}, "the script does not show which rows prepare.py writes"),
    ],
)
def test_rows_that_are_not_proved_leave_the_items_unknown(review: Review, files: dict[str, str], said: str) -> None:
    file = review({**files, "train.py": TRAIN})
    assert verdicts(file)[0] == "unknown"
    assert not any(note.startswith("reviewed with") for note in file["notes"])
    assert any(said in note for note in file["notes"]) if said else not file["notes"]


@pytest.mark.parametrize(
    "again, expected",
    [
        (PREPARE.replace("b-mc2/sql-create-context", "someone/more-rows"), ["pass", "fail", "pass"]),
        (NO_SCHEMA, ["unknown", "fail", "pass"]),
        (PREPARE.replace("['answer']}", "['answer']}</s>"), ["pass", "unknown", "pass"]),
    ],
)
def test_of_two_scripts_that_write_the_file_either_may_have_been_the_last(
    review: Review, again: str, expected: list[str]
) -> None:
    file = review({"prepare.py": PREPARE, "again.py": again, "train.py": TRAIN})
    assert verdicts(file) == expected
    assert "reviewed with data/train.jsonl as again.py or prepare.py writes it" in file["notes"]


@pytest.mark.parametrize("path, expected", [("data/train.jsonl", "pass"), ("data/other.jsonl", "unknown")])
def test_a_file_whose_rows_are_known_is_there(review: Review, path: str, expected: str) -> None:
    load = f'({LOADED} if os.path.exists("{path}") else load_dataset("someone/texts", split="train"))'
    file = review({"prepare.py": PREPARE, "train.py": "import os\n" + TRAIN.replace(LOADED, load)})
    assert verdicts(file)[0] == expected


def test_columns_that_every_path_removes_are_gone(review: Review) -> None:
    head = PREPARE[: PREPARE.index("rows = [")] + 'rows = load_dataset("b-mc2/sql-create-context", split="train")\n'
    names = "import os\nif os.environ.get('ALL'):\n    names = list(rows.column_names)\nelse:\n    names = {}\n"
    save = "rows.map(lambda row: {'text': text(row)}, remove_columns=names).to_json('data/train.jsonl')\n"
    for other, expected in [("rows.column_names", "pass"), ("None", "unknown")]:
        file = review({"prepare.py": head + names.format(other) + save, "train.py": TRAIN})
        assert verdicts(file)[0] == expected


@pytest.mark.parametrize(
    "file, expected",
    [("tools/prepare.py", "pass"), ("prepare.py", "unknown"), ("tools/more/prepare.py", "unknown")],
)
def test_a_path_that_leaves_the_project_starts_at_the_folder_of_the_script(
    review: Review, file: str, expected: str
) -> None:
    prepare = PREPARE.replace('"data/train.jsonl"', '"../data/train.jsonl"')
    assert verdicts(review({file: prepare, "train.py": TRAIN}))[0] == expected


def test_other_files_that_the_script_reads_do_not_hide_the_columns(review: Review) -> None:
    train = TRAIN.replace("model, tok", "base = json.load(open('adapter_config.json'))['base']\nmodel, tok", 1)
    assert verdicts(review({"prepare.py": PREPARE, "train.py": train}))[2] == "pass"


def test_a_script_that_copies_the_file_elsewhere_does_not_write_it(review: Review) -> None:
    aside = MOVED.format("shutil.copy('data/train.jsonl', 'backup.jsonl')")
    assert verdicts(review({"prepare.py": PREPARE, "keep.py": aside, "train.py": TRAIN})) == ["pass", "fail", "pass"]


def test_a_file_that_the_training_script_copies_itself_is_not_one_that_another_writes(review: Review) -> None:
    train = "import shutil\nshutil.copy('/kaggle/input/train.jsonl', 'data/train.jsonl')\n" + TRAIN
    file = review({"prepare.py": PREPARE, "train.py": train})
    assert (verdicts(file)[0], file["notes"]) == ("unknown", [])


CASES = """\
import json
from dataclasses import dataclass

@dataclass
class Case:
    question: str
    sql: str

CASES = [{cases}]
with open("data/train.jsonl", "w") as file:
    for case in CASES:
        text = f"### Instruction:\\nWrite one SQL query.\\n\\n{schema}### Question:\\n{{case.question}}\\n\\n" \\
            f"### Response:\\n{{case.sql}}"
        file.write(json.dumps({{"text": text}}) + "\\n")
"""


@pytest.mark.parametrize(
    "schema, end, expected",
    [
        ("### Schema:\\nCREATE TABLE a (b int)\\n\\n", "", ["pass", "fail", "pass"]),
        ("", "", ["fail", "fail", "pass"]),
        ("### Schema:\\nCREATE TABLE a (b int)\\n\\n", "</s>", ["pass", "pass", "pass"]),
    ],
)
def test_rows_that_the_script_holds_itself_are_judged_however_many(
    review: Review, schema: str, end: str, expected: list[str]
) -> None:
    cases = ", ".join(
        f"Case('How many rows have b = {i}?', 'SELECT count(*) FROM a WHERE b = {i}{end}')" for i in range(30)
    )
    file = review({"prepare.py": CASES.format(cases=cases, schema=schema), "train.py": TRAIN})
    assert verdicts(file) == expected


def test_rows_of_which_some_end_in_a_token_leave_the_end_unknown(review: Review) -> None:
    cases = ", ".join(f"Case('How many have {i}?', 'SELECT {i} FROM a{'</s>' if i % 2 else ''}')" for i in range(30))
    file = review({"prepare.py": CASES.format(cases=cases, schema=""), "train.py": TRAIN})
    assert verdicts(file) == ["fail", "unknown", "pass"]


READ = [
    'with open("data/train.json") as file:\n    rows = Dataset.from_list(json.load(file))\n',
    'with open("data/train.json") as file:\n    rows = Dataset.from_list(json.loads(file.read().strip()))\n',
    "with open('data/train.jsonl') as file:\n    rows = Dataset.from_list([json.loads(line) for line in file])\n",
    "from pathlib import Path\nlines = Path('data/train.jsonl').read_text().splitlines()\n"
    "rows = Dataset.from_list([json.loads(line) for line in lines if line.strip()])\n",
]


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("prepare, expected", [(PREPARE, "pass"), (NO_SCHEMA, "fail")])
def test_json_that_the_script_reads_itself_is_read_too(review: Review, read: str, prepare: str, expected: str) -> None:
    if "jsonl" not in read:
        prepare = prepare[: prepare.index("with open")] + 'json.dump(rows, open("data/train.json", "w"), indent=2)\n'
    file = review({"prepare.py": prepare, "train.py": TRAIN.replace(f"rows = {LOADED}\n", read)})
    assert verdicts(file)[0] == expected


SPLITS = "splits = Dataset.from_list(rows).train_test_split(test_size=0.1)\n"


@pytest.mark.parametrize(
    "save",
    [
        SPLITS + "splits.save_to_disk('data/rows')\n",
        SPLITS + "DatasetDict({'train': splits['train'], 'dev': splits['test']}).save_to_disk('data/rows')\n",
        "import pandas as pd\npd.DataFrame(rows).to_parquet('data/rows')\n",
    ],
)
@pytest.mark.parametrize("prepare, expected", [(PREPARE, "pass"), (NO_SCHEMA, "fail")])
def test_a_dataset_that_is_saved_in_a_folder_is_loaded_from_it(
    review: Review, save: str, prepare: str, expected: str
) -> None:
    made = prepare[: prepare.index("with open")].replace("load_dataset\n", "Dataset, DatasetDict, load_dataset\n", 1)
    load = "from datasets import load_from_disk\nrows = load_from_disk('data/rows')"
    train = TRAIN.replace(f"rows = {LOADED}", load + ("['train']" if "splits" in save else ""))
    file = review({"prepare.py": made + save, "train.py": train})
    assert verdicts(file)[0] == (expected if "parquet" not in save else "unknown")


def test_a_document_that_is_no_list_of_rows_is_not_taken_for_one(review: Review) -> None:
    prepare = PREPARE[: PREPARE.index("with open")] + 'json.dump({"text": rows}, open("data/train.json", "w"))\n'
    assert (
        verdicts(review({"prepare.py": prepare, "train.py": TRAIN.replace(f"rows = {LOADED}\n", READ[0])}))[0]
        == "unknown"
    )


@pytest.mark.parametrize("name, verdict", [("text", "pass"), ("txt", "fail")])
def test_a_column_that_no_row_has_is_told(review: Review, name: str, verdict: str) -> None:
    train = TRAIN.replace("SFTTrainer(model,", f"SFTTrainer(model, formatting_func=lambda row: row['{name}'] + ';',")
    file = review({"prepare.py": PREPARE, "train.py": train})
    assert file["items"]["dataset/field-fallbacks"]["verdict"] == verdict


def test_what_the_training_script_decides_itself_stays_certain(review: Review) -> None:
    train = TRAIN.replace(LOADED, f"{LOADED}.map(lambda row: {{'text': 'Hi</s>'}})")
    file = review({"prepare.py": PREPARE, "train.py": train})
    assert (file["items"]["prompt/eos"]["verdict"], file["items"]["prompt/eos"]["certainty"]) == ("pass", "certain")


def test_no_fix_edits_the_script_that_writes_the_rows(review: Review) -> None:
    review({"prepare.py": PREPARE, "train.py": TRAIN}, "--no-cache", "--fix", "--fix-policy", "--unsafe-fixes")
    assert Path("prepare.py").read_text() == PREPARE


def test_a_change_of_the_script_that_writes_the_rows_is_seen_behind_the_cache(review: Review) -> None:
    assert verdicts(review({"prepare.py": PREPARE, "train.py": TRAIN}, "--color", "never"))[0] == "pass"
    assert verdicts(review({"prepare.py": NO_SCHEMA}, "--color", "never"))[0] == "fail"
    assert verdicts(review({"again.py": PREPARE}, "--color", "never"))[0] == "unknown"


def test_nothing_is_searched_where_no_rows_are_awaited(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_scripts, "texts", lambda *_: pytest.fail("the project was searched"))
    review({"prepare.py": PREPARE, "train.py": TRAIN.replace(LOADED, 'load_dataset("b-mc2/sql-create-context")')})
    known = TRAIN.replace(LOADED, "Dataset.from_list([{'text': 'Hi</s>'}])")
    review({"train.py": known})


TOKENS = """\
from datasets import load_dataset
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
rows = load_dataset("b-mc2/sql-create-context", split="train")
rows = rows.map(lambda row: tokenizer(row["question"] + row["answer"]{cut}), remove_columns=rows.column_names)
rows.save_to_disk("tokens")
"""
OF_TOKENS = """\
from datasets import load_from_disk
from trl import SFTConfig, SFTTrainer
SFTTrainer("codellama/CodeLlama-7b-hf", args=SFTConfig("out"), train_dataset=load_from_disk("tokens")).train()
"""


@pytest.mark.parametrize(
    "cut, verdict, said",
    [
        (", truncation=True, max_length=1024", "pass", "1024"),
        (", truncation=True, max_length=512", "fail", "512"),
        (", truncation=True, max_length=4096", "fail", "no length is chosen"),  # and TRL's default is shorter
        (", max_length=1024", "fail", "no length is chosen"),
        ("", "fail", "no length is chosen"),
    ],
)
def test_a_length_may_be_chosen_by_the_script_that_writes_the_rows(
    review: Review, cut: str, verdict: str, said: str
) -> None:
    file = review({"train.py": OF_TOKENS, "prepare.py": TOKENS.format(cut=cut)})
    item = file["items"]["memory/sequence-length"]
    assert item["verdict"] == verdict
    assert said in str(item) + " ".join(f["message"] for f in file["findings"] if f["rule"] == item["rule"])
