"""Labels that a collator of the script's own fills up with a token, in a loop and under a trainer."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

HEAD = """\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
def collate(rows):
    ids = pad_sequence([r["input_ids"] for r in rows], batch_first=True, padding_value=tokenizer.pad_token_id)
    labels = pad_sequence([r["labels"] for r in rows], batch_first=True{value})
{more}    return {{"input_ids": ids, "labels": labels}}
"""
LOOP = """\
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for batch in DataLoader(rows, batch_size={size}, collate_fn=collate):
    {loss}
    loss.backward()
    optimizer.step()
"""
OWN = "loss = model(**batch).loss"
OTHER = "loss = torch.nn.functional.cross_entropy(model(**batch).logits, batch['labels'], ignore_index=0)"
TRAINER = """\
args = TrainingArguments("out", per_device_train_batch_size={size})
Trainer(model=model, args=args, train_dataset=rows, data_collator=collate).train()
"""


@pytest.mark.parametrize(
    ("value", "more", "end", "told"),
    [
        (", padding_value=0", "", LOOP.format(size=4, loss=OWN), True),
        ("", "", LOOP.format(size=4, loss=OWN), True),
        (", padding_value=tokenizer.pad_token_id", "", LOOP.format(size=4, loss=OWN), True),
        (", padding_value=tokenizer.pad_token_id", "", TRAINER.format(size=4), True),
        (", padding_value=-100", "", LOOP.format(size=4, loss=OWN), False),
        (", padding_value=-100", "", TRAINER.format(size=4), False),
        (", padding_value=FILL", "", LOOP.format(size=4, loss=OWN), False),
        (", padding_value=0", "    labels[labels == 0] = -100\n", LOOP.format(size=4, loss=OWN), False),
        (", padding_value=0", "", LOOP.format(size=4, loss=OTHER), False),
        (", padding_value=0", "", LOOP.format(size=1, loss=OWN), False),
        (", padding_value=0", "", TRAINER.format(size=1), False),
    ],
)
def test_padding_is_in_the_loss_of_the_model(tmp_path: Path, value: str, more: str, end: str, told: bool) -> None:
    (tmp_path / "train.py").write_text(HEAD.format(value=value, more=more) + end, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    found = [f for f in file.findings if f.rule == "prompt/labels"]
    assert [f.location.row for f in found] == ([9] if told else [])


@pytest.mark.parametrize(
    ("token", "size", "before", "told"),
    [
        ("tokenizer.pad_token_id", 4, "", True),
        ("tokenizer.pad_token_id", 1, "", False),
        ("tokenizer.eos_token_id, padding='max_length', max_length=128", 4, "", True),
        ("tokenizer.eos_token_id, padding='max_length', max_length=128", 1, "", True),  # fills up a single row, too
        ("tokenizer.eos_token_id, padding='max_length'", 1, "", False),
        ("tokenizer.eos_token_id", 4, "ids = tokenizer(text, padding='max_length')\n", False),  # maybe of one length
        ("tokenizer.eos_token_id, padding='max_length'", 4, "ids = tokenizer(text, padding='max_length')\n", False),
        ("0", 4, "", True),
        ("-100", 4, "", False),
        ("IGNORED", 4, "", False),  # whatever it is
    ],
)
def test_labels_filled_up_by_the_library(tmp_path: Path, token: str, size: int, before: str, told: bool) -> None:
    collator = f"DataCollatorForSeq2Seq(tokenizer, label_pad_token_id={token})"
    code = before + HEAD.format(value="", more="").replace("import Auto", "import DataCollatorForSeq2Seq, Auto")
    code += TRAINER.format(size=size).replace("data_collator=collate", f"data_collator={collator}")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert ("prompt/labels" in {one.rule for one in file.findings}) == told


OWN_TEXTS = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
class Collate:
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
    def __call__(self, rows):
        texts = []
        for row in rows:
            texts.append(f"Question: {{row['question']}}\\nSQL: {{row['sql']}}")
        batch = self.tokenizer(texts, {how}return_tensors="pt")
        batch["labels"] = batch["input_ids"].clone()
{more}        return batch
args = TrainingArguments("out", per_device_train_batch_size=4, remove_unused_columns=False)
rows = load_dataset("json", data_files="t.jsonl")
Trainer(model=model, args=args, train_dataset=rows, data_collator=Collate(tokenizer)).train()
"""


@pytest.mark.parametrize(
    ("how", "more", "ends"),
    [
        ('padding="max_length", max_length=512, ', "", "unknown"),
        ("padding=True, ", "", "unknown"),  # the padding token may be the EOS token
        ("", "", "fail"),
        ("padding=True, ", '        batch["labels"][batch["attention_mask"] == 0] = -100\n', "fail"),
    ],
)
def test_padding_in_the_loss_of_a_collator_may_end_a_text(tmp_path: Path, how: str, more: str, ends: str) -> None:
    (tmp_path / "train.py").write_text(OWN_TEXTS.format(how=how, more=more), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert next(one for one in file.checklist if one.rule == "prompt/eos").verdict == ends


TARGETS = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
def encode(rows):
    {how}
    return made
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode, batched={batched})
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows, data_collator={collator}).train()
"""
BOTH = 'made = tokenizer(text=rows["sql"], text_target=rows["sql"], padding={})'
APART = 'made = tokenizer(rows["sql"]); made["labels"] = tokenizer(text_target=rows["sql"], padding={})["input_ids"]'
KEEPS, REMAKES = "DataCollatorForSeq2Seq(tokenizer)", "DataCollatorForLanguageModeling(tokenizer, mlm=False)"
SET = '; made["labels"] = [[-100 if t == tokenizer.pad_token_id else t for t in row] for row in made["labels"]]'


@pytest.mark.parametrize(
    ("how", "batched", "collator", "told"),
    [
        (BOTH.format("True"), True, KEEPS, True),
        (BOTH.format("'max_length'"), False, KEEPS, True),
        (APART.format("True"), True, KEEPS, True),
        (BOTH.format("True"), False, KEEPS, False),  # a row by itself is padded to no other
        (APART.format("True"), False, KEEPS, False),
        (BOTH.format("False"), True, KEEPS, False),
        (BOTH.format("HOW"), True, KEEPS, False),
        (BOTH.format("True") + SET, True, KEEPS, False),
        (APART.format("True") + SET, True, KEEPS, False),
        (BOTH.format("True"), True, REMAKES, False),
        ('made = tokenizer(rows["sql"], padding=True)', True, REMAKES, False),
    ],
)
def test_labels_that_the_tokenizer_makes_and_pads(
    tmp_path: Path, how: str, batched: bool, collator: str, told: bool
) -> None:
    code = TARGETS.format(how=how, batched=batched, collator=collator)
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert [f.location.row for f in file.findings if f.rule == "prompt/labels"] == ([8] if told else [])


PADDED = """\
from datasets import load_dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer
tokenizer = AutoTokenizer.from_pretrained("gpt2")
rows = load_dataset("json", data_files="train.jsonl", split="train")
def tokenise(row):
    return tokenizer(row["text"], padding="max_length", max_length=512)
rows = rows.map(tokenise, remove_columns=rows.column_names)
SFTTrainer("gpt2", args=SFTConfig("out"), train_dataset=rows{given}).train()
"""


@pytest.mark.parametrize(
    ("stated", "given", "verdict", "certainty"),
    [
        ("==1.15.0", "", "fail", "certain"),
        (">=0.12", "", "fail", "default"),
        ("==0.15.2", "", "pass", "certain"),
        ("==1.15.0", ", data_collator=collate", "pass", "certain"),
    ],
)
def test_rows_padded_by_the_script_under_the_collator_of_trl(
    tmp_path: Path, stated: str, given: str, verdict: str, certainty: str
) -> None:
    (tmp_path / "requirements.txt").write_text(f"trl{stated}\n")
    (tmp_path / "train.py").write_text("from collators import collate\n" + PADDED.format(given=given))
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    (found,) = [one for one in file.checklist if one.rule == "prompt/labels"]
    assert (found.verdict, found.certainty) == (verdict, certainty)
