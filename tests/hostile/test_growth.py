"""Twice as many entries cost twice as much: what is compared with all others of its kind is found by counting calls."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from nl2sql_review.run.reviewer import Reviewer

HEAD = "from dataclasses import dataclass\nfrom datasets import *\nfrom transformers import *\nfrom trl import *\n"
AXOLOTL = "base_model: m\nadapter: lora\nlora_r: 64\nmicro_batch_size: 2\nsequence_len: 2048\n"
LLAMA_FACTORY = "model_name_or_path: m\nstage: sft\nfinetuning_type: lora\n"


def lines(head: str, each: str, end: str = "") -> Callable[[int], str]:
    return lambda many: head + "".join(each.replace("?", str(number)) for number in range(many)) + end


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)


MANY: dict[str, tuple[str, Callable[[int], str]]] = {
    "datasets of Axolotl": ("c.yaml", lines(f"{AXOLOTL}datasets:\n", "  - path: x\n    type: alpaca\n")),
    "datasets without a type": ("c.yaml", lines(f"{AXOLOTL}datasets:\n", "  - path: ${x?}\n    odd: ?\n")),
    "keys that nobody knows": ("c.yaml", lines(AXOLOTL, "lora_rank_?: 1\n")),
    "keys given again": ("c.yaml", lines(AXOLOTL, "lora_r: 8\n")),
    "tokens": ("c.yaml", lines(f"{AXOLOTL}tokens:\n", '  - "<t?>"\n')),
    "datasets of LLaMA-Factory": (
        "c.yaml",
        lambda many: f"{LLAMA_FACTORY}dataset: {listed(f'd{n}' for n in range(many))}\n",
    ),
    "datasets that are joined": (
        "train.py",
        lambda many: f"{HEAD}d = [{listed(f'load_dataset({n})' for n in range(many))}]\n"
        'SFTTrainer("m", train_dataset=concatenate_datasets(d)).train()\n',
    ),
    "fields of arguments": (
        "train.py",
        lines(
            f"{HEAD}@dataclass\nclass A:\n", "    a?: int = ?\n",
            'a, = HfArgumentParser(A).parse_args_into_dataclasses()\nSFTTrainer("m").train()\n',
        ),
    ),
    "arguments that nobody knows": (
        "train.py",
        lambda many: f"{HEAD}SFTConfig({listed(f'learning_rat_{n}=1' for n in range(2 * many))})\n",
    ),
    "comments that suppress": (
        "train.py",
        lines(HEAD, "x = ?  # nl2sql: ignore[lora/rank?] because\n", 'SFTTrainer("m").train()\n'),
    ),
    "cells": (
        "train.ipynb",
        lambda many: json.dumps({"nbformat": 4, "cells": [
            {"cell_type": "code", "source": source} for source in [*["x = 1\n"] * many, f'{HEAD}SFTTrainer("m")\n']
        ]}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_twice_as_many_cost_twice_as_much(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, made = MANY[name]
    calls(path, made(2))  # what is loaded and kept on first use
    none, some, more = (calls(path, made(many)) for many in (2, 100, 200))
    assert more - none < 2.5 * (some - none)


def calls(path: str, text: str) -> int:
    """Count the calls of a review: of functions of Python and of C."""
    counted = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal counted
        counted += 1

    reviewer = Reviewer(isolated=True)
    sys.setprofile(count)
    try:
        report, faults = reviewer.file(text.encode(), path)
    finally:
        sys.setprofile(None)
    assert not faults and report.status == "reviewed"
    return counted
