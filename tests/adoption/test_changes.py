"""`--changed-only` with real repositories of git: what counts, and what is said where git cannot tell."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nl2sql_review import cli

SCRIPT = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

RANK = 16
config = LoraConfig(r=RANK, lora_alpha=16)
trainer = SFTTrainer("model", args=SFTConfig(learning_rate=5e-3), peft_config=config)
"""
READS = SCRIPT.replace("RANK = 16", "from settings import RANK")
RATE = ["arguments/learning-rate"]


def git(*words: str, cwd: Path | str = ".") -> str:
    options = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *options, *words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(message: str = "more", cwd: Path | str = ".") -> None:
    git("add", "--all", cwd=cwd)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=cwd)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    write("train.py", SCRIPT)
    git("init", "--quiet", "--initial-branch", "main")
    commit("first")
    return folder


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]):
    """(exit code, the rules that count) with `--changed-only`."""

    def counted(*argv: str, select: str = "lora/rank,arguments/learning-rate"):
        code = cli.main(["--changed-only", "--select", select, "--output-format", "json", *(argv or (".",))])
        captured = capsys.readouterr()
        assert captured.out, captured.err
        found = [f for file in json.loads(captured.out)["files"] for f in file["findings"]]
        assert all(f["suppressed_by"] in (None, "unchanged") for f in found)
        return code, [f["rule"] for f in found if f["suppressed"] is None]

    return counted


def test_what_was_there_before_does_not_count(counted) -> None:
    assert counted() == (0, [])
    write("train.py", "import os\n\n\n" + SCRIPT.replace("trainer =", "\n# next\ntrainer ="))
    assert counted() == (0, [])


def test_a_changed_line_counts_and_so_does_where_a_value_comes_from(counted) -> None:
    write("train.py", SCRIPT.replace("5e-3", "6e-3"))
    assert counted() == (1, RATE)
    write("train.py", SCRIPT.replace("RANK = 16", "RANK = 32"))
    assert counted() == (1, ["lora/rank"])


def test_what_a_deleted_line_caused_counts(counted) -> None:
    rules = "checkpointing/limit"
    write("train.py", SCRIPT.replace("5e-3", '5e-3, save_strategy="steps", save_total_limit=3'))
    commit()
    write("train.py", SCRIPT.replace("5e-3", '5e-3, save_strategy="steps"').replace("trainer", "# t\ntrainer"))
    code, found = counted(select=rules)
    assert found == ["checkpointing/limit"]


def test_another_file_of_the_project_counts(counted) -> None:
    write("train.py", READS)
    write("settings.py", "RANK = 16\n")
    commit()
    write("settings.py", "# wide\nRANK = 64\n")
    assert counted("train.py") == (1, ["lora/rank"])
    git("checkout", "--quiet", "settings.py")
    assert counted("train.py") == (0, [])
    os.remove("settings.py")
    assert counted("train.py")[1] == RATE  # how it was cannot be made again, so nothing is kept back


def test_files_that_git_does_not_know_are_new(counted) -> None:
    write("sub/other.py", SCRIPT)
    assert counted() == (1, RATE)
    write(".gitignore", "sub/\n")
    assert counted("sub/other.py") == (1, RATE)


def test_a_branch_is_compared_with_where_it_left(counted) -> None:
    git("checkout", "--quiet", "-b", "feature")
    write("new.py", SCRIPT.replace("5e-3", "7e-3"))
    commit()
    git("checkout", "--quiet", "main")
    write("train.py", SCRIPT.replace("5e-3", "9e-3"))
    commit("meanwhile")
    git("checkout", "--quiet", "feature")
    assert counted("--base-ref", "main", ".") == (1, RATE)
    assert counted("--base-ref", "main", "train.py") == (0, [])
    assert counted(".") == (0, [])  # nothing that is not committed


def test_a_renamed_file_is_the_same_file(counted) -> None:
    os.mkdir("scripts")
    git("mv", "train.py", "scripts/train: é.py")
    assert counted() == (0, [])
    write("scripts/train: é.py", SCRIPT.replace("RANK = 16", "RANK = 8"))
    assert counted() == (1, ["lora/rank"])
    commit()
    assert counted("--base-ref", "HEAD~1", ".") == (1, ["lora/rank"])


def test_a_notebook_is_compared_by_its_code(counted) -> None:
    def book(*cells: str) -> str:
        made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
        return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    write("train.ipynb", book(SCRIPT))
    commit()
    write("train.ipynb", book("%pip install trl", SCRIPT).replace('"outputs": []', '"outputs": [{"x": 1}]'))
    assert counted("train.ipynb") == (0, [])
    write("train.ipynb", book("%pip install trl", SCRIPT.replace("16\n", "17\n", 1)))
    assert counted("train.ipynb") == (1, ["lora/rank"])


def test_a_worktree(counted, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("worktree", "add", "--quiet", "../tree", "-b", "feature")
    monkeypatch.chdir(project.parent / "tree")
    assert counted() == (0, [])
    write("train.py", SCRIPT.replace("5e-3", "6e-3"))
    commit()
    assert counted("--base-ref", "main", ".") == (1, RATE)


def test_a_submodule(counted, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = project.parent / "inner"
    inner.mkdir()
    (inner / "train.py").write_text(SCRIPT, encoding="utf-8")
    git("init", "--quiet", "--initial-branch", "main", cwd=inner)
    commit(cwd=inner)
    git("submodule", "--quiet", "add", str(inner), "inner")
    commit()
    assert counted("inner/train.py") == (0, [])
    write("inner/train.py", SCRIPT.replace("5e-3", "6e-3"))
    assert counted("inner") == (1, RATE)  # not committed in the submodule
    commit(cwd="inner")
    assert counted("inner") == (1, RATE)  # committed there, not yet here
    commit()
    assert counted("inner") == (0, [])
    assert counted("--base-ref", "HEAD~1", "inner") == (1, RATE)
    monkeypatch.chdir("inner")
    assert counted("--base-ref", "HEAD~1", "train.py") == (1, RATE)  # the submodule's own history


def test_new_findings_in_a_file_that_was_broken_count(counted) -> None:
    write("broken.py", "import trl\nx = (\n")
    commit()
    assert counted("broken.py") == (3, [])  # nothing new, and nothing that could be reviewed
    write("broken.py", SCRIPT)
    assert counted("broken.py") == (1, RATE)
    write("broken.py", "import trl\ny = (\n")
    assert counted("broken.py") == (1, ["file/syntax"])


def test_items_that_were_undecided_before_do_not_count(counted) -> None:
    write("train.py", SCRIPT.replace("RANK = 16", "RANK = unknown()"))
    commit()
    assert counted("--fail-on-unknown", ".", select="lora/rank") == (0, [])
    write("train.py", SCRIPT.replace("RANK = 16", "RANK = 16").replace("5e-3", "unknown()"))
    assert counted("--fail-on-unknown", ".") == (1, [])


def test_the_checklist_of_a_file_that_did_not_change_is_left_out(capsys) -> None:
    write("other.py", SCRIPT)
    assert cli.main(["--changed-only", "--select", "lora/rank", "."]) == 0
    out = capsys.readouterr().out
    assert "Checklist of other.py" in out and "Checklist of train.py" not in out


def test_fixes_only_what_counts(project: Path) -> None:
    write("train.py", SCRIPT.replace("RANK = 16", "RANK = 32"))
    cli.main(
        [
            "--changed-only",
            "--fix-policy",
            "--unsafe-fixes",
            "--select",
            "lora/rank,arguments/learning-rate",
            "train.py",
        ]
    )
    assert (project / "train.py").read_text(encoding="utf-8") == SCRIPT


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--changed-only", "--base-ref", "origin/nope", "."], "git fetch origin nope"),
        (["--changed-only", "--base-ref", "--upload-pack=x", "."], "argument"),
        (["--changed-only", "--base-ref=--output=x", "."], "there is no commit --output=x"),
        (["--base-ref", "main", "."], "give both"),
        (["--changed-only", "--base-ref", "", "."], "--base-ref is empty"),
        (["--changed-only", "-"], "standard input"),
    ],
)
def test_errors_name_the_remedy(argv: list[str], said: str, project: Path, capsys) -> None:
    assert cli.main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err
    assert not (project / "x").exists()


def test_a_shallow_clone_says_how_to_deepen_it(project: Path, monkeypatch, capsys) -> None:
    git("checkout", "--quiet", "-b", "feature")
    write("new.py", SCRIPT)
    commit()
    git("checkout", "--quiet", "main")
    commit("meanwhile")
    git("clone", "--quiet", "--depth", "1", "--no-single-branch", f"file://{project}", "../shallow")
    monkeypatch.chdir(project.parent / "shallow")
    assert cli.main(["--changed-only", "--base-ref", "origin/feature", "."]) == 2
    assert "fetch-depth: 0" in capsys.readouterr().err
    assert cli.main(["--changed-only", "--base-ref", "main~1", "."]) == 2
    assert "fetch-depth: 0" in capsys.readouterr().err


def test_before_the_first_commit(tmp_path: Path, monkeypatch, capsys) -> None:
    git("init", "--quiet", str(tmp_path / "new"))
    monkeypatch.chdir(tmp_path / "new")
    assert cli.main(["--changed-only", "."]) == 2
    assert "commit first" in capsys.readouterr().err


def test_without_a_repository_or_git(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "bare").mkdir()
    monkeypatch.chdir(tmp_path / "bare")
    assert cli.main(["--changed-only", "."]) == 2
    assert "not a git repository" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert cli.main(["--changed-only", "."]) == 2
    assert "git is not installed" in capsys.readouterr().err
