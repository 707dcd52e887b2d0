"""The estimate: architectures by their names, cards, the formula and what was measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

import pytest

from nl2sql_review import cli
from nl2sql_review.gpu_memory import advice, architectures, cards
from nl2sql_review.gpu_memory.estimate import GIB, estimate
from nl2sql_review.gpu_memory.setup import Setup

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
