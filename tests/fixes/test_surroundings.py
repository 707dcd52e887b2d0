"""What the tree does not show, and an edit must look at: parentheses, closing quotes, the rest of the line."""

from __future__ import annotations

import ast

import pytest

from nl2sql_review.fixes.edits import applied, imports, python
from nl2sql_review.source import Source

from .repair import IMPORTS, repaired

LOAD = 'model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit")\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("('out')", "('out'), lr_scheduler_type=\"cosine\""),
        ("((('out')))", "((('out'))), lr_scheduler_type=\"cosine\""),
        ("('é'  # (\n)", "('é'  # (\n), lr_scheduler_type=\"cosine\""),
        ("*('out',)", "*('out',), lr_scheduler_type=\"cosine\""),
        ("\n    (\n    'out'\n    ),\n", "\n    (\n    'out'\n    ),\n    lr_scheduler_type=\"cosine\",\n"),
    ],
)
def test_what_is_added_stands_behind_the_parentheses_of_the_last_argument(before, after):
    script = f"{IMPORTS}{LOAD}SFTTrainer(model=model, args=SFTConfig({{}})).train()\n"
    assert repaired(script.format(before), "arguments/scheduler") == script.format(after)


@pytest.mark.parametrize("above", ["{}", "M = {}\n", "def f(m={}):\n    return m\n"])
def test_a_tuple_stays_a_tuple(above):
    before, after = (
        "('q_proj', 'v_proj')",
        "('q_proj', 'v_proj', 'k_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj')",
    )
    call = "FastLanguageModel.get_peft_model(model, target_modules={})\n"
    read = {"{}": "{}", "M = {}\n": "M"}.get(above, "f()")
    script = IMPORTS + ("" if above == "{}" else above) + LOAD + call.replace("{}", read)
    assert repaired(script.replace("{}", before), "lora/target-modules") == script.replace("{}", after)


@pytest.mark.parametrize("value", ["(packed := True)", "(True\n    if 1 else False)"])
def test_a_value_that_moves_keeps_its_parentheses(value):
    script = "from trl import SFTConfig, SFTTrainer\nargs = SFTConfig({})\nSFTTrainer(model='m', args=args{}).train()\n"
    argument = f"packing={value}"
    assert repaired(script.format("", f", {argument}"), "api/moved-argument") == script.format(argument, "")


TEXT = """\
from datasets import load_dataset
{imports}{load}def text(row):
    return {{"text": {text}}}
data = load_dataset("json", data_files="t.jsonl", split="train").map(text)
SFTTrainer(model=model, tokenizer=tokenizer, train_dataset=data, args=SFTConfig(max_length=2048)).train()
"""
EOS = "tokenizer.eos_token"
ENDINGS = {
    "f-string": ('f"{row[\'sql\']}"', 'f"{row[\'sql\']}{EOS}"'),
    "f-string of three quotes": ("f'''{{}}{row['sql']}'''", "f'''{{}}{row['sql']}{EOS}'''"),
    "strings side by side, an f-string last": (
        '("é" "a: "  # it\'s (\n rF"{row[\'sql\']}")', '("é" "a: "  # it\'s (\n rF"{row[\'sql\']}{EOS}")',
    ),
    "strings side by side, another last": ("(f\"{row['sql']}\"'\\n')", "(f\"{row['sql']}\"'\\n' + EOS)"),
    "an f-string in a field, another string last": (
        "f\"{f'{1}'}{row['sql']}\" ' '", "f\"{f'{1}'}{row['sql']}\" ' ' + EOS",
    ),
    "a sum": ("'a: ' + row['sql']", "'a: ' + row['sql'] + EOS"),
    "a sum in parentheses": ("('a: ' + row['sql'])", None),
    "a call": ("str(('a: ' + row['sql']))", "str(('a: ' + row['sql'])) + EOS"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ENDINGS.values(), ids=ENDINGS)
def test_the_end_of_a_text(before, after):
    script = TEXT.format(imports=IMPORTS, load=LOAD, text="TEXT")
    wanted = (after or before).replace("{EOS}", "{" + EOS + "}").replace("EOS", EOS)
    assert repaired(script.replace("TEXT", before), "prompt/eos") == script.replace("TEXT", wanted)


TRAINS = {
    "trainer.train()": "trainer.train()\nLOG",
    "step = 1; trainer.train(); done = (\n    True)": "step = 1; trainer.train(); done = (\n    True)\nLOG",
    "for _ in range(2):\n\ttrainer.train()  # é": "for _ in range(2):\n\ttrainer.train()  # é\n\tLOG",
    "if True: trainer.train()": "if True: trainer.train()",
}


@pytest.mark.parametrize("before", TRAINS)
def test_a_line_below_stands_below_the_whole_line(before):
    log = 'print(f"peak GPU memory: {torch.cuda.max_memory_reserved() / 1024**3:.1f} GiB")'
    script = f"import torch\n{IMPORTS}{LOAD}trainer = SFTTrainer(model=model, args=SFTConfig())\nTRAIN\nprint()\n"
    fixed = repaired(script.replace("TRAIN", before), "memory/monitoring")
    assert fixed == script.replace("TRAIN", TRAINS[before].replace("LOG", log))


@pytest.mark.parametrize("value", ["a\nb", "tab\t nul\0 return\r", "\"both' kinds", "back\\slash\\n", ["a", "it's"]])
@pytest.mark.parametrize("like", ["", "'x'", "('x',)"])
def test_a_value_as_code_is_the_value(value, like):
    found = ast.literal_eval(python.literal(value, like))
    assert (list(found) if isinstance(value, list) else found) == value


IMPORTED = "from trl import SFTConfig, SFTTrainer\n"
LATER = (
    'trainer = SFTTrainer("m", args=SFTConfig(output_dir="o"))\ntrainer.train()\n'
    "import os\nfrom transformers import AutoModel\n"
)


def test_an_import_goes_where_it_is_run_before_its_use():
    """Among the first imports, not below those that come after the training."""
    made = repaired(IMPORTED + LATER, "memory/monitoring")
    assert made.startswith("import torch\n" + IMPORTED) and made.count("import torch") == 1


def test_an_import_stays_below_the_one_of_unsloth():
    head = "import json\n\nfrom unsloth import FastLanguageModel\nimport wandb\nfrom trl import SFTConfig, SFTTrainer\n"
    made = repaired(head + LATER, "memory/monitoring")
    assert made.startswith(head.replace("import wandb\n", "import torch\nimport wandb\n"))


def test_a_logger_says_what_a_script_with_one_would_print():
    head = f"import logging\n{IMPORTED}log = logging.getLogger(__name__)\n"
    made = repaired(head + LATER, "memory/monitoring")
    assert 'log.info("peak GPU memory: %.1f GiB", torch.cuda.max_memory_reserved() / 1024**3)\n' in made


def test_the_logger_that_the_function_has_used_by_then_says_it():
    body = (
        "def main(log):\n    log.info('begin')\n    if log:\n        FIRST\n        trainer.train()\n\nmain(make())\n"
    )
    script = f'{IMPORTED}trainer = SFTTrainer("m", args=SFTConfig(output_dir="o"))\n{body}'
    assert '        log.info(f"peak GPU memory: {torch' in repaired(
        script.replace("FIRST", "pass"), "memory/monitoring"
    )
    other = script.replace("log.info('begin')", "pass").replace("FIRST", "if log: log.info('x')")
    assert '        print(f"peak GPU memory: {torch' in repaired(other, "memory/monitoring")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import json\n\nfrom trl import SFTConfig, SFTTrainer\n", "import json\n\nimport torch\nfrom trl"),
        ("import json\n\nfrom . import data\n", "import json\n\nimport torch\n\nfrom . import"),
        ("import json\nimport os\n", "import json\nimport os\n\nimport torch\n"),
        ("import os\n\nimport yaml\nfrom trl import SFTTrainer\n", "import os\n\nimport torch\nimport yaml\n"),
        ("from a import b\n", "import torch\nfrom a"),
    ],
)
def test_an_import_stands_in_its_section(before, after):
    source = Source.from_bytes(before.encode(), "t.py")
    edits, _ = imports.imported_module(source, "torch")
    assert applied(before.encode(), "t.py", edits).decode().startswith(after)


def test_a_call_that_grows_too_long_gets_a_line_for_each_argument():
    call = 'args = SFTConfig(output_dir="models/nl2sql-unsloth", per_device_train_batch_size=4, logging_steps=1000)\n'
    script = f"from peft import LoraConfig\n{IMPORTED}{call}SFTTrainer('m', args=args, peft_config=LoraConfig())\n"
    made = repaired(script, "arguments/learning-rate", "checkpointing/limit")
    assert max(map(len, made.splitlines())) <= 120
    assert "\n    logging_steps=1000,\n    learning_rate=2e-4,\n    save_total_limit=3,\n)\n" in made


@pytest.mark.parametrize("own", ["", "    import torch\n"])
def test_a_module_that_functions_import_themselves_is_not_imported_for_all(own):
    script = (
        f"{IMPORTED}def size():\n    import torch\n    return torch.cuda.device_count()\n\n"
        f"def main():\n{own}    trainer = SFTTrainer('m', args=SFTConfig(output_dir='o'))\n    trainer.train()\n\n"
        "main()\n"
    )
    made = repaired(script, "memory/monitoring")
    assert made.startswith(IMPORTED + "def size") and made.count("import torch") == 2
    assert '    print(f"peak GPU memory' in made


def test_a_line_below_branches_that_train_each_speaks_for_all():
    script = (
        f'{IMPORTED}import sys\nimport torch\ntrainer = SFTTrainer("m", args=SFTConfig(output_dir="o"))\n'
        'if len(sys.argv) > 1:\n    trainer.train(sys.argv[1])\nelse:\n    trainer.train()\nprint("end")\n'
    )
    made = repaired(script, "memory/monitoring")
    assert '    trainer.train()\nprint(f"peak GPU memory' in made
    alone = repaired(script.replace("trainer.train(sys.argv[1])", "print()"), "memory/monitoring")
    assert '    trainer.train()\n    print(f"peak GPU memory' in alone


def test_the_precision_asks_torch_where_functions_import_it():
    script = (
        f"{IMPORTED}def size():\n    import torch\n    return torch.cuda.device_count()\n\n"
        "def main():\n    args = SFTConfig(fp16=True)\n    SFTTrainer('m', args=args).train()\n\nmain()\n"
    )
    made = repaired(script, "arguments/mixed-precision")
    assert made.startswith(IMPORTED + "def size") and "def main():\n    import torch\n    args = SFTConfig(" in made
    own = script.replace("def main():\n", "def main():\n    import torch\n")
    made = repaired(own, "arguments/mixed-precision")
    assert made.count("import torch") == 2 and "bf16=torch" in made


def test_two_arguments_for_one_call_that_is_spread_for_them():
    script = f"{IMPORTED}SFTTrainer(model='gpt2', train_dataset=d, eval_dataset=e, args=SFTConfig(ARGS)).train()\n"
    for given in ("", "output_dir='out', seed=1, logging_steps=1000"):
        made = repaired(script.replace("ARGS", given), "arguments/gradient-accumulation")
        assert "gradient_accumulation_steps=4" in made and "per_device_train_batch_size=2" in made
        ast.parse(made)


LAZY = """\
import os


def load():
    from unsloth import FastLanguageModel

    return FastLanguageModel.from_pretrained("unsloth/llama-3-8b")


def main():
    from trl import SFTConfig, SFTTrainer

    model, tokenizer = load()
    trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="o"))
    trainer.train()


main()
"""


def test_libraries_that_functions_import_are_not_imported_before_unsloth():
    own = "    from trl import SFTConfig, SFTTrainer\n"
    made = repaired(LAZY, "checkpointing/resume", unsafe=True)
    assert own + "    from transformers.trainer_utils import get_last_checkpoint\n" in made
    made = repaired(LAZY.replace("SFTConfig, ", "").replace('SFTConfig(output_dir="o")', "None"), "checkpointing/limit")
    assert made.count("import") == 3


def test_a_name_is_imported_beside_its_package_and_not_among_the_projects_own():
    above = f"import config\n\nfrom transformers import AutoTokenizer\n{IMPORTED}\nfrom src.a import b\n"
    source = Source.from_bytes(above.encode(), "t.py")
    edits, _ = imports.imported(source, "transformers.trainer_utils", "get_last_checkpoint")
    made = applied(above.encode(), "t.py", edits).decode()
    assert "AutoTokenizer\nfrom transformers.trainer_utils import get_last_checkpoint\nfrom trl" in made


def test_an_argument_too_long_for_its_line_is_put_in_parentheses():
    script = (
        f"{IMPORTED}def main():\n    trainer = SFTTrainer('m', args=SFTConfig('o'))\n    trainer.train()\n\nmain()\n"
    )
    made = repaired(script, "checkpointing/resume", unsafe=True)
    assert (
        max(map(len, made.splitlines())) <= 120 and "\n        resume_from_checkpoint=(\n            get_last" in made
    )


@pytest.mark.parametrize(
    ("made_by", "text"),
    [
        ("logging.getLogger", 'info("peak GPU memory: %.1f GiB", torch'),
        ("structlog.get_logger", 'info(f"peak GPU memory: {torch'),  # which need not put values into a text
    ],
)
def test_a_logger_is_used_as_its_library_has_it(made_by, text):
    head = f"import {made_by.partition('.')[0]}\nimport torch\n{IMPORTED}log = {made_by}()\n"
    script = head + "trainer = SFTTrainer('m', args=SFTConfig('o'))\ntrainer.train()\n"
    assert f"log.{text}" in repaired(script, "memory/monitoring")
