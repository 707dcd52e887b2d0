"""A trap on one branch of a choice that only the run makes: it is told as such, and never passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

HEAD = """\
import os
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, DataCollatorForSeq2Seq, Trainer,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer
NAME = "mistralai/Mistral-7B-Instruct-v0.3"
tok = AutoTokenizer.from_pretrained(NAME)
"""
CHAT = """
def chat(row):
    return {"messages": [
        {"role": "user", "content": f"{row['schema']} {row['question']}"}, {"role": "assistant", "content": row["sql"]},
    ]}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(chat, remove_columns=["schema", "question", "sql"])
"""
TRAIN = (
    "SFTTrainer(model=NAME, processing_class=tok, args=args, train_dataset=rows, peft_config=LoraConfig(r=16)).train()"
)
ENCODED = """
def encode(row):
    prompt = tok(row["question"])["input_ids"]
    answer = tok(row["sql"] + tok.eos_token, add_special_tokens=False)["input_ids"]
    return {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = get_peft_model(AutoModelForCausalLM.from_pretrained(NAME), LoraConfig(r=16))
collator = DataCollatorForLanguageModeling(tok, mlm=False) if os.path.exists("old") else DataCollatorForSeq2Seq(tok)
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows, data_collator=collator).train()
"""


def arguments(settings: str) -> str:
    choice = f'SFTConfig(output_dir="o", {settings}) if os.path.exists("x") else SFTConfig(output_dir="o")'
    return f"{CHAT}args = {choice}\n{TRAIN}"


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("prompt/labels", arguments("assistant_only_loss=True")),
        ("prompt/labels", ENCODED),
        ("api/inert-argument", arguments("max_steps=60, num_train_epochs=3")),
        ("api/conflicting-arguments", arguments("fp16=True, bf16=True")),
        ("dataset/joined-samples", arguments('packing=True, packing_strategy="wrapped"')),
    ],
)
def test_a_trap_on_one_branch(tmp_path: Path, rule: str, body: str) -> None:
    (tmp_path / "train.py").write_text(HEAD + body)
    (file,) = review(tmp_path / "train.py", Options(isolated=True, overrides={"select": [rule]})).files
    assert [finding.certainty for finding in file.findings] == ["branch"]


@pytest.mark.parametrize("body", [arguments("assistant_only_loss=True"), ENCODED])
def test_a_loss_that_the_branch_decides(tmp_path: Path, body: str) -> None:
    assert verdict(tmp_path, HEAD + body, "prompt/response-only-loss") == "unknown"


def test_embeddings_trained_on_one_branch(tmp_path: Path) -> None:
    script = HEAD + CHAT + (
        'tok.add_special_tokens({"additional_special_tokens": ["<table>", "<col>"]})\n'
        'lora = LoraConfig(r=16, modules_to_save=["embed_tokens"]) if os.path.exists("x") else LoraConfig(r=16)\n'
        'args = SFTConfig(output_dir="o")\n' + TRAIN.replace("LoraConfig(r=16)", "lora")
    )  # fmt: skip
    assert verdict(tmp_path, script, "lora/untrained-tokens") == "unknown"


MERGE = "if os.path.exists('x'):\n    {}\n"


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (MERGE.format("model.merge_and_unload()\n    model.save_pretrained('m')"), ["branch"]),
        (MERGE.format("model.merge_and_unload()\nelse:\n    model.save_pretrained('m')"), []),
        (MERGE.format("model = model.merge_and_unload()\n    model.save_pretrained('m')"), []),
        (MERGE.format("model = model.merge_and_unload()\nmodel.save_pretrained('m')"), []),
    ],
)
def test_a_merge_and_a_save_on_one_branch(tmp_path: Path, end: str, told: list[str]) -> None:
    (tmp_path / "train.py").write_text(HEAD + ENCODED + end)
    options = Options(isolated=True, overrides={"select": ["artifact/saved-weights"]})
    (file,) = review(tmp_path / "train.py", options).files
    assert [finding.certainty for finding in file.findings] == told


UNSLOTH = """\
import os
from unsloth import FastLanguageModel
from unsloth.chat_templates import get_chat_template, train_on_responses_only
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
model, tok = FastLanguageModel.from_pretrained("unsloth/phi-4", max_seq_length=2048, load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16)
tok = get_chat_template(tok, chat_template="phi-4")
def text(row):
    chat = [{{"role": "user", "content": row["question"]}}, {{"role": "assistant", "content": row["sql"]}}]
    return {{"text": tok.apply_chat_template(chat, tokenize=False)}}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(text)
trainer = SFTTrainer(model=model, processing_class=tok, train_dataset=rows, args=SFTConfig(output_dir="o"))
if os.path.exists("x"):
    trainer = train_on_responses_only(trainer, {}, {})
else:
    trainer = train_on_responses_only(trainer, {}, {})
trainer.train()
"""
RIGHT = '"<|im_start|>user<|im_sep|>"', '"<|im_start|>assistant<|im_sep|>"'
WRONG = '"<|im_start|>user\\n"', '"<|im_start|>assistant\\n"'


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(RIGHT, RIGHT, "pass"), (WRONG, WRONG, "fail"), (WRONG, RIGHT, "unknown"), (RIGHT, WRONG, "unknown")],
)
def test_the_markers_of_each_branch(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str], expected: str
) -> None:
    assert verdict(tmp_path, UNSLOTH.format(*first, *second), "prompt/markers") == expected


def verdict(folder: Path, script: str, rule: str) -> str:
    (folder / "train.py").write_text(script)
    (file,) = review(folder / "train.py", Options(isolated=True, overrides={"select": [rule]})).files
    return next(item.verdict for item in file.checklist if item.rule == rule)


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ('packing=json.load(open("c.json"))["packing"]', "unknown"),
        ('padding_free=json.load(open("c.json"))["free"]', "unknown"),
        ("packing=False", "not-applicable"),
    ],
)
def test_a_packing_that_only_the_run_decides(tmp_path: Path, settings: str, verdict: str) -> None:
    body = f'import json\n{HEAD}{CHAT}args = SFTConfig(output_dir="o", {settings})\n{TRAIN}'
    (tmp_path / "train.py").write_text(body, encoding="utf-8")
    (file,) = review(str(tmp_path / "train.py"), Options(isolated=True)).files
    assert [str(one.verdict) for one in file.checklist if one.rule == "dataset/joined-samples"] == [verdict]


CHECKPOINTED = """
import argparse
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
parser = argparse.ArgumentParser()
parser.add_argument("--probe", action="store_true")
parser.add_argument("--full", action="store_false")
args = parser.parse_args()
{}
"""
LOADED = 'model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")'
ADAPTED = "model = get_peft_model(model, LoraConfig(r=16))"
ENABLED = "    model.gradient_checkpointing_enable()"


@pytest.mark.parametrize(
    ("lines", "certainty"),
    [
        ((LOADED, ENABLED.strip(), ADAPTED), "certain"),
        ((LOADED, 'if hasattr(model, "gradient_checkpointing_enable"):', ENABLED, ADAPTED), "certain"),
        ((LOADED, "if model.config.tied:", ENABLED, ADAPTED), "branch"),
        ((LOADED, "if args.full:", ENABLED, ADAPTED), "default"),
        (("if args.probe:", f"    {LOADED}", ENABLED, f"    {ADAPTED}"), "certain"),
        (("if args.probe:", f"    {LOADED}", "    if args.full:", f"    {ENABLED}", f"    {ADAPTED}"), "default"),
    ],
    ids=["always", "asked for", "a branch", "an option", "with the model", "an option beside the model's"],
)
def test_gradient_checkpointing_is_as_sure_as_the_branch_that_enables_it(lines, certainty, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(CHECKPOINTED.format("\n".join(lines)))
    (report,) = review(str(path), Options(isolated=True)).files
    assert [f.certainty for f in report.findings if f.rule == "lora/gradient-checkpointing"] == [certainty]
