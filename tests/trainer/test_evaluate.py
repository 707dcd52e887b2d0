"""The trainer evaluates: it answers held-out questions at each save, and what is right decides which is kept."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from .conftest import GOLD, SCRIPT, Run, needs_stack

pytestmark = needs_stack


@pytest.fixture
def evaluate_sql(script):
    import evaluate_sql

    return evaluate_sql


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


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--model", "empty"], "empty: no adapter and no model is there"),
        (["--model", "empty", "--db", "nowhere"], "nowhere: no such folder of databases"),
    ],
)
def test_what_cannot_be_scored(evaluate_sql, tmp_path, monkeypatch, flags, says):
    (tmp_path / "dev.jsonl").write_text(json.dumps(GOLD[0]) + "\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evaluate", "dev.jsonl", *flags])
    with pytest.raises(SystemExit, match=says):
        evaluate_sql.main(evaluate_sql.command_line())


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
