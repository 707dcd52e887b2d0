"""Patterns of a .gitignore are matched as git matches them: random ones, of what its own matcher treats specially."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from nl2sql_review.files import globs

PIECES = (
    "a", "b", "ab", "a.py", ".py", "*", "**", "***", "?", "/", "/", "//", "**/", "/**", "/**/", "!", "#", "\\",
    "\\\\", "\\*", "\\/", "\\a", "\\ ", "[ab]", "[!a]", "[^a]", "[a-c]", "[c-a]", "[]]", "[]a]", "[!]a]", "[a-]",
    "[-a]", "[a", "[", "]", "[\\]]", "[a-\\c]", "[\\a-c]", "[[:alpha:]]", "[[:digit:]]", "[[:space:]]",
    "[[:punct:]a]", "[[:none:]]", "[[:alpha", "[[a]", "[a/b]", "[!/]", "[[:upper:]-z]", " ", "  ", "\t", "é", "[é]",
    "A",
)  # fmt: skip
PATHS = (
    "a", "b", "ab", "a.py", "b.py", "a/b", "a/a.py", "b/a.py", "ab/b.py", "a/b/a.py", "a/b/b/ab", "b/a/b/a/a.py",
    "A", "a ", " a", "a b", "é", "[", "]", "-", "a-b", "\\a", "a\\", "*", "?", "!a", "#a", "1", ".py", "\t",
)  # fmt: skip
PATTERNS = 226  # each asked of all paths: 6,780 questions


@pytest.mark.skipif(not shutil.which("git") or os.name == "nt", reason="git is the judge here, and is not installed")
def test_patterns_mean_what_git_says_they_mean(tmp_path: Path) -> None:
    draw = random.Random(20)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    patterns, asked = [], []
    for number in range(PATTERNS):
        patterns.append("".join(draw.choices(PIECES, k=draw.randint(1, 6))))
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ".gitignore").write_text(patterns[-1] + "\n")
        asked += [(number, path) for path in PATHS]
        for path in PATHS:  # a folder is told from a file by looking
            if "/" in path or path == "b":
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "b").mkdir(exist_ok=True)
    question = "\0".join(f"{number}/{path}" for number, path in asked).encode()
    words = ["git", "check-ignore", "--no-index", "--stdin", "-z", "--verbose", "--non-matching"]
    said = subprocess.run(words, cwd=tmp_path, input=question, capture_output=True).stdout.split(b"\0")
    answers = list(zip(said[2::4], said[3::4], strict=True))
    assert len(answers) == len(asked) == 6_780
    differ = [
        (patterns[number], path, pattern)
        for (number, path), (pattern, _) in zip(asked, answers)
        if _ignored(patterns[number], str(tmp_path / str(number)), path)
        is not (bool(pattern) and not pattern.startswith(b"!"))
    ]
    assert differ == []


def _ignored(pattern: str, root: str, path: str) -> bool:
    """Whether a file is ignored, or a folder that it lies in."""
    lines = globs.globs(globs.lines_of(f"{pattern}\n".encode()), root)
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        above = os.path.join(root, *parts[:depth])
        if lines.match(above, os.path.isdir(above)):
            return True
    return False
