"""Schedules that a script makes itself: in turn, by a function, or handed to a trainer."""

from __future__ import annotations

import pytest

from .test_reading_kinds import plan_of, shown

MADE = """\
from torch.optim.lr_scheduler import ChainedScheduler, CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR
from transformers import Trainer, get_cosine_schedule_with_warmup
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
rising = LinearLR(optimizer, {rises})
cosine = CosineAnnealingLR(optimizer, T_max=970)
rest = LambdaLR(optimizer, lambda step: 1 / (1 + step))
schedule = {schedule}
"""
LOOP = """\
for batch in DataLoader(load_dataset("json", data_files="t.jsonl", split="train"), batch_size=4):
    model(**batch).loss.backward()
    optimizer.step()
    schedule.step()
"""
RISES = "start_factor=0.01, total_iters=30"
FALLS = "start_factor=1.0, end_factor=0.1, total_iters=30"


def arguments(schedule, after=LOOP, rises=RISES):
    return plan_of(MADE.format(schedule=schedule, rises=rises) + after).arguments


@pytest.mark.parametrize(
    ("schedule", "rises", "expected", "steps"),
    [
        ("SequentialLR(optimizer, [rising, cosine], [30])", RISES, "cosine", 30),
        ("SequentialLR(optimizer, schedulers=[rising, cosine], milestones=[30])", "total_iters=30", "cosine", 30),
        ("SequentialLR(optimizer, [rising, cosine], [30])", FALLS, "cosine", "unknown"),
        ("SequentialLR(optimizer, [rising, cosine], [30])", "1.0, 0.1, 30", "cosine", "unknown"),
        ("SequentialLR(optimizer, [rising, cosine], [30])", "0.1, 1.0, 30", "cosine", 30),
        ("SequentialLR(optimizer, [rising, cosine], [30])", "start_factor=float(input())", "cosine", "unknown"),
        ("SequentialLR(optimizer, [rising, rest], [30])", RISES, "unknown", 30),
        ("SequentialLR(optimizer, [rest, cosine], [30])", RISES, "cosine", "unknown"),
        ("SequentialLR(optimizer, [rising, cosine, rest], [30, 900])", RISES, "unknown", "unknown"),
        ("ChainedScheduler([rising, cosine])", RISES, "unknown", "unknown"),
        ("LambdaLR(optimizer, lambda step: 1)", RISES, "unknown", "unknown"),
        ("CosineAnnealingLR(optimizer, 1000)", RISES, "cosine", "unknown"),
        ("LinearLR(optimizer)", RISES, "linear", "unknown"),
    ],
)
def test_of_schedules_in_turn_the_last_decides(schedule, rises, expected, steps):
    part = arguments(schedule, rises=rises)
    assert (shown(part.scheduler.value), shown(part.warmup_steps.value)) == (expected, steps)


@pytest.mark.parametrize(
    ("given", "schedule", "expected", "warmup"),
    [
        ("(optimizer, schedule)", "get_cosine_schedule_with_warmup(optimizer, 30, 1000)", "cosine", 0.03),
        ("(None, schedule)", "get_cosine_schedule_with_warmup(optimizer, 10, 1000)", "cosine", 0.01),
        ("(optimizer, schedule)", "SequentialLR(optimizer, [rising, rest], [30])", "unknown", "unknown"),
        ("(optimizer, schedule)", "input()", "unknown", "unknown"),
        ("json.load(open('made.json'))", "None", "unknown", "unknown"),
        ("(optimizer, None)", "get_cosine_schedule_with_warmup(optimizer, 30, 1000)", "linear", 0.1),
    ],
)
def test_the_schedule_that_a_trainer_is_given_goes_before_its_arguments(given, schedule, expected, warmup):
    made = 'args = TrainingArguments("o", lr_scheduler_type="linear", warmup_steps=50, max_steps=500)\n'
    start = f"Trainer(model=model, args=args, train_dataset=rows, optimizers={given}).train()\n"
    part = arguments(schedule, after=made + start)
    assert (shown(part.scheduler.value), shown(part.warmup.value)) == (expected, warmup)
    assert shown(part.max_steps.value) == 500


@pytest.mark.parametrize(
    ("writes", "expected", "rate"),
    [
        ("trainer.lr_scheduler = schedule", "cosine", 1e-3),
        ("trainer.optimizer = optimizer; trainer.lr_scheduler = schedule", "cosine", 2e-4),
        ("if input(): trainer.lr_scheduler = schedule", "unknown", 1e-3),
        ("trainer.lr_scheduler = None", "linear", 1e-3),
        ("trainer.create_scheduler(500); trainer.lr_scheduler = schedule", "unknown", 1e-3),
        ("class Box: pass\nother = Box(); other.lr_scheduler = schedule", "linear", 1e-3),
    ],
)
def test_the_schedule_that_is_set_on_a_trainer_goes_before_its_arguments(writes, expected, rate):
    made = 'args = TrainingArguments("o", lr_scheduler_type="linear", learning_rate=1e-3)\n'
    start = f"trainer = Trainer(model=model, args=args, train_dataset=rows)\n{writes}\ntrainer.train()\n"
    part = arguments("get_cosine_schedule_with_warmup(optimizer, 30, 1000)", after=made + start)
    assert (shown(part.scheduler.value), shown(part.learning_rate.value)) == (expected, rate)


@pytest.mark.parametrize(("steps", "expected"), [("0", 0.0), ("0.03", 0.03), ("15", "default")])
def test_no_warm_up_is_none_of_any_number_of_steps(steps, expected):
    script = (
        "import argparse\nfrom transformers import Trainer\np = argparse.ArgumentParser()\n"
        "p.add_argument('--n', type=int, default=500)\n"
        f"args = TrainingArguments('o', warmup_steps={steps}, max_steps=p.parse_args().n)\n"
        "Trainer(model='m', args=args).train()\n"
    )
    value = plan_of(script).arguments.warmup.value
    assert (type(value).__name__ == "Default") == (expected == "default")
    assert expected == "default" or value.value == expected
