"""Labels that are the input ids themselves: masking them masks the ids, which no embedding takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

HEAD = """\
import copy
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B")
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B")
rows = load_dataset("json", data_files="a.jsonl", split="train")
"""
ROWS = """\
def encode(row):
    asked = tokenizer(row["question"])["input_ids"]
    ids = asked + tokenizer(row["sql"])["input_ids"] + [tokenizer.eos_token_id]
    labels = {labels}
    {mask}
    return {{"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels}}
Trainer(model, TrainingArguments("out"), train_dataset=rows.map(encode)).train()
"""
RESULT = """\
def encode(batch):
    out = tokenizer(batch["text"], padding="max_length", truncation=True, max_length=512, return_tensors="pt")
    labels = {labels}
    {mask}
    out["labels"] = labels
    return out
Trainer(model, TrainingArguments("out"), train_dataset=rows.map(encode, batched=True)).train()
"""
BATCH = """\
def collate(features):
    batch = tokenizer([f["text"] for f in features], padding=True, return_tensors="pt")
    labels = {labels}
    {mask}
    batch["labels"] = labels
    return batch
Trainer(model, TrainingArguments("out", remove_unused_columns=False), train_dataset=rows, data_collator=collate).train()
"""
FRONT, LOOP = "labels[: len(asked)] = [-100] * len(asked)", "for i in range(len(asked)):\n        labels[i] = -100"
PADDING = "labels[labels == tokenizer.pad_token_id] = -100"
GUARDED = "if tokenizer.pad_token_id is not None:\n        labels[labels == tokenizer.pad_token_id] = -100"
FILLED = "labels.masked_fill_(labels == tokenizer.pad_token_id, -100)"


def found(folder: Path, code: str) -> list[tuple[str, str]]:
    """(effect, start of the message) of the findings about labels."""
    (folder / "train.py").write_text(HEAD + code, encoding="utf-8")
    (file,) = review(str(folder / "train.py"), Options(isolated=True)).files
    return [(f.effect, f.message[:42]) for f in file.findings if f.rule == "prompt/labels"]


SHARED = [("stops", "the labels are the input ids themselves, no"[:42])]


@pytest.mark.parametrize(
    ("code", "labels", "mask"),
    [
        (ROWS, "ids", FRONT),
        (ROWS, "ids", LOOP),
        (RESULT, 'out["input_ids"]', PADDING),
        (RESULT, "out.input_ids", FILLED),
        (BATCH, 'batch["input_ids"]', PADDING),
        (BATCH, 'batch["input_ids"].detach()', GUARDED),
        (
            BATCH.replace("return batch", 'return {{"input_ids": batch["input_ids"], "labels": labels}}'),
            'batch["input_ids"]',
            PADDING,
        ),
    ],
)
def test_labels_that_are_the_ids_mask_the_ids(tmp_path, code, labels, mask):
    assert found(tmp_path, code.format(labels=labels, mask=mask)) == SHARED


@pytest.mark.parametrize(
    ("code", "labels", "mask"),
    [
        *(
            (ROWS, copied, FRONT)
            for copied in ("list(ids)", "ids.copy()", "ids[:]", "copy.deepcopy(ids)", "[*ids]", "ids + []")
        ),
        (ROWS, "ids", "labels = [-100] * len(asked) + labels[len(asked):]"),
        (RESULT, 'out["input_ids"].clone()', PADDING),
        (RESULT, 'out["input_ids"]', "labels = labels.masked_fill(labels == tokenizer.pad_token_id, -100)"),
        (RESULT, 'out["input_ids"]', "labels = labels.clone()\n    " + PADDING),
        (BATCH, 'batch["input_ids"].clone()', PADDING),
        (BATCH, 'batch["input_ids"]', 'batch["input_ids"] = labels.clone()\n    ' + PADDING),
        (BATCH, 'batch["input_ids"]', "if features[0].get('masked'):\n        " + PADDING),
        (
            BATCH.replace("return batch", 'return {{"input_ids": kept, "labels": labels}}'),
            'batch["input_ids"]',
            PADDING,
        ),
    ],
)
def test_a_copy_leaves_the_ids_as_they_are(tmp_path, code, labels, mask):
    code = code.replace("    labels = {labels}", "    kept = 0\n    labels = {labels}")
    assert SHARED[0] not in found(tmp_path, code.format(labels=labels, mask=mask))
