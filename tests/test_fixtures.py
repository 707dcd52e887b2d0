"""Whole scripts: the broken ones are found out on the marked lines, the good ones are clean, all styles are one plan."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nl2sql_review import batch, rulebook
from nl2sql_review.review import Reviewer
from nl2sql_review.settings import Settings
from nl2sql_review.values import Default, Known, Term

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXPECT = re.compile(r"# expect: (?P<rule>\S+)(?: (?P<part>.*?))?\s*$")
CHECKLIST = sorted((FIXTURES / "checklist").glob("*.py"))
STYLES = sorted(p for p in (FIXTURES / "styles").iterdir() if p.suffix in (".py", ".ipynb") and not p.stem.endswith("_settings"))


def review(path):
    (file,) = batch.review([str(path)], isolated=True).files
    assert file.status == "reviewed", file.reason
    return file


def marks(path):
    found = []
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = EXPECT.search(line)
        if mark:
            found.append((row, mark["rule"], mark["part"] or ""))
    return found


@pytest.mark.parametrize("path", CHECKLIST, ids=lambda p: p.stem)
def test_a_broken_script_is_found_out_where_it_is_broken(path):
    findings = [f for f in review(path).findings if f.suppressed is None]
    expected = marks(path)
    told = [f"{f.location.row} {f.rule} {f.message}" for f in findings]
    named = {(row, rule) for row, rule, _ in expected}  # a defect that two rules found may be marked with either
    findings = [replace(f, rule=next((r for r in f.related if (f.location.row, r) in named), f.rule)) for f in findings]
    assert sorted((f.location.row, f.rule) for f in findings) == sorted((row, rule) for row, rule, _ in expected), told
    for row, rule, part in expected:
        assert any(f.location.row == row and f.rule == rule and part in f.message for f in findings), (row, rule, part, told)


@pytest.mark.parametrize("path", [p for p in CHECKLIST if not p.stem.endswith("_good")], ids=lambda p: p.stem)
def test_every_broken_script_has_a_good_one_beside_it(path):
    assert marks(path)
    good = path.with_name(f"{path.stem.split('_')[0]}_good.py")
    assert not marks(good)


@pytest.mark.parametrize("path", STYLES, ids=lambda p: p.name)
def test_a_style_is_clean_and_leaves_nothing_open(path):
    file = review(path)
    assert [f"{f.location.row} {f.rule} {f.message}" for f in file.findings if f.suppressed is None] == []
    assert [f"{i.rule}: {i.reason} {i.evidence}" for i in file.checklist if i.verdict == "unknown"] == []


def test_every_rule_is_broken_by_a_whole_script():
    broken = {rule for path in (*CHECKLIST, *(FIXTURES / "configs").rglob("*.yaml")) for _, rule, _ in marks(path)}
    about_scripts = {r.id for r in rulebook.load().active if any(f.language == "python" and f.label == "bad" for f in r.fences)}
    assert not about_scripts - broken, "of a rule on configurations every fence is a whole file already"


# What the styles may differ in: the file, where a setting comes from, how the prompt is built and masked.
FREE = {"lora.adapter", "project.script", "memory.monitoring"}
SECTIONS = ("lora", "dataset", "arguments", "memory", "checkpointing", "project", "api")


def facts(path):
    settings = Settings()
    _, _, plans = Reviewer(isolated=True).plans(path.read_bytes(), str(path), settings)
    (plan,) = plans
    return {n: shown(f.value) for n, f in plan.facts() if n.split(".")[0] in SECTIONS and n not in FREE}


def shown(value):
    """A value as it counts: a default of the command line is the value it has unless told otherwise."""
    if isinstance(value, (Known, Default)):
        return json.loads(json.dumps(value.value, default=str))
    return value.text if isinstance(value, Term) else type(value).__name__


@pytest.mark.parametrize("path", STYLES, ids=lambda p: p.name)
def test_all_styles_are_one_plan(path):
    assert facts(path) == facts(FIXTURES / "styles" / "literals.py")
