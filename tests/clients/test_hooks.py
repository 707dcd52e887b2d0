"""pre-commit and prek themselves, with this checkout as the repository of the hook.

They build an environment for the hook, from the package registry that pip is set up for.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
GOOD = (ROOT / "fixtures" / "styles" / "literals.py").read_text(encoding="utf-8")
BAD = GOOD.replace("r=16", "r=64")
# An argument that nobody takes, and a value of another policy.
BROKEN = BAD.replace("lr_scheduler_type=", "lr_scheduler_typ=")
NOTEBOOK = json.dumps(
    {"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": BAD}], "metadata": {}, "nbformat": 4}
)
FILES = {
    "good.py": GOOD,
    "bad.py": BAD,
    "bad.ipynb": NOTEBOOK,
    "old/bad.py": BAD,
    "setup.py": "print('no training here')\n",
    "template.py": "{% if python %}\n",
    "nl2sql-review.toml": 'exclude = ["old/"]\n',
}


def git(*words: str, cwd: Path) -> None:
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *author, *words], cwd=cwd, check=True, capture_output=True)


def committed(folder: Path) -> Path:
    git("init", "--quiet", ".", cwd=folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "all", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what this checkout would commit."""
    folder = tmp_path_factory.mktemp("hooks")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(("tests/", "fixtures/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return committed(folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return committed(tmp_path)


def run(program: str, hooks: Path, hook: str, *files: str, cwd: Path) -> tuple[int, str]:
    """(exit code, output) of `PROGRAM try-repo HOOKS HOOK --files …`."""
    found = PROGRAMS / program
    if not found.exists():
        pytest.fail(f"{program} is missing: pip install -e '.[test]'")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PYTHON"))}
    done = subprocess.run(
        [found, "try-repo", hooks, hook, "--files", *files],
        cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=540,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize("program", ["pre-commit", "prek"])
def test_findings_fail_the_hook(program: str, hooks: Path, project: Path) -> None:
    code, output = run(program, hooks, "nl2sql-review", *FILES, cwd=project)
    assert code == 1
    assert "--> bad.py:" in output and "--> bad.ipynb:cell 1:" in output and output.count("error[lora/rank]") == 2
    assert "old/bad.py" not in output and "template.py" not in output and "good.py" not in output
    assert "Checklist" not in output  # args: [--quiet]


def test_good_and_other_scripts_pass_the_hook(hooks: Path, project: Path) -> None:
    code, output = run("prek", hooks, "nl2sql-review", "good.py", "setup.py", "template.py", "old/bad.py", cwd=project)
    assert code == 0 and "Passed" in output


def test_the_fixing_hook_repairs_and_chooses_nothing(hooks: Path, project: Path) -> None:
    (project / "good.py").write_text(BROKEN.replace("r=64", "r=16"), encoding="utf-8")
    (project / "bad.py").write_text(BROKEN, encoding="utf-8")
    committed(project)
    code, output = run("prek", hooks, "nl2sql-review-fix", "good.py", "bad.py", "bad.ipynb", cwd=project)
    assert code == 1 and "files were modified by this hook" in output
    assert (project / "good.py").read_text(encoding="utf-8") == GOOD
    assert (project / "bad.py").read_text(encoding="utf-8") == BAD
    assert (project / "bad.ipynb").read_text(encoding="utf-8") == NOTEBOOK
    code, output = run("prek", hooks, "nl2sql-review-fix", "good.py", cwd=project)
    assert code == 0


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_a_commit_in_a_worktree_or_a_submodule(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git itself starts the hook, and tells it of the repository it is in."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    installed = [
        {**hook, "language": "system", "entry": f"{PROGRAMS / hook['entry']}", "args": ["--quiet", "--changed-only"]}
        for hook in manifest
        if hook["id"] == "nl2sql-review"
    ]
    main, outer = tmp_path / "main", tmp_path / "outer"
    for folder, files in ((main, {"old.py": BAD}), (outer, {"README": ""})):
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        committed(folder)
    inner = outer / "inner"
    if kind == "worktree":
        git("worktree", "add", "--quiet", str(inner), cwd=main)
    else:
        git("submodule", "--quiet", "add", str(main), "inner", cwd=outer)
    configuration = {"repos": [{"repo": "local", "hooks": installed}]}
    (inner / ".pre-commit-config.yaml").write_text(json.dumps(configuration), encoding="utf-8")
    subprocess.run([PROGRAMS / "pre-commit", "install"], cwd=inner, check=True, capture_output=True)
    (inner / "sub").mkdir()
    (inner / "sub" / "new.py").write_text(BAD, encoding="utf-8")
    (inner / "old.py").write_text(BAD + "# more\n", encoding="utf-8")
    git("add", "--all", cwd=inner)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git("commit", "--quiet", "--message", "bad", cwd=inner / "sub")
    said = refused.value.stderr.decode()
    assert "error[lora/rank]" in said and "--> sub/new.py:" in said and "old.py" not in said
    (inner / "sub" / "new.py").write_text(GOOD, encoding="utf-8")
    git("add", "--all", cwd=inner)
    git("commit", "--quiet", "--message", "good", cwd=inner / "sub")


def test_the_manifest_is_valid() -> None:
    done = subprocess.run(
        [PROGRAMS / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
