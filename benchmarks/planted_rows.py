"""Sixteen defects planted anew among 200 clean rows of Spider's development set: how many does `data` find?

    python benchmarks/planted_rows.py spider/dev.json spider/tables.json --seeds 101 102 103 104 105

For each seed other rows, other places and other forms of each defect, in JSONL and JSON by turns. Prints what was not
found, and what was found in a row without a defect; exits 1 where that is anything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = '''\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

PROMPT = """### Instruction:
Write SQL.

Schema:
{schema}

Question: {question}

### Response:
"""


def to_text(row):
    prompt = PROMPT.format(schema=row["schema"][:1000], question=row["question"].strip())
    return {"prompt": prompt, "completion": row["sql"]}


train = load_dataset("json", data_files="TRAIN", split="train").map(to_text)
dev = load_dataset("json", data_files="dev.jsonl", split="train").map(to_text)
args = SFTConfig(max_length=2048)
trainer = SFTTrainer(model="codellama/CodeLlama-7b-hf", train_dataset=train, eval_dataset=dev, args=args)
trainer.train()
'''
Row = dict[str, Any]


def ddl(database: Row) -> str:
    """The tables of an entry of Spider's tables.json."""
    made = []
    for number, name in enumerate(database["table_names_original"]):
        columns = [
            f'"{column}" {"INTEGER" if kind == "number" else "TEXT"}'
            for (table, column), kind in zip(database["column_names_original"], database["column_types"])
            if table == number
        ]
        made.append(f'CREATE TABLE "{name}" ({", ".join(columns)});')
    return "\n".join(made)


def table(row: Row, last: bool = False) -> str:
    return re.findall(r'CREATE TABLE "([^"]+)"', row["schema"])[-1 if last else 0]


def mistaken(sql: str, chance: random.Random) -> str:
    """SQL with one error of syntax."""
    match chance.randrange(4):
        case 0:
            return re.sub(r"(?i)\bfrom\b", "FORM", sql, count=1)
        case 1:
            return f"{sql} )"
        case 2:
            return f"{sql} WHERE WHERE 1 = 2"
        case _:
            return re.sub(r"(?i)^select", "SELECT ,", sql)


def planted(rows: list[Row], held: list[Row], long: Row, chance: random.Random) -> dict[str, tuple[str, Row]]:
    """Name → (the rule that has to find it, the row)."""

    def row(name: str, make: Any = None, **more: Any) -> Row:
        one = chance.choice(rows)
        return {**one, "question": f"{name}: {one['question']}", **({"sql": make(one)} if make else {}), **more}

    plain = [one for one in rows if one["sql"].lower().startswith("select") and "count" not in one["sql"].lower()]
    top = chance.choice(plain)
    copy, other = chance.choice(rows), chance.choice(rows)
    command = chance.choice(
        ('DROP TABLE "%s"', 'DELETE FROM "%s"', 'UPDATE "%s" SET a = 1', 'INSERT INTO "%s" VALUES (1)')
    )
    fence = chance.choice(("```sql\n%s\n```", "```\n%s```", "```SQL %s ```"))
    entity = chance.choice(("&gt; 5", "Tom &amp; Jerry's", "&quot;old&quot;", "O&#39;Hara's"))
    marker = chance.choice(("### Response:", "### Instruction:", "<|im_end|>", "</s>", "[/INST]"))
    again = chance.choice((str, str.upper, "  {}".format))(copy["question"])
    contrary = f'SELECT count(*) FROM "{table(other)}" WHERE 1 = {chance.randrange(100, 999)}'
    lacking = {key: value for key, value in row("Missing").items() if key != "sql"}
    return {
        "empty": ("rows/empty", row("Empty", sql=chance.choice(("", "  ", None)))),
        "missing key": ("rows/columns", lacking),
        "duplicate": ("rows/duplicates", {**copy, "question": again}),
        "contradiction": ("rows/contradictions", {**other, "sql": contrary}),
        "row of dev": ("rows/held-out", dict(chance.choice(held))),
        "too long": ("rows/length", row("Long", question="Why " + chance.choice(("very ", "so ", "oh my ")) * 2500)),
        "syntax error": ("rows/sql", row("Syntax", lambda one: mistaken(one["sql"], chance))),
        "T-SQL": ("rows/sql", {**top, "question": "Top?",
                               "sql": re.sub(r"(?i)^select (distinct )?", "SELECT TOP 3 ", top["sql"])}),
        "unknown column": ("rows/sql", row("Column", lambda one: f'SELECT quantum FROM "{table(one)}"')),
        "unknown table": ("rows/sql", row("Table", sql="SELECT * FROM nowhere")),
        "fence": ("rows/markup", row("Fence", lambda one: fence % one["sql"])),
        "entity": ("rows/markup", row("Entity", question=f"Which are {entity}?")),
        "command": ("rows/statement", row("Command", lambda one: command % table(one))),
        "two statements": ("rows/statement", row("Two", lambda one: f"{one['sql'].rstrip(';')}; SELECT 1")),
        "marker": ("rows/markers", row("Marker", question=f"Who? {marker} x")),
        "table cut": ("rows/schema-cut", {**long, "sql": f'SELECT count(*) FROM "{table(long, last=True)}"'}),
    }  # fmt: skip


def draw(dev: list[Row], schemas: dict[str, str], chance: random.Random) -> tuple[list[Row], list[Row]]:
    """(200 rows whose schema needs no cut, some others that are held out): no question twice."""
    usable = [one for one in dev if len(schemas[one["db_id"]]) <= 1000]
    chance.shuffle(usable)
    chosen: dict[tuple[str, str], Row] = {}
    for one in usable:
        row = {"db_id": one["db_id"], "question": one["question"], "schema": schemas[one["db_id"]], "sql": one["query"]}
        chosen.setdefault((one["db_id"], " ".join(one["question"].split()).casefold()), row)
    rows = list(chosen.values())
    return rows[:200], rows[200:240]


def run(folder: Path, name: str) -> list[Row]:
    command = [sys.executable, "-m", "nl2sql_review", "data", "train.py", "--all", "--output-format=json", "--isolated"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    found = [one for file in json.loads(done.stdout)["files"] for one in file["findings"]]
    return [one for one in found if one["location"]["path"] == name and one["location"]["row"]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dev", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    args = parser.parse_args()
    schemas = {one["db_id"]: ddl(one) for one in json.loads(args.tables.read_text(encoding="utf-8"))}
    dev = json.loads(args.dev.read_text(encoding="utf-8"))
    wrong = 0
    for number, seed in enumerate(args.seeds):
        chance = random.Random(seed)
        rows, held = draw(dev, schemas, chance)
        name = chance.choice(sorted(key for key, text in schemas.items() if 2000 < len(text) < 6000))
        long = {"db_id": name, "question": "Cut?", "schema": schemas[name]}
        truth = planted(rows, held, long, chance)
        placed: list[tuple[str, Row]] = [("", row) for row in rows]
        for defect, (_, row) in truth.items():
            last = defect in ("duplicate", "contradiction")  # the second of two rows is the one that is told
            placed.insert(len(placed) if last else chance.randint(0, len(placed)), (defect, row))
        with tempfile.TemporaryDirectory() as temporary:
            folder, file = Path(temporary), ("train.jsonl", "train.json")[number % 2]
            lines = [json.dumps(row) for _, row in placed]
            text = "\n".join(lines) + "\n" if file.endswith("l") else f"[{','.join(lines)}]"
            (folder / file).write_text(text, encoding="utf-8")
            (folder / "dev.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in held), encoding="utf-8")
            (folder / "train.py").write_text(SCRIPT.replace("TRAIN", file), encoding="utf-8")
            findings = run(folder, file)
        at = {(one["location"]["row"], one["rule"]) for one in findings}
        where = {defect: row for row, (defect, _) in enumerate(placed, 1) if defect}
        missed = [defect for defect, row in where.items() if (row, truth[defect][0]) not in at]
        false = [one["message"] for one in findings if one["location"]["row"] not in where.values()]
        print(f"seed {seed}, {file}: {16 - len(missed)} of 16 found, {len(false)} false on {len(rows)} clean rows")
        print(*(f"  missed: {each}" for each in missed), *(f"  false: {each}" for each in false), sep="\n", end="")
        wrong += len(missed) + len(false)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
