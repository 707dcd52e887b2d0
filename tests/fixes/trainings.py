"""Random training scripts: functions and templates before and after the tokenizer is made, settings of every form.

Laid out as a module, a `main()`, a class or the cells of a notebook. What is written is runnable, wrong in some
settings, and without the EOS token; some read a name before it is made, as broken scripts do.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

HEAD = """\
from unsloth import FastLanguageModel
import json
from dataclasses import dataclass, field
from argparse import ArgumentParser
from datasets import Dataset, load_dataset
from trl import SFTConfig, SFTTrainer
"""
LOAD = """\
{model}, {tok} = FastLanguageModel.from_pretrained("unsloth/llama-3-8b", max_seq_length={length}, load_in_4bit={four})
{model} = FastLanguageModel.get_peft_model({model}, r={r}, lora_alpha={alpha}, lora_dropout={dropout})
"""
ROWS = '{rows} = load_dataset("json", data_files="pairs.json", split="train")\n'
TRAIN = """\
trainer = SFTTrainer(
    model={model},
    {tokarg}={tok},
    train_dataset={rows},{formatting}
    args=SFTConfig(output_dir={out}, per_device_train_batch_size={batch}, gradient_accumulation_steps={steps},
        learning_rate={rate}, lr_scheduler_type={schedule}, save_total_limit={limit}{warmup}),
)
trainer.train()
"""
PARTS = "### Instruction:\\nWrite SQL.\\n\\n### Schema:\\n{}\\n\\n### Question:\\n{}\\n\\n### Response:\\n{}"
FORMS: dict[str, str] = {  # an expression of the text of `row`
    "f-string": 'f"' + PARTS.replace("{}", "{{{}}}").format("row['schema']", "row['question']", "row['sql']") + '"',
    "format": "TEMPLATE.format(row['schema'], row['question'], row['sql'])",
    "sum": '"### Instruction:\\nWrite SQL.\\n\\n### Schema:\\n" + row[\'schema\'] + "\\n\\n### Question:\\n"'
    " + row['question'] + \"\\n\\n### Response:\\n\" + row['sql']",
    "percent": '"### Instruction:\\nWrite SQL.\\n\\n%s\\n%s\\n\\n### Response:\\n%s" % '
    "(row['schema'], row['question'], row['sql'])",
}
FUNCTIONS: dict[str, str] = {  # `render`, and how it is used on the rows
    "mapped": "def render({me}row):\n    return {{'text': {text}}}\n",
    "named": "def render({me}row):\n    text = {text}\n    return {{'text': text}}\n",
    "lambda": "render = lambda row: {{'text': {text}}}\n",
    "batched": "def render({me}rows):\n    made = []\n"
    "    for s, q, a in zip(rows['schema'], rows['question'], rows['sql']):\n"
    "        row = {{'schema': s, 'question': q, 'sql': a}}\n        made.append({text})\n"
    "    return {{'text': made}}\n",
    "formatting": "def render({me}row):\n    return {text}\n",
    "traced": "def traced(f):\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n    return inner\n\n"
    "@traced\ndef render(row):\n    return {{'text': {text}}}\n",
}
USES: dict[str, str] = {
    "map": "{rows} = {rows}.map({render})\n",
    "keyword": "{rows} = {rows}.map(function={render}, remove_columns=['sql'])\n",
    "inner": "{rows} = {rows}.map(lambda row: {render}(row))\n",
    "list": "{rows} = Dataset.from_list([{render}(row) for row in {rows}])\n",
    "batched": "{rows} = {rows}.map({render}, batched=True)\n",
    "none": "",
}
# name -> (right, wrong) values
VALUES: dict[str, tuple[str, str]] = {
    "r": ("16", "64"), "alpha": ("16", "128"), "dropout": ("0", "0.1"), "rate": ("2e-4", "1e-3"), "limit": ("3", "7"),
    "batch": ("4", "2"), "steps": ("4", "8"), "schedule": ("'cosine'", "'linear'"),
    "out": ("'models/nl2sql-unsloth'", "'out'"), "length": ("2048", "4096"), "four": ("True", "False"),
}  # fmt: skip
SOURCES = ("literal", "literal", "constant", "dict", "dataclass", "nested", "option")
NOISE = (
    "print({value})\n", "for step in range(3):\n    print(step)\n", "NOTE = 'r=64 in a text'\n",
    "print('out/checkpoint-1')\n", "tokens = []\n", "seen = {value}\n",
    "def other(row, tokenizer=None):\n    return tokenizer\n",
)  # fmt: skip


@st.composite
def trainings(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[str, str]:
    """The name of a script or notebook, and its text."""
    pick = lambda of: draw(st.sampled_from(tuple(of)))  # noqa: E731
    layout = pick(("module", "module", "main", "class", "cells"))
    function = pick(FUNCTIONS) if layout != "class" else pick(("mapped", "named", "batched", "formatting"))
    form = pick(FORMS)
    tok, model, rows = pick(("tokenizer", "tok")), pick(("model", "net")), pick(("rows", "dataset"))
    above: list[str] = []
    given = {name: _given(pick, name, above) for name in VALUES}
    wrong = [text for text in given.values() if text.isidentifier()]
    method = layout == "class" and pick((True, False))
    own = method and pick((True, False))
    names = {
        "model": f"self.{model}" if own else model, "tok": f"self.{tok}" if own else tok, "rows": rows,
        "tokarg": pick(("processing_class", "tokenizer")), "render": "self.render" if method else "render",
        "formatting": "\n    formatting_func={render},".format(render="self.render" if method else "render")
        if function == "formatting" else "",
        "warmup": pick(("", ", warmup_steps=0.03", ", warmup_ratio=0.1")),
    }  # fmt: skip
    use = {"batched": "batched", "formatting": "none"}.get(function) or pick(("map", "keyword", "inner", "list"))
    template = f'TEMPLATE = "{PARTS}"\n' if form == "format" else ""
    render = FUNCTIONS[function].format(me="self, " if method else "", text=FORMS[form])
    load, train = LOAD.format(**names, **given), TRAIN.format(**names, **given)
    data = ROWS.format(**names) + USES[use].format(**names)
    noise = pick(NOISE).format(value=pick(wrong) if wrong else "64")
    early = pick(("", "", "", "print(render({'schema': 's', 'question': 'q', 'sql': 'a'}))\n")) if not method else ""
    head = HEAD + "".join(dict.fromkeys(above)) + template
    if layout == "module":
        order = pick(([render, early, load], [load, render, early], [render, load, early]))
        return "train.py", head + "".join(order) + noise + data + train
    if layout == "cells":
        cells = pick(([render, load, early + data], [load, render, data], [render + early, load, data]))
        return "train.ipynb", _notebook([head, *cells, noise, train])
    if layout == "class":
        outside = "" if method else render
        inside = textwrap.indent(render, "    ") if method else ""
        body = f"class Job:\n{inside}\n    def run(self):\n" + textwrap.indent(load + data + train, " " * 8)
        return "train.py", head + outside + body + noise + "Job().run()\n"
    inside = pick((True, False))
    body = "def main():\n" + textwrap.indent((load + render if inside else load) + data + train, "    ")
    return "train.py", head + ("" if inside else render) + body + noise + "if __name__ == '__main__':\n    main()\n"


def _given(pick: Callable[[Any], Any], name: str, above: list[str]) -> str:
    """The code of a value, and above it what it is read from."""
    value = pick((*VALUES[name], VALUES[name][1]))
    source = pick(SOURCES)
    if source == "constant":
        above.append(f"{name.upper()} = {value}\n")
        return name.upper()
    if source == "dict":
        above.append(f"{name}_settings = {{'{name}': {value}}}\n")
        return f"{name}_settings['{name}']"
    if source in ("dataclass", "nested"):
        kind = name.capitalize()
        above.append(f"@dataclass\nclass {kind}:\n    value: object = {value}\n")
        if source == "dataclass":
            above.append(f"{name}_object = {kind}()\n")
            return f"{name}_object.value"
        above.append(
            f"@dataclass\nclass {kind}s:\n    inner: {kind} = field(default_factory={kind})\n"
            f"{name}_objects = {kind}s()\n"
        )
        return f"{name}_objects.inner.value"
    if source == "option" and name in ("r", "batch", "steps"):
        above.append(
            f"{name}_parser = ArgumentParser()\n{name}_parser.add_argument('--{name}', type=int, default={value})\n"
            f"{name}_words = {name}_parser.parse_args([])\n"
        )
        return f"{name}_words.{name}"
    return value


def _notebook(cells: list[str]) -> str:
    made = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{n}",
            "metadata": {},
            "outputs": [],
            "source": text.splitlines(True),
        }
        for n, text in enumerate(cells)
        if text
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
