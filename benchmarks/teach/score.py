"""Scores stored predictions by `nl2sql-review evaluate` and writes measured.jsonl: a line for each way of asking a run.

    python benchmarks/teach/score.py DATA SET=FOLDER... > benchmarks/teach/measured.jsonl

FOLDER holds what `matrix.py` wrote. A line has the figures of the run, and `outcomes`: a letter a question, in the
order of the test file, so that two lines can be compared question by question.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from nl2sql_review.rows.scoring.evaluate import Asked, evaluate  # noqa: E402

LETTERS = {
    "right": "+",
    "wrong-rows": "w",
    "refused-by-engine": "r",
    "refused-by-us": "u",
    "timed-out": "t",
    "empty": "e",
}
KEYS = ("variant", "seed", "prompt", "cut")


def outcomes(sql: list[str], ids: list[str], gold: Path, databases: Path) -> tuple[str, float]:
    """A letter a question, and the schema-valid rate."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps({"id": q, "predicted": text}) + "\n" for q, text in zip(ids, sql, strict=True))
        file.flush()
        made = evaluate(Asked(file.name, str(gold), databases=str(databases), jobs=2))
    return "".join(LETTERS[judged.outcome] for judged in made.results), made.schema_valid_rate or 0.0


def main() -> None:
    data = Path(sys.argv[1])
    for given in sys.argv[2:]:
        name, folder = given.split("=")
        told = {
            tuple(row[key] for key in KEYS): row for row in map(json.loads, (Path(folder) / "results.jsonl").open())
        }
        known: dict[tuple[str, int], dict[str, object]] = {}
        for row in map(json.loads, (Path(folder) / "predictions.jsonl").open()):
            key = tuple(row[k] for k in KEYS)
            letters, valid = outcomes(row["sql"], row["ids"], data / "test.jsonl", data / "databases")
            figures = known.setdefault((row["variant"], row["seed"]), told[key])
            line = {
                **figures,
                **told[key],
                "set": name,
                "schema_valid_rate": round(valid, 4),
                "product_right": letters.count("+"),
            }
            print(json.dumps({**line, "outcomes": letters}), flush=True)
            if letters.count("+") != told[key]["right"]:
                print(
                    f"{key}: {letters.count('+')} right, there {told[key]['right']}, {told[key]['right_first']}",
                    file=sys.stderr,
                )


if __name__ == "__main__":
    main()
