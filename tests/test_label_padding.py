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
    ("token", "told"),
    [
        ("tokenizer.pad_token_id", True),
        ("0", True),
        ("-100", False),
        ("IGNORED", False),  # whatever it is
    ],
)
def test_labels_filled_up_by_the_library(tmp_path: Path, token: str, told: bool) -> None:
    collator = f"DataCollatorForSeq2Seq(tokenizer, label_pad_token_id={token})"
    code = HEAD.format(value="", more="").replace("import Auto", "import DataCollatorForSeq2Seq, Auto")
    code += TRAINER.format(size=4).replace("data_collator=collate", f"data_collator={collator}")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert ("prompt/labels" in {one.rule for one in file.findings}) == told


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
