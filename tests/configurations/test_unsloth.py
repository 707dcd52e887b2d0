"""Configurations of Unsloth's command line and of Unsloth Studio: every mapped key, and what is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.flavours import keys
from nl2sql_review.flavours.calls import unsloth
from nl2sql_review.run.batch import run
from nl2sql_review.run.options import Options

from .reading import CLI, STUDIO, Case, check, each, findings, mapped, untried

KEYS: list[Case] = [
    ("lora: {lora_r: 7}", "lora.r", 7),
    ("lora: {lora_alpha: 7}", "lora.alpha", 7),
    ("lora: {lora_dropout: 0.2}", "lora.dropout", 0.2),
    ("lora: {target_modules: 'q_proj, v_proj'}", "lora.target_modules", ["q_proj", "v_proj"]),
    ("training: {load_in_4bit: false}", "lora.load_in_4bit", False),
    ("training: {training_type: full}", "lora.adapter", None),
    ("training: {gradient_checkpointing: true}", "lora.gradient_checkpointing", True),
    ("training: {gradient_checkpointing: none}", "lora.gradient_checkpointing", False),
    ("training: {max_seq_length: 77}", "memory.sequence_length", 77),
    ("training: {batch_size: 7}", "arguments.per_device_batch_size", 7),
    ("training: {gradient_accumulation_steps: 7}", "arguments.gradient_accumulation", 7),
    ("training: {learning_rate: 7e-4}", "arguments.learning_rate", 7e-4),
    ("training: {warmup_steps: 7, max_steps: 70}", "arguments.warmup", 0.1),
    ("training: {max_steps: 70}", "arguments.max_steps", 70),
    ("training: {num_epochs: 7}", "arguments.epochs", 7),
    ("training: {weight_decay: 0.7}", "arguments.weight_decay", 0.7),
    ("training: {random_seed: 7}", "arguments.seed", 7),
    ("training: {packing: true}", "memory.packing", True),
    ("training: {save_steps: 7}", "checkpointing.save_steps", 7),
    ("training: {save_steps: 7}", "checkpointing.save_strategy", "steps"),
    ("training: {output_dir: x}", "project.output_dir", "x"),
    ("training: {train_on_completions: true}", "prompt.loss_on", "response"),
    ("logging: {enable_wandb: true}", "project.tracker", ["wandb"]),
    ("logging: {enable_tensorboard: true}", "project.tracker", ["tensorboard"]),
    ("model: other", "lora.model_name", "other"),
    ("data: {dataset: other}", "dataset.sources", ["other"]),
    ("data: {local_dataset: [a, b]}", "dataset.sources", ["a", "b"]),
    ("data: {dataset: d, format_type: alpaca}", "prompt.style", "alpaca"),
    ("lora: {}", "lora.r", 64),
    ("lora: {}", "lora.alpha", 16),
    ("lora: {}", "lora.target_modules", unsloth.SEVEN),
    ("training: {batch_size: 2}", "arguments.scheduler", "linear"),
    ("training: {batch_size: 2}", "arguments.mixed_precision", "bf16 else fp16"),
    ("training: {batch_size: 2}", "arguments.gradient_accumulation", 4),
    ("training: {batch_size: 2}", "checkpointing.save_strategy", "no"),
    ("training: {batch_size: 2}", "prompt.loss_on", "all"),
    ("training: {batch_size: 2}", "lora.gradient_checkpointing", "unsloth"),
]  # fmt: skip

STUDIO_KEYS: list[Case] = [
    ("lora: {lora_r: 7}", "lora.r", 7),
    ("lora: {lora_alpha: 7}", "lora.alpha", 7),
    ("lora: {target_modules: [q_proj]}", "lora.target_modules", ["q_proj"]),
    ("training: {learning_rate: 7e-4}", "arguments.learning_rate", 7e-4),
    ("training: {lr_scheduler_type: cosine}", "arguments.scheduler", "cosine"),
    ("training: {optim: sgd}", "arguments.optimizer", "sgd"),
    ("training: {warmup_ratio: 0.07}", "arguments.warmup", 0.07),
    ("training: {warmup_steps: 7, max_steps: 70}", "arguments.warmup", 0.1),
    ("training: {gradient_checkpointing: ''}", "lora.gradient_checkpointing", "unsloth"),
    ("training: {gradient_checkpointing: false}", "lora.gradient_checkpointing", False),
    ("training: {train_on_completions: true}", "prompt.loss_on", "response"),
    ("logging: {enable_wandb: true}", "project.tracker", ["wandb"]),
    ("", "lora.r", 16),
    ("", "arguments.per_device_batch_size", 1),
    ("", "arguments.gradient_accumulation", 1),
    ("", "arguments.scheduler", "linear"),
    ("", "checkpointing.save_steps", 100),
]  # fmt: skip


@each(KEYS)
def test_a_key_is_a_fact(lines: str, fact: str, value: object) -> None:
    check("unsloth", CLI, lines, fact, value)


@each(STUDIO_KEYS)
def test_a_key_of_studio_is_a_fact(lines: str, fact: str, value: object) -> None:
    check("unsloth-studio", STUDIO, lines, fact, value)


def test_every_mapped_key_has_a_case_above() -> None:
    """All but those that no fact of the plan speaks of."""
    assert untried(unsloth, KEYS) <= {"use_rslora", "optim", "lr_scheduler_type"}


def test_every_mapped_key_is_one_of_the_released_library() -> None:
    sections = [*keys.of("unsloth").sections.values(), *keys.of("unsloth-studio").sections.values()]
    assert all(any(key in section for section in sections) for key in mapped(unsloth))


def test_unknown_keys_of_unsloth_are_dropped_or_refused_by_version(tmp_path):
    text = "model: m\ndata: {dataset: d}\nlora: {lora_rank: 16}\ntraining: {gradient_checkpointing: true}\n"
    told = {}
    for version in ("2026.8.22", "2026.9.14"):
        (tmp_path / "requirements.txt").write_text(f"unsloth=={version}\n", encoding="utf-8")
        told[version] = {rule for _, rule, _ in findings(text, str(tmp_path / "c.yaml")) if rule.startswith("api/")}
    assert told == {"2026.8.22": {"api/ignored-key", "api/refused-value"}, "2026.9.14": {"api/unknown-argument"}}


@pytest.mark.parametrize(
    "text",
    [
        # a script's own file, as fixtures/styles/yaml_config.yaml is: `model` holds a mapping
        "model: {name: m}\nlora: {lora_r: 16}\ntraining: {max_seq_length: 2048, learning_rate: 2e-4}\ndata: "
        "{format_type: x}\n",
        # the same names of sections, and nothing that only Unsloth has
        "model: m\nlora: {r: 16, lora_alpha: 16}\ntraining: {batch_size: 4, learning_rate: 2e-4}\ndata: {path: "
        "a.jsonl}\n",
        # one of Unsloth's keys among many others
        "model: m\nlora: {lora_r: 16, alpha: 16, modules: [q_proj]}\ntraining: {bs: 4, lr: 2e-4, epochs: 3}\ndata: "
        "{path: a}\n",
    ],
)
def test_sections_that_everyone_names_so_are_not_taken_for_unsloths(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    (report, _) = run([str(tmp_path / "config.yaml")], Options(isolated=True))
    assert report.files[0].status == "skipped" and "not a training configuration" in report.files[0].reason
