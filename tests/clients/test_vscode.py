"""The extension for VS Code: its types, its package, and the server over VS Code's own protocol library.

VS Code itself is not run: it cannot be installed from a registry.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.clients
ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "integrations" / "vscode"


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension with what builds it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed: the extension for VS Code was NOT tested")
    folder = tmp_path_factory.mktemp("extension") / "vscode"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "bundled", "*.vsix"))
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"npm could not install what builds the extension, which was NOT tested: {done.stderr[-500:]}")
    return folder


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHON": sys.executable, "NL2SQL_REVIEW_ROOT": str(ROOT)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_checked_bundled_and_packaged(extension: Path) -> None:
    run(extension, "npm", "run", "package")
    (package,) = extension.glob("*.vsix")
    with zipfile.ZipFile(package) as made:
        names = made.namelist()
        bundle = made.read("extension/dist/extension.js").decode()
    assert "extension/package.json" in names and not [
        name for name in names if "node_modules" in name or "/src/" in name
    ]
    assert "nl2sql_review" in bundle and "LanguageClient" in bundle


def test_the_server_answers_over_vs_code_s_own_protocol_library(extension: Path) -> None:
    said = run(extension, "node", "--test", "test/")
    assert "# fail 0" in said and "# pass 2" in said


def test_commands_of_the_lenses_are_not_declared_twice() -> None:
    """A command of the server is registered by the client itself; the palette's have names of their own."""
    declared = {
        one["command"] for one in json.loads((EXTENSION / "package.json").read_text())["contributes"]["commands"]
    }
    assert not declared & {f"nl2sql-review.{name}" for name in ("plan", "prompt", "memory", "rows")}
