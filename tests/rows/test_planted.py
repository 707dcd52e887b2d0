"""Sixteen defects among two hundred clean rows: each is found by its rule, at its row and line, and nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from . import planted

ROOT = Path(__file__).resolve().parents[2]


def data(folder: Path, *options: str) -> tuple[int, str, str]:
    """(exit code, output, errors) of `nl2sql-review data train.py` in a folder."""
    command = [sys.executable, "-m", "nl2sql_review", "data", "train.py", *options]
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, done.stdout, done.stderr


def findings(output: str) -> list[dict[str, Any]]:
    return [finding for file in json.loads(output)["files"] for finding in file["findings"]]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, int]], list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("planted")
    truth = planted.write(folder)
    code, output, errors = data(folder, "--all", "--output-format", "json")
    assert code == 1, errors
    return folder, truth, findings(output)


def test_each_defect_is_found_by_its_rule_at_its_row(checked: Any) -> None:
    _, truth, found = checked
    at = {(f["location"]["row"], f["rule"]) for f in found if f["location"]["path"] == "train.jsonl"}
    assert {name: (row, rule) for name, (rule, row) in truth.items() if (row, rule) not in at} == {}


def test_nothing_else_is_found(checked: Any) -> None:
    _, truth, found = checked
    rows = {row for _, row in truth.values()}
    assert [f["message"] for f in found if f["location"]["row"] not in {*rows, None}] == []


def test_what_is_about_the_file_has_no_row(checked: Any) -> None:
    _, _, found = checked
    (whole,) = (f for f in found if f["location"]["row"] is None)
    assert whole["rule"] == "rows/databases" and whole["location"]["path"] == "train.jsonl"
    assert whole["message"] == "1 of the 1 databases of the held-out set are in the training data (100%)"


def test_the_trace_is_the_line_that_reads_it(checked: Any) -> None:
    _, truth, found = checked
    line = {f["rule"]: f["trace"][0]["location"]["row"] for f in found}
    assert line["rows/schema-cut"] == planted.LINES["schema"]
    assert line["rows/sql"] == line["rows/columns"] == planted.LINES["sql"]
    assert line["rows/markers"] == planted.LINES["question"]


def test_the_first_of_two_rows_is_related(checked: Any) -> None:
    _, _, found = checked
    related = {f["rule"]: f["related"] for f in found if f["related"]}
    assert related == {
        "rows/duplicates": ["train.jsonl:4"],
        "rows/contradictions": ["train.jsonl:8"],
        "rows/held-out": ["dev.jsonl:2"],
    }


def test_without_all_a_rule_is_one_finding_that_counts(checked: Any) -> None:
    folder, truth, _ = checked
    _, output, _ = data(folder, "--output-format", "json")
    of_rule = [f for f in findings(output) if f["rule"] == "rows/sql"]
    rows = sorted(row for rule, row in truth.values() if rule == "rows/sql")
    assert len(of_rule) == 1 and of_rule[0]["location"]["row"] == rows[0]
    assert of_rule[0]["message"].startswith(f"4 rows: {', '.join(map(str, rows))} (--all for each)")


def test_a_clean_copy_has_the_other_rows_and_the_reasons(checked: Any, tmp_path: Path) -> None:
    folder, truth, _ = checked
    before = (folder / "train.jsonl").read_bytes()
    code, _, errors = data(folder, "--write-clean", str(tmp_path / "clean"), "-q")
    assert code == 1 and "200 rows kept, 16 dropped" in errors
    kept = (tmp_path / "clean" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in kept] == planted.clean()
    lines = (tmp_path / "clean" / "train.jsonl.dropped.jsonl").read_text(encoding="utf-8").splitlines()
    reasons = {row["row"]: row["reasons"] for row in map(json.loads, lines)}
    assert all(any(reason.startswith(rule) for reason in reasons[row]) for rule, row in truth.values())
    assert (folder / "train.jsonl").read_bytes() == before
    code, _, errors = data(folder, "--write-clean", str(tmp_path / "clean"))
    assert code == 2 and "is not overwritten" in errors


def test_sarif_points_to_the_line_of_the_row(checked: Any) -> None:
    folder, truth, _ = checked
    _, output, _ = data(folder, "--all", "--output-format", "sarif")
    jsonschema.validate(
        json.loads(output), json.loads((ROOT / "tests/render/schemas/sarif.json").read_text(encoding="utf-8"))
    )
    places = {
        (result["ruleId"], result["locations"][0]["physicalLocation"]["region"]["startLine"])
        for result in json.loads(output)["runs"][0]["results"]
    }
    assert {(rule, row) for rule, row in truth.values()} <= places


def test_html_shows_a_row_as_the_model_sees_it(checked: Any) -> None:
    folder, _, _ = checked
    _, output, _ = data(folder, "--output-format", "html")
    assert "Row 1 of train.jsonl as the model will see it" in output
    assert "<mark>SELECT max(age) FROM singer</mark>" in output and "### Response:" in output


def test_json_keeps_to_the_schema_of_a_report(checked: Any) -> None:
    folder, _, _ = checked
    _, output, _ = data(folder, "--all", "--output-format", "json")
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(output), schema)
