"""A rule's page shows for every bad example what fixing makes of it: the fence after it, labelled `fixed`.

A fence is what is left of the fixed script without the prelude of imports; imports that the fix adds stand at its head.
"""

from __future__ import annotations

import re

import pytest

from nl2sql_review.fixes import Session
from nl2sql_review.policy import rulebook
from nl2sql_review.policy.rulebook import FIXER_NAMES
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.run.rule_examples import prelude

EXPECT = re.compile(r"(^[ \t]*)?[ \t]*# expect: \S+.*$")
BOOK = rulebook.load()
FIXABLE = [rule for rule in BOOK.active if rule.head.fix]


def session(rule, text, language="python"):
    overrides = {"select": [rule.id], "ignore": ["suppression"]}
    path = "train.py" if language == "python" else "train.yaml"
    one = Session(Reviewer(isolated=True, overrides=overrides).examine, text.encode(), path)
    one.apply(unsafe=True)
    return one


def fixed_fence(rule, fence):
    """What a bad fence becomes; None where nothing in it is fixed."""
    before = prelude(fence.code, fence.language)
    lines = fence.code.splitlines()
    kept = ((EXPECT.sub("", line), line) for line in lines)  # the comments would make lines too long
    code = "".join(f"{new}\n" for new, old in kept if new.strip() or not old.strip())
    one = session(rule, before + code, fence.language)
    if not one.made:
        return None
    imports = set(before.splitlines())
    return "".join(f"{line}\n" for line in one.data.decode().splitlines() if line not in imports)


def pairs(rule):
    """Every bad fence with the fence after it, if that shows its fix."""
    fences = list(rule.fences)
    for fence, after in zip(fences, [*fences[1:], None]):
        if fence.label == "bad":
            yield fence, after if after is not None and after.label == "fixed" else None


@pytest.mark.parametrize("rule", FIXABLE, ids=lambda r: r.id)
def test_the_page_shows_what_fixing_makes_of_its_bad_examples(rule):
    shown = 0
    for fence, after in pairs(rule):
        made = fixed_fence(rule, fence)
        assert made == (after.code if after is not None else None), f"{rule.path}:{fence.row}"
        shown += after is not None
    assert shown, "no example shows that this rule can be fixed"


@pytest.mark.parametrize("rule", FIXABLE, ids=lambda r: r.id)
def test_what_is_shown_is_content_and_stays(rule):
    for fence, after in pairs(rule):
        if after is None:
            continue
        text = prelude(fence.code, fence.language) + after.code
        one = session(rule, text, fence.language)
        assert one.report.findings == () and one.data.decode() == text, f"{rule.path}:{after.row}"


def test_every_fixer_is_some_rule_s():
    used = {rule.head.fixer(name) for rule in FIXABLE for name in rule.head.facts}
    assert used - {""} == set(FIXER_NAMES)
