"""The length to which a script cuts the tokens that it makes itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.source import Source


def plan_of(code: str):
    source = Source.from_bytes(code.encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    return plan


OWN_TOKENS = """
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B", model_max_length=1024)

def tokens(row):
    ids = tokenizer.encode(row["text"])
    {cut}
    return {{"input_ids": ids, "labels": ids}}

data = load_dataset("json", data_files="a.jsonl", split="train").map(tokens)
Trainer(AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B"), TrainingArguments("out"), train_dataset=data).train()
"""


@pytest.mark.parametrize(
    ("cut", "length"),
    [
        ("ids = ids[:512]", 512),
        ("ids = ids[-512:]", 512),
        ("if len(ids) > 512:\n        ids = ids[:512]", 512),
        ('ids = tokenizer(row["text"], truncation=True)["input_ids"]', 1024),
        ("if len(ids) > 512:\n        over = len(ids) - 512\n        ids = ids[over:]", 512),
        ("ids = ids[len(row) - 512:]", None),
        ("ids = ids[:-1]", None),
        ("ids = ids[1:]", None),
        ("ids = ids[: len(row)]", None),
        ("ids = ids[len(row) : 512]", None),
        ("if row['long']:\n        ids = ids[:512]", None),
        ("ids = ids", None),
    ],
)
def test_the_script_cuts_its_own_tokens(cut, length):
    value = plan_of(OWN_TOKENS.format(cut=cut))["memory.trainer_length"].value
    assert getattr(value, "value", None) == length


JOINED = """\
from datasets import Dataset, load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen3-4B")
ids = {start}
for row in load_dataset("a/b", split="train"):
    ids.extend(tokenizer(row["text"])["input_ids"])
blocks = Dataset.from_dict({{"input_ids": [ids[i : i + 64] for i in range(0, len(ids), 64)]}})
trainer = Trainer(
    AutoModelForCausalLM.from_pretrained("Qwen/Qwen3-4B"),
    TrainingArguments("out"),
    train_dataset=blocks,
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
)
trainer.train()
"""


@pytest.mark.parametrize(("start", "line"), [("[]", 12), ("[tokenizer.bos_token_id]", 5)])
def test_tokens_that_a_loop_collects_have_no_place_in_the_empty_list(start, line):
    report, _ = Reviewer(isolated=True).file(JOINED.format(start=start).encode(), "train.py")
    (found,) = [one for one in report.findings if one.rule == "prompt/response-only-loss"]
    assert found.location.row == line
