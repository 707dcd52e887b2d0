"""LLaMA-Factory's configurations: every mapped key, and what is its own."""

from __future__ import annotations

import json

import pytest

from nl2sql_review.flavours import keys
from nl2sql_review.flavours.calls import llamafactory, unsloth
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Known, Unknown

from .reading import AXOLOTL, FACTORY, Case, check, each, findings, mapped, plan, untried

KEYS: list[Case] = [
    ("lora_rank: 7", "lora.r", 7),
    ("lora_rank: 7", "lora.alpha", 14),
    ("lora_alpha: 7", "lora.alpha", 7),
    ("lora_dropout: 0.2", "lora.dropout", 0.2),
    ("lora_target: q_proj, v_proj", "lora.target_modules", ["q_proj", "v_proj"]),
    ("additional_target: lm_head,embed_tokens", "memory.trained_embeddings", 2),
    ("finetuning_type: full", "lora.adapter", None),
    ("finetuning_type: oft", "lora.adapter", None),
    ("quantization_bit: 4", "lora.load_in_4bit", True),
    ("quantization_bit: 4\ndouble_quantization: false", "memory.double_quant", False),
    ("quantization_bit: 8", "memory.bits", 8),
    ("quantization_bit: 4\nquantization_method: hqq", "lora.load_in_4bit", True),
    ("use_unsloth: true", "lora.adapter", "unsloth.FastLanguageModel.get_peft_model"),
    ("use_unsloth: true", "lora.gradient_checkpointing", "unsloth"),
    ("use_unsloth_gc: true", "lora.gradient_checkpointing", "unsloth"),
    ("disable_gradient_checkpointing: true", "lora.gradient_checkpointing", False),
    ("model_name_or_path: other", "lora.model_name", "other"),
    ("dataset: a, b", "dataset.sources", ["a", "b"]),
    ("dataset: a,b\nmix_strategy: interleave_over\ninterleave_probs: 0.7,0.3", "dataset.weights", [0.7, 0.3]),
    ("dataset: a,b\nmix_strategy: interleave_under", "dataset.mixing", "interleaved evenly"),
    (
        "dataset: a,b\nmix_strategy: interleave_once\ninterleave_probs: 1,0",
        "dataset.stopping_strategy", "all_exhausted_without_replacement",
    ),
    ("dataset: a,b\nmix_strategy: interleave_over\ninterleave_probs: 1,0\nseed: 7", "dataset.seed", 7),
    ("cutoff_len: 77", "memory.sequence_length", 77),
    ("per_device_train_batch_size: 7", "arguments.per_device_batch_size", 7),
    ("gradient_accumulation_steps: 7", "arguments.gradient_accumulation", 7),
    ("learning_rate: 7e-4", "arguments.learning_rate", 7e-4),
    ("lr_scheduler_type: cosine", "arguments.scheduler", "cosine"),
    ("warmup_ratio: 0.07", "arguments.warmup", 0.07),
    ("warmup_steps: 7\nmax_steps: 70", "arguments.warmup", 0.1),
    ("num_train_epochs: 7.0", "arguments.epochs", 7.0),
    ("max_steps: 7", "arguments.max_steps", 7),
    ("optim: sgd", "arguments.optimizer", "sgd"),
    ("weight_decay: 0.7", "arguments.weight_decay", 0.7),
    ("seed: 7", "arguments.seed", 7),
    ("bf16: true", "arguments.bf16", True),
    ("pure_bf16: true", "arguments.bf16", True),
    ("fp16: true", "arguments.fp16", True),
    ("packing: true", "memory.packing", True),
    ("deepspeed: ds.json", "memory.sharded", "deepspeed"),
    ("save_strategy: epoch", "checkpointing.save_strategy", "epoch"),
    ("save_steps: 7", "checkpointing.save_steps", 7),
    ("save_total_limit: 7", "checkpointing.save_total_limit", 7),
    ("resume_from_checkpoint: x", "checkpointing.resume", "fixed path"),
    ("resume_from_checkpoint: true", "checkpointing.resume", "unguarded"),
    ("resume_from_checkpoint: null", "checkpointing.resume", "newest"),
    ("overwrite_output_dir: true", "checkpointing.resume", "never"),
    ("output_dir: x", "project.output_dir", "x"),
    ("report_to: [wandb]", "project.tracker", ["wandb"]),
    ("skip_memory_metrics: false", "memory.monitoring_sees", "allocated memory only"),
    ("train_on_prompt: true", "prompt.loss_on", "all"),
    ("template: alpaca", "prompt.style", "alpaca"),
    ("template: qwen", "prompt.ending", "eos"),
    ("", "lora.r", 8),
    ("", "lora.target_modules", unsloth.SEVEN),
    ("", "memory.sequence_length", 2048),
    ("", "prompt.loss_on", "response"),
    ("", "checkpointing.resume", "newest"),
    ("", "arguments.scheduler", "linear"),
]  # fmt: skip


@each(KEYS)
def test_a_key_is_a_fact(lines: str, fact: str, value: object) -> None:
    check("llamafactory", FACTORY, lines, fact, value)


def test_every_mapped_key_has_a_case_above() -> None:
    """All but those that no fact of the plan speaks of."""
    assert untried(llamafactory, KEYS) <= {"logging_steps", "use_rslora", "use_dora", "fsdp"}


def test_every_mapped_key_is_one_of_the_released_library() -> None:
    assert mapped(llamafactory) <= set(keys.of("llamafactory").sections[""])


@pytest.mark.parametrize(
    ("lines", "rank"),
    [
        ("adapter_name_or_path: out/sft\n", None),
        ("adapter_name_or_path: out/sft\nlora_rank: 64\n", None),  # which is not read
        ("adapter_name_or_path: out/sft\ncreate_new_adapter: true\nquantization_bit: 4\n", None),  # cannot be merged
        ("adapter_name_or_path: out/sft\ncreate_new_adapter: true\n", 8),
        ("adapter_name_or_path: null\n", 8),
        ("create_new_adapter: true\n", 8),
    ],
)
def test_an_adapter_that_is_trained_further_has_its_own_settings(lines, rank):
    found = plan(FACTORY.format(lines))
    facts = [found[f"lora.{name}"].value for name in ("r", "alpha", "target_modules", "dropout")]
    assert facts[0].value == rank if rank else all(isinstance(one, Unknown) for one in facts)
    assert isinstance(found["lora.adapter"].value, Known)


def test_omegaconf_refuses_a_key_that_comes_twice():
    told = findings(FACTORY.format("seed: 1\nseed: 2\n"))
    assert [(row, rule) for row, rule, text in told if "twice" in text] == [(6, "api/conflicting-arguments")]


def test_the_columns_of_an_alpaca_prompt_are_those_of_dataset_info(tmp_path):
    (tmp_path / "data").mkdir()
    columns = {"prompt": "question", "query": "schema", "response": "sql"}
    (tmp_path / "data" / "dataset_info.json").write_text(json.dumps({"d": {"columns": columns}}), encoding="utf-8")
    found = plan(FACTORY.format("template: alpaca\n"), "c.yaml", folder=tmp_path)
    assert found["prompt.parts"].value.value == ["instruction", "question", "schema", "response", "sql"]


def test_llamafactory_reads_an_exponent_as_a_number_and_a_quoted_one_as_text():
    assert plan(FACTORY.format("learning_rate: 2e-4\n"))["arguments.learning_rate"].value.value == 2e-4
    assert [t[0] for t in findings(FACTORY.format('learning_rate: "2e-4"\n')) if t[1] == "api/refused-value"] == [5]


def test_without_do_train_nothing_looks_for_a_checkpoint() -> None:
    for lines in ("", "do_train: false\n"):
        found = plan(FACTORY.format(lines).replace("do_train: true\n", ""), flavour="llamafactory")
        resume = found["checkpointing.resume"].value
        assert isinstance(resume, Unknown) and "do_train" in resume.why


@pytest.mark.parametrize(
    ("line", "row"), [("", 3), ("do_train: false\n", 3), ("do_train: true\n", 0), ("do_train: ${x}\n", 0)]
)
def test_a_configuration_that_trains_nothing_is_said_to(line: str, row: int) -> None:
    text = FACTORY.format("").replace("do_train: true\n", line)
    found = [t for t in findings(text) if t[1] == "api/ignored-key"]
    assert [t[0] for t in found] == [row] * (row > 0)


@pytest.mark.parametrize(("template", "known"), [("qwen3", True), ("alpaca", True), ("translation", False)])
def test_only_a_template_that_it_has_ends_a_turn(template: str, known: bool) -> None:
    ending = plan(FACTORY.format(f"template: {template}\n"))["prompt.ending"].value
    assert isinstance(ending, Unknown) != known
    assert known or "no template translation" in ending.why


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [("stage: sft", "stage: SFT", True), ("stage: sft", "stage: pt", False), ("type: full", "type: qlora", True)],
)
def test_a_stage_or_type_that_it_does_not_have_stops_it(old: str, new: str, refused: bool) -> None:
    text = FACTORY.format("finetuning_type: full\n").replace(old, new)
    told = [said for _, rule, said in findings(text) if rule == "api/refused-value"]
    assert new in text and bool(told) == refused
    assert not refused or "is not one of" in told[0]


@pytest.mark.parametrize(("line", "silently"), [("", True), ("train_on_inputs: false\n", False)])
def test_a_configuration_with_a_key_that_stops_it_does_not_end_without_an_error(line: str, silently: bool) -> None:
    text = FACTORY.format(line).replace("do_train: true\n", "")
    (told,) = [said for _, rule, said in findings(text) if rule == "api/ignored-key"]
    assert told.endswith("ends without an error") == silently


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("factory.yaml", FACTORY.format("resume_from_checkpoint: true\n"), "leave out resume_from_checkpoint and"),
        ("factory.yaml", FACTORY.format("resume_from_checkpoint: out/checkpoint-5\n"), "leave out resume_from"),
        (
            "c.yaml",
            AXOLOTL.format("resume_from_checkpoint: out/checkpoint-5\n"),
            "set auto_resume_from_checkpoints: true",
        ),
    ],
)
def test_the_help_names_a_value_that_the_program_has(name: str, text: str, says: str) -> None:
    """ "newest" is the plan's word: as a value of the key, it would be taken for a path."""
    file, _ = Reviewer(isolated=True).source(text.encode(), name)
    (one,) = [f for f in file.findings if f.rule == "checkpointing/resume"]
    assert one.help.startswith(says) and not one.help.endswith(": newest")
    (rank,) = [f for f in file.findings if f.rule == "lora/rank"]
    assert rank.help.endswith(": 16"), "a number is one"
