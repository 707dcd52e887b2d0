"""The tokenizer is handed to whatever makes the text: methods, lambdas, what decorators and trainers call."""

from __future__ import annotations

import os

import pytest

from .oracle import spoilt
from .repair import session

HEAD = """\
from unsloth import FastLanguageModel
from datasets import Dataset, load_dataset
from trl import SFTConfig, SFTTrainer

"""
TEXT = (
    "f\"### Instruction:\\nSQL\\n\\n### Schema:\\n{row['schema']}\\n\\n"
    "### Question:\\n{row['question']}\\n\\n### Response:\\n{row['sql']}\""
)
LOAD = (
    "model, tokenizer = FastLanguageModel.from_pretrained("
    '"unsloth/llama-3-8b", max_seq_length=2048, load_in_4bit=True)\n'
)
ROWS = 'rows = load_dataset("json", data_files="a.json", split="train")\n'
TRAIN = (
    "trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=rows{}, "
    'args=SFTConfig(output_dir="o"))\ntrainer.train()\n'
)


def indented(code: str, by: int = 4) -> str:
    return "".join(f"{' ' * by}{line}" for line in code.splitlines(keepends=True))


def main(code: str) -> str:
    return f"\ndef main():\n{indented(code)}\nmain()\n"


MAP = LOAD + ROWS + "rows = rows.map({})\n" + TRAIN.format("")
JOB = "class Job:\n{}\n    def run(self):\n{}\nJob().run()\n"
FORMS = {
    "formatting function": f"def render(row):\n    return {TEXT}\n"
    + main(LOAD + ROWS + TRAIN.format(", formatting_func=render")),
    "method": JOB.format(
        f"    def render(self, row):\n        return {{'text': {TEXT}}}\n", indented(MAP.format("self.render"), 8)
    ),
    "static method": JOB.format(
        f"    @staticmethod\n    def render(row):\n        return {{'text': {TEXT}}}\n",
        indented(MAP.format("Job.render"), 8),
    ),
    "lambda": f"render = lambda row: {{'text': {TEXT}}}\n" + main(MAP.format("render")),
    "decorated": "def traced(f):\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n"
    "    return inner\n\n"
    f"@traced\ndef render(row):\n    return {{'text': {TEXT}}}\n" + main(MAP.format("render")),
    "list": f"def render(row):\n    return {{'text': {TEXT}}}\n"
    + main(LOAD + ROWS + "rows = Dataset.from_list([render(row) for row in rows])\n" + TRAIN.format("")),
    "inner lambda": f"def render(row):\n    return {TEXT}\n" + main(MAP.format("lambda row: {'text': render(row)}")),
}  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a rehearsal needs fork() and resource limits")
@pytest.mark.parametrize("form", FORMS)
def test_the_text_ends_with_the_token(form, tmp_path):
    script = HEAD + FORMS[form]
    one = session(script.encode(), select=["prompt/eos"])
    one.apply(unsafe=False, policy=False)
    assert [(f.rule, f.fix.kind) for f in one.made] == [("prompt/eos", "repair")]
    assert spoilt(script.encode(), one.data, "train.py", tmp_path) == []


def test_a_decorator_that_is_not_known_to_hand_arguments_on(tmp_path):
    script = (
        HEAD
        + f"from somewhere import cached\n@cached\ndef render(row):\n    return {{'text': {TEXT}}}\n"
        + main(MAP.format("render"))
    )
    one = session(script.encode(), select=["prompt/eos"])
    one.apply(unsafe=True)
    assert one.data.decode() == script
