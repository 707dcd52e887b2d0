"""Files of accelerate and DeepSpeed beside a script or a configuration."""

from __future__ import annotations

import pytest

from nl2sql_review.run.batch import run
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Default, Known

from .reading import AXOLOTL, plan

ACCELERATE = (
    "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmixed_precision: bf16\nnum_processes: 4\n"
)
SCRIPT = """\
from transformers import Trainer, TrainingArguments
args = TrainingArguments("out", per_device_train_batch_size=4, gradient_accumulation_steps=4{})
Trainer(model="m", args=args).train()
"""
ZERO = (
    "compute_environment: LOCAL_MACHINE\ndistributed_type: DEEPSPEED\ndeepspeed_config: {gradient_accumulation_steps: "
    "8}\n"
)
BY_HAND = """\
import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
accelerator = Accelerator({})
model = get_peft_model(AutoModelForCausalLM.from_pretrained("m"), LoraConfig(r=16))
optimizer = torch.optim.AdamW(model.parameters())
for batch in loader:
    with accelerator.accumulate(model):
        accelerator.backward(model(**batch).loss)
        optimizer.step()
        optimizer.zero_grad()
"""


def test_an_accelerate_file_beside_a_script_says_how_many_processes_train(tmp_path):
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE, encoding="utf-8")
    found = plan(SCRIPT.format(""), "train.py", folder=tmp_path)
    assert (
        isinstance(found["arguments.effective_batch"].value, Default)
        and found["arguments.effective_batch"].value.value == 64
    )
    assert found["arguments.mixed_precision"].value.value == "bf16"


def test_of_two_accelerate_files_which_differ_neither_counts_unless_the_settings_name_one(tmp_path):
    for name, count in (("accelerate_2.yaml", 2), ("accelerate_8.yaml", 8)):
        (tmp_path / name).write_text(ACCELERATE.replace("4\n", f"{count}\n"), encoding="utf-8")
    processes = plan(SCRIPT.format(""), "train.py", folder=tmp_path)["arguments.processes"].value
    assert "accelerate_2.yaml and" in processes.why and processes.why.endswith("which of them accelerate reads")
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


@pytest.mark.parametrize(("given", "told"), [(", deepspeed=None", False), (", deepspeed=stages[0]", True)])
def test_a_deepspeed_file_beside_is_not_that_of_a_script_that_uses_none(given, told, tmp_path):
    (tmp_path / "ds_config.json").write_text('{"zero_optimization": {}, "fp16": {"enabled": true}}', encoding="utf-8")
    script = SCRIPT.format(f", bf16=True, fp16=False{given}")
    file, _ = Reviewer(isolated=True).source(script.encode(), str(tmp_path / "train.py"))
    assert any(f.rule == "arguments/launcher-conflict" for f in file.findings) == told


def test_a_configuration_names_its_deepspeed_file(tmp_path):
    (tmp_path / "ds.json").write_text('{"zero_optimization": {}, "gradient_accumulation_steps": 8}', encoding="utf-8")
    found = plan(AXOLOTL.format("deepspeed: ds.json\n"), "c.yaml", folder=tmp_path)
    assert found["arguments.launcher_conflicts"].value.value == ["gradient_accumulation_steps"]


@pytest.mark.parametrize(
    ("script", "launch", "told"),
    [
        (SCRIPT.format(", fp16=True"), ACCELERATE, "fp16 wins"),
        (SCRIPT.format(", bf16=False"), ACCELERATE, "bf16 wins, because bf16=False chooses nothing"),
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


@pytest.mark.parametrize(("accumulates", "steps"), [("accumulate(model)", 8), ("autocast()", None)])
def test_the_launchers_accumulation_counts_for_certain_only_under_accumulate(accumulates, steps, tmp_path):
    (tmp_path / "accelerate.yaml").write_text(ZERO, encoding="utf-8")
    code = BY_HAND.format("").replace("accumulate(model)", accumulates)
    found = plan(code, "train.py", folder=tmp_path)["arguments.gradient_accumulation"].value
    assert getattr(found, "value", None) == steps


def test_processes_of_the_settings_against_the_launchers(tmp_path):
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE, encoding="utf-8")
    (tmp_path / "nl2sql-review.toml").write_text('processes = 2\nlaunch = ["accelerate.yaml"]\n', encoding="utf-8")
    (tmp_path / "train.py").write_text(SCRIPT.format(""), encoding="utf-8")
    report, _ = run([str(tmp_path / "train.py")])
    (found,) = [f for f in report.files[0].findings if f.rule == "arguments/launcher-overruled"]
    assert "assumes 2, from the settings" in found.message


def test_a_remembered_review_is_made_anew_when_a_launch_file_appears_or_changes(tmp_path):
    from nl2sql_review.run import batch, cache
    from nl2sql_review.run.options import Options

    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT.format(""), encoding="utf-8")

    def effective():
        report, _ = batch.run([str(tmp_path / "train.py")], Options(isolated=True, cache=cache.opened()))
        return [f.message for f in report.files[0].findings if f.rule == "arguments/effective-batch"]

    assert effective() == effective() == []
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE, encoding="utf-8")
    assert "64" in effective()[0] and "64" in effective()[0]
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE.replace("processes: 4", "processes: 2"), encoding="utf-8")
    assert "32" in effective()[0]


DEEPSPEED = '{"zero_optimization": {"stage": 2}, "scheduler": {"type": "%s", "params": {%s}}}'
AUTO = '"warmup_num_steps": "auto"'
STEPS = '"warmup_num_steps": 50'
COSINE = SCRIPT.format(', lr_scheduler_type="cosine", warmup_ratio=0.03, max_steps=1000, deepspeed="ds_config.json"')


@pytest.mark.parametrize(
    ("kind", "steps", "scheduler", "warmup"),
    [
        ("WarmupDecayLR", AUTO, "linear", 0.03),
        ("WarmupLR", AUTO, "constant_with_warmup", 0.03),
        ("WarmupCosineLR", STEPS, "cosine", 0.05),
        ("WarmupDecayLR", "", "linear", 1.0),  # 1000 steps, DeepSpeed's default
        ("OneCycle", "", "onecycle", 0.03),
    ],
)
def test_the_schedule_of_a_deepspeed_file_takes_the_place_of_the_arguments(kind, steps, scheduler, warmup, tmp_path):
    (tmp_path / "ds_config.json").write_text(DEEPSPEED % (kind, steps), encoding="utf-8")
    found = plan(COSINE, "train.py", folder=tmp_path)
    assert found["arguments.scheduler"].value.value == scheduler
    assert isinstance(found["arguments.scheduler"].value, Known)
    assert found["arguments.warmup"].value.value == warmup
    written = COSINE.replace('"ds_config.json"', DEEPSPEED % (kind, steps))
    assert plan(written, "train.py", folder=tmp_path)["arguments.scheduler"].value.value == scheduler


def test_without_a_schedule_of_deepspeeds_the_arguments_decide(tmp_path):
    (tmp_path / "ds_config.json").write_text('{"zero_optimization": {"stage": 2}}', encoding="utf-8")
    found = plan(COSINE, "train.py", folder=tmp_path)
    assert isinstance(found["arguments.scheduler"].value, Known)
    assert found["arguments.scheduler"].value.value == "cosine"


def test_a_deepspeed_file_that_is_not_there_may_have_a_schedule(tmp_path):
    found = plan(COSINE, "train.py", folder=tmp_path)
    scheduler = found["arguments.scheduler"].value
    assert (scheduler.value, scheduler.overridden_by) == ("cosine", "the DeepSpeed file ds_config.json")
    assert isinstance(found["arguments.warmup"].value, Default)
    assert found["arguments.launcher_conflicts"].why_not == "the DeepSpeed config ds_config.json was not found"


def test_the_schedule_of_a_file_that_is_only_found_beside_may_be_that_of_the_run(tmp_path):
    (tmp_path / "ds_config.json").write_text(DEEPSPEED % ("WarmupDecayLR", STEPS), encoding="utf-8")
    script = COSINE.replace(', deepspeed="ds_config.json"', "") + "# deepspeed train.py\n"
    found = plan(script, "train.py", folder=tmp_path)
    assert {option.value for option in found["arguments.scheduler"].value.options} == {"cosine", "linear"}
    assert "warms up for 50 steps" in found["arguments.warmup"].value.why


def test_accelerate_names_a_deepspeed_file_with_a_schedule(tmp_path):
    (tmp_path / "zero2.json").write_text(DEEPSPEED % ("WarmupDecayLR", AUTO), encoding="utf-8")
    named = ZERO.replace("gradient_accumulation_steps: 8", "deepspeed_config_file: zero2.json")
    named = named.replace("{", "{ ").replace("}", " }")
    (tmp_path / "accelerate.yaml").write_text(named, encoding="utf-8")
    (tmp_path / "nl2sql-review.toml").write_text('launch = ["accelerate.yaml"]\n', encoding="utf-8")
    (tmp_path / "train.py").write_text(COSINE.replace(', deepspeed="ds_config.json"', ""), encoding="utf-8")
    reviewer = Reviewer()
    _, _, (made,) = reviewer.plans(
        (tmp_path / "train.py").read_bytes(), str(tmp_path / "train.py"), reviewer.settings(str(tmp_path))
    )
    assert made["arguments.scheduler"].value.value == "linear"
