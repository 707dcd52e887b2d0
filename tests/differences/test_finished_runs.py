"""A finished run held against a script: what folders hold as people publish them, right and wrong."""

from __future__ import annotations

import json
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli
from nl2sql_review.differences import run_files

SCRIPT = """\
from unsloth import FastLanguageModel
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("codellama/CodeLlama-7b-hf", max_seq_length=2048)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16, lora_dropout=0, target_modules=[
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
rows = load_dataset("json", data_files="pairs.jsonl", split="train")
SFTTrainer(model=model, processing_class=tokenizer, train_dataset=rows, args=SFTConfig(
    output_dir="models/nl2sql", per_device_train_batch_size=4, gradient_accumulation_steps=4, learning_rate=2e-4,
    lr_scheduler_type="{schedule}", warmup_steps=5, max_steps=100, seed=42)).train()
"""
ADAPTER = {
    "base_model_name_or_path": "unsloth/codellama-7b-hf-bnb-4bit",
    "bias": "none",
    "lora_alpha": 16,
    "lora_dropout": 0,
    "peft_type": "LORA",
    "r": 16,
    "target_modules": ["up_proj", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj"],
    "task_type": "CAUSAL_LM",
}
CARD = """\
---
base_model: codellama/CodeLlama-7b-hf
---
### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 0.0002
- train_batch_size: 4
- seed: 42
- gradient_accumulation_steps: 4
- total_train_batch_size: 16
- lr_scheduler_type: SchedulerType.COSINE
- lr_scheduler_warmup_steps: 5
- training_steps: 100

### Framework versions

- PEFT 0.13.2
- Transformers 4.46.3
"""
Make = Callable[..., Path]


def rate(step: int, schedule: str = "cosine") -> float:
    done = step - 1
    if done < 5:
        return 2e-4 * done / 5
    part = (done - 5) / 95
    return 2e-4 * (0.5 * (1 + math.cos(math.pi * part)) if schedule == "cosine" else 1 - part)


def state(schedule: str = "cosine", **changes: Any) -> dict[str, Any]:
    log = [{"step": s, "learning_rate": rate(s, schedule), "loss": 3 - s / 50, "epoch": s / 100} for s in range(1, 101)]
    made = {"global_step": 100, "max_steps": 100, "epoch": 1.0, "num_train_epochs": 1, "train_batch_size": 4,
            "save_steps": 50, "best_model_checkpoint": None, "log_history": log}  # fmt: skip
    return {**made, **changes}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a script and the folder of a finished run; None as a file's content leaves it out."""
    monkeypatch.chdir(tmp_path)

    def make(schedule: str = "cosine", **files: Any) -> Path:
        (tmp_path / "train.py").write_text(SCRIPT.format(schedule=schedule))
        run = tmp_path / "run"
        run.mkdir(exist_ok=True)
        content: dict[str, Any] = {
            "adapter_config.json": ADAPTER, "trainer_state.json": state(), "README.md": CARD,
            "adapter_model.safetensors": "x" * 4000, "tokenizer.json": "{}",
            "tokenizer_config.json": {"eos_token": "</s>", "pad_token": "<unk>"}, **files,
        }  # fmt: skip
        for name, data in content.items():
            if data is not None:
                (run / name).parent.mkdir(parents=True, exist_ok=True)
                (run / name).write_text(data if isinstance(data, str) else json.dumps(data))
        return run

    return make


def compare(capsys: pytest.CaptureFixture[str], *sides: str) -> tuple[list[str], list[str], dict[str, Any]]:
    """(differences, remarks that are no note, the whole)."""
    assert cli.main(["diff", "--isolated", "--output-format", "json", *(sides or ("train.py", "run"))]) == 0
    out, err = capsys.readouterr()
    made = json.loads(out)
    lines = [f"{d['name']}: {d['before']['text']} -> {d['after']['text']}" for d in made["differences"]]
    return lines, [f"{r['weight']}: {r['text']}" for r in made["remarks"] if r["weight"] != "note"], made


def test_a_run_of_this_script_agrees_in_everything(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make()
    lines, remarks, made = compare(capsys)
    assert (lines, remarks) == ([], []) and made["equal"] >= 12
    assert "all 100 logged learning rates are those of the plan's schedule" in [r["text"] for r in made["remarks"]]
    assert cli.main(["diff", "--isolated", "--exit-code", "train.py", "run"]) == 0
    assert cli.main(["diff", "--isolated", "--exit-code", "run", "train.py"]) == 0


def changed(**values: Any) -> dict[str, Any]:
    return {**ADAPTER, **values}


@pytest.mark.parametrize(
    ("files", "lines", "remarks"),
    [
        ({"adapter_config.json": changed(r=64, lora_alpha=128)}, ["r: 16 -> 64", "alpha: 16 -> 128"], []),
        ({"adapter_config.json": changed(target_modules=["q_proj", "v_proj"])},
         ['target_modules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] -> '
          '["q_proj", "v_proj"]'], []),
        ({"adapter_config.json": changed(base_model_name_or_path="mistralai/Mistral-7B-v0.1"), "README.md": None},
         ['model_name: "codellama/CodeLlama-7b-hf" -> "mistralai/Mistral-7B-v0.1"'], []),
        ({"README.md": CARD.replace("total_train_batch_size: 16", "total_train_batch_size: 64")
          .replace("accumulation_steps: 4", "accumulation_steps: 16")},
         ["gradient_accumulation: 4 -> 16", "effective_batch: 16 -> 64"], []),
        ({"trainer_state.json": state(global_step=60, log_history=state()["log_history"][:60])}, [],
         ["certain: the run ended at step 60 of 100"]),
        ({"trainer_state.json": state(global_step=500, max_steps=500)}, [],
         ["certain: the plan says 100 steps, but the run was set to 500",
          "certain: the run took 500 of 100 planned steps"]),
        ({"trainer_state.json": state(log_history=[{**e, "loss": 11.7} for e in state()["log_history"]])}, [],
         ["certain: the loss is 11.7 at all 100 logged steps: nothing is being trained"]),
        ({"trainer_state.json": state(log_history=[*state()["log_history"][:70], *state()["log_history"][50:]])}, [],
         ["may: after step 70 the log continues at step 51, saving every 50 steps"]),
        ({"trainer_state.json": state(best_model_checkpoint="models/nl2sql/checkpoint-50")}, [],
         ["may: the best checkpoint was checkpoint-50, but it is no longer in the directory"]),
        ({"adapter_model.safetensors": None}, [],
         ["certain: there are no weights next to the adapter's configuration "
          "(adapter_model.safetensors or adapter_model.bin)"]),
        ({"adapter_model.safetensors": "{}"}, [], ["certain: adapter_model.safetensors contains no weights"]),
        ({"tokenizer_config.json": None, "tokenizer.json": None}, [],
         ["may: there is no tokenizer next to the adapter: it is loaded with the base model's"]),
        ({"tokenizer.json": None}, [],
         ["certain: tokenizer_config.json is there without the tokenizer it configures"]),
        ({"tokenizer_config.json": {"eos_token": {"content": "</s>"}, "pad_token": "</s>"}}, [],
         ["may: the saved tokenizer pads with its EOS token '</s>'"]),
        ({"trainer_state.json": None, "checkpoint-50/trainer_state.json": state(global_step=50),
          "checkpoint-100/trainer_state.json": state()}, [], []),
        ({"trainer_state.json": None, "README.md": None, "wandb/offline-run-1/files/config.yaml":
          "learning_rate:\n    desc: null\n    value: 0.001\nseed:\n    value: 42\n",
          "wandb/offline-run-1/files/wandb-summary.json": {"train/global_step": 40}},
         ["learning_rate: 2e-4 -> 0.001"], ["certain: the run ended at step 40 of 100"]),
        ({"trainer_state.json": None, "README.md": None,
          "run.log": "".join(f"{{'loss': 2.5, 'learning_rate': 1e-05, 'epoch': {n}}}\n" for n in range(5))}, [],
         ["certain: the loss is 2.5 at all 5 logged steps: nothing is being trained"]),
    ],
)  # fmt: skip
def test_what_contradicts_the_script_is_told_and_nothing_else(
    files: dict[str, Any], lines: list[str], remarks: list[str], make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    make(**files)
    found, said, _ = compare(capsys)
    assert found == lines
    assert said == remarks


def test_a_published_checkpoint_does_not_say_how_the_run_ended(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    cut = state(global_step=60, log_history=state()["log_history"][:60], best_model_checkpoint="out/checkpoint-60")
    make(**{"trainer_state.json": cut, "scheduler.pt": "x"})
    assert compare(capsys)[:2] == (
        [],
        ["may: it is the checkpoint of step 60 of 100: it is unknown how the run ended"],
    )


def test_modules_named_twice_are_one(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make()
    text = (tmp_path / "train.py").read_text()
    assert text.count('"q_proj"') == 1
    (tmp_path / "train.py").write_text(text.replace('"q_proj"', '"q_proj", "q_proj"'))
    assert compare(capsys)[:2] == ([], [])


def test_what_the_plan_does_not_know_is_said_to_be_left_out(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make()
    text = (tmp_path / "train.py").read_text()
    assert "r=16" in text
    (tmp_path / "train.py").write_text("import time\n" + text.replace("r=16", "r=int(time.time())"))
    lines, _, made = compare(capsys)
    assert lines == [] and "not compared, as it is unknown in the plan: r" in [r["text"] for r in made["remarks"]]


def test_another_schedule_shows_in_the_logged_learning_rates(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make(**{"trainer_state.json": state("linear"), "README.md": None})
    lines, (remark,), _ = compare(capsys)
    assert lines == [] and remark.startswith("certain: the learning rate at step ")
    assert "cosine from 0.0002 with 5 steps of warm-up gives" in remark
    make("linear", **{"trainer_state.json": state("linear"), "README.md": None})
    assert compare(capsys)[:2] == ([], [])


def test_two_finished_runs_are_compared_by_what_both_tell(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    first = make()
    first.rename(first.parent / "first")
    make(**{"adapter_config.json": changed(r=32)})
    lines, _, made = compare(capsys, "first", "run")
    assert lines == ["r: 16 -> 32"] and made["equal"] >= 12


class Code:
    """What a pickle may hold: a call that leaves a mark."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch pwned",)


def test_a_hostile_folder_does_no_harm(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make()
    (run / "training_args.bin").write_bytes(pickle.dumps(Code()))
    (run / "adapter_model.bin").write_bytes(pickle.dumps(Code()))
    (tmp_path / "secret.json").write_text(json.dumps({"learning_rate": 1, "global_step": 7}))
    for name in ("trainer_state.json", "README.md"):
        (run / name).unlink()
        (run / name).symlink_to(tmp_path / "secret.json")
    with open(run / "special_tokens_map.json", "wb") as file:
        file.truncate(1 << 30)  # a file of 1 GB, of which nothing is written
    (run / "tokenizer_config.json").write_text("[" * 200_000)
    (run / "run.log").write_text("{" + "'loss': " * 200_000)
    os.mkfifo(run / "chat_template.jinja")
    (run / "wandb").symlink_to("/")
    lines, _, made = compare(capsys)
    notes = "\n".join(r["text"] for r in made["remarks"] if r["weight"] == "note")
    assert lines == [] and not (tmp_path / "pwned").exists()
    for name in ("trainer_state.json", "README.md"):
        assert f"run/{name} is a link out of the directory: it is not followed" in notes
    assert "special_tokens_map.json is not read: it is larger than" in notes
    assert "chat_template.jinja is not read: it is a pipe" in notes
    assert "training_args.bin is a pickle" in notes and "tokenizer_config.json is not valid JSON" in notes


@pytest.mark.parametrize(
    "content",
    [
        "null", "[]", "1", '"x"', "{}", "{", "", '{"log_history": 3}', '{"log_history": [null, 1, {"step": "x"}]}',
        '{"global_step": 1e999, "max_steps": NaN, "log_history": [{"step": -1, "loss": 1e400, "learning_rate": []}]}',
        '{"r": {"a": 1}, "target_modules": [1, null], "lora_alpha": [[]], "base_model_name_or_path": 5}',
    ],
)  # fmt: skip
def test_no_content_of_a_file_makes_the_comparison_fail(
    content: str, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("adapter_config.json", "trainer_state.json", "tokenizer_config.json", "special_tokens_map.json"):
        make(**{name: content})
        compare(capsys)


def test_weights_in_shards_are_weights(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(ADAPTER))
    whole = run_files.read(str(tmp_path))
    assert whole is not None and not whole.has_weights
    (tmp_path / "adapter_model-00001-of-00002.safetensors").write_bytes(b"x" * 300)
    sharded = run_files.read(str(tmp_path))
    assert sharded is not None and sharded.has_weights


# ── folders as people publish them ───────────────────────────────────────────────────────────────────────────────────

PEFT_OF_2023 = {
    "auto_mapping": None, "base_model_name_or_path": "codellama/CodeLlama-7b-hf", "bias": "none",
    "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True, "layers_pattern": None,
    "layers_to_transform": None,
    "lora_alpha": 16, "lora_dropout": 0, "modules_to_save": None, "peft_type": "LORA", "r": 16, "revision": None,
    "target_modules": ADAPTER["target_modules"], "task_type": "CAUSAL_LM",
}  # fmt: skip
PEFT_OF_2025 = {
    **PEFT_OF_2023, "alora_invocation_tokens": None, "alpha_pattern": {}, "arrow_config": None, "corda_config": None,
    "ensure_weight_tying": False, "eva_config": None, "exclude_modules": None, "loftq_config": {}, "lora_bias": False,
    "megatron_config": None, "megatron_core": "megatron.core", "peft_version": "0.18.0", "qalora_group_size": 16,
    "rank_pattern": {}, "target_parameters": None, "trainable_token_indices": None, "use_dora": False,
    "use_qalora": False, "use_rslora": False,
}  # fmt: skip
PATTERN = (
    "(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?"
    "(?:q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj).*?)"
)
SNAPSHOT = (
    "/root/.cache/huggingface/hub/models--codellama--CodeLlama-7b-hf/snapshots/6c284d1468fe6c413cf56183e69b194dcfa27fe6"
)
CARD_OF_TRL = """\
---
base_model: {base}
library_name: peft
tags:
- base_model:adapter:{base}
- lora
- sft
- trl
---

# Model Card for run

This model is a fine-tuned version of [None](https://huggingface.co/None).

### Framework versions

- PEFT 0.18.0
- TRL: 0.26.2
- Transformers: 4.57.5
"""
WANDB_CONFIG = """\
_wandb:
    value:
        cli_version: 0.19.8
        python_version: 3.11.7
gradient_accumulation_steps:
    value: 4
learning_rate:
    value: 0.0002
lr_scheduler_type:
    value: cosine
max_length:
    value: 20
max_steps:
    value: 100
num_train_epochs:
    value: 3
per_device_train_batch_size:
    value: 4
seed:
    value: 42
warmup_ratio:
    value: 0
"""
WEIGHTS = "x" * 4000
NOT_COMPARED = "not compared, as the directory does not state it exactly: target_modules"
ALONE: dict[str, Any] = dict.fromkeys(
    ("adapter_config.json", "trainer_state.json", "README.md", "adapter_model.safetensors", "tokenizer.json",
     "tokenizer_config.json")
)  # fmt: skip
NO_TOKENIZER = "may: there is no tokenizer next to the adapter: it is loaded with the base model's"
PUBLISHED: dict[str, tuple[dict[str, Any], list[str], list[str], str]] = {
    "PEFT 0.4, pushed by itself": (
        {**ALONE, "adapter_config.json": PEFT_OF_2023, "adapter_model.bin": WEIGHTS},
        [], [NO_TOKENIZER], ""),
    "PEFT 0.18 with TRL's card, the base model a snapshot in the cache": (
        {"adapter_config.json": {**PEFT_OF_2025, "base_model_name_or_path": SNAPSHOT}, "trainer_state.json": None,
         "README.md": CARD_OF_TRL.format(base=SNAPSHOT)}, [], [], ""),
    "a rank that is stabilised, and not in the script": (
        {"adapter_config.json": {**PEFT_OF_2025, "use_rslora": True}, "trainer_state.json": None},
        ["scaling: 1.0 -> 4.0"], [], ""),
    "Unsloth, the modules a pattern": (
        {"adapter_config.json": {**PEFT_OF_2025, "target_modules": PATTERN, "auto_mapping": {
            "base_model_class": "LlamaForCausalLM", "unsloth_fixed": True},
            "base_model_name_or_path": "unsloth/codellama-7b-bnb-4bit"}, "trainer_state.json": None}, [], [], ""),
    "Unsloth, a pattern of attention alone": (
        {"adapter_config.json": {**PEFT_OF_2025, "target_modules": ".*self_attn.*(?:q_proj|v_proj)"},
         "trainer_state.json": None}, [], [], NOT_COMPARED),
    "a whole checkpoint of the Trainer": (
        {"README.md": None,
         **dict.fromkeys(("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"), "x")},
        [], [], "training_args.bin is a pickle"),
    "a folder of Weights & Biases, as it lies on disk": (
        {**ALONE, "files/config.yaml": WANDB_CONFIG, "files/wandb-summary.json": {"train/global_step": 100}},
        [], [], ""),
    "the card alone": ({**ALONE, "README.md": CARD.replace("seed: 42", "seed: 3407")}, ["seed: 42 -> 3407"], [], ""),
    "weights in shards of another rank": (
        {"adapter_config.json": {**PEFT_OF_2025, "r": 64}, "adapter_model.safetensors": None,
         "trainer_state.json": None,
         "adapter_model-00001-of-00002.safetensors": WEIGHTS, "adapter_model-00002-of-00002.safetensors": WEIGHTS},
        ["r: 16 -> 64"], [], ""),
    "a merged model": (
        {**ALONE, "config.json": {"architectures": ["LlamaForCausalLM"]},
         "model-00001-of-00001.safetensors": WEIGHTS,
         "tokenizer.json": "{}", "tokenizer_config.json": {"eos_token": "</s>", "pad_token": "<unk>"}},
        [], [], "the directory contains a whole model, as a merge of the adapter makes it"),
    "another base model under the organisation of a mirror": (
        {"adapter_config.json": {**PEFT_OF_2025, "base_model_name_or_path": "unsloth/Qwen2.5-Coder-7B-bnb-4bit"},
         "trainer_state.json": None, "README.md": None},
        ['model_name: "codellama/CodeLlama-7b-hf" -> "unsloth/Qwen2.5-Coder-7B-bnb-4bit"'], [], ""),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_folders_as_they_are_published_are_judged_by_what_they_tell(
    name: str, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    files, lines, remarks, note = PUBLISHED[name]
    make(**files)
    found, said, made = compare(capsys)
    assert (found, said) == (lines, remarks)
    assert any(one["text"].startswith(note) for one in made["remarks"]) or not note


def test_all_linear_layers_are_more_than_those_of_attention(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    run = make(**{"adapter_config.json": changed(target_modules=attention)})
    script = (tmp_path / "train.py").read_text()
    named = script[script.index("target_modules=[") : script.index("])\nrows")]
    (tmp_path / "train.py").write_text(script.replace(f"{named}]", 'target_modules="all-linear"'))
    assert compare(capsys)[0] == ['target_modules: "all-linear" -> ["k_proj", "o_proj", "q_proj", "v_proj"]']
    (run / "adapter_config.json").write_text(json.dumps(changed(target_modules=["c_attn", "c_proj", "c_fc"])))
    assert compare(capsys)[0] == []


def test_epochs_that_the_state_rounds_up_agree(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(**{"README.md": None, "trainer_state.json": state(num_train_epochs=2)})
    script = (tmp_path / "train.py").read_text()
    (tmp_path / "train.py").write_text(script.replace("max_steps=100", "num_train_epochs=1.5"))
    assert compare(capsys)[0] == []
    (tmp_path / "train.py").write_text(script.replace("max_steps=100", "num_train_epochs=3"))
    assert compare(capsys)[0] == ["epochs: 3 -> 2.0"]


def test_an_adapter_does_not_come_from_a_script_that_trains_all_weights(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(**{"README.md": None, "trainer_state.json": None})
    script = (tmp_path / "train.py").read_text()
    start, end = script.index("model = FastLanguageModel.get_peft"), script.index("rows =")
    (tmp_path / "train.py").write_text(script[:start] + script[end:])
    assert compare(capsys)[1] == ["certain: the directory contains an adapter, but the script trains all weights"]


def test_a_readme_of_something_else_is_no_finished_run(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Project\n\n- learn: everything\n")
    assert run_files.read(str(tmp_path)) is None
