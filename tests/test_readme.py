"""The README keeps its promises: options, files and the commands that continuous integration runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from nl2sql_review.commands import program, review

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
USAGE = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")


def test_every_option_and_command_is_documented() -> None:
    options = {o for action in review.parser()._actions for o in action.option_strings}
    missing = {o for o in options - {"-h", "--help", "--version"} if f"`{o}" not in USAGE and f" {o}" not in USAGE}
    assert not missing
    for command in set(program.COMMANDS) - {"review"}:
        assert f"nl2sql-review {command}" in README


def test_every_linked_file_exists() -> None:
    """Of docs/ as the checkout shows it; the site checks its own links when it is built."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name


def test_it_can_be_read_at_once() -> None:
    assert len(README.splitlines()) <= 150


def test_its_commands_are_taken() -> None:
    """Every command line of the usage block is one that its parser understands."""
    from importlib import import_module

    block = re.search(r"## Usage\n\n```sh\n(.*?)```", README, re.DOTALL)
    assert block
    for line in block[1].splitlines():
        words = shlex.split(line.partition("#")[0])[1:]
        named = words[0] in program.COMMANDS
        command = import_module(f"nl2sql_review.commands.{words[0] if named else 'review'}")
        command.parser().parse(words[1:] if named else words)


def test_continuous_integration_runs_the_readme_s_own_command() -> None:
    pattern = re.search(r"grep -m1 '(.*)' README\.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert pattern
    commands = [line for line in README.splitlines() if re.search(pattern[1], line)]
    steps = [
        "python3 -m venv .venv",
        ".venv/bin/pip install -e '.[test]' -r examples/requirements.txt",
        ".venv/bin/pip install --no-deps -r examples/requirements-unsloth.txt",
        ".venv/bin/pytest -n 2",
    ]
    assert commands == [" && ".join(steps)]


def test_it_opens_with_what_it_does_and_the_two_commands() -> None:
    opening = README[: README.index("## Usage")]
    blocks = re.findall(r"```sh\n(.*?)\n```", opening, re.DOTALL)
    assert len(blocks) == 2 and all(block.startswith("python3 -m venv .venv && ") for block in blocks)
    assert "nl2sql-review docs/train.py" in blocks[0]


def test_the_picture_is_what_the_program_prints(tmp_path: Path) -> None:
    """`python docs/picture.py` draws it anew."""
    made = tmp_path / "review.svg"
    subprocess.run([sys.executable, str(ROOT / "docs" / "picture.py"), str(made)], check=True, timeout=120)
    assert made.read_text(encoding="utf-8") == (ROOT / "docs" / "review.svg").read_text(encoding="utf-8")


def test_nothing_installs_the_package_by_a_name_that_is_not_published() -> None:
    """Who registers the name first would get those installs. Only this project's own extras may refer to it."""
    told = [ROOT / "README.md", ROOT / "action.yml", *(ROOT / "docs").glob("*.md")]
    for folder in ("nl2sql_review", "integrations", "rules", "examples", "benchmarks"):
        told += [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md", ".json", ".yml", ".yaml")]
    by_name = re.compile(r"(?:install|uvx|--with)\b[^\n;`]*? ['\"]?nl2sql-review(?:\[|==|$|[`'\" ])|\"nl2sql-review\[")
    assert [path.name for path in told if by_name.search(path.read_text(encoding="utf-8"))] == []
