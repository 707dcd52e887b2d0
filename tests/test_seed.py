"""The seed document's own Good and Bad snippets, each completed to a whole script under fixtures/seed.

Every `# expect: <rule> [part of the message]` is found on its line, and nothing else is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.report.report import Finding

from .marked import FIXTURES, about, findings, marks, review

SEED = sorted((FIXTURES / "seed").glob("*.py"))


def answers(finding: Finding, row: int, rule: str) -> bool:
    """Whether a finding is the marked one: a rule that found the same defect under another name counts."""
    at = finding.location
    return at.row <= row <= at.end_row and rule in (finding.rule, *finding.related)


@pytest.mark.parametrize("path", SEED, ids=lambda p: p.stem)
def test_a_snippet_is_answered_as_it_is_marked(path: Path) -> None:
    judged = [f for f in findings(path) if {f.rule, *f.related} & about(SEED)]
    for row, rule, part in marks(path):
        found = [f for f in judged if answers(f, row, rule)]
        told = [(f.rule, f.location.row, f.message) for f in judged]
        assert found, f"{path.name}:{row}: {rule} is not found; there are {told}"
        assert any(part in f.message for f in found), [f.message for f in found]
    extra = [f for f in judged if not any(answers(f, row, rule) for row, rule, _ in marks(path))]
    assert not extra, "\n".join(f"{path.name}:{f.location.row}: {f.rule} {f.message}" for f in extra)


@pytest.mark.parametrize("path", SEED, ids=lambda p: p.stem)
def test_nothing_stays_undecided(path: Path) -> None:
    """Of what the snippets are about; the rest is in `tests/golden/checklist.txt`."""
    open_items = [
        (i.rule, i.reason) for i in review(path).checklist if i.verdict == "unknown" and i.rule in about(SEED)
    ]
    assert not open_items


def test_every_bad_snippet_is_marked() -> None:
    for path in SEED:
        assert path.stem.endswith(("good", "working")) or path.stem == "good" or marks(path), path.name
