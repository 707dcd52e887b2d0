"""SQL of another dialect is told as such: wrong in a file for SQLite, unknown in a file of its own."""

from __future__ import annotations

import pytest

from nl2sql_review.rows.acceptance import Acceptance, Outcome
from nl2sql_review.rows.engine.limits import Limits

SCHEMA = "CREATE TABLE t (a TEXT, b INTEGER, d DATE)"


@pytest.fixture
def acceptance() -> Acceptance:
    return Acceptance(Limits())


@pytest.mark.parametrize(
    ("sql", "kind", "reading"),
    [
        ("SELECT a FROM t WHERE b = 1", "accepted", ""),
        ("SELECT TOP 3 a FROM t ORDER BY b", "syntax", "tsql"),
        ("SELECT a::text FROM t WHERE a ILIKE 'x%'", "syntax", "postgres"),
        ("SELECT a FROM t WHERE d > DATE_SUB(CURDATE(), INTERVAL 1 MONTH)", "syntax", "mysql"),
        ("SELECT COUNT(DISTINCT a, t.b) FROM t", "function", "mysql"),
        ("SELECT a FORM t WHERE WHERE b", "syntax", ""),
        ("SELECT c FROM t", "name", ""),
        ("SELECT c::text FROM t", "name", ""),
        ("SELECT sqrt(b) FROM t", "accepted", ""),  # which some builds of SQLite have and others have not
        ("SELECT a FROM sqlite_master", "name", ""),
    ],
)
def test_what_becomes_of_a_query(acceptance: Acceptance, sql: str, kind: str, reading: str) -> None:
    outcome = acceptance.judge(SCHEMA, sql)
    assert (outcome.kind, outcome.reading) == (kind, reading), outcome.message


def test_a_dialect_that_is_named_is_judged_as_such() -> None:
    judged = Acceptance(Limits(), "postgres").judge
    assert judged(SCHEMA, "SELECT a::text FROM t WHERE a ILIKE 'x%'") == Outcome("accepted")
    assert judged(SCHEMA, "SELECT c::text FROM t").kind == "name"
    assert judged(SCHEMA, "SELECT a FORM t WHERE WHERE b").kind == "syntax"


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE t (id INT AUTO_INCREMENT, kind ENUM('a', 'b'), PRIMARY KEY (id)) ENGINE=InnoDB;",
        "CREATE TABLE public.t (id SERIAL, kind TEXT CHECK (kind <> ''));",
        "t(id, kind)",
        "t : id , kind",
        "CREATE TABLE sqlite_sequence (name TEXT); CREATE TABLE t (id INTEGER, kind TEXT)",
    ],
)
def test_schemas_of_other_engines_load(schema: str) -> None:
    judged = Acceptance(Limits()).judge
    assert judged(schema, "SELECT kind FROM t WHERE id = 1").kind == "accepted"
    assert judged(schema, "SELECT size FROM t").kind == "name"


def test_a_table_that_is_there_twice_is_the_schema_s_flaw() -> None:
    outcome = Acceptance(Limits()).judge("CREATE TABLE t (a TEXT); CREATE TABLE t (b TEXT)", "SELECT a, b FROM t")
    assert outcome == Outcome("schema", "it has the table t twice")


def test_without_a_schema_nothing_is_said() -> None:
    assert Acceptance(Limits()).judge("singers and their songs", "SELECT 1").kind == "no schema"
