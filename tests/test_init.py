"""`nl2sql-review init`: what it writes, and that it never takes anything away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.commands import init
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() or p.is_symlink()
    }


@pytest.mark.parametrize("what", init.WHAT)
def test_everything_is_written_once_and_again_changes_nothing(project, capsys, what):
    assert cli.main(["init", what]) == 0
    made = files(project)
    said = capsys.readouterr().out
    assert made and all(f"wrote {os.path.normpath(name)}\n" in said for name in made)
    assert cli.main(["init", what]) == 0
    said = capsys.readouterr().out
    assert files(project) == made and "wrote" not in said and said.count("unchanged") == len(made)


@pytest.mark.parametrize("what", init.WHAT)
def test_print_shows_the_same_and_writes_nothing(project, capsys, what):
    assert cli.main(["init", what, "--print"]) == 0
    printed = capsys.readouterr().out
    assert files(project) == {}
    assert cli.main(["init", what, "--directory", "."]) == 0
    for name, text in files(project).items():
        assert f"==> {name} <==\n{text.decode()}" in printed


@pytest.mark.parametrize("what", init.WHAT)
def test_nothing_is_overwritten_without_force(project, capsys, what):
    assert cli.main(["init", what]) == 0
    *others, last = sorted(files(project))
    for name in others:
        os.remove(name)
    (project / last).write_text("mine\n", encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["init", what]) == 2
    told = capsys.readouterr()
    assert os.path.normpath(last) in told.err and "--force" in told.err and told.out == ""
    assert files(project) == {last: b"mine\n"}
    assert cli.main(["init", what, "--force"]) == 0
    assert (project / last).read_bytes() != b"mine\n" and sorted(files(project)) == sorted([*others, last])


def test_a_link_is_not_written_through(project, capsys):
    (project / ".claude" / "agents").mkdir(parents=True)
    elsewhere = project / "elsewhere.md"
    (project / ".claude" / "agents" / "training.md").symlink_to(elsewhere)
    for options in ([], ["--force"]):
        assert cli.main(["init", "claude-code", *options]) == 2
        assert not elsewhere.exists() and not (project / ".claude" / "skills").exists()
        assert "remove the link first" in capsys.readouterr().err


def test_what_fails_halfway_leaves_nothing(project, monkeypatch, capsys):
    real = open

    def full(path, *arguments, **options):
        if "rules.md" in str(path) and "w" in arguments:
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", full)
    assert cli.main(["init", "claude-code"]) == 2
    assert "No space left" in capsys.readouterr().err and files(project) == {}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["init"], "an argument is missing: claude-code"),
        (["init", "vim"], "not one of claude-code"),
        (["init", "trainer", "--directory", "nowhere"], "nowhere is not a directory"),
        (["init", "trainer", "--directory", "file"], "file is not a directory"),
    ],
)
def test_usage_errors(project, capsys, argv, words):
    (project / "file").write_text("", encoding="utf-8")
    assert cli.main(argv) == 2
    assert words in capsys.readouterr().err


def test_a_file_where_a_folder_should_be(project, capsys):
    (project / ".claude").write_text("", encoding="utf-8")
    assert cli.main(["init", "claude-code"]) == 2
    assert ".claude" in capsys.readouterr().err and files(project) == {".claude": b""}


def test_the_trainer_that_is_copied_passes_the_review(project):
    assert cli.main(["init", "trainer"]) == 0
    report, code = batch.run(["."], Options(isolated=True))
    assert code == 0 and report.summary.reviewed == 1 and not report.summary.advice


def test_the_hook_that_is_printed_is_the_plugin_s(project, capsys):
    assert cli.main(["init", "claude-code"]) == 0
    said = capsys.readouterr().out
    settings = json.loads(said[said.index("{") : said.rindex("}") + 1])
    ((hook,),) = [group["hooks"] for group in settings["hooks"]["PostToolUse"]]
    assert hook["command"] == "nl2sql-review hook claude-code"
    assert not (project / ".claude" / "settings.json").exists()


@pytest.mark.parametrize("what", init.COPIES)
def test_what_is_written_is_the_example(project, what):
    assert cli.main(["init", what]) == 0
    written = files(project)
    assert sorted(written.values()) == sorted(
        (ROOT / "examples").joinpath(*parts).read_bytes() for parts in init.COPIES[what].values()
    )
    for path, text in written.items():  # an example says where it goes
        if path.endswith((".yml", ".yaml")):
            assert text.decode().startswith(f"# {path}: ")
