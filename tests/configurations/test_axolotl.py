"""Axolotl's configurations: every mapped key, and what is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.flavours import keys
from nl2sql_review.flavours.calls import axolotl, unsloth
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Unknown

from .reading import AXOLOTL, Case, check, each, mapped, merged, plan, untried

KEYS: list[Case] = [
    ("lora_r: 7", "lora.r", 7),
    ("lora_alpha: 7", "lora.alpha", 7),
    ("lora_dropout: 0.2", "lora.dropout", 0.2),
    ("lora_target_modules: [q_proj]", "lora.target_modules", ["q_proj"]),
    ("lora_target_linear: true", "lora.target_modules", unsloth.SEVEN),
    ("lora_modules_to_save: [lm_head]", "memory.trained_embeddings", 1),
    ("load_in_4bit: true", "lora.load_in_4bit", True),
    ("adapter: lora\nload_in_4bit: true", "lora.load_in_4bit", False),
    ("adapter: lora\nload_in_4bit: false\nload_in_8bit: true", "memory.bits", 8),
    ("gptq: true\nadapter: lora\nload_in_4bit: false", "lora.load_in_4bit", True),
    ("base_model: other", "lora.model_name", "other"),
    ("datasets: [{path: a}, {path: b}]", "dataset.sources", ["a", "b"]),
    ("datasets: [{path: a}, {path: b}]", "dataset.mixing", "concatenated"),
    ("datasets: [{path: json, data_files: x.jsonl}]", "dataset.sources", ["x.jsonl"]),
    ("sequence_len: 77", "memory.sequence_length", 77),
    ("micro_batch_size: 7", "arguments.per_device_batch_size", 7),
    ("gradient_accumulation_steps: '7'", "arguments.gradient_accumulation", 7),
    ("learning_rate: 7e-4", "arguments.learning_rate", 7e-4),
    ("lr_scheduler: linear", "arguments.scheduler", "linear"),
    ("warmup_ratio: 0.07", "arguments.warmup", 0.07),
    ("warmup_steps: 7\nmax_steps: 70", "arguments.warmup", 0.1),
    ("num_epochs: 7", "arguments.epochs", 7.0),
    ("max_steps: 7", "arguments.max_steps", 7),
    ("optimizer: sgd", "arguments.optimizer", "sgd"),
    ("weight_decay: 0.7", "arguments.weight_decay", 0.7),
    ("seed: 7", "arguments.seed", 7),
    ("bf16: auto", "arguments.bf16", True),
    ("bf16: auto\nfp16: true", "arguments.bf16", False),
    ("bf16: auto\nfp16: true", "arguments.fp16", True),
    ("bf16: true", "arguments.bf16", True),
    ("bf16: auto\nfp16: false", "arguments.mixed_precision", None),
    ("bf16: false\nfp16: true", "arguments.mixed_precision", None),
    ("bf16: false", "arguments.mixed_precision", "none"),
    ("gradient_checkpointing: offload", "memory.checkpointing", "kept"),
    ("gradient_checkpointing: false", "lora.gradient_checkpointing", False),
    ("sample_packing: true", "memory.packing", True),
    ("deepspeed: ds.json", "memory.sharded", "deepspeed"),
    ("fsdp_config: {x: 1}", "memory.sharded", "fsdp"),
    ("save_strategy: best", "checkpointing.save_strategy", "best"),
    ("save_steps: 7", "checkpointing.save_strategy", "steps"),
    ("saves_per_epoch: 2", "checkpointing.save_strategy", "steps"),
    ("save_total_limit: 7", "checkpointing.save_total_limit", 7),
    ("resume_from_checkpoint: x", "checkpointing.resume", "fixed path"),
    ("auto_resume_from_checkpoints: true", "checkpointing.resume", "newest"),
    ("output_dir: x", "project.output_dir", "x"),
    ("wandb_project: x", "project.tracker", ["wandb"]),
    ("use_wandb: true", "project.tracker", ["wandb"]),
    ("use_mlflow: true", "project.tracker", ["mlflow"]),
    ("use_tensorboard: true", "project.tracker", ["tensorboard"]),
    ("use_trackio: true", "project.tracker", ["trackio"]),
    ("use_comet: true", "project.tracker", ["comet_ml"]),
    ("use_swanlab: true", "project.tracker", ["swanlab"]),
    ("adapter: mora\nload_in_4bit: false", "lora.adapter", None),
    ("lora_target_modules: '.*(q|v)_proj'", "lora.target_modules", ["q_proj", "v_proj"]),
    ("train_on_inputs: true", "prompt.loss_on", "all"),
    ("datasets: [{path: a, type: completion}]", "prompt.loss_on", "all"),
    ("datasets: [{path: a, type: chat_template, roles_to_train: [user]}]", "prompt.loss_on", "all"),
    ("datasets: [{path: a, type: chat_template, train_on_eos: none}]", "prompt.ending", "none"),
    ("base_model: Qwen/Qwen2.5-7B-Instruct\ndatasets: [{path: a, type: chat_template}]", "prompt.ending", "eos"),
    ("base_model: Qwen/Qwen2.5-7B\ndatasets: [{path: a, type: chat_template}]", "prompt.ending", "untrained eos"),
    ("", "prompt.loss_on", "response"),
    ("", "prompt.style", "alpaca"),
    ("", "lora.dropout", 0.0),
    ("", "memory.sequence_length", 512),
    ("", "arguments.per_device_batch_size", 1),
    ("", "arguments.scheduler", "cosine"),
    ("", "arguments.warmup", axolotl.WARMUP),
    ("", "arguments.mixed_precision", None),
    ("", "checkpointing.save_strategy", "epoch"),
    ("", "checkpointing.save_total_limit", axolotl.KEPT),
    ("", "checkpointing.resume", "never"),
    ("", "project.tracker", "none"),
]  # fmt: skip


@each(KEYS)
def test_a_key_is_a_fact(lines: str, fact: str, value: object) -> None:
    check("axolotl", AXOLOTL, lines, fact, value)


def test_every_mapped_key_has_a_case_above() -> None:
    """All but those that no fact of the plan speaks of."""
    assert untried(axolotl, KEYS) <= {"logging_steps", "neftune_noise_alpha", "peft_use_rslora", "peft_use_dora"}


def test_every_mapped_key_is_one_of_the_released_library() -> None:
    assert mapped(axolotl) <= set(keys.of("axolotl").sections[""])


def test_a_key_that_is_near_to_none_leaves_the_item_open():
    file, _ = Reviewer(isolated=True).source(AXOLOTL.format("some_plugin_key: 1\n").encode(), "c.yaml")
    (item,) = [i for i in file.checklist if i.rule == "api/ignored-key"]
    assert item.verdict == "unknown" and "some_plugin_key" in item.reason
    listed = AXOLOTL.format("plugins: [axolotl.integrations.liger.LigerPlugin]\nliger_rope: true\n")
    file, _ = Reviewer(isolated=True).source(listed.encode(), "c.yaml")
    assert [i.verdict for i in file.checklist if i.rule == "api/ignored-key"] == ["pass"]


def test_a_key_of_older_releases_is_left_open_and_a_new_one_is_known():
    """`fsdp` went with 0.20, `datasets[].weight` and `use_dft` came: none of them is a certain fault."""
    new = AXOLOTL.format("use_dft: true\n").replace("path: d,", "path: d, weight: 2,")
    for text, verdict in ((new, "pass"), (new + "fsdp: [full_shard]\n", "unknown"), (new + "lora_rr: 8\n", "fail")):
        file, _ = Reviewer(isolated=True).source(text.encode(), "c.yaml")
        (item,) = [i for i in file.checklist if i.rule == "api/ignored-key"]
        assert item.verdict == verdict, text


@pytest.mark.parametrize(("pin", "quantized"), [("==4.46.0", True), (">=4.57.1", False), (">=4.46", None)])
def test_what_quantizes_a_lora_in_4_bit_depends_on_the_release(
    tmp_path: Path, pin: str, quantized: bool | None
) -> None:
    """axolotl 0.5.1 to 0.12.2 give load_in_4bit to from_pretrained (read in the sources), later ones do not."""
    (tmp_path / "requirements.txt").write_text(f"transformers{pin}\n")
    found = plan(merged(AXOLOTL, "adapter: lora\nload_in_4bit: true"), folder=tmp_path).lora.load_in_4bit.value
    assert isinstance(found, Unknown) if quantized is None else found.value is quantized


@pytest.mark.parametrize(
    ("keys", "batch"),
    [("", 16), ("sequence_parallel_degree: 4", 4), ("context_parallel_size: 2\ntensor_parallel_size: 2", 4)],
)
def test_processes_that_share_a_sequence_are_one_batch(tmp_path: Path, keys: str, batch: int) -> None:
    (tmp_path / "run.sh").write_text("accelerate launch --num_processes 4 -m axolotl.cli.train config.yaml\n")
    text = merged(AXOLOTL, f"micro_batch_size: 2\ngradient_accumulation_steps: 2\n{keys}")
    assert plan(text, folder=tmp_path).arguments.effective_batch.value.value == batch


def test_the_key_that_sets_the_warm_up_is_named() -> None:
    for key in ("warmup_ratio", "warmup_steps"):
        assert plan(merged(AXOLOTL, f"{key}: 0.1"), flavour="axolotl")["arguments.warmup"].note == f"by {key}"


@pytest.mark.parametrize(
    ("line", "rule", "said"),
    [
        ("lora_target_linear: true", "lora/target-modules", "lora_target_linear=True (it adapts every"),
        ("lora_target_modules: [q_proj]", "lora/target-modules", 'lora_target_modules=["q_proj"]; '),
        ("saves_per_epoch: 2", "checkpointing/save", "saves_per_epoch=2"),
        ("save_strategy: epoch", "checkpointing/save", 'save_strategy="epoch"'),
        ("wandb_project: spider", "project/tracking", 'wandb_project="spider"'),
        ("use_mlflow: true", "project/tracking", "use_mlflow=True; wandb is missing"),
        ("learning_rate: 7e-4", "arguments/learning-rate", "learning_rate=7e-4"),
    ],
)
def test_a_message_shows_the_key_as_it_is_written(line: str, rule: str, said: str) -> None:
    """The program makes a strategy, a tracker and a choice of layers of these keys."""
    file, _ = Reviewer(isolated=True).source(merged(AXOLOTL, line).encode(), "c.yaml")
    found = [i.evidence for i in file.checklist if i.rule == rule] + [
        f.message for f in file.findings if f.rule == rule
    ]
    assert any(said in text for text in found), found


@pytest.mark.parametrize(
    ("key", "rule"), [("resume_from_checkpoint:", "checkpointing/resume"), ("wandb_project:", "project/tracking")]
)
def test_a_key_that_is_left_empty_is_where_its_finding_stands(key: str, rule: str) -> None:
    for text, row in ((merged(AXOLOTL, key), merged(AXOLOTL, key).count("\n")), (merged(AXOLOTL, ""), 1)):
        file, _ = Reviewer(isolated=True).source(text.encode(), "c.yaml")
        assert [f.location.row for f in file.findings if f.rule == rule] == [row]
