"""Whether the base model is in 4 bit, where nothing quantizes it and its name is known in part or not at all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Absent, Known, Unknown

HEAD = """\
import sys
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
"""
LOAD = "model = AutoModelForCausalLM.from_pretrained({name})\n"
ADAPTER = "model = get_peft_model(model, LoraConfig(r=16))\n"
TRAIN = 'Trainer(model=model, args=TrainingArguments("o"), train_dataset=load_dataset("x", split="train")).train()\n'


@pytest.mark.parametrize(
    ("name", "adapter", "expected"),
    [
        ("sys.argv[1]", "", Absent),  # the trainer refuses 4-bit weights without an adapter
        ("sys.argv[1]", ADAPTER, Unknown),
        ("sys.argv[1]", "if input():\n    " + ADAPTER, Unknown),
        ("sys.argv[1] + '/models/Qwen2.5-Coder-3B'", ADAPTER, Absent),
        ("sys.argv[1] + '/models/Qwen2.5-Coder-3B-bnb-4bit'", ADAPTER, Known),
        ("sys.argv[1] + '-4bit'", ADAPTER, Unknown),  # bnb before it?
        ("'unsloth/Qwen3-4B-bnb-4bit'", "", Known),
    ],
)
def test_weights_are_in_4_bit_by_their_name_and_only_where_they_can_be_trained(name, adapter, expected):
    source = Source.from_bytes((HEAD + LOAD.format(name=name) + adapter + TRAIN).encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    found = plan.lora.load_in_4bit.value
    assert isinstance(found, expected)
    assert not isinstance(found, Known) or found.value is True


BY_PARAMETER = """\
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer, TrainingArguments

def train(small: bool = False):
    if small:
        config = BitsAndBytesConfig(load_in_4bit={small})
        model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B", quantization_config=config)
    else:
        model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B")
    model = get_peft_model(model, LoraConfig(r=16))
    Trainer(model, TrainingArguments("out")).train()
"""


@pytest.mark.parametrize(("small", "certainty"), [("True", "default"), ("False", "certain")])
def test_a_parameter_that_loads_the_same_model_in_4_bit_makes_it_a_default(small, certainty):
    report, _ = Reviewer(isolated=True).file(BY_PARAMETER.format(small=small).encode(), "train.py")
    (found,) = [one for one in report.findings if one.rule == "lora/four-bit"]
    assert found.certainty == certainty
    assert ("unless parameter small of train() says otherwise" in found.message) == (certainty == "default")
