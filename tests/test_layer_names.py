"""Names of layers: what a model of a known name calls them, and names that it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

SCRIPT = """\
{imports}
{model}
model = get_peft_model(model, LoraConfig(r=16, target_modules={modules}))
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows).train()
"""
IMPORTS = """\
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
"""
LLAMA = '["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]'


def item(folder: Path, name: str, modules: str, imports: str = IMPORTS, loader: str = "AutoModelForCausalLM"):
    loaded = f'model = {loader}.from_pretrained("{name}")'
    if "unsloth" in imports:
        loaded = f'model, tokenizer = FastLanguageModel.from_pretrained("{name}")'
    if "sys" in imports:
        loaded = (
            f'name = sys.argv[1] if len(sys.argv) > 1 else "{name}"\nmodel = AutoModelForCausalLM.from_pretrained(name)'
        )
    (folder / "train.py").write_text(SCRIPT.format(imports=imports, model=loaded, modules=modules), encoding="utf-8")
    found = review(folder / "train.py", Options(isolated=True)).files[0].checklist
    return next(one for one in found if one.rule == "lora/target-modules")


@pytest.mark.parametrize(
    ("name", "modules", "verdict", "said"),
    [
        ("gpt2", LLAMA, "fail", "the layers are called c_attn, c_proj, c_fc"),
        ("gpt2", '["c_attn", "c_proj", "c_fc"]', "pass", ""),
        ("gpt2", '["lm_head", "c_attn"]', "fail", "c_attn standing for q_proj, k_proj, v_proj; the others are called"),
        ("gpt2", '["attn.c_attn"]', "fail", "the others are called c_proj, c_fc"),
        ("THUDM/chatglm-6b", '["q_proj", "v_proj"]', "fail", "the layers are called query_key_value"),
        ("google/flan-t5-base", '["q_proj", "v_proj"]', "fail", "the layers are called q, k, v, o"),
        ("microsoft/Phi-3-mini-4k-instruct", LLAMA, "fail", "the layers are called qkv_proj, o_proj"),
        ("microsoft/Phi-3-mini-4k-instruct", '["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]', "pass", ""),
        # Namesakes with Llama's layers, and a copy whose layers are split.
        ("tiiuae/Falcon3-7B-Base", LLAMA, "pass", ""),
        ("unsloth/Phi-3-mini-4k-instruct", LLAMA, "pass", ""),
        ("meta-llama/Llama-3.1-8B", '["self_attn.q_proj", "mlp.up_proj"]', "fail", "gate_proj, down_proj are missing"),
        ("bigscience/bloom-560m", '"all-linear"', "pass", ""),
    ],
)
def test_names_of_layers_are_those_of_the_model(
    tmp_path: Path, name: str, modules: str, verdict: str, said: str
) -> None:
    found = item(tmp_path, name, modules)
    assert found.verdict == verdict and said in found.evidence
    assert "target_modules=[]" not in found.evidence
    assert found.certainty == "certain"


def test_unsloth_splits_fused_layers(tmp_path: Path) -> None:
    imports = "from unsloth import FastLanguageModel\n" + IMPORTS
    assert item(tmp_path, "microsoft/Phi-3-mini-4k-instruct", LLAMA, imports).verdict == "pass"


def test_lacking_layers_of_a_model_that_another_command_line_names_are_a_default(tmp_path: Path) -> None:
    found = item(tmp_path, "gpt2", LLAMA, "import sys\n" + IMPORTS)
    assert (found.verdict, found.certainty) == ("fail", "default")


@pytest.mark.parametrize(
    ("name", "named"), [("somebody/translator", True), ("somebody/t5-sql", False), ("./last", False)]
)
def test_encoder_decoder_model_has_no_layers_of_llama(tmp_path: Path, name: str, named: bool) -> None:
    found = item(
        tmp_path, name, '["q_proj", "v_proj"]', IMPORTS.replace("CausalLM", "Seq2SeqLM"), "AutoModelForSeq2SeqLM"
    )
    assert found.verdict == "fail" and ("are called q_proj, k_proj, v_proj, out_proj" in found.evidence) is named
    assert "are called" not in item(tmp_path, name, '["q_proj", "v_proj"]').evidence
