"""A loss function given to the trainer, whose result the trainer does not divide by the accumulated batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
def own({parameters}):
    {before}
    loss = torch.nn.functional.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return {result}
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
args = TrainingArguments("o", gradient_accumulation_steps={steps})
Trainer(model=model, args=args, train_dataset=rows, compute_loss_func=own).train()
"""
ALL = "outputs, labels, num_items_in_batch=None"


@pytest.mark.parametrize(
    ("parameters", "result", "steps", "told"),
    [
        (ALL, "loss / len(labels)", 8, "are summed"),
        (ALL, "loss / num_items_in_batch", 8, ""),
        (ALL, "loss / len(labels)", 1, ""),
        ("outputs, labels", "loss / len(labels)", 8, "TypeError"),
    ],
)
def test_a_function_that_leaves_out_the_count(
    tmp_path: Path, parameters: str, result: str, steps: int, told: str
) -> None:
    code = SCRIPT.format(before="", parameters=parameters, result=result, steps=steps)
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    found = "".join(f.message for f in file.findings if f.rule == "arguments/accumulated-loss")
    assert (bool(found), told in found) == (bool(told), True)


@pytest.mark.parametrize(
    ("before", "result", "told"),
    [
        ("print(num_items_in_batch)", "loss / len(labels)", True),
        ("logger.info('items: %s', num_items_in_batch)", "loss / len(labels)", True),
        ("assert num_items_in_batch is not None", "loss / len(labels)", True),
        ("print(num_items_in_batch)", "loss / num_items_in_batch", False),
        ("count = num_items_in_batch", "loss / count", False),
    ],
)
def test_a_count_that_is_only_logged(tmp_path: Path, before: str, result: str, told: bool) -> None:
    code = SCRIPT.format(before=before, parameters=ALL, result=result, steps=8)
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert any(f.rule == "arguments/accumulated-loss" and "are summed" in f.message for f in file.findings) == told


REMOTE = """\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
class Own(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        return model(**inputs).loss
model = AutoModelForCausalLM.from_pretrained({name}, trust_remote_code=True)
Own(model=model, args=TrainingArguments("o", gradient_accumulation_steps=8), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ('"Qwen/Qwen2.5-Coder-3B-Instruct"', "fail"),
        ('"models/Qwen2.5-Coder-3B-Instruct"', "fail"),
        ('"Qwen/Qwen-7B"', "unknown"),  # which brings its code
        ('"microsoft/Phi-3-mini-4k-instruct"', "unknown"),
        ('"models/base"', "unknown"),
        ("input()", "unknown"),
    ],
)
def test_remote_code_matters_only_where_a_model_may_bring_some(tmp_path: Path, name: str, verdict: str) -> None:
    (tmp_path / "train.py").write_text(REMOTE.format(name=name), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert [i.verdict for i in file.checklist if i.rule == "arguments/accumulated-loss"] == [verdict]
