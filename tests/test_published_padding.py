"""`if tokenizer.pad_token is None: tokenizer.pad_token = tokenizer.eos_token`, where the model is named."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Known

CODE = """\
import torch
from datasets import load_dataset
from transformers import (
    AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments
)
name = {name}
model = AutoModelForCausalLM.from_pretrained(name)
tokenizer = AutoTokenizer.from_pretrained(name)
{before}
{guard}tokenizer.pad_token = {pad}
rows = load_dataset("x", split="train").map(lambda row: tokenizer(row["text"]))
half = bool(torch.cuda.is_available() and {probe})
args = TrainingArguments("o", bf16=half, fp16=not half)
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
Trainer(model=model, args=args, train_dataset=rows, data_collator=collator).train()
"""
EOS = "tokenizer.eos_token"
ENDS = 'tokenizer.eos_token = "<|endoftext|>"'
GUARD = "if tokenizer.pad_token is None: "


def plan_of(
    name="'Qwen/Qwen2.5-Coder-7B-Instruct'", guard=GUARD, probe="torch.cuda.is_bf16_supported()", before="", pad=EOS
):
    text = CODE.format(name=name, guard=guard, probe=probe, before=before, pad=pad)
    source = Source.from_bytes(text.encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    return plan


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "its own token"),
        ({"name": "'google/gemma-2-9b-it'"}, "its own token"),
        ({"guard": ""}, None),  # the text is not read, and the model stops at <|endoftext|> too
        ({"guard": "", "name": "'codellama/CodeLlama-7b-hf'"}, "the eos token"),
        ({"name": "'Qwen/Qwen2.5-Coder-7B'"}, None),  # a base model ends with its padding token
        ({"name": "'codellama/CodeLlama-7b-hf'"}, None),
        ({"name": "input()"}, None),
        ({"before": ENDS}, "the eos token"),  # which is the one that it comes with for padding
        ({"before": ENDS, "pad": "'<|pad|>'"}, "the eos token"),
        ({"pad": "'<|pad|>'"}, "its own token"),
        ({"before": ENDS, "name": "input()"}, None),
        ({"before": ENDS, "name": "input()", "guard": ""}, "the eos token"),
    ],
)
def test_a_tokenizer_that_has_a_padding_token_keeps_it(given, expected):
    found = plan_of(**given).prompt.padding.value
    assert (found.value if isinstance(found, Known) else None) == expected


@pytest.mark.parametrize(("probe", "asked"), [("torch.cuda.is_bf16_supported()", True), ("ours()", False)])
def test_a_probe_in_bool_is_the_probe(probe, asked):
    assert isinstance(plan_of(probe=probe).arguments.mixed_precision.value, (Known, Default)) is asked
