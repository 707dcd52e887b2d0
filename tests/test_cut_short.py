"""A script that takes too many steps: what was decided before stays known, what the rest may change does not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Unknown

SCRIPT = """\
import os, torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model
from trl import SFTConfig, SFTTrainer
model = get_peft_model(AutoModelForCausalLM.from_pretrained("m"), LoraConfig(r=16, lora_dropout_typo=1))
data = load_dataset("json", data_files="train.jsonl", split="train")
trainer = SFTTrainer(model, args=SFTConfig("out", learning_rate=2e-4), train_dataset=data)
{train}
{after}
"""


def plan_of(train: str, steps: int = 8):
    """Return the plan of a script whose steps end so many after the call of train()."""

    def source(after: str) -> Source:
        return Source.from_bytes(SCRIPT.format(train=train, after=after).encode(), "train.py")

    needed = interpret(source(""), ".").steps
    whole = source("print(torch.cuda.memory_reserved())\n" * 20)
    recording = interpret(whole, ".", needed + steps)
    assert recording.exhausted
    (plan,) = readers.read(recording, whole, SimpleNamespace(processes=None, gpu=None))
    return plan


def known(plan, *names: str) -> set[str]:
    return {name for name in names if not isinstance(plan[name].value, Unknown)}


BEFORE = ("lora.adapter", "dataset.sources", "arguments.gradient_accumulation", "checkpointing.save_strategy")
AFTER = ("memory.monitoring", "checkpointing.resume", "artifact.saved", "api.removed_arguments")


def test_what_is_decided_when_training_begins_stays_known() -> None:
    plan = plan_of("trainer.train()")
    assert known(plan, *BEFORE, *AFTER) == set(BEFORE)


@pytest.mark.parametrize(
    ("train", "steps"), [("trainer.train()", -4), ("if os.getpid() > 9:\n    trainer.train()", 8), ("pass", 8)]
)
def test_where_training_was_not_reached_for_certain_only_arguments_stay_known(train: str, steps: int) -> None:
    plan = plan_of(train, steps)
    assert not known(plan, "lora.adapter", "dataset.sources", *AFTER)
    assert known(plan, "lora.r") == {"lora.r"}


def test_a_call_that_raises_does_so_whatever_follows() -> None:
    assert [case.value.value for case in plan_of("pass").api.unknown_arguments.cases]
