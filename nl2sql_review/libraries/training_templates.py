"""Chat templates for which TRL has its own version with `{% generation %}`, read from its wheel.

With `assistant_only_loss`, SFTTrainer uses that version if the tokenizer's template is, letter for letter,
one of which TRL has a copy. `get_training_chat_template` selects it:
`if chat_template == qwen3_chat_template: return …`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

import libcst as cst

from ..source.literals import evaluated
from ..source.syntax import dotted, text_of, walk
from .store import OWN

MODULE, TRAINER = "trl/chat_template_utils.py", "trl/trainer/sft_trainer.py"
FILES = "trl/chat_templates/"
CHOOSES = "get_training_chat_template"
NAME = re.compile(r"(\w{1,80}?)_(training_)?chat_template(_\w{1,80})?$")  # qwen3_5_chat_template_2b_and_below in 1.0
MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")  # what TRL itself looks for
REPLACED, UNMARKED = "replaced", ""


def read(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Return {template: `OWN`, `REPLACED` or `UNMARKED`}: how SFTTrainer gets markers in a template, if at all.

    A release without copies of templates gives an empty dictionary.
    """
    files = set(wheel.namelist())
    if not {MODULE, TRAINER} <= files:
        return {}
    module = cst.parse_module(wheel.read(MODULE))
    texts = dict(written(module, wheel, files))
    asked = any(  # until 1.1 only other trainers ask for it
        isinstance(one, cst.Call) and dotted(one.func) == CHOOSES for one in walk(cst.parse_module(wheel.read(TRAINER)))
    )
    chosen = dict(choices(module)) if asked else {}
    found = {}
    for variable, text in texts.items():
        match = NAME.match(variable)
        if match is None or match[2]:
            continue
        patched = texts.get(chosen.get(variable, ""), "")
        name = match[1] + (match[3] or "")
        found[name] = OWN if MARKED.search(text) else REPLACED if MARKED.search(patched) else UNMARKED
    return found


def written(module: cst.Module, wheel: zipfile.ZipFile, files: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (variable, text) of each string in a module's variables, also if read from a template's file."""
    for line in module.body:
        for one in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if not isinstance(one, cst.Assign) or not isinstance(one.targets[0].target, cst.Name):
                continue
            said = [text for node in walk(one.value) if isinstance(node, cst.SimpleString) and (text := text_of(node))]
            file = next((FILES + text for text in said if FILES + text in files), "")
            try:
                text = wheel.read(file).decode("utf-8") if file else evaluated(one.value)
            except ValueError:
                continue
            if isinstance(text, str):
                yield one.targets[0].target.value, text


def choices(module: cst.Module) -> Iterator[tuple[str, str]]:
    """Yield (variable of the template, variable of its replacement)."""
    function = next((f for f in walk(module) if isinstance(f, cst.FunctionDef) and f.name.value == CHOOSES), None)
    for branch in walk(function.body) if function is not None else ():
        if not isinstance(branch, cst.If) or not isinstance(branch.test, cst.Comparison):
            continue
        if not dotted(branch.test.left).endswith("chat_template"):
            continue
        returned = [one for one in walk(branch.body) if isinstance(one, cst.Return) and one.value is not None]
        for one in returned[:1]:
            assert one.value is not None
            yield dotted(branch.test.comparisons[0].comparator), dotted(one.value)
