"""Nothing of a clone is executed: each repository here is first seen to run a command with plain git."""

from __future__ import annotations

import os
import pty
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.files import git, git_command

SCRIPT = "from trl import SFTConfig, SFTTrainer\n\nSFTTrainer('m', args=SFTConfig(learning_rate=5e-3))\n"


def plain(*words: str, cwd: Path | str = ".", strict: bool = True) -> str:
    options = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *options, *words], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or not strict, done.stderr
    return done.stdout.strip()


def commit(cwd: Path | str = ".") -> None:
    plain("add", "--all", cwd=cwd)
    plain("commit", "--quiet", "--allow-empty", "--message", "more", cwd=cwd)


class Trap:
    """A program that leaves a mark when it is run."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "mark"
        self.path = folder / "trap"
        self.path.write_text(f'#!/bin/sh\necho "$0 $*" >> {self.mark}\ncat >/dev/null 2>&1 </dev/null\nexit 1\n')
        self.path.chmod(0o755)

    def sprung(self) -> bool:
        found = self.mark.exists()
        self.mark.unlink(missing_ok=True)
        return found

    def __str__(self) -> str:
        return str(self.path)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of two commits; the script differs from the last one."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "clone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plain("init", "--quiet", "--initial-branch", "main")
    (folder / "train.py").write_text(SCRIPT)
    commit()
    (folder / "train.py").write_text(SCRIPT.replace("5e-3", "6e-3"))
    return folder


def fsmonitor(trap: Trap) -> list[str]:
    plain("config", "core.fsmonitor", str(trap))
    return ["status"]


def hook_of_the_index(trap: Trap) -> list[str]:
    os.symlink(trap.path, ".git/hooks/post-index-change")
    Path("train.py").write_text(SCRIPT)  # the same bytes at another time: the index is written anew
    os.utime("train.py", (1, 1))
    return ["status"]


def hooks_elsewhere(trap: Trap) -> list[str]:
    os.makedirs("hooks")
    os.symlink(trap.path, "hooks/post-index-change")
    plain("config", "core.hooksPath", "hooks")
    Path("train.py").write_text(SCRIPT)
    os.utime("train.py", (1, 1))
    return ["status"]


def external_diff(trap: Trap) -> list[str]:
    plain("config", "diff.external", str(trap))
    return ["diff", "HEAD"]


def diff_driver(trap: Trap) -> list[str]:
    Path(".gitattributes").write_text("*.py diff=x\n")
    plain("config", "diff.x.command", str(trap))
    return ["diff", "HEAD"]


def textconv(trap: Trap) -> list[str]:
    Path(".gitattributes").write_text("*.py diff=x\n")
    plain("config", "diff.x.textconv", str(trap))
    return ["diff", "HEAD"]


def clean_filter(trap: Trap) -> list[str]:
    Path(".gitattributes").write_text("*.py filter=x\n")
    plain("config", "filter.x.clean", str(trap))
    return ["diff", "HEAD"]


def required_filter(trap: Trap) -> list[str]:
    plain("config", "filter.x.required", "true")
    return clean_filter(trap)


def filter_of_an_odd_name(trap: Trap) -> list[str]:
    Path(".gitattributes").write_text("*.py filter=a=b.clean\n")
    plain("config", "--file", ".git/config", "filter.a=b.clean.clean", str(trap))
    return ["diff", "HEAD"]


def process_filter(trap: Trap) -> list[str]:
    Path(".git/info/attributes").write_text("*.py filter=x\n")
    plain("config", "filter.x.process", str(trap))
    return ["diff", "HEAD"]


def filter_of_an_included_file(trap: Trap) -> list[str]:
    Path(".gitattributes").write_text("*.py filter=x\n")
    Path("more").write_text(f'[filter "x"]\n\tclean = {trap}\n')
    plain("config", "includeIf.onbranch:main.path", "../more")
    return ["diff", "HEAD"]


def filter_of_a_worktree(trap: Trap) -> list[str]:
    Path(".gitattributes").write_text("*.py filter=x\n")
    plain("config", "extensions.worktreeConfig", "true")
    plain("config", "--worktree", "filter.x.clean", str(trap))
    return ["diff", "HEAD"]


def without_the_blob(url: str) -> list[str]:
    """A partial clone whose remote is asked for what is missing."""
    blob = plain("rev-parse", "HEAD:train.py")
    os.unlink(f".git/objects/{blob[:2]}/{blob[2:]}")
    for name, value in {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin", "remote.origin.url": url,
        "remote.origin.promisor": "true", "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "protocol.allow": "always", "protocol.ext.allow": "always", "protocol.file.allow": "always",
    }.items():  # fmt: skip
        plain("config", name, value)
    return ["cat-file", "blob", blob]


def promisor_of_a_command(trap: Trap) -> list[str]:
    return without_the_blob(f"ext::{trap}")


def promisor_by_ssh(trap: Trap) -> list[str]:
    plain("config", "core.sshCommand", str(trap))
    return without_the_blob("ssh://127.0.0.1/x")


def promisor_by_a_proxy(trap: Trap) -> list[str]:
    plain("config", "core.gitProxy", str(trap))
    return without_the_blob("git://127.0.0.1/x")


def promisor_of_the_disk(trap: Trap) -> list[str]:
    plain("config", "remote.origin.uploadpack", str(trap))
    return without_the_blob(os.getcwd())


HOSTILE: list[Callable[[Trap], list[str]]] = [
    fsmonitor, hook_of_the_index, hooks_elsewhere, external_diff, diff_driver, textconv, clean_filter, required_filter,
    filter_of_an_odd_name, process_filter, filter_of_an_included_file, filter_of_a_worktree, promisor_of_a_command,
    promisor_by_ssh, promisor_by_a_proxy, promisor_of_the_disk,
]  # fmt: skip


def ask_everything() -> int:
    """What `--changed-only` asks of git, and the exit code of the command."""
    try:
        for content in git.before("HEAD").values():
            assert content
    except git.GitError:
        pass
    return cli.main(["--changed-only", "."])


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.__name__)
def test_no_program_of_a_repository_is_run(hostile: Callable[[Trap], list[str]], trap: Trap) -> None:
    words = hostile(trap)
    plain(*words, strict=False)
    assert trap.sprung(), "plain git does not run it: this repository proves nothing"
    if words == ["status"]:
        os.utime("train.py", (2, 2))
    ask_everything()
    assert not trap.sprung()


@pytest.mark.parametrize("hostile", [fsmonitor, clean_filter, process_filter], ids=lambda hostile: hostile.__name__)
def test_submodules_alike(hostile: Callable[[Trap], list[str]], trap: Trap, clone: Path, monkeypatch) -> None:
    above = clone.parent / "above"
    above.mkdir()
    commit()
    plain("init", "--quiet", "--initial-branch", "main", cwd=above)
    plain("submodule", "--quiet", "add", str(clone), "inner", cwd=above)
    commit(above)
    monkeypatch.chdir(above / "inner")
    if hostile is process_filter:
        Path(".gitattributes").write_text("*.py filter=x\n")
        plain("config", "filter.x.process", str(trap))
    else:
        hostile(trap)
    Path("train.py").write_text(SCRIPT.replace("5e-3", "7e-3"))  # as long as before: git looks inside
    os.utime("train.py", (1, 1))
    monkeypatch.chdir(above)
    plain("status", strict=False)
    assert trap.sprung()
    changed = git.before("HEAD")
    assert [os.path.relpath(path) for path in changed] == ["inner/train.py"]
    assert ask_everything() in (0, 1)
    assert not trap.sprung()


def test_a_pager_is_not_run(trap: Trap) -> None:
    plain("config", "core.pager", str(trap))
    for command in ("diff", "rev-parse", "ls-files"):
        plain("config", f"pager.{command}", str(trap))
    ours, theirs = pty.openpty()
    subprocess.run(
        ["git", "diff", "HEAD"], stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}, timeout=60
    )
    assert trap.sprung()
    os.close(theirs)
    os.close(ours)
    ask_everything()
    assert not trap.sprung()


class Refusing(BaseHTTPRequestHandler):
    """Asks everybody for a name and password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    listening = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}/x"
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("key", ["core.askPass", "credential.helper"])
def test_nobody_is_asked_for_a_password(key: str, trap: Trap, server: str, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    plain("config", key, str(trap))
    plain(*without_the_blob(server), strict=False)
    assert trap.sprung()
    ask_everything()
    assert not trap.sprung()


def test_an_alias_is_not_followed(trap: Trap) -> None:
    for command in ("mine", "rev-parse", "ls-files", "diff", "merge-base", "cat-file", "config", "version"):
        plain("config", "--file", ".git/config", f"alias.{command}", f"!{trap}")
    plain("mine", strict=False)
    assert trap.sprung()
    assert list(git.before("HEAD").values()) == [SCRIPT.encode()]
    assert not trap.sprung()


def test_replaced_objects_are_not_believed() -> None:
    true = plain("rev-parse", "HEAD:train.py")
    Path("other").write_text("# forged\n")
    plain("replace", true, plain("hash-object", "-w", "other"))
    os.unlink("other")
    assert plain("cat-file", "blob", true) == "# forged"
    assert list(git.before("HEAD").values()) == [SCRIPT.encode()]


def test_a_folder_that_looks_like_a_bare_repository_is_none(trap: Trap, clone: Path, monkeypatch) -> None:
    """It travels as ordinary files of an ordinary clone."""
    bare = clone / "data" / "bare"
    for folder in ("objects", "refs"):
        (bare / folder).mkdir(parents=True)
        (bare / folder / "keep").touch()
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    (bare / "config").write_text(
        f'[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = "."\n\tfsmonitor = {trap}\n'
    )
    (bare / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(bare)
    plain("status", strict=False)
    assert trap.sprung()
    assert str(clone / "train.py") in git.before("HEAD")  # of the repository around it
    ask_everything()
    assert not trap.sprung()


def test_outside_a_repository_a_bare_one_is_none(trap: Trap, clone: Path, monkeypatch, capsys) -> None:
    bare = clone.parent / "bare.git"
    plain("init", "--quiet", "--bare", str(bare))
    monkeypatch.chdir(bare)
    assert cli.main(["--changed-only", "."]) == 2
    assert "no .git in" in capsys.readouterr().err


def test_files_elsewhere_are_refused(clone: Path, capsys) -> None:
    plain("config", "core.worktree", str(clone.parent))
    assert cli.main(["--changed-only", "."]) == 2
    assert "core.worktree" in capsys.readouterr().err


def test_a_link_in_the_place_of_a_submodule_is_not_followed(trap: Trap, clone: Path, monkeypatch) -> None:
    above, other = clone.parent / "above", clone.parent / "other"
    above.mkdir()
    plain("init", "--quiet", "--initial-branch", "main", cwd=above)
    plain("submodule", "--quiet", "add", str(clone), "inner", cwd=above)
    commit(above)
    os.rename(above / "inner", other)
    os.symlink(other, above / "inner")
    monkeypatch.chdir(above)
    assert not any("other" in path for path in git.before("HEAD").blobs)


def test_git_of_the_working_directory_is_not_taken(trap: Trap, clone: Path, monkeypatch) -> None:
    os.symlink(trap.path, clone / "git")
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    git.before("HEAD")
    assert not trap.sprung()


def test_an_old_git_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    old = tmp_path / "old" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.37.7\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(old.parent))
    assert cli.main(["--changed-only", "."]) == 2
    said = capsys.readouterr().err
    assert "2.37" in said and "install git 2.38 or newer" in said


def test_a_git_that_does_not_answer_is_left(tmp_path: Path, monkeypatch, capsys) -> None:
    slow = tmp_path / "slow" / "git"
    slow.parent.mkdir()
    slow.write_text('#!/bin/sh\n[ "$1" = version ] && echo git version 2.50.0 || exec sleep 20\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git_command, "PATIENCE", 0.2)
    assert cli.main(["--changed-only", "."]) == 2
    assert "did not answer" in capsys.readouterr().err


ENDLESS: dict[str, Callable[[], object]] = {
    "an order of files": lambda: plain("config", "diff.orderFile", "/dev/zero"),
    "attributes": lambda: plain("config", "core.attributesFile", "/dev/zero"),
    "attributes beside the index": lambda: os.symlink("/dev/zero", ".git/info/attributes"),
    "names of commits": lambda: os.symlink("/dev/zero", ".git/packed-refs"),
    "other objects": lambda: os.symlink("/dev/zero", ".git/objects/info/alternates"),
    "where history ends": lambda: os.symlink("/dev/zero", ".git/shallow"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
@pytest.mark.parametrize("name", ENDLESS)
def test_git_does_not_fill_the_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_command, "MEMORY", 200_000_000)
    ENDLESS[name]()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert cli.main(["--changed-only", "."]) in (1, 2)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 400_000)  # kilobytes


def test_a_partial_clone_says_what_to_do(clone: Path, monkeypatch, capsys) -> None:
    plain("config", "uploadpack.allowFilter", "true")
    plain("config", "uploadpack.allowAnySHA1InWant", "true")
    commit()
    part = clone.parent / "part"
    plain("clone", "--quiet", "--filter=blob:none", f"file://{clone}", str(part))
    monkeypatch.chdir(part)
    Path("train.py").write_text(SCRIPT.replace("5e-3", "7e-3"))
    assert cli.main(["--changed-only", "--base-ref", "HEAD~1", "."]) == 2
    said = capsys.readouterr().err
    assert "partial clone" in said and "git fetch --refetch --no-filter" in said
    plain("fetch", "--quiet", "--refetch", "--no-filter")
    assert cli.main(["--changed-only", "--base-ref", "HEAD~1", "."]) == 1
