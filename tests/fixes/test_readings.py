"""How often a script is read to prove its fixes: never twice as it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import libcst
import pytest

from nl2sql_review import cli
from nl2sql_review.fixes import Session
from nl2sql_review.judgement.judge import Examined
from nl2sql_review.run.reviewer import Reviewer

SCRIPT = Path(__file__).parents[2] / "fixtures" / "golden" / "library_defaults.py"


def test_what_did_not_hold_is_not_read_again_after_another_fix() -> None:
    reviewer = Reviewer(isolated=True)
    read: Counter[bytes] = Counter()

    def examine(data: bytes, path: str, drafts: object) -> Examined:
        read[data] += 1
        return reviewer.examine(data, path, every_rule=True)

    session = Session(examine, SCRIPT.read_bytes(), str(SCRIPT))
    session.apply(unsafe=True)
    assert len(session.made) > 10 and session.unfixed()  # some were made, and others tried in vain
    assert set(read.values()) == {1}


def test_a_script_and_its_modules_are_parsed_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviewed first, and then read again for every proof of its fixes."""
    (tmp_path / "shared_values.py").write_text("RATE = 2e-4\nSTEPS = 60\n", encoding="utf-8")
    text = "from shared_values import RATE, STEPS\n" + SCRIPT.read_text(encoding="utf-8") + "print(RATE, STEPS)\n"
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    parsed: Counter[str] = Counter()
    parse = libcst.parse_module

    def counted(code: str) -> libcst.Module:
        parsed[code] += 1
        return parse(code)

    monkeypatch.setattr(libcst, "parse_module", counted)
    cli.main(["--isolated", "--no-cache", "--diff", "--fix-policy", str(script)])
    assert len(parsed) > 2  # as it would be with fixes
    assert parsed[text] == parsed["RATE = 2e-4\nSTEPS = 60\n"] == 1
