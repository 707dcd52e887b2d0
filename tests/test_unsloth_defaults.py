"""Whose defaults hold: TRL's, or those that Unsloth generates where it is imported first."""

from __future__ import annotations

import textwrap
from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.libraries import generated
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Either, Known

FIRST = "from unsloth import FastLanguageModel\nfrom trl import SFTConfig, SFTTrainer\n"
LATE = "from trl import SFTConfig, SFTTrainer\nfrom unsloth import FastLanguageModel\n"
TRIED = """\
try:
    import unsloth
except ImportError:
    unsloth = None
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-Coder-7B")
trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="out"), train_dataset=data)
"""
RUN = """\
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B", max_seq_length=4096)
trainer = SFTTrainer(model=model, args=SFTConfig({}), train_dataset=data)
"""


def stated(*versions: str) -> str:
    """Script metadata that states versions."""
    return "# /// script\n# dependencies = [" + ", ".join(f'"{v}"' for v in versions) + "]\n# ///\n"


def plan_of(code: str, folder="."):
    source = Source.from_bytes(code.encode(), f"{folder}/train.py")
    (plan,) = readers.read(interpret(source, folder), source, SimpleNamespace(processes=None, gpu=None))
    return plan


def shown(value):
    if isinstance(value, (Known, Default)):
        return value.value
    return {shown(o) for o in value.options} if isinstance(value, Either) else type(value).__name__


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("arguments.per_device_batch_size", 4),
        ("arguments.gradient_accumulation", 2),
        ("arguments.learning_rate", 5e-5),
        ("arguments.warmup", 0.1),
        ("arguments.optimizer", "adamw_8bit"),
        ("arguments.weight_decay", 0.001),
        ("arguments.seed", 3407),
        ("arguments.mixed_precision", "bf16 else fp16"),
        ("memory.sequence_length", 4096),
        ("memory.length_conflict", False),
        ("checkpointing.save_strategy", "no"),  # with neither a directory nor a number of steps, nothing is saved
    ],
)
def test_unsloth_first_generates_the_configuration(fact, expected):
    assert shown(plan_of(FIRST + RUN.format(""))[fact].value) == expected


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("arguments.per_device_batch_size", 8),
        ("arguments.learning_rate", 2e-5),
        ("arguments.mixed_precision", "bf16"),
        ("memory.sequence_length", 1024),
        ("checkpointing.save_strategy", "steps"),
    ],
)
def test_what_was_taken_from_trl_before_stays_trls(fact, expected):
    assert shown(plan_of(LATE + RUN.format(""))[fact].value) == expected


def test_an_import_that_is_only_tried_leaves_both():
    assert shown(plan_of(TRIED)["arguments.per_device_batch_size"].value) == {4, 8}


@pytest.mark.parametrize(
    ("unsloth", "arguments", "fact", "expected"),
    [
        ("unsloth==2025.1.8", "", "arguments.per_device_batch_size", 8),  # before it generated anything
        ("unsloth==2025.3.19", "", "arguments.weight_decay", 0.01),
        ("unsloth==2025.12.10", "", "arguments.warmup", 0.1),
        ("unsloth==2026.6.9", "max_length=512", "memory.sequence_length", 4096),  # which is not kept
        ("unsloth==2026.10.9", "max_length=512", "memory.sequence_length", 512),
        ("unsloth==2026.10.9", "max_length=1024", "memory.sequence_length", 4096),  # not told from TRL's default
        ("unsloth==2026.10.9", "max_seq_length=8192", "memory.sequence_length", 4096),
        ("unsloth==2026.10.9", "save_steps=100", "checkpointing.save_strategy", "steps"),
        ("unsloth==2026.10.9", "output_dir='out'", "checkpointing.save_strategy", "steps"),
    ],
)
def test_the_release_decides(unsloth, arguments, fact, expected):
    assert shown(plan_of(stated(unsloth) + FIRST + RUN.format(arguments))[fact].value) == expected


@pytest.mark.parametrize("trainer", ["DPO", "KTO", "ORPO"])
def test_the_classes_of_other_trainers_leave_max_length_alone(trainer):
    code = (FIRST + RUN).replace("SFT", trainer).format("max_length=512")
    assert shown(plan_of(stated("trl==0.24.0") + code)["memory.sequence_length"].value) == 512


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        ("dtype=None", "bf16 else fp16"),
        ("dtype=torch.float16", "fp16"),
        ("dtype=torch.bfloat16", "Unknown"),
        ("full_finetuning=True", "Unknown"),
    ],
)
def test_the_gpu_decides_where_neither_flag_is_on(loader, expected):
    code = "import torch\n" + FIRST + RUN.format("").replace("max_seq_length=4096", loader)
    assert shown(plan_of(code)["arguments.mixed_precision"].value) == expected


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("", "Unknown"),  # TRL's class enables bf16, Unsloth's trainer follows the model
        (", bf16=False, fp16=False", "Unknown"),  # TRL's trainer has none, Unsloth's follows the model
        (", bf16=True", "bf16"),
        (", fp16=True", "fp16"),
    ],
)
def test_whose_trainer_it_is_decides_where_unsloth_is_only_tried(flags, precision):
    plan = plan_of(TRIED.replace('output_dir="out"', f'output_dir="out"{flags}'))
    assert shown(plan["arguments.mixed_precision"].value) == precision
    without = TRIED.partition("from transformers")
    plan = plan_of(f"{without[1]}{without[2]}".replace('output_dir="out"', 'output_dir="out", bf16=False, fp16=False'))
    assert shown(plan["arguments.mixed_precision"].value) == "none"


def test_transformers_own_arguments_and_trainer_stay_as_they_are():
    code = FIRST + RUN.format("").replace("SFTConfig()", "TrainingArguments('out')").replace("SFTTrainer", "Trainer")
    plan = plan_of("from transformers import Trainer, TrainingArguments\n".join(["", code]))
    assert shown(plan["arguments.per_device_batch_size"].value) == 8
    assert shown(plan["arguments.mixed_precision"].value) == "none"


def test_the_message_says_whose_default_it_is():
    value = plan_of(FIRST + RUN.format(""))["arguments.learning_rate"].value
    assert value.trace[-1].note == "library default: UnslothSFTConfig.learning_rate"


def test_the_builder_reads_what_is_put_into_the_generated_classes():
    code = textwrap.dedent("""
        def _patch_trl_rl_trainers(trainer_file="grpo_trainer"):
            other = {"seed": 1}
            replacements = {"per_device_train_batch_size": 4, "seed": 3407}
            if transformers_version >= Version("5.0.0"):
                replacements["warmup_steps"] = 0.1
            else:
                replacements["warmup_ratio"] = 0.1
            if trainer_file == "sft_trainer":
                replacements = {"loss_type": "nll"}
            if trainer_file == "gold_trainer":
                replacements = {"seed": 5}
            length = "    args.max_length = model_max_length"
    """)
    found = generated.configurations(code.encode())
    assert set(found[generated.ALL]) == {"per_device_train_batch_size", "seed", "warmup_steps", "warmup_ratio"}
    assert found["UnslothSFTConfig"]["max_length"] == generated.MODEL_LENGTH
    assert "loss_type" in found["UnslothSFTConfig"]
    assert found[generated.ALL]["seed"].value == "3407"
    assert generated.configurations(b"def f():\n    replacements = {'seed': 1}\n") == {}


SHARE = (
    'args = GRPOConfig(output_dir="out", warmup_ratio=0.1)\nGRPOTrainer(model=model, args=args, train_dataset=data)\n'
)
LOADED = 'model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B", max_seq_length=4096)\n'


@pytest.mark.parametrize(
    ("imports", "unsloth", "spelling"),
    [
        ("from unsloth import FastLanguageModel\nfrom trl import GRPOConfig, GRPOTrainer\n", "2026.10.9", "current"),
        ("from unsloth import FastLanguageModel\nfrom trl import GRPOConfig, GRPOTrainer\n", "2026.6.9", "removed"),
        ("from trl import GRPOConfig, GRPOTrainer\nfrom unsloth import FastLanguageModel\n", "2026.10.9", "removed"),
    ],
    ids=["passed on", "before it did", "TRL's own class"],
)
def test_an_argument_that_trl_refuses_is_passed_on_by_the_generated_class(imports, unsloth, spelling):
    versions = stated(f"unsloth=={unsloth}", "trl==1.15.0", "transformers==5.17.0")
    plan = plan_of(versions + imports + LOADED + SHARE)
    assert plan["arguments.warmup_spelling"].value.value == spelling
    assert plan["arguments.warmup"].value.value == 0.1


@pytest.mark.parametrize(
    ("unsloth", "by"),
    [
        ("2026.7.1", "warmup_ratio"),  # whose transformers, 5.5.0, takes it
        ("2026.9.8", "warmup_ratio"),
        ("2026.10.2", "warmup_ratio"),  # whose newest, 5.17.0, does not; an older one may be installed
        ("2026.10.8", "warmup_ratio (Unsloth's class passes it on as warmup_steps)"),
    ],
)
def test_a_release_between_those_of_the_tables_has_the_versions_that_it_requires(unsloth, by):
    imports = "from unsloth import FastLanguageModel\nfrom trl import GRPOConfig, GRPOTrainer\n"
    plan = plan_of(stated(f"unsloth=={unsloth}") + imports + LOADED + SHARE)
    assert shown(plan["arguments.warmup_spelling"].value) == "current"
    assert plan["arguments.warmup"].note == f"by {by}"


def test_the_builder_reads_which_names_are_passed_on():
    code = b'OTHER = {"a": "b"}\nTRL_CONFIG_RENAMES = {"old": "new"}\nT_CONFIG_RENAMES = {"x": "y", **more}\n'
    assert generated.passed_on(code) == {"old": "new", "x": "y"}


@pytest.mark.parametrize(
    ("arguments", "effective"),
    [
        ("per_device_train_batch_size=1, gradient_accumulation_steps=1, num_generations=4", 4),
        ("per_device_train_batch_size=1, gradient_accumulation_steps=4, num_generations=4", 4),
        ("per_device_train_batch_size=1, gradient_accumulation_steps=4", 32),  # 8 generations by default
        ("per_device_train_batch_size=2, gradient_accumulation_steps=1, num_generations=4, steps_per_generation=2", 2),
    ],
)
def test_the_batch_of_grpo_is_raised_to_the_number_of_generations(arguments, effective):
    code = (FIRST + RUN).replace("SFT", "GRPO").format(arguments)
    assert shown(plan_of(code)["arguments.effective_batch"].value) == effective


@pytest.mark.parametrize(("group", "by"), [("p.parse_args().n", "--n"), ("4", "the launcher")])
def test_an_option_for_the_number_of_generations_decides_the_batch(group, by):
    option = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default=4)\n"
    code = FIRST + option + RUN.format(f"per_device_train_batch_size=1, num_generations={group}")
    value = plan_of(code.replace("SFT", "GRPO"))["arguments.effective_batch"].value
    assert (type(value), value.value, value.overridden_by) == (Default, 8, by)


def test_the_batch_of_trls_own_grpo_is_as_it_is_set():
    code = (LATE + RUN).replace("SFT", "GRPO").format("per_device_train_batch_size=2, num_generations=4")
    assert shown(plan_of(code)["arguments.effective_batch"].value) == 2


@pytest.mark.parametrize(
    ("imports", "arguments", "folder"),
    [
        (FIRST, "max_steps=60", "unsloth_training_checkpoints"),
        (FIRST, "max_steps=60, save_steps=100", None),
        (FIRST, "output_dir='out'", "out"),
        (LATE, "max_steps=60", None),
    ],
)
def test_the_directory_that_unsloth_takes_where_none_is_given(imports, arguments, folder):
    assert shown(plan_of(imports + RUN.format(arguments))["project.output_dir"].value) == folder


def test_unsloth_s_own_arguments_have_the_defaults_of_trl_s():
    code = "from unsloth import UnslothTrainer, UnslothTrainingArguments\n"
    code += "trainer = UnslothTrainer(model=model, args=UnslothTrainingArguments(output_dir='out', save_steps=50))\n"
    assert shown(plan_of(code)["checkpointing.save_strategy"].value) == "steps"


@pytest.mark.parametrize(("default", "imported"), [("False", False), ("True", True)])
def test_an_import_that_a_plain_run_leaves_out(default, imported):
    code = f"""\
import argparse
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--use_unsloth", type=bool, default={default})
if parser.parse_args().use_unsloth:
    import unsloth
trainer = SFTTrainer(model="x", args=SFTConfig(output_dir="out"))
"""
    assert plan_of(code)["api.patched"].value.value is imported


@pytest.mark.parametrize(
    ("made", "name", "expected"),
    [
        (
            "PPOConfig",
            "arguments.scheduler",
            "linear",
        ),  # in the releases whose trainer takes `args`; before, it had none
        ("ORPOConfig", "arguments.bf16", "Unknown"),  # False in some releases that have it, True in others
        ("ORPOConfig", "arguments.scheduler", "linear"),  # the same in each of them
        ("DPOConfig", "arguments.scheduler", "linear"),
    ],
)
def test_defaults_of_a_class_that_the_assumed_release_has_not(made, name, expected):
    trainer = made.replace("Config", "Trainer")
    code = f"from trl import {made}, {trainer}\n{trainer}(model='x', args={made}(output_dir='out')).train()\n"
    assert shown(plan_of(code)[name].value) == expected


def test_other_trainers_have_the_defaults_of_the_stated_transformers():
    code = stated("transformers==4.49.0") + "from trl import KTOConfig, KTOTrainer\n"
    code += "KTOTrainer(model='x', args=KTOConfig(output_dir='out')).train()\n"
    assert plan_of(code)["project.tracker"].value.why == 'report_to="all" reports to whatever is installed'


OLD_PPO = """
from trl import AutoModelForCausalLMWithValueHead, PPOConfig, PPOTrainer
config = PPOConfig(model_name="gpt2", learning_rate=1.4e-5, gradient_accumulation_steps=8)
model = AutoModelForCausalLMWithValueHead.from_pretrained("gpt2")
trainer = PPOTrainer({given}, dataset=rows)
trainer.step(questions, answers, scores)
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [("config, model, model", "Unknown"), ("model=model, config=config", 8), ("model=model", 1)],
)
def test_arguments_by_position_are_those_of_the_signature(given, expected):
    """PPOTrainer takes the arguments first in some releases; those of Trainer, the model, are no measure of it."""
    assert shown(plan_of(OLD_PPO.format(given=given))["arguments.gradient_accumulation"].value) == expected


def test_the_third_of_grpo_is_its_arguments():
    code = "from trl import GRPOConfig, GRPOTrainer\nargs = GRPOConfig(output_dir='o', gradient_accumulation_steps=3)\n"
    plan = plan_of(code + "GRPOTrainer('m', reward, args, rows).train()\n")
    assert shown(plan["arguments.gradient_accumulation"].value) == 3


GROUPS = """\
from trl import GRPOConfig, GRPOTrainer
args = GRPOConfig(output_dir="o", per_device_train_batch_size=8, num_generations=4)
GRPOTrainer(model="gpt2", reward_funcs=len, args=args, train_dataset=rows).train()
"""


@pytest.mark.parametrize(("pin", "effective"), [("trl==0.16.0", 8), ("trl==0.14.0", "Unknown"), ("trl", 8)])
def test_batch_of_grpo_counts_completions_since_trl_0_15(tmp_path, pin, effective):
    (tmp_path / "requirements.txt").write_text(pin + "\n", encoding="utf-8")
    fact = plan_of(GROUPS, tmp_path)["arguments.effective_batch"]
    assert shown(fact.value) == effective
    assert ("it counts completions, 4 of each prompt" in fact.note) == (effective == 8)


def test_batch_of_pairs_counts_no_completions():
    code = GROUPS.replace("GRPO", "DPO").replace(", num_generations=4", "").replace("reward_funcs=len, ", "")
    assert "completions" not in plan_of(code)["arguments.effective_batch"].note
