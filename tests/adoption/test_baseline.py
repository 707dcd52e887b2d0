"""Adoption: accept what is there, see only what is new, and hear what was fixed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review import cli

SCRIPT = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

config = LoraConfig(r=64, lora_alpha=16)
trainer = SFTTrainer("model", args=SFTConfig(learning_rate=5e-3), peft_config=config)
"""
SELECT = ("--select", "lora/rank,arguments/learning-rate")
FILE = "nl2sql-review-baseline.json"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "old.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def review(capsys: pytest.CaptureFixture[str]):
    """(exit code, rules that count, rules of the baseline, fixed ones) of a review as JSON."""

    def review(*argv: str):
        code = cli.main([*SELECT, "--output-format", "json", *argv])
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        found = [f for file in report["files"] for f in file["findings"]]
        return (
            code,
            sorted(f["rule"] for f in found if f["suppressed"] is None),
            sorted(f["rule"] for f in found if f["suppressed_by"] == "baseline"),
            sorted((e["path"], e["rule"]) for e in report["removable"]),
        )

    return review


def test_what_is_accepted_does_not_count_and_what_is_new_does(review, project: Path) -> None:
    assert cli.main(["baseline", "write", *SELECT, "."]) == 0
    both = ["arguments/learning-rate", "lora/rank"]
    assert review("--baseline", FILE, "train.py") == (0, [], both, [])
    moved = "import os\n\n" + SCRIPT.replace("r=64", "r = 64").replace("trainer =", "\n# next\ntrainer =")
    (project / "train.py").write_text(moved, encoding="utf-8")
    assert review("--baseline", FILE, "train.py") == (0, [], both, [])
    (project / "train.py").write_text(moved.replace("5e-3", "6e-3"), encoding="utf-8")
    code, new, known, fixed = review("--baseline", FILE, "train.py")
    assert (code, new, known) == (1, ["arguments/learning-rate"], ["lora/rank"])
    assert fixed == [("train.py", "arguments/learning-rate")]  # that code is gone, other code is wrong now


CONFIGURED = SCRIPT.replace("config =", "R = 32\nconfig =").replace("r=64", "r=R")


def test_a_mistyped_path_writes_no_baseline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["baseline", "write", "nowhere.py"]) == 2
    assert capsys.readouterr() == ("", "error: nowhere.py does not exist\n")
    assert not list(project.glob("*baseline*"))


def test_another_value_in_the_same_code_is_new(review, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(CONFIGURED, encoding="utf-8")
    cli.main(["baseline", "write", *SELECT, "train.py"])
    entries = {e["rule"]: e for e in json.loads((project / FILE).read_text(encoding="utf-8"))["findings"]}
    assert entries["lora/rank"]["value"] == 32 and entries["arguments/learning-rate"]["value"] == 5e-3
    (project / "train.py").write_text(CONFIGURED.replace("32", "512"), encoding="utf-8")
    assert review("--baseline", FILE, "train.py") == (1, ["lora/rank"], ["arguments/learning-rate"], [])
    capsys.readouterr()
    cli.main([*SELECT, "--baseline", FILE, "train.py"])
    said = " ".join(capsys.readouterr().out.split())
    assert "(accepted was r=32, now r=512)" in said and "✘ rank" in said and "• learning-rate accepted" in said
    assert cli.main(["baseline", "write", *SELECT, "train.py"]) == 0
    assert "2 accepted, 1 of them new; 0 fixed and removed" in capsys.readouterr().out
    assert review("--baseline", FILE, "train.py")[0] == 0


def test_other_code_names_what_was_accepted(review, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["baseline", "write", *SELECT, "train.py"])
    (project / "train.py").write_text(SCRIPT.replace("r=64", "r=512"), encoding="utf-8")
    assert review("--baseline", FILE, "train.py")[1] == ["lora/rank"]
    capsys.readouterr()
    cli.main([*SELECT, "--baseline", FILE, "train.py"])
    assert "(accepted was r=64, now r=512)" in " ".join(capsys.readouterr().out.split())


WHOLE = ("--select", "lora/rank,lora/target-modules,arguments/learning-rate,checkpointing/limit,memory/monitoring")


def test_another_argument_of_the_call_brings_back_nothing_that_was_accepted(review, project: Path, capsys) -> None:
    """What a call leaves out is found at the whole call, so that its code is another one then."""
    more = SCRIPT.replace("r=64", "target_modules=['q_proj']")
    (project / "train.py").write_text(more, encoding="utf-8")
    cli.main(["baseline", "write", *WHOLE, "train.py"])
    (project / "train.py").write_text(more.replace("=5e-3", "=5e-3, seed=1"), encoding="utf-8")
    code, new, known, fixed = review(*WHOLE, "--baseline", FILE, "train.py")
    assert (code, new, fixed) == (0, [], []) and {"checkpointing/limit", "memory/monitoring"} <= set(known)
    (project / "train.py").write_text(more.replace("=5e-3", "=5e-2, seed=1"), encoding="utf-8")
    assert review(*WHOLE, "--baseline", FILE, "train.py")[1] == ["arguments/learning-rate"]
    (project / "train.py").write_text(more.replace("['q_proj']", "'all-linear'"), encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["baseline", "write", *WHOLE, "train.py"]) == 0
    assert "1 fixed and removed" in capsys.readouterr().out


def test_an_old_file_accepts_any_value_until_it_is_written_anew(review, project: Path) -> None:
    (project / "train.py").write_text(CONFIGURED, encoding="utf-8")
    cli.main(["baseline", "write", *SELECT, "train.py"])
    old = json.loads((project / FILE).read_text(encoding="utf-8"))
    for entry in old["findings"]:
        del entry["value"]
    (project / FILE).write_text(json.dumps(old), encoding="utf-8")
    (project / "train.py").write_text(CONFIGURED.replace("32", "512"), encoding="utf-8")
    assert review("--baseline", FILE, "train.py")[0] == 0
    cli.main(["baseline", "write", *SELECT, "train.py"])
    (project / "train.py").write_text(CONFIGURED.replace("32", "64"), encoding="utf-8")
    assert review("--baseline", FILE, "train.py")[:2] == (1, ["lora/rank"])


def test_what_is_fixed_can_go(review, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["baseline", "write", *SELECT, "."])
    (project / "train.py").write_text(SCRIPT.replace("64", "16"), encoding="utf-8")
    (project / "old.py").unlink()
    assert review("--baseline", FILE, "train.py")[3] == [
        ("old.py", "arguments/learning-rate"), ("old.py", "lora/rank"), ("train.py", "lora/rank"),
    ]  # fmt: skip
    assert cli.main([*SELECT, "--baseline", FILE, "train.py"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "can be removed from the baseline (nl2sql-review baseline write): " in said and "lora/rank in train.py" in said
    )
    assert cli.main(["baseline", "write", *SELECT, "train.py"]) == 0
    assert "1 accepted, 0 of them new; 3 fixed and removed" in capsys.readouterr().out
    (entry,) = json.loads((project / FILE).read_text(encoding="utf-8"))["findings"]
    assert (entry["path"], entry["rule"]) == ("train.py", "arguments/learning-rate")
    assert review("--baseline", FILE, "train.py") == (0, [], ["arguments/learning-rate"], [])


def test_what_was_not_judged_is_not_fixed(review, project: Path) -> None:
    cli.main(["baseline", "write", *SELECT, "."])
    before = (project / FILE).read_bytes()
    assert review("--baseline", FILE, "old.py")[3] == []  # train.py was not looked at
    assert review("--baseline", FILE, "--ignore", "lora/rank", "train.py")[3] == []
    for text in (SCRIPT.replace("r=64", "r=unknown()"), SCRIPT + "x = (\n"):
        (project / "train.py").write_text(text, encoding="utf-8")
        assert review("--baseline", FILE, "train.py")[3] == []
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    assert cli.main(["baseline", "write", "--select", "lora/rank", "old.py"]) == 0
    assert (project / FILE).read_bytes() == before  # what was not judged stays


def test_the_settings_can_name_it_and_it_lies_where_they_lie(review, project: Path, monkeypatch) -> None:
    (project / "nl2sql-review.toml").write_text('baseline = "accepted.json"\n', encoding="utf-8")
    assert cli.main(["baseline", "write", *SELECT, "."]) == 0
    assert (project / "accepted.json").exists()
    assert review("train.py")[:2] == (0, [])
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    assert review("../train.py")[:2] == (0, [])
    assert review("--isolated", "../train.py")[0] == 1


def test_comments_come_first_and_need_no_entry(review, project: Path) -> None:
    (project / "train.py").write_text(SCRIPT.replace("64, ", "64, lora_dropout=0, ").replace(
        "lora_alpha=16)", "lora_alpha=16)  # nl2sql: ignore[lora/rank] tried"), encoding="utf-8")  # fmt: skip
    cli.main(["baseline", "write", *SELECT, "train.py"])
    rules = [entry["rule"] for entry in json.loads((project / FILE).read_text(encoding="utf-8"))["findings"]]
    assert rules == ["arguments/learning-rate"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "baseline write --output nope.json"),
        ("[]", "must be a mapping"),
        ("{", "not a baseline of nl2sql-review"),
        ("[" * 100_000, "not a baseline of nl2sql-review"),
        ('{"version": 2, "findings": []}', "version 1"),
        ('{"version": 1, "findings": [{"rule": "lora/rank"}]}', "findings[0]"),
    ],
)
def test_a_bad_baseline_is_an_error(text: str | None, said: str, project: Path, capsys) -> None:
    if text is not None:
        (project / "nope.json").write_text(text, encoding="utf-8")
    assert cli.main(["--baseline", "nope.json", "train.py"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "nope.json" in captured.err and said in captured.err
    if text is not None:
        assert cli.main(["baseline", "write", "--output", "nope.json", "train.py"]) == 2
        assert (project / "nope.json").read_text(encoding="utf-8") == text


def test_nothing_is_written_when_nothing_was_reviewed(project: Path, capsys) -> None:
    (project / "setup.py").write_text("print(1)\n", encoding="utf-8")
    assert cli.main(["baseline", "write", "setup.py"]) == 3
    assert cli.main(["baseline", "write"]) == 2
    assert cli.main(["baseline", "write", "train.py", "--output", "nowhere/x.json"]) == 2
    assert not list(project.glob("**/*.json"))


def test_two_files_that_say_the_same_have_each_their_entries(review, project: Path) -> None:
    assert cli.main(["baseline", "write", *SELECT, "train.py"]) == 0
    assert review("--baseline", FILE, "old.py")[:3] == (1, ["arguments/learning-rate", "lora/rank"], [])


def test_that_a_file_cannot_be_read_is_never_accepted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = project / "train.py"
    broken.write_text(SCRIPT + "trainer.train(\n", encoding="utf-8")
    assert cli.main(["baseline", "write", "."]) == 1
    assert "train.py:6: file/syntax: not read, so not accepted" in capsys.readouterr().err
    entries = json.loads(Path(FILE).read_text(encoding="utf-8"))["findings"]
    assert {entry["path"] for entry in entries} == {"old.py"}
    cli.main(["--output-format", "json", "train.py"])
    [found] = json.loads(capsys.readouterr().out)["files"][0]["findings"]
    entry = {"path": "train.py", **{key: found[key] for key in ("rule", "fingerprint", "message")}, "value": None}
    Path(FILE).write_text(json.dumps({"version": 1, "findings": [entry]}), encoding="utf-8")
    assert cli.main(["--baseline", FILE, "train.py"]) == 1
