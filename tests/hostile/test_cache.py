"""A cache that came with a tree counts for nothing, whatever lies in it and whoever's home this is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.files import disk, user_cache
from nl2sql_review.run import cache

SCRIPT = "from trl import SFTConfig, SFTTrainer\n\nSFTTrainer('m', args=SFTConfig(learning_rate=5e-3)).train()\n"
ARGUMENTS = ["--select", "arguments/scheduler", "train.py"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a cache that was made by somebody else, seen from a home without a key."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    assert cli.main(ARGUMENTS) == 1
    assert len(entries()) > 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "ours"))
    return folder


def entries() -> list[Path]:
    return sorted(Path(cache.DIRECTORY).glob("*.json"))


def forged(path: Path, seal: bytes) -> None:
    """The entry says that there is nothing to report, under a seal of the forger's choice."""
    _, _, body = path.read_bytes().partition(b"\n")
    written, _, blob = body.partition(b"\n")
    head = json.loads(written)
    head["head"] = json.loads(json.dumps(head["head"]).replace("true", "false"))
    path.write_bytes(seal + b"\n" + json.dumps(head, separators=(",", ":")).encode() + b"\n" + blob)


SEALS = {
    "empty": lambda body: b"",
    "of no key": lambda body: disk.digest(body).encode(),
    "of an empty key": lambda body: disk.digest(body, b"").encode(),
    "of zeros": lambda body: disk.digest(body, bytes(cache.KEY_SIZE)).encode(),
    "no text": lambda body: b"\xff\xfe\x00",
    "blank": lambda body: b" ",
}


@pytest.mark.parametrize("with_key", [False, True])
@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
def test_a_forged_entry_is_none(seal, with_key: bool, capsys) -> None:
    if with_key:
        assert user_cache.write(cache.KEY, os.urandom(cache.KEY_SIZE))
    for path in entries():
        _, _, body = path.read_bytes().partition(b"\n")
        path.write_bytes(seal(body) + b"\n" + body)
    found = cache.Cache(os.path.abspath(cache.DIRECTORY))
    for path in entries():
        written = path.read_bytes().split(b"\n")[1]
        assert found.find(*json.loads(written)["name"]) is None
    capsys.readouterr()
    assert cli.main(ARGUMENTS) == 1
    assert "arguments/scheduler" in capsys.readouterr().out


def test_nothing_to_report_is_not_believed(capsys) -> None:
    for path in entries():
        forged(path, b"")
    assert cli.main(ARGUMENTS) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b"{", b"0" * 40, b"0" * 40 + b"\n{", b"\0" * 1000])
def test_empty_and_torn_entries_are_passed_over_in_silence(content: bytes, capsys) -> None:
    assert cli.main(ARGUMENTS) == 1  # ours now
    capsys.readouterr()
    for path in entries():
        path.write_bytes(content)
    assert cli.main(ARGUMENTS) == 1
    assert capsys.readouterr().err == ""
    assert any(path.read_bytes() != content for path in entries())  # made again


def test_an_entry_cut_anywhere_is_passed_over() -> None:
    assert cli.main(ARGUMENTS) == 1
    for path in entries():
        data = path.read_bytes()
        name = json.loads(data.split(b"\n")[1])["name"]
        ours = cache.Cache(os.path.abspath(cache.DIRECTORY))
        assert ours.find(*name) is not None
        for end in (*range(0, 60), len(data) // 2, len(data) - 1):
            path.write_bytes(data[:end])
            assert ours.find(*name) is None, end
        path.write_bytes(data)


@pytest.mark.parametrize("key", [b"", b"x", b"x" * 1000])
def test_a_key_of_another_size_is_none(key: bytes) -> None:
    assert user_cache.write(cache.KEY, key)
    for path in entries():
        forged(path, b"")
    assert cli.main(ARGUMENTS) == 1


def test_a_home_that_cannot_be_written_has_no_cache(project: Path, monkeypatch) -> None:
    (project / "home").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "home"))
    before = {path: path.read_bytes() for path in entries()}
    for path in entries():
        forged(path, b"")
    assert cli.main(ARGUMENTS) == 1
    assert {path for path in entries()} == set(before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_or_a_link_in_the_place_of_an_entry_is_none(tmp_path: Path) -> None:
    assert cli.main(ARGUMENTS) == 1
    for number, path in enumerate(entries()):
        if number % 2:
            os.unlink(path)
            os.mkfifo(path)
        else:
            os.rename(path, tmp_path / path.name)
            os.symlink(tmp_path / path.name, path)
    assert cli.main(ARGUMENTS) == 1
