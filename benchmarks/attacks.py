"""Predictions that attack, each in a run of its own: a figure of docs/evaluate.md.

    python benchmarks/attacks.py [--timeout 10]

Says what became of each, whether a file was changed or made, whether the SQL before and behind it was still right, and
how long it took; ends with 1 where a file was changed, other SQL was hurt, or a time-out came a tenth too late.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nl2sql_review.rows.engine.limits import Limits  # noqa: E402
from nl2sql_review.rows.scoring.evaluate import Asked, evaluate  # noqa: E402

ATTACKS = {
    "write": "INSERT INTO singer VALUES (99, 'x', 1)",
    "write in a WITH": "WITH t AS (SELECT 1) DELETE FROM singer",
    "drop": "DROP TABLE singer",
    "attach": "ATTACH DATABASE '{folder}/made.db' AS made",
    "vacuum into": "VACUUM INTO '{folder}/made.db'",
    "pragma": "PRAGMA writable_schema = 1",
    "pragma as a function": "SELECT * FROM pragma_journal_mode('delete')",
    "extension": "SELECT load_extension('{folder}/made.so')",
    "recursive bomb": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "huge result": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t",
    "huge string": "SELECT group_concat(zeroblob(10000000)) FROM singer a, singer b",
    "huge string, unheeding": "SELECT printf('%.*c', 1000000000, 'x')",
    "memory": "WITH RECURSIVE t(n) AS (SELECT randomblob(1000000) UNION ALL SELECT randomblob(1000000) FROM t) "
    "SELECT count(DISTINCT n) FROM t",
    "slow join": "SELECT count(*) FROM singer a, singer b, singer c, singer d, singer e, singer f",
    "slow while prepared": None,
    "many statements": "SELECT 1; DROP TABLE singer",
    "binary": "SELECT 1\0; DROP TABLE singer",
}


def attacks(timeout: float) -> int:
    """Gives each attack to a run of its own and says what became of it, of the files, and of the time."""
    bad = 0
    for name, sql in ATTACKS.items():
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            database = work / "databases" / "music" / "music.sqlite"
            database.parent.mkdir(parents=True)
            connection = sqlite3.connect(database)
            connection.execute("CREATE TABLE singer (id INTEGER, name TEXT, age REAL)")
            connection.executemany("INSERT INTO singer VALUES (?, ?, ?)", [(n, f"n{n}", n) for n in range(300)])
            connection.commit()
            connection.close()
            before, files = database.read_bytes(), listing(work)
            hostile = prepare_bomb() if sql is None else sql.replace("{folder}", folder)
            gold = [{"db_id": "music", "query": "SELECT count(*) FROM singer"}] * 3
            (work / "gold.json").write_text(json.dumps(gold))
            good = "SELECT count(*) FROM singer"
            (work / "p.json").write_text(json.dumps([{"predicted": p} for p in (good, hostile, good)]))
            limits = Limits(seconds=timeout)
            asked = Asked(str(work / "p.json"), str(work / "gold.json"), str(database.parents[1]), limits=limits)
            started = monotonic()
            evaluate(
                replace(asked, predictions=str(work / "gold.json"))
            )  # gold against gold: what starting Python costs
            start = monotonic() - started
            started = monotonic()
            made = evaluate(asked)
            seconds = monotonic() - started - start
            same = database.read_bytes() == before and listing(work) == files | {"gold.json", "p.json"}
            said = made.results[1]
            held = [made.results[at].outcome for at in (0, 2)] == ["right", "right"] and said.outcome != "right"
            seconds -= start if "ended after" in said.reason else 0  # Python was started once more
            late = said.outcome == "timed-out" and seconds > timeout * 1.1
            bad += not (same and held) or late
            print(f"{name:24} {said.outcome:18} {seconds:6.2f} s  files {'unchanged' if same else 'CHANGED'}, "
                  f"others {'right' if held else 'NOT RIGHT'}{', LATE' if late else ''}  {said.reason}")  # fmt: skip
    return 1 if bad else 0


def prepare_bomb() -> str:
    """Views of views in one WITH: each is written out twice at every step while SQLite prepares the statement."""
    steps = ", ".join(f"a{n} AS (SELECT x FROM a{n - 1} UNION ALL SELECT x FROM a{n - 1})" for n in range(1, 40))
    return f"WITH a0 AS (SELECT 1 AS x), {steps} SELECT x FROM a39"


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for a statement")
    return attacks(parser.parse_args().timeout)


if __name__ == "__main__":
    sys.exit(main())
