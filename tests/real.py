"""The interpreter that has the training stack: this one, or the one that NL2SQL_TRAIN_PYTHON names.

The tests that use it hold for whatever versions that has: they were also run with trl 0.12.2, transformers 4.46.3 and peft
0.13.2, and with trl 0.24.0, transformers 4.57.6 and peft 0.17.1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def interpreter(*modules: str) -> str:
    """Its path. Where it lacks a module the test is skipped with the reason, but in CI it fails: there it is installed."""
    python = os.environ.get("NL2SQL_TRAIN_PYTHON") or sys.executable
    found = subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True, text=True)
    if found.returncode:
        last = (found.stderr.strip().splitlines() or ["no reason given"])[-1]
        why = f"{python} cannot import {', '.join(modules)} ({last}); NL2SQL_TRAIN_PYTHON may name one that can"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return python


def outcome(python: str, program: str, given: object, folder: Path | None = None) -> dict:
    """What a program prints behind the word OUTCOME; it reads `given` as JSON from standard input."""
    done = subprocess.run([python, "-c", program], input=json.dumps(given), capture_output=True, text=True, timeout=900, cwd=folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith("OUTCOME ")]
    assert lines, done.stderr[-2000:]
    return json.loads(lines[-1].partition(" ")[2])
