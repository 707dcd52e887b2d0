"""Configurations that are not Python: detection, keys, defaults, places, launch files, fixes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from nl2sql_review import flavours
from nl2sql_review.batch import NOT_REVIEWED, run
from nl2sql_review.flavours import axolotl, keys, llamafactory, trl, unsloth
from nl2sql_review.review import Reviewer
from nl2sql_review.settings import Settings
from nl2sql_review.values import Absent, Default, Known, Unknown

CONFIGS = Path(__file__).parent.parent / "fixtures" / "configs"
EXPECT = re.compile(r"# expect: (?P<rule>\S+)(?: (?P<part>.*?))?\s*$")
FILES = sorted(p for p in CONFIGS.rglob("*.yaml"))


def reviewed(path):
    (file,) = run([str(path)], isolated=True)[0].files
    assert file.status == "reviewed", file.reason
    return file


def plan(text, name="config.yaml", flavour="", folder=None):
    path = str(folder / name) if folder is not None else name
    if folder is not None:
        (folder / name).write_text(text, encoding="utf-8")
    _, _, (made,) = Reviewer(isolated=True, flavour=flavour).plans(text.encode(), path, Settings())
    return made


def findings(text, name="config.yaml", flavour=""):
    file, faults = Reviewer(isolated=True, flavour=flavour).source(text.encode(), name)
    assert not faults
    return [(f.location.row, f.rule, f.message) for f in file.findings]


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_configuration_is_found_out_where_it_is_broken(path):
    told = [(f.location.row, f.rule, f.message) for f in reviewed(path).findings]
    expected = []
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if mark := EXPECT.search(line):
            expected.append((row, mark["rule"], mark["part"] or ""))
    assert sorted(t[:2] for t in told) == sorted(e[:2] for e in expected), told
    for row, rule, part in expected:
        assert any(t[:2] == (row, rule) and part in t[2] for t in told), (row, rule, part, told)


def test_every_flavour_has_a_compliant_and_a_broken_configuration():
    assert {p.parent.name for p in FILES} == set(flavours.FLAVOURS)
    for name in flavours.FLAVOURS:
        assert {"compliant.yaml", "broken.yaml"} <= {p.name for p in (CONFIGS / name).iterdir()}


def test_a_request_in_json_is_read_with_its_places():
    told = {(f.location.row, f.rule) for f in reviewed(CONFIGS / "unsloth-studio" / "request.json").findings}
    assert told == {(13, "arguments/scheduler"), (14, "lora/rank"), (15, "api/ignored-key")}


# -- every mapped key --------------------------------------------------------------------------------------------

TRL = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\n{}"
AXOLOTL = "base_model: m\ndatasets: [{{path: d, type: alpaca}}]\nadapter: qlora\nload_in_4bit: true\n{}"
FACTORY = "model_name_or_path: m\nstage: sft\ndo_train: true\ndataset: d\n{}"
CLI = "model: m\ndata: {{dataset: d}}\n{}"
STUDIO = "training:\n  max_steps: 0\nlora:\n  use_dora: false\n{}"
# flavour, the file without the key, the key's lines -> fact, value. What is known by its default has no lines.
KEYS = [
    *[
        ("trl", TRL, *case)
        for case in (
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
        )
    ],
    *[
        ("axolotl", AXOLOTL, *case)
        for case in (
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
            ("bf16: auto", "arguments.mixed_precision", "bf16 else fp16"),
            ("bf16: auto\nfp16: false", "arguments.mixed_precision", "bf16 else none"),
            ("bf16: true", "arguments.mixed_precision", "bf16"),
            ("bf16: false\nfp16: true", "arguments.mixed_precision", "fp16"),
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
            ("datasets: [{path: a, type: chat_template}]", "prompt.ending", "eos"),
            ("", "prompt.loss_on", "response"),
            ("", "prompt.style", "alpaca"),
            ("", "lora.dropout", 0.0),
            ("", "memory.sequence_length", 512),
            ("", "arguments.per_device_batch_size", 1),
            ("", "arguments.scheduler", "cosine"),
            ("", "arguments.warmup", axolotl.WARMUP),
            ("", "arguments.mixed_precision", "bf16 else fp16"),
            ("", "checkpointing.save_strategy", "epoch"),
            ("", "checkpointing.save_total_limit", axolotl.KEPT),
            ("", "checkpointing.resume", "never"),
            ("", "project.tracker", "none"),
        )
    ],
    *[
        ("llamafactory", FACTORY, *case)
        for case in (
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
            ("dataset: a,b\nmix_strategy: interleave_once\ninterleave_probs: 1,0", "dataset.stopping_strategy", "all_exhausted_without_replacement"),
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
        )
    ],
    *[
        ("unsloth", CLI, *case)
        for case in (
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
        )
    ],
    *[
        ("unsloth-studio", STUDIO, *case)
        for case in (
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
        )
    ],
]  # fmt: skip


def merged(base, lines):
    """The file with the keys of `lines` in place of its own of the same name."""
    own = base.format("")
    for key in re.findall(r"^([\w-]+):", lines, re.MULTILINE):
        own = re.sub(rf"^{key}:.*\n(?:[ ].*\n)*", "", own, flags=re.MULTILINE)
    return own + lines + "\n"


@pytest.mark.parametrize(
    ("flavour", "base", "lines", "fact", "value"),
    KEYS,
    ids=lambda v: v if isinstance(v, str) and len(v) < 60 and "\n" not in v else "",
)
def test_a_key_is_a_fact(flavour, base, lines, fact, value):
    found = plan(merged(base, lines), flavour=flavour)[fact]
    if value is None:
        assert isinstance(found.value, Absent)
        return
    assert isinstance(found.value, (Known, Default)), found
    assert found.value.value == value and type(found.value.value) is type(value)


def mapped(module):
    """The keys that a flavour's tables turn into arguments."""
    return {key for name in ("ARGUMENTS", "ADAPTER") for key in getattr(module, name, {}).values()}


@pytest.mark.parametrize(
    ("module", "flavour", "free"),
    [
        (trl, "trl", {"lora_task_type", "use_rslora", "use_dora"}),
        (axolotl, "axolotl", {"logging_steps", "neftune_noise_alpha", "peft_use_rslora", "peft_use_dora"}),
        (llamafactory, "llamafactory", {"logging_steps", "use_rslora", "use_dora", "fsdp"}),
        (unsloth, "unsloth", {"use_rslora", "optim", "lr_scheduler_type"}),
    ],
)
def test_every_mapped_key_has_a_case_above(module, flavour, free):
    """All but those that no fact of the plan speaks of."""
    tried = " ".join(lines for name, _, lines, _, _ in KEYS if name == flavour)
    assert not {key for key in mapped(module) - free if not re.search(rf"\b{key}:", tried)}


def test_every_mapped_key_is_one_of_the_released_library():
    for module, flavour in ((trl, "trl"), (axolotl, "axolotl"), (llamafactory, "llamafactory")):
        assert mapped(module) <= set(keys.of(flavour).sections[""])
    sections = [*keys.of("unsloth").sections.values(), *keys.of("unsloth-studio").sections.values()]
    assert all(any(key in section for section in sections) for key in mapped(unsloth))


# -- places, YAML ------------------------------------------------------------------------------------------------


def test_anchors_and_merges_are_resolved_and_a_merge_is_no_repetition():
    text = """\
common: &common
  path: a.jsonl
  type: alpaca
base_model: m
datasets:
  - <<: *common
    path: b.jsonl
  - *common
adapter: lora
lora_r: &rank 16
lora_alpha: *rank
"""
    found = plan(text)
    assert found["dataset.sources"].value.value == ["b.jsonl", "a.jsonl"]
    assert found["lora.alpha"].value.value == 16
    assert found["lora.alpha"].at.node.row == 11
    assert not [t for t in findings(text) if "given twice" in t[2]]


def test_a_key_that_comes_twice_counts_the_last_time():
    text = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: 16\nlora_r: 64\n"
    assert plan(text)["lora.r"].value.value == 64
    assert (5, "lora/rank", "lora_r=64; should be 16") in findings(text)
    told = '{"model_name_or_path": "m", "dataset_name": "d", "seed": 1,\n "seed": 2}'
    assert [(row, rule) for row, rule, _ in findings(told, "c.json") if rule == "api/ignored-key"] == [
        (2, "api/ignored-key")
    ]


def test_omegaconf_refuses_a_key_that_comes_twice():
    told = findings(FACTORY.format("seed: 1\nseed: 2\n"))
    assert [(row, rule) for row, rule, text in told if "twice" in text] == [(6, "api/conflicting-arguments")]


def test_the_columns_of_an_alpaca_prompt_are_those_of_dataset_info(tmp_path):
    (tmp_path / "data").mkdir()
    columns = {"prompt": "question", "query": "schema", "response": "sql"}
    (tmp_path / "data" / "dataset_info.json").write_text(json.dumps({"d": {"columns": columns}}), encoding="utf-8")
    found = plan(FACTORY.format("template: alpaca\n"), "c.yaml", folder=tmp_path)
    assert found["prompt.parts"].value.value == ["instruction", "question", "schema", "response", "sql"]


def test_json_and_toml_are_the_same_configuration():
    expected = {"lora.r": 64, "arguments.learning_rate": 7e-4, "dataset.sources": ["d"]}
    data = {
        "base_model": "m",
        "adapter": "lora",
        "datasets": [{"path": "d", "type": "alpaca"}],
        "lora_r": 64,
        "learning_rate": 7e-4,
    }
    as_json = json.dumps(data, indent=1)
    as_toml = 'base_model = "m"\nadapter = "lora"\nlora_r = 64\nlearning_rate = 7e-4\n[[datasets]]\npath = "d"\ntype = "alpaca"\n'
    for name, text, row in (("c.json", as_json, 10), ("c.toml", as_toml, 3)):
        found = plan(text, name)
        assert {fact: found[fact].value.value for fact in expected} == expected
        assert (row, "lora/rank") in {t[:2] for t in findings(text, name)}


@pytest.mark.parametrize("text", ["${LORA_R}", "${oc.env:LORA_R}", "'{{ rank }}'", "$LORA_R"])
def test_what_the_environment_fills_in_is_unknown(text):
    found = plan(f"base_model: m\nadapter: lora\nlora_r: {text}\n")["lora.r"].value
    assert isinstance(found, Unknown) and "filled in" in found.why


def test_yaml_that_cannot_be_loaded_is_an_error_with_its_place():
    file, _ = Reviewer(isolated=True).source(b"base_model: m\ndatasets: [\nadapter: lora\n", "c.yaml")
    assert (file.status, file.findings[0].rule) == ("error", "file/syntax")
    assert file.findings[0].location.row in (3, 4)  # where the list goes wrong, or where the file ends


def test_comments_silence_findings_on_their_line_and_in_the_file():
    text = "base_model: m\nadapter: lora\nlora_r: 64 # nl2sql: ignore[lora/rank] tried\n# nl2sql: ignore[lora/alpha] too\nlora_alpha: 7\n"
    file, _ = Reviewer(isolated=True).source(text.encode(), "c.yaml")
    assert {f.rule: f.suppressed for f in file.findings if f.rule in ("lora/rank", "lora/alpha")} == {
        "lora/rank": "tried",
        "lora/alpha": "too",
    }
    quoted = "base_model: 'it''s # nl2sql: ignore[lora/rank] no comment'\nadapter: lora\nlora_r: 64\n"
    file, _ = Reviewer(isolated=True).source(quoted.encode(), "c.yaml")
    assert [f.suppressed for f in file.findings if f.rule == "lora/rank"] == [None]


# -- what the parsers take ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "parser", "expected"),
    [
        ("2e-4", "float", "pydantic", 2e-4),
        ("2e-4", "float", "argparse", 2e-4),
        ("16", "int", "pydantic", 16),
        (16.0, "int", "pydantic", 16),
        (True, "int", "pydantic", 1),
        (16.5, "int", "argparse", 16.5),  # argparse converts text only
        ("yes", "bool", "pydantic", True),
        ("no", "bool", "argparse", False),
        (1, "bool", "pydantic", True),
        ("q_proj", "list[str] | None", "argparse", "q_proj"),
        ("q_proj", "str | list[str] | None", "pydantic", "q_proj"),
        ({"a": 1}, "dict[str, Any] | None", "pydantic", {"a": 1}),
        ("auto", "Literal['auto'] | bool | None", "pydantic", "auto"),
        (None, "int | None", "pydantic", None),
        (3, "float", "none", 3),
        ("x", "SaveStrategy | str", "none", "x"),
    ],
)
def test_a_parser_takes(value, kind, parser, expected):
    taken = keys.parsed(value, kind, parser)
    assert taken == expected and type(taken) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "parser"),
    [
        ("1e3", "int", "pydantic"),
        ("1e3", "int", "argparse"),
        (0.1, "int | None", "pydantic"),
        ("abc", "float", "pydantic"),
        ("abc", "float", "argparse"),
        ("maybe", "bool", "pydantic"),
        (["a"], "str", "pydantic"),
        ("a", "Optional[List[str]]", "pydantic"),
        (None, "float", "pydantic"),
        ("full", "Literal['auto'] | bool | None", "pydantic"),
        ("2e-4", "float", "none"),
        ("false", "bool", "none"),
    ],
)
def test_a_parser_refuses(value, kind, parser):
    with pytest.raises(keys.Refused):
        keys.parsed(value, kind, parser)


def test_llamafactory_reads_an_exponent_as_a_number_and_a_quoted_one_as_text():
    assert plan(FACTORY.format("learning_rate: 2e-4\n"))["arguments.learning_rate"].value.value == 2e-4
    assert [t[0] for t in findings(FACTORY.format('learning_rate: "2e-4"\n')) if t[1] == "api/refused-value"] == [5]


def test_unknown_keys_of_unsloth_are_dropped_or_refused_by_version(tmp_path):
    text = "model: m\ndata: {dataset: d}\nlora: {lora_rank: 16}\ntraining: {gradient_checkpointing: true}\n"
    told = {}
    for version in ("2026.8.22", "2026.9.14"):
        (tmp_path / "requirements.txt").write_text(f"unsloth=={version}\n", encoding="utf-8")
        told[version] = {rule for _, rule, _ in findings(text, str(tmp_path / "c.yaml")) if rule.startswith("api/")}
    assert told == {"2026.8.22": {"api/ignored-key", "api/refused-value"}, "2026.9.14": {"api/unknown-argument"}}


def test_a_key_that_is_near_to_none_leaves_the_item_open():
    file, _ = Reviewer(isolated=True).source(AXOLOTL.format("some_plugin_key: 1\n").encode(), "c.yaml")
    (item,) = [i for i in file.checklist if i.rule == "api/ignored-key"]
    assert item.verdict == "unknown" and "some_plugin_key" in item.reason
    listed = AXOLOTL.format("plugins: [axolotl.integrations.liger.LigerPlugin]\nliger_rope: true\n")
    file, _ = Reviewer(isolated=True).source(listed.encode(), "c.yaml")
    assert [i.verdict for i in file.checklist if i.rule == "api/ignored-key"] == ["pass"]


# -- which flavour -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\n", "its keys are those of no flavour"),
        ("- a\n", "no mapping"),
        ("", "no mapping"),
        ("a: 1\n---\nb: 2\n", "several YAML documents"),
        ("compute_environment: LOCAL_MACHINE\nnum_processes: 2\n", "accelerate"),
        ("zero_optimization: {stage: 2}\n", "DeepSpeed"),
        ("model_name_or_path: m\nstage: sft\ndo_predict: true\ndataset: d\n", "does not train"),
        ("model: m\ntrain_dataset: d\n", "LLaMA-Factory v1"),
        ("{{ helm }}: [\n", "not YAML that can be loaded"),
    ],
)
def test_a_file_that_trains_nothing_says_what_it_is(text, why, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    report, code = run([str(path)], isolated=True)
    assert code == NOT_REVIEWED and report.files[0].status == "skipped" and why in report.files[0].reason


def test_the_flavour_can_be_named():
    text = "learning_rate: 7e-4\nuse_peft: true\nlora_r: 7\n"
    with pytest.raises(flavours.NotAConfiguration):
        plan(text)
    assert plan(text, flavour="trl")["lora.r"].value.value == 7


def test_a_configuration_of_another_objective_has_no_prompt_to_judge():
    for text in (
        "base_model: m\nrl: dpo\ndatasets: [{path: d}]\n",
        "model_name_or_path: m\nstage: pt\ndo_train: true\ndataset: d\n",
    ):
        file, _ = Reviewer(isolated=True).source(text.encode(), "c.yaml")
        assert {i.verdict for i in file.checklist if i.section == "prompt"} == {"not-applicable"}


def test_a_directory_yields_its_configurations_and_is_silent_about_other_files(tmp_path):
    (tmp_path / "train.yaml").write_text(AXOLOTL.format(""), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"name": "x", "scripts": {}}', encoding="utf-8")
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "m", "r": 16}', encoding="utf-8")
    (tmp_path / "chart.yaml").write_text("training:\n  {{ .Values }}: [\n", encoding="utf-8")
    (tmp_path / "ds.json").write_text('{"zero_optimization": {}}', encoding="utf-8")
    report, _ = run([str(tmp_path)], isolated=True)
    assert [Path(f.path).name for f in report.files] == ["train.yaml"]


# -- launch files ------------------------------------------------------------------------------------------------

ACCELERATE = (
    "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmixed_precision: bf16\nnum_processes: 4\n"
)
SCRIPT = """\
from transformers import Trainer, TrainingArguments
args = TrainingArguments("out", per_device_train_batch_size=4, gradient_accumulation_steps=4{})
Trainer(model="m", args=args).train()
"""


def test_an_accelerate_file_beside_a_script_says_how_many_processes_train(tmp_path):
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE, encoding="utf-8")
    found = plan(SCRIPT.format(""), "train.py", folder=tmp_path)
    assert (
        isinstance(found["arguments.effective_batch"].value, Default)
        and found["arguments.effective_batch"].value.value == 64
    )
    assert found["arguments.mixed_precision"].value.value == "bf16"


def test_of_two_accelerate_files_none_counts_unless_the_settings_name_one(tmp_path):
    for name, count in (("accelerate_2.yaml", 2), ("accelerate_8.yaml", 8)):
        (tmp_path / name).write_text(ACCELERATE.replace("4\n", f"{count}\n"), encoding="utf-8")
    assert plan(SCRIPT.format(""), "train.py", folder=tmp_path)["arguments.processes"].value.value == 1
    (tmp_path / "nl2sql-review.toml").write_text('launch = ["accelerate_8.yaml"]\n', encoding="utf-8")
    reviewer = Reviewer()
    _, _, (made,) = reviewer.plans(
        (tmp_path / "train.py").read_bytes(), str(tmp_path / "train.py"), reviewer.settings(str(tmp_path))
    )
    assert made["arguments.processes"].value == Known(8, made["arguments.processes"].value.trace)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('"gradient_accumulation_steps": 8', True),
        ('"gradient_accumulation_steps": 4', False),
        ('"gradient_accumulation_steps": "auto"', False),
        ('"train_micro_batch_size_per_gpu": 2', True),
        ('"train_batch_size": 16', False),
        ('"optimizer": {"params": {"lr": 1e-4}}', True),
        ('"optimizer": {"params": {"lr": 0.0002}}', False),
        ('"bf16": {"enabled": true}', True),
        ('"fp16": {"enabled": false}', False),
    ],
)
def test_a_deepspeed_number_that_disagrees_is_a_conflict(setting, told, tmp_path):
    (tmp_path / "ds.json").write_text(f'{{"zero_optimization": {{"stage": 2}},\n {setting}}}', encoding="utf-8")
    script = SCRIPT.format(', learning_rate=2e-4, deepspeed="ds.json"')
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    file, _ = Reviewer(isolated=True).source(script.encode(), str(tmp_path / "train.py"))
    found = [f for f in file.findings if f.rule == "arguments/launcher-conflict"]
    assert bool(found) == told
    assert all("ds.json:2" in f.message for f in found)


def test_a_configuration_names_its_deepspeed_file(tmp_path):
    (tmp_path / "ds.json").write_text('{"zero_optimization": {}, "gradient_accumulation_steps": 8}', encoding="utf-8")
    found = plan(AXOLOTL.format("deepspeed: ds.json\n"), "c.yaml", folder=tmp_path)
    assert found["arguments.launcher_conflicts"].value.value == ["gradient_accumulation_steps"]


ZERO = "compute_environment: LOCAL_MACHINE\ndistributed_type: DEEPSPEED\ndeepspeed_config: {gradient_accumulation_steps: 8}\n"
BY_HAND = """\
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
accelerator = Accelerator({})
model = get_peft_model(AutoModelForCausalLM.from_pretrained("m"), LoraConfig(r=16))
accelerator.backward(loss)
"""


@pytest.mark.parametrize(
    ("script", "launch", "told"),
    [
        (SCRIPT.format(", fp16=True"), ACCELERATE, "fp16 wins"),
        (SCRIPT.format(", bf16=False"), ACCELERATE, "bf16 wins, as bf16=False chooses nothing"),
        (SCRIPT.format(", bf16=True"), ACCELERATE, ""),
        (SCRIPT.format(", fp16=False"), ACCELERATE, ""),
        (SCRIPT.format(""), ACCELERATE, ""),
        (SCRIPT.format(", bf16=flag()"), ACCELERATE, ""),
        (SCRIPT.format(", bf16=True"), ACCELERATE.replace("bf16", "'no'"), ""),
        (SCRIPT.format(", bf16=True"), ACCELERATE.replace("bf16", "fp8"), ""),
        ("# processes: 2\n" + SCRIPT.format(""), ACCELERATE, "starts 4 processes"),
        ("# processes: 4\n" + SCRIPT.format(""), ACCELERATE, ""),
        (BY_HAND.format("gradient_accumulation_steps=4"), ZERO, "8 wins"),
        (BY_HAND.format("gradient_accumulation_steps=8"), ZERO, ""),
        (BY_HAND.format("gradient_accumulation_steps=4"), ZERO.replace("DEEPSPEED", "MULTI_GPU"), ""),
        (BY_HAND.format(""), ZERO, ""),
    ],
)
def test_what_accelerate_and_the_run_say_otherwise_is_told_with_who_wins(script, launch, told, tmp_path):
    (tmp_path / "accelerate.yaml").write_text(launch, encoding="utf-8")
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    file, _ = Reviewer(isolated=True).source(script.encode(), str(tmp_path / "train.py"))
    found = [f.message for f in file.findings if f.rule == "arguments/launcher-overruled"]
    assert len(found) == bool(told) and all(told in message and "accelerate.yaml:" in message for message in found)


def test_processes_of_the_settings_against_the_launchers(tmp_path):
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE, encoding="utf-8")
    (tmp_path / "nl2sql-review.toml").write_text('processes = 2\nlaunch = ["accelerate.yaml"]\n', encoding="utf-8")
    (tmp_path / "train.py").write_text(SCRIPT.format(""), encoding="utf-8")
    report, _ = run([str(tmp_path / "train.py")])
    (found,) = [f for f in report.files[0].findings if f.rule == "arguments/launcher-overruled"]
    assert "counts with 2, from the settings" in found.message


# -- fixes -------------------------------------------------------------------------------------------------------


def fixed(text, name, tmp_path):
    from nl2sql_review.cli import main

    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    main([str(path), "--isolated", "--fix", "-q"])
    return path.read_text(encoding="utf-8")


def test_a_fix_edits_the_scalar_and_keeps_comments(tmp_path, capsys):
    before = AXOLOTL.format("# the adapter\nlora_r: 64    # was 8\nlora_alpha:   '128'\nlearning_rate: 1e-3 # hot\n")
    after = fixed(before, "c.yaml", tmp_path)
    assert "# the adapter\nlora_r: 16    # was 8\nlora_alpha:   '16'\nlearning_rate: 0.0002 # hot\n" in after.replace(
        "lora_alpha:   16\n", "lora_alpha:   '16'\n"
    )
    assert after.startswith("base_model: m\ndatasets: [{path: d, type: alpaca}]\n")


def test_a_fix_edits_json(tmp_path, capsys):
    shutil.copy(CONFIGS / "unsloth-studio" / "request.json", tmp_path / "request.json")
    before = (tmp_path / "request.json").read_text(encoding="utf-8")
    after = fixed(before, "request.json", tmp_path)
    assert json.loads(after) == {**json.loads(before), "lora_r": 16, "lr_scheduler_type": "cosine"}
    assert after == before.replace('"lora_r": 64', '"lora_r": 16').replace('"linear"', '"cosine"')


def test_a_missing_key_is_added_to_its_section(tmp_path, capsys):
    after = fixed(
        "model: m\ndata:\n  dataset: d\nlora:  # the adapter\n    lora_alpha: 16\ntraining:\n  batch_size: 4\n",
        "c.yaml",
        tmp_path,
    )
    assert "lora:  # the adapter\n    lora_r: 16\n    lora_alpha: 16\n" in after


# -- the tables --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["int", "float", "bool", "str", "int | None", "list[str]", "str | float", "Literal['auto'] | bool | None"]
)
@pytest.mark.parametrize(
    "value", [1, 0, 16.0, 0.1, True, "16", "2e-4", "1e3", "yes", "off", "maybe", "auto", "", None, ["a"], "7.0", " 7 "], ids=repr
)  # fmt: skip
def test_values_are_taken_as_pydantic_itself_takes_them(kind, value):
    from typing import Literal  # noqa: F401 (in the types below)

    from pydantic import TypeAdapter, ValidationError

    try:
        expected = TypeAdapter(eval(kind)).validate_python(value)
    except ValidationError:
        with pytest.raises(keys.Refused):
            keys.parsed(value, kind, "pydantic")
        return
    found = keys.parsed(value, kind, "pydantic")
    assert found == expected and type(found) is type(expected)


SCHEMAS = """
class Base(BaseModel):
    lora_r: int | None = None
    kept: float = Field(default=1.0, json_schema_extra={"description": "x"})

class Config(Base):
    model_config = {"populate_by_name": True}
    kept: float = 2.0
    learning_rate: str | float
    made: list[str] = Field(default_factory=list)
    overrides: dict[str, Any] | None = Field(default=None, alias="model_kwargs")
    _private: int = 3
    shared: ClassVar[int] = 4

    def method(self): ...
"""


def test_keys_are_read_from_sources_that_are_never_imported(tmp_path):
    import libcst

    from nl2sql_review.flavours import build

    classes = {
        node.name.value: node for node in libcst.parse_module(SCHEMAS).body if isinstance(node, libcst.ClassDef)
    }
    wheel = build.Wheel("x", "1", tmp_path, classes)
    assert dict(build.fields(classes["Config"], [wheel])) == {
        "lora_r": ["int | None", "None"],
        "kept": ["float", "2.0"],
        "learning_rate": ["str | float", ""],
        "made": ["list[str]", "…"],
        "overrides": ["dict[str, Any] | None", "None"],
        "model_kwargs": ["dict[str, Any] | None", "None"],
    }


@pytest.mark.parametrize("flavour", flavours.FLAVOURS)
def test_a_table_names_the_release_it_was_taken_from(flavour):
    table = keys.of(flavour)
    assert re.fullmatch(r"\d+(\.\d+)+", table.version) and all(table.sections.values())
    readme = (CONFIGS.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"{table.library} {table.version}" in " ".join(readme.split())


def test_a_remembered_review_is_made_anew_when_a_launch_file_appears_or_changes(tmp_path):
    from nl2sql_review import batch, cache

    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT.format(""), encoding="utf-8")

    def effective():
        report, _ = batch.run([str(tmp_path / "train.py")], isolated=True, cache=cache.opened())
        return [f.message for f in report.files[0].findings if f.rule == "arguments/effective-batch"]

    assert effective() == effective() == []
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE, encoding="utf-8")
    assert "64" in effective()[0] and "64" in effective()[0]
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE.replace("processes: 4", "processes: 2"), encoding="utf-8")
    assert "32" in effective()[0]


@pytest.mark.parametrize(
    "text",
    [
        # a script's own file, as fixtures/styles/yaml_config.yaml is: `model` holds a mapping
        "model: {name: m}\nlora: {lora_r: 16}\ntraining: {max_seq_length: 2048, learning_rate: 2e-4}\ndata: {format_type: x}\n",
        # the same names of sections, and nothing that only Unsloth has
        "model: m\nlora: {r: 16, lora_alpha: 16}\ntraining: {batch_size: 4, learning_rate: 2e-4}\ndata: {path: a.jsonl}\n",
        # one of Unsloth's keys among many others
        "model: m\nlora: {lora_r: 16, alpha: 16, modules: [q_proj]}\ntraining: {bs: 4, lr: 2e-4, epochs: 3}\ndata: {path: a}\n",
    ],
)
def test_sections_that_everyone_names_so_are_not_taken_for_unsloths(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    (report, _) = run([str(tmp_path / "config.yaml")], isolated=True)
    assert report.files[0].status == "skipped" and "not a training configuration" in report.files[0].reason
