"""What only all rows together tell: passes over the datasets of a mix, rows that come twice, splits by row."""

from __future__ import annotations

import pytest

from nl2sql_review.rows.found import Defect, Found, overlapping, passes, repeated, split_by_row


def found(path: str, keys: list[tuple[int, int, int]], first: int = 1) -> Found:
    made = Found(path)
    made.add({"defects": [], "counts": {}, "unknown": {}, "keys": [[n, *key] for n, key in enumerate(keys, first)]})
    return made


def test_passes_are_those_that_the_trainer_logs():
    """As the demo of the reference trainer logs them: 120, 60 and 60 rows, three times each, a tenth held out."""
    made = passes([107, 53, 53], [0.5, 0.3, 0.2], "first_exhausted", 1, [3, 3, 3])
    assert made == pytest.approx([2.48, 3.0, 2.0], abs=0.02)


def test_the_mix_ends_at_the_first_or_at_the_last():
    assert passes([100, 900], [0.5, 0.5], "first_exhausted", 1) == pytest.approx([1, 1 / 9])
    assert passes([100, 900], [0.5, 0.5], "all_exhausted", 2) == pytest.approx([18, 2])
    assert passes([0, 900], [0.5, 0.5], "first_exhausted", 1) == []


def test_rows_that_come_twice_in_two_files():
    one, other = found("a.jsonl", [(1, 10, 0), (2, 20, 0)]), found("b.jsonl", [(2, 20, 0), (1, 11, 0), (1, 11, 0)])
    repeated([one, other])
    assert one.defects == {}
    assert sorted((d.row, d.first) for d in other.defects["duplicates"]) == [(1, "a.jsonl:2"), (3, "b.jsonl:2")]
    assert [(d.row, d.first) for d in other.defects["contradictions"]] == [(2, "a.jsonl:1")]


def test_held_out_rows_and_databases():
    train, dev = found("train.jsonl", [(1, 1, 7), (2, 2, 8)]), found("dev.jsonl", [(2, 5, 8), (3, 3, 9)])
    overlapping([train], [dev])
    assert [(d.row, d.first) for d in train.defects["held_out_rows"]] == [(2, "dev.jsonl:1")]
    assert train.defects["held_out_databases"] == [
        Defect(0, "1 of the 2 databases of the held-out set are in the training data (50%)")
    ]


def test_a_split_by_row_is_told_where_databases_have_several_rows():
    many = found("a.jsonl", [(n, n, n % 4) for n in range(100)])
    split_by_row(many, 0.1)
    assert "of 4 databases about 4 have rows on both sides" in many.defects["databases_on_both_sides"][0].message
    single = found("b.jsonl", [(n, n, n) for n in range(100)])
    split_by_row(single, 0.1)
    assert single.defects == {}


def test_a_dialect_that_sqlite_does_not_read_is_unknown_and_names_are_wrong_all_the_same():
    made = Found("a.jsonl")
    made.add({
        "defects": [[1, "refused_sql", "…", "postgres"], [2, "refused_sql", "…", "name"]], "keys": [], "unknown": {},
        "counts": {"sql accepted": 3, "sql syntax": 9, "sql name": 1},
    })  # fmt: skip
    made.settle()
    assert [defect.row for defect in made.defects["refused_sql"]] == [2]
    assert any("give --dialect postgres" in reason for reason in made.unknown)


def test_a_row_with_two_defects_of_a_kind_is_one_row(monkeypatch):
    monkeypatch.setattr("nl2sql_review.rows.found.MOST", 3)
    made = Found("train.jsonl")
    for row in (1, 1, 2, 2, 3, 3, 4):
        made.tell("markup", Defect(row, "an entity"))
    assert made.count("markup") == 4 and len(made.defects["markup"]) == 3
