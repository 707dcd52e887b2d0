"""A schema's text as CREATE statements, in the forms that prompts write."""

from __future__ import annotations

import sqlite3

import pytest

from nl2sql_review.rows.engine.guarded import Guarded, Refused
from nl2sql_review.rows.engine.limits import Limits
from nl2sql_review.rows.engine.schema import read


def accepts(text, sql):
    connection, failed = Guarded.empty(read(text).statements, Limits())
    assert not failed, failed
    try:
        connection.explain(sql)
    except Refused:
        return False
    finally:
        connection.close()
    return True


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE singer (name TEXT, age INT); CREATE TABLE song (title TEXT)",
        "CREATE TABLE singer (name TEXT, age INT)\nCREATE TABLE song (title TEXT)",
        "### Schema:\nCREATE TABLE singer (name TEXT, age INT)\n\nCREATE TABLE song (title TEXT)\n\n### Question: how?",
        "create table `singer` (`name` varchar(20), `age` int(11) default (1)) ENGINE=InnoDB DEFAULT CHARSET=utf8;\n"
        "create table song (title text);",
        "singer(name, age)\nsong(title)",
        "singer (name TEXT, age INT)\n- song (title VARCHAR(20))",
        "singer : name , age | song : title",
        "```sql\nCREATE TABLE singer (name TEXT, -- (any) name;\n age INT);\nCREATE TABLE song (title TEXT)\n```",
    ],
)
def test_the_forms_of_a_schema(text):
    assert accepts(text, "SELECT name, age, title FROM singer JOIN song")
    assert not accepts(text, "SELECT country FROM singer")


def test_text_without_a_schema_has_none():
    for text in ("", "How many singers are there?", "A sentence: with a colon", "f(x) is a function"):
        assert read(text).statements == (), text


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("CREATE TABLE a (x INT, y IN", ("CREATE TABLE a (x INT)",)),
        ("CREATE TABLE a (x INT); CREATE TABLE b (y", ("CREATE TABLE a (x INT)",)),
    ],
)
def test_a_schema_that_was_cut(text, statements):
    assert read(text).statements == statements and read(text).cut


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t AS SELECT load_extension('x.so')",
        "ATTACH 'made.db' AS made",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END",
        "PRAGMA journal_mode = wal",
        "CREATE TABLE b AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    ],
)
def test_a_hostile_schema_does_nothing(statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    connection, failed = Guarded.empty(["CREATE TABLE a (x INT)", statement], Limits(seconds=0.3))
    assert len(failed) == 1 and not list(tmp_path.iterdir())
    connection.explain("SELECT x FROM a")
    connection.close()


def test_limits_of_a_guarded_connection(tmp_path):
    path = tmp_path / "a.sqlite"
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE a (x TEXT)")
    made.executemany("INSERT INTO a VALUES (?)", [("x" * 1000,)] * 300)
    made.commit()
    made.close()
    for limits, said in (
        (Limits(rows=100), "more than 100 rows"),
        (Limits(result_bytes=10_000), "takes more than 0 MiB"),
    ):
        connection = Guarded.file(str(path), limits)
        with pytest.raises(Refused, match=said) as refused:
            connection.run("SELECT x FROM a")
        assert refused.value.kind == "guard"
        assert len(connection.run("SELECT x FROM a", at_most=5).rows) == 6
        connection.close()
