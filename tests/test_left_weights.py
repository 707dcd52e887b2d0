"""What is said of a run without an adapter: which weights train, and what a class that nobody makes leaves open."""

from pathlib import Path

import pytest

from nl2sql_review import ChecklistItem, Options, review

LOADED = """
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")
{between}
trainer = Trainer(model=model, args=TrainingArguments(output_dir="out"), train_dataset=rows)
trainer.train()
"""

LOOP = """
import torch
from transformers import AutoModelForCausalLM{names}
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
{schedule}
for batch in loader:
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""

OWN = """
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

class Own(Trainer):
    def __init__(self, scale=1.0, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.scale = scale
{made}
"""

MADE = """
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")
Own(model=model, args=TrainingArguments(output_dir="out"), train_dataset=rows).train()
"""

UNSLOTH = """
from unsloth import FastLanguageModel
from trl import GRPOConfig, GRPOTrainer
model, tokenizer = FastLanguageModel.from_pretrained("{name}", load_in_4bit=True)
GRPOTrainer(model=model, reward_funcs=[score], args=GRPOConfig(output_dir="out"), train_dataset=rows).train()
"""


def items(folder: Path, text: str) -> dict[str, ChecklistItem]:
    script = folder / "train.py"
    script.write_text(text)
    return {item.rule: item for item in review(script, Options(isolated=True)).files[0].checklist}


@pytest.mark.parametrize(
    ("between", "all_of_them"),
    [
        ("", True),
        ("print(sum(p.numel() for p in model.parameters() if p.requires_grad))", True),
        ("for p in model.model.layers.parameters():\n    p.requires_grad = False", False),
        ("model.get_input_embeddings().requires_grad_(False)", False),
        ("freeze_all_but_the_last(model)", False),
    ],
)
def test_weights_of_which_some_are_frozen_are_not_all_trained(tmp_path: Path, between: str, all_of_them: bool) -> None:
    item = items(tmp_path, LOADED.format(between=between))["lora/adapter"]
    assert item.verdict == "fail"
    assert ("all weights are trained" in item.evidence) is all_of_them


def test_a_loop_without_a_schedule_names_no_argument_as_its_warm_up(tmp_path: Path) -> None:
    item = items(tmp_path, LOOP.format(names="", schedule=""))["arguments/warmup"]
    assert item.verdict == "fail"
    assert "creates no schedule" in item.evidence and "warmup_steps" not in item.evidence
    schedule = "scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=0, num_training_steps=100)"
    item = items(tmp_path, LOOP.format(names=", get_linear_schedule_with_warmup", schedule=schedule))[
        "arguments/warmup"
    ]
    assert item.verdict == "fail" and "by num_warmup_steps" in item.evidence


def test_a_trainer_of_the_script_that_nobody_makes_has_arguments_that_are_unknown(tmp_path: Path) -> None:
    alone, used = items(tmp_path, OWN.format(made="")), items(tmp_path, OWN.format(made=MADE))
    assert not [rule for rule, item in alone.items() if item.verdict == "fail" and rule[:4] in ("lora", "argu")]
    assert alone["arguments/scheduler"].verdict == alone["lora/adapter"].verdict == "unknown"
    assert used["arguments/scheduler"].verdict == used["lora/adapter"].verdict == "fail"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("sft_lora", "unknown"),
        ("unsloth/Qwen2.5-3B", "fail"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "fail"),
        ("somebody/qwen-sql", "unknown"),  # of which nobody here knows whether it is a whole model
        ("unsloth/Qwen2.5-3B-lora", "unknown"),
    ],
)
def test_a_folder_that_unsloth_loads_may_hold_an_adapter(tmp_path: Path, name: str, verdict: str) -> None:
    assert items(tmp_path, UNSLOTH.format(name=name))["lora/adapter"].verdict == verdict


@pytest.mark.parametrize(
    ("made", "verdict"), [("LoHaConfig(r=8, alpha=4)", "fail"), ("LoKrConfig(r=16, alpha=16)", "pass")]
)
def test_alpha_of_loha_and_lokr_is_named_alpha(tmp_path: Path, made: str, verdict: str) -> None:
    between = f"from peft import LoHaConfig, LoKrConfig, get_peft_model\nmodel = get_peft_model(model, {made})"
    item = items(tmp_path, LOADED.format(between=between))["lora/alpha"]
    assert item.verdict == verdict and "alpha=" in item.evidence and "without" not in item.evidence


LOOP_OVER = """
import torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")
optimizer = torch.optim.AdamW({given}, lr=2e-4)
for batch in torch.load("rows.pt"):
    model(**batch).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
GROUPS = (
    "[{'params': [p for n, p in model.named_parameters() if not any(x in n for x in ['bias'])], 'lr': 1e-4}, "
    "{'params': [p for n, p in model.named_parameters() if any(x in n for x in ['bias'])], 'weight_decay': 0.0}]"
)


@pytest.mark.parametrize(
    ("given", "all_of_them"),
    [
        ("model.parameters()", True),
        ("params=model.parameters()", True),
        ("filter(lambda p: p.requires_grad, model.parameters())", True),
        ("[p for p in model.parameters() if p.requires_grad]", True),
        (GROUPS, True),
        ("model.lm_head.parameters()", False),
        ("[p for n, p in model.named_parameters() if 'layers.23' in n]", False),
        ("filter(lambda p: p.ndim == 1, model.parameters())", False),
        ("filter(lambda p: p.requires_grad, model.lm_head.parameters())", False),
        (GROUPS.partition("}, ")[0] + "}]", False),
        ("choose(model)", False),
    ],
)
def test_optimizer_of_a_part_of_the_model_does_not_train_all_weights(
    tmp_path: Path, given: str, all_of_them: bool
) -> None:
    item = items(tmp_path, LOOP_OVER.format(given=given))["lora/adapter"]
    assert item.verdict == "fail"
    assert ("all weights are trained" in item.evidence) is all_of_them


@pytest.mark.parametrize(
    ("optimizer", "all_of_them"),
    [
        ("", True),
        ("torch.optim.AdamW(model.parameters())", True),
        ("torch.optim.AdamW(model.lm_head.parameters())", False),
    ],
)
def test_optimizer_that_a_trainer_is_given_decides_too(tmp_path: Path, optimizer: str, all_of_them: bool) -> None:
    text = "import torch\n" + LOADED.format(between="")
    text = text.replace(
        "train_dataset=", f"optimizers=({optimizer}, None), train_dataset=" if optimizer else "train_dataset="
    )
    assert ("all weights are trained" in items(tmp_path, text)["lora/adapter"].evidence) is all_of_them


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("somebody/qwen-sql-lora", "unknown"), ("somebody/qwen-sql", "fail"), ("my/explorator", "fail")],
)
def test_repository_that_is_called_an_adapter_is_no_whole_model(tmp_path: Path, name: str, verdict: str) -> None:
    text = LOADED.format(between="").replace("Qwen/Qwen2.5-0.5B", name)
    assert items(tmp_path, text)["lora/adapter"].verdict == verdict
