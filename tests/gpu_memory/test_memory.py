"""The estimate of a script and of the command `memory`: what is read, verdict and table."""

from __future__ import annotations

import json

import pytest

from nl2sql_review import cli
from nl2sql_review.files import typed_data
from nl2sql_review.gpu_memory import advice, architectures, cards
from nl2sql_review.gpu_memory.estimate import estimate
from nl2sql_review.gpu_memory.setup import Setup
from nl2sql_review.gpu_memory.summary import MemoryReport
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Default, Known, Unknown

from .test_estimate import CONFIG

SEVEN = architectures.table()["codellama-7b"]

# -- scripts -----------------------------------------------------------------------------------------------------

IMPORTS = """\
import torch
from unsloth import FastLanguageModel
from datasets import load_dataset
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer

dataset = load_dataset("x", split="train")
"""
UNSLOTH = (
    IMPORTS
    + """\
model, tokenizer = FastLanguageModel.from_pretrained("{model}", max_seq_length=2048, load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
args = SFTConfig(output_dir="out", per_device_train_batch_size={batch}, max_length=2048, optim="adamw_8bit")
trainer = SFTTrainer(model=model, processing_class=tokenizer, args=args, train_dataset=dataset)
"""
)


def plan_of(code, gpu=None, path="train.py"):
    _, _, plans = Reviewer(isolated=True).plans(code.encode(), str(path), Settings(gpu=gpu))
    (plan,) = plans
    return plan


def unsloth(model="codellama/CodeLlama-7b-hf", batch=4):
    return UNSLOTH.format(model=model, batch=batch)


def most_on_t4():
    return advice.largest_batch(Setup(SEVEN), cards.find("t4"))


def test_without_a_card_the_smallest_one_is_named():
    fact = plan_of(unsloth()).memory.verdict
    assert "12 GB card" in fact.why_not and "≈ 6." in fact.why_not


def test_with_a_card_there_is_a_verdict():
    fact = plan_of(unsloth(), gpu="T4").memory.verdict
    assert (
        fact.value.value == "fits"
        and f"batch {most_on_t4()} is the largest" in fact.note
        and "if a batch reaches 2048 tokens" in fact.note
    )


def test_a_comment_states_the_card():
    assert plan_of("# gpu: 16GB\n" + unsloth()).memory.verdict.value.value == "fits"


def test_between_the_bounds_it_is_unknown():
    value = plan_of(unsloth(), gpu="8GB").memory.verdict.value
    assert isinstance(value, Unknown) and value.why.startswith("it may run out")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("mistralai/Mixtral-8x7B-v0.1", "mixture"),
        ("our/thing", "not in the table"),
        ("our/thing-7b", "only by its size"),
        ("unsloth/gemma-3-1b-it", "falls back"),
    ],
)
def test_no_verdict_has_a_reason(model, why):
    assert why in plan_of(unsloth(model), gpu="T4").memory.verdict.value.why


def test_a_size_in_the_name_can_still_be_too_large():
    assert plan_of(unsloth("our/thing-70b"), gpu="24GB").memory.verdict.value == Known("cannot fit")


def test_unknown_bits_are_not_taken_for_sixteen():
    code = unsloth("our/thing-13b").replace("load_in_4bit=True", "load_in_4bit=flags.four")
    value = plan_of("from ours import flags\n" + code, gpu="T4").memory.verdict.value
    assert isinstance(value, Unknown) and "only by its size" in value.why
    by_default = "import os\n" + code.replace("flags.four", 'os.environ.get("FOUR", "0") == "1"')
    assert plan_of(by_default, gpu="T4").memory.verdict.value == Default("cannot fit", "$FOUR")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            ("model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)\n", ""),
            "4-bit weights cannot be trained",
        ),
        (("lora_alpha=16", 'target_modules=["c_attn"]'), "meant by c_attn"),
        (("r=16", "r=16384"), "a LoRA rank of 16384 is more than the hidden size of"),
    ],
)
def test_a_run_that_cannot_be_gets_no_verdict(change, why):
    assert why in plan_of(unsloth().replace(*change), gpu="T4").memory.verdict.value.why


def test_one_branch_without_an_estimate_is_no_verdict():
    code = unsloth().replace(
        '"codellama/CodeLlama-7b-hf"', '"codellama/CodeLlama-7b-hf" if len(dataset) > 9 else "unsloth/gemma-3-1b-it"'
    )
    assert "falls back" in plan_of(code, gpu="80GB").memory.verdict.value.why


def test_a_card_that_is_not_known_is_said():
    assert "unknown GPU" in plan_of("# gpu: warp drive\n" + unsloth()).memory.verdict.value.why


def test_what_may_be_overridden_is_a_default():
    code = unsloth(batch="a.batch").replace(
        "dataset = ",
        'import argparse\np = argparse.ArgumentParser()\np.add_argument("--batch", type=int, default=4)\n'
        "a = p.parse_args()\ndataset = ",
    )
    assert type(plan_of(code, gpu="T4").memory.verdict.value).__name__ == "Default"


def test_branches_are_judged_together():
    code = unsloth(batch="4 if len(dataset) > 9 else 64")
    assert isinstance(plan_of(code, gpu="T4").memory.verdict.value, Unknown)
    assert plan_of(code, gpu="80GB").memory.verdict.value.value == "fits"


LOAD = (
    IMPORTS
    + """\
quantization = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_use_double_quant=True)
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf", quantization_config=quantization)
"""
)


@pytest.mark.parametrize(
    ("rest", "loss", "checkpointing", "wide"),
    [
        (
            "trainer = SFTTrainer(model=model, args=SFTConfig(output_dir='o'), train_dataset=dataset, "
            "peft_config=LoraConfig(r=16))",
            "chunked", "kept", False,
        ),
        (
            "trainer = SFTTrainer(model, args=TrainingArguments('o'), train_dataset=dataset, max_seq_length=2048, "
            "peft_config=LoraConfig(r=16))",
            "whole, shifted", "off", True,
        ),
        (
            "model = get_peft_model(prepare_model_for_kbit_training(model), LoraConfig(r=16))\n"
            "trainer = Trainer(model, TrainingArguments('o'), train_dataset=dataset)",
            "whole", "kept", True,
        ),
        (
            "model = get_peft_model(model, LoraConfig(r=16))\n"
            "trainer = Trainer(model, TrainingArguments('o', use_liger_kernel=True), train_dataset=dataset)",
            "chunked", "off", False,
        ),
    ],
)  # fmt: skip
def test_the_stack_decides_the_formula(rest, loss, checkpointing, wide):
    memory = plan_of(LOAD + rest + "\n").memory
    assert (memory.loss.value.value, memory.checkpointing.value.value) == (loss, checkpointing)
    assert isinstance(memory.wide_embeddings.value, Known) is wide


@pytest.mark.parametrize(
    ("change", "joined"),
    [
        (("", ""), True),
        (("train_dataset=dataset", "train_dataset=dataset, data_collator=collate"), False),
        (("import torch", "# /// script\n# dependencies = ['unsloth==2025.9.11']\n# ///\nimport torch"), False),
    ],
    ids=["as it comes", "a collator", "an older Unsloth"],
)
def test_unsloth_joins_the_rows_of_a_batch(change, joined):
    memory = plan_of(unsloth().replace(*change, 1)).memory
    assert isinstance(memory.joined_rows.value, Known) is joined
    assert joined is ("≈ 6.3" in memory.estimate.value.value)


def test_eight_bit_layers_keep_their_inputs():
    setup = Setup(SEVEN, bits=8, unsloth=False, checkpointing="kept")
    kept = estimate(setup.but(batch=8)).gib - estimate(setup.but(batch=4)).gib
    assert kept > 4 * (estimate(setup.but(bits=4, batch=8)).gib - estimate(setup.but(bits=4, batch=4)).gib)


VERSIONED = """\
# /// script
# dependencies = ["trl==0.13.0", "transformers=={version}", "peft==0.13.2"]
# ///
"""


@pytest.mark.parametrize(("version", "loss"), [("4.48.0", "whole, shifted"), ("4.49.0", "whole")])
def test_the_version_of_transformers_decides_what_the_logits_take(version, loss):
    script = (
        VERSIONED.format(version=version)
        + LOAD
        + "trainer = SFTTrainer(model=model, args=SFTConfig('o', max_seq_length=2048), train_dataset=dataset, "
        + "peft_config=LoraConfig(r=16))\n"
    )
    assert plan_of(script).memory.loss.value.value == loss


def test_a_local_config_is_read(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": 16}))
    memory = plan_of(unsloth("base"), path=tmp_path / "train.py").memory
    assert memory.architecture.value.value["layers"] == 16
    assert "GiB" in memory.estimate.value.value


def test_several_cards_get_no_verdict():
    code = unsloth().replace('optim="adamw_8bit"', 'optim="adamw_8bit", deepspeed="ds.json"')
    assert "several GPUs (deepspeed)" in plan_of(code, gpu="T4").memory.verdict.value.why


# -- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(unsloth())
    monkeypatch.chdir(tmp_path)
    return "train.py"


def test_the_command_shows_parts_verdict_and_table(script, capsys):
    assert cli.main(["memory", script, "--gpu", "t4"]) == 0
    out = capsys.readouterr().out
    for words in (
        "weights",
        "T4, 14.6 GiB usable: fits",
        f"largest batch that fits the upper bound: {most_on_t4()}",
        "smallest common GPU: 12 GB",
        "what would save memory",
        "4096",
    ):
        assert words in out


def test_the_command_speaks_json(script, capsys):
    assert cli.main(["memory", script, "--gpu", "4GB", "--output-format", "json"]) == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["card"]["verdict"] == "cannot fit" and run["low"] < run["gib"] < run["high"]


@pytest.mark.parametrize(
    "argv",
    [
        ["train.py", "--gpu", "t4"],
        ["train.py"],
        ["--model", "our/thing-70b", "--gpu", "24GB"],
        ["--model", "Qwen/Qwen3-30B-A3B"],
    ],
)
def test_the_json_has_the_shape_of_its_schema(script, argv, capsys):
    cli.main(["memory", *argv, "--output-format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert typed_data.build(MemoryReport, said).version == 1  # refuses keys and types that the schema does not have


def test_options_stand_in_for_what_the_script_says(script, capsys):
    assert cli.main(["memory", script, "--batch", "64", "--seq", "4096", "--gpu", "t4", "--output-format", "json"]) == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["run"]["batch"], run["run"]["length"], run["card"]["verdict"]) == (64, 4096, "likely runs out")


def test_a_model_needs_no_script(capsys):
    assert cli.main(["memory", "--model", "codellama/CodeLlama-7b-hf", "--isolated", "--output-format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["run"]["rank"], run["run"]["batch"], run["run"]["length"]) == (16, 4, 2048)  # what the rules want


def test_a_model_may_be_a_directory(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": 16}))
    assert cli.main(["memory", "--model", str(tmp_path), "--isolated", "--output-format", "json"]) == 0
    assert 3e9 < json.loads(capsys.readouterr().out)["runs"][0]["run"]["parameters"] < 4e9
    (tmp_path / "config.json").write_text("[")
    assert cli.main(["memory", "--model", str(tmp_path), "--isolated"]) == 3
    assert "is not JSON" in " ".join(capsys.readouterr().out.split())


def test_a_model_that_is_trained_in_full_is_not_quantised(capsys):
    assert (
        cli.main(
            ["memory", "--model", "codellama/CodeLlama-7b-hf", "--rank", "0", "--isolated", "--output-format", "json"]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["runs"][0]["run"]["bits"] == 16


@pytest.mark.parametrize("model", ["codellama/CodeLlama-7b-hf", "Qwen/Qwen3-14B", "unsloth/Qwen3-14B-bnb-4bit"])
def test_a_model_is_estimated_as_a_script_that_trains_it(model, tmp_path, capsys):
    (tmp_path / "train.py").write_text(unsloth(model))
    runs = []
    for argv in (
        ["--model", model, "--checkpointing", "kept"],
        [str(tmp_path / "train.py"), "--checkpointing", "kept"],
    ):
        cli.main(["memory", *argv, "--isolated", "--output-format", "json"])
        runs.append(json.loads(capsys.readouterr().out)["runs"][0])
    assert runs[0]["parts"] == runs[1]["parts"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--model", "mistralai/Mixtral-8x7B-v0.1"], 3),
        (["--model", "our/thing-70b", "--gpu", "24GB"], 1),
        (["--model", "codellama/CodeLlama-7b-hf", "--gpu", "warp drive"], 2),
        ([], 2),
        (["missing.py"], 2),
        (["train.py", "--model", "x"], 2),
        (["train.py", "--batch", "0"], 2),
        (["--model", "codellama/CodeLlama-7b-hf", "--rank", "0", "--bits", "4"], 3),
        (["--model", "codellama/CodeLlama-7b-hf", "--targets", "c_attn"], 3),
        (["--model", "google/gemma-3-1b-it"], 3),
        (["--model", "google/gemma-3-1b-it", "--stack", "transformers"], 0),
    ],
)
def test_exit_codes(script, argv, code):
    assert cli.main(["memory", *argv]) == code
