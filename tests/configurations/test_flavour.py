"""Which flavour a file is, and which files are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import flavours
from nl2sql_review.report.exit_codes import NOT_REVIEWED
from nl2sql_review.run.batch import run
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import Reviewer

from .reading import AXOLOTL, plan


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
    report, code = run([str(path)], Options(isolated=True))
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
    report, _ = run([str(tmp_path)], Options(isolated=True))
    assert [Path(f.path).name for f in report.files] == ["train.yaml"]
