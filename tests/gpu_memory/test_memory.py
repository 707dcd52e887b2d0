"""The memory estimate: names, cards, the formula, its accuracy, and what is said about a script."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

import pytest

from nl2sql_review import cli
from nl2sql_review.files import typed_data
from nl2sql_review.gpu_memory import advice, architectures, cards
from nl2sql_review.gpu_memory.estimate import GIB, estimate
from nl2sql_review.gpu_memory.setup import Setup
from nl2sql_review.gpu_memory.summary import MemoryReport
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Default, Known, Unknown

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
import cases as gpu_cases  # noqa: E402
import memory_accuracy  # noqa: E402
import memory_claims  # noqa: E402

SEVEN = architectures.table()["codellama-7b"]

# -- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("codellama/CodeLlama-7b-hf", "codellama-7b"),
        ("unsloth/Qwen3-14B-unsloth-bnb-4bit", "qwen3-14b"),  # not a 4B model
        ("unsloth/llama-3-8b-bnb-4bit", "llama-3-8b"),
        ("meta-llama/Llama-3.2-1B-Instruct", "llama-3.2-1b"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen2-7b"),
        ("defog/sqlcoder-7b-2", "codellama-7b"),
        ("defog/sqlcoder-7b", "mistral-7b"),
        ("XGenerationLab/XiYanSQL-QwenCoder-7B-2504", "qwen2-7b"),
        ("./models/codellama-13b-merged/", "codellama-13b"),
        ("bigcode/starcoder2-3b", "starcoder2-3b"),
        ("deepseek-ai/deepseek-coder-7b-instruct-v1.5", "deepseek-llm-7b"),  # not that of 6.7B
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "qwen3-8b"),
        ("huggyllama/llama-30b", "llama-30b"),
        ("our/revision-2/codellama-7b", "codellama-7b"),
    ],
)
def test_a_name_tells_the_architecture(name, architecture):
    assert architectures.find(name) == architectures.table()[architecture]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("org/foo-13b-sql", 13e9),
        ("Qwen/Qwen-7B-Chat", 7e9),
        ("Qwen/Qwen1.5-14B", 14e9),
        ("x/nano-350m", 350e6),
        # longer names of known models, and none of them
        ("google/medgemma-27b-text-it", 27e9),
        ("nvidia/Mistral-NeMo-Minitron-8B-Base", 8e9),
        ("mistralai/Devstral-2-123B", 123e9),
        ("our/llama-3-7b", 7e9),
    ],
)
def test_a_size_in_the_name_is_a_size_and_no_more(name, parameters):
    assert architectures.find(name).parameters == parameters
    assert isinstance(architectures.find(name), architectures.SizeOnly)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mistralai/Mixtral-8x7B-v0.1", "mixture of experts"),
        ("Qwen/Qwen3-30B-A3B", "mixture of experts"),
        ("deepseek-ai/DeepSeek-R1", "mixture of experts"),
        ("unsloth/gpt-oss-20b", "mixture of experts"),
        ("someone/Mixtral_8x7B_sql", "mixture of experts"),
        ("someone/llama4-17b", "mixture of experts"),
        ("our/deepseek_coder_v2-lite-16b", "mixture of experts"),
        ("mistralai/Mistral-Small-4-119B-2603", "mixture of experts"),
        ("Qwen/Qwen2_VL-7B", "images"),
        ("Qwen/Qwen2-Audio-7B", "images"),
        ("google/gemma-3-4b-it", "images"),
        ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", "images"),
        ("google/recurrentgemma-2b", "not a plain transformer"),
        ("google/t5gemma-2b", "not a text decoder"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "images"),
        ("unsloth/Llama-3.2-11B-Vision-Instruct", "images"),
        ("unsloth/granite-4.0-h-micro", "not a plain transformer"),
        ("unsloth/whisper-large-v3", "not a text decoder"),
        ("TheBloke/CodeLlama-7B-GPTQ", "quantized in a way"),
        ("our/model", "not in the table"),
    ],
)
def test_what_is_not_covered_is_said_with_its_reason(name, why):
    assert why in architectures.find(name).reason


def test_every_pattern_leads_to_an_architecture():
    assert {a for _, a in architectures._names()} - {""} <= set(architectures.table())


# Billions of parameters: as the Hub shows them beside the released weights, of Gemma 3 from 4B without its reader of
# images (Gemma 3 Technical Report, table 1).
SIZES = {
    **{"llama-7b": 6.74, "llama-13b": 13.0, "llama-30b": 32.5, "llama-65b": 65.3, "llama-2-70b": 69.0},
    **{"codellama-7b": 6.74, "codellama-13b": 13.0, "codellama-34b": 33.7, "codellama-70b": 69.0},
    **{"llama-3-8b": 8.03, "llama-3-70b": 70.6, "llama-3.2-1b": 1.236, "llama-3.2-3b": 3.21, "tinyllama-1.1b": 1.10},
    **{"mistral-7b": 7.24, "mistral-7b-v0.3": 7.25, "mistral-nemo-12b": 12.25, "mistral-22b": 22.25},
    **{"mistral-24b": 23.57, "ministral-8b": 8.02},
    **{"qwen2-0.5b": 0.494, "qwen2-1.5b": 1.544, "qwen2.5-3b": 3.09, "qwen2-7b": 7.62, "qwen2.5-14b": 14.77},
    **{"qwen2.5-32b": 32.76, "qwen2-72b": 72.7, "codeqwen1.5-7b": 7.25},
    **{"qwen3-0.6b": 0.596, "qwen3-1.7b": 1.72, "qwen3-4b": 4.02, "qwen3-8b": 8.19, "qwen3-14b": 14.77},
    **{"qwen3-32b": 32.76, "deepseek-coder-1.3b": 1.346, "deepseek-coder-6.7b": 6.74, "deepseek-coder-33b": 33.34},
    **{"deepseek-llm-7b": 6.91, "yi-6b": 6.06, "yi-9b": 8.83, "yi-34b": 34.39},
    **{"gemma-2b": 2.51, "gemma-7b": 8.54, "gemma-2-2b": 2.61, "gemma-2-9b": 9.24, "gemma-2-27b": 27.23},
    **{"gemma-3-270m": 0.268, "gemma-3-1b": 1.0, "gemma-3-4b": 3.884, "gemma-3-12b": 11.771, "gemma-3-27b": 27.016},
    **{"phi-2": 2.78, "phi-3-mini": 3.82, "phi-3-medium": 13.96, "phi-4": 14.66, "phi-4-mini": 3.84},
    **{"starcoder2-3b": 3.03, "starcoder2-7b": 7.17, "starcoder2-15b": 15.96},
    **{"smollm2-1.7b": 1.71, "smollm2-360m": 0.362, "granite-8b-code": 8.05, "powerlm-3b": 3.51},
}


def test_every_architecture_has_the_size_of_its_model():
    """One layer more or less would change any of them by more than one per cent."""
    counted = {name: one.parameters / 1e9 for name, one in architectures.table().items()}
    assert counted == {name: pytest.approx(size, rel=5e-3) for name, size in SIZES.items()}
    shares = [one.linear_parameters / one.layers / one.parameters for one in architectures.table().values()]
    assert min(shares) > 1e-2


def test_counts_of_a_known_model():
    assert SEVEN.parameters == pytest.approx(6.738e9, rel=1e-3)
    assert SEVEN.adapter_parameters(16, tuple(SEVEN.modules)) == 39_976_960  # as Unsloth prints it
    assert SEVEN.adapter_parameters(16, ("nothing",)) == 0


CONFIG = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "intermediate_size": 11008, "vocab_size": 32016,
}  # fmt: skip


def test_a_config_tells_the_architecture():
    made = architectures.from_config(CONFIG, "ours")
    assert (made.parameters, made.kv_heads, made.head_dim) == (SEVEN.parameters, 32, 128)
    for changes, why in (
        ({"model_type": "mamba"}, "has model type mamba"),
        ({"num_local_experts": 8}, "mixture of experts"),
        ({"vision_config": {"x": 1}}, "images"),
        ({"hidden_size": "wide"}, "lacks sizes"),
        ({"num_attention_heads": 0}, "lacks sizes"),
    ):
        assert why in architectures.from_config({**CONFIG, **changes}, "ours").reason


# -- cards -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name", "gib"),
    [
        ("16GB", "16 GB", 14.56), ("16 gb", "16 GB", 14.56), (16, "16 GB", 14.56), (16.0, "16 GB", 14.56),
        ("t4", "T4", 14.56), ("Tesla T4", "T4", 14.56), ("T4 x2", "T4", 14.56), ("rtx4090", "RTX 4090", 23.5),
        ("NVIDIA GeForce RTX 4090", "RTX 4090", 23.5), ("4090", "RTX 4090", 23.5), (3090, "RTX 3090", 23.5),
        ("a100-40", "A100 40 GB", 39.38), ("A100-SXM4-80GB", "A100 80 GB", 79.14), ("A100", "A100 40 GB", 39.38),
        ("2x A100 80GB", "A100 80 GB", 79.14), ("20GiB", "20 GiB", 20), ("RTX 4060 Ti 16GB", "RTX 4060 Ti 16 GB", 15.6),
        ("A10G 24GB", "A10G", 22.03), ("L40S 48GB", "L40S", 44.39), ("GH200 480GB", "GH200 96 GB", 94.5),
        ("H100 80GB HBM3", "H100 80 GB", 79.1),
        ("T4x2", "T4", 14.56), ("8xA100-80GB", "A100 80 GB", 79.14), ("Quadro RTX 6000", "Quadro RTX 6000", 22.03),
        # the memory that is said counts, also of a card that is divided
        ("RTX 3060 8GB", "8 GB", 7.5), ("RTX 4090 Laptop 16GB", "16 GB", 14.56), ("rtx4090 48GB", "48 GB", 44.34),
        ("A100-MIG 3g.20gb", "20 GB", 19.1),
    ],
)  # fmt: skip
def test_cards_by_many_names(said, name, gib):
    card = cards.find(said)
    assert (card.name, card.gib) == (name, pytest.approx(gib))


@pytest.mark.parametrize("said", ["warp drive", "", "0GB", "-4", "RTX 4090 Laptop GPU", "a100-20"])
def test_what_is_no_card_is_refused(said):
    with pytest.raises(cards.UnknownCard):
        cards.find(said)


def test_a_card_offers_less_than_it_is_sold_as():
    assert all(card.gib < float(card.name.split()[0]) for card in cards.common())


# -- the formula -------------------------------------------------------------------------------------------------


def test_the_parts_are_the_whole():
    made = estimate(Setup(SEVEN, batch=4))
    assert sum(part.gib for part in made.parts) == pytest.approx(made.gib)
    assert made.weights_and_adapter < made.low < made.gib < made.high


@pytest.mark.parametrize(
    "more",
    [
        {"batch": 2}, {"length": 4096}, {"rank": 64}, {"bits": 16}, {"optimizer": "adamw_torch"},
        {"checkpointing": "kept"}, {"checkpointing": "off"}, {"loss": "whole"}, {"double_quant": False},
        {"wide_embeddings": True}, {"trained_embeddings": 2}, {"dynamic": True}, {"rank": 0, "bits": 16},
    ],
    ids=str,
)  # fmt: skip
def test_more_of_anything_takes_more(more):
    before, after = (
        estimate(Setup(SEVEN, batch=4)),
        estimate(Setup(SEVEN, batch=4).but(**{k: v * 4 if k == "batch" else v for k, v in more.items()})),
    )
    assert after.gib > before.gib and after.high > before.high


def test_attention_that_makes_matrices_takes_more():
    setup = Setup(SEVEN, batch=4, length=4096, checkpointing="kept")
    assert estimate(setup.but(eager_attention=True)).gib > estimate(setup).gib


def test_weights_in_four_bits_are_what_bitsandbytes_holds():
    weights = estimate(Setup(SEVEN)).parts[0].gib * GIB / SEVEN.linear_parameters
    assert weights * 8 == pytest.approx(4.127, abs=1e-3)
    assert estimate(Setup(SEVEN, double_quant=False)).parts[0].gib * GIB / SEVEN.linear_parameters * 8 == pytest.approx(
        4.5
    )


def test_verdicts_follow_the_bounds():
    made = estimate(Setup(SEVEN, batch=4))
    offered = {
        "fits": made.high,
        "may run out": made.high - 0.01,
        "likely runs out": made.low - 0.01,
        "cannot fit": made.weights_and_adapter,
    }
    for word, gib in offered.items():
        assert advice.verdict(made, cards.Card("x", gib)) == word


def test_the_largest_batch_fits_and_one_more_does_not():
    card, setup = cards.find("t4"), Setup(SEVEN)
    most = advice.largest_batch(setup, card)
    assert (
        estimate(setup.but(batch=most), card.context).high
        <= card.gib
        < estimate(setup.but(batch=most + 1), card.context).high
    )
    assert advice.largest_batch(setup, cards.find("4GB")) == 0


def test_levers_are_recomputed():
    setup = Setup(SEVEN, batch=8, bits=16, optimizer="adamw_torch", checkpointing="off", loss="whole", unsloth=False)
    for lever in advice.levers(setup):
        assert lever.saves > 0 and lever.gib == pytest.approx(estimate(setup).gib - lever.saves)
    said = " ".join(lever.change for lever in advice.levers(setup))
    for word in ("4 bits", "batch 4", "length 1024", "checkpointing", "8-bit", "chunks"):
        assert word in said


# -- accuracy ----------------------------------------------------------------------------------------------------

RUNS = memory_accuracy.made()
EXACT = [m for m in RUNS if m.row.exact]


@pytest.mark.parametrize("fitted", [True, False], ids=["fitted part", "reported part"])
def test_published_measurements(fitted):
    half = [m for m in EXACT if m.row.fitted is fitted]
    assert len(half) > 30
    assert median(abs(m.error) for m in half) <= 0.05
    assert sum(m.ours.high >= m.row.measured for m in half) >= 0.95 * len(half)
    assert median(m.width for m in half) <= 0.6


def test_no_run_that_did_fit_is_told_that_it_cannot():
    for m in RUNS:
        if m.row.gpu:
            card = cards.find(m.row.gpu)
            assert advice.verdict(estimate(m.row.setup(), card.context), card) != "cannot fit", m.row.id


def test_runs_out_of_memory_are_not_told_that_they_fit():
    for what, said, given in memory_accuracy.OUT_OF_MEMORY:
        assert advice.verdict(*memory_accuracy.out_of_memory(said, given)) in ("likely runs out", "cannot fit"), what


SHAPES = {
    "base": architectures.Architecture("smollm2-135m", 576, 30, 9, 3, 64, 1536, 49152, True, True),
    "llama-1b": architectures.Architecture("llama-1b", 2048, 16, 32, 8, 64, 8192, 49152, True, True),
}
MEASURED_MEMORY = [
    json.loads(line) for line in (ROOT / "benchmarks/teach/memory.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("measured", [each for each in MEASURED_MEMORY if each["stack"] == "trl"])
def test_the_upper_bound_is_what_a_run_needs_whatever_it_holds(measured):
    setup = Setup(
        SHAPES[measured["model"]], batch=measured["batch"], length=measured["longest"], unsloth=False,
        checkpointing=measured["checkpointing"],
    )  # fmt: skip
    made = estimate(setup, context=0)
    if measured["error"]:  # ran out: never where the upper bound said that it fits
        assert measured["cap"] < made.high
        return
    assert measured["allocated"] <= made.high and made.low <= measured["reserved"]
    alike = measured["rows"] != "varied" or measured["expandable"]
    if alike or measured["cap"] < made.high and measured["cap"]:
        assert measured["reserved"] <= made.high


def test_rows_of_many_lengths_are_said_to_hold_more(capsys):
    for stack, said in (("transformers", True), ("unsloth", False)):
        assert cli.main(["memory", "--model", "codellama/CodeLlama-7b-hf", "--stack", stack]) == 0
        assert ("expandable_segments" in capsys.readouterr().out) is said


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("more", [(), ("--gpu", "T4"), ("--gpu", "a100-80", "--batch", "1")])
def test_the_chart_fits_the_terminal_with_its_words(capsys, monkeypatch, columns, more):
    monkeypatch.setenv("COLUMNS", str(columns))
    cli.main(["memory", "--model", "Qwen/Qwen2.5-Coder-7B-Instruct", *more])
    chart = capsys.readouterr().out
    assert max(map(len, chart.splitlines())) <= columns
    assert "adamw_8bit" in chart and "in the CPU's memory" in chart


def test_the_documentation_says_what_the_estimate_says():
    page = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")
    for lines in (memory_claims.sizes(), memory_claims.batches(), memory_claims.savings()):
        assert "\n".join(lines) in page, "python benchmarks/memory_claims.py prints the tables anew"


def test_what_was_measured_on_a_gpu_is_told_as_it_was():
    page = (ROOT / "benchmarks" / "gpu" / "README.md").read_text(encoding="utf-8")
    for lines in (gpu_cases.runs(gpu_cases.CASES), gpu_cases.runs(gpu_cases.BLIND), gpu_cases.cards()):
        assert "\n".join(lines) in page, "python benchmarks/gpu/cases.py compare prints the tables anew"


def test_no_batch_called_safe_ran_out_of_memory():
    said = gpu_cases.predicted()
    safe = [row["ran"] for row in gpu_cases.measured("card") if said[row["id"]][-1] == "fits"]
    assert len(safe) >= 6 and all(safe)


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
