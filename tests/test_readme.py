"""The README keeps its promises: options, files and the commands that continuous integration runs."""

from __future__ import annotations

import re
from pathlib import Path

from nl2sql_review.commands import parser, review

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_option_and_command_is_documented() -> None:
    options = {o for action in review.parser()._actions for o in action.option_strings}
    missing = {o for o in options - {"-h", "--help", "--version"} if f"`{o}" not in README and f" {o}" not in README}
    assert not missing
    for command in set(parser.COMMANDS) - {"review"}:
        assert f"nl2sql-review {command}" in README


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_continuous_integration_runs_the_readme_s_own_command() -> None:
    pattern = re.search(r"grep -m1 '(.*)' README\.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert pattern
    commands = [line for line in README.splitlines() if re.search(pattern[1], line)]
    steps = [
        "python3 -m venv .venv",
        ".venv/bin/pip install -e '.[test]' -r examples/requirements.txt",
        ".venv/bin/pip install --no-deps -r examples/requirements-unsloth.txt",
        ".venv/bin/pytest",
    ]
    assert commands == [" && ".join(steps)]


def test_it_opens_with_what_it_does_and_the_two_commands() -> None:
    opening = README[: README.index("## Usage")]
    blocks = re.findall(r"```sh\n(.*?)\n```", opening, re.DOTALL)
    assert len(blocks) == 2 and all(block.startswith("python3 -m venv .venv && ") for block in blocks)
    assert "nl2sql-review docs/train.py" in blocks[0]


def test_the_tree_names_files_that_exist() -> None:
    tree = README[README.index("rules/<section>/<rule>.md") :]
    names = re.findall(r"^  ([\w/]+(?:\.py)?)(?:  ([\w]+\.py))?  ", tree[: tree.index("```")], re.MULTILINE)
    assert len(names) > 8
    for name in (n for pair in names for n in pair if n):
        assert (ROOT / "nl2sql_review" / name).exists(), name
