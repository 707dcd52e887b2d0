"""Training data that no file shows: what depends on its form, its text or its labels is unknown; the rest is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review
from nl2sql_review.report.report import ChecklistItem

SCRIPT = """\
from datasets import load_dataset, load_from_disk
from shop.rows import collate, rows
from transformers import (
    AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

name = "{model}"
tokenizer = AutoTokenizer.from_pretrained(name)
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(name)

def told(row):
    return {{"text": {text}}}

def paired(row):
    return {{"prompt": row["question"], "completion": row["sql"]}}

def chat(row):
    turns = [{{"role": "user", "content": row["question"]}}, {{"role": "assistant", "content": row["sql"]}}]
    return {{"messages": turns}}

trainer = {trainer}(model=model, train_dataset={data}, {given})
trainer.train()
"""
LLAMA, PHI, GEMMA = "meta-llama/Llama-3.1-8B", "microsoft/Phi-3-mini-4k-instruct", "google/gemma-2-2b-it"
LOADED = 'load_dataset("json", data_files="rows.jsonl", split="train")'
SFT = 'processing_class=tokenizer, args=SFTConfig("out")'
MASKS = "data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False)"


def items(
    folder: Path,
    data: str,
    given: str = SFT,
    trainer: str = "SFTTrainer",
    model: str = LLAMA,
    text: str = 'row["question"] + "\\n" + row["sql"] + tokenizer.eos_token',
    needs: str = "",
) -> dict[str, ChecklistItem]:
    script = SCRIPT.format(data=data, given=given, trainer=trainer, model=model, text=text)
    (folder / "train.py").write_text(script, encoding="utf-8")
    if needs:
        (folder / "requirements.txt").write_text(needs + "\n", encoding="utf-8")
    (file,) = review(str(folder / "train.py"), Options(isolated=True)).files
    return {item.rule: item for item in file.checklist}


@pytest.mark.parametrize("data", ["rows('train')", "rows", "load_from_disk('rows')", LOADED])
@pytest.mark.parametrize("rule", ["bos", "second-eos", "boundary", "labels", "eos", "response-only-loss"])
def test_what_depends_on_rows_that_are_not_read_is_unknown(tmp_path, data, rule):
    found = items(tmp_path, data)[f"prompt/{rule}"]
    assert found.verdict == "unknown" and found.reason


def test_what_the_script_makes_of_them_is_judged(tmp_path):
    found = items(tmp_path, f"{LOADED}.map(told)")
    assert {found[f"prompt/{rule}"].verdict for rule in ("second-eos", "labels")} == {"pass"}
    assert found["prompt/boundary"].verdict == "not-applicable"
    assert found["prompt/response-only-loss"].verdict == "fail"


def test_a_tokenizer_without_a_bos_token_puts_none_before_any_text(tmp_path):
    assert items(tmp_path, "rows('train')", model="Qwen/Qwen2.5-7B")["prompt/bos"].verdict == "pass"


def test_a_trainer_that_is_given_tokens_appends_nothing(tmp_path):
    found = items(tmp_path, "rows('train')", 'args=TrainingArguments("out")', "Trainer")
    assert {found[f"prompt/{rule}"].verdict for rule in ("second-eos", "boundary")} == {"not-applicable"}
    assert found["prompt/labels"].verdict == "unknown"


def test_a_text_column_of_rows_that_are_not_traced_may_stand_beside_a_masked_answer(tmp_path):
    named = 'processing_class=tokenizer, args=SFTConfig("out", dataset_text_field="text")'
    found = items(tmp_path, "rows('train')", named)
    assert found["prompt/response-only-loss"].verdict == found["prompt/boundary"].verdict == "unknown"
    old = 'tokenizer=tokenizer, dataset_text_field="text", args=TrainingArguments("out")'  # looks at no other column
    assert items(tmp_path, "rows('train')", old, needs="trl==0.9.4")["prompt/response-only-loss"].verdict == "fail"


def test_a_prompt_that_ends_in_data_ends_in_what_nobody_knows(tmp_path):
    assert items(tmp_path, f"{LOADED}.map(paired)")["prompt/boundary"].verdict == "unknown"


# -- padding -----------------------------------------------------------------------------------------------------------


def test_a_collator_that_is_not_read_may_mask_the_padding_token(tmp_path):
    found = items(tmp_path, f"{LOADED}.map(told)", f"{SFT}, data_collator=collate")["prompt/padding"]
    assert found.verdict == "unknown" and "own collator" in found.reason
    assert items(tmp_path, f"{LOADED}.map(told)")["prompt/padding"].verdict == "not-applicable"


@pytest.mark.parametrize(
    "given, needs, verdict",
    [
        ('tokenizer=tokenizer, dataset_text_field="text", args=TrainingArguments("out")', "", "fail"),  # old ones only
        (SFT, "trl==0.15.2", "fail"),
        (SFT, "trl==0.19.0", "not-applicable"),
    ],
)
def test_the_releases_that_take_the_arguments_say_whether_padding_is_masked(tmp_path, given, needs, verdict):
    assert items(tmp_path, f"{LOADED}.map(told)", given, needs=needs)["prompt/padding"].verdict == verdict


def test_the_end_of_a_turn_before_the_eos_token_is_trained(tmp_path):
    chat = f"{LOADED}.map(chat)"
    found = items(tmp_path, chat, f"{SFT}, {MASKS}", model=PHI)["prompt/padding"]
    assert found.verdict == "not-applicable" and "<|end|>" in found.reason
    smol = items(tmp_path, chat, f"{SFT}, {MASKS}", model="HuggingFaceTB/SmolLM2-135M-Instruct")
    assert smol["prompt/padding"].verdict == "fail"


@pytest.mark.parametrize("end, verdict", [("<end_of_turn>", "not-applicable"), ("<eos>", "fail")])
def test_a_text_that_writes_another_end_is_trained_to_stop(tmp_path, end, verdict):
    text = f'row["question"] + "\\n" + row["sql"] + "{end}"'
    found = items(tmp_path, f"{LOADED}.map(told)", f"{SFT}, {MASKS}", model=GEMMA, text=text)
    assert found["prompt/padding"].verdict == verdict


def test_a_text_that_is_not_read_may_have_another_end(tmp_path):
    assert items(tmp_path, "rows('train')", f"{SFT}, {MASKS}", model=GEMMA)["prompt/padding"].verdict == "unknown"
    assert items(tmp_path, "rows('train')", f"{SFT}, {MASKS}")["prompt/padding"].verdict == "fail"  # it has no other


LOOP = """\
import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, DataCollatorWithPadding

tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B")
rows = load_dataset("json", data_files="rows.jsonl", split="train")
rows = rows.map(lambda row: tokenizer(row["question"] + row["sql"] + tokenizer.eos_token))
loader = DataLoader(rows, batch_size=4, collate_fn={collator})
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for batch in loader:
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""


@pytest.mark.parametrize(
    "collator, verdict",
    [
        ("DataCollatorForLanguageModeling(tokenizer, mlm=False)", "fail"),
        ("DataCollatorWithPadding(tokenizer)", "not-applicable"),
    ],
)
def test_the_collator_of_a_hand_written_loop_masks_padding_too(tmp_path, collator, verdict):
    (tmp_path / "loop.py").write_text(LOOP.format(collator=collator), encoding="utf-8")
    (file,) = review(str(tmp_path / "loop.py"), Options(isolated=True)).files
    assert next(item for item in file.checklist if item.rule == "prompt/padding").verdict == verdict


# -- what an option, or another release, may change --------------------------------------------------------------------

OPTIONS = """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--part", default={default!r})
args = parser.parse_args()
"""


@pytest.mark.parametrize(
    "default, text, certainty",
    [
        ("</s>", 'row["question"] + row["sql"] + args.part', "default"),
        ("</s>", "f\"{row['question']} {row['sql']}{args.part}\"", "default"),
        ("Write SQL.", 'args.part + row["question"] + row["sql"] + tokenizer.eos_token', "certain"),
    ],
)
def test_an_end_that_an_option_may_override_is_a_default(tmp_path, default, text, certainty):
    script = SCRIPT.format(
        data=f"{LOADED}.map(told)", given=SFT, trainer="SFTTrainer", model="mistralai/Mistral-7B-v0.1", text=text
    )
    (tmp_path / "train.py").write_text(OPTIONS.format(default=default) + script, encoding="utf-8")
    (file,) = review(str(tmp_path / "train.py"), Options(isolated=True)).files
    found = next(item for item in file.checklist if item.rule == "prompt/eos")
    assert (found.verdict, found.certainty) == ("pass", certainty)


@pytest.mark.parametrize(
    "needs, certainty", [("trl==0.20.0", "certain"), ("trl>=0.9", "default"), ("trl>=0.16", "certain"), ("", "default")]
)
def test_an_argument_that_an_allowed_release_takes_is_not_refused_for_certain(tmp_path, needs, certainty):
    given = 'tokenizer=tokenizer, args=SFTConfig("out")'
    found = items(tmp_path, f"{LOADED}.map(told)", given, needs=needs)
    removed = found["api/removed-argument"]
    assert (removed.verdict, removed.certainty) == ("fail", certainty)
