"""Which of the models that a script loads its own loop trains: not a frozen reference."""

from __future__ import annotations

import pytest

from nl2sql_review import Options, review

LOOP = """
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
reference = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf").to("cuda")
{frozen}
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
for batch in DataLoader(rows, batch_size=4, shuffle=True):
    objective(model(**batch).logits, reference(**batch).logits).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
EACH = "for p in {}.parameters():\n    p.requires_grad = {}\n"


@pytest.mark.parametrize(
    ("frozen", "row"),
    [
        (EACH.format("reference", "False"), 6),
        ("reference.requires_grad_(False)", 6),
        (EACH.format("reference", "False") + "model = get_peft_model(model, LoraConfig())", 6),
        (EACH.format("model", "False") + "model = get_peft_model(model, LoraConfig())", 6),
        ("", 7),
        (EACH.format("model", "False"), 7),
        (EACH.format("reference", "p.ndim < 2"), 7),
        ("for p in reference.parameters():\n    if p.ndim < 2:\n        p.requires_grad = False\n", 7),
        (EACH.format("reference", "False") + EACH.format("reference", "True"), 7),
        (EACH.format("model", "False") + EACH.format("reference", "False"), 7),
    ],
    ids=[
        *("each parameter", "the model", "beside an adapter", "the adapter's base"),
        *("none", "the other one", "some by a test", "some by a branch", "thawed", "both"),
    ],
)
def test_a_frozen_reference_is_not_the_model_that_the_loop_trains(frozen, row, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(LOOP.format(frozen=frozen))
    (report,) = review(str(path), Options(isolated=True)).files
    assert [f.location.row for f in report.findings if f.rule == "lora/four-bit"] == [row]
