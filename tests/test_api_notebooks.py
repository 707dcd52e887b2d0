"""Public notebooks that pin their versions and whose saved outputs show training steps: `api/*` finds no error in them.

public_notebooks.json lists them; the notebooks themselves are not kept here. NL2SQL_NOTEBOOKS names a folder that has a
clone of each repository at OWNER+NAME/repo, the newest commit or later.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nl2sql_review.judgement.judge import judge
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer

LISTED = json.loads(Path(__file__).with_name("public_notebooks.json").read_text(encoding="utf-8"))


def test_there_are_enough_and_none_is_listed_twice():
    names = [(n["repository"], n["commit"], n["path"]) for n in LISTED]
    assert len(set(names)) == len(names) >= 30 and all(n["versions"] for n in LISTED)


@pytest.mark.parametrize("notebook", LISTED, ids=lambda n: f"{n['repository']}:{n['path']}")
def test_no_error_in_what_has_run(notebook):
    clones = os.environ.get("NL2SQL_NOTEBOOKS")
    if not clones:
        pytest.skip("NL2SQL_NOTEBOOKS names no folder of clones")
    clone = Path(clones, notebook["repository"].replace("/", "+", 1), "repo")
    shown = subprocess.run(
        ["git", "-C", str(clone), "show", f"{notebook['commit']}:{notebook['path']}"], capture_output=True
    )
    if shown.returncode:
        pytest.skip(f"{clone} does not have commit {notebook['commit'][:12]}")
    reviewer, settings = Reviewer(isolated=True), Settings(select=("api",), ignore=("suppression",))
    source, _, plans = reviewer.plans(shown.stdout, "notebook.ipynb", settings)
    assert plans, "no training is seen in it"
    report, faults = judge(source, plans, reviewer.rulebook(settings), settings)
    assert not faults, faults
    assert [f"{f.rule}: {f.message}" for f in report.findings if f.severity == "error"] == []
