"""The seed document's own Good and Bad snippets, each completed to a whole script under fixtures/seed.

Every `# expect: <rule> [part of the message]` is found on its line, and nothing else is.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nl2sql_review import rulebook
from nl2sql_review.judge import judge
from nl2sql_review.review import Reviewer
from nl2sql_review.settings import Settings

SEED = Path(__file__).parent.parent / "fixtures" / "seed"
EXPECT = re.compile(r"# expect: (?P<rule>\S+)(?: (?P<part>.*?))?\s*$")
BOOK = rulebook.load()


def review(path):
    source, recording, plans = Reviewer(isolated=True).plans(path.read_bytes(), str(path), Settings())
    assert not recording.exhausted and plans
    report, faults = judge(source, plans, BOOK, Settings())
    assert not faults, faults[0].message
    return report


def marks(path):
    """(row, rule, part of the message) of every mark."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [(row, EXPECT.search(line)) for row, line in enumerate(lines, 1)]
    return [(row, m["rule"], m["part"] or "") for row, m in found if m]


def answers(finding, row, rule):
    """Whether a finding is the marked one: a rule that found the same defect under another name counts."""
    at = finding.location
    return at.row <= row <= at.end_row and rule in (finding.rule, *finding.related)


@pytest.mark.parametrize("path", sorted(SEED.glob("*.py")), ids=lambda p: p.stem)
def test_a_snippet_is_answered_as_it_is_marked(path):
    findings = [f for f in review(path).findings if f.suppressed is None]
    expected = marks(path)
    for row, rule, part in expected:
        found = [f for f in findings if answers(f, row, rule)]
        assert found, f"{path.name}:{row}: {rule} is not found; there are {[(f.rule, f.location.row, f.message) for f in findings]}"
        assert any(part in f.message for f in found), [f.message for f in found]
    extra = [f for f in findings if not any(answers(f, row, rule) for row, rule, _ in expected)]
    assert not extra, "\n".join(f"{path.name}:{f.location.row}: {f.rule} {f.message}" for f in extra)


@pytest.mark.parametrize("path", sorted(SEED.glob("*.py")), ids=lambda p: p.stem)
def test_nothing_stays_undecided(path):
    open_items = [(i.rule, i.reason) for i in review(path).checklist if i.verdict == "unknown"]
    assert not open_items


def test_every_bad_snippet_is_marked():
    for path in SEED.glob("*.py"):
        assert path.stem.endswith(("good", "working")) or path.stem == "good" or marks(path), path.name
