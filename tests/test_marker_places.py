"""Markers that are in the text, and the response marker not before the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
from unsloth import FastLanguageModel
from unsloth.chat_templates import train_on_responses_only
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Meta-Llama-3.1-8B", max_seq_length=2048)
model = FastLanguageModel.get_peft_model(model, r=16)
def render(row):
    text = f"### Schema:\\n{{row['schema']}}\\n### Question:\\n{{row['question']}}\\n### SQL:\\n{{row['sql']}}"
    return {{"text": text + tokenizer.eos_token}}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(render)
trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=rows, args=SFTConfig("o"))
trainer = train_on_responses_only(trainer, instruction_part="### {0}:\\n", response_part="### {1}:\\n")
trainer.train()
"""


@pytest.mark.parametrize(
    ("instruction", "response", "told"),
    [
        ("Schema", "SQL", ""),
        ("Question", "SQL", ""),
        ("SQL", "Schema", "the question or the schema follows"),
        ("Schema", "Question", "the question or the schema follows"),
        ("Schema", "Answer", "does not occur"),
    ],
)
def test_what_follows_the_response_marker(tmp_path: Path, instruction: str, response: str, told: str) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(instruction, response), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    found = "".join(f.message for f in file.findings if f.rule == "prompt/markers")
    assert (bool(found), told in found) == (bool(told), True)
