"""What a plan looks like as JSON and to people, from a hand-made recording."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from nl2sql_review.interpret.core.recording import Call, Recording
from nl2sql_review.render import plan_json, plan_text
from nl2sql_review.render.terminal import PLAIN, Terminal
from nl2sql_review.training_plan.facts import FACTS, SECTIONS, Fact, TrainingPlan
from nl2sql_review.training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value

from .test_render import golden


class FakeSource:
    """A source whose nodes are (row, column, code)."""

    path = "train.py"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def locate(self, nodes: Any) -> None:
        self.asked += nodes

    def span(self, node: Any) -> Any:
        row, column, code = node
        return SimpleNamespace(row=row, column=column, end_row=row, end_column=column + len(code), cell=None)

    def excerpt(self, node: Any) -> str:
        return node[2]


SOURCE = FakeSource()


def at(row: int, code: str, note: str = "") -> Place:
    return Place(SOURCE, (row, 5, code), note)


VALUES: dict[str, Value] = {
    "known": Known(16, (at(1, "16"), at(9, "RANK"))),
    "path": Known(PurePosixPath("models/x")),
    "nested": Known({"a": [1, (2.5, None)], 3: float("inf")}),
    "default": Default(3, "--epochs", (at(2, "3", "--epochs"),)),
    "either": Either((Known("a"), Term("f()"), Default(True), Unknown("read from a file")), "fast"),
    "term": Term("torch.bfloat16", "symbol", (), (at(3, "torch.bfloat16"),)),
    "object": Known(SimpleNamespace(text="trl.SFTConfig(…)")),
    "function": Known(SimpleNamespace(name="to_text")),
    "list of objects": Known([SimpleNamespace(name="x")], (at(8, "[x]"),)),
    "text": Text(
        (
            "### Response:\n",
            Term('example["sql"]', "item", (), (at(4, 'ex["sql"]'),)),
            Term("tokenizer.eos_token", "attribute", (), (at(5, "tokenizer.eos_token"), at(6, "EOS"))),
            Either((Known("a"), Known("b")), "fast"),
            Unknown("the row comes from a file"),
        )
    ),
    "unknown": Unknown("sys.argv is not known", (at(7, "sys.argv[1]"),)),
    "absent": Absent(),
}


def report() -> plan_json.PlanReport:
    plan = TrainingPlan()
    plan.lora.r = Fact(VALUES["known"])
    plan.lora.alpha = Fact(VALUES["unknown"])
    plan.prompt.text = Fact(VALUES["text"])
    plan.dataset.weights = Fact(why_not="the dataset is not mixed from several")
    plan.arguments.epochs = Fact(VALUES["default"])
    plan.arguments.bf16 = Fact(VALUES["either"], note="given to SFTConfig")
    calls = [
        Call("trl.SFTConfig", dict(VALUES), at(9, "SFTConfig(")),
        Call("os.makedirs", {"name": Known("x")}, at(10, "os.makedirs(")),
        Call("torch.cuda.memory_allocated", {}, at(11, "torch.cuda.memory_allocated("), certain=False),
        Call("transformers.PreTrainedTokenizer.pad_token=", {"pad_token": Known("\x1b[31m")}, at(12, "t.pad_token")),
    ]
    return plan_json.describe(Recording(calls), [plan])


def test_kinds_and_values() -> None:
    data = json.loads(plan_json.render(report()))
    arguments = data["calls"][0]["arguments"]
    assert "absent" not in arguments
    said = {name: (a["kind"], a["value"]) for name, a in arguments.items()}
    assert said == {
        "known": ("known", 16),
        "path": ("known", "models/x"),
        "nested": ("known", {"a": [1, [2.5, None]], "3": "inf"}),
        "default": ("default", 3),
        "either": ("either", [
            "a", {"kind": "term", "value": "f()"}, True, {"kind": "unknown", "value": "read from a file"},
        ]),
        "term": ("term", "torch.bfloat16"),
        "object": ("term", "trl.SFTConfig(…)"),
        "function": ("term", "to_text"),
        "list of objects": ("term", "[x]"),
        "text": ("text", [
            {"text": "### Response:\n"},
            {"hole": 'example["sql"]', "source": 'ex["sql"]'},
            {"hole": "tokenizer.eos_token", "source": "tokenizer.eos_token"},
            {"hole": "'a' or 'b'", "source": "'a' or 'b'"},
            {"hole": "?", "source": "the row comes from a file"},
        ]),
        "unknown": ("unknown", None),
    }  # fmt: skip
    assert arguments["unknown"]["reason"] == "sys.argv is not known"
    assert "--epochs" in arguments["default"]["reason"]
    assert arguments["known"]["trace"] == [
        {"path": "train.py", "row": 1, "column": 5, "text": "16", "cell": None},
        {"path": "train.py", "row": 9, "column": 5, "text": "RANK", "cell": None},
    ]


def test_calls_are_those_of_the_stack_in_order() -> None:
    data = json.loads(plan_json.render(report()))
    assert list(data) == ["version", "calls", "plan", "more_plans", "runs"]
    assert [(c["callee"], c["row"], c["certain"]) for c in data["calls"]] == [
        ("trl.SFTConfig", 9, True),
        ("torch.cuda.memory_allocated", 11, False),
        ("transformers.PreTrainedTokenizer.pad_token=", 12, True),
    ]


def test_the_plan_is_eight_sections_of_facts() -> None:
    plan = json.loads(plan_json.render(report()))["plan"]
    assert list(plan) == list(SECTIONS)
    assert [f"{section}.{name}" for section in plan for name in plan[section]] == list(FACTS)
    assert plan["dataset"]["weights"]["reason"] == "the dataset is not mixed from several"
    assert plan["lora"]["r"]["value"] == 16


def test_positions_are_asked_for_at_once() -> None:
    SOURCE.asked.clear()
    report()
    assert len(SOURCE.asked) >= 3 + sum(len(v.trace) for v in VALUES.values())


@pytest.mark.parametrize(("name", "terminal"), [("plan-80.txt", PLAIN), ("plan-color.txt", Terminal(100, True))])
def test_text(name: str, terminal: Terminal) -> None:
    golden(name, plan_text.render(report(), "train.py", terminal))
