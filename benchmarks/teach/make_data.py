"""Makes everything the measurement asks and teaches: schemas, SQLite files and questions, the same for the same seed.

    python benchmarks/teach/make_data.py OUT [--rows 6000] [--test 800] [--seed 7]

OUT/train.jsonl, OUT/test.jsonl and OUT/databases/<db_id>/*.sqlite (two fillings each) for the test. No theme, and so no
database, of the test occurs in training.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from databases import Database, make_database, write
from questions import Asker
from themes import TEST, TRAIN


def make_set(
    themes: dict[str, str], variants: int, count: int, seed: int
) -> tuple[list[Database], list[dict[str, str]]]:
    databases = [make_database(theme, text, v, seed) for theme, text in themes.items() for v in range(variants)]
    rows: list[dict[str, str]] = []
    for number, database in enumerate(databases):
        wanted = count * (number + 1) // len(databases) - count * number // len(databases)
        rows += [{**row, "schema": database.schema} for row in Asker(database, seed).draw(wanted)]
    random.Random(seed).shuffle(rows)
    for number, row in enumerate(rows):
        row["id"] = f"q{number}"
    return databases, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--test", type=int, default=800)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, themes, variants, count in (("train", TRAIN, 8, args.rows), ("test", TEST, 5, args.test)):
        databases, rows = make_set(themes, variants, count, args.seed)
        with (args.out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        if name == "test":
            for database in databases:
                write(database, args.out / "databases", args.seed)
        long = sum(len(row["schema"]) > 1000 for row in rows) / len(rows)
        print(
            f"{name}: {len(rows)} questions on {len(databases)} databases, {long:.0%} of schemas over 1000 characters"
        )


if __name__ == "__main__":
    main()
