"""What training does not depend on has a small budget of its own, and the rest of the script is still read."""

from __future__ import annotations

import pytest

from nl2sql_review.interpret.program import interpret
from nl2sql_review.interpret.python.training_words import training_definitions
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Known, Unknown

GAME = """\
from unsloth import FastLanguageModel
class Board:
    def __init__(self, n):
        self.cells = [[0] * n for _ in range(n)]
    def move(self):
        for i in range(4):
            for j in range(4):
                self.cells[i][j] = self.cells[i][j] + 2
def play(board):
    for i in range(60):
        for j in range(60):
            board.move()
r, rank, settings = 64, {"r": 64}, {"r": 8}
game = Board(4)
for trial in range(60):
    play(game)
"""
TRAIN = "model, tokenizer = FastLanguageModel.from_pretrained('m')\nFastLanguageModel.get_peft_model(model, r=%s)\n"


def rank_of(code: str):
    recording = interpret(Source.from_bytes(code.encode(), "train.py"), ".")
    assert not recording.exhausted
    (call,) = [c for c in recording.calls if c.callee.endswith("get_peft_model")]
    return call.arguments["r"]


@pytest.mark.parametrize("value", ["r", "rank['r']"])
def test_a_game_before_the_training_is_left_aside(value: str) -> None:
    found = rank_of(GAME + TRAIN % value)
    assert isinstance(found, Known) and found.value == 64


def test_what_a_long_statement_may_have_changed_is_unknown() -> None:
    """It touches what the training reads, so that it is followed as far as all steps go."""
    change = "for i in range(50):\n    rank['r'] = rank['r'] + i\n"
    assert isinstance(rank_of(GAME + change + TRAIN % "rank['r']"), (Known, Unknown))
    assert rank_of(GAME + "rank['r'] = 16\n" + TRAIN % "rank['r']").value == 16


def test_what_a_long_statement_assigns_is_unknown_where_it_was_not_followed() -> None:
    code = GAME + "table = [sum([a * b for a in range(60)]) for b in range(60) for c in range(60)]\n"
    assert isinstance(rank_of(code + TRAIN % "len(table)"), Unknown)
    assert rank_of(code + TRAIN % "r").value == 64


def test_a_function_that_training_reads_is_no_matter_of_the_side() -> None:
    code = GAME + "def double(n):\n    return n * 2\nk = 16\nk = double(k)\n" + TRAIN % "k"
    assert rank_of(code).value == 32


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_call_of_a_main_that_trains_is_never_left_aside(depth: int) -> None:
    """However long it is, and however many functions lie between."""
    body = "    for i in range(40):\n        for j in range(40):\n            k = i * j\n" + "".join(
        f"    {line}\n" for line in (TRAIN % "64").splitlines()
    )
    code = "from unsloth import FastLanguageModel\ndef run_0():\n" + body
    code += "".join(f"def run_{n}():\n    run_{n - 1}()\n" for n in range(1, depth + 1))
    found = rank_of(code + f"if __name__ == '__main__':\n    run_{depth}()\n")
    assert isinstance(found, Known) and found.value == 64


def test_a_definition_leads_to_the_training_through_as_many_others_as_there_are():
    chain = [f"def f{i}():\n    return f{i + 1}()\n" for i in range(20_000)]
    text = "\n".join((*chain, "def f20000():\n    trainer.train()\n", "def aside():\n    return f()\n"))
    assert training_definitions(text) == {f"f{i}" for i in range(20_001)}


@pytest.mark.parametrize("call, grows", [("logging.info(i)", False), ("LoraConfig(r=i)", True)])
def test_a_call_that_readers_compare_with_no_other_costs_the_same_early_and_late(call: str, grows: bool) -> None:
    head = "import logging\nfrom peft import LoraConfig\n"

    def steps(loops: int) -> int:
        code = head + f"for i in range(60):\n    {call}\n" * loops
        return interpret(Source.from_bytes(code.encode(), "train.py"), ".").steps

    assert (steps(16) > 2.4 * steps(8)) is grows
