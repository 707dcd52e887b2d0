"""`--add-ignores`: comments that silence what is there, and change nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.judgement import requests
from nl2sql_review.run.batch import run
from nl2sql_review.run.options import Options
from nl2sql_review.source import Source

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

config = LoraConfig(r=64, lora_alpha=16)  # wide
trainer = SFTTrainer("model", args=SFTConfig(learning_rate=5e-3), peft_config=config)
"""
SELECT = ("--select", "lora/rank,arguments/learning-rate")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def added(text: str, *argv: str, path: str = "train.py") -> str:
    Path(path).write_bytes(text.encode())
    assert cli.main([*(argv or SELECT), "--add-ignores", "tried by hand", path]) == 0
    return Path(path).read_bytes().decode()


def test_at_the_end_of_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    made = added(SCRIPT)
    assert made.splitlines()[3:] == [
        SCRIPT.splitlines()[3] + "  # nl2sql: ignore[lora/rank=64] tried by hand",
        SCRIPT.splitlines()[4] + "  # nl2sql: ignore[arguments/learning-rate=0.005] tried by hand",
    ]
    out = capsys.readouterr().out
    assert "2 findings suppressed in 1 file" in out and "2 suppressed" in out
    assert added(made) == made  # nothing more to add


def test_a_comment_that_is_there_gets_the_name_too() -> None:
    text = SCRIPT.replace("# wide", "# nl2sql: ignore[lora/alpha] as before").replace("alpha=16", "alpha=32")
    made = added(text, "--select", "lora/rank,lora/alpha")
    assert "# nl2sql: ignore[lora/alpha, lora/rank=64] as before\n" in made


def test_a_comment_accepts_the_value_it_names(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = added(SCRIPT)
    (project / "train.py").write_text(made.replace("r=64, ", "r=512, "), encoding="utf-8")
    capsys.readouterr()
    assert cli.main([*SELECT, "train.py"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "r=512; should be 16 (accepted was r=64, now r=512)" in out
    assert "this comment suppresses nothing: lora/rank=64 has no finding here" in out
    renewed = added(made.replace("r=64, ", "r=512, "))
    assert "ignore[lora/rank=512]" in renewed and "lora/rank=64" not in renewed
    same = made.replace("5e-3", "0.0050").replace(
        "ignore[arguments/learning-rate=0.005]", "ignore[arguments/learning-rate=5e-3]"
    )
    (project / "train.py").write_text(same, encoding="utf-8")
    assert cli.main([*SELECT, "train.py"]) == 0


def test_windows_lines_and_byte_order_mark_stay() -> None:
    text = "\ufeff" + SCRIPT.replace("\n", "\r\n")
    made = added(text)
    assert made.count("\r\n") == text.count("\r\n") == made.count("\n") and made.startswith("\ufeff")


def test_a_string_or_a_backslash_at_the_end_of_the_line(project: Path) -> None:
    text = SCRIPT.replace(
        "LoraConfig(r=64, lora_alpha=16)", 'LoraConfig(r=64, \\\n    lora_alpha=16, task_type="""\nx""")'
    )
    assert added(text).splitlines()[5] == 'x""")  # wide  # nl2sql: ignore[lora/rank=64] tried by hand'
    text = text.replace("r=64, \\\n    lora_alpha=16, ", "lora_alpha=16, ").replace('x""")', 'x""", r=64)')
    assert added(text).splitlines()[4] == 'x""", r=64)  # wide  # nl2sql: ignore[lora/rank=64] tried by hand'


def test_what_stands_in_another_file_is_ignored_for_the_whole_script(project: Path) -> None:
    (project / "parts.py").write_text("from peft import LoraConfig\nCONFIG = LoraConfig(r=64)\n", encoding="utf-8")
    head = "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n"
    made = added(
        head + SCRIPT.replace("config = LoraConfig(r=64, lora_alpha=16)", "from parts import CONFIG as config")
    )
    assert made.startswith(head) and "ignore[arguments/learning-rate=0.005]" in made
    assert (project / "parts.py").read_text(encoding="utf-8").count("nl2sql") == 0


def test_notebooks(project: Path) -> None:
    def cell(source):
        return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}

    head, tail = SCRIPT.split("trainer")
    book = {"cells": [cell("%%capture\n!pip install trl"), cell(head.splitlines(True)), cell("trainer" + tail)]}
    text = json.dumps({**book, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
    made = added(text, path="train.ipynb")
    before, after = json.loads(text)["cells"], json.loads(made)["cells"]
    assert after[0] == before[0]
    assert "".join(after[1]["source"]).endswith("# wide  # nl2sql: ignore[lora/rank=64] tried by hand\n")
    assert "ignore[arguments/learning-rate=0.005] tried by hand" in after[2]["source"]
    assert isinstance(after[1]["source"], list) and made.startswith(text[:60])


@pytest.mark.parametrize("path", ["docs/train.py", *(f"fixtures/seed/{name}" for name in ("eos_bad.py", "good.py"))])
def test_whole_scripts(path: str, project: Path) -> None:
    """All findings of real scripts at once: silenced, the program unchanged, nothing else said."""
    text = (ROOT / path).read_text(encoding="utf-8")
    made = added(text, "--isolated")
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(text))
    report, code = run(["train.py"], Options(isolated=True))
    assert code == 0 and report.summary.suppressed > 0
    assert [f.rule for f in report.files[0].findings if f.suppressed is None] == []
    assert not requests.read(Source.from_bytes(made.encode(), "train.py")).errors


@pytest.mark.parametrize("reason", ["", "  ", "see # 12", "a\x1bb"])
def test_a_reason_must_say_something(reason: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    assert cli.main([*SELECT, "--add-ignores", reason, "train.py"]) == 2
    assert "give the reason" in capsys.readouterr().err
    assert (project / "train.py").read_text(encoding="utf-8") == SCRIPT


def test_files_that_are_broken_stay_as_they_are(project: Path) -> None:
    (project / "broken.py").write_text("import trl\nx = (\n", encoding="utf-8")
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    assert cli.main([*SELECT, "--add-ignores", "later", "."]) == 1  # what is broken still counts
    assert (project / "broken.py").read_text(encoding="utf-8") == "import trl\nx = (\n"
    assert "ignore[lora/rank=64] later" in (project / "train.py").read_text(encoding="utf-8")
    assert cli.main(["--add-ignores", "later", "--fix", "train.py"]) == 2
    assert cli.main(["--add-ignores", "later", "-"]) == 2
