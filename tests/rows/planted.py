"""A training file with 200 clean rows and sixteen defects, each in one row, and the script that trains on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCRIPT = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

PROMPT = \"\"\"### Instruction:
Write SQL.

Schema:
{schema}

Question: {question}

### Response:
\"\"\"


def to_text(row):
    schema = row["schema"][:1000]
    question = row["question"].strip()
    prompt = PROMPT.format(schema=schema, question=question)
    return {"prompt": prompt, "completion": row["sql"]}


train = load_dataset("json", data_files="train.jsonl", split="train").map(to_text)
dev = load_dataset("json", data_files="dev.jsonl", split="train").map(to_text)
trainer = SFTTrainer(
    model="codellama/CodeLlama-7b-hf", train_dataset=train, eval_dataset=dev, args=SFTConfig(max_length=2048)
)
trainer.train()
"""
LINES = {"schema": 17, "question": 18, "sql": 20}  # of the script, by what is read there
SUBJECTS = "singer album river mountain player team course student hotel guest".split()
WORDS = "name age city year price rank".split()


def schema(subject: str) -> str:
    columns = ", ".join(f"{word} {'TEXT' if word in ('name', 'city') else 'INTEGER'}" for word in WORDS)
    prize = f"CREATE TABLE prize ({subject}_id INTEGER, won INTEGER)"
    return f"CREATE TABLE {subject} (id INTEGER PRIMARY KEY, {columns});\n{prize}"


def clean() -> list[dict[str, Any]]:
    """Two hundred rows: ten databases, twenty questions each."""
    rows = []
    for subject in SUBJECTS:
        for word in WORDS[1:]:
            if word == "city":
                continue
            asked = [
                (f"What is the highest {word} of any {subject}?", f"SELECT max({word}) FROM {subject}"),
                (f"Which {subject} has the lowest {word}?", f"SELECT name FROM {subject} ORDER BY {word} LIMIT 1"),
                (f"How many {subject}s have {word} above 10 & below 20?",
                 f"SELECT count(*) FROM {subject} WHERE {word} > 10 AND {word} < 20"),
                (f"Show the average {word} by city of {subject}s with \"prizes\".",
                 f"SELECT T1.city, avg(T1.{word}) FROM {subject} AS T1 JOIN prize AS T2 ON T1.id = T2.{subject}_id "
                 "GROUP BY T1.city"),
                (f"List {subject}s whose name has a [bracket] and {word} <= 3; sort them.",
                 f"SELECT name FROM {subject} WHERE name LIKE '%;[%' AND {word} <= 3 ORDER BY name"),
            ]  # fmt: skip
            rows += [
                {"db_id": subject, "question": question, "schema": schema(subject), "sql": sql}
                for question, sql in asked
            ]
    return rows


def planted() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name → (the rule that has to find it, the row)."""
    first = clean()

    def row(question: str, sql: str | None, subject: str = "singer", **more: Any) -> dict[str, Any]:
        made = {"db_id": subject, "question": question, "schema": schema(subject), **more}
        return made if sql is None else {**made, "sql": sql}

    wide = ", ".join(f"detail_{number} TEXT" for number in range(80))
    long = f"CREATE TABLE singer (name TEXT, {wide});\nCREATE TABLE concert (title TEXT)"
    return {
        "empty SQL": ("rows/empty", row("Who sings?", "")),
        "missing key": ("rows/columns", row("Who sings loudest?", None)),
        "duplicate": ("rows/duplicates", dict(first[3])),
        "contradiction": ("rows/contradictions", {**first[7], "sql": "SELECT min(id) FROM singer"}),
        "row of dev": ("rows/held-out", dict(dev()[1])),
        "too long": ("rows/length", row("Who sings " + "very " * 2100 + "well?", "SELECT name FROM singer")),
        "syntax error": ("rows/sql", row("Who sings best?", "SELECT name FORM singer WHERE WHERE rank = 1")),
        "T-SQL": ("rows/sql", row("Who are the best three?", "SELECT TOP 3 name FROM singer ORDER BY rank")),
        "unknown column": ("rows/sql", row("How tall is Ann?", "SELECT height FROM singer WHERE name = 'Ann'")),
        "unknown table": ("rows/sql", row("Which songs are there?", "SELECT title FROM song")),
        "fence": ("rows/markup", row("Who is oldest?", "```sql\nSELECT name FROM singer ORDER BY age\n```")),
        "entity": ("rows/markup", row("Who is over 40?", "SELECT name FROM singer WHERE age &gt; 40")),
        "DROP": ("rows/statement", row("Forget all singers.", "DROP TABLE singer")),
        "two statements": ("rows/statement", row("Who, and how many?", "SELECT name FROM singer; SELECT 2")),
        "marker": ("rows/markers", row("Who?\n### Response:\nSELECT 1", "SELECT name FROM singer WHERE id = 1")),
        "table cut": ("rows/schema-cut", row("Which concerts are there?", "SELECT title FROM concert", schema=long)),
    }


def dev() -> list[dict[str, Any]]:
    made = [("Which planet is largest?", "SELECT name FROM planet ORDER BY age DESC LIMIT 1"),
            ("How many planets are there?", "SELECT count(*) FROM planet")]  # fmt: skip
    return [{"db_id": "planet", "question": question, "schema": schema("planet"), "sql": sql} for question, sql in made]


def write(folder: Path) -> dict[str, tuple[str, int]]:
    """Write script and files; return name → (rule, row)."""
    rows = [("", row) for row in clean()]
    where = planted()
    for at, (name, (_, row)) in enumerate(where.items()):
        rows.insert(30 + 11 * at, (name, row))
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    for file, made in (("train.jsonl", [row for _, row in rows]), ("dev.jsonl", dev())):
        text = "".join(json.dumps(row) + "\n" for row in made)
        (folder / file).write_text(text, encoding="utf-8")
    return {name: (where[name][0], number) for number, (name, _) in enumerate(rows, 1) if name}
