"""Kinds of scripts on which a verdict was wrong, each beside the twin on which it is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, plan, review

MODEL = 'model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.2-3B")\n'
TOKENIZER = 'tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.2-3B")\n'
HEAD = """\
import wandb
from datasets import load_dataset
from peft import LoraConfig, PeftConfig, PrefixTuningConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, DataCollatorForSeq2Seq, Trainer,
    TrainingArguments,
)
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
"""
ROWS = 'rows = load_dataset("json", data_files="train.jsonl", split="train")\n'


def items(folder: Path, code: str, **files: str) -> tuple[dict[str, str], list[str]]:
    """The verdict of each item, and the rules of the findings with the start of their messages."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_txt", ".txt")).write_text(text, encoding="utf-8")
    (folder / "train.py").write_text(HEAD + code, encoding="utf-8")
    report = review([str(folder / "train.py")], options=Options())
    assert not report.internal_errors
    (file,) = report.files
    return {i.rule: str(i.verdict) for i in file.checklist}, [f"{f.rule} {f.message}" for f in file.findings]


MASKED = """\
def encode(batch):
    ids, labels = [], []
    for question, query in zip(batch["question"], batch["sql"]):
        whole = tokenizer(question + query)["input_ids"]
        asked = len(tokenizer(question)["input_ids"])
        one = {copy}
{mask}
        ids.append(whole)
        labels.append(one)
    return {{"input_ids": ids, "labels": labels}}


rows = rows.map(encode, batched=True, remove_columns=rows.column_names)
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer)).train()
"""


@pytest.mark.parametrize("copy", ["whole.copy()", "list(whole)"])
@pytest.mark.parametrize(
    ("mask", "verdict"),
    [("        for i in range(asked):\n            one[i] = -100", "unknown"), ("        pass", "fail")],
)
def test_labels_that_a_loop_replaces_are_not_those_of_all_tokens(tmp_path, copy, mask, verdict):
    found, _ = items(tmp_path, MODEL + TOKENIZER + ROWS + MASKED.format(copy=copy, mask=mask))
    assert found["prompt/response-only-loss"] == verdict


TEXT = """\
def text(row):
    return {"text": "### Question:\\n" + row["question"] + "\\n### SQL:\\n" + row["sql"]}


"""
SFT = "SFTTrainer(model=model, {arguments}train_dataset=rows.map(text), args=SFTConfig(output_dir='out')).train()\n"


@pytest.mark.parametrize(
    ("arguments", "stated", "verdict"),
    [
        ("processing_class=tokenizer, ", "", "pass"),
        ("tokenizer=tokenizer, ", "", "unknown"),  # the trl that is assumed refuses it: the script runs on an older one
        ("tokenizer=tokenizer, ", "trl", "unknown"),
        ("tokenizer=tokenizer, ", "trl==0.15.2", "fail"),
    ],
)
def test_a_version_that_refuses_the_script_proves_nothing_of_its_run(tmp_path, arguments, stated, verdict):
    script = MODEL + TOKENIZER + ROWS + TEXT + SFT.format(arguments=arguments)
    found, _ = items(tmp_path, script, requirements_txt=stated)
    assert found["prompt/eos"] == verdict


CLASSES = """\
model = {model}.from_pretrained("bert-base-chinese")
tokenizer = AutoTokenizer.from_pretrained("bert-base-chinese")
rows = rows.map(lambda batch: tokenizer(batch["sentence"], truncation=True), batched=True)
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("model", "verdict"),
    [("AutoModelForSequenceClassification", "not-applicable"), ("AutoModelForCausalLM", "fail")],
)
def test_a_classifier_has_no_prompt_to_mask(tmp_path, model, verdict):
    found, _ = items(tmp_path, ROWS + CLASSES.format(model=model))
    assert found["prompt/response-only-loss"].replace(" ", "-") == verdict


ADAPTED = (
    "SFTTrainer(model=model, peft_config={config}, train_dataset=rows, args=SFTConfig(output_dir='out')).train()\n"
)


@pytest.mark.parametrize(
    ("config", "adapter", "rank"),
    [
        ('PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=20)', "fail", "not applicable"),
        ('PeftConfig.from_pretrained("me/adapter")', "unknown", "unknown"),
        ("LoraConfig(r=8)", "pass", "fail"),
    ],
)
def test_the_rank_is_asked_of_adapters_that_have_one(tmp_path, config, adapter, rank):
    found, _ = items(tmp_path, MODEL + ROWS + ADAPTED.format(config=config))
    assert (found["lora/adapter"], found["lora/rank"].replace("-", " ").replace("_", " ")) == (adapter, rank)


LOGGED = """\
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32))
wandb.init(config={{"optimizer": "{optimizer}"}})
print(f"{line}")
SFTTrainer(model=model, train_dataset=rows, args=SFTConfig(output_dir="out", optim="{optim}")).train()
"""


@pytest.mark.parametrize(
    ("optimizer", "optim", "line", "verdict"),
    [
        ("AdamW_Torch", "adamw_torch", "", "pass"),
        ("sgd", "adamw_torch", "", "fail"),
        ("adamw_torch", "adamw_torch", "LoRA r/alpha: 16/32", "pass"),
        ("adamw_torch", "adamw_torch", "LoRA alpha: 16", "fail"),
    ],
)
def test_what_is_recorded_is_compared_as_it_is_meant(tmp_path, optimizer, optim, line, verdict):
    found, _ = items(tmp_path, MODEL + ROWS + LOGGED.format(optimizer=optimizer, optim=optim, line=line))
    assert found["project/tracked-config"] == verdict


PREFERENCES = "DPOTrainer(model=model, args=DPOConfig(output_dir='o'{precision}), train_dataset=rows).train()\n"


@pytest.mark.parametrize(("precision", "told"), [(", fp16=True", False), (", fp16=False", True), ("", True)])
def test_bf16_stays_off_beside_fp16_in_every_version(tmp_path, precision, told):
    script = MODEL + ROWS + PREFERENCES.format(precision=precision)
    items(tmp_path, script, requirements_txt="transformers>=4.36.0\ntrl>=0.15.2\n")
    changed = plan(str(tmp_path / "train.py")).plan.api["changed_defaults"].value
    assert ("bf16" in changed) is told


ANSWERS = """\
from unsloth import FastModel
from unsloth.chat_templates import train_on_responses_only

model, tokenizer = FastModel.from_pretrained("{model}")
model = FastModel.get_peft_model(model, r=16)


def text(row):
    turns = [{{"role": "user", "content": row["question"]}}, {{"role": "assistant", "content": row["sql"]}}]
    return {{"text": tokenizer.apply_chat_template(turns, tokenize=False)}}


trainer = SFTTrainer(model=model, tokenizer=tokenizer, train_dataset=rows.map(text), args=SFTConfig(output_dir="o"))
{masking}
trainer.train()
"""
MASKING = 'trainer = train_on_responses_only(trainer, instruction_part="{0}user\\n", response_part="{0}model\\n")'


@pytest.mark.parametrize(
    ("model", "masking", "verdict"),
    [
        ("unsloth/gemma-4-E2B-it", MASKING.format("<|turn>"), "pass"),
        ("unsloth/gemma-4-E2B-it", MASKING.format("<start_of_turn>"), "fail"),
        ("unsloth/gemma-3-4b-it", MASKING.format("<start_of_turn>"), "pass"),
        ("unsloth/gemma-3-4b-it", "trainer.train_on_responses_only()", "unknown"),
    ],
)
def test_markers_are_those_that_the_model_writes_and_the_mask_gets(tmp_path, model, masking, verdict):
    found, _ = items(tmp_path, ROWS + ANSWERS.format(model=model, masking=masking))
    assert found["prompt/markers"] == verdict


WAITS = """\
def arguments():
    return SFTConfig(output_dir="out", max_seq_length=1024)


def trainer(model, rows, config):
    return SFTTrainer(model=model, train_dataset=rows, args=config)
"""
STARTS = 'trainer(AutoModelForCausalLM.from_pretrained("gpt2"), load_dataset("rows"), arguments()).train()\n'


@pytest.mark.parametrize(
    ("start", "stated", "told"),
    [
        ("", "trl>=0.9.0\nunsloth>=2026.7.6\n", False),
        ("", "trl>=0.9.0\n", True),
        (STARTS, "trl>=0.9.0\nunsloth\n", True),
    ],
)
def test_a_file_that_another_one_imports_may_get_the_classes_of_unsloth(tmp_path, start, stated, told):
    _, found = items(tmp_path, WAITS + start, requirements_txt=stated)
    assert any("max_seq_length" in one for one in found if one.startswith("api/removed-argument")) is told


@pytest.mark.parametrize(("stated", "name"), [("trl==0.12.2", "max_seq_length"), ("trl==0.19.1", "max_length")])
def test_what_to_use_instead_is_in_the_stated_version(tmp_path, stated, name):
    script = MODEL + ROWS + TEXT + SFT.format(arguments="max_seq_length=1024, ")
    items(tmp_path, script, requirements_txt=stated)
    (file,) = review([str(tmp_path / "train.py")], options=Options()).files
    assert any(f"SFTConfig({name}=…)" in finding.help for finding in file.findings)


ASKED = """\
def encode(row):
    return tokenizer(row["question"] + row["sql"], truncation=True, max_length=384)


Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows.map(encode)).train()
tokenizer("How many?", truncation=True, max_length={length}, return_tensors="pt")
"""


@pytest.mark.parametrize("length", [384, 3800])
def test_a_question_asked_after_training_is_no_training_row(tmp_path, length):
    items(tmp_path, MODEL + TOKENIZER + ROWS + ASKED.format(length=length))
    assert plan(str(tmp_path / "train.py")).plan.memory["sequence_length"].value == 384


@pytest.mark.parametrize(("stated", "told"), [("transformers>=5.0", False), ("transformers>=5.0\ntrl>=0.20", True)])
def test_checkpointing_that_is_off_by_either_name_has_not_changed(tmp_path, stated, told):
    trainer = "SFTTrainer(model=model, args=SFTConfig('o'), train_dataset=rows)\n"
    if not told:
        trainer = "Trainer(model=model, args=TrainingArguments('o'), train_dataset=rows)\n"
    items(tmp_path, MODEL + ROWS + trainer, requirements_txt=stated)
    changed = plan(str(tmp_path / "train.py")).plan.api["changed_defaults"].value
    assert ("gradient_checkpointing" in changed) is told


def test_the_prompts_of_grpo_are_not_the_length_of_its_rows(tmp_path):
    code = "from trl import GRPOConfig, GRPOTrainer\n" + MODEL + TOKENIZER + ROWS
    code += "rows = rows.map(lambda row: tokenizer(row['question'], truncation=True, max_length=256))\n"
    code += "GRPOTrainer(model=model, args=GRPOConfig('out'), train_dataset=rows, reward_funcs=len).train()\n"
    assert items(tmp_path, code)[0]["memory/sequence-length"] in ("not-applicable", "unknown")


PADDED = """\
class Weighted(Trainer):
    def {method}(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        seen = inputs["attention_mask"]
        return (model(**inputs).logits.sum(-1) * seen).mean()


def encode(row):
    made = tokenizer(row["question"] + row["sql"], padding="max_length", truncation=True, max_length=384)
    made["labels"] = made["input_ids"].copy()
    return made


Weighted(model=model, args=TrainingArguments("out"), train_dataset=rows.map(encode)).train()
"""


@pytest.mark.parametrize(("method", "verdict"), [("compute_loss", "pass"), ("prediction_step", "fail")])
def test_a_loss_of_the_scripts_own_may_leave_padding_out(tmp_path, method, verdict):
    found, _ = items(tmp_path, MODEL + TOKENIZER + ROWS + PADDED.format(method=method))
    assert found["prompt/labels"] == verdict
