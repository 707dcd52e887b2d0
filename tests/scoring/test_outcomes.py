"""What becomes of a prediction, and the figures made of it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from nl2sql_review.commands import schemas

from .conftest import SCHEMA, database

NAMES = "SELECT name FROM singer"


@pytest.mark.parametrize(
    ("gold", "predicted", "outcome", "reason"),
    [
        (NAMES, "select NAME from Singer ;", "right", ""),
        (NAMES, "SELECT name FROM singer ORDER BY age", "right", ""),
        (NAMES, "SELECT name FROM singer WHERE age > 40", "wrong-rows", "3 rows, the gold has 4"),
        (NAMES, "SELECT country FROM singer", "wrong-rows", "the row ('France') is not in the gold"),
        (NAMES, "SELECT name, age FROM singer", "wrong-rows", "2 columns, the gold has 1"),
        (f"{NAMES} ORDER BY age", f"{NAMES} ORDER BY age DESC", "wrong-rows", "the gold's rows in another order"),
        (f"{NAMES} ORDER BY age", NAMES, "wrong-rows", "the gold's rows in another order"),
        (
            "SELECT name, age FROM singer",
            "SELECT age, name FROM singer",
            "wrong-rows",
            "the gold's columns in another order",
        ),
        (
            "SELECT DISTINCT country FROM singer",
            "SELECT country FROM singer",
            "wrong-rows",
            "more rows than the gold's 3",
        ),
        (NAMES, "SELECT nam FROM singer", "refused-by-engine", "no such column: nam"),
        (NAMES, "SELECT name FROM singers", "refused-by-engine", "no such table: singers"),
        (NAMES, "SELECT name FORM singer WHERE", "refused-by-engine", 'near "singer": syntax error'),
        (NAMES, "SELECT name FROM singer WHERE age = ?", "refused-by-engine", "bindings"),
        (NAMES, "", "empty", ""),
        (NAMES, "I cannot answer that.", "empty", "no SQL in the answer"),
        ("SELECT nam FROM singer", NAMES, "gold-broken", "no such column: nam"),
        # An order inside a subquery is not the result's.
        ("SELECT name FROM (SELECT name, age FROM singer ORDER BY age)", NAMES, "right", ""),
        ("SELECT name FROM singer WHERE name <> 'order by'", f"{NAMES} ORDER BY age DESC", "right", ""),
    ],
)
def test_outcomes_are_told_apart(evaluate, gold, predicted, outcome, reason):
    run = evaluate([(gold, predicted)])
    assert run.outcomes == [outcome]
    assert reason in run.reasons[0] and bool(reason) == bool(run.reasons[0])


def test_the_figures(evaluate):
    run = evaluate(
        [(NAMES, NAMES), (NAMES, f"Sure: ```sql\n{NAMES}\n```"), (NAMES, "SELECT age FROM singer"),
         (NAMES, "SELECT x FROM singer"),
         (NAMES, None), ("SELECT x FROM singer", NAMES)]
    )  # fmt: skip
    said = run.said
    assert run.code == 0
    assert said["execution_accuracy"] == 2 / 5  # the pair whose gold is broken does not count, the missing one is wrong
    assert said["schema_valid_rate"] == 4 / 6
    assert (said["pairs"], said["counted"], said["chatty"]) == (6, 5, 1)
    assert said["outcomes"] == {"right": 2, "wrong-rows": 1, "refused-by-engine": 1, "missing": 1, "gold-broken": 1}
    assert said["by_database"] == [{"name": "music", "pairs": 5, "right": 2, "accuracy": 0.4}]
    low, high = said["accuracy_interval"]
    assert 0 < low < 0.4 < high < 1
    jsonschema.validate(said, schemas.SCHEMAS["evaluation"]())


def test_clauses_are_those_of_the_gold(evaluate):
    gold = "SELECT country, count(*) FROM singer WHERE age > (SELECT 1) GROUP BY country ORDER BY 2 LIMIT 3"
    run = evaluate([(gold, gold), (NAMES, NAMES)])
    names = [share["name"] for share in run.said["by_clause"]]
    assert names == ["where", "group by", "order by", "limit", "aggregate", "nested", "none of these"]


@pytest.mark.parametrize(
    ("options", "outcome"),
    [((), "wrong-rows"), (("--tolerance", "1e-3"), "right"), (("--tolerance", "0"), "wrong-rows")],
)
def test_the_tolerance(evaluate, options, outcome):
    run = evaluate([("SELECT 10.0 / 3", "SELECT 3.333")], *options)
    assert run.outcomes == [outcome]
    run = evaluate([("SELECT 0.1 + 0.2", "SELECT 0.3")], *options)
    assert run.outcomes == ["wrong-rows" if options == ("--tolerance", "0") else "right"]
    run = evaluate([("SELECT 1000001", "SELECT 1000002")], "--tolerance", "0.01")
    assert run.outcomes == ["wrong-rows"], "whole numbers are equal or not"


def test_columns_in_any_order_and_rows_as_a_set(evaluate):
    swapped = ("SELECT name, age FROM singer", "SELECT age, name FROM singer")
    repeated = ("SELECT DISTINCT country FROM singer ORDER BY 1", "SELECT country FROM singer")
    assert evaluate([swapped], "--columns", "any").outcomes == ["right"]
    assert evaluate([repeated], "--rows", "set").outcomes == ["right"]
    assert evaluate([repeated], "--columns", "any").outcomes == ["wrong-rows"]


def test_every_database_file_of_a_schema_counts(evaluate, folder):
    """Right on one database by chance is not right."""
    chance = ("SELECT name FROM singer WHERE age > 50", "SELECT name FROM singer WHERE id = 1")
    assert evaluate([chance]).outcomes == ["right"]
    database(folder / "db" / "music" / "music_2.sqlite", [(1, "Ann", 20, "Peru"), (2, "Bo", 60, "Peru")])
    run = evaluate([chance, (NAMES, NAMES)])
    assert run.outcomes == ["wrong-rows", "right"] and run.reasons[0].endswith("(music_2.sqlite)")
    assert run.said["database_files"] == 2


def test_soft_f1_gives_part_of_a_result_credit(evaluate):
    run = evaluate(
        [
            (NAMES, NAMES),
            (NAMES, "SELECT name FROM singer LIMIT 2"),
            (NAMES, "SELECT x FROM singer"),
            ("SELECT x", NAMES),
        ],
        "--soft-f1",
    )
    assert [each["soft_f1"] for each in run.said["results"]] == [1.0, pytest.approx(2 / 3), 0.0, None]
    assert run.said["soft_f1"] == pytest.approx((1 + 2 / 3) / 3)


def test_text_that_is_not_utf_8_and_blobs_are_compared_as_they_are(evaluate):
    pairs = [
        ("SELECT cast(x'ff' AS TEXT)", "SELECT cast(x'fe' AS TEXT)"),
        ("SELECT cast(x'ff' AS TEXT)",) * 2,
        ("SELECT x'ff'",) * 2,
        ("SELECT NULL",) * 2,
        ("SELECT 1", "SELECT '1'"),
        ("SELECT 1", "SELECT 1.0"),
    ]
    assert evaluate(pairs).outcomes == ["wrong-rows", "right", "right", "right", "wrong-rows", "right"]


# Without databases


def test_the_schema_valid_rate_needs_no_database(evaluate, folder):
    gold = [{"question": f"q{n}", "query": NAMES, "schema": SCHEMA} for n in range(4)]
    (folder / "gold.json").write_text(json.dumps(gold))
    (folder / "p.jsonl").write_text(
        "".join(json.dumps({"predicted": p}) + "\n" for p in (NAMES, "SELECT nam FROM singer", "DROP TABLE singer", ""))
    )
    run = evaluate(None, "p.jsonl", "--gold", "gold.json", "--output-format", "json", db=None)
    assert run.code == 0
    assert run.outcomes == ["valid", "refused-by-engine", "refused-by-us", "empty"]
    assert (run.said["execution_accuracy"], run.said["schema_valid_rate"]) == (None, 0.25)
    assert run.said["schemas"] == "rows" and run.said["rule"]["timeout"] == 10


def test_schemas_from_tables_json_a_file_and_a_folder(evaluate, folder):
    tables = {
        "db_id": "music",
        "table_names_original": ["singer"],
        "column_names_original": [[-1, "*"], [0, "name"], [0, "Song release year"]],
        "column_types": ["text", "text", "number"],
    }
    (folder / "tables.json").write_text(json.dumps([tables]))
    (folder / "one.sql").write_text('CREATE TABLE singer (name TEXT, "Song release year" INT) ENGINE=InnoDB;')
    (folder / "schemas" / "music").mkdir(parents=True)
    (folder / "schemas" / "music" / "schema.sql").write_text(
        'create table singer (name text, "Song release year" int);'
    )
    pairs = [(NAMES, 'SELECT "Song release year" FROM singer'), (NAMES, "SELECT age FROM singer")]
    for path in ("tables.json", "one.sql", "schemas"):
        run = evaluate(pairs, "--schemas", path, db=None)
        assert run.outcomes == ["valid", "refused-by-engine"], path


def test_a_schema_that_does_not_load_says_nothing_of_a_refusal(evaluate, folder):
    (folder / "one.sql").write_text("CREATE TABLE singer (name TEXT); CREATE TABLE song (title TEXT,, x INT);")
    run = evaluate([(NAMES, NAMES), (NAMES, "SELECT title FROM song")], "--schemas", "one.sql", db=None)
    assert run.outcomes == ["valid", "schema-broken"] and run.said["schema_valid_rate"] == 1.0


def test_a_schema_that_was_cut_keeps_its_whole_columns_and_is_said(evaluate, folder):
    (folder / "one.sql").write_text("CREATE TABLE singer (name TEXT, age INT, coun")
    run = evaluate(
        [(NAMES, "SELECT age FROM singer"), (NAMES, "SELECT country FROM singer")], "--schemas", "one.sql", db=None
    )
    assert run.outcomes == ["valid", "refused-by-engine"]
    assert "truncated in 2 rows" in " ".join(run.said["notes"])


# Another dialect


def test_another_dialect_is_translated_and_said(evaluate):
    gold = "SELECT TOP 2 name FROM singer ORDER BY age DESC"
    run = evaluate([(gold, "SELECT name FROM singer ORDER BY age DESC LIMIT 2"), (gold, gold)], "--dialect", "tsql")
    assert run.outcomes[1] == "right" and run.said["rule"]["dialect"] == "tsql"
    assert evaluate([(gold, gold)]).outcomes == ["gold-broken"]
    run = evaluate([(NAMES, "SELECT name FROM WHERE (")], "--dialect", "mysql")
    assert run.outcomes == ["refused-by-engine"] and run.reasons[0].startswith("not valid mysql")
    run = evaluate([(NAMES, NAMES)], "--dialect", "mysqll")
    assert run.code == 2 and 'did you mean "mysql"' in run.err
