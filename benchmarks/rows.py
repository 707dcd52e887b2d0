"""How fast `nl2sql-review data` checks many rows, and in how much memory: `python benchmarks/rows.py`.

    python benchmarks/rows.py --rows 1000000                         # 1.3 GB in a temporary folder
    python benchmarks/rows.py --rows 4000 --dropoutt ENV/bin/dropoutt    # the same file by another checker

Makes a JSONL file of the questions and databases of `benchmarks/teach`, every pair of schema and SQL another one, and
one row in a thousand with a column that its schema lacks, then runs the command on it as a user does: once without the
rules about SQL, once with them. Prints rows a second, starting included, processor time, and the memory of the largest
process. Exits 1 where the rows or the findings are not those that were made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks" / "teach"))
WRONG = 1000  # one row of so many has SQL that its schema refuses
SCRIPT = '''\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

PROMPT = """### Instruction:
Generate a SQL query.

Database Schema:
{schema}

Question: {question}

### Response:
{sql}</s>"""


def to_text(row):
    return {"text": PROMPT.format(schema=row["schema"][:4000], question=row["question"], sql=row["sql"])}


data = load_dataset("json", data_files="train.jsonl", split="train").map(to_text)
args = SFTConfig(dataset_text_field="text", max_length=4096)
SFTTrainer(model="codellama/CodeLlama-7b-hf", args=args, train_dataset=data).train()
'''
SQL = ("rows/sql", "rows/schema", "rows/schema-cut")


def make(folder: Path, count: int) -> int:
    """Write train.py and train.jsonl; returns how many of its rows are refused."""
    from make_data import make_set
    from themes import TRAIN

    _, rows = make_set(TRAIN, 8, 6000, 7)
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    refused = 0
    with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            row, turn = rows[number % len(rows)], number // len(rows) + 2
            sql, question = f"SELECT * FROM ({row['sql']}) LIMIT {turn}", f"{row['question']} Show at most {turn}."
            if number % WRONG == WRONG - 1:
                sql, refused = f"SELECT column_{number} FROM ({row['sql']})", refused + 1
            made = {**row, "id": f"r{number}", "question": question, "sql": sql}
            file.write(json.dumps(made) + "\n")
    return refused


def run(title: str, argv: list[str], folder: Path, rows: int) -> tuple[int, str]:
    """Run a command in the folder and print what it took: (exit code, its output)."""
    began, before = time.perf_counter(), os.times()
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    taken, after = time.perf_counter() - began, os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(
        f"{title}: {rows / taken:,.0f} rows a second; {taken:.1f} s, {spent:.1f} s of processor time "
        f"({rows / spent:,.0f} rows a second of it), {used.ru_maxrss / 1024:.0f} MB in the largest process",
        flush=True,
    )
    return process.returncode, text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--jobs", default=str(os.cpu_count()))
    parser.add_argument("--folder", type=Path, help="an empty folder for the files, in place of a temporary one")
    parser.add_argument("--dropoutt", help="its program, to be run on the same file")
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        refused = make(folder, args.rows)
        size = (folder / "train.jsonl").stat().st_size / 1e6
        print(f"{args.rows:,} rows, {size:,.0f} MB, {args.jobs} processes", flush=True)
        command = [
            sys.executable,
            "-m",
            "nl2sql_review",
            "data",
            "train.py",
            "--output-format",
            "json",
            "-j",
            args.jobs,
        ]
        wrong = 0
        for title, more in (("without SQL", ["--ignore", ",".join(SQL)]), ("with SQL", [])):
            code, text = run(title, [*command, *more], folder, args.rows)
            found = [one for report in json.loads(text)["files"] for one in report["findings"]]
            said = " ".join(one["message"] for one in found if one["rule"] == "rows/sql")
            right = (f"{refused:,} rows" in said or refused < 2) if not more else not found
            if code > 1 or not right:
                print(f"{title}: exit {code}, {[one['message'][:200] for one in found]}", file=sys.stderr)
                wrong = 1
        if args.dropoutt:
            (folder / "in").mkdir()
            (folder / "train.jsonl").rename(folder / "in" / "train.jsonl")  # it scans a folder
            quietly = ["--offline", "--no-html", "--no-open", "-q", "-j", args.jobs, "--out", "out"]
            run("dropoutt", [args.dropoutt, "scan", "in", *quietly], folder, args.rows)
        return wrong


if __name__ == "__main__":
    sys.exit(main())
