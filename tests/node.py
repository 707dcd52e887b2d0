"""Programs from npm that the tests drive: installed once per machine, below the user's cache.

Needs node, npm and a registry. Where one is missing the tests that ask are skipped, and say so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache"  # conftest.py sets it, before it gives the tests a cache directory of their own
CLAUDE_CODE = "@anthropic-ai/claude-code@2.1.197"
INSPECTOR = "@modelcontextprotocol/inspector@0.15.0"  # the last one that runs on Node 20


@cache
def installed(package: str) -> Path:
    """The node_modules directory that holds the package."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(f"node and npm are not installed: {package} was NOT tested")
    base = CACHE / "nl2sql-review-tests"
    folder = base / hashlib.sha256(package.encode()).hexdigest()[:16]
    base.mkdir(parents=True, exist_ok=True)
    with _alone(base / f"{folder.name}.lock"):  # test processes side by side
        if not folder.exists():
            new = folder.with_name(f"{folder.name}.{os.getpid()}")
            done = subprocess.run(
                [npm, "install", "--prefix", new, "--no-audit", "--no-fund", "--ignore-scripts", package],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                shutil.rmtree(new, ignore_errors=True)
                pytest.skip(f"npm could not install {package}, which was NOT tested: {done.stderr[-500:]}")
            new.rename(folder)
    return folder / "node_modules"


@contextmanager
def _alone(path: Path):
    with path.open("w") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def tool() -> Path:
    """The nl2sql-review command of this environment."""
    found = Path(sys.executable).parent / ("nl2sql-review.exe" if os.name == "nt" else "nl2sql-review")
    if not found.exists():
        pytest.fail("nl2sql-review is not installed in this environment: pip install -e '.[test]'")
    return found
