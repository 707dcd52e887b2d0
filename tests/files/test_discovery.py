"""Which files a review finds: ignored ones are judged as git judges them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess

import pytest

from nl2sql_review.files import discovery
from nl2sql_review.files.discovery import globs


def names(found):
    return [f.shown for f in found]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*paths):
        for path in paths:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w") as file:
                file.write("import trl\n")

    return make


def test_finds_scripts_and_notebooks_sorted(tree):
    tree("b.py", "a/z.ipynb", "a/a.py", "notes.md", ".venv/x.py", "node_modules/x.py", "env/pyvenv.cfg", "env/x.py")
    assert names(discovery.find(["."])) == ["a/a.py", "a/z.ipynb", "b.py"]


def test_a_path_is_shown_in_one_way_and_met_once(tree):
    tree("train.py", "a/train.py")
    here = os.path.abspath("train.py")
    found = discovery.find(["./train.py", "train.py", here, ".", "a/../train.py"])
    assert names(found) == ["train.py", "a/train.py"]
    assert [f.given for f in found] == [True, False]


def test_what_is_given_is_never_excluded(tree):
    tree("a/train.py", "a/b/train.py")
    exclude = globs(("a/",), os.getcwd())
    assert names(discovery.find(["."], lambda _: exclude)) == []
    assert names(discovery.find(["a/train.py"], lambda _: exclude)) == ["a/train.py"]


def test_gitignore_above_and_below_counts_in_a_repository(tree):
    tree("a/b/x.py", "a/b/y.py", "a/b/z.py")
    os.makedirs(".git/info")
    for path, text in ((".gitignore", "x.py\n"), ("a/b/.gitignore", "y.py\n!x.py\n"), (".git/info/exclude", "z.py\n")):
        with open(path, "w") as file:
            file.write(text)
    assert names(discovery.find(["a"])) == ["a/b/x.py"]


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_what_git_excludes_holds_in_worktrees_and_submodules(kind, tree, tmp_path):
    def git(*words):
        author = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return subprocess.run(["git", *author, *words], check=True, capture_output=True, text=True, env=environment)

    for repository in ("main", "outer"):
        git("init", "--quiet", repository)
        git("-C", repository, "commit", "--quiet", "--allow-empty", "--message", "first")
    if kind == "worktree":
        git("-C", "main", "worktree", "add", "--quiet", "../outer/inner")
    else:
        git("-C", "outer", "submodule", "--quiet", "add", str(tmp_path / "main"), "inner")
    said = git("-C", "outer/inner", "rev-parse", "--git-path", "info/exclude").stdout.strip()
    with open(os.path.join("outer/inner", said), "a") as file:
        file.write("drafts/\n")
    tree("outer/inner/train.py", "outer/inner/drafts/train.py")
    os.chdir("outer/inner")
    assert names(discovery.find(["."])) == ["train.py"]


def test_a_loop_of_links_ends(tree):
    tree("a/train.py")
    os.symlink(os.path.abspath("a"), "a/loop")
    os.symlink("self", "self")
    assert names(discovery.find([".", "self"])) == ["a/train.py", "self"]


def test_a_link_to_nowhere_and_a_missing_file_are_not_lost(tree):
    os.symlink("nowhere.py", "link.py")
    assert names(discovery.find([".", "missing.py"])) == ["link.py", "missing.py"]


def test_a_pipe_is_not_opened(tree):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes on this system")
    os.mkfifo("pipe.py")
    assert names(discovery.find(["."])) == []


def test_a_directory_that_cannot_be_listed_is_named(tree, monkeypatch):
    tree("a/train.py", "b/train.py")
    real = os.scandir

    def scandir(path):
        if os.path.basename(path) == "a":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = discovery.find(["."])
    assert [(f.shown, f.problem) for f in found] == [
        ("a", "the directory cannot be listed: Permission denied"),
        ("b/train.py", ""),
    ]


PIECES = ["a", "b", "a.py", "*.py", "*", "**", "?", "[ab]", "[!a]", "b.py", "a*", "\\a"]


@pytest.mark.skipif(not shutil.which("git"), reason="git is the judge here, and is not installed")
def test_globs_mean_what_git_says_they_mean(tmp_path):
    rng = random.Random(0)
    git = lambda *args, **kw: subprocess.run(["git", *args], cwd=tmp_path, capture_output=True, text=True, **kw)  # noqa: E731
    git("init", "-q")
    files = [f"{d}{n}" for d in ("", "a/", "b/", "a/b/", "a/b/a/") for n in ("a.py", "b.py", "ab")]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    for _ in range(150):
        lines = []
        for _ in range(rng.randint(1, 4)):
            body = "/".join(rng.choice(PIECES) for _ in range(rng.randint(1, 3)))
            lines.append(rng.choice(["", "", "!"]) + rng.choice(["", "", "/"]) + body + rng.choice(["", "", "/"]))
        (tmp_path / ".gitignore").write_text("\n".join(lines) + "\n")
        # `-o --exclude-standard` lists what is neither tracked nor ignored, with the pruning of directories.
        kept = git("ls-files", "-o", "--exclude-standard").stdout.split()
        expected = sorted(f for f in kept if f.endswith(".py"))
        ours = sorted(os.path.relpath(f.path, tmp_path) for f in discovery.find([str(tmp_path)]))
        assert ours == expected, lines


def test_a_given_file_is_excluded_exactly_where_a_walk_passes_it_over(tree):
    files = (
        "a.py",
        "out/a.py",
        "out/kept.py",
        "b/c/a.py",
        "b/c/d.py",
        "b/dist/a.py",
        "b/env/x.py",
        "e/f.py",
        "e/g/f.py",
    )
    tree(*files, ".git/HEAD", "b/env/pyvenv.cfg")
    for name, text in (
        (".gitignore", "out/*\n!out/kept.py\n"),
        ("b/.gitignore", "/c/d.py\n"),
        (".git/info/exclude", "f.py"),
    ):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w") as file:
            file.write(text)
    mine = globs(("/b/c/", "!/b/c/"), os.getcwd())
    for patterns in (globs((), ""), globs(("/b/c/",), os.getcwd()), mine):
        walked = names(discovery.find(["."], lambda _, patterns=patterns: patterns))
        assert [f for f in sorted(files) if not discovery.excluded(f, lambda _: patterns)] == walked  # noqa: B023
    os.remove(".git/HEAD")
    os.remove(".git/info/exclude")
    os.rmdir(".git/info")
    os.rmdir(".git")
    assert not discovery.excluded("e/f.py") and discovery.excluded("e/f.py", lambda _: globs(("e/",), os.getcwd()))
