"""Every rule's page is its test: what it calls good passes, what it calls bad is found on the marked lines.

A YAML fence is a configuration. A Python fence is a fragment; the prelude below stands before it, and that one rule
judges it. A fence that starts with script metadata (`# /// script`: the versions it runs on) is a whole script and
brings its own imports.
"""

from __future__ import annotations

import re

import pytest

from nl2sql_review.judgement.judge import judge
from nl2sql_review.policy import rulebook
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer

PRELUDE = """\
import argparse, json, logging, os
import torch
import wandb
from unsloth import FastLanguageModel, is_bfloat16_supported
from unsloth.chat_templates import get_chat_template, train_on_responses_only
from datasets import Dataset, concatenate_datasets, interleave_datasets, load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, Trainer, TrainingArguments
from trl import DataCollatorForCompletionOnlyLM, SFTConfig, SFTTrainer
"""
METADATA = "# /// script"
EXPECT = re.compile(r"# expect: (?P<rule>\S+)(?: (?P<part>.*?))?\s*$")
VERDICTS = {"good": "pass", "bad": "fail", "unknown": "unknown", "na": "not-applicable"}

BOOK = rulebook.load()
FENCES = [
    pytest.param(rule, fence, id=f"{rule.id}:{fence.row}-{fence.label}")
    for rule in BOOK.active
    for fence in rule.fences
    if fence.language in ("python", "yaml") and fence.label and fence.label != "fixed"  # see tests/fixes/test_fences.py
]


def prelude(code, language):
    return "" if code.startswith(METADATA) or language == "yaml" else PRELUDE


def judged(rule, code, language="python"):
    """(the rule's checklist item, its findings) on a fragment."""
    settings = Settings(select=(rule.id,), ignore=("suppression",))
    name = "train.py" if language == "python" else "train.yaml"
    source, recording, plans = Reviewer(isolated=True).plans((prelude(code, language) + code).encode(), name, settings)
    assert not recording.exhausted
    assert plans, "the fragment makes no trainer, adapter, model or training arguments: nothing can be judged"
    report, faults = judge(source, plans, BOOK, settings)
    assert not faults, faults[0].message
    (item,) = report.checklist
    return item, report.findings


def marks(rule, code):
    """Row in the fragment -> the part of the message that is expected there."""
    found = {}
    for row, line in enumerate(code.splitlines(), 1):
        mark = EXPECT.search(line)
        if mark and mark["rule"] == rule.id:
            found[row] = mark["part"] or ""
    return found


@pytest.mark.parametrize(("rule", "fence"), FENCES)
def test_a_fence_is_judged_as_it_is_labelled(rule, fence):
    assert fence.label in VERDICTS, f"{rule.path}:{fence.row - 1}: labels are {', '.join(VERDICTS)}"
    item, findings = judged(rule, fence.code, fence.language)
    told = f"{rule.path}:{fence.row}: {item.evidence} {item.reason}"
    assert item.verdict == VERDICTS[fence.label], told
    expected = marks(rule, fence.code)
    assert bool(expected) == (fence.label == "bad"), "a bad fence, and no other, marks its guilty lines"
    rows = {f.location.row - prelude(fence.code, fence.language).count("\n"): f.message for f in findings}
    assert sorted(rows) == sorted(expected), told
    for row, part in expected.items():
        assert part in rows[row], told


@pytest.mark.parametrize("rule", BOOK.active, ids=lambda r: r.id)
def test_a_rule_shows_enough(rule):
    """Two good and two bad examples at least, so that a rule is no one spelling."""
    labels = [f.label for f in rule.fences]
    assert labels.count("good") >= 2 and labels.count("bad") >= 2


@pytest.mark.parametrize("rule", BOOK.active, ids=lambda r: r.id)
def test_a_rule_without_a_fix_says_why(rule):
    assert ("\n## Why there is no fix\n" in rule.body) is (not rule.head.fix)


def test_the_prelude_is_not_judged():
    with pytest.raises(AssertionError, match="nothing can be judged"):
        judged(BOOK["lora/rank"], "x = 1\n")
