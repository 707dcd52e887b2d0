"""The files of rows in all their forms, and what is said of bad ones: file, row, remedy, and never a traceback."""

from __future__ import annotations

import json

import pytest

NAMES, AGES = "SELECT name FROM singer", "SELECT age FROM singer"


def outcomes(evaluate, folder, gold, predicted, gold_name="gold.json", predicted_name="p.json", **options):
    for name, content in ((gold_name, gold), (predicted_name, predicted)):
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    run = evaluate(None, predicted_name, "--gold", gold_name, "--output-format", "json", **options)
    assert "Traceback" not in run.err
    return run


def gold(*sql, **more):
    return [{"db_id": "music", "query": each, **more} for each in sql]


@pytest.mark.parametrize(
    "column", ["predicted", "prediction", "predicted_sql", "pred", "output", "response", "sql", "query", "SQL"]
)
def test_the_columns_of_a_prediction(evaluate, folder, column):
    assert outcomes(evaluate, folder, gold(NAMES), [{column: NAMES}]).outcomes == ["right"]


@pytest.mark.parametrize("column", ["query", "sql", "SQL", "gold"])
def test_the_columns_of_gold_sql(evaluate, folder, column):
    rows = [{"db_id": "music", column: NAMES}]
    assert outcomes(evaluate, folder, rows, [{"sql": NAMES}]).outcomes == ["right"]


def test_spider_s_rows_whose_sql_is_a_parsed_tree(evaluate, folder):
    rows = [{"db_id": "music", "query": NAMES, "sql": {"select": []}, "question": "?"}]
    assert outcomes(evaluate, folder, rows, [NAMES]).outcomes == ["right"]


def test_spider_s_text_forms(evaluate, folder):
    run = outcomes(evaluate, folder, f"{NAMES}\tmusic\n{AGES}\tmusic\n", f"{NAMES}\n\n", "gold.txt", "p.txt")
    assert run.outcomes == ["right", "missing"]
    run = outcomes(evaluate, folder, f"{NAMES}\tmusic\n\n{AGES}\tmusic\n", f"{NAMES}\n\n{AGES}\n", "gold.txt", "p.txt")
    assert run.outcomes == ["right", "right"]  # an empty line parts two sessions
    run = outcomes(evaluate, folder, f"{NAMES}\tmusic\n\n{AGES}\tmusic\n", f"\n\n{AGES}\n", "gold.txt", "p.txt")
    assert run.outcomes == ["missing", "right"]


def test_bird_s_predictions(evaluate, folder):
    predicted = {"0": f"{NAMES}\t----- bird -----\tmusic", "1": f"{AGES}\t----- bird -----\tmusic"}
    rows = [{"question_id": n, "db_id": "music", "SQL": sql} for n, sql in enumerate((NAMES, AGES))]
    assert outcomes(evaluate, folder, rows, predicted).outcomes == ["right", "right"]
    assert outcomes(evaluate, folder, rows[::-1], predicted).outcomes == ["right", "right"]


def test_jsonl_with_a_byte_order_mark_and_empty_lines(evaluate, folder):
    text = "\ufeff" + json.dumps({"predicted": NAMES}) + "\n\n" + json.dumps({"predicted": "SELECT 'ü'"}) + "\n"
    assert outcomes(evaluate, folder, gold(NAMES, "SELECT 'ü'"), text).outcomes == ["right", "right"]


def test_a_separator_within_a_text_ends_no_line(evaluate, folder):
    predicted = f"SELECT 'a\u2028b'\n{AGES}\n"
    run = outcomes(evaluate, folder, f"{NAMES}\tmusic\n{AGES}\tmusic\n", predicted, "gold.txt", "p.txt")
    assert run.outcomes == ["wrong-rows", "right"]


def test_rows_are_joined_by_id_where_both_have_one(evaluate, folder):
    rows = [{"id": "a", "db_id": "music", "query": NAMES}, {"id": "b", "db_id": "music", "query": AGES}]
    run = outcomes(evaluate, folder, rows, [{"id": "b", "predicted": AGES}])
    assert run.outcomes == ["missing", "right"]


def test_one_database_file_is_for_all_rows(evaluate, folder):
    assert outcomes(evaluate, folder, [{"query": NAMES}], [NAMES], db="db/music/music.sqlite").outcomes == ["right"]


@pytest.mark.parametrize(
    ("rows", "predicted", "said"),
    [
        ("[{", [], "gold.json, line 1: it is not JSON"),
        (gold(NAMES), '{"predicted": "x"}\n{"predi\n', "p.json, line 2: it is not JSON"),
        (gold(NAMES), b'["\xff"]', "p.json, line 1: it is not UTF-8"),
        (gold(NAMES), {"a": {"b": 1}}, "p.json: it must contain a list of rows"),
        (gold(NAMES), [3], "p.json, row 1: it is not an object but 3"),
        (
            gold(NAMES),
            [{"said": NAMES}],
            "p.json, row 1: there is no prediction; its column must be one of `predicted`",
        ),
        (
            [{"db_id": "music", "question": "?"}],
            [NAMES],
            "gold.json, row 1: there is no gold SQL; its column must be one of `query`",
        ),
        (gold(NAMES), [NAMES, NAMES], "p.json has 2 predictions, but gold.json has 1 rows"),
        ([{"query": NAMES}], [NAMES], "gold.json, row 1: there is no `db_id`"),
        ([{"query": NAMES, "db_id": "film"}], [NAMES], "gold.json, row 1: there is no database db/film/film.sqlite"),
        ([{"query": NAMES, "db_id": "../db/music"}], [NAMES], "the db_id '../db/music' is not the name of a directory"),
        (gold(NAMES, question="who?"), [{"predicted": NAMES, "question": "what?"}], "do not belong together"),
        (
            [{"id": 1, "query": NAMES, "db_id": "music"}] * 2,
            [NAMES] * 2,
            "gold.json, row 2: the id '1' is already used in row 1",
        ),
        ([{"id": 1, "query": NAMES, "db_id": "music"}], [{"id": 2, "sql": ""}], "no row of gold.json has the id '2'"),
        (
            [{"id": n, "query": NAMES, "db_id": "music"} for n in (1, 2)],
            [{"id": 2, "sql": NAMES}, {"sql": NAMES}],
            "p.json, row 2: it has no id, but row 1 has '2': give every row an `id`, or none",
        ),
        (
            [{"query": NAMES, "db_id": "music"}, {"id": 2, "query": NAMES, "db_id": "music"}],
            [{"id": 2, "sql": NAMES}, {"id": 1, "sql": NAMES}],
            "gold.json, row 1: it has no id, but row 2 has '2'",
        ),
        (gold(NAMES), [{"predicted": [NAMES]}], 'p.json, row 1: `predicted` is ["SELECT'),
        (b"[" * 100_000, [], "gold.json: it is not JSON"),
        (gold(NAMES), [], "p.json: it contains no predictions"),
        (gold(NAMES), [{"id": [1], "sql": NAMES}], "p.json, row 1: `id` is [1]: write it as a string"),
        (gold(NAMES), [{"id": 1.5, "sql": NAMES}], "p.json, row 1: `id` is 1.5: write it as a string"),
        ([{"query": NAMES, "db_id": {"a": 1}}], [NAMES], 'gold.json, row 1: `db_id` is {"a": 1}'),
        (
            [{"id": n, "query": NAMES, "db_id": name} for n, name in enumerate(["music", "cats", "dogs", "cats"])],
            [{"id": 1, "sql": NAMES}],
            "gold.json, row 2: there is no database db/cats/cats.sqlite; 2 db_ids have none (cats, dogs)",
        ),
    ],
)
def test_bad_rows_are_named_with_the_remedy(evaluate, folder, rows, predicted, said):
    run = outcomes(evaluate, folder, rows, predicted)
    assert (run.code, run.out) == (2, "") and said in run.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "give one file of predictions and the gold rows"),
        (("p.json",), "give one file of predictions and the gold rows"),
        (("none.json", "--gold", "p.json"), "none.json: No such file or directory"),
        (("p.json", "--gold", "db"), "db is a directory"),
        (("p.json", "--gold", "p.json", "--schemas", "none.sql"), "none.sql: No such file or directory"),
        (("p.json", "--gold", "p.json", "--schemas", "p.json"), "p.json: it is not Spider's tables.json"),
        (("p.json", "--gold", "p.json", "--schemas", "db"), "db has no schema of 'music'"),
        (("p.json", "--gold", "p.json", "--fail-below", "70"), "write a fraction, as in 0.70"),
        (("p.json", "--gold", "p.json", "--timeout", "0"), "write seconds"),
        (("p.json", "--gold", "p.json", "--output-file", "p.json"), "p.json is an input"),
        (("p.json", "--gold", "p.json", "--against", "a", "--no-worse-than", "b"), "use one of them"),
        (("p.json", "--gold", "p.json"), "there is nothing to check against"),
    ],
)
def test_a_command_line_that_cannot_be_followed(evaluate, folder, argv, said):
    (folder / "p.json").write_text(json.dumps(gold(NAMES)))
    run = evaluate(None, *argv, db=None)
    assert (run.code, run.out) == (2, "") and said in run.err and "Traceback" not in run.err


def test_a_file_that_is_no_database(evaluate, folder):
    bad = folder / "db" / "music" / "other.db"
    for content, said in ((b"", "is empty"), (b"hello", "is not an SQLite database")):
        bad.write_bytes(content)
        run = evaluate([(NAMES, NAMES)])
        assert run.code == 2 and said in run.err and "other.db" in run.err


def test_a_database_that_another_program_writes_is_not_read(evaluate, folder):
    (folder / "db" / "music" / "music.sqlite-wal").write_bytes(b"x")
    run = evaluate([(NAMES, NAMES)])
    assert run.code == 2 and "music.sqlite-wal contains changes that are not in the database yet" in run.err


def test_predictions_that_are_the_gold_s_own_column_are_noticed(evaluate, folder):
    run = evaluate([(NAMES, NAMES)])
    assert any("is this the right column?" in note for note in run.said["notes"])


def test_text_forms_are_told_remedies_of_their_own(evaluate, folder):
    (folder / "gold.txt").write_text(f"{NAMES}\n{NAMES}\n")
    (folder / "two.txt").write_text(f"{NAMES}\n{NAMES}\n")
    (folder / "three.txt").write_text(f"{NAMES}\n" * 3)
    run = evaluate(None, "two.txt", "--gold", "gold.txt")
    assert run.code == 2 and "in a text file it follows the SQL and a tab" in run.err
    run = evaluate(None, "three.txt", "--gold", "gold.txt")
    assert run.code == 2 and "without line breaks in the SQL" in run.err and "`id`" not in run.err
    run = evaluate(None, "two.txt", "--gold", "gold.txt", db=None)
    assert run.code == 2 and "a text file cannot have one" in run.err


def test_a_join_by_order_is_said_where_a_file_has_no_id(evaluate, folder):
    for gold_ids, said_ids, note in ((0, 0, "gold.json and p.json have"), (0, 1, "gold.json has"), (1, 1, "")):
        rows = [{"query": NAMES, "db_id": "music", **({"id": 1} if gold_ids else {})}]
        run = outcomes(evaluate, folder, rows, [{"sql": NAMES, **({"id": 1} if said_ids else {})}])
        notes = " ".join(run.said["notes"])
        assert ("joined by order" in notes) is bool(note) and note in notes


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.jsonl.gz"])
def test_other_formats_are_not_taken_for_text(evaluate, folder, name):
    (folder / name).write_text("id,predicted\n1,SELECT 1\n")
    (folder / "gold.json").write_text(json.dumps(gold(NAMES, NAMES)))
    run = evaluate(None, name, "--gold", "gold.json")
    assert run.code == 2 and f"{name}: rows must be JSON, JSONL or text" in run.err


def test_numbers_name_rows_and_databases_as_text_does(evaluate, folder):
    (folder / "db" / "music").rename(folder / "db" / "7")
    rows = [{"id": n, "query": NAMES, "db_id": 7} for n in (1, 2)]
    run = outcomes(evaluate, folder, rows, [{"id": 2.0, "sql": NAMES}, {"id": "1", "sql": "SELECT 1"}])
    assert run.outcomes == ["wrong-rows", "right"]


def test_one_object_is_one_row_and_not_bird_s_form(evaluate, folder):
    (folder / "gold.json").write_text(json.dumps(gold(NAMES)[0] | {"id": "7"}))
    (folder / "p.json").write_text(json.dumps({"id": "7", "predicted": NAMES}))
    assert evaluate(None, "p.json", "--gold", "gold.json", "--output-format", "json").outcomes == ["right"]
