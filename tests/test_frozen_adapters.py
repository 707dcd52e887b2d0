"""Adapters that do not train: frozen by name or through the base model, switched off, unknown to the optimizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import torch
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
base = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
{before}
model = get_peft_model(base, LoraConfig(r=16))
{after}
trainer = SFTTrainer(
    model=model, args=SFTConfig("o"), train_dataset=load_dataset("json", data_files="t.jsonl", split="train"){given}
)
{train}
"""
NAMES = "for name, one in model.named_parameters():\n    "
RUN = "import json\nsettings = json.load(open('run.json'))\n"
OPTIMIZER = "optimizer = torch.optim.AdamW({}.parameters())"


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ("for one in model.base_model.parameters():\n    one.requires_grad = False", "fail"),
        ("model.base_model.model.requires_grad_(False)", "fail"),
        (NAMES + "if 'lora' in name:\n        one.requires_grad = False", "fail"),
        (NAMES + "if 'lora' not in name:\n        one.requires_grad = False", "pass"),
        (NAMES + "if 'lora' in name:\n        continue\n    one.requires_grad = False", "pass"),
        (NAMES + "one.requires_grad = 'lora_' in name", "pass"),
        (NAMES + "one.requires_grad = name.endswith('bias')", "unknown"),
        (RUN + "if settings['frozen']:\n    model.requires_grad_(False)", "unknown"),
        (
            RUN + "if settings['frozen']:\n    for one in model.parameters():\n        one.requires_grad = False",
            "unknown",
        ),
        (
            RUN
            + "if settings['frozen']:\n    "
            + NAMES.replace("    ", "        ")
            + "one.requires_grad = 'lora' in name",
            "pass",
        ),
        ("model.requires_grad_(False)\n" + RUN + "if settings['a']:\n    model.requires_grad_(True)", "unknown"),
        ("if True:\n    model.requires_grad_(False)", "fail"),
        ("model.disable_adapter_layers()", "fail"),
        ("model.disable_adapter_layers()\nmodel.enable_adapter_layers()", "pass"),
        ("with model.disable_adapter():\n    model.generate()", "pass"),
    ],
)
def test_what_happens_to_the_parameters(tmp_path: Path, after: str, verdict: str) -> None:
    assert judged(tmp_path, after=after) == verdict


TWO = (
    RUN
    + """\
def chosen(trains):
    if trains:
        return model
    other = get_peft_model(AutoModelForCausalLM.from_pretrained("a/b"), LoraConfig(r=16))
    other.requires_grad_(False)
    return other
model = chosen(settings["train"])
"""
)


@pytest.mark.parametrize(
    ("train", "verdict"), [("trainer.train()", "fail"), ("if settings['train']:\n    trainer.train()", "unknown")]
)
def test_a_frozen_model_may_be_the_one_that_is_not_trained(tmp_path: Path, train: str, verdict: str) -> None:
    assert judged(tmp_path, after=TWO, train=train) == verdict


@pytest.mark.parametrize(("place", "verdict"), [("before", "fail"), ("after", "pass")])
def test_an_optimizer_holds_the_weights_that_there_are(tmp_path: Path, place: str, verdict: str) -> None:
    made = OPTIMIZER.format("base" if place == "before" else "model")
    assert judged(tmp_path, **{place: made, "given": ", optimizers=(optimizer, None)"}) == verdict


def test_training_inside_the_switch(tmp_path: Path) -> None:
    assert judged(tmp_path, train="with model.disable_adapter():\n    trainer.train()") == "fail"


def judged(folder: Path, before="", after="", given="", train="trainer.train()") -> str:
    code = SCRIPT.format(before=before, after=after, given=given, train=train)
    (folder / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(folder / "train.py")], Options(isolated=True)).files
    return next(str(one.verdict) for one in file.checklist if one.rule == "lora/frozen-adapter")


LOOP = """\
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
{before}
model = {adapter}
{after}
for batch in torch.utils.data.DataLoader(rows):
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
"""
NEW = "get_peft_model(model, LoraConfig(r=16))"


@pytest.mark.parametrize(
    ("before", "adapter", "after", "verdict"),
    [
        (OPTIMIZER.format("model"), NEW, "", "fail"),
        ("", NEW, OPTIMIZER.format("model"), "pass"),
        (OPTIMIZER.format("model"), NEW, "optimizer.add_param_group({'params': model.parameters()})", "unknown"),
        ("", NEW, OPTIMIZER.format("head"), "unknown"),
        ("", NEW, "optimizer = make(model)", "unknown"),
        ("", "PeftModel.from_pretrained(model, 'first')", OPTIMIZER.format("model"), "fail"),
        ("", "PeftModel.from_pretrained(model, 'first', is_trainable=True)", OPTIMIZER.format("model"), "pass"),
    ],
)
def test_a_loop_of_the_script(tmp_path: Path, before: str, adapter: str, after: str, verdict: str) -> None:
    code = LOOP.format(before=before, adapter=adapter, after=after)
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert {item.rule: item.verdict for item in file.checklist}["lora/frozen-adapter"] == verdict


WRAPPED = """\
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

class Reader(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(8, 8)
        for one in self.head.parameters():
            one.requires_grad = False
        self.llm = get_peft_model(AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf"), LoraConfig(r=16))

    def forward(self, batch):
        return {{"loss": self.llm(**batch).loss}}

class Other(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(8, 8)

reader, other = Reader(), Other()
{after}
for batch in torch.utils.data.DataLoader(rows):
    loss = reader(batch)["loss"]
    loss.backward()
    optimizer.step()
"""
LISTS = """\
decayed, others, lost = [], [], []
for name, one in {}.named_parameters():
    {}
    if one.ndim < 2:
        others.append(one)
    {}
optimizer = torch.optim.AdamW([{{"params": decayed, "weight_decay": 0.1}}, {{"params": others}}], lr=2e-4)
"""
REST, TRAINED = "else:\n        decayed.append(one)", "if not one.requires_grad: continue"


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (OPTIMIZER.format("reader"), "pass"),
        (OPTIMIZER.format("torch.nn.parallel.DistributedDataParallel(reader)"), "pass"),
        (OPTIMIZER.format("other"), "unknown"),
        (OPTIMIZER.format("reader.head"), "unknown"),
        (LISTS.format("reader", TRAINED, REST), "pass"),
        (LISTS.format("torch.nn.parallel.DistributedDataParallel(reader)", TRAINED, REST), "pass"),
        (LISTS.format("reader", "if 'head' in name: continue", REST), "unknown"),
        (LISTS.format("reader", TRAINED, "elif 'head' in name:\n        decayed.append(one)"), "unknown"),
        (LISTS.format("reader", "if 'head' in name:\n        others.append(one)", "pass"), "unknown"),
        (LISTS.format("reader", TRAINED, "else:\n        lost.append(one)"), "unknown"),
        (LISTS.format("other", TRAINED, REST), "unknown"),
        (OPTIMIZER.format("reader") + "\nfor one in reader.parameters():\n    one.requires_grad = False", "unknown"),
        (OPTIMIZER.format("reader") + "\nreader.requires_grad_(False)", "unknown"),
    ],
)
def test_a_module_of_the_script_that_holds_the_model(tmp_path: Path, after: str, verdict: str) -> None:
    (tmp_path / "train.py").write_text(WRAPPED.format(after=after), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert {item.rule: item.verdict for item in file.checklist}["lora/frozen-adapter"] == verdict
