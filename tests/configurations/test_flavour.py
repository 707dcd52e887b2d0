"""Which flavour a file is, and which files are none."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nl2sql_review import cli, flavours
from nl2sql_review.flavours import keys
from nl2sql_review.report.exit_codes import NOT_REVIEWED
from nl2sql_review.run.batch import run
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.source import Source

from ..marked import FIXTURES
from .reading import AXOLOTL, plan


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\n", "its keys match no known program"),
        ("- a\n", "not a mapping"),
        ("", "not a mapping"),
        ("a: 1\n---\nb: 2\n", "several YAML documents"),
        ("compute_environment: LOCAL_MACHINE\nnum_processes: 2\n", "accelerate"),
        ("zero_optimization: {stage: 2}\n", "DeepSpeed"),
        ("model_name_or_path: m\nstage: sft\ndo_predict: true\ndataset: d\n", "without training"),
        ("model: m\ntrain_dataset: d\n", "LLaMA-Factory v1"),
        ("{{ helm }}: [\n", "not valid YAML"),
    ],
)
def test_a_file_that_trains_nothing_says_what_it_is(text, why, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    report, code = run([str(path)], Options(isolated=True))
    assert code == NOT_REVIEWED and report.files[0].status == "skipped" and why in report.files[0].reason


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("model_name_or_path: m\nreport_to:wandb\n\n# training\nlearning_rate: 1e-4\n", 2),
        ("model_name_or_path: m\nstage: sft\n  do_train: true\n", 3),
    ],
)
def test_a_fault_of_the_syntax_is_shown_where_it_stands(text: str, row: int) -> None:
    """A key without a space after its colon is noticed at the next key."""
    file, _ = Reviewer(isolated=True).source(text.encode(), "c.yaml")
    assert [(f.rule, f.location.row) for f in file.findings] == [("file/syntax", row)]


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


@pytest.mark.parametrize("name", flavours.FLAVOURS)
def test_a_flavour_is_found_in_a_directory_and_told_from_the_others(name, tmp_path):
    (tmp_path / "train.yaml").write_bytes((FIXTURES / "configs" / name / "compliant.yaml").read_bytes())
    report, _ = run([str(tmp_path)], Options(isolated=True))
    assert [file.status for file in report.files] == ["reviewed"]
    recording = flavours.record(Source.from_bytes((tmp_path / "train.yaml").read_bytes(), "train.yaml"), str(tmp_path))
    assert recording.configuration.flavour is flavours.of(name)


def test_the_documentation_names_every_flavour_and_what_starts_it():
    pages = (FIXTURES.parent / "docs" / "configurations.md", FIXTURES.parent / "docs" / "usage.md")
    said = "".join(page.read_text(encoding="utf-8") for page in pages)
    for one in flavours.every():
        assert f"`{one.name}`" in said and one.started_by in said and one.family in said, one.name


TINY = """
from nl2sql_review.flavours.flavour import Build, Flavour

def read(reading):
    from nl2sql_review.flavours.reading import known

    arguments = reading.call("tiny.TrainingArguments", reading.top.place)
    reading.fill(arguments, reading.top, {"learning_rate": "tiny_rate"})
    adapter = known(reading.call("peft.LoraConfig", reading.top.place))
    trainer = reading.call("tiny.TinyTrainer", reading.top.place, args=known(arguments), peft_config=adapter)
    reading.call("tiny.TinyTrainer.train", reading.top.place).receiver = trainer.result

FLAVOUR = Flavour(
    "tiny", started_by="tiny", program="Tiny", family="Tiny", build=Build("tiny", "", {}), read=read,
    detects=lambda outline: "tiny_rate" in outline.keys, plain_keys=("tiny_rate",), parser="none", refusal="it stops",
    packages=("tiny",), commands=("tiny fit",), other_commands=("tiny align",), modules=("tiny.main",),
)
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A new flavour: its file, its table of keys, its line."""
    (tmp_path / "package" / "keys").mkdir(parents=True)
    (tmp_path / "package" / "tiny.py").write_text(TINY, encoding="utf-8")
    table = {"library": "tiny", "version": "1.0", "requires": {}, "sections": {"": {"tiny_rate": ["float", "0.1"]}}}
    (tmp_path / "package" / "keys" / "tiny.json").write_text(json.dumps(table), encoding="utf-8")
    for file in keys.FOLDER.glob("*.json"):
        (tmp_path / "package" / "keys" / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(flavours, "__path__", [*flavours.__path__, str(tmp_path / "package")])
    monkeypatch.setattr(keys, "FOLDER", tmp_path / "package" / "keys")
    monkeypatch.setattr(flavours, "FLAVOURS", (*flavours.FLAVOURS, "tiny"))
    remembered = (
        flavours.every,
        flavours.screening,
        flavours.packages,
        flavours.commands,
        flavours.modules,
        flavours.functions,
    )
    for one in remembered:
        one.cache_clear()
    yield
    sys.modules.pop("nl2sql_review.flavours.tiny", None)
    for one in remembered:
        one.cache_clear()


def test_a_new_flavour_is_a_file_a_table_and_a_line(tiny, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "train.yaml").write_text("tiny_rate: 0.5\n", encoding="utf-8")
    (tmp_path / "runs" / "other.yaml").write_text("rate: 0.5\n", encoding="utf-8")
    path = str(tmp_path / "runs")
    assert cli.main(["--isolated", "--no-cache", "--output-format", "concise", path]) == 1
    said = capsys.readouterr().out
    assert "train.yaml:1:1: error[arguments/learning-rate] tiny_rate=0.5" in said.replace(" [*]", "")
    assert cli.main(["plan", "--isolated", "--output-format", "json", f"{path}/train.yaml"]) == 0
    called = [call["callee"] for call in json.loads(capsys.readouterr().out)["calls"]]
    assert called == ["tiny.TrainingArguments", "peft.LoraConfig", "tiny.TinyTrainer", "tiny.TinyTrainer.train"]
    assert cli.main(["--isolated", "--no-cache", "--flavour", "tiny", f"{path}/other.yaml"]) == 1


def test_a_new_flavour_is_started_by_the_commands_that_it_names(tiny, tmp_path, capsys):
    (tmp_path / "other.yaml").write_text("rate: 0.5\ntiny_rate: 0.7\n", encoding="utf-8")
    for command, code, said in (
        ("tiny fit other.yaml", 1, "tiny_rate=0.7"),
        ("python -m tiny.main --config other.yaml", 1, "tiny_rate=0.7"),
        ("tiny align --rate 3", 3, "tiny align: this command's training cannot be read"),
        ("tiny show other.yaml", 3, "no training is started here"),
    ):
        script = tmp_path / "run.sh"
        script.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
        assert cli.main(["--isolated", "--no-cache", "--output-format", "concise", str(script)]) == code, command
        assert said in " ".join(capsys.readouterr().out.split()), command
