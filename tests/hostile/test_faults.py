"""What no float holds, no codec reads, or is no file: a clear error or an unknown value, never a fault or a wait."""

from __future__ import annotations

import ast
import json
import os
import socket
from pathlib import Path

import pytest

from nl2sql_review import cli

SCRIPT = (
    "from peft import LoraConfig\nfrom trl import SFTConfig, SFTTrainer\n\n"
    "SFTTrainer('m', args=SFTConfig(learning_rate={}), peft_config=LoraConfig()).train()\n"
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def reviewed(capsys, *argv: str) -> dict:
    cli.main(["--isolated", "--no-cache", "--output-format", "json", *argv])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("codec", ["idna", "punycode", "undefined", "rot13", "hex", "zlib", "no_such"])
def test_a_codec_that_is_none_of_files(codec: str, capsys) -> None:
    Path("train.py").write_bytes(f"# coding: {codec}\nfrom trl import SFTTrainer\n# \u00e9\n".encode())
    report = reviewed(capsys, "train.py")
    assert [f["rule"] for f in report["files"][0]["findings"]] == ["file/unreadable"]
    assert report["internal_errors"] == []


@pytest.mark.parametrize(
    ("name", "text"), [("train.py", "from trl import SFTTrainer\nSFTTrainer(\n"), ("train.ipynb", '{"cells": [trl')]
)
@pytest.mark.parametrize("words", [[], ["--diff"], ["--fix"], ["--fix-policy"]])
def test_what_cannot_be_read_never_ends_with_0(name: str, text: str, words: list[str], capsys) -> None:
    Path(name).write_text(text)
    assert cli.main(["--isolated", "--no-cache", *words, name]) == 1
    said = capsys.readouterr()
    assert f"{name}:" in said.out + said.err and Path(name).read_text() == text


@pytest.mark.parametrize(
    "value", ["len(range(10**30))", "sum(range(10**30))", "range(10**30)[5]", "list(range(0, 10**40))"]
)
def test_ranges_longer_than_a_len_can_say(value: str, capsys) -> None:
    Path("train.py").write_text(SCRIPT.format(value))
    report = reviewed(capsys, "train.py", "--select", "arguments/learning-rate")
    assert report["internal_errors"] == []
    assert [item["verdict"] for item in report["files"][0]["checklist"]] == ["unknown"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("path", ["pipe.py", "/dev/full"])
def test_a_script_that_is_no_file(path: str, capsys) -> None:
    os.mkfifo("pipe.py")
    report = reviewed(capsys, path)
    assert [f["rule"] for f in report["files"][0]["findings"]] == ["file/unreadable"]
    assert cli.main(["--isolated", "--no-cache", path]) != 0  # its excerpt is not read either


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("option", ["--baseline", "--config"])
@pytest.mark.parametrize("path", ["pipe", "/dev/full"])
def test_an_option_that_names_no_file(option: str, path: str, capsys) -> None:
    os.mkfifo("pipe")
    Path("train.py").write_text(SCRIPT.format("2e-4"))
    assert cli.main([option, path, "train.py"]) == 2
    said = capsys.readouterr().err
    assert "only regular files are read" in said and "bug" not in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("path", ["pipe", "/dev/full"])
def test_rows_that_are_no_file(path: str, capsys) -> None:
    os.mkfifo("pipe")
    Path("rows.txt").write_text("SELECT 1\n")
    for words in (
        [path, "--gold", "rows.txt", "--schemas", "rows.txt"],
        ["rows.txt", "--gold", path, "--schemas", "rows.txt"],
        ["rows.txt", "--gold", "rows.txt", "--schemas", path],
        ["rows.txt", "--gold", "rows.txt", "--db", path],
    ):
        assert cli.main(["evaluate", *words]) == 2
        said = capsys.readouterr().err
        assert "only regular files are read" in said and "bug" not in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("name", [".gitignore", "modules.py", "config.yaml", "requirements.txt", "nl2sql-review.toml"])
def test_pipes_beside_a_script_are_no_files(name: str, capsys) -> None:
    os.mkfifo(name)
    Path("train.py").write_text("import modules\nopen('config.yaml').read()\n" + SCRIPT.format("2e-4"))
    cli.main(["--no-cache", "--output-format", "json", "--force-exclude", ".", "train.py"])
    assert json.loads(capsys.readouterr().out)["internal_errors"] == []


READS_WHAT_IS_OURS = {  # what may open files on its own: they belong to the program or its user, or are written
    "libraries/store.py", "libraries/build.py", "libraries/refresh.py", "libraries/requirements.py",
    "flavours/keys.py", "flavours/build.py", "gpu_memory/architectures.py",
    "commands/init.py", "commands/console.py", "files/user_cache.py", "files/disk.py", "run/cache.py", "fixes/write.py",
    "render/html/__init__.py", "readers/prompt/models.py", "rows/clean.py",
    "libraries/changes.py", "libraries/dates.py",
    "data_files/formats.py", "data_files/records.py", "rows/checker.py",  # data in batches, after disk.head
}  # fmt: skip


def test_files_of_a_reviewed_tree_are_opened_through_one_door() -> None:
    """A device, a pipe, a link out of the roots or a file without end is refused in `files/disk.py` alone."""
    package = Path(cli.__file__).parent
    wrong = []
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).as_posix() in READS_WHAT_IS_OURS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if named in ("open", "os.open", "io.open") or named.endswith((".read_text", ".read_bytes", ".write_text")):
                wrong.append(f"{path}:{node.lineno}")
    assert wrong == []


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets with a name on this system")
@pytest.mark.parametrize(
    "words",
    [["plan", "made.py"], ["memory", "made.py"], ["data", "made.py"], ["diff", "made.py", "train.py"],
     ["--baseline", "made.py", "train.py"], ["--config", "made.py", "train.py"],
     ["evaluate", "made.py", "--gold", "train.py", "--schemas", "train.py"]],
)  # fmt: skip
def test_a_socket_is_no_file(words: list[str], capsys) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("made.py")
        Path("train.py").write_text(SCRIPT.format("2e-4"))
        assert cli.main(words) == 2
        assert "it is a socket, and only files are read" in capsys.readouterr().err
        assert cli.main(["--isolated", "made.py"]) == 1
        assert "it is a socket, and only files are read" in " ".join(capsys.readouterr().out.split())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_the_plan_of_a_pipe(capsys) -> None:
    os.mkfifo("pipe.py")
    assert cli.main(["plan", "pipe.py"]) == 2
    assert "a pipe" in capsys.readouterr().err


def test_a_card_of_more_memory_than_a_float_holds(capsys) -> None:
    Path("train.py").write_text(SCRIPT.format("2e-4"))
    assert cli.main(["--isolated", "--no-cache", "--gpu", "9" * 400 + "GB", "train.py"]) == 2
    assert "no GPU has that much memory" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--jobs", "--processes"])
def test_numbers_of_400_digits(option: str, capsys) -> None:
    Path("train.py").write_text(SCRIPT.format("2e-4"))
    assert cli.main([option, "9" * 400, "train.py"]) == 2
    assert cli.main(["memory", "train.py", "--seq", "9" * 400]) == 2
    assert capsys.readouterr().err.count("must have at most 12 digits, and has 400") == 2


def test_a_deleted_working_directory(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert cli.main(["../train.py"]) == 2
    assert "working directory" in capsys.readouterr().err
