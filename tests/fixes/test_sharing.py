"""A file that two scripts of one run read: what is fixed for one must be right for the other."""

from __future__ import annotations

import pytest

from nl2sql_review.run import batch, fix
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import Reviewer

from .repair import IMPORTS
from .test_rivals import LOAD

PEFT = "model = FastLanguageModel.get_peft_model(model, {})\n"
SHARED = {
    "yaml": ("c.yaml", "r: {}\nseed: 7\n", "import yaml\nc = yaml.safe_load(open('c.yaml'))\n", "c['r']"),
    "module": ("settings.py", "R = {}\nSEED = 7\n", "from settings import R\n", "R"),
}


def fixed(folder, files: dict[str, str], *, unsafe: bool = False) -> dict[str, str]:
    """The files that `--fix a.py b.py` changes, with their new text."""
    for name, text in files.items():
        (folder / name).write_text(text)
    asked = {"isolated": True, "overrides": {"select": ["lora/rank"]}}
    scripts = [name for name in ("a.py", "b.py") if name in files]
    found = fix.fix(Reviewer(**asked), batch.review(scripts, Options(**asked)), unsafe)
    return {one.path: one.after.decode() for one in found.files}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


OTHERWISE = {
    "another setting": PEFT.format("r=16, random_state={}"),
    "another setting beside the same": PEFT.format("r={0}, random_state={0}"),
    "a call that is not resolved": PEFT.format("r={0}") + "mystery({0})\n",
    "a script that trains nothing": None,
    "a finding that is silenced": PEFT.format("r={0}").rstrip() + "  # nl2sql: ignore[lora/rank] an experiment\n",
}


@pytest.mark.parametrize("use", OTHERWISE.values(), ids=OTHERWISE)
@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("first", ["a.py", "b.py"])
def test_a_value_that_another_script_uses_otherwise_is_left_and_the_argument_changed(tmp_path, kind, use, first):
    name, text, above, read = SHARED[kind]
    one = f"{above}{IMPORTS}{LOAD}{PEFT.format('r={}')}"
    other = f"{above}{IMPORTS}{LOAD}{use.format(read)}" if use else f"{above}for n in range({read}):\n    print(n)\n"
    second = {"a.py": "b.py", "b.py": "a.py"}[first]
    made = fixed(tmp_path, {name: text.format(64), first: one.format(read), second: other})
    assert name not in made and made[first] == one.format(16)


@pytest.mark.parametrize("kind", SHARED)
def test_a_value_that_both_scripts_use_alike_is_changed_where_it_stands(tmp_path, kind):
    name, text, above, read = SHARED[kind]
    script = f"{above}{IMPORTS}{LOAD}{PEFT.format(f'r={read}')}"
    assert fixed(tmp_path, {name: text.format(64), "a.py": script, "b.py": script}) == {name: text.format(16)}


@pytest.mark.parametrize("kind", SHARED)
def test_a_script_that_does_not_read_the_file_has_no_say(tmp_path, kind):
    name, text, above, read = SHARED[kind]
    one = f"{above}{IMPORTS}{LOAD}{PEFT.format(f'r={read}')}"
    other = f"{IMPORTS}{LOAD}{PEFT.format('r=16')}mystery(64)\n"
    assert fixed(tmp_path, {name: text.format(64), "a.py": one, "b.py": other}) == {name: text.format(16)}


def test_a_module_that_is_named_with_its_script_is_a_part_of_it(tmp_path):
    script = f"from b import R\n{IMPORTS}{LOAD}{PEFT.format('r=R')}"
    assert fixed(tmp_path, {"b.py": "R = 64\n", "a.py": script}) == {"b.py": "R = 16\n"}


def test_an_argument_in_a_shared_module_is_changed_there(tmp_path):
    module = f"{IMPORTS}def adapter(model):\n    return FastLanguageModel.get_peft_model(model, r={{}})\n"
    script = f"from build import adapter\n{IMPORTS}{LOAD}model = adapter(model)\n"
    files = {"build.py": module.format(64), "a.py": script, "b.py": script + "print('b')\n"}
    assert fixed(tmp_path, files) == {"build.py": module.format(16)}


def test_what_has_no_argument_of_its_own_waits_for_unsafe_fixes(tmp_path):
    above = "import yaml\nc = yaml.safe_load(open('c.yaml'))\n"
    one = f"{above}{IMPORTS}{LOAD}{PEFT.format('**c')}"
    other = above + IMPORTS + LOAD + PEFT.format("r=16, random_state=c['r']")
    files = {"c.yaml": "r: 64\n", "a.py": one, "b.py": other}
    assert fixed(tmp_path, files) == {}
    assert fixed(tmp_path, files, unsafe=True) == {"c.yaml": "r: 16\n"}
