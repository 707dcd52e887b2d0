"""The hook under events that are none, huge, or lie: it answers or says why not, and always ends with 0."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nl2sql_review import cli
from nl2sql_review.adoption import edit_diff
from nl2sql_review.serve import claude_code
from nl2sql_review.source import Source
from tests.serve import events

SCRIPT = """\
from peft import LoraConfig
from trl import SFTTrainer

config = LoraConfig(
    r=64,
    lora_alpha=16,
)

trainer = SFTTrainer(model="m", peft_config=config)
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def hook(event: bytes, monkeypatch, capsys) -> dict[str, Any]:
    """What the command answers to an event, {} for silence."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(event)))
    assert cli.main(["hook", "claude-code"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    said.out.encode("utf-8")
    answer = json.loads(said.out or "{}")
    assert "a bug in nl2sql-review" not in str(answer)
    return answer


@pytest.mark.parametrize(
    "event",
    [b"", b"garbage", b"[]", b"{}", b'{"tool_input": 3}', b"[" * 200_000, b"\xff\xfe\x00", b'{"tool_input": {}}'],
)
def test_what_is_no_event(event: bytes, monkeypatch, capsys) -> None:
    assert "unsupported event" in hook(event, monkeypatch, capsys)["systemMessage"]


def test_an_event_that_is_too_large(monkeypatch, capsys) -> None:
    monkeypatch.setattr(claude_code, "LARGEST", 1_000)
    answer = hook(events.event("Write", {"file_path": "x" * 2_000}, {}), monkeypatch, capsys)
    assert "larger than 1,000 bytes" in answer["systemMessage"]


@pytest.mark.parametrize("path", ["a\ud800.py", "a\0.py", "\udcff.py", "x" * 100_000, "/dev/zero", "/dev/stdin", "."])
def test_a_path_that_is_none(path: str, monkeypatch, capsys) -> None:
    assert hook(events.event("Write", {"file_path": path}, {}), monkeypatch, capsys) == {}


HUNK = {"oldStart": 1, "newStart": 1, "lines": [" from peft import LoraConfig"]}
PATCHES = [
    "", 3, [3], [[]], [{}], {"a": 1}, [{**HUNK, "newStart": "x"}], [{**HUNK, "newStart": 10**400}],
    [{**HUNK, "newStart": -(10**30)}], [{**HUNK, "lines": [3]}], [{**HUNK, "lines": None}], [HUNK] * 100_000,
    [{**HUNK, "newStart": 1.5}], [{**HUNK, "lines": ["+\ud800", " \ud800"]}],
]  # fmt: skip


ORIGINALS = [None, "\ud800", "", 3, "x = " + "(" * 5_000]
LIES = [*((patch, None) for patch in PATCHES), *(([HUNK], original) for original in ORIGINALS)]  # only one counts


@pytest.mark.parametrize(("patch", "original"), LIES, ids=range(len(LIES)))
def test_a_response_that_lies(patch: object, original: object, project: Path, monkeypatch, capsys) -> None:
    response = {"structuredPatch": patch, "originalFile": original}
    hook(events.event("Edit", {"file_path": str(project / "train.py")}, response), monkeypatch, capsys)


def test_many_changed_lines_are_compared_in_linear_time() -> None:
    """Of 20,000 lines that come again and again, none can be followed; those that stand once are."""
    draw = random.Random(1)
    old = [f"x = {draw.randrange(99)}" for _ in range(20_000)]
    new = [f"y = {draw.randrange(99)}", *old[:9_000], "z = 1", *old[9_000:19_000]]
    old[5_000] = new[5_001] = "here = 1"
    edit = edit_diff.Edit.between(*(Source("train.py", "\n".join(lines) + "\n") for lines in (old, new)))
    assert edit.moved[None, 5_001] == (None, 5_002)
    assert (None, 5_002) not in edit.touched and (None, 9_002) in edit.touched
