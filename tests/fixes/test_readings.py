"""How often a script is read to prove its fixes: never twice as it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

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
