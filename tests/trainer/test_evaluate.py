"""The trainer evaluates: it answers held-out questions at each save, and what is right decides which is kept."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys

import pytest

from .conftest import SCRIPT, Run, environment, needs_stack

pytestmark = needs_stack
SCHEMA = "CREATE TABLE singer (name TEXT, age INTEGER)"
GOLD = [
    {"question": "How many?", "sql": "SELECT COUNT(*) FROM singer", "db_id": "concert", "prompt": SCHEMA},
    {"question": "Names?", "sql": "SELECT name FROM singer", "db_id": "concert", "prompt": SCHEMA},
]


@pytest.fixture
def evaluate_sql(script):
    import evaluate_sql

    return evaluate_sql


@pytest.fixture
def databases(tmp_path):
    folder = tmp_path / "databases" / "concert"
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "concert.sqlite")
    connection.execute(SCHEMA)
    connection.executemany("INSERT INTO singer VALUES (?, ?)", [("Ada", 30), ("Ben", 40)])
    connection.commit()
    connection.close()
    return folder.parent


def test_help_imports_nothing_heavy_and_explains_every_option(tmp_path):
    for name in ("unsloth", "torch", "transformers"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    script = str(SCRIPT.with_name("evaluate_sql.py"))
    helped = subprocess.run(
        [sys.executable, script, "--help"], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert helped.returncode == 0 and not helped.stderr
    options = helped.stdout.partition("\noptions:\n")[2]
    starts = re.split(r"\n(?=  -)", options)
    assert len(starts) == 6 and all(re.search(r"(\s{2,}|\n\s+)\w+ \w+", option.strip()) for option in starts), options


def test_a_folder_without_a_model_is_said(tmp_path):
    (tmp_path / "dev.jsonl").write_text(json.dumps(GOLD[0]) + "\n")
    (tmp_path / "empty").mkdir()
    command = [sys.executable, str(SCRIPT.with_name("evaluate_sql.py")), "dev.jsonl", "--model", "empty"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
    assert ended.returncode == 1 and "empty: no adapter and no model is there" in ended.stderr


def test_scores_are_by_the_databases_or_by_the_schemas(evaluate_sql, databases, tmp_path):
    answers = [("SELECT COUNT(name) FROM singer", True), ("SELECT age FROM singer", False)]
    scored = evaluate_sql.score(GOLD, answers, str(databases), tmp_path / "answers.jsonl")
    assert (scored.execution_accuracy, scored.schema_valid_rate) == (0.5, 1.0)
    assert [json.loads(line)["stopped"] for line in (tmp_path / "answers.jsonl").open()] == [True, False]
    scored = evaluate_sql.score(GOLD, [answers[0], ("SELECT nothing FROM singer", True)])
    assert (scored.execution_accuracy, scored.schema_valid_rate) == (None, 0.5)
    assert "accepted on its schema 50.0%" in evaluate_sql.told(scored)


def test_only_rows_whose_database_is_there_are_asked(evaluate_sql, databases):
    rows = [{**row, "completion": row["sql"] + "</s>"} for row in GOLD] + [{"db_id": "other"}, {"db_id": ""}]
    assert len(evaluate_sql.SQLAccuracy(rows, str(databases)).rows) == 2
    assert len(evaluate_sql.SQLAccuracy(rows).rows) == 4
    assert len(evaluate_sql.SQLAccuracy(rows * 201).rows) <= evaluate_sql.ROWS
    with pytest.raises(ValueError, match="of the 2 held-out rows none has its database there"):
        evaluate_sql.SQLAccuracy(rows[2:], str(databases))


def test_answers_in_batches_are_those_of_one_prompt_at_a_time(evaluate_sql, tiny):
    """Padding on the left changes nothing, and the answers come back in the order of the prompts."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(tiny), AutoModelForCausalLM.from_pretrained(tiny).float()
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token
    prompts = ["Question: How many singers are there?\n", "A\n", "Database Schema:\nCREATE TABLE book (title TEXT)\n"]
    evaluate_sql.MAX_NEW_TOKENS, before = 8, evaluate_sql.MAX_NEW_TOKENS
    try:
        alone = [evaluate_sql.answer(model, tokenizer, [prompt])[0] for prompt in prompts]
        assert evaluate_sql.answer(model, tokenizer, prompts, batch_size=2) == alone
    finally:
        evaluate_sql.MAX_NEW_TOKENS = before


def test_a_run_scores_at_each_save_and_keeps_the_best(tmp_path):
    run = Run(tmp_path, ("--evaluate", "--report-to", "wandb", "--save-steps", "15", "--no-4bit")).finish()
    state = run.state()
    scored = {entry["step"]: entry for entry in state["log_history"] if "eval_sql_accuracy" in entry}
    assert sorted(scored) == [15, 30, max(scored)]  # the last is that of the end
    assert all(0 <= entry["eval_stopped_at_eos"] <= 1 for entry in scored.values())
    assert state["best_metric"] == max(entry["eval_sql_accuracy"] for entry in scored.values())
    assert state["best_model_checkpoint"].endswith(f"checkpoint-{state['best_global_step']}")
    assert "accepted on its schema" in run.log and "--evaluate: 27 of 27 held-out rows" in run.log
    assert len((tmp_path / "demo" / "predictions-15.jsonl").read_text().splitlines()) == 27
    assert (tmp_path / "demo" / "adapter_model.safetensors").is_file()


def test_an_adapter_is_scored_from_the_command_line(whole_run, databases, tmp_path):
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps({**row, "schema": SCHEMA}) + "\n" for row in GOLD))
    command = [sys.executable, str(SCRIPT.with_name("evaluate_sql.py")), str(tmp_path / "dev.jsonl"), "--model", "demo"]

    def call(*more):
        return subprocess.run(
            [*command, *more], cwd=whole_run.folder, env=environment(tmp_path), capture_output=True, text=True
        )

    done = call("--db", str(databases), "--output", str(tmp_path / "answers.jsonl"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "execution accuracy " in done.stdout and "2 of 2 stopped at EOS" in done.stdout
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").open()]
    assert [answer["id"] for answer in answers] == ["0", "1"] and all(answer["predicted"] for answer in answers)
    refused = call("--db", str(tmp_path / "nowhere"))
    assert refused.returncode == 1 and "nowhere: no such folder of databases" in refused.stderr
