"""Settings that only some calls take, or that hang together: no fix writes one where it breaks or worsens the run."""

from __future__ import annotations

import pytest

from .repair import repaired

PLAIN = """\
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

net = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf"{})
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
SFTTrainer(model=net, args=SFTConfig(output_dir="out", max_length={}), train_dataset=rows{}).train()
"""
ADAPTER = ", peft_config=LoraConfig(r=16)"


def test_a_loader_that_takes_no_length_is_given_none():
    assert repaired(PLAIN.format("", 512, ADAPTER), "memory/sequence-length") == PLAIN.format("", 2048, ADAPTER)


def test_the_base_of_an_adapter_is_quantised():
    fixed = repaired(PLAIN.format("", 512, ADAPTER), "lora/four-bit", unsafe=True)
    assert "quantization_config=BitsAndBytesConfig(load_in_4bit=True)" in fixed


@pytest.mark.parametrize("loader, trainer", [("", ""), (", load_in_8bit=True", ADAPTER)], ids=["full", "8 bit"])
def test_nothing_is_quantised_without_an_adapter_or_twice(loader, trainer):
    script = PLAIN.format(loader, 512, trainer)
    assert repaired(script, "lora/four-bit", unsafe=True) == script


AXOLOTL = """\
base_model: codellama/CodeLlama-7b-hf
datasets:
  - path: pairs.jsonl
    type: alpaca
adapter: lora
lora_r: 16
lora_alpha: 16
gradient_accumulation_steps: {}
micro_batch_size: {}
learning_rate: 0.0002
"""


@pytest.mark.parametrize("accumulation, batch", [(1, 32), (1, 4), (2, 4), (8, 8)])
def test_a_configuration_keeps_the_effective_batch_when_it_accumulates(accumulation, batch):
    rules = "arguments/gradient-accumulation", "arguments/effective-batch"
    fixed = repaired(AXOLOTL.format(accumulation, batch), *rules, path="axolotl.yaml")
    assert fixed == AXOLOTL.format(4, 4)
