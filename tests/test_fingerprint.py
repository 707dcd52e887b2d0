"""A finding stays the same finding while other lines change, and becomes another one when its own code does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review.judgement.definitions import Definitions
from nl2sql_review.run.batch import run
from nl2sql_review.run.options import Options
from nl2sql_review.source import Source

SCRIPT = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer


def build():
    config = LoraConfig(r=64, lora_alpha=16)
    return config


class Training:
    def start(self):
        config = build()
        other = LoraConfig(r=64, lora_alpha=16)
        third = LoraConfig(r=64, lora_alpha=16)
        SFTTrainer("model", args=SFTConfig(), peft_config=config)
        SFTTrainer("model", args=SFTConfig(), peft_config=other)
        SFTTrainer("model", args=SFTConfig(), peft_config=third)


Training().start()
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prints(text: str = SCRIPT, path: str = "train.py", given: str = "") -> list[str]:
    """The fingerprints of the ranks that are found, in the order of their lines."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
    report, _ = run([given or path], Options(overrides={"select": ["lora/rank"]}))
    found = sorted(report.files[0].findings, key=lambda f: (f.location.cell or 0, f.location.row))
    return [f.fingerprint for f in found]


def test_each_finding_has_its_own() -> None:
    found = prints()
    assert len(set(found)) == 3
    assert found[2] == f"{found[1]}-2"  # the same code in the same function, once more


@pytest.mark.parametrize(
    "changed",
    [
        "# a comment\n\n" + SCRIPT,
        SCRIPT.replace("r=64, lora_alpha=16)", "r = 64,  # wide\n        lora_alpha=16,\n    )"),
        SCRIPT.replace("    return config", "    print(config)\n    return config"),
        SCRIPT.replace("import LoraConfig", "import  LoraConfig").replace("\n", "\r\n"),
    ],
)
def test_other_lines_and_layout_do_not_count(changed: str) -> None:
    assert prints(changed) == prints()


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("def build", "def make", [False, True, True]),
        ("class Training", "class Run", [True, False, False]),
        ("r=64", "r=63", [False, False, False]),
    ],
)
def test_definition_and_code_count(old: str, new: str, same: list[bool]) -> None:
    changed = SCRIPT.replace(old, new).replace("Training()", "Run()" if "Run" in new else "Training()")
    changed = changed.replace("= build()", "= make()" if "make" in new else "= build()")
    assert [a == b for a, b in zip(prints(changed), prints())] == same


def test_the_file_counts_and_how_it_is_given_does_not(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prints()
    assert prints(given="./train.py") == prints(given=str(project / "train.py")) == first
    assert not set(prints(path="other.py")) & set(first)
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    assert prints(path="../train.py") == first


def test_the_number_of_a_cell_does_not_count() -> None:
    def book(*cells: str) -> str:
        made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
        return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    head, tail = SCRIPT.split("class Training")
    first = prints(book(head, "class Training" + tail), "train.ipynb")
    assert prints(book("%pip install trl", "", head, "class Training" + tail), "train.ipynb") == first
    assert len(set(first)) == 3


def test_what_cannot_be_read_has_one_too() -> None:
    Path("train.py").write_text("import trl\nx = (\n", encoding="utf-8")
    report, _ = run(["train.py", "missing.py"])
    found = [f.fingerprint for file in report.files for f in file.findings]
    assert len(set(found)) == 2 and all(found)


def test_definitions_around_a_row() -> None:
    text = """\
class A(
    Base,
):
    x = 1

    async def f(self):
        text = \'\'\'
def not_one():
\'\'\'
        if text:
            return 1

    def g(self): pass

def h():
\tif x:
\t\treturn 1
y = 2
"""
    found = Definitions(Source("train.py", text))
    rows = {1: "A", 2: "A", 4: "A", 6: "A.f", 8: "A.f", 11: "A.f", 13: "A.g", 15: "h", 17: "h", 18: ""}
    assert {row: found.at(row) for row in rows} == rows
    assert [Definitions(Source("train.py", text)).at(2) for text in ("", "\n\n")] == ["", ""]
