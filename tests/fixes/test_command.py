"""`--fix` and `--diff` as programs see them: what is written, what is printed, and the exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review import cli

from .repair import IMPORTS

SCRIPT = IMPORTS + (
    'model, tokenizer = FastLanguageModel.from_pretrained("x")\n'
    "model = FastLanguageModel.get_peft_model(model, r=64, lora_alpha=16)\n"
)
FIXED = SCRIPT.replace("r=64", "r=16")


ROOT = Path(__file__).parents[2]
OPTIONS = ("--isolated", "--no-cache", "--select", "lora")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command, in this process: its exit code and its two streams."""

    def run(*args):
        code = cli.main([*OPTIONS, *args])
        return code, *capsys.readouterr()

    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return run


@pytest.fixture
def start(tmp_path):
    """The command, in a process of its own: with standard input in bytes, or a shell's command before it."""

    def start(*args, stdin=None, before=""):
        command = [sys.executable, "-m", "nl2sql_review", *OPTIONS, *args]
        if before:
            command = ["sh", "-c", before + '; exec "$@"', "sh", *command]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        done = subprocess.run(command, cwd=tmp_path, input=stdin, capture_output=True, env=env, timeout=300)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    (tmp_path / "train.py").write_text(SCRIPT)
    return start


def test_a_diff_that_patch_applies(run, start, tmp_path):
    code, out, _ = start("--diff", "--fix-policy", "train.py")
    assert code == 1 and (tmp_path / "train.py").read_text() == SCRIPT
    assert run("--diff", "--fix-policy", "train.py")[1:] == (out, "1 finding would be fixed\n")
    if shutil.which("patch") is None:
        pytest.skip("there is no patch on this machine")
    subprocess.run(["patch", "-p0"], cwd=tmp_path, input=out.encode(), check=True, capture_output=True)
    assert (tmp_path / "train.py").read_text() == FIXED
    assert run("--diff", "--fix-policy", "--quiet", "train.py") == (0, "", "")


def test_fixing_reports_what_is_left_and_keeps_permissions(run, tmp_path):
    os.chmod(tmp_path / "train.py", 0o754)
    os.symlink("train.py", tmp_path / "link.py")
    code, out, _ = run("--fix-policy", "--show-fixes", "link.py")
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "train.py").read_text() == FIXED and (tmp_path / "train.py").stat().st_mode & 0o777 == 0o754
    assert "link.py:4:49: lora/rank: set r=16 (policy)" in out and "1 finding fixed" in out
    assert code == 0 and "no findings" in out
    assert run("--fix-policy", "train.py")[0] == 0
    assert sorted(os.listdir(tmp_path)) == ["link.py", "train.py"]


def test_what_only_an_unsafe_fix_mends_is_told(run, tmp_path):
    (tmp_path / "train.py").write_text(
        SCRIPT + "trainer = SFTTrainer(model=model, args=SFTConfig())\ntrainer.train()\n"
    )
    code, out, err = run("--select", "checkpointing", "--diff", "--fix-policy", "train.py")
    assert code == 1 and err == "3 findings would be fixed; 1 more with --unsafe-fixes\n"
    code, out, _ = run(
        "--select", "checkpointing,memory/monitoring", "--fix-policy", "--output-format", "concise", "train.py"
    )
    assert "[checkpointing/resume] [*]" in out and "[memory/monitoring] training" not in out
    assert "[*] 1 fixable with --unsafe-fixes" in out and out.endswith("fixed; 1 more with --unsafe-fixes\n")
    assert run("--select", "checkpointing", "--fix-policy", "--unsafe-fixes", "train.py")[0] == 0


def test_the_exit_code_may_tell_that_something_was_fixed(run):
    assert run("--fix-policy", "--exit-non-zero-on-fix", "train.py")[0] == 1
    assert run("--fix-policy", "--exit-non-zero-on-fix", "train.py")[0] == 0


TRAINER = """\
from peft import LoraConfig
from trl import SFTTrainer
config = LoraConfig(r=64, lora_alfa=16)
trainer = SFTTrainer("model", peft_config=config)
"""
CHOICES = ("--select", "lora/rank,lora/alpha,api")


def test_repairs_alone_leave_the_choices(run, tmp_path):
    (tmp_path / "train.py").write_text(TRAINER)
    code, out, err = run(*CHOICES, "--diff", "train.py")
    assert code == 1 and "+config = LoraConfig(r=64, lora_alpha=16)" in out
    assert err == "1 finding would be fixed; up to 4 more with --fix-policy\n"
    assert run(*CHOICES, "--fix", "train.py")[0] == 1
    assert (tmp_path / "train.py").read_text() == TRAINER.replace("alfa", "alpha")
    run(*CHOICES, "--fix-policy", "train.py")
    assert "LoraConfig(r=16, lora_alpha=16" in (tmp_path / "train.py").read_text()


def test_a_finding_without_a_fix_is_told_with_the_reason(run, tmp_path):
    (tmp_path / "train.py").write_text(TRAINER.replace("lora_alfa=16", "lora_alpha=16, x_y_z=1"))
    err = run(*CHOICES, "--diff", "--fix-policy", "train.py")[2]
    assert re.search(r"^train\.py:3:\d+: api/unknown-argument: no fix: .+$", err, re.MULTILINE), err


def test_a_finding_without_a_fix_is_told_where_the_file_has_it(run, tmp_path):
    """The import and the line of another fix move it in the diff, not in the file."""
    (tmp_path / "train.py").write_text(TRAINER + "trainer.train()\nSFTTrainer('other', peft_config=config, x_y_z=1)\n")
    _, out, err = run("--select", "memory/monitoring,api/unknown-argument", "--diff", "--fix-policy", "train.py")
    assert "+import torch" in out and re.search(r"^train\.py:6:\d+: api/unknown-argument: no fix", err, re.MULTILINE)


def test_standard_input_comes_out_fixed(start):
    code, out, err = start("--fix-policy", "-", stdin=SCRIPT.replace("\n", "\r\n").encode())
    assert (code, out) == (0, FIXED.replace("\n", "\r\n")) and "1 finding fixed" in err
    code, out, err = start("--diff", "--fix-policy", "-", "--stdin-filename", "src/a.py", stdin=SCRIPT.encode())
    assert code == 1 and out.startswith("--- src/a.py\n+++ src/a.py\n")


def test_json_carries_the_edits(run):
    _, out, _ = run("--output-format", "json", "train.py")
    (finding,) = json.loads(out)["files"][0]["findings"]
    assert finding["fixable"] is True
    place = {"path": "train.py", "row": 4, "column": 51, "end_row": 4, "end_column": 53, "cell": None}
    edits = [{"location": place, "content": "16"}]
    assert finding["fix"] == {"title": "set r=16", "applicability": "safe", "edits": edits, "kind": "policy"}
    assert finding["kind"] == "policy"


def test_the_text_says_what_may_be_fixed_and_what_can(run):
    out = run("train.py")[1]
    assert "error[lora/rank]: r=64" in out and "[*]" not in out  # nothing was proved
    assert "1 finding may be fixable: --diff --fix-policy shows the proved fixes" in out
    out = run("--show-fixes", "train.py")[1]
    assert "error[lora/rank]: [*] r=64" in out and "= fix: set r=16 (policy)" in out
    assert "[*] 1 fixable with --fix-policy" in out


@pytest.mark.parametrize(
    "args",
    [("--unsafe-fixes",), ("--exit-non-zero-on-fix",), ("--fix", "--diff"), ("--diff", "--output-format", "json")],
)
def test_options_that_say_nothing_together(run, args):
    code, out, err = run(*args, "train.py")
    assert (code, out) == (2, "") and err.startswith("error: --")


def test_a_read_only_file_is_left(run, tmp_path):
    os.chmod(tmp_path / "train.py", 0o444)
    code, out, err = run("--fix-policy", "train.py")
    assert (code, out) == (2, "") and "train.py is read-only" in err
    assert (tmp_path / "train.py").read_text() == SCRIPT


def test_a_full_disk_leaves_the_file(start, tmp_path):
    """A limit on the size of files is refused in the same place as a full disk: in the middle of writing."""
    long = SCRIPT + "# " + "x" * 40_000 + "\n"
    (tmp_path / "train.py").write_text(long)
    code, out, err = start("--fix-policy", "train.py", before="ulimit -f 8; trap '' XFSZ")
    assert (code, out) == (2, "") and err.startswith("error: train.py cannot be written: File too large; it was left")
    assert (tmp_path / "train.py").read_text() == long and os.listdir(tmp_path) == ["train.py"]
