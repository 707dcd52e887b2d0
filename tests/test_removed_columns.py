"""Columns that a loss reads and the trainer removes: what may keep a column, or make one, decides."""

from __future__ import annotations

import pytest

from .test_reading_kinds import ROWS, plan_of

CODE = """\
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, Trainer
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
class Weighted(Trainer):
    {method}
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        {loss}
        return model(**inputs).loss
{rows}
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
args = TrainingArguments("out")
{after}
Weighted(model=model, args=args, train_dataset=rows{given}).train()
"""
READS = 'w = inputs["weight"]'
INIT = "def __init__(self, **given):\n        super().__init__(**given)\n        "


def removed(loss=READS, method="pass", rows="", after="", given=""):
    code = CODE.format(loss=loss, method=method, rows=ROWS + rows, after=after, given=given)
    return plan_of(code).dataset.removed_columns


@pytest.mark.parametrize(
    ("loss", "given", "says"),
    [
        (READS, "", "KeyError"),
        (READS, ", data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False)", "KeyError"),
        ('w = inputs.pop("weight", None)', "", "nothing says so"),
        ('w = inputs["weight"] if "weight" in inputs else 1', "", "nothing says so"),
        ('w = inputs["weight"] if "weight" in inputs.keys() else 1', "", "nothing says so"),
    ],
)
def test_a_column_that_is_gone_is_reported(loss, given, says):
    fact = removed(loss, given=given)
    assert fact.value.value == ["weight"]
    assert says in fact.cases[0].sentence


@pytest.mark.parametrize(
    "script",
    [
        {"loss": 'inputs["weight"] = 1; w = inputs["weight"]'},
        {"loss": "inputs = made(inputs); " + READS},
        {"loss": "inputs.update(weight=1); " + READS},
        {"loss": 'w = inputs.get("logits_to_keep")'},
        {"rows": "rows.set_transform(encode)"},
        {"rows": "rows = rows.with_transform(encode)"},
        {"after": "args.remove_unused_columns = False"},
        {"after": "model.forward = patched"},
        {"method": "def _prepare_inputs(self, inputs): return made(inputs)"},
        {"method": INIT + 'self._signature_columns = ["weight"]'},
        {"method": INIT + "self.args.remove_unused_columns = False"},
        {"given": ", data_collator=mine"},
    ],
)
def test_a_column_that_may_be_there_is_not(script):
    assert removed(**script).value.value == []
