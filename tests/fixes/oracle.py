"""What a fixed script does, by witnesses of their own: a rehearsal of it, and ruff's F821 and F811.

A rehearsal runs the script on stand-ins that write down its calls; what fixing changed may be the settings that were to
be fixed, nothing else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.rehearsal import Rehearsal, perform

# What fixes set -> the values of the policy.
SETTINGS: dict[str, tuple[Any, ...]] = {
    "r": (16,), "lora_alpha": (16,), "lora_dropout": (0,), "bias": ("none",), "load_in_4bit": (True,),
    "max_seq_length": (2048, 1024), "max_length": (2048, 1024), "use_gradient_checkpointing": ("unsloth",),
    "target_modules": (["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],),
    "learning_rate": (2e-4,), "lr_scheduler_type": ("cosine",), "save_total_limit": (3,), "report_to": ("wandb",),
    "output_dir": ("models/nl2sql-unsloth",), "save_strategy": ("epoch", "steps"),
}  # fmt: skip
# What may change beside: what several settings share, what hands the tokenizer on, what stands under another name.
BESIDE = frozenset(
    "per_device_train_batch_size gradient_accumulation_steps bf16 fp16 warmup_steps warmup_ratio fn_kwargs function "
    "mapping formatting_func tokenizer processing_class quantization_config args".split()
)
ADDED = ("train_on_responses_only", "max_memory_reserved", "is_bfloat16_supported", "is_bf16_supported",
         "get_last_checkpoint")  # fmt: skip


def spoilt(before: bytes, after: bytes, name: str, folder: Path) -> list[str]:
    """What a script does worse once it is fixed, in words."""
    first, second = folder / "before" / name, folder / "after" / name
    for path, data in ((first, before), (second, after)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    old, new = names(first, second)
    return [f"ruff finds {one}" for one in sorted(new - old)] + different(perform(first), perform(second))


def names(*paths: Path) -> list[Counter[str]]:
    """The names that ruff finds undefined or defined twice, and how often, by file."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821,F811"]
    done = subprocess.run([*command, "--output-format", "concise", *paths], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    lines = [line for line in done.stdout.splitlines() if " F8" in line]
    return [
        Counter(
            re.sub(r" from (cell \d+, )?line \d+", "", line.partition(" F8")[2])  # where the first one stands may move
            for line in lines
            if os.path.abspath(line.partition(":")[0]) == str(path)
        )
        for path in paths
    ]


def different(before: Rehearsal, after: Rehearsal) -> list[str]:
    """How two runs of a script differ in more than settings."""
    if _error(before) != _error(after):
        return [f"it ended with {before.error!r}, and ends with {after.error!r}"]
    old = [call for call in before.calls if not call.callee.endswith(ADDED)]
    new = [call for call in after.calls if not call.callee.endswith(ADDED)]
    if [call.callee for call in old] != [call.callee for call in new]:
        return [f"it called {[c.callee for c in old]}, and calls {[c.callee for c in new]}"]
    told = []
    for one, two in zip(old, new):
        for name in {**one.arguments, **two.arguments}:
            was, value = one.arguments.get(name), two.arguments.get(name)
            if was == value or name in BESIDE or value in SETTINGS.get(name, ()) or _ended(was, value):
                continue
            told.append(f"{one.callee}({name}=…) was {was!r} and is {value!r}")
    return told


def _ended(was: Any, value: Any) -> bool:
    """Whether a text, or each text of a list of rows, is what it was and the EOS token after it."""
    if isinstance(was, str):
        return value == f"{was}</s>"
    if isinstance(was, list) and isinstance(value, list) and len(was) == len(value):
        return all(map(_ended, was, value))
    if isinstance(was, dict) and isinstance(value, dict) and was.keys() == value.keys():
        return all(was[key] == value[key] or _ended(was[key], value[key]) for key in was)
    return False


def _error(run: Rehearsal) -> str:
    return re.sub(r" \(line .*\)", "", run.error)
