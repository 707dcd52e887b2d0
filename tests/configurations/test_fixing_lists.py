"""Lists in configurations: members are added where the others stand, and all around them stays."""

from __future__ import annotations

import pytest

from nl2sql_review.fixes.edits import applied
from tests.fixes.repair import session

MORE = ("k_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
AXOLOTL = "base_model: codellama/CodeLlama-7b-hf # ours\ndatasets:\n  - {path: d, type: alpaca}\nadapter: qlora\n"
TOML = 'model_name_or_path = "codellama/CodeLlama-7b-hf"\ndataset_name = "d"\nuse_peft = true\n'
LISTS = {
    "block": (
        "c.yaml", AXOLOTL + "lora_target_modules:\n  - q_proj   # query\n  - v_proj\n",
        "".join(f"  - {name}\n" for name in MORE), "\n# then\nlr:    1\n",
    ),
    "block without indent": (
        "c.yaml", AXOLOTL + "lora_target_modules:\n- q_proj\n- v_proj\n",
        "".join(f"- {name}\n" for name in MORE), "lr: 1\n",
    ),
    "flow": (
        "c.yaml", AXOLOTL + "lora_target_modules: [q_proj, v_proj",
        "".join(f", {name}" for name in MORE), "]\n# then\nlr: 1\n",
    ),
    "toml": (
        "c.toml", TOML + 'lora_target_modules = [\n    "q_proj", # query\n    "v_proj",\n',
        "".join(f'    "{name}",\n' for name in MORE), "]\nlr   = 1\n",
    ),
    "toml on one line": (
        "c.toml", TOML + 'lora_target_modules = ["q_proj", "v_proj"',
        "".join(f', "{name}"' for name in MORE), "]\nlr = 1\n",
    ),
    "json": (
        "c.json", '{"model_name_or_path": "codellama/CodeLlama-7b-hf", "dataset_name": "d", "use_peft": true,\n'
        ' "lora_target_modules": ["q_proj", "v_proj"', "".join(f', "{name}"' for name in MORE), "],\n \"lr\":   1}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", LISTS)
def test_the_layers_are_added_to_the_list(kind, newline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, before, more, after = LISTS[kind]
    text = (before + after).replace("\n", newline)
    one = session(text.encode(), name, select=["lora/target-modules"])
    one.apply(unsafe=False)
    assert one.data.decode() == (before + more + after).replace("\n", newline)


@pytest.mark.parametrize("model", ["bigscience/bloom-7b1", "company/our-own"])
def test_layers_of_an_unknown_architecture_are_not_named(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (LISTS["flow"][1] + LISTS["flow"][3]).replace("codellama/CodeLlama-7b-hf", model)
    one = session(text.encode(), "c.yaml", select=["lora/target-modules"])
    one.apply(unsafe=True)
    assert one.data.decode() == text
    assert any("architecture" in why for _, why in one.unfixed())


def test_the_edits_of_a_list_are_those_that_a_report_carries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, before, more, after = LISTS["block"]
    one = session((before + after).encode(), name, select=["lora/target-modules"])
    (found,) = one.with_fixes().findings
    assert found.fix is not None and applied(one.data, name, found.fix.edits).decode() == before + more + after
