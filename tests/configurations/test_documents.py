"""YAML, JSON and TOML: places, merges, repeated keys, comments, what cannot be loaded."""

from __future__ import annotations

import json

import pytest

from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Unknown

from .reading import findings, plan


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
    as_toml = (
        'base_model = "m"\nadapter = "lora"\nlora_r = 64\nlearning_rate = 7e-4\n[[datasets]]\npath = "d"\n'
        'type = "alpaca"\n'
    )
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
    text = (
        "base_model: m\nadapter: lora\nlora_r: 64 # nl2sql: ignore[lora/rank] tried\n# nl2sql: "
        "ignore[lora/alpha] too\nlora_alpha: 7\n"
    )
    file, _ = Reviewer(isolated=True).source(text.encode(), "c.yaml")
    assert {f.rule: f.suppressed for f in file.findings if f.rule in ("lora/rank", "lora/alpha")} == {
        "lora/rank": "tried",
        "lora/alpha": "too",
    }
    quoted = "base_model: 'it''s # nl2sql: ignore[lora/rank] no comment'\nadapter: lora\nlora_r: 64\n"
    file, _ = Reviewer(isolated=True).source(quoted.encode(), "c.yaml")
    assert [f.suppressed for f in file.findings if f.rule == "lora/rank"] == [None]
