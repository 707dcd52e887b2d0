"""Neovim, as Debian has it, with the language server: its own client shows, applies and hovers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import node
from tests.language_server.scripts import SHORT

pytestmark = pytest.mark.clients
SESSION = Path(__file__).with_name("session.lua")
ROOT = Path(__file__).parents[2]


def test_neovim_shows_findings_applies_a_fix_and_has_lenses(tmp_path: Path) -> None:
    nvim = shutil.which("nvim")
    if nvim is None:
        pytest.skip("Neovim is not installed, and was NOT tested: apt-get install neovim")
    script = tmp_path / "train.py"
    script.write_text(SHORT, encoding="utf-8")
    answer = tmp_path / "seen.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SERVER": str(node.tool()),
        "SCRIPT": str(script),
        "SEEN": str(answer),
        "XDG_STATE_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [nvim, "--clean", "--headless", "-c", f"luafile {SESSION}"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
    )
    seen = json.loads(answer.read_text(encoding="utf-8"))
    assert "fault" not in seen and "missing" not in seen, (seen, done.stderr)
    assert "lora/rank" in seen["before"] and "lora/rank" not in seen["after"]
    assert "**r** = `64`" in seen["hover"] and "lora/rank" in seen["hover"]
    assert any("lora/rank" in title for title in seen["actions"])
    assert "16" in seen["text"]
    assert seen["lenses"][1:] == ["show the plan", "show the prompt as the model sees it"]
