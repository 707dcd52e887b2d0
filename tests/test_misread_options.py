"""Options of `type=bool` whose word says no: told where a run states the word, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import argparse
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--packing", {declared})
options = parser.parse_args()
SFTTrainer(model="gpt2", args=SFTConfig("o", packing=options.packing)).train()
"""


def misread(folder: Path, declared: str, line: str) -> list[tuple[str, int, str]]:
    (folder / ".git").mkdir()
    (folder / "train.py").write_text(SCRIPT.format(declared=declared), encoding="utf-8")
    (folder / "run.sh").write_text(line + "\n", encoding="utf-8")
    (file,) = batch.review([str(folder / "train.py")], Options()).files
    found = [f for f in file.findings if f.rule == "api/misread-option"]
    return [(str(f.certainty), f.location.row or 0, f.message) for f in found]


@pytest.mark.parametrize("line", ["python train.py --packing False", "accelerate launch train.py --packing=no"])
def test_a_launch_line_that_says_no(tmp_path: Path, line: str) -> None:
    ((certainty, row, message),) = misread(tmp_path, "type=bool, default=True", line)
    assert (certainty, row) == ("default", 4) and message.startswith("--packing is given")


@pytest.mark.parametrize("declared", ["type=lambda word: bool(word), default=True", "type=bool, choices=[True, False]"])
def test_a_type_that_takes_no_word_for_no(tmp_path: Path, declared: str) -> None:
    assert len(misread(tmp_path, declared, "python train.py --packing False")) == 1


def test_a_default_that_says_no(tmp_path: Path) -> None:
    ((_, row, message),) = misread(tmp_path, 'type=bool, default="False"', "")
    assert row == 4 and '"False"' in message


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        ("type=bool, default=True", ""),
        ("type=bool, default=True", "python train.py"),
        ("type=bool, default=True", "python train.py --packing True"),
        ("type=bool, default=True", 'python train.py --packing ""'),
        ("type=bool, default=True", "python train.py --packing $PACKING"),
        ("type=lambda word: word == 'True', default=True", "python train.py --packing False"),
        ("type=lambda word: word == 'False', default=True", "python train.py --packing False"),
        ("type=str, default='True'", "python train.py --packing False"),
        ("action=argparse.BooleanOptionalAction", "python train.py --no-packing"),
    ],
)
def test_other_words_and_other_types(tmp_path: Path, declared: str, line: str) -> None:
    assert misread(tmp_path, declared, line) == []


def test_a_type_that_the_parser_registers(tmp_path: Path) -> None:
    own = 'Parser()\nparser.register("type", bool, lambda word: word == "True")\n'
    (tmp_path / "train.py").write_text(SCRIPT.replace("Parser()\n", own).format(declared="type=bool"), encoding="utf-8")
    (tmp_path / "run.sh").write_text("python train.py --packing False\n", encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert not [f for f in file.findings if f.rule == "api/misread-option"]
