"""Defaults of releases: those that take a script where the assumed one refuses it, and those of a stated range."""

from __future__ import annotations

import pytest

from nl2sql_review import Options, review
from nl2sql_review.judgement.judge import judge
from nl2sql_review.libraries import build, chosen, declared
from nl2sql_review.libraries.declared import Statement
from nl2sql_review.libraries.versions import key_of
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Default, Known, Unknown

PLAIN = """from transformers import Trainer, TrainingArguments
Trainer("m", args=TrainingArguments("out", {}), {}).train()
"""
SFT = """from trl import SFTConfig, SFTTrainer{}
SFTTrainer("m", args=SFTConfig("out"), {}).train()
"""


def value(code, fact, versions):
    _, _, plans = Reviewer(isolated=True).plans(code.encode(), "train.py", Settings(versions=versions))
    return plans[0][fact].value


def tracker(given="", to_trainer="", **versions):
    return value(PLAIN.format(given, to_trainer), "project.tracker", versions)


def precision(imported="", to_trainer="", **versions):
    return value(SFT.format(imported, to_trainer), "arguments.mixed_precision", versions)


def test_a_default_is_that_of_the_releases_that_take_the_script():
    old = tracker('evaluation_strategy="epoch"')
    assert isinstance(old, Unknown) and "whatever is installed" in old.why, "as every transformers 4 reports"
    assert tracker(to_trainer="tokenizer=None").why == old.why
    assert precision(to_trainer="tokenizer=None").value == "none", "bf16 is on by itself since trl 0.19"
    gone = precision(", DataCollatorForCompletionOnlyLM")
    assert isinstance(gone, Unknown) and "False before trl 0.19 and None since 0.19" in gone.why


def test_a_default_that_older_releases_do_not_share_is_not_certain():
    new = tracker('eval_strategy="epoch"')
    assert isinstance(new, Default) and (new.value, new.overridden_by) == ("none", "an older transformers")
    assert isinstance(precision(), Default)
    assert isinstance(tracker(transformers=">=4.40"), Default)


@pytest.mark.parametrize("stated", ["5.4.0", ">=5.1"])
def test_a_default_of_all_that_may_be_installed_is_known(stated):
    assert isinstance(tracker(transformers=stated), Known)
    assert isinstance(precision(trl=stated.replace("5.", "1.")), Known)
    assert isinstance(precision(", DataCollatorForCompletionOnlyLM", trl=">=0.12,<0.19"), Known)


def test_what_another_trainer_of_the_script_is_given_bounds_the_releases():
    other = 'Trainer("n", args=TrainingArguments("b", evaluation_strategy="no"))'
    two = PLAIN.format('eval_strategy="no"', "") + other.replace("evaluation", "eval") + "\n"
    assert isinstance(value(two, "project.tracker", {}), Default)
    both = PLAIN.format("", "") + other + "\n"
    assert isinstance(value(both, "project.tracker", {}), Unknown), "of every release with evaluation_strategy"
    one = PLAIN.format("", "") + "import sys\nif sys.argv[1]:\n    " + other + "\n"
    assert isinstance(value(one, "project.tracker", {}), Default), "not every run makes it"


def test_an_import_that_is_tried_bounds_nothing():
    tried = "\ntry:\n    from trl import DataCollatorForCompletionOnlyLM\nexcept ImportError:\n    pass"
    assert isinstance(precision(tried), Default)


def test_the_message_says_which_release_it_hangs_on():
    reviewer, settings = Reviewer(isolated=True), Settings(select=("project/tracking",))
    source, _, plans = reviewer.plans(PLAIN.format("", "").encode(), "train.py", settings)
    (one,) = judge(source, plans, reviewer.rulebook(settings), settings)[0].findings
    assert one.certainty == "default" and "unless an older transformers is installed" in one.message


def chosen_for(*stated):
    return chosen.choose([Statement(library, specifier, "requirements.txt:1") for library, specifier in stated])


def test_the_range_of_one_library_is_not_narrowed_by_the_newest_of_anothers_range():
    both = chosen_for(("transformers", ">=4.36.0"), ("trl", ">=0.7.4"))
    assert both["transformers"].versions[0] == "4.36.0"
    alone = chosen_for(("transformers", ">=4.36.0"))
    assert alone["transformers"].versions[0] == "4.36.0", "trl may be an old one, or missing"
    with_new = chosen_for(("transformers", ">=4.36.0"), ("trl", ">=1.10"))
    assert with_new["transformers"].versions[0] == "4.56.2"


@pytest.mark.parametrize("pin", [("huggingface_hub", "==0.20.3"), ("accelerate", "==0.27.0"), ("datasets", "==2.14.0")])
def test_an_old_pin_beside_them_holds_the_others_back(pin):
    found = chosen_for(pin)
    assert found["trl"].open and key_of(found["trl"].versions[-1]) < key_of("1.0")


def test_a_hub_of_the_past_allows_no_transformers_5():
    assert key_of(chosen_for(("huggingface_hub", "==0.20.3"))["transformers"].versions[-1]) < key_of("5.0.0")
    assert not chosen_for(("huggingface_hub", "==2.4.0"))["transformers"].open


def test_what_no_release_with_the_class_goes_with_is_not_allowed():
    code = "from peft import LoraConfig\nfrom trl import GRPOConfig\nLoraConfig()\n"
    code += 'a = GRPOConfig("out", eval_strategy="no")\n'
    fact = "api.missing_in_range"
    assert value(code, fact, {"transformers": ">=4.36.0", "trl": ">=0.7.4"}).value == []
    code = code.replace("GRPO", "SFT")
    assert value(code, fact, {"transformers": ">=4.36.0", "trl": ">=0.7.4"}).value == ["eval_strategy"]


def test_a_requirement_under_a_condition_does_not_replace_the_other():
    lines = ["transformers>=4.56.1", 'transformers!=4.57.0; python_version == "3.9"']
    assert dict(build.requirements(lines)) == {"transformers": ">=4.56.1"}
    assert dict(build.requirements(lines[1:])) == {"transformers": "!=4.57.0"}


@pytest.mark.parametrize(("named", "certainty"), [("trl", "default"), ("trl==1.16.0", "certain")])
def test_a_library_that_is_named_without_a_number_may_be_another_release(named, certainty, tmp_path):
    (tmp_path / "requirements.txt").write_text(f"{named}\n")
    script = tmp_path / "train.py"
    script.write_text("from trl import SFTConfig, SFTTrainer\nSFTTrainer('m', args=SFTConfig(max_seq_length=1))\n")
    (report,) = review(str(script), Options(isolated=True)).files
    found = [finding for finding in report.findings if finding.rule == "api/removed-argument"]
    assert [finding.certainty for finding in found] == [certainty]


@pytest.mark.parametrize(
    ("written", "specifier"),
    [
        ("git+https://github.com/huggingface/trl.git@v0.7.4", "==0.7.4"),
        ("trl @ git+https://github.com/huggingface/trl@v0.7.4#egg=trl", "==0.7.4"),
        ("git+https://github.com/huggingface/transformers@v4.51.3-Gemma3n-preview", "?"),
        ("git+https://github.com/huggingface/trl.git@main", "?"),
        ("git+https://github.com/huggingface/trl.git@7a34f60", "?"),
        ("unsloth[colab-new] @ git+https://github.com/unslothai/unsloth.git", "?"),
    ],
)
def test_the_tag_of_a_repository_states_the_release(written, specifier):
    assert declared.requirement(written, "requirements.txt:1").specifier == specifier


def test_the_tag_in_a_table_of_poetry_states_the_release(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.poetry.dependencies]\n"
        'trl = {git = "https://github.com/huggingface/trl.git", tag = "v0.9.6"}\n'
        'peft = {git = "https://github.com/huggingface/peft.git", rev = "main"}\n'
    )
    found, _ = declared.in_project(str(tmp_path), str(tmp_path))
    assert {one.library: one.specifier for one in found} == {"trl": "==0.9.6", "peft": "?"}


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("# pip install -U trl==0.9.6 'transformers<4.45'", {"trl": "==0.9.6", "transformers": "<4.45"}),
        ("# transformers==4.41.2", {"transformers": "==4.41.2"}),
        ('"""Train.\n\n    $ python -m pip install trl==0.9.6\n"""', {"trl": "==0.9.6"}),
        ("# transformers==4.41.2 is too old for this", {}),
        ("# pip install trl transformers", {}),
        ("# trl==0.9.6\n# trl==0.12.0", {}),
        ("version = transformers == 4", {}),
        ('NEEDED = "transformers==4.41.2"', {}),
    ],
)
def test_what_a_comment_says_to_install(line, stated):
    assert {one.library: one.specifier for one in declared.in_comments(line + "\nimport trl\n")} == stated


def test_the_files_of_a_project_count_before_a_comment(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("# pip install transformers==4.41.2\n" + PLAIN.format("", ""))

    def versions():
        _, _, plans = Reviewer(isolated=True).plans(script.read_bytes(), str(script), Settings())
        return plans[0]["api.versions"].value.value["transformers"]

    assert versions() == "4.41.2"
    (tmp_path / "requirements.txt").write_text("transformers==4.46.0\n")
    assert versions() == "4.46.0"


@pytest.mark.parametrize(
    ("stated", "certainty"),
    [({}, "default"), ({"trl": ">=0.12"}, "default"), ({"trl": ">=0.17"}, "certain")],
)
def test_an_eos_token_that_only_newer_releases_append_is_not_certain(stated, certainty):
    code = (
        "from datasets import load_dataset\nfrom trl import SFTConfig, SFTTrainer\n"
        "d = load_dataset('json', data_files='x.jsonl', split='train')\n"
        "d = d.map(lambda row: {'text': 'Question: ' + row['question'] + ' SQL: ' + row['sql']})\n"
        "SFTTrainer('m', args=SFTConfig('out'), train_dataset=d).train()\n"
    )
    reviewer, settings = Reviewer(isolated=True), Settings(select=("prompt/eos",), versions=stated)
    source, _, plans = reviewer.plans(code.encode(), "train.py", settings)
    items = judge(source, plans, reviewer.rulebook(settings), settings)[0].checklist
    item = next(one for one in items if one.rule == "prompt/eos")
    assert (item.verdict, item.certainty) == ("pass", certainty)


@pytest.mark.parametrize(("given", "verdict"), [("fp16=True, ", "fail"), ("", "unknown")])
def test_fp16_leaves_bf16_off_in_every_release(given, verdict, tmp_path):
    code = (
        f"from trl import SFTConfig, SFTTrainer\nargs = SFTConfig(output_dir='o', {given}max_seq_length=1024)\n"
        "SFTTrainer(model='m', args=args, train_dataset=rows).train()\n"
    )
    (script := tmp_path / "train.py").write_text(code)
    (file,) = review(str(script), Options(isolated=True)).files
    assert next(item.verdict for item in file.checklist if item.rule == "arguments/mixed-precision") == verdict
