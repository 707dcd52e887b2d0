"""Files that are no rows and SQL beyond every measure: named with file and row, and the rest is judged."""

from __future__ import annotations

import json

import pytest

from .test_planted import data

SCRIPT = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer


def to_text(row):
    return {"text": "Schema:\\n" + row["schema"] + "\\nQuestion:\\n" + row["question"] + "\\nSQL:\\n" + row["sql"]}


data = load_dataset("json", data_files="t.jsonl", split="train").map(to_text)
SFTTrainer(model="m", args=SFTConfig(dataset_text_field="text"), train_dataset=data).train()
"""


def row(question, sql="SELECT a FROM t", schema="CREATE TABLE t (a INT)"):
    return json.dumps({"schema": schema, "question": question, "sql": sql})


def found(folder, content):
    (folder / "train.py").write_text(SCRIPT)
    (folder / "t.jsonl").write_bytes(content)
    code, output, errors = data(folder, "--all", "--isolated", "--output-format", "json", "-j1")
    assert code == 1, errors
    (file,) = json.loads(output)["files"]
    return [(one["rule"], one["location"]["row"], one["message"]) for one in file["findings"]]


def test_utf_16_is_told_once(tmp_path):
    ((rule, _, message),) = found(tmp_path, f"{row('one')}\n{row('two')}\n".encode("utf-16"))
    assert rule == "rows/unreadable" and "save it as UTF-8" in message


@pytest.mark.parametrize(
    ("sql", "rule", "said"),
    [
        (f"SELECT '{'y' * 3_000_000}'", "rows/sql", "3,000,009 characters"),
        ("SELECT a\0 FROM t", "rows/sql", "null character"),
        ("ATTACH DATABASE 'pwned.db' AS x", "rows/statement", "ATTACH is not a query"),
        ("VACUUM INTO 'pwned.db'", "rows/statement", "VACUUM is not a query"),
        ("SELECT load_extension('x')", "rows/sql", "reaches outside"),
        ("SELECT writefile('pwned.db', 'x')", "rows/sql", "no such function"),
    ],
)
def test_sql_beyond_every_measure_costs_its_own_row(tmp_path, sql, rule, said):
    lines = [row("one"), row("two", sql), row("three"), row("four", "SELECT missing FROM t")]
    made = found(tmp_path, "\n".join(lines).encode())
    assert [(kind, number) for kind, number, _ in made] == sorted([(rule, 2), ("rows/sql", 4)], key=lambda one: one[1])
    assert said in made[0][2] and not (tmp_path / "pwned.db").exists()


def test_a_recursion_without_end_is_prepared_and_not_run(tmp_path):
    bomb = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    made = found(tmp_path, "\n".join([row("one", bomb), row("two", "SELECT missing FROM t")]).encode())
    assert [(kind, number) for kind, number, _ in made] == [("rows/sql", 2)]


def test_a_null_character_is_told_wherever_it_is(tmp_path):
    """In a question as in SQL, and of SQL also where no schema is there to ask."""
    lines = [row("one"), row("t\0wo"), row("three", "SELECT a\0 FROM t", "")]
    made = found(tmp_path, "\n".join(lines).encode())
    assert [(rule, number) for rule, number, _ in made] == [("rows/markup", 2), ("rows/sql", 3)]
    assert all("null character" in message for _, _, message in made)


def test_a_schema_that_does_not_load_is_told_in_one_clause(tmp_path):
    endless = "CREATE TABLE t AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS a FROM c"
    made = found(tmp_path, f"{row('one')}\n{row('two', schema=endless)}\n{row('three', 'SELECT b FROM t')}\n".encode())
    (message,) = (message for rule, number, message in made if rule == "rows/schema" and number == 2)
    assert message.count("load") == 1


def test_data_that_is_not_there_is_not_called_a_script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    code, output, _ = data(tmp_path, "--isolated")
    assert code == 3 and output.endswith("t.jsonl: not checked: the file does not exist\nno data file was checked\n")
