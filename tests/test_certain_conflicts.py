"""Conflicts and labels are reported where nothing else in the script, or in its start, settles them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

HEAD = """\
import copy, torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments
from trl import DPOConfig, DPOTrainer
"""
HALF = """\
model = AutoModelForCausalLM.from_pretrained("gpt2", torch_dtype=torch.float16)
{more}
Trainer(model=model, args=TrainingArguments("out", fp16=True{given}), train_dataset=rows).train()
"""
PREFERENCES = """\
model = AutoModelForCausalLM.from_pretrained("gpt2")
DPOTrainer(model=model, ref_model={reference}, args=DPOConfig("out"), train_dataset=rows).train()
"""
METRIC = """\
args = TrainingArguments("out", eval_strategy="steps", eval_steps=500, metric_for_best_model="{metric}")
trainer = Trainer(model="gpt2", args=args, train_dataset=rows, eval_dataset=rows)
{more}
trainer.train()
"""
MASKS = """\
model = AutoModelForCausalLM.from_pretrained("{name}")
tokenizer = AutoTokenizer.from_pretrained("{name}")
{more}
rows = rows.map(lambda row: tokenizer(row["sql"]))
collator = DataCollatorForLanguageModeling(tokenizer)
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows, data_collator=collator).train()
"""
FILLS_UP = """\
model = AutoModelForCausalLM.from_pretrained("gpt2")
tokenizer = AutoTokenizer.from_pretrained("gpt2")
rows = rows.map(lambda row: tokenizer(row["sql"]{padding}))
collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=tokenizer.pad_token_id)
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows, data_collator=collator).train()
"""
LOOP = """\
model = AutoModelForCausalLM.from_pretrained("gpt2")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for batch in DataLoader(rows, batch_size=4):
    logits = model(batch["input_ids"]).logits
    loss = torch.nn.functional.cross_entropy(logits.view(-1, 50257), batch["{labels}"].view(-1))
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (HALF.format(more="", given=""), "cannot be unscaled"),
        (HALF.format(more="", given=', deepspeed="zero.json"'), ""),
        (HALF.format(more="", given=', fsdp="full_shard"'), ""),
        (HALF.format(more="# accelerate launch train.py", given=""), ""),
        (HALF.format(more="model.transformer.requires_grad_(False)", given=""), ""),
        (PREFERENCES.format(reference="model"), "ref_model is the model"),
        (PREFERENCES.format(reference="copy.deepcopy(model)"), ""),
        (METRIC.format(metric="f1", more=""), "nothing computes f1"),
        (METRIC.format(metric="f1", more="trainer.compute_metrics = measure"), ""),
        (METRIC.format(metric="eval_spider_runtime", more=""), ""),
        (MASKS.format(name="gpt2", more=""), "mask token"),
        (MASKS.format(name="bert-base-uncased", more=""), ""),
        (MASKS.format(name="google/gemma-2-2b", more=""), ""),
        (MASKS.format(name="gpt2", more='tokenizer.add_special_tokens({"mask_token": "[MASK]"})'), ""),
        (FILLS_UP.format(padding=""), "fills up the labels"),
        (FILLS_UP.format(padding=', padding="max_length", max_length=64'), ""),
        (LOOP.format(labels="input_ids"), "its own token"),
        (LOOP.format(labels="labels"), ""),  # the rows may hold shifted labels
    ],
)
def test_a_conflict_is_told_only_if_nothing_settles_it(tmp_path: Path, code: str, told: str) -> None:
    (tmp_path / "train.py").write_text(HEAD + code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    found = [f.message for f in file.findings if f.rule in ("api/conflicting-arguments", "prompt/labels")]
    assert len(found) == bool(told) and all(told in message for message in found)


def test_a_loss_beside_a_dataset_that_shifts_its_labels_is_not_told(tmp_path: Path) -> None:
    shifts = 'class Rows:\n    def __getitem__(self, i):\n        return {"input_ids": ids[:-1], "labels": ids[1:]}\n'
    (tmp_path / "rows.py").write_text(shifts, encoding="utf-8")
    code = HEAD + "from rows import Rows\nrows = Rows()\n" + LOOP.format(labels="labels")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert not [f for f in file.findings if f.rule == "prompt/labels"]
