"""Two sets of predictions beside each other, what may be asked of the figures, and the exit codes."""

from __future__ import annotations

import json
import random

import pytest

from nl2sql_review.rows.scoring.evaluate import Asked, _gates
from nl2sql_review.rows.scoring.intervals import mcnemar, paired_bootstrap, wilson

NAMES = "SELECT name FROM singer"


def sets(folder, first, second):
    (folder / "first.txt").write_text("".join(f"{sql}\n" for sql in first))
    (folder / "second.txt").write_text("".join(f"{sql}\n" for sql in second))
    (folder / "gold.txt").write_text(f"{NAMES}\tmusic\n" * len(first))


def test_what_turned_right_and_wrong(evaluate, folder):
    wrong = "SELECT age FROM singer"
    sets(folder, [NAMES, NAMES, NAMES, wrong], [NAMES, wrong, "SELECT x FROM singer", NAMES])
    run = evaluate(None, "first.txt", "--gold", "gold.txt", "--against", "second.txt", "--output-format", "json")
    said = run.said["against"]
    assert run.code == 0
    assert (said["metric"], said["execution_accuracy"], said["difference"]) == ("execution_accuracy", 0.5, 0.25)
    assert [(t["id"], t["before"], t["after"]) for t in said["turned_right"]] == [
        ("2", "wrong-rows", "right"), ("3", "refused-by-engine", "right"),
    ]  # fmt: skip
    assert [t["id"] for t in said["turned_wrong"]] == ["4"]
    assert said["interval"][0] < 0.25 < said["interval"][1] and said["mcnemar_p"] == 1.0


def test_turned_questions_that_are_not_listed_are_said(evaluate, folder):
    sets(folder, [NAMES] * 25, ["SELECT age FROM singer"] * 22 + [NAMES] * 3)
    argv = ("first.txt", "--gold", "gold.txt", "--against", "second.txt", "--output-format")
    assert "  22 turned right, the first 3\n" in evaluate(None, *argv, "text").out
    agent = evaluate(None, *argv, "agent").out
    assert "turned right: 22 (1, 2, " in agent and " 20, …)\nturned wrong: 0\n" in agent


@pytest.mark.parametrize(
    ("options", "code", "gates"),
    [
        (("--fail-below", "0.7"), 0, [True]),
        (("--fail-below", "0.75"), 0, [True]),
        (("--fail-below", "0.76"), 1, [False]),
        (("--no-worse-than", "second.txt"), 0, [True]),
        (("--fail-below", "0.9", "--no-worse-than", "second.txt"), 1, [False, True]),
    ],
)
def test_gates(evaluate, folder, options, code, gates):
    sets(folder, [NAMES] * 3 + ["SELECT 1"], [NAMES, "", "", ""])
    run = evaluate(None, "first.txt", "--gold", "gold.txt", "--output-format", "json", *options)
    assert (run.code, [gate["passed"] for gate in run.said["gates"]]) == (code, gates)


@pytest.mark.parametrize(
    ("figure", "asked", "said"),
    [
        (69_999 / 100_000, 0.7, "69.999 % is below 70 %"),
        (0.69996, 0.69998, "69.996 % is below 69.998 %"),
        (0.7, 0.7, "70.00 % is not below 70 %"),
        (0.57, 0.5699999, "57.00 % is not below 56.99999 %"),
        (2 / 3, 0.66, "66.67 % is not below 66 %"),
    ],
)
def test_a_gate_shows_as_many_digits_as_tell_the_figures_apart(figure, asked, said):
    (gate,) = _gates(figure, None, Asked("p.jsonl", "gold.jsonl", fail_below=asked))
    assert gate.said == f"schema-valid rate {said}"


def test_worse_than_the_other_set_is_exit_1(evaluate, folder):
    sets(folder, [NAMES, ""], [NAMES, NAMES])
    run = evaluate(None, "first.txt", "--gold", "gold.txt", "--no-worse-than", "second.txt")
    assert run.code == 1 and "execution accuracy is worse than that of second.txt: -50.00 points" in run.out


def test_no_pairs_is_exit_3(evaluate, folder):
    for name in ("gold.json", "p.json"):
        (folder / name).write_text("[]")
    run = evaluate(None, "p.json", "--gold", "gold.json", "--output-format", "json")
    assert run.code == 3 and run.said["pairs"] == 0
    run = evaluate([("SELECT x FROM singer", NAMES)])
    assert run.code == 3 and run.said["execution_accuracy"] is None


@pytest.mark.parametrize("output", ["text", "json", "agent", "markdown"])
def test_every_format_says_the_figures_and_obeys_no_text_of_the_rows(evaluate, folder, output):
    rows = [{"db_id": "music", "question": "a\x1b[31m|<b>\nq", "query": NAMES}] * 2
    (folder / "gold.json").write_text(json.dumps(rows))
    (folder / "p.json").write_text(json.dumps([{"predicted": NAMES}, {"predicted": "SELECT '|\x1b[2J' FROM singer"}]))
    run = evaluate(None, "p.json", "--gold", "gold.json", "--against", "p.json", "--output-format", output)
    assert "0.5" in run.out if output == "json" else "50.0 %" in run.out
    assert "\x1b" not in run.out
    if output == "markdown":
        assert "<b>" not in run.out and "'|" not in run.out


# Statistics, against what is known of them


def test_wilson_s_interval_is_that_of_the_literature():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)


def test_mcnemar_is_the_exact_binomial_test():
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 10) == pytest.approx(2 / 1024)
    assert mcnemar(9, 1) == pytest.approx(22 / 1024)
    assert 0 < mcnemar(0, 600) < 1e-100


def test_the_summed_bootstrap_is_what_drawing_gives():
    won, lost, pairs = 40, 15, 200
    draw = random.Random(1)
    steps = [1] * won + [-1] * lost + [0] * (pairs - won - lost)
    drawn = sorted(sum(draw.choices(steps, k=pairs)) for _ in range(4000))
    low, high = paired_bootstrap(won, lost, pairs)
    assert low * pairs == pytest.approx(drawn[100], abs=2) and high * pairs == pytest.approx(drawn[3900], abs=2)
    assert paired_bootstrap(0, 0, 50) == (0, 0)
    assert paired_bootstrap(10, 0, 10) == (1, 1)
