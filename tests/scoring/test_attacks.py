"""Predictions that want something else than rows: refused, nothing changed, and the others scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review.rows.engine.limits import MIB, Limits
from nl2sql_review.rows.scoring.evaluate import Asked
from nl2sql_review.rows.scoring.evaluate import evaluate as evaluate_files

GOLD = "SELECT count(*) FROM singer"
REFUSED = {
    "write": "INSERT INTO singer VALUES (99, 'x', 1, 'y')",
    "write behind a query": "WITH t AS (SELECT 1) DELETE FROM singer",
    "update": "UPDATE singer SET age = 0",
    "drop": "DROP TABLE singer",
    "attach": "ATTACH DATABASE 'made.db' AS made",
    "vacuum into": "VACUUM INTO 'made.db'",
    "pragma": "PRAGMA writable_schema = 1",
    "pragma as a function": "SELECT * FROM pragma_journal_mode",
    "extension": "SELECT load_extension('made.so')",
    "transaction": "BEGIN EXCLUSIVE",
    "many statements": "SELECT count(*) FROM singer; DROP TABLE singer",
    "a comment between": "SELECT count(*) FROM singer;-- \n/* */ DELETE FROM singer",
    "binary": "SELECT count(*) FROM singer\0; DROP TABLE singer",
    "half a surrogate pair": "SELECT '\ud800'",
    "too long": f"SELECT '{'x' * 100_001}'",
    "huge value": "SELECT zeroblob(100000000)",
}
LATE = {
    "recursive bomb": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "slow join": f"SELECT count(*) FROM {', '.join(f'singer s{n}' for n in range(30))}",
    # One step of the engine, which looks at nothing meanwhile: half a million comparisons of half a megabyte each.
    "deaf while running": "SELECT instr(hex(zeroblob(500000)), hex(zeroblob(250000)) || '1')",
    "deaf while prepared": "WITH a0 AS (SELECT 1 AS x), "
    + ", ".join(f"a{n} AS (SELECT x FROM a{n - 1} UNION ALL SELECT x FROM a{n - 1})" for n in range(1, 40))
    + " SELECT x FROM a39",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".json"}


@pytest.mark.parametrize("name", REFUSED)
def test_an_attack_is_refused_and_changes_nothing(evaluate, folder, name):
    before = contents(folder)
    run = evaluate([(GOLD, GOLD), (GOLD, REFUSED[name]), (GOLD, GOLD)])
    assert run.outcomes == ["right", "refused-by-us", "right"], run.reasons
    assert run.said["execution_accuracy"] == pytest.approx(2 / 3) and run.reasons[1]
    assert contents(folder) == before


@pytest.mark.parametrize("name", LATE)
def test_what_takes_too_long_is_ended_and_the_others_go_on(evaluate, folder, name):
    before = contents(folder)
    run = evaluate([(GOLD, GOLD), (GOLD, LATE[name]), (GOLD, GOLD)], "--timeout", "0.5")
    assert run.outcomes == ["right", "timed-out", "right"], run.reasons
    assert contents(folder) == before


def test_a_result_without_end_is_not_read_beyond_the_gold_s(evaluate):
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t"
    run = evaluate([(GOLD, endless)])
    assert run.outcomes == ["wrong-rows"] and run.reasons == ["more rows than the gold's 1"]
    run = evaluate([(GOLD, endless)], "--rows", "set", "--timeout", "120")  # a busy machine still counts to 500,000
    assert run.outcomes == ["refused-by-us"] and "more than 500,000 rows" in run.reasons[0]


def test_a_gold_statement_that_never_ends_is_broken_and_costs_no_other_pair(evaluate):
    run = evaluate([(GOLD, GOLD), (LATE["deaf while prepared"], GOLD), (GOLD, GOLD)], "--timeout", "0.5")
    assert run.outcomes == ["right", "gold-broken", "right"]
    assert run.said["execution_accuracy"] == 1.0 and run.said["counted"] == 2


def test_the_files_of_a_database_are_not_touched(evaluate, folder):
    """Not even the files that SQLite makes beside one in WAL mode."""
    import sqlite3

    path = folder / "db" / "music" / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    before = contents(folder)
    path.chmod(0o444)
    run = evaluate([(GOLD, GOLD)])
    assert run.outcomes == ["right"] and contents(folder) == before


def test_memory_is_limited(folder):
    hungry = (
        "WITH RECURSIVE t(n, x) AS (SELECT 1, randomblob(100000) UNION ALL SELECT n + 1, randomblob(100000) FROM t "
        "WHERE n < 20000) SELECT count(DISTINCT x) FROM t"
    )
    (folder / "gold.json").write_text(json.dumps([{"db_id": "music", "query": GOLD}] * 2))
    (folder / "said.txt").write_text(f"{hungry}\n{GOLD}\n")
    limits = Limits(seconds=60, memory_bytes=256 * MIB)
    made = evaluate_files(Asked("said.txt", "gold.json", "db", limits=limits))
    assert [judged.outcome for judged in made.results] == ["refused-by-us", "right"]
    assert "memory" in made.results[0].reason


def test_an_answer_that_is_too_long_is_given_to_no_child(evaluate):
    said = f"{GOLD} WHERE {' OR '.join(['1 = 1'] * 3_000_000)}"
    run = evaluate([(GOLD, GOLD), (GOLD, said), (GOLD, "x" * 400_001), (GOLD, GOLD)], "--timeout", "2")
    assert run.outcomes == ["right", "refused-by-us", "refused-by-us", "right"]
    assert run.reasons[1] == f"the answer is {len(said):,} characters long; the limit is 400,000"
    run = evaluate([("SELECT nothing", said)])
    assert run.outcomes == ["gold-broken"]
