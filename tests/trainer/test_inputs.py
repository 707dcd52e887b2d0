"""What can be wrong with the data, the disk and the tokenizer is said before any weights are loaded."""

from __future__ import annotations

import argparse
import json
import logging
import re
import runpy
import sys
from collections import Counter, namedtuple

import pytest

from .conftest import SCRIPT, load, make_model, needs_stack

pytestmark = needs_stack
FILES = ("spider_train.jsonl", "wikisql.jsonl", "sqale.jsonl")


@pytest.fixture
def data(tmp_path):
    """A folder with the three files, to be damaged."""
    load("make_data").write(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def tokenizer(script, tiny):
    return script.load_tokenizer(argparse.Namespace(base_model=str(tiny)))


@pytest.fixture
def load_data(script, tokenizer, data):
    def call(**more):
        return script.load_data(
            tokenizer, argparse.Namespace(**{"data_dir": str(data), "allow_missing": False, **more})
        )

    return call


def refused(call, **more):
    with pytest.raises(SystemExit) as stop:
        call(**more)
    return str(stop.value)


def test_the_mix(script, load_data, caplog):
    with caplog.at_level(logging.INFO, "nl2sql"):
        train, held_out = load_data()
    assert train.column_names == ["prompt", "completion"]
    assert held_out.column_names == ["db_id", "prompt", "completion"]
    assert not set(train["prompt"]) <= set(held_out["prompt"]) and len(held_out) == 27
    again, _ = load_data()
    assert train["prompt"] == again["prompt"]
    assert all(row["completion"].endswith("</s>") and row["prompt"].endswith("### Response:\n") for row in train)
    # Weights .5 .3 .2 until the first dataset has run out: the long schemas are SQaLe's.
    share = sum(prompt.count("CREATE TABLE") > 1 for prompt in train["prompt"]) / len(train)
    assert 0.1 < share < 0.3


GOOD = '{"sql_prompt": "a", "sql": "b"}\n'


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "No such file or directory: "),
        ("", "wikisql.jsonl: it is empty"),
        ("\n \n", "wikisql.jsonl: it is empty"),
        (
            GOOD + "\n" + GOOD + '{"sql_prompt": "a", "sql": \n',
            'wikisql.jsonl: line 4 is no JSON object: b\'{"sql_prompt"',
        ),
        ('"a"\n' * 3, "wikisql.jsonl: line 1 is no JSON object: b'\"a\"'"),
        ("question,sql\na,b\n", "wikisql.jsonl: line 1 is no JSON object: b'question,sql"),
        (GOOD.replace("a", "\xe4").encode("latin-1"), "can't decode byte 0xe4"),
        (
            '{"frage": "a", "abfrage": "b"}\n' * 3,
            "0 of 3 rows can be used: 3 without question or SQL, 0 over 2048 tokens; the columns are ['frage', "
            "'abfrage']",
        ),
        (
            '{"question": "", "sql": "b"}\n{"question": "a", "sql": null}\n',
            "0 of 2 rows can be used: 2 without question or SQL",
        ),
        ('{"question": "a", "sql": {"sel": 1, "agg": 0}}\n' * 3, "0 of 3 rows can be used: 3 without question or SQL"),
        ('{"question": "a", "sql": "b"}\n', "1 of 1 rows can be used: 0 without question or SQL"),
    ],
)
def test_a_broken_data_set_stops_the_run(load_data, data, content, says):
    path = data / "wikisql.jsonl"
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    message = refused(load_data)
    assert message.startswith("WikiSQL (wikisql.jsonl): ") and says in message and "--allow-missing" in message


def test_what_is_missing_may_be_left_out_and_the_weights_follow(load_data, data, caplog):
    (data / "wikisql.jsonl").unlink()
    with caplog.at_level(logging.INFO, "nl2sql"):
        train, _ = load_data(allow_missing=True)
    assert "WikiSQL (wikisql.jsonl) is left out: " in caplog.text
    assert "Spider: weight 0.714" in caplog.text and "SQaLe: weight 0.286" in caplog.text
    assert len(train) > 100


def test_nothing_left(load_data, data):
    for name in FILES:
        (data / name).unlink()
    assert refused(load_data, allow_missing=True) == "no dataset is left to train on"


@pytest.mark.parametrize("weight", [0, -0.3, float("nan")])
def test_weights_are_above_zero_whatever_may_be_missing(script, load_data, monkeypatch, weight):
    monkeypatch.setattr(script.DATASETS[1], "weight", weight)
    for allowed in (False, True):
        assert f"WikiSQL: its weight of {weight} is not above zero" in refused(load_data, allow_missing=allowed)


def test_rows_are_counted_cut_and_dropped(script, load_data, data, caplog, monkeypatch):
    rows = [{"question": f"q{i}", "query": "SELECT 1", "schema": "x" * 5000} for i in range(20)]
    rows += [
        {"question": "no sql", "query": None, "schema": ""},
        {"question": "long", "query": "SELECT " + "a, " * 3000},
    ]
    (data / "spider_train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with caplog.at_level(logging.INFO, "nl2sql"):
        train, held_out = load_data()
    assert "Spider: 22 rows, 1 without question or SQL, 1 over 2048 tokens, 20 used" in caplog.text
    assert max(prompt.count("x") for prompt in [*train["prompt"], *held_out["prompt"]]) <= script.SCHEMA_LIMIT + 5
    monkeypatch.setattr(script.DATASETS[2], "max_samples", 7)
    with caplog.at_level(logging.INFO, "nl2sql"):
        load_data()
    assert "SQaLe: 60 rows, 0 without question or SQL, 0 over 2048 tokens, 7 used" in caplog.text
    monkeypatch.setattr(script.DATASETS[2], "max_samples", 0)
    assert "SQaLe (sqale.jsonl): 0 of 60 rows can be used" in refused(load_data)


def test_the_large_data_sets_bring_new_rows_while_the_small_one_is_repeated(script, load_data, data, caplog):
    sizes = {"spider_train.jsonl": 20, "wikisql.jsonl": 2000, "sqale.jsonl": 2000}
    for name, rows in sizes.items():
        lines = [json.dumps({"question": f"{name} {i}", "sql": "SELECT 1", "schema": "t"}) + "\n" for i in range(rows)]
        (data / name).write_text("".join(lines))
    with caplog.at_level(logging.INFO, "nl2sql"):
        train, _ = load_data()
    seen = {name: Counter(prompt for prompt in train["prompt"] if name in prompt) for name in sizes}
    # Of 20 rows of Spider 3 are held out; the mix ends when one of its rows would be used a fourth time.
    assert len(seen["spider_train.jsonl"]) == 17 and set(seen["spider_train.jsonl"].values()) == {script.EPOCHS}
    for name in ("wikisql.jsonl", "sqale.jsonl"):
        assert set(seen[name].values()) == {1} and len(seen[name]) > 10
    assert (
        re.search(r"Spider: weight 0.500, ≈ [23]\.\d\d passes", caplog.text)
        and "SQaLe: weight 0.200, ≈ 0.01 passes" in caplog.text
    )


def test_what_lacks_a_schema_is_said(load_data, data, caplog):
    (data / "wikisql.jsonl").write_text(GOOD * 20)
    with caplog.at_level(logging.WARNING, "nl2sql"):
        load_data()
    assert caplog.messages == ["WikiSQL: no row has a schema; the columns are ['sql_prompt', 'sql']"]


FIELDS = {"schema": "c", "trained": "c", "question": "q", "sql": "s", "db_id": ""}


def test_a_long_schema_is_cut_by_whole_tables(script):
    """To train on with those that the SQL names; to ask with, the SQL is not looked at."""
    schema = "; ".join(f"CREATE TABLE table_{n} (name TEXT, city TEXT, year INTEGER, rank INTEGER)" for n in range(40))
    rows = [
        script.normalise({"question": "q", "schema": schema, "sql": f"SELECT city FROM table_{n}"}) for n in range(40)
    ]
    assert all(len(row[name]) <= script.SCHEMA_LIMIT for row in rows for name in ("schema", "trained"))
    assert all(f"CREATE TABLE table_{n} (" in row["trained"] for n, row in enumerate(rows))
    assert len({row["schema"] for row in rows}) == 1 and rows[0]["schema"].count("CREATE TABLE") > 10


def test_every_spelling_of_the_fields(script):
    for names in (
        ("question", "sql", "schema"),
        ("sql_prompt", "query", "sql_context"),
        ("question", "answer", "context"),
    ):
        row = dict(zip(names, ("q", "s", "c")))
        assert script.normalise({**row, "sql": row.get("sql")}) == FIELDS
    spider = {"question": "q", "query": "SELECT 1", "sql": {"select": [1]}}  # the text, not the tree
    assert script.normalise(spider)["sql"] == "SELECT 1"
    assert script.normalise({}) == dict.fromkeys(FIELDS, "")
    assert script.normalise({**spider, "db_id": "book_db"})["db_id"] == "book_db"


@pytest.mark.parametrize("lacks, says", [("eos", "no EOS token"), ("unk", "no pad token")])
def test_a_tokenizer_that_lacks_a_token(script, tmp_path, lacks, says):
    make_model().make_tokenizer(**{lacks: False}).save_pretrained(tmp_path)
    message = refused(lambda: script.load_tokenizer(argparse.Namespace(base_model=str(tmp_path))))
    assert says in message and str(tmp_path) in message


def test_a_full_disk(script, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(script.shutil, "disk_usage", lambda path: usage(100e9, 99e9, 1e9))
    monkeypatch.setattr(sys, "argv", ["train", "--output-dir", "out"])
    monkeypatch.chdir(tmp_path)
    assert refused(script.main) == "out: there are less than 5 GB left on this disk"


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--output-dir", "file/out"], "file"),
        (["--base-model", "nowhere/none"], "nowhere/none: "),  # offline the library does not name it
        (["--base-model", "folder"], "folder: "),
        (["--logging-steps", "0"], "requires non-zero --logging_steps"),
        (["--report-to", "wandb"], "No API key configured. Use `wandb login`"),
        (["--demo"], "fixtures/trainer/make_model.py"),
    ],
)
def test_what_the_machine_lacks(script, tmp_path, monkeypatch, flags, says):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(sys, "argv", ["train", "--report-to", "none", *flags])
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.chdir(tmp_path)
    assert says in refused(script.main)


def test_a_model_without_weights(script, data, tmp_path, monkeypatch):
    make_model().make_tokenizer().save_pretrained(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train", "--report-to", "none", "--base-model", "model"])
    assert "Unrecognized model in model" in refused(script.main)


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--jsonl", "asked.jsonl"], "asked.jsonl: line 3 is no JSON object: '[1]\\n'"),
        (["--jsonl", "nowhere.jsonl"], "nowhere.jsonl"),
        ([], "a question is needed in every row"),
        (["How many?"], "models/nl2sql-unsloth: no adapter is there"),
    ],
)
def test_what_cannot_be_asked(script, tmp_path, monkeypatch, flags, says):
    (tmp_path / "asked.jsonl").write_text('{"question": "How many?"}\n\n[1]\n')
    monkeypatch.setitem(sys.modules, "train_unsloth_complete", script)
    monkeypatch.setattr(sys, "argv", ["generate", *flags])
    monkeypatch.chdir(tmp_path)
    program = runpy.run_path(str(SCRIPT.parent / "generate_sql.py"))
    assert says in refused(program["main"])


def test_a_question_and_a_file_of_questions(script, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "train_unsloth_complete", script)
    monkeypatch.setattr(sys, "argv", ["generate", "How many?", "--jsonl", "asked.jsonl"])
    program = runpy.run_path(str(SCRIPT.parent / "generate_sql.py"))
    assert refused(program["main"]) == "2" and "not allowed with argument question" in capsys.readouterr().err


def test_too_many_processes_for_the_batch(script, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert "3 processes of 4 rows make no steps of 16" in refused(lambda: script.training_arguments(None))


def test_the_newest_checkpoint_is_by_number(script, tmp_path):
    assert script.newest_checkpoint(tmp_path / "nowhere") is None
    states = {"500": '{"a": 1}', "1500": '{"a": 1}', "2000": "", "2500": None, "best": '{"a": 1}'}
    for number, state in states.items():
        folder = tmp_path / f"checkpoint-{number}"
        folder.mkdir(exist_ok=True)
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert script.newest_checkpoint(tmp_path) == str(tmp_path / "checkpoint-1500")


def test_labels_are_the_sql_and_its_end(script, tmp_path, monkeypatch):
    """On what the trainer really holds: each row's labels are masked up to the SQL, then exactly SQL and EOS."""
    from .conftest import ROOT

    caught = []
    real = script.preflight
    monkeypatch.setattr(script, "preflight", lambda trainer: (caught.append(trainer), real(trainer)))
    monkeypatch.setattr(sys, "argv", ["train", "--demo", "--preflight-only"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    script.main()
    (trainer,) = caught
    tokenizer = trainer.processing_class
    args = argparse.Namespace(data_dir="fixtures/trainer", allow_missing=False)
    pairs = {row["prompt"] + row["completion"]: row["completion"] for row in script.load_data(tokenizer, args)[0]}
    assert len(trainer.train_dataset) > 100
    for row in trainer.train_dataset:
        kept = [label for label in row["labels"] if label != -100]
        start = len(row["labels"]) - len(kept)
        assert row["labels"] == [-100] * start + row["input_ids"][start:]
        text = tokenizer.decode(row["input_ids"]).removeprefix("<s>").lstrip()
        assert tokenizer.decode(kept) == pairs[text]
        assert kept.count(tokenizer.eos_token_id) == 1 and kept[-1] == tokenizer.eos_token_id
        assert row["input_ids"].count(tokenizer.bos_token_id) == 1
    assert not list((tmp_path / "demo").glob("checkpoint-*"))
