"""Fixes in the cells of a notebook: values, arguments, imports and lines; the rest of the file as it was."""

from __future__ import annotations

import json

from nl2sql_review.fixes.comparison import placeless

from .repair import session

CELLS = [
    "!pip install unsloth trl\n",
    "%%capture\nfrom unsloth import FastLanguageModel\nfrom trl import SFTConfig, SFTTrainer\n",
    'R = 64\nmodel, tokenizer = FastLanguageModel.from_pretrained("x")\n'
    "model = FastLanguageModel.get_peft_model(model, r=R)",
    "trainer = SFTTrainer(\n    model=model,\n    args=SFTConfig(fp16=True),\n)\n%time trainer.train()\n",
]


def notebook(cells):
    made = [
        {
            "cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for n, source in enumerate(cells)
    ]  # fmt: skip
    made.insert(1, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["r=64"]})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def test_a_notebook_is_fixed_cell_by_cell():
    one = session(
        notebook(CELLS).encode(), "train.ipynb", select=["lora/rank", "arguments/mixed-precision", "memory/monitoring"]
    )
    one.apply(unsafe=True)
    wanted = list(CELLS)
    wanted[1] = wanted[1].replace("FastLanguageModel\n", "FastLanguageModel, is_bfloat16_supported\nimport torch\n", 1)
    wanted[2] = wanted[2].replace("64", "16")
    wanted[3] = wanted[3].replace("fp16=True", "fp16=not is_bfloat16_supported(), bf16=is_bfloat16_supported()")
    wanted[3] += 'print(f"peak GPU memory: {torch.cuda.max_memory_reserved() / 1024**3:.1f} GiB")\n'
    assert one.data.decode() == notebook(wanted)
    assert {f.location.cell for f in one.made} == {4, 5}


def test_a_fix_that_makes_a_cell_unreadable_does_not_hold(monkeypatch):
    """Though what else is wrong in the cell is gone with it."""
    monkeypatch.setattr("nl2sql_review.fixes.edits.python.literal", lambda value, like="": f"{value} +")
    wrong = [*CELLS[:2], CELLS[2].replace("r=R", "r=64, ranks=1, rancs=2"), CELLS[3]]
    one = session(notebook(wrong).encode(), "train.ipynb", select=["lora/rank", "api/unknown-argument"])
    assert {f.rule for f in one.report.findings} == {"lora/rank", "api/unknown-argument"}
    one._fix([("lora/rank", _words(one, "lora/rank"))], unsafe=True)
    assert one.data.decode() == notebook(wrong)


def _words(one, rule):
    return placeless(next(f.message for f in one.report.findings if f.rule == rule))
