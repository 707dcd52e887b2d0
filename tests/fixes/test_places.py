"""Where a value is set: at the place it comes from if all its uses agree, else at the call."""

from __future__ import annotations

import pytest

from nl2sql_review.fixes.kinds.prompt import _labels
from nl2sql_review.readers.prompt.text import Piece
from nl2sql_review.training_plan.values import Term

from .repair import IMPORTS, repaired, session

ADAPTER = "FastLanguageModel.get_peft_model(model, {})\n"
LOAD = 'model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit")\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("r=64", "r=16"),
        ("r = 64 , lora_alpha = 16", "r = 16 , lora_alpha = 16"),
        ("64", "16"),
        ("r=(64)", "r=(16)"),
        ("r=0x40", "r=16"),
        ("r=32 * 2", "r=16"),
        ("**{'r': 64}", "**{'r': 16}"),
        ("**dict(r=64)", "**dict(r=16)"),
    ],
)
def test_a_value_at_the_call(before, after):
    script = IMPORTS + LOAD + ADAPTER
    assert repaired(script.format(before), "lora/rank") == script.format(after)


@pytest.mark.parametrize(
    ("above", "argument"),
    [
        ("LORA_R = {}", "r=LORA_R"),
        ("LORA_R: int = {}  # LORA_R = 64", "r=LORA_R"),
        ("CONFIG = {{'a': 1, 'r': {}}}", "r=CONFIG['r']"),
        ("CONFIG = dict(r={}, a=64)", "**dict(r=CONFIG['r'])"),
        ("class C:\n    r = {}", "r=C.r"),
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 64\n    r: int = {}\nc = C()", "r=c.r"),
        (
            "from argparse import ArgumentParser\np = ArgumentParser()\np.add_argument('--r', type=int, default={})\n"
            "a = p.parse_args()",
            "r=a.r",
        ),
        ("import os\nR = int(os.environ.get('R', '{}'))", "r=R"),
        ("def settings(r={}):\n    return {{'r': r}}", "**settings()"),
    ],
)  # fmt: skip
def test_the_place_it_comes_from(above, argument):
    script = f"{IMPORTS}{above}\n{LOAD}{ADAPTER.format(argument)}"
    assert repaired(script.format(64), "lora/rank") == script.format(16)


def test_a_constant_of_two_uses_that_agree_is_changed_where_it_stands():
    script = f"{IMPORTS}R = {{}}\n{LOAD}{ADAPTER.format('r=R, lora_alpha=R')}"
    one = session(script.format(64).encode(), select=["lora/rank", "lora/alpha"])
    one.apply(unsafe=False)
    assert one.data.decode() == script.format(16)
    assert [f.rule for f in one.made] == ["lora/rank", "lora/alpha"]


def test_a_constant_of_two_uses_that_differ_is_left_and_the_argument_changed():
    script = f"{IMPORTS}N = 64\n{LOAD}{ADAPTER.format('r={}, random_state=N')}"
    assert repaired(script.format("N"), "lora/rank") == script.format("16")


def test_what_is_logged_of_a_constant_follows_it():
    script = (
        f"import wandb\n{IMPORTS}R = {{}}\nwandb.init(project='p', config={{{{'r': R}}}})\n"
        f"{LOAD}{ADAPTER.format('r=R')}"
    )
    assert repaired(script.format(64), "lora/rank") == script.format(16)


def test_a_value_that_is_logged_rightly_already_is_safe_to_set():
    script = f"import wandb\n{IMPORTS}wandb.init(config={{{{'r': 16}}}})\n{LOAD}{ADAPTER.format('r={}')}"
    assert repaired(script.format(64), "lora/rank") == script.format(16)


def test_a_constant_with_a_use_that_is_silenced_is_left():
    calls = ADAPTER.format("r=R")[:-1] + "  # nl2sql: ignore[lora/rank] an experiment\n" + ADAPTER.format("r={}")
    script = f"{IMPORTS}R = 64\n{LOAD}a = {calls}SFTTrainer(model=a).train()\n"
    assert "R = 64" in repaired(script.format("R"), "lora/rank")


@pytest.mark.parametrize("unsafe", [False, True])
def test_findings_of_the_same_words_are_fixed_each(unsafe):
    one = "SFTTrainer(model=model, args=SFTConfig()).train()\n"
    script = IMPORTS + LOAD + one + one + "trainer = " + one.replace(".train()", "") + "trainer.train()\n"
    fixed = repaired(script, "arguments/scheduler", "checkpointing", unsafe=unsafe)
    assert fixed.count('lr_scheduler_type="cosine"') == 3 == fixed.count("save_total_limit=3")
    assert session(fixed.encode(), select=["arguments/scheduler", "checkpointing/limit"]).report.findings == ()


def test_both_branches():
    script = f"import torch\n{IMPORTS}R = {{}} if torch.cuda.is_available() else {{}}\n{LOAD}{ADAPTER.format('r=R')}"
    assert repaired(script.format(64, 32), "lora/rank") == script.format(16, 16)


def test_comments_and_strings_that_mention_a_name_stay():
    script = (
        f'"""r=64 LORA_R = 64"""\n{IMPORTS}# LORA_R = 64\nLORA_R = {{}}  # not 64\nprint("r=64")\n'
        f"{LOAD}{ADAPTER.format('r=LORA_R')}"
    )
    assert repaired(script.format(64), "lora/rank") == script.format(16)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SFTConfig()", 'SFTConfig(lr_scheduler_type="cosine")'),
        ("SFTConfig(seed=1)", 'SFTConfig(seed=1, lr_scheduler_type="cosine")'),
        ("SFTConfig(seed=1,)", 'SFTConfig(seed=1, lr_scheduler_type="cosine",)'),
        ("SFTConfig(**{})", 'SFTConfig(**{}, lr_scheduler_type="cosine")'),
        ("SFTConfig(\n    seed=1,\n)", 'SFTConfig(\n    seed=1,\n    lr_scheduler_type="cosine",\n)'),
        ("SFTConfig(\n\tseed=1,  # one\n\t)", 'SFTConfig(\n\tseed=1,  # one\n\tlr_scheduler_type="cosine",\n\t)'),
        ("SFTConfig(\n    seed=1)", 'SFTConfig(\n    seed=1,\n    lr_scheduler_type="cosine")'),
        ("SFTConfig(\n    seed=1  # one\n)", 'SFTConfig(\n    seed=1,  # one\n    lr_scheduler_type="cosine"\n)'),
        (
            "SFTConfig(seed=1,\n          bf16=True)",
            'SFTConfig(seed=1,\n          bf16=True,\n          lr_scheduler_type="cosine")',
        ),
        ("SFTConfig(\n    seed=1  # one (\n    ,\n)", None),
    ],
)
def test_a_missing_argument_in_the_calls_own_manner(before, after):
    script = IMPORTS + LOAD + "SFTTrainer(model=model, args={}).train()\n"
    fixed = repaired(script.format(before), "arguments/scheduler")
    if after is not None:
        assert fixed == script.format(after)
    assert session(fixed.encode(), select=["arguments/scheduler"]).report.findings == ()


HIDDEN = {
    "a call that is not resolved": "mystery(R)",
    "what is made of it": "S = 4 * R + 1\nmystery(S)",
    "a loop": "for step in range(R):\n    mystery(step)",
    "a decision": "if R > 32:\n    mystery()",
    "a path": "open(f'out/{R}.txt', 'w')",
    "a folder": "import shutil\nshutil.rmtree(f'out/{R}')",
    "the environment": "import os\nos.environ['N'] = str(R)",
    "an object": "model.config.hidden = R",
    "a function that is passed on": "def first(text):\n    return text[:R]\nmystery(first)",
    "a function that is decorated": "@mystery\ndef first(text):\n    return text[:R]",
    "a function that nobody calls": "def other():\n    mystery(R)",
    "another name": "def other(n):\n    mystery(n)\nother(R)",
}


@pytest.mark.parametrize("use", HIDDEN.values(), ids=HIDDEN)
def test_a_constant_with_a_use_that_cannot_be_compared_is_left_and_the_argument_changed(use):
    script = f"{IMPORTS}R = 64\n{LOAD}{ADAPTER.format('r={}')}{use}\n"
    fixed = repaired(script.replace("r={}", "r=R"), "lora/rank")
    assert fixed == script.replace("r={}", "r=16")


WHOLE = {
    "dict": ("C = {'r': 64}", "C['r']"),
    "class": ("class C:\n    r = 64", "C.r"),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass Settings:\n    r: int = 64\nC = Settings()",
        "C.r",
    ),
}


@pytest.mark.parametrize(("above", "read"), WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("use", ["mystery(C)", "mystery(**vars(C))", "from other import run\nrun(C)"])
def test_what_holds_a_value_and_is_passed_on_as_a_whole_is_left(above, read, use):
    """Changed at the call, the setting would no longer do anything there; changed where it stands, who knows what."""
    script = f"{IMPORTS}{above}\n{LOAD}{ADAPTER}{use}\n".replace("{}", f"r={read}", 1)
    assert repaired(script, "lora/rank") == script
    assert repaired(script, "lora/rank", unsafe=True) != script


def test_an_option_with_a_use_that_cannot_be_compared_is_unsafe_to_change():
    above = (
        "from argparse import ArgumentParser\np = ArgumentParser()\np.add_argument('--r', type=int, default={})\n"
        "a = p.parse_args()"
    )
    script = f"{IMPORTS}{above}\n{LOAD}{ADAPTER.format('r=a.r')}mystery(a)\n"
    assert repaired(script.format(64), "lora/rank") == script.format(64)
    assert repaired(script.format(64), "lora/rank", unsafe=True) == script.format(16)


SCHEMA = """\
from datasets import load_dataset
{above}{load}def text(row):
    schema = row["schema"]
    return {{"text": f"### Schema:\\n{{{cut}}}\\n### Question:\\n{{row['question']}}\\n### SQL:\\n{{row['sql']}}"}}
data = load_dataset("json", data_files="t.jsonl", split="train").map(text)
{below}SFTTrainer(model=model, train_dataset=data, args=SFTConfig(max_length=2048)).train()
"""
LIMITS = {
    "a literal in the slice": ("", "schema[:{}]", "mystery(9000)\n", True),
    "a constant": ("LIMIT = {}\n", "schema[:LIMIT]", "", True),
    "a constant that the length is compared with": (
        "LIMIT = {}\n",
        "schema[:LIMIT] if len(schema) > LIMIT else schema",
        "",
        True,
    ),
    "a constant of a function": (
        "LIMIT = {}\ndef short(text, n):\n    return text[:n]\n",
        "short(schema, LIMIT)",
        "",
        True,
    ),
    "a call that is not resolved": ("LIMIT = {}\n", "schema[:LIMIT]", "mystery(LIMIT)\n", False),
    "a function that does more": (
        "LIMIT = {}\ndef short(text, n):\n    mystery(n)\n    return text[:n]\n",
        "short(schema, LIMIT)",
        "",
        False,
    ),
    "another column": ("LIMIT = {}\n", "schema[:LIMIT] + row['question'][:LIMIT]", "", False),
    "a loop": ("LIMIT = {}\n", "schema[:LIMIT]", "for n in range(LIMIT):\n    print(n)\n", False),
}


@pytest.mark.parametrize(("above", "cut", "below", "safe"), LIMITS.values(), ids=LIMITS)
def test_a_limit_of_the_schema_is_safe_to_change_where_it_has_no_other_use(above, cut, below, safe):
    script = SCHEMA.format(above=IMPORTS + above, load=LOAD, cut=cut, below=below)
    before, after = script.replace("{}", "9000"), script.replace("{}", "1000")
    assert repaired(before, "dataset/schema-truncation") == (after if safe else before)
    assert repaired(before, "dataset/schema-truncation", unsafe=True) == after


@pytest.mark.parametrize("given", ["warmup_ratio=SHARE", "warmup_steps=SHARE, warmup_ratio=0.0"])
def test_a_share_of_the_warm_up_with_a_use_that_cannot_be_compared_is_changed_at_the_argument(given):
    script = f"{IMPORTS}SHARE = 0.9\nargs = SFTConfig({{}})\nmystery(SHARE)\n"
    assert repaired(script.format(given), "arguments/warmup") == script.format("warmup_steps=0.03")


@pytest.mark.parametrize(
    ("texts", "markers"),
    [
        (["### Problem: ", "row", "\n### Response: ", "sql"], None),
        (["### Problem:\n", "row", "\n### Response:\n", "sql"], ("### Problem:\n", "### Response:\n")),
    ],
)
def test_a_line_that_data_are_part_of_is_no_marker(texts, markers):
    holes = {"row": frozenset(), "sql": frozenset({"sql"})}
    pieces = [Piece(hole=Term(one), roles=holes[one]) if one in holes else Piece(text=one) for one in texts]
    assert _labels(pieces) == markers


PUSHED = """from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
HUB = None
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf"),
    args=SFTConfig(output_dir="codellama-sql"{}),
)
trainer.train()
"""


@pytest.mark.parametrize(
    ("given", "last", "applicability"),
    [
        ("", "", "safe"),
        ("", "trainer.push_to_hub()", "unsafe"),
        (", push_to_hub=True", "", "unsafe"),
        (", push_to_hub=True, hub_model_id=HUB", "", "unsafe"),
        (", push_to_hub=True, hub_model_id='me/sql'", "", "safe"),
        (", hub_model_id='me/sql'", "trainer.push_to_hub()", "safe"),
        (", push_to_hub=False", "", "safe"),
    ],
)
def test_a_folder_that_names_the_repository_on_the_hub_is_not_moved_as_safe(given, last, applicability):
    one = session((PUSHED.format(given) + last).encode(), select=["project/paths"])
    found = next(f for f in one.report.findings if f.message.startswith("output_dir"))
    assert one.fix_of(found).applicability == applicability


@pytest.mark.parametrize(
    ("more", "applicability"),
    [
        ("", "safe"),
        ("resume_from_checkpoint: ./out/checkpoint-500\n", "unsafe"),
        ("push_to_hub: true\n", "unsafe"),
        ("push_to_hub: true\nhub_model_id: me/sql\n", "safe"),
        ("push_to_hub: false\n", "safe"),
    ],
)
def test_a_folder_of_a_configuration_that_is_looked_for_is_not_moved_as_safe(more, applicability):
    keys = "model_name_or_path: codellama/CodeLlama-7b-hf\nstage: sft\ndo_train: true\nfinetuning_type: lora\n"
    text = f"{keys}dataset: alpaca\ntemplate: llama2\noutput_dir: out\n{more}"
    one = session(text.encode(), "sft.yaml", select=["project/paths"])
    found = next(f for f in one.report.findings if f.message.startswith("output_dir"))
    assert one.fix_of(found).applicability == applicability
