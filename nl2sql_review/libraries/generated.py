"""Defaults of the configurations that Unsloth generates, read from its wheel.

If imported before TRL, Unsloth replaces each configuration of TRL by its own class, `UnslothSFTConfig`. It
writes their source at import, so no wheel contains them, but the wheel contains the dictionaries of the
defaults that it sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from ..source.syntax import dotted, text_of, walk

MODULE = "unsloth/models/rl.py"
RENAMING = "unsloth/models/rl_config_compat.py"  # old names that the generated classes pass on
RENAMES = re.compile(r"[A-Z]+_CONFIG_RENAMES")
ALL = "UnslothConfig"  # what holds for each of the generated classes
NAMES = {"sft_trainer": "UnslothSFTConfig", "grpo_trainer": "UnslothGRPOConfig"}
TABLE, MARK = "replacements", "per_device_train_batch_size"
MODEL_LENGTH, SHORTER_LENGTH = "model.max_seq_length", "min(model.max_seq_length, max_length)"


def configurations(code: bytes) -> dict[str, dict[str, cst.BaseExpression | str]]:
    """Return {class: {argument: default}} of the defaults that the code of `rl.py` sets in the generated classes.

    A release that generates none gives an empty dictionary. The length is a text: how it follows from the
    model's.
    """
    module = cst.parse_module(code)
    writer = next((f for f in walk(module) if isinstance(f, cst.FunctionDef) and generates(f)), None)
    if writer is None:
        return {}
    found: dict[str, dict[str, cst.BaseExpression | str]] = {ALL: {}}
    for statement in writer.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            found[ALL].update(entries(statement))
        elif isinstance(statement, cst.If):
            name = NAMES.get(trainer_file(statement.test)) if is_trainer_test(statement.test) else ALL
            if name is None:
                continue
            for line in walk(statement):
                if isinstance(line, cst.SimpleStatementLine):
                    found.setdefault(name, {}).update(entries(line))
    if b"args.max_length = " in code:
        kept = b"_unsloth_explicit_max_length" in code
        found.setdefault(NAMES["sft_trainer"], {})["max_length"] = SHORTER_LENGTH if kept else MODEL_LENGTH
    return found


def passed_on(code: bytes) -> dict[str, str]:
    """Return {old name: new name} of the arguments that the generated classes still take where TRL's refuse them."""
    found: dict[str, str] = {}
    for statement in cst.parse_module(code).body:
        for one in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if not isinstance(one, cst.Assign) or not isinstance(one.value, cst.Dict):
                continue
            if not RENAMES.fullmatch(dotted(one.targets[0].target)):
                continue
            for element in one.value.elements:
                old, new = (text_of(getattr(element, side, None)) for side in ("key", "value"))
                if old and new:
                    found[old] = new
    return found


def generates(function: cst.FunctionDef) -> bool:
    """Return whether a function of Unsloth writes the classes that replace TRL's."""
    return any(isinstance(line, cst.SimpleStatementLine) and MARK in dict(entries(line)) for line in function.body.body)


def entries(line: cst.SimpleStatementLine) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Yield the entries that `replacements = {…}` or `replacements["x"] = …` sets."""
    for one in line.body:
        if not isinstance(one, cst.Assign):
            continue
        target = one.targets[0].target
        if isinstance(target, cst.Name) and target.value == TABLE and isinstance(one.value, cst.Dict):
            for element in one.value.elements:
                if isinstance(element, cst.DictElement) and (name := text_of(element.key)):
                    yield name, element.value
        elif isinstance(target, cst.Subscript) and dotted(target.value) == TABLE:
            index: Any = target.slice[0].slice
            if isinstance(index, cst.Index) and (name := text_of(index.value)):
                yield name, one.value


def is_trainer_test(test: cst.BaseExpression) -> bool:
    """Return whether a condition compares the file of the trainer that is being replaced."""
    return isinstance(test, cst.Comparison) and dotted(test.left) == "trainer_file"


def trainer_file(test: cst.BaseExpression) -> str:
    """Return the file that such a condition compares with, or ""."""
    return (text_of(test.comparisons[0].comparator) or "") if isinstance(test, cst.Comparison) else ""
