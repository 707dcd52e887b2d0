"""Completion: the words that fit, and the three shells themselves where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.commands import completion
from nl2sql_review.commands.program import COMMANDS

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def fitting(capsys: pytest.CaptureFixture[str]):
    def fitting(*words: str) -> list[str]:
        assert cli.main(["completion", "bash", "--", *words]) == 0
        return [line.partition("\t")[0] for line in capsys.readouterr().out.splitlines()]

    return fitting


def test_words_that_fit(fitting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fitting("") == list(COMMANDS)
    assert fitting("pl") == ["plan"]
    assert fitting("train.py", "") == [] == fitting("tra")  # files, which the shell knows
    assert fitting("--stat") == ["--statistics"] and "--fix" in fitting("train.py", "--f")
    assert fitting("plan", "--out") == ["--output-format"]
    assert fitting("--fail-on", "") == ["error", "warning", "advice"]
    assert fitting("--output-format", "s") == ["statistics", "sarif"]
    assert fitting("--select", "lora/ra") == ["lora/rank"]
    assert fitting("--select", "prompt/eos,lora/ra") == ["prompt/eos,lora/rank"]
    assert fitting("--config", "") == []
    assert fitting("rule", "lora/ra") == ["lora/rank"] and "lora" in fitting("rule", "lo")
    assert fitting("baseline", "") == ["write"] and fitting("baseline", "write", "") == []
    assert "report" in fitting("schema", "") and fitting("completion", "z") == ["zsh"]
    assert "t4" in fitting("--gpu", "t")


def test_every_option_and_value_is_offered(fitting) -> None:
    for command in COMMANDS:
        assert "--help" in fitting(command, "--he"), command


def run(shell: str, script: str, cwd: Path) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: completion in {shell} was NOT tested")
    if not (PROGRAMS / "nl2sql-review").exists():
        pytest.fail("nl2sql-review is not installed in this environment: pip install -e '.[test]'")
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
        "HOME": str(cwd),
    }
    done = subprocess.run(
        [shell, "-c", script], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bash(tmp_path: Path) -> None:
    script = """
    eval "$(nl2sql-review completion bash)"
    complete -p nl2sql-review
    try() { COMP_WORDS=(nl2sql-review "$@"); COMP_CWORD=$#; COMPREPLY=(); _nl2sql_review; echo "${COMPREPLY[*]}"; }
    try --stat; try --select lora/ra; try train; try rule prompt/eo
    """
    first, *answers = run("bash", script, tmp_path).split("\n")
    assert "-F _nl2sql_review nl2sql-review" in first and "default" in first
    assert answers == ["--statistics", "lora/rank", "", "prompt/eos", ""]


def test_fish(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("", encoding="utf-8")
    script = """
    nl2sql-review completion fish | source
    complete -C 'nl2sql-review --stat'; complete -C 'nl2sql-review --select lora/ra'; complete -C 'nl2sql-review tra'
    """
    statistics, rank, file, _ = run("fish", script, tmp_path).split("\n")
    assert statistics.startswith("--statistics\tshort for") and rank == "lora/rank\tLoRA rank is not 16"
    assert file.startswith("train.py")


def test_zsh(tmp_path: Path) -> None:
    """In a terminal of its own: a line, the tab key, and what has become of the line."""
    (tmp_path / "train.py").write_text("", encoding="utf-8")
    script = r"""
    zmodload zsh/zpty
    zpty terminal zsh -f -i
    start="PS1= ; autoload -U compinit; compinit -u -D; eval \"\$(nl2sql-review completion zsh)\"; echo re''ady"
    zpty -w terminal "$start"
    zpty -r -m terminal answer '*ready*'
    for line in '--stat' '--select lora/ra' 'tra'; do
        zpty -w -n terminal "nl2sql-review $line"$'\t\x01echo ::\n'  # the line, tab, and before it: echo
        zpty -r -m terminal answer $'*\n::*\n*'
        print -r -- "$answer"
    done
    """
    said = run("zsh", script, tmp_path)
    for completed in ("--statistics", "--select lora/rank", "train.py"):
        assert f"\n::nl2sql-review {completed}" in said


def test_the_scripts_are_those_of_the_shells_that_can_be_named() -> None:
    assert set(completion.SCRIPTS) == {"bash", "zsh", "fish"}
