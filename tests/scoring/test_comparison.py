"""When two results are the same: laws that hold for any result, by hypothesis, and the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nl2sql_review.rows.engine.guarded import Rows
from nl2sql_review.rows.scoring.comparison import Match, difference, soft_f1

VALUES = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["a", "b", ""]), st.sampled_from([0.5, -1.5]))
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[VALUES] * width), min_size=1, max_size=8))


def rows(made):
    return Rows(len(made[0]), made, 0)


def same(one, other, ordered=False, **match):
    return difference(rows(one), rows(other), ordered, Match(**match)) == ""


@given(TABLES, st.randoms())
def test_rows_in_another_order_are_the_same_unless_the_gold_orders(table, random):
    other = random.sample(table, len(table))
    assert same(table, other)
    assert same(table, other, ordered=True) == (table == other)
    assert same(table, other, ordered=True, rows="set")


@given(TABLES, st.randoms())
def test_columns_in_another_order_are_the_same_where_asked(table, random):
    order = random.sample(range(len(table[0])), len(table[0]))
    other = [tuple(row[at] for at in order) for row in random.sample(table, len(table))]
    assert same(table, other, columns="any")
    in_place = [tuple(row[at] for at in order) for row in table]
    assert same(table, in_place, columns="any", ordered=True)


@given(TABLES, st.data())
def test_another_value_is_another_result(table, data):
    at = data.draw(st.integers(0, len(table) - 1))
    changed = [("never", *row[1:]) if number == at else row for number, row in enumerate(table)]
    for match in ({}, {"columns": "any"}, {"rows": "set"}):
        assert not same(table, changed, **match)


@given(TABLES)
def test_a_row_more_is_another_multiset_and_the_same_set(table):
    assert not same(table, [*table, table[0]])
    assert same(table, [*table, table[0]], rows="set")


def test_numbers_on_the_edge_of_the_tolerance_meet_those_they_are_equal_to():
    assert same([(1e-09, "a"), (0.0, "a")], [(1.0000000000010001e-09, "a"), (0.0, "a")])


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from("ab")), min_size=1, max_size=8), st.randoms())
def test_numbers_are_the_same_within_the_tolerance_in_any_order(table, random):
    near = [(number * (1 + random.uniform(-1e-12, 1e-12)), text) for number, text in table]
    assert same(table, random.sample(near, len(near)))
    assert same(table, [(text, number) for number, text in near], columns="any")


def test_columns_must_belong_together_row_by_row():
    """Each column holds the same values, yet the rows are others."""
    assert not same([(1, 2), (2, 1), (1, 1)], [(1, 1), (2, 2), (1, 1)], columns="any")
    assert not same([(0, 0, 1), (1, 1, 0)], [(0, 1, 1), (1, 0, 0)], columns="ordered")
    assert same([(0, 0, 1), (1, 1, 0)], [(0, 1, 1), (1, 0, 0)], columns="any")


def test_columns_beyond_number_do_not_take_forever():
    table = [tuple(int(bit) for bit in f"{number:012b}") for number in range(1, 4096, 37)]
    assert not same(table, [*table[1:], tuple(reversed(table[0]))][::-1][:-1] + [table[3]], columns="any")


def test_two_results_without_rows_are_the_same():
    assert difference(Rows(1, [], 0), Rows(2, [], 0), False, Match()) == ""
    assert difference(Rows(1, [], 0), rows([(1, 2)]), False, Match()) == "2 columns, the gold has 1"
    assert difference(rows([(1,)]), Rows(1, [], 0), False, Match()) == "0 rows, the gold has 1"


def test_soft_f1_of_bird_s_own_definition():
    assert soft_f1([], []) == 1.0
    assert soft_f1([(1,)], []) == 0.0
    assert soft_f1([("a", 1), ("b", 2)], [("a", 1), ("b", 3)]) == 0.75
    assert soft_f1([("a", 1)], [(1, "a"), (1, "a")]) == 1.0
