"""A schema cut by whole tables keeps what the SQL needs, within its limit, and tells nothing by what it keeps."""

from __future__ import annotations

import random

import pytest

from nl2sql_review.rows.acceptance import Acceptance
from nl2sql_review.rows.engine.limits import Limits
from nl2sql_review.rows.table_cut import cut_schema, tables_of

NAMES = [f"table_{letter}" for letter in "abcdefghijkl"]


def columns(table: str, count: int) -> list[str]:
    return [f"{table}_column_{number}" for number in range(count)]


def ddl(count: int = 8) -> str:
    return ";\n".join(
        f"CREATE TABLE {name} ({', '.join(f'{column} TEXT' for column in columns(name, count))})" for name in NAMES
    )


def calls(count: int = 8) -> str:
    return "\n".join(f"{name}({', '.join(columns(name, count))})" for name in NAMES)


def bars(count: int = 8) -> str:
    return " | ".join(f"{name} : {' , '.join(columns(name, count))}" for name in NAMES)


@pytest.mark.parametrize("form", [ddl, calls, bars])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("count", "limit"), [(8, 1000), (8, 400), (40, 700)])
def test_what_the_sql_needs_is_kept_within_the_limit(form, name, count, limit) -> None:
    needed = columns(name, count)[-1]
    made = cut_schema(form(count), limit, f"SELECT {needed} FROM {name}", seed=3)
    assert len(made) <= limit
    assert Acceptance(Limits()).judge(made, f"SELECT {needed} FROM {name}").kind == "accepted"


@pytest.mark.parametrize("form", [ddl, calls, bars])
def test_without_sql_whole_tables_stay(form) -> None:
    made = cut_schema(form(), 700, seed=1)
    tables, _ = tables_of(made)
    assert 0 < len(made) <= 700 and len(tables) > 2
    assert {table.name for table in tables} < set(NAMES)
    assert made == cut_schema(form(), 700, seed=1) != cut_schema(form(), 700, seed=2)


def test_neither_presence_nor_place_gives_a_table_away() -> None:
    """Over many seeds, the table that the SQL needs stands first about as often as any that is kept."""
    first = last = kept = 0
    for seed in range(300):
        made, _ = tables_of(cut_schema(ddl(), 700, "SELECT * FROM table_c", seed))
        names = [table.name for table in made]
        assert "table_c" in names
        first += names[0] == "table_c"
        last += names[-1] == "table_c"
        kept += len(names)
    even = 300 * 300 / kept  # how often any of those that are kept stands first
    assert 0.6 * even < first < 1.5 * even and 0.6 * even < last < 1.5 * even


def test_columns_are_shortened_before_tables_are_dropped() -> None:
    made, _ = tables_of(cut_schema(ddl(20), len(ddl(20)) * 6 // 10, seed=0))
    assert len(made) == len(NAMES) and all(6 <= len(table.columns) < 20 for table in made)


def test_what_fits_is_left_alone_and_what_is_no_schema_is_cut_as_text() -> None:
    assert cut_schema(ddl(), 100_000, "SELECT 1") == ddl()
    assert cut_schema("words " * 100, 50) == ("words " * 100)[:50]
    assert cut_schema("", 10) == ""


def test_quotes_and_types_with_commas_are_one_column() -> None:
    schema = 'CREATE TABLE "a b" ("x, y" DECIMAL(10, 2), kind ENUM(\'p,q\', \'r\'), PRIMARY KEY ("x, y"))'
    (table,), _ = tables_of(schema)
    assert [column.strip() for column in table.columns] == [
        '"x, y" DECIMAL(10, 2)', "kind ENUM('p,q', 'r')", 'PRIMARY KEY ("x, y")',
    ]  # fmt: skip


def test_any_text_is_cut_without_a_fault() -> None:
    draw = random.Random(5)
    for _ in range(300):
        text = "".join(draw.choices("CREATE TABLE ab(),;'\"|: \n", k=draw.randrange(400)))
        cut_schema(text, draw.randrange(200), "SELECT a FROM b")
