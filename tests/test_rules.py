"""Every rule's page is its test: what it calls good passes, what it calls bad is found on the marked lines.

A YAML fence is a configuration. A Python fence is a fragment; the prelude below stands before it, and that one rule
judges it. A fence that starts with script metadata (`# /// script`: the versions it runs on) is a whole script and
brings its own imports.
"""

from __future__ import annotations

import re

import pytest

from nl2sql_review import cli
from nl2sql_review.policy import rulebook
from nl2sql_review.run.rule_examples import examples, judged_example, problems

BOOK = rulebook.load()
SECTIONS = ("Why it matters", "Evidence", "When to ignore it", "Why there is no fix", "References", "Examples")
FENCES = [
    pytest.param(rule, fence, id=f"{rule.id}:{fence.row}-{fence.label}")
    for rule in BOOK.active
    for fence in examples(rule)  # see tests/fixes/test_fences.py for those labelled `fixed`
]


@pytest.mark.parametrize(("rule", "fence"), FENCES)
def test_a_fence_is_judged_as_it_is_labelled(rule, fence):
    assert list(problems(rule, fence, BOOK)) == []


@pytest.mark.parametrize("rule", BOOK.active, ids=lambda r: r.id)
def test_a_rule_shows_enough(rule):
    """Two good and two bad examples at least, so that a rule is no one spelling."""
    labels = [f.label for f in rule.fences]
    assert labels.count("good") >= 2 and labels.count("bad") >= 2


@pytest.mark.parametrize("rule", BOOK.active, ids=lambda r: r.id)
def test_a_rule_without_a_fix_says_why(rule):
    assert ("\n## Why there is no fix\n" in rule.body) is (not rule.head.fix)


@pytest.mark.parametrize("rule", BOOK.rules.values(), ids=lambda r: r.id)
def test_the_sections_of_a_page_are_in_order(rule):
    prose = re.sub(r"^(`{3,}|~{3,}).*?^\1$", "", rule.body, flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"^## (.*)$", prose, re.MULTILINE)
    assert found == [name for name in SECTIONS if name in found]
    assert {"Why it matters", "When to ignore it"} <= set(found)


def test_the_prelude_is_not_judged():
    assert judged_example(BOOK["lora/rank"], "x = 1\n", "python", BOOK) is None


GOOD = "model = FastLanguageModel.get_peft_model(model, r=8)"
PAGE = f"""\
---
effect: cost
fact: lora.r
expect: {{{{equals: 8}}}}
---
# The rank is not 8

```python good
{GOOD}
```

```python bad
{{bad}}
```
"""


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        (GOOD.replace("8", "64") + "  # expect: quality/rank r=64", 0, "1 rule, 2 examples: all as labeled"),
        (GOOD, 1, "labeled bad, but judged pass"),
        (GOOD.replace("8", "64"), 1, "line 1 has a finding but no mark: r=64"),
        (GOOD.replace("8", "64") + "  # expect: quality/rank r=65", 1, "the message lacks 'r=65'"),
        ("x = 1", 1, "nothing can be judged"),
        ("def (:", 1, "it cannot be read"),
    ],
)
def test_rules_of_a_team_in_a_section_of_its_own_are_tested(bad, code, said, tmp_path, capsys):
    (tmp_path / "quality").mkdir()
    page = tmp_path / "quality" / "rank.md"
    page.write_text(PAGE.format(bad=bad), encoding="utf-8")
    for path in (tmp_path, page):
        assert cli.main(["rule", "test", str(path)]) == code
        assert said in capsys.readouterr().out


def test_what_is_no_directory_of_rules(tmp_path, capsys):
    assert cli.main(["rule", "test", str(tmp_path)]) == 3
    assert "no rule found" in capsys.readouterr().err
    assert cli.main(["rule", "test", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert cli.main(["rule", "test"]) == 2
