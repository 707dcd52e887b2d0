"""What the reference trainer promises without running: it is short, passes the review, its fixtures are remade."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from .conftest import INSTALL, MISSING, ROOT, SCRIPT, load


def test_continuous_integration_skips_no_test_of_the_trainer():
    assert not (os.environ.get("CI") and MISSING), f"install the training stack: {INSTALL}"


def test_it_is_read_in_one_go():
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300 and max(map(len, lines)) <= 130
    banners = [line.strip("# -") for line in lines if re.match(r"# --- \w+ -+$", line)]
    assert banners == ["lora", "prompt", "dataset", "arguments", "memory", "checkpointing"]


def test_it_passes_the_review_with_nothing_left_open():
    command = [
        sys.executable,
        "-m",
        "nl2sql_review",
        "--isolated",
        "--fail-on",
        "advice",
        "--fail-on-unknown",
        str(SCRIPT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nl2sql: ignore" not in SCRIPT.read_text(encoding="utf-8")


def test_the_data_sets_are_what_their_script_writes(tmp_path):
    load("make_data").write(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (ROOT / "fixtures" / "trainer" / path.name).read_bytes(), path.name
    assert len(list(tmp_path.iterdir())) == 3


def test_the_pins_are_the_ones_that_were_run():
    pins = (ROOT / "examples" / "requirements.txt").read_text() + (
        ROOT / "examples" / "requirements-unsloth.txt"
    ).read_text()
    wanted = (
        "unsloth==2026.10.9 trl==1.15.0 transformers==5.17.0 datasets==4.8.5 peft==0.21.2 accelerate==1.15.0 "
        "torch==2.13.0"
    )
    assert set(wanted.split()) <= set(pins.split())
