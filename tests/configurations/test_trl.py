"""TRL's configurations: every mapped key, and what is its own."""

from __future__ import annotations

from pathlib import Path

from nl2sql_review.flavours import keys
from nl2sql_review.flavours.calls import trl
from nl2sql_review.run.reviewer import Reviewer

from .reading import TRL, Case, check, each, mapped, merged, untried

KEYS: list[Case] = [
    ("lora_r: 7", "lora.r", 7),
    ("lora_alpha: 7", "lora.alpha", 7),
    ("lora_dropout: 0.2", "lora.dropout", 0.2),
    ("lora_target_modules: [q_proj]", "lora.target_modules", ["q_proj"]),
    ("lora_modules_to_save: [lm_head]", "memory.trained_embeddings", 1),
    ("load_in_4bit: true", "lora.load_in_4bit", True),
    ("load_in_4bit: true\nuse_bnb_nested_quant: true", "memory.double_quant", True),
    ("load_in_8bit: true", "memory.bits", 8),
    ("dtype: float32", "memory.bits", 32),
    ("dtype: bfloat16", "memory.bits", 16),
    ("attn_implementation: eager", "memory.eager_attention", True),
    ("model_name_or_path: other", "lora.model_name", "other"),
    ("dataset_name: other", "dataset.sources", ["other"]),
    ("datasets: [{path: a}, {path: b}]", "dataset.mixing", "concatenated"),
    ("datasets: [{path: a, fraction: 0.7}, {path: b, fraction: 0.3}]", "dataset.weights", [0.7, 0.3]),
    ("max_length: 77", "memory.sequence_length", 77),
    ("per_device_train_batch_size: 7", "arguments.per_device_batch_size", 7),
    ("gradient_accumulation_steps: 7", "arguments.gradient_accumulation", 7),
    ("num_processes: 7", "arguments.processes", 7),
    ("learning_rate: 7e-4", "arguments.learning_rate", 7e-4),
    ("learning_rate: '7e-4'", "arguments.learning_rate", 7e-4),
    ("lr_scheduler_type: linear", "arguments.scheduler", "linear"),
    ("warmup_steps: 0.07", "arguments.warmup", 0.07),
    ("num_train_epochs: 7", "arguments.epochs", 7),
    ("max_steps: 7", "arguments.max_steps", 7),
    ("optim: sgd", "arguments.optimizer", "sgd"),
    ("weight_decay: 0.7", "arguments.weight_decay", 0.7),
    ("seed: 7", "arguments.seed", 7),
    ("bf16: true", "arguments.bf16", True),
    ("fp16: 'yes'", "arguments.fp16", True),
    ("gradient_checkpointing: false", "memory.checkpointing", "off"),
    ("packing: true", "memory.packing", True),
    ("save_strategy: epoch", "checkpointing.save_strategy", "epoch"),
    ("save_steps: 7", "checkpointing.save_steps", 7),
    ("save_total_limit: 7", "checkpointing.save_total_limit", 7),
    ("resume_from_checkpoint: out/checkpoint-7", "checkpointing.resume", "fixed path"),
    ("resume_from_checkpoint: true", "checkpointing.resume", "unguarded"),
    ("output_dir: x", "project.output_dir", "x"),
    ("report_to: wandb", "project.tracker", ["wandb"]),
    ("skip_memory_metrics: false", "memory.monitoring_sees", "allocated memory only"),
    ("completion_only_loss: false", "prompt.loss_on", "all"),
    ("assistant_only_loss: true", "prompt.loss_on", "response"),
    ("datasets: [{path: a, columns: [prompt, completion]}]", "prompt.loss_on", "response"),
    ("", "lora.r", 16),
    ("", "lora.alpha", 32),
    ("", "lora.dropout", 0.05),
    ("", "arguments.learning_rate", 2e-5),
    ("", "memory.sequence_length", 1024),
    ("", "arguments.bf16", True),
]  # fmt: skip


@each(KEYS)
def test_a_key_is_a_fact(lines: str, fact: str, value: object) -> None:
    check("trl", TRL, lines, fact, value)


def test_every_mapped_key_has_a_case_above() -> None:
    """All but those that no fact of the plan speaks of."""
    assert untried(trl, KEYS) <= {"lora_task_type", "use_rslora", "use_dora"}


def test_every_mapped_key_is_one_of_the_released_library() -> None:
    assert mapped(trl) <= set(keys.of("trl").sections[""])


def test_the_trainer_of_another_objective_is_named_by_its_surest_key() -> None:
    for lines, trainer in (("max_prompt_length: 256\nnum_generations: 4", "GRPO"), ("beta: 0.1", "DPO")):
        file, _ = Reviewer(isolated=True).source(merged(TRL, lines).encode(), "c.yaml")
        (item,) = [i for i in file.checklist if i.rule == "api/unknown-argument"]
        assert f"another TRL trainer ({trainer})" in item.reason


def test_what_a_parser_refuses_is_as_sure_as_the_release(tmp_path: Path) -> None:
    """Whether other releases take the value is not known: certain is only what the stated one does."""
    (tmp_path / "c.yaml").write_text(merged(TRL, "max_steps: many"))
    for pin, certainty in (("trl", "default"), ("trl==1.16.0", "certain")):
        (tmp_path / "requirements.txt").write_text(pin + "\n")
        file, _ = Reviewer(isolated=True).source((tmp_path / "c.yaml").read_bytes(), str(tmp_path / "c.yaml"))
        (found,) = [f for f in file.findings if f.rule == "api/refused-value"]
        assert found.certainty == certainty
