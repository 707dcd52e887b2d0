"""What is written down: the callee, the place, and the arguments in a form that survives JSON."""

from __future__ import annotations

import ast
import enum
import pathlib
import sys
import types
from typing import Any

MAX_CALLS = 2000

calls: list[dict] = []
root = ""  # absolute path of the copy that the script runs in
sources: dict[str, str] = {}  # file name of compiled code -> its text, for notebook cells and the script

# Parameters of calls that people make with positional arguments. `model` of a method is not its receiver.
PARAMETERS = {
    "FastLanguageModel.get_peft_model": "model r target_modules lora_alpha lora_dropout bias",
    "FastModel.get_peft_model": "model r target_modules lora_alpha lora_dropout bias",
    "peft.get_peft_model": "model peft_config",
    "FastLanguageModel.from_pretrained": "model_name max_seq_length dtype load_in_4bit",
    "FastModel.from_pretrained": "model_name max_seq_length dtype load_in_4bit",
    "from_pretrained": "pretrained_model_name_or_path",
    "train_on_responses_only": "trainer instruction_part response_part",
    "get_chat_template": "tokenizer chat_template",
    "Trainer.train": "resume_from_checkpoint",
    "TrainingArguments": "output_dir",
    "SFTConfig": "output_dir",
    "SFTTrainer": "model args",
    "Trainer": "model args",
    "LoraConfig": "task_type",
    "load_dataset": "path name",
    "interleave_datasets": "datasets probabilities seed",
    "concatenate_datasets": "dsets",
    "Dataset.map": "function",
    "Dataset.filter": "function",
    "Dataset.select": "indices",
    "Dataset.train_test_split": "test_size",
    "Trainer.save_model": "output_dir",
    "save_pretrained": "save_directory",
}


def parameters(callee: str) -> list[str]:
    parts = callee.split(".")
    for count in (2, 1):
        names = PARAMETERS.get(".".join(parts[-count:]))
        if names:
            return names.split()
    return []


def record(callee: str, args: tuple, kwargs: dict) -> None:
    """Write one call down, if project code made it."""
    place = site()
    if place is None or len(calls) >= MAX_CALLS:
        return
    names = parameters(callee)
    arguments = {names[i] if i < len(names) else f"${i}": encode(value) for i, value in enumerate(args)}
    arguments.update({name: encode(value) for name, value in kwargs.items()})
    calls.append({"callee": callee, **place, "arguments": arguments})


def record_write(owner: str, name: str, value: Any) -> None:
    """Write an attribute assignment down: `transformers.PreTrainedTokenizer.pad_token=`."""
    if ours(sys._getframe(2).f_code.co_filename):
        record(f"{owner}.{name}=", (), {name: value})


def ours(filename: str) -> bool:
    return bool(root) and filename.startswith(root)


def site() -> dict | None:
    """The innermost place in project code: its file, cell and the row on which the call expression starts."""
    frame = sys._getframe(1)
    while frame is not None and not ours(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return None
    filename, row = frame.f_code.co_filename, frame.f_lineno
    if hasattr(frame.f_code, "co_positions"):  # Python 3.11; before it a call that spans lines may name a later one
        _, end_row, _, end_column = list(frame.f_code.co_positions())[frame.f_lasti // 2]
        row = call_starts(filename).get((end_row, end_column), row)
    path, _, cell = filename.partition("#")
    return {"path": path[len(root) :].lstrip("/"), "cell": int(cell) if cell else None, "row": row}


_starts: dict[str, dict] = {}


def call_starts(filename: str) -> dict[tuple[int, int], int]:
    """Row on which a call starts, by the position at which it ends: that one is the same in every Python."""
    if filename not in _starts:
        text = sources.get(filename)
        if text is None:
            text = pathlib.Path(filename).read_text(encoding="utf-8")
        found = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        _starts[filename] = {(node.end_lineno, node.end_col_offset): node.lineno for node in found}
    return _starts[filename]


def encode(value: Any, depth: int = 0) -> Any:
    """A value as JSON that tells list from tuple and 1 from 1.0 (JSON does the latter by itself).

    Objects become `{"$object": type}`, names of a library `{"$symbol": name}`: only plain values are compared.
    """
    if isinstance(value, enum.Enum) and not isinstance(value, (int, str)):
        return {"$object": type(value).__name__}
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        text = value.value if isinstance(value, enum.Enum) else str(value)
        return text.replace(root, "<root>") if root else text
    if isinstance(value, pathlib.PurePath):
        return encode(str(value))
    if depth < 8:
        if isinstance(value, dict):
            if all(isinstance(key, str) for key in value):
                return {str(key): encode(item, depth + 1) for key, item in value.items()}
            return {"$dict": [[encode(key), encode(item, depth + 1)] for key, item in value.items()]}
        if isinstance(value, list):
            return [encode(item, depth + 1) for item in value]
        if isinstance(value, tuple):
            return {"$tuple": [encode(item, depth + 1) for item in value]}
        if isinstance(value, (set, frozenset)):
            return {"$set": sorted((encode(item, depth + 1) for item in value), key=repr)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, range):
        return {"$range": [value.start, value.stop, value.step]}
    symbol = getattr(type(value), "symbol_name", None)
    if symbol is not None:
        return symbol(value)
    if isinstance(value, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)):
        return {"$object": "function"}
    return {"$object": "class" if isinstance(value, type) else type(value).__name__}
