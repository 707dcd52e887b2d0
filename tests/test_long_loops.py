"""Loops of many turns: what the first turn creates and the others keep is known, what they change is not."""

from __future__ import annotations

import pytest

from nl2sql_review.interpret.core.operations import describe
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Either, Known, Unknown

HEAD = """\
import argparse, torch, wandb
from collections.abc import Iterable
import webdataset as wds
from torch.utils.data import Dataset
from transformers import TrainingArguments
args = argparse.ArgumentParser()
args.add_argument("--split", default="train")
args = args.parse_args()
"""


def told(code, tmp_path, argument="output_dir"):
    source = Source.from_bytes((HEAD + code).encode(), str(tmp_path / "train.py"))
    *_, call = interpret(source, tmp_path).named("TrainingArguments")
    return call.get(argument)


LAZY = """\
class Runner:
    rate = None
    def get(self):
        if self.rate is None:
            self.rate = {made}
        return self.rate
runner = Runner()
for i in range(1000):
    TrainingArguments(output_dir=runner.get().value, seed=i)
    {after}
"""
RATE = "class Rate:\n    def __init__(self, value):\n        self.value = value\n"


@pytest.mark.parametrize(
    ("after", "known"),
    [
        ("pass", True),
        ("runner.rate = runner.rate", True),
        ("runner.rate = Rate(2)", False),
        ("runner.rate.value = i", False),
        ("runner.rate = None if i % 2 else runner.rate", False),
    ],
)
def test_what_a_long_loop_creates_once_is_known_in_every_turn(tmp_path, after, known):
    value = told(RATE + LAZY.format(made="Rate(1)", after=after), tmp_path)
    assert (isinstance(value, Known) and value.value == 1) is known


def test_a_value_of_the_turn_before_is_not_that_of_the_first(tmp_path):
    code = (
        "before = ''\nfor name in map(str, range(100)):\n    TrainingArguments(output_dir=before)\n    before = name\n"
    )
    assert isinstance(told(code, tmp_path), Unknown)


@pytest.mark.parametrize("condition", ["i == 70", "torch.rand(1) > 0.5"])
def test_a_loop_that_may_be_left_in_its_first_turns_goes_on(tmp_path, condition):
    loop = f"last = 0\nfor i in range(100):\n    last = 1\n    if {condition}: break\n"
    value = told(f"{loop}TrainingArguments(output_dir=last)\n", tmp_path)
    assert isinstance(value, Known) and value.value == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sorted([args.split])[0]", "train"),
        ("sorted([args.split, 'dev'])[0]", "dev"),
        ("min([args.split, 'dev'], key=len)", "dev"),
        ("max(['bb', 'aa'], key=len)", "bb"),
    ],
)
def test_what_an_option_names_is_sorted_as_in_a_plain_run(tmp_path, code, expected):
    value = told(f"TrainingArguments(output_dir={code})\n", tmp_path)
    assert value.value == expected
    assert isinstance(value, Default) is ("args" in code)


KINDS = "class Rows(Dataset):\n    def __init__(self):\n        super().__init__()\n        self.n = 1\nrows = Rows()\n"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("wds.DataPipeline", False),
        ("torch.utils.data.IterableDataset", False),
        ("torch.utils.data.dataset.Dataset", "open"),
        ("Dataset", True),
        ("Iterable", "open"),
        ("list", False),
    ],
)
def test_an_object_of_the_script_is_of_its_own_bases_only(tmp_path, kind, expected):
    value = told(KINDS + f"TrainingArguments(output_dir=isinstance(rows, {kind}))\n", tmp_path)
    assert (value.value if isinstance(value, Known) else "open") == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [("torch.cuda.amp.GradScaler()", False), ("wandb.init()", "open"), ("torch.load('a')", "open")],
)
def test_the_object_that_a_class_makes_is_never_none(tmp_path, made, expected):
    value = told(f"TrainingArguments(output_dir={made} is None)\n", tmp_path)
    assert (value.value if isinstance(value, Known) else "open") == expected


@pytest.mark.parametrize(("made", "called"), [("layers.Made()", ["Made"]), ("None", [])])
def test_a_library_calls_only_what_the_script_makes(tmp_path, made, called):
    (tmp_path / "layers.py").write_text(
        "import torch, wandb\nclass Made(torch.nn.Module):\n    def forward(self, x):\n        wandb.log({'x': 1})\n"
        "class Other(torch.nn.Module):\n    def forward(self, x):\n        wandb.log({'x': 2})\n"
    )
    source = Source.from_bytes(f"import layers\nmade = {made}\n".encode(), str(tmp_path / "train.py"))
    functions = [call.function.partition(".")[0] for call in interpret(source, tmp_path).named("wandb.log")]
    assert functions == called


def test_what_is_known_is_followed_inwards_on_an_uncertain_path(tmp_path):
    code = (
        "def innermost(part):\n    return innermost(part['inner']) if isinstance(part, dict) else part\n"
        "if torch.rand(1) > 0.5:\n    TrainingArguments(output_dir=innermost({'inner': {'inner': 'a'}}))\n"
    )
    assert told(code, tmp_path).value == "a"
    assert isinstance(told(code.replace("{'inner': {'inner': 'a'}}", "torch.load('parts')"), tmp_path), Unknown)


ROWS = """\
class Case:
    def __init__(self, name, kind, end=""):
        self.name, self.kind, self.text = name, kind, name + end
CASES = [{made} for i in range(100)]
for case in CASES:
    TrainingArguments(output_dir={read}, seed={after})
"""


@pytest.mark.parametrize(
    ("made", "read", "after", "shown"),
    [
        ("{'name': f'run{i}', 'kind': 'sql'}", "case['name']", "0", "CASES[i]['name']"),
        ("{'name': f'run{i}', 'kind': 'sql'}", "case['kind']", "0", "'sql'"),
        ("Case(f'run{i}', 'sql')", "case.name", "0", "CASES[i].name"),
        ("Case(f'run{i}', 'sql')", "case.kind", "0", "'sql'"),
        ("Case(f'run{i}', 'sql', '</s>')", "case.text", "0", "f'{CASES[i].text}</s>'"),
        ("Case(f'run{i}', 'sql', '</s>' if i > 5 else '')", "case.text", "0", "unknown"),
        ("(f'run{i}', Case(f'run{i}', 'sql'))", "case[1].kind", "0", "'sql'"),
        ("{'name': f'run{i}'} if i != 50 else {'title': 'a'}", "case['name']", "0", "unknown"),
        ("Case(f'run{i}', 'sql')", "case.kind", "setattr(CASES[50], 'kind', 'plain')", "unknown"),
        ("Case(f'run{i}', 'sql')", "case.kind if case == CASES[0] else 'b'", "0", "'sql' or 'b'"),
    ],
)
def test_one_of_many_constants_is_known_by_what_they_share_and_named_by_the_rest(tmp_path, made, read, after, shown):
    value = told(ROWS.format(made=made, read=read, after=after), tmp_path)
    assert ("unknown" if isinstance(value, Unknown) else describe(value)) == shown


@pytest.mark.parametrize(
    "combined",
    [
        "itertools.product([16, 32], range(21), range(21))",
        "itertools.combinations([16, 32, *[16] * 40], 2)",
        "itertools.zip_longest([16] * 500, range(501), fillvalue=32)",
    ],
)
def test_one_of_very_many_combinations_stands_for_all(combined, tmp_path):
    code = f"import itertools\nfor rate, *others in {combined}:\n    TrainingArguments(seed=rate)\n"
    value = told(code, tmp_path, "seed")
    assert isinstance(value, Either) and {one.value for one in value.options} == {16, 32}
    assert told(code.replace("32", "16"), tmp_path, "seed").value == 16
