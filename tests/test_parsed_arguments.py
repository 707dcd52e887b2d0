"""Training arguments that a parser makes: what the command line does not give is the library's default."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Absent, Default, Known, Unknown

HEAD = """\
import json
from dataclasses import dataclass
from datasets import load_dataset
from transformers import HfArgumentParser, TrainingArguments
from trl import SFTConfig, SFTTrainer, TrlParser
@dataclass
class Ours(SFTConfig):
    output_dir: str = "o"
    learning_rate: float = 3e-4
"""
TRAIN = 'SFTTrainer(model="m", args=args, train_dataset=load_dataset("x", split="train")).train()\n'
PARSED = "(args,) = HfArgumentParser(SFTConfig).parse_args_into_dataclasses()\n"
SUBCLASS = "(args,) = TrlParser(Ours).parse_args_and_config()\n"


def plan_of(code: str):
    source = Source.from_bytes((HEAD + code + TRAIN).encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    return plan


@pytest.mark.parametrize(
    ("code", "fact", "value", "option"),
    [
        (PARSED, "arguments.learning_rate", 2e-5, "--learning_rate"),
        (PARSED, "arguments.gradient_accumulation", 1, "--gradient_accumulation_steps"),
        (PARSED, "arguments.scheduler", "linear", "--lr_scheduler_type"),
        (PARSED, "arguments.mixed_precision", "bf16", "--bf16"),
        (PARSED, "checkpointing.save_total_limit", None, "--save_total_limit"),
        (PARSED, "memory.sequence_length", 1024, "--max_length"),
        (PARSED, "memory.length_conflict", "unchosen", "--max_length"),
        (SUBCLASS, "arguments.learning_rate", 3e-4, "--learning_rate"),
        (SUBCLASS, "arguments.per_device_batch_size", 8, "--per_device_train_batch_size"),
    ],
)
def test_an_option_that_is_not_given_is_the_librarys_default(code, fact, value, option):
    found = plan_of(code)[fact].value
    assert isinstance(found, Default)
    assert (found.value, found.overridden_by) == (value, option)


@pytest.mark.parametrize("given", ['**json.load(open("elsewhere.json"))', "**unknown_to_all()"])
def test_arguments_of_a_file_that_is_not_there_stay_unknown(given):
    plan = plan_of(f"args = SFTConfig({given})\n")
    assert isinstance(plan["arguments.learning_rate"].value, Unknown)


def test_what_the_class_does_not_have_is_no_option():
    """transformers 5.15 took out `warmup_ratio`: nothing but the number of steps is left to the command line."""
    plan = plan_of(PARSED)
    assert isinstance(plan["arguments.warmup_ratio"].value, Absent)
    assert plan["arguments.warmup_steps"].value.value == 0


def test_a_default_does_not_say_that_the_data_have_a_text_column():
    assert plan_of(PARSED)["prompt.form"].value.why == "the script does not show the columns of the dataset"


@pytest.mark.parametrize(
    ("test", "expected"), [("is_bfloat16_supported()", Known("bf16 else fp16")), ("flag_of_ours()", Unknown(""))]
)
def test_a_flag_that_is_set_on_the_object_may_ask_the_gpu(test, expected):
    code = f"from unsloth import is_bfloat16_supported\nargs = Ours()\nargs.bf16 = {test}\nargs.fp16 = not {test}\n"
    found = plan_of(code)["arguments.mixed_precision"].value
    assert type(found) is type(expected)
    assert getattr(found, "value", None) == getattr(expected, "value", None)
