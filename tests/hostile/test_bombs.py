"""What a script computes is bounded before it is computed: each bomb is reviewed within its limits, to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review.interpret.core import sizes
from nl2sql_review.interpret.models.standard.match_cost import cost

from .bombs import BOMBS

ROOT = Path(__file__).resolve().parents[2]
STEPS = "steps to evaluate"


@pytest.fixture(scope="module")
def exploded() -> dict[str, list | None]:
    """Name of a bomb → what became of its review; None where the process had to be ended."""
    command = [sys.executable, "-m", "tests.hostile.explode"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are those of Linux")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_no_more_than_any_script(name: str, exploded: dict[str, list | None]) -> None:
    said = exploded[name]
    assert said is not None, "its process had to be ended"
    status, rules, rank, faults = said
    assert faults == []
    if status == "error":  # too deep for the parser, and so said
        assert rules in (["file/syntax"], ["file/unreadable"])
    elif rank[0] == "unknown":  # the rest of the script was not followed, and that is said
        assert STEPS in rank[1] or "nests too deeply" in rank[1]
    else:
        assert rank[0] == "fail" and "lora/rank" in rules


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("str.ljust", ("a", 10**9)), ("str.some_new_method", ("a", 10**9)), ("a.new", ("a" * 2_000, "b" * 2_000)),
        ("str.replace", ("a" * 1_000, "a", "b" * 1_000)), ("str.join", ("a" * 1_000, ["b"] * 1_000)),
        ("pow", (10, 10**10)), ("round", (7, -(10**9))), ("int", ("1" * 9_000, 36)), ("bytes", (10**9,)),
        ("textwrap.wrap", ("a" * 21_000, 1)),
    ],
)  # fmt: skip
def test_what_a_function_would_make_is_measured_before_also_where_nothing_is_said_of_it(name: str, args: tuple) -> None:
    with pytest.raises(sizes.TooMuch):
        sizes.function(name, args)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("str.replace", ("the schema " * 2_000, "schema", "CREATE TABLE singer (name TEXT)")),
        ("str.split", ("a b " * 20_000, " ")), ("str.startswith", ("a" * 90_000, "b" * 90_000)),
        ("str.join", (", ", ["name"] * 500)), ("int", ("2024",)), ("sorted", (list(range(900)),)),
        ("round", (2.5e-4, 6)), ("pow", (2, 10)), ("json.dumps", ({"r": 16}, 2)),
        ("textwrap.fill", ("a " * 9_000, 70)),
    ],
)  # fmt: skip
def test_what_scripts_really_do_is_not_too_much(name: str, args: tuple) -> None:
    sizes.function(name, args)


PATTERNS = [
    (r"\d+", "step 1200"), (r"checkpoint-(\d+)$", "outputs/checkpoint-1200"), (r"^(\w+)\s*=\s*(.+)$", "rank = 16 # r"),
    (r"(?i)select\s+(.*?)\s+from\s+(\w+)", "SELECT name, age FROM singer WHERE age > 20 ORDER BY name"),
    (r"[^a-zA-Z0-9_]+", "unsloth/llama-3-8b-bnb-4bit" * 20), (r"(\w+)@(\w+)\.com", "a@b.com " * 30),
    (r"\s+", "CREATE TABLE t (a TEXT, b TEXT);\n" * 40),
    (r"### (Instruction|Response):\n", "### Instruction:\nx\n" * 20), (r"(?:\w+,\s*)*\w+", "a, b, c, d, e"),
    (r"(?<=r=)\d+", "r=64, alpha=16"), (r"\bq_proj\b|\bv_proj\b", "q_proj v_proj"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text"), PATTERNS)
def test_patterns_as_scripts_have_them_are_tried(pattern: str, text: str) -> None:
    assert cost(pattern, 0, text, everywhere=True).known


@pytest.mark.parametrize(
    "pattern",
    [r"(a|aa)+$", r"(a*)*b", r"(?:a|a)*b", r"(a+)+b", r"(?:a?){40}b", r"a*a*a*a*a*b", r"(a*)\1b", r"(?:a{9}){9999}"],
)
def test_patterns_that_may_try_for_ever_are_not(pattern: str) -> None:
    assert not cost(pattern, 0, "a" * 3_000, everywhere=True).known
