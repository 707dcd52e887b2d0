"""A trap behind an option whose default sets it: it is told, as something that the option may override."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

HEAD = """\
import argparse
from datasets import load_dataset
from peft import LoraConfig, PeftModel
from transformers import (
    AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, DataCollatorForLanguageModeling, Trainer,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--switch", action=argparse.BooleanOptionalAction, default={default})
switch = parser.parse_args().switch
NAME = "mistralai/Mistral-7B-Instruct-v0.3"
tok = AutoTokenizer.from_pretrained(NAME)
"""
ASSISTANT_ONLY = """
def chat(row):
    return {"messages": [
        {"role": "user", "content": f"{row['schema']} {row['question']}"}, {"role": "assistant", "content": row["sql"]},
    ]}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(chat, remove_columns=["schema", "question", "sql"])
args = SFTConfig(output_dir="o", assistant_only_loss=switch)
SFTTrainer(model=NAME, processing_class=tok, args=args, train_dataset=rows, peft_config=LoraConfig(r=16)).train()
"""
REMADE = """
def encode(row):
    prompt = tok(row["question"])["input_ids"]
    answer = tok(row["sql"] + tok.eos_token, add_special_tokens=False)["input_ids"]
    return {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained(NAME)
collator = DataCollatorForLanguageModeling(tok, mlm=switch)
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows, data_collator=collator).train()
"""
MERGED = """
rows = load_dataset("json", data_files="t.jsonl", split="train")
SFTTrainer(model=NAME, args=SFTConfig(output_dir="o"), train_dataset=rows, peft_config=LoraConfig(r=16)).train()
base = AutoModelForCausalLM.from_pretrained(NAME, quantization_config=BitsAndBytesConfig(load_in_4bit=switch))
merged = PeftModel.from_pretrained(base, "o").merge_and_unload()
merged.save_pretrained("m")
"""
BATCHED = """
def text(batch):
    texts = []
    for question, sql in zip(batch["question"], batch["sql"]):
        texts.append(f"### Question: {question} ### SQL: {sql}")
    return {"text": texts}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(text, batched=switch)
SFTTrainer(model=NAME, processing_class=tok, args=SFTConfig(output_dir="o"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("rule", "body", "trap"),
    [
        ("prompt/labels", ASSISTANT_ONLY, True),
        ("prompt/labels", REMADE, False),
        ("artifact/quantized-merge", MERGED, True),
    ],
)
def test_the_default_is_judged_and_its_option_named(tmp_path: Path, rule: str, body: str, trap: bool) -> None:
    certainties = {}
    for default in (trap, not trap):
        (tmp_path / "train.py").write_text(HEAD.format(default=default) + body)
        (file,) = review(tmp_path / "train.py", Options(isolated=True, overrides={"select": [rule]})).files
        certainties[default] = [finding.certainty for finding in file.findings]
    assert certainties == {trap: ["default"], not trap: []}


MASKED = """
from unsloth.chat_templates import train_on_responses_only
def chat(row):
    said = [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["sql"]}]
    return {"text": tok.apply_chat_template(said, tokenize=False)}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(chat)
trainer = SFTTrainer(model=NAME, processing_class=tok, args=SFTConfig(output_dir="o"), train_dataset=rows)
{test}trainer = train_on_responses_only(trainer, instruction_part="[INST]", response_part="[/INST]")
trainer.train()
"""


@pytest.mark.parametrize(
    ("default", "test", "judged"),
    [
        (True, "if switch: ", ("pass", "default")),
        (False, "if switch: ", ("fail", "default")),
        (False, "", ("pass", "certain")),
        (False, "if False: ", ("fail", "certain")),
    ],
)
def test_an_option_that_masks_the_prompt(tmp_path: Path, default: bool, test: str, judged: tuple[str, str]) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=default) + MASKED.replace("{test}", test))
    (file,) = review(tmp_path / "train.py", Options(isolated=True)).files
    (item,) = [item for item in file.checklist if item.rule == "prompt/response-only-loss"]
    assert (item.verdict, item.certainty) == judged
    told = [finding.message for finding in file.findings if finding.rule == "prompt/response-only-loss"]
    assert all(("default of --switch" in message) == (judged[1] == "default") for message in told)


def test_rows_mapped_in_batches_by_default(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=True) + BATCHED)
    (file,) = review(tmp_path / "train.py", Options(isolated=True, overrides={"select": ["prompt/eos"]})).files
    assert [item.verdict for item in file.checklist if item.rule == "prompt/eos"] != ["unknown"]


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        ("raise SystemExit(\n        'pip install unsloth'\n    ) from error", True),
        ("print(error)\n    sys.exit(1)", True),
        ("from peft import LoraConfig", False),
        ("FastLanguageModel = None", False),
    ],
)
def test_a_handler_that_ends_the_program_is_no_fallback(tmp_path: Path, handler: str, told: bool) -> None:
    (tmp_path / "train.py").write_text(
        "import sys\nfrom trl import SFTConfig, SFTTrainer\ntry:\n    from unsloth import FastLanguageModel\n"
        f"except ImportError as error:\n    {handler}\n"
        'model, tok = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", max_seq_length=1024)\n'
        'SFTTrainer(model=model, processing_class=tok, args=SFTConfig(output_dir="o")).train()\n'
    )
    options = Options(isolated=True, overrides={"select": ["api/import-order"]})
    (file,) = review(tmp_path / "train.py", options).files
    assert bool(file.findings) is told


WRITTEN = """
args = SFTConfig(output_dir="o", learning_rate=7e-5)
if {test}:
    args.learning_rate = 3e-3
    args.save_total_limit = 9
rows = load_dataset("json", data_files="t.jsonl", split="train")
SFTTrainer(model=NAME, args=args, train_dataset=rows, peft_config=LoraConfig(r=16)).train()
"""


@pytest.mark.parametrize(
    ("test", "default", "rate", "limit"),
    [
        ("switch", True, ("default", "learning_rate=0.003"), ("default", "save_total_limit=9")),
        ("switch", False, ("default", "learning_rate=7e-5"), ("default", "save_total_limit=None")),
        ("tok.name_or_path in open('known').read()", True, ("branch", "0.003 or 7e-5"), ("branch", "is 9 or None")),
        ("True", True, ("certain", "learning_rate=0.003"), ("certain", "save_total_limit=9")),
    ],
)
def test_a_setting_written_in_a_branch_leaves_what_the_object_was_made_with(
    tmp_path: Path, test: str, default: bool, rate: tuple[str, str], limit: tuple[str, str]
) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=default) + WRITTEN.format(test=test))
    rules = ("arguments/learning-rate", "checkpointing/limit")
    (file,) = review(tmp_path / "train.py", Options(isolated=True, overrides={"select": list(rules)})).files
    told = {finding.rule: (finding.certainty, finding.message) for finding in file.findings}
    for rule, (certainty, said) in zip(rules, (rate, limit)):
        assert told[rule][0] == certainty
        assert said in told[rule][1]


RESUMED = """
rows = load_dataset("json", data_files="t.jsonl", split="train")
trainer = SFTTrainer(model=NAME, args=SFTConfig(output_dir="o"), train_dataset=rows, peft_config=LoraConfig(r=16))
if switch:
    trainer.train(resume_from_checkpoint=True)
else:
    trainer.train()
"""


@pytest.mark.parametrize(("default", "said"), [(True, "the first run fails"), (False, "training never resumes")])
def test_another_way_to_start_is_no_handler_of_the_first(tmp_path: Path, default: bool, said: str) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=default) + RESUMED)
    options = Options(isolated=True, overrides={"select": ["checkpointing/resume"]})
    (file,) = review(tmp_path / "train.py", options).files
    (finding,) = file.findings
    assert finding.certainty == "default"
    assert said in finding.message


QUANTIZED = """
whole = {whole}
if switch:
    quantized = BitsAndBytesConfig(load_in_4bit=True)
    model = AutoModelForCausalLM.from_pretrained(NAME, quantization_config=quantized)
else:
    model = AutoModelForCausalLM.from_pretrained(NAME, **whole)
rows = load_dataset("json", data_files="t.jsonl", split="train")
SFTTrainer(model=model, args=SFTConfig(output_dir="o"), train_dataset=rows, peft_config=LoraConfig(r=16)).train()
"""


@pytest.mark.parametrize(
    ("whole", "certainty"),
    [("{}", "default"), ('{"quantization_config": BitsAndBytesConfig(load_in_4bit=True)}', "certain")],
)
def test_a_model_that_another_option_loads_whole_is_quantized_by_default(
    tmp_path: Path, whole: str, certainty: str
) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=True) + QUANTIZED.format(whole=whole))
    options = Options(isolated=True, overrides={"select": ["lora/four-bit"]})
    (file,) = review(tmp_path / "train.py", options).files
    assert [(item.verdict, item.certainty) for item in file.checklist] == [("pass", certainty)]


REPORTED = """
import os
args = SFTConfig(output_dir="o", report_to="wandb" if os.environ.get({name!r}) else "none")
rows = load_dataset("json", data_files="t.jsonl", split="train")
SFTTrainer(model=NAME, args=args, train_dataset=rows, peft_config=LoraConfig(r=16)).train()
"""


@pytest.mark.parametrize(("name", "verdict"), [("WANDB_API_KEY", "unknown"), ("REPORT", "fail")])
def test_a_secret_that_may_be_set_is_not_unset_by_default(tmp_path: Path, name: str, verdict: str) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=True) + REPORTED.format(name=name))
    options = Options(isolated=True, overrides={"select": ["project/tracking"]})
    (file,) = review(tmp_path / "train.py", options).files
    assert [item.verdict for item in file.checklist] == [verdict]


LABELLED = """
def encode(row):
    made = tok(row["question"] + row["sql"])
    made["labels"] = made["input_ids"].copy()
    if {test}:
        asked = len(tok(row["question"])["input_ids"])
        made["labels"] = [-100] * asked + made["labels"][asked:]
    return made
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained(NAME)
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("test", "verdict", "certainty"),
    [
        ("not switch", "fail", "default"),
        ("switch", "pass", "default"),
        ("False", "fail", "certain"),
        ("True", "pass", "certain"),
    ],
)
def test_labels_that_an_option_masks(tmp_path: Path, test: str, verdict: str, certainty: str) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=True) + LABELLED.format(test=test))
    options = Options(isolated=True, overrides={"select": ["prompt/response-only-loss"]})
    (file,) = review(tmp_path / "train.py", options).files
    (item,) = file.checklist
    assert (item.verdict, item.certainty) == (verdict, certainty)


ANSWERS = """
base = {base}
model = AutoModelForCausalLM.from_pretrained(base)
trainer = Trainer(model=model, args=TrainingArguments("o"), train_dataset=load_dataset("t", split="train"))
trainer.train()
answer = model.generate(tok(input(), return_tensors="pt").input_ids)
"""


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("'codellama/CodeLlama-7b-hf'", ["certain"]),
        (
            "(parser.add_argument('--base', default='codellama/CodeLlama-7b-hf'), parser.parse_args().base)[1]",
            ["default"],
        ),
        ("input()", []),
    ],
)
def test_an_option_for_the_model_decides_whether_it_brings_a_length(
    tmp_path: Path, base: str, expected: list[str]
) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(default=True) + ANSWERS.format(base=base))
    (file,) = review(tmp_path / "train.py", Options(isolated=True, overrides={"select": ["artifact/generation"]})).files
    assert [finding.certainty for finding in file.findings] == expected
