"""Hand-written loops: which gradients each step sees, and whether the schedule keeps pace with the optimizer."""

from __future__ import annotations

import pytest

from nl2sql_review.training_plan.values import Unknown

from .test_reading_kinds import plan_of

LOOP = """\
import torch
from torch.utils.data import DataLoader
from transformers import get_cosine_schedule_with_warmup
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
loader = DataLoader(load_dataset("json", data_files="t.jsonl", split="train"), batch_size=4, shuffle=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
{schedule}

def turn(i, batch):
    loss = model(**batch).loss / 8
    {backward}

for epoch in range(3):
    for i, batch in enumerate(loader):
        {before}
        turn(i, batch)
        if {due}:
            optimizer.step()
            {after}
        {each}
    {end}
"""
EVERY_8TH, EVERY = "(i + 1) % 8 == 0", "True"
COSINE = "schedule = get_cosine_schedule_with_warmup(optimizer, 10, {})"
EPOCHS = "schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)"
CLEAR, ON = "optimizer.zero_grad()", "schedule.step()"


@pytest.mark.parametrize(
    ("given", "optimizer", "schedule"),
    [
        ({"after": CLEAR}, 0, 0),
        ({"before": CLEAR, "after": ""}, 1, 0),
        ({"before": CLEAR, "due": EVERY}, 0, 0),
        ({"before": "model.zero_grad()"}, 1, 0),
        ({"after": "pass"}, 1, 0),
        ({"after": "pass", "end": CLEAR}, 0, 0),
        ({"after": CLEAR, "due": f"{EVERY_8TH} or i + 1 == len(loader)"}, 0, 0),
        ({"after": CLEAR, "schedule": COSINE.format("3 * len(loader)")}, 1, 0),  # it stays at 0
        ({"after": f"{CLEAR}; {ON}", "schedule": COSINE.format("3 * len(loader)")}, 0, 1),
        ({"after": f"{CLEAR}; {ON}", "schedule": COSINE.format("3 * len(loader) // 8")}, 0, 0),
        ({"after": f"{CLEAR}; {ON}", "schedule": COSINE.format("len(loader) // 8 * 3")}, 0, 0),
        ({"after": CLEAR, "each": ON, "schedule": COSINE.format("3 * len(loader)")}, 0, 0),
        ({"after": CLEAR, "each": ON, "schedule": COSINE.format("3 * len(loader) // 8")}, 0, 1),
        ({"after": CLEAR, "end": ON, "schedule": COSINE.format("3 * len(loader)")}, 0, 1),
        ({"after": CLEAR, "end": ON, "schedule": EPOCHS}, 0, 0),
    ],
)
def test_steps(given: dict[str, str], optimizer: int, schedule: int) -> None:
    parts = {"schedule": "", "backward": "loss.backward()", "before": "pass", "due": EVERY_8TH, "each": "pass"}
    plan = plan_of(LOOP.format(**{**parts, "after": "pass", "end": "pass", **given}))
    found = [len(fact.cases) for fact in (plan.arguments.optimizer_steps, plan.arguments.schedule_steps)]
    assert found == [optimizer, schedule], [case.sentence for case in plan.arguments.optimizer_steps.cases]


SCALED = """\
import torch
from torch.utils.data import DataLoader
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
loader = DataLoader(load_dataset("json", data_files="t.jsonl", split="train"), batch_size=4, shuffle=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
use_amp = torch.cuda.is_available()
scaler = torch.cuda.amp.GradScaler() if use_amp else None
for i, batch in enumerate(loader):
    loss = model(**batch).loss / 8
    if use_amp:
        scaler.scale(loss).backward()
    {other}loss.backward()
    if (i + 1) % 8 == 0:
        if use_amp:
            scaler.step(optimizer)
            {with_scaler}
        else:
            optimizer.step()
            {without}
        {after}
    {each}
"""
ELSE = "else:\n        "


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"after": CLEAR}, 0),
        ({"each": CLEAR}, 1),
        ({"with_scaler": CLEAR, "without": CLEAR}, None),  # the branches may differ
        ({"after": CLEAR, "other": ""}, None),  # two backward passes of a turn
    ],
)
def test_a_gradient_scaler_on_one_of_two_paths(given: dict[str, str], found: int | None) -> None:
    parts = {"other": ELSE, "with_scaler": "pass", "without": "pass", "after": "pass", "each": "pass"}
    fact = plan_of(SCALED.format(**{**parts, **given})).arguments.optimizer_steps
    assert (None if isinstance(fact.value, Unknown) else len(fact.cases)) == found


OWN_SCHEDULE = """\
class Warmup:
    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self, turn):
        for group in self.optimizer.param_groups:
            group["lr"] = 2e-5 * min(1, turn / 100)

scheduler = Warmup(optimizer)
"""


def test_a_schedule_of_the_scripts_own_class_is_not_judged() -> None:
    parts = {"backward": "loss.backward()", "before": "pass", "due": EVERY, "after": CLEAR, "end": "pass"}
    plan = plan_of(LOOP.format(**parts, schedule=OWN_SCHEDULE, each="scheduler.step(i)"))
    assert isinstance(plan.arguments.schedule_steps.value, Unknown)
    assert not isinstance(plan.arguments.optimizer_steps.value, Unknown)


PARTS = """\
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
loader = DataLoader(load_dataset("json", data_files="t.jsonl", split="train"), batch_size=4, shuffle=True)
optimizer = torch.optim.AdamW({trained}.parameters(), lr=2e-5)
{before}
for i, batch in enumerate(loader):
    {turn}
"""
ACCELERATED = "accelerator = Accelerator(gradient_accumulation_steps=4)\nmodel = accelerator.prepare(model)"
PLAIN = "model(**batch).loss.backward(); optimizer.step()"
ENDS = "optimizer.step(); optimizer.zero_grad()"


@pytest.mark.parametrize(
    ("turn", "before", "says"),
    [
        # a head that is trained on what a frozen model computes
        (
            f"with torch.no_grad(): h = model(**batch).logits\n    loss = head(h).mean(); loss.backward(); {ENDS}",
            "",
            "",
        ),
        (
            f"with torch.no_grad(): loss = model(**batch).loss\n    loss.backward(); {ENDS}",
            "",
            "called under no_grad()",
        ),
        (PLAIN, "", "nothing clears"),
        (f"{PLAIN}\n    for p in model.parameters(): p.grad.zero_()", "", ""),
        (PLAIN, "import deepspeed", ""),
        ("model(**batch).loss.backward()", "", "nothing calls step()"),
        ("model(**batch).loss.backward()", "from engine import Loop\nloop = Loop(optimizer)", "unknown"),
        (f"optimizer = torch.optim.AdamW(model.parameters()); {PLAIN}", "", "unknown"),
        (f"{PLAIN}; optimizer.zero_grad()", ACCELERATED, "each batch is a step"),
        (f"with accelerator.accumulate(model): {PLAIN}; optimizer.zero_grad()", ACCELERATED, "nothing divides it by 4"),
        (
            f"with accelerator.accumulate(model): loss = model(**batch).loss / 4; loss.backward(); {ENDS}",
            ACCELERATED,
            "",
        ),
        # without accumulate() Accelerate counts nothing, whatever number it was given
        (
            f"{CLEAR}; model(**batch).loss.backward()\n    if (i + 1) % 4 == 0: optimizer.step()",
            ACCELERATED,
            "discarded",
        ),
        (
            f"with accelerator.accumulate(model): {CLEAR}; model(**batch).loss.backward()\n"
            "    if (i + 1) % 4 == 0: optimizer.step()",
            ACCELERATED,
            "",
        ),
        # when it steps is not certain: right only if the gradients are cleared just then
        (f"model(**batch).loss.backward()\n    if ready(batch): {ENDS}", "", ""),
        (f"model(**batch).loss.backward()\n    if ready(batch): optimizer.step()\n    {CLEAR}", "", "unknown"),
        (
            f"loss = model(**batch).loss; loss.backward()\n    if loss.isfinite(): optimizer.step()\n    {CLEAR}",
            "",
            "",
        ),
    ],
)
def test_what_only_looks_like_a_fault_of_the_steps_is_none(turn: str, before: str, says: str) -> None:
    trained = "head" if "head" in turn else "model"
    fact = plan_of(PARTS.format(trained=trained, before=before, turn=turn)).arguments.optimizer_steps
    found = "unknown" if isinstance(fact.value, Unknown) else "".join(case.sentence for case in fact.cases)
    assert says in found if says else not found


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("CosineAnnealingLR(optimizer, 100)", "nothing calls step()"),
        # it is one part of a schedule whose step() is called
        ("CosineAnnealingLR(optimizer, 100)\nwhole = SequentialLR(optimizer, [part], [10])", ""),
        ("get_scheduler('constant', optimizer)", ""),
        ("get_constant_schedule(optimizer)", ""),
        ("get_scheduler('linear', optimizer, 0, 100)", "nothing calls step()"),
    ],
)
def test_a_schedule_that_need_not_step_is_not_missed(schedule: str, says: str) -> None:
    before = (
        "from torch.optim.lr_scheduler import CosineAnnealingLR, SequentialLR\n"
        f"from transformers import get_constant_schedule, get_scheduler\npart = {schedule}"
    )
    turn = f"{PLAIN}; {CLEAR}" + ("; whole.step()" if "whole" in schedule else "")
    fact = plan_of(PARTS.format(trained="model", before=before, turn=turn)).arguments.schedule_steps
    found = "".join(case.sentence for case in fact.cases)
    assert says in found if says else not found


COUNTED = """\
import torch
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
batch = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")(["SELECT 1"], return_tensors="pt")
for step in range(4):
    {turn}
{after}
"""
TURN = "optimizer.zero_grad(); model(**batch, labels=batch.input_ids).loss.backward(); optimizer.step()"


@pytest.mark.parametrize(
    ("turn", "after", "says"),
    [
        (TURN, "", ""),
        (TURN.replace("optimizer.zero_grad(); ", ""), "", "nothing clears"),
        (TURN.replace("; optimizer", "; optimizer.zero_grad(); optimizer"), "", "between backward() and step()"),
        (f"{TURN}; torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)", "", "clipped after step()"),
        (TURN.replace("optimizer.step()", "step % 2 and optimizer.step()"), "", "unknown"),  # in some turns only
        (f"{TURN}\n    if done(step): break", "", ""),
        (TURN, "optimizer.step()", "unknown"),
        (f"optimizer = torch.optim.AdamW(model.parameters()); {TURN}", "", "unknown"),
    ],
)
def test_a_loop_whose_turns_are_all_run(turn: str, after: str, says: str) -> None:
    arguments = plan_of(COUNTED.format(turn=turn, after=after)).arguments
    fact = arguments.optimizer_steps
    found = "unknown" if isinstance(fact.value, Unknown) else "".join(case.sentence for case in fact.cases)
    assert says in found if says else not found
    assert isinstance(arguments.schedule_steps.value, Unknown) is (says == "unknown")


CHOSEN = """\
import os, torch
from torch.utils.data import DataLoader

class Plain:
    def scale(self, loss): return loss
    def step(self, optimizer): {step}
    def update(self): pass

def make():
    if os.listdir("/dev"):
        return torch.cuda.amp.GradScaler()
    {more}
    return Plain()

model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
loader = DataLoader(load_dataset("json", data_files="t.jsonl", split="train"), batch_size=4, shuffle=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
scaler = make()
for i, batch in enumerate(loader):
    scaler.scale(model(**batch).loss / 8).backward()
    if (i + 1) % 8 == 0:
        scaler.step(optimizer)
        scaler.update()
    {clear}
"""
THIRD = """\
if os.listdir("/sys"):
        return type("Still", (Plain,), {"step": lambda self, optimizer: None})()
"""


@pytest.mark.parametrize(
    ("step", "more", "clear", "found"),
    [
        ("optimizer.step()", "pass", "if (i + 1) % 8 == 0: optimizer.zero_grad()", 0),
        ("optimizer.step()", "pass", CLEAR, 1),
        ("pass", "pass", CLEAR, None),  # one of the two steps nothing
        ("optimizer.step()", THIRD, CLEAR, None),
        ("optimizer.step() if self.ok else None", "pass", CLEAR, None),
    ],
)
def test_a_step_by_one_of_several_scalers(step: str, more: str, clear: str, found: int | None) -> None:
    fact = plan_of(CHOSEN.format(step=step, more=more, clear=clear)).arguments.optimizer_steps
    assert (None if isinstance(fact.value, Unknown) else len(fact.cases)) == found
