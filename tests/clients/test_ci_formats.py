"""The programs that others read the formats with: Microsoft's SARIF multitool, and the toolkit of GitHub Actions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review import cli
from tests import node
from tests.render.test_formats import commands

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scripts with findings, one of them in a notebook, and a path that must be encoded."""
    (tmp_path / "a b,c").mkdir()
    for name, path in (("docs/train.py", "a b,c/é:train.py"), ("fixtures/styles/chat_template.ipynb", "nb.ipynb")):
        text = (ROOT / name).read_text(encoding="utf-8").replace("r=16", "r=64")
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="the multitool's program for Linux is what is run here")
def test_the_multitool_finds_nothing_wrong(project: Path) -> None:
    modules = node.installed("@microsoft/sarif-multitool@5.7.0")
    tool = modules / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"
    tool.chmod(0o755)
    assert cli.main(["--output-format", "sarif=review.sarif", "."]) == 1
    subprocess.run(
        [tool, "validate", "review.sarif", "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note",
         "--output", "validation.sarif", "--log", "ForceOverwrite"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (run,) = json.loads(Path("validation.sarif").read_text(encoding="utf-8-sig"))["runs"]
    told = {(result["ruleId"], result.get("level", "warning")) for result in run["results"]}
    assert any(rule == "SARIF2009" for rule, _ in told), "it has looked: ids of ours have a slash, which it notes"
    grave = {(rule, level) for rule, level in told if level != "note"}
    # SARIF2005 asks for the address of a home page, which the project does not have.
    assert {rule for rule, _ in grave} <= {"SARIF2005"}


def test_annotations_are_what_the_toolkit_of_actions_writes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own `core.error(…)` with the same properties, escaped by its own code, gives the same commands."""
    modules = node.installed("@actions/core@3.0.1")
    cli.main(["--output-format", "github", "."])
    ours = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    read = commands("\n".join(ours))
    assert len(read) > 10
    names = {"file": "file", "line": "startLine", "endLine": "endLine", "col": "startColumn", "endColumn": "endColumn"}
    calls = [
        [level, message, {names.get(key, key): value for key, value in properties.items()}]
        for level, properties, message in read
    ]
    script = f"""\
import * as core from {json.dumps(str(modules / "@actions" / "core" / "lib" / "core.js"))}
for (const [level, message, properties] of {json.dumps(calls)}) core[level](message, properties)
"""
    Path("annotate.mjs").write_text(script, encoding="utf-8")
    done = subprocess.run(
        ["node", "annotate.mjs"], capture_output=True, encoding="utf-8", check=True, timeout=60, env={**os.environ}
    )
    theirs = [line for line in done.stdout.splitlines() if line.startswith("::")]

    def parts(line: str) -> tuple[str, set[str], str]:
        head, message = line[2:].split("::", 1)
        level, _, properties = head.partition(" ")
        return level, set(properties.split(",")), message

    assert [parts(line) for line in ours] == [parts(line) for line in theirs]
