"""Tests the examples on a rule's page: good ones must pass, bad ones must have findings on the marked lines.

A YAML fence is a configuration. A Python fence is a fragment: `PRELUDE` is put before it, unless it starts with script
metadata (`# /// script`), which makes it a whole script. Only this rule judges it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..judgement.judge import judge
from ..policy.rulebook import Fence, Rule, Rulebook
from ..policy.settings import Settings
from ..report.report import ChecklistItem, Finding
from ..source import SourceError
from .reviewer import Reviewer

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
VERDICTS = {"good": "pass", "bad": "fail", "unknown": "unknown", "na": "not-applicable"}
_EXPECT = re.compile(r"# expect: (?P<rule>\S+)(?: (?P<part>.*)|\s*)$", re.DOTALL)


class RuleFault(Exception):
    """Error for a rule that cannot be judged."""


def examples(rule: Rule) -> list[Fence]:
    """Return the fences with a label of their own; a `fixed` fence belongs to the one before."""
    labelled = (fence for fence in rule.fences if fence.language in ("python", "yaml"))
    return [fence for fence in labelled if fence.label and fence.label != "fixed"]


def problems(rule: Rule, fence: Fence, book: Rulebook) -> Iterator[str]:
    """Yield a sentence for each mismatch between a fence of the page and its label."""
    if fence.label not in VERDICTS:
        yield f"there is no label {fence.label}: labels are {', '.join((*VERDICTS, 'fixed'))}"
        return
    try:
        judged = judged_example(rule, fence.code, fence.language, book)
    except SourceError as error:
        yield f"it cannot be read: {error.message}"
        return
    except RuleFault as fault:
        yield str(fault)
        return
    if judged is None:
        yield "it creates no trainer, adapter, model or training arguments: nothing can be judged"
        return
    item, findings = judged
    if item.verdict != VERDICTS[fence.label]:
        yield f"labeled {fence.label}, but judged {item.verdict}: {item.evidence or item.reason}"
    before = prelude(fence.code, fence.language).count("\n")
    found = {f.location.row - before: f.message for f in findings}
    expected = _marks(rule, fence.code)
    if bool(expected) != (fence.label == "bad"):
        yield "only a bad fence, and every bad fence, marks its lines with # expect: " + rule.id
    for row in sorted(found.keys() - expected.keys()):
        yield f"line {row} has a finding but no mark: {found[row]}"
    for row in sorted(expected.keys() - found.keys()):
        yield f"line {row} is marked but has no finding"
    for row in sorted(expected.keys() & found.keys()):
        if expected[row] not in found[row]:
            yield f"line {row}: the message lacks {expected[row]!r}: {found[row]}"


def judged_example(
    rule: Rule, code: str, language: str, book: Rulebook
) -> tuple[ChecklistItem, tuple[Finding, ...]] | None:
    """Return (item, findings) of the rule on a fragment; None if nothing trains. Raises SourceError, RuleFault."""
    settings = Settings(select=(rule.id,), ignore=("suppression",))
    name = "train.py" if language == "python" else "train.yaml"
    data = (prelude(code, language) + code).encode()
    source, _, plans = Reviewer(isolated=True).plans(data, name, settings)
    if not plans:
        return None
    report, faults = judge(source, plans, book, settings)
    if faults:
        raise RuleFault(f"the rule cannot be judged: {faults[0].message}")
    (item,) = report.checklist
    return item, report.findings


def prelude(code: str, language: str) -> str:
    """Return the text to put before a fragment: none for a whole script or a configuration."""
    return "" if code.startswith(METADATA) or language == "yaml" else PRELUDE


def _marks(rule: Rule, code: str) -> dict[int, str]:
    """Return row in the fragment → the part of the message that is expected there."""
    marks = ((row, _EXPECT.search(line)) for row, line in enumerate(code.splitlines(), 1))
    return {row: (mark["part"] or "").rstrip() for row, mark in marks if mark and mark["rule"] == rule.id}
