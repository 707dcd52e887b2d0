"""What fixers by regular expression get wrong: rewritten comments and strings, missed constants, broken files."""

from __future__ import annotations

import ast

import pytest

from .repair import IMPORTS, repaired, session

LOAD = 'model, tokenizer = FastLanguageModel.from_pretrained("x", max_seq_length=2048)\n'


def test_a_batch_in_a_comment_and_a_string_is_no_batch_and_the_constant_is():
    script = (
        f"# per_device_train_batch_size=32 was too much\n{IMPORTS}BS = {{}}\n"
        'HELP = "per_device_train_batch_size=32"\n'
        "args = SFTConfig(per_device_train_batch_size=BS, gradient_accumulation_steps=4)\n"
    )
    assert repaired(script.format(32), "arguments/effective-batch") == script.format(4)


@pytest.mark.parametrize("end", [")  # the last )", "  # last (\n)", ",  # last (\n    # more )\n)", " # a, b\n  )"])
def test_what_is_added_never_ends_up_in_a_comment(end):
    script = f"{IMPORTS}{LOAD}args = SFTConfig(\n    output_dir='out'{end}\n"
    fixed = repaired(script, "checkpointing", "arguments/scheduler")
    ast.parse(fixed)
    assert 'lr_scheduler_type="cosine"' in ast.unparse(ast.parse(fixed)).replace("'", '"')
    for line in script.splitlines():
        assert line.partition("#")[2] in fixed


def test_a_script_that_cannot_be_read_is_left():
    script = f"{IMPORTS}args = SFTConfig(learning_rate=1\n"
    assert repaired(script, "arguments") == script


def test_what_a_team_wants_is_what_it_gets():
    script = f"{IMPORTS}{LOAD}model = FastLanguageModel.get_peft_model(model, r={{}})\n"
    overrides = {"lora/rank": {"equals": 32}, "select": ["lora/rank"]}
    one = session(script.format(16).encode(), **overrides)
    one.apply(unsafe=False)
    assert one.data.decode() == script.format(32)


def test_what_is_silenced_stays():
    script = (
        f"{IMPORTS}{LOAD}model = FastLanguageModel.get_peft_model(model, r=64)  # nl2sql: "
        "ignore[lora/rank] an experiment\n"
    )
    assert repaired(script, "lora/rank", unsafe=True) == script


def test_an_option_of_the_command_line_keeps_its_say():
    """The default is changed, not the argument that the option reaches."""
    script = (
        "import argparse\n" + IMPORTS + LOAD + "p = argparse.ArgumentParser()\n"
        "p.add_argument('--r', '--rank', dest='rank', default={}, type=int)\n"
        "model = FastLanguageModel.get_peft_model(model, r=p.parse_args().rank)\n"
    )
    assert repaired(script.format(64), "lora/rank") == script.format(16)


FILES = {
    "yaml": ("r: {}  # r: 64\nalpha: 64\n", "yaml.safe_load(open('c.yaml'))"),
    "json": ('{{"alpha": 64,\n\t"r" : {}}}', "json.load(open('c.json'))"),
    "toml": ("alpha = 64\nr = {} # r = 64\n", "tomllib.load(open('c.toml', 'rb'))"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_value_of_a_configuration_file_is_changed_there(kind, tmp_path, monkeypatch):
    text, load = FILES[kind]
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"c.{kind}").write_bytes(text.format(64).replace("\n", "\r\n").encode())
    script = (
        f"import json, tomllib, yaml\n{IMPORTS}{LOAD}c = {load}\nmodel = FastLanguageModel.get_peft_model(model, "
        "r=c['r'])\n"
    )
    one = session(script.encode(), select=["lora/rank"])
    one.apply(unsafe=False)
    assert one.data.decode() == script and [f.rule for f in one.made] == ["lora/rank"]
    assert one.drafts == {str(tmp_path / f"c.{kind}"): text.format(16).replace("\n", "\r\n").encode()}


def test_a_value_of_another_module_is_changed_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.py").write_text("R = 64\nOTHER = 64\n")
    script = f"from settings import R\n{IMPORTS}{LOAD}model = FastLanguageModel.get_peft_model(model, r=R)\n"
    one = session(script.encode(), select=["lora/rank"])
    one.apply(unsafe=False)
    assert one.drafts == {str(tmp_path / "settings.py"): b"R = 16\nOTHER = 64\n"}
    alone = session(script.encode(), select=["lora/rank"])
    alone.alone = True  # as on standard input: the script is all that may change
    alone.apply(unsafe=False)
    assert alone.drafts == {} and alone.data.decode() == script  # R would do nothing
