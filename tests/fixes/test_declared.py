"""A value is not put where the script says that another kind belongs, and no option is left that nobody reads."""

from __future__ import annotations

import pytest

from .repair import repaired, session

HEAD = (
    "from argparse import ArgumentParser\nfrom dataclasses import dataclass\n"
    "from peft import LoraConfig\nfrom trl import SFTConfig, SFTTrainer\n"
)
OPTION = "p = ArgumentParser()\np.add_argument('--x', {})\na = p.parse_args()\n"
FIELD = "@dataclass\nclass A:\n    x: {}\na = A()\n"
TRAIN = (
    'SFTTrainer("m", args=SFTConfig(output_dir="o", max_steps=1000, {}=a.x), peft_config=LoraConfig(r=16)).train()\n'
)

SAID = {
    "a whole number": (OPTION, "type=int, default=100", "warmup_steps", "arguments/warmup", None),
    "a number": (OPTION, "type=float, default=100", "warmup_steps", "arguments/warmup", "0.03"),
    "no type": (OPTION, "default=100", "warmup_steps", "arguments/warmup", "0.03"),
    "choices without it": (
        OPTION, "choices=['linear', 'constant'], default='linear'", "lr_scheduler_type", "arguments/scheduler", None,
    ),
    "choices with it": (
        OPTION, "choices=['linear', 'cosine'], default='linear'", "lr_scheduler_type", "arguments/scheduler",
        "'cosine'",
    ),
    "a field": (FIELD, "int = 100", "warmup_steps", "arguments/warmup", None),
    "a field of either": (FIELD, "int | float = 100", "warmup_steps", "arguments/warmup", "0.03"),
    "a field of a number": (FIELD, "float = 1e-3", "learning_rate", "arguments/learning-rate", "2e-4"),
    "a field that may be none": (FIELD, "Optional[float] = 1e-3", "learning_rate", "arguments/learning-rate", "2e-4"),
}  # fmt: skip


@pytest.mark.parametrize(("above", "said", "argument", "rule", "value"), SAID.values(), ids=SAID)
def test_a_default_is_of_the_kind_that_is_declared(above, said, argument, rule, value):
    script = HEAD + above.format(said) + TRAIN.format(argument)
    old = said.rpartition("=")[2].strip()
    wanted = script if value is None else script.replace(said, f"{said[: -len(old)]}{value}")
    assert repaired(script, rule) == wanted


@pytest.mark.parametrize("more", ["", "print(a.fp16)\n"])
def test_an_option_of_the_precision_is_not_left_without_effect(more):
    above = "p = ArgumentParser()\np.add_argument('--fp16', action='store_true')\na = p.parse_args()\n"
    script = HEAD + above + TRAIN.replace("{}=a.x", "fp16=a.fp16") + more
    assert repaired(script, "arguments/mixed-precision") == script
    assert "bf16=torch" in repaired(script, "arguments/mixed-precision", unsafe=True)


PATHS = {
    "written to": ('trainer.save_model(os.path.join(OUT, "final"))', True),
    "told": ('print(f"in {OUT}")', True),
    "listed": ("print(os.listdir(OUT))", False),
    "resumed from": ('trainer.train(f"{OUT}/checkpoint-5")', False),
    "named": ("last = OUT + '/last'", False),
}


@pytest.mark.parametrize(("use", "moved"), PATHS.values(), ids=PATHS)
def test_a_path_is_moved_where_nobody_looks_for_it_by_its_name(use, moved):
    script = (
        f'import os\n{HEAD}OUT = "out"\n'
        'trainer = SFTTrainer("m", args=SFTConfig(output_dir=OUT, logging_dir=OUT))\n'
        f"trainer.train()\n{use}\n"
    )
    after = script.replace("output_dir=OUT", 'output_dir="models/nl2sql-unsloth"')
    assert repaired(script, "project/paths") == (after if moved else script)


@pytest.mark.parametrize("name", ["train.py", "c.yaml"])
def test_rank_and_alpha_are_set_together_where_one_alone_would_spoil_their_ratio(name):
    """128 with 256 is a scaling of two; 16 with 256 would be 16."""
    script = {
        "train.py": "from peft import LoraConfig, get_peft_model\nget_peft_model(m, LoraConfig(r={}, lora_alpha={}))\n",
        "c.yaml": "base_model: m\nadapter: lora\ndatasets: [{{path: d, type: alpaca}}]\nlora_r: {}\nlora_alpha: {}\n",
    }[name]
    one = session(script.format(128, 256).encode(), name, select=["lora/rank", "lora/alpha", "lora/scaling"])
    assert all(f.fix is not None for f in one.with_fixes().findings)
    one.apply(unsafe=False)
    assert one.data.decode() == script.format(16, 16)
    assert {f.rule for f in one.made} == {"lora/rank", "lora/alpha"}
