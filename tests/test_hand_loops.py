"""Hand-written training loops: the loss, the schedule and the checkpoints, read from where their calls stand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.readers.derive import options, plain
from nl2sql_review.readers.precision import PROBED
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Unknown

from .test_reading_kinds import plan_of, shown

LOOP = """\
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)

def encode(row):
    prompt, answer = tokenizer(row["q"])["input_ids"], tokenizer(row["sql"])["input_ids"]
    {labels}
    return {{"input_ids": prompt + answer, "labels": labels}}

{collator}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
loader = DataLoader(rows, batch_size=4, shuffle=True, collate_fn={collate})
for epoch in range(int(os.environ["EPOCHS"])):
    for step, batch in enumerate(loader):
        {before}
        loss = {loss}
        loss.backward()
        optimizer.step()
        {step}
    {epoch}
{after}
"""
MASKED = "labels = [-100] * len(prompt) + answer"
ALL = "labels = prompt + answer"
NOT_PADDING = "labels = [t if t != tokenizer.pad_token_id else -100 for t in prompt + answer]"
HANDS_ON = """\
def collate(rows):
    ids = pad_sequence([torch.tensor(r["input_ids"]) for r in rows], batch_first=True)
    labels = pad_sequence([torch.tensor(r["labels"]) for r in rows], batch_first=True, padding_value=-100)
    return {"input_ids": ids, "labels": labels}
"""
MADE = """\
collate = lambda rows: {
    "input_ids": pad_sequence([torch.tensor(r["input_ids"]) for r in rows], batch_first=True),
    "labels": pad_sequence([torch.tensor(r["labels"]) for r in rows], batch_first=True, padding_value=-100),
}
"""
COPIES = """\
def collate(rows):
    batch = tokenizer.pad(rows, return_tensors="pt", padding=True)
    labels = batch["input_ids"].clone()
    labels[labels == tokenizer.pad_token_id] = -100
    batch["labels"] = labels
    return batch
"""
HIDES = HANDS_ON.replace("    return", "    labels[:, :8] = -100\n    return")
CUTS = HANDS_ON.replace('r["labels"]', '[-100] * 8 + r["labels"][8:]')
OWN = "torch.nn.functional.cross_entropy(model(**batch).logits, batch['labels'])"


def loop(collator="", **given):
    parts = {"labels": MASKED, "loss": "model(**batch).loss", "before": "pass", "step": "pass", "epoch": "pass"}
    return plan_of(
        LOOP.format(**{**parts, "after": "", **given}, collator=collator, collate="collate" if collator else "None")
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "response"),
        ({"labels": ALL}, "all"),
        ({"labels": NOT_PADDING}, "all"),
        ({"collator": HANDS_ON}, "response"),
        ({"collator": HANDS_ON, "labels": ALL}, "all"),
        ({"collator": COPIES}, "all"),
        ({"collator": HIDES, "labels": ALL}, "unknown"),
        ({"collator": CUTS, "labels": ALL}, "unknown"),
        ({"loss": "model(input_ids=batch['input_ids'], labels=batch['input_ids']).loss"}, "all"),
        ({"loss": "model(input_ids=batch['input_ids'], labels=batch['labels']).loss"}, "response"),
        ({"loss": OWN}, "unknown"),
        ({"before": "batch['labels'][:, :8] = -100", "labels": ALL}, "unknown"),
        ({"before": "batch['labels'] = other(batch)", "labels": ALL}, "unknown"),
    ],
)
def test_the_loss_of_a_loop_is_on_the_labels_of_its_batches(given, expected):
    assert shown(loop(**given).prompt.loss_on.value) == expected


def test_a_collator_that_labels_all_tokens_is_the_reason_where_the_rows_have_labels():
    collator = "from transformers import DataCollatorForLanguageModeling\n"
    collator += "collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)\n"
    masked = loop(collator).prompt.loss_on
    assert shown(masked.value) == "all" and "creates labels for all tokens" in masked.note
    unlabelled = plan_of(
        LOOP.format(
            **{"labels": "pass", "loss": "model(**batch).loss", "before": "pass", "step": "pass", "epoch": "pass"},
            **{"after": "", "collator": collator, "collate": "collate"},
        ).replace(', "labels": labels}', "}")
    ).prompt.loss_on
    assert shown(unlabelled.value) == "all" and unlabelled.note == "nothing masks the prompt"


TRAINER = """\
from transformers import AutoTokenizer, Trainer
from torch.nn.utils.rnn import pad_sequence
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
{labels}
{collator}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(model=model, train_dataset=rows, data_collator=collate, args=TrainingArguments(output_dir="o")).train()
"""


@pytest.mark.parametrize(
    ("collator", "labels", "expected"),
    [
        (HANDS_ON, MASKED, "response"),
        (HANDS_ON, ALL, "all"),
        (COPIES, MASKED, "all"),
        (HIDES, ALL, "unknown"),
        (MADE, MASKED, "response"),
        (MADE, ALL, "all"),
        (MADE.replace('torch.tensor(r["labels"])', 'hide(r["labels"], -100)'), ALL, "unknown"),
    ],
)
def test_a_collator_of_the_script_hands_labels_on_or_makes_them(collator, labels, expected):
    encode = LOOP[LOOP.index("def encode") : LOOP.index("{collator}")].format(labels=labels)
    assert shown(plan_of(TRAINER.format(labels=encode, collator=collator)).prompt.loss_on.value) == expected


EVERY = "model.save_pretrained('out')"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "no"),
        ({"after": EVERY}, "no"),
        ({"epoch": EVERY}, "epoch"),
        ({"epoch": f"if (epoch + 1) % 2 == 0: {EVERY}"}, "epoch"),
        ({"epoch": f"if better(): {EVERY}"}, "unknown"),
        ({"epoch": "keep(model)", "before": "def save_all(m): m.save_pretrained('o')"}, "unknown"),
        ({"epoch": "tokenizer.save_pretrained('out')"}, "unknown"),
        ({"step": f"if step % 100 == 0: {EVERY}"}, "steps"),
        ({"step": f"if step > 0 and step % 100 == 0: {EVERY}"}, "steps"),
        ({"step": f"if (step + 1) % 100 == 0: {EVERY}"}, "steps"),
        ({"step": f"if step % 100 == 0 and better(): {EVERY}"}, "unknown"),
        ({"step": "if step % 100 == 0: torch.save(model.state_dict(), f'{step}.pt')", "after": EVERY}, "steps"),
    ],
)
def test_a_loop_saves_where_the_call_stands(given, expected):
    assert shown(loop(**given).checkpointing.save_strategy.value) == expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("pass", ("constant", 0)),
        ("optimizer.param_groups[0]['lr'] = 1e-4 * step", ("unknown", "unknown")),
        ("adjust_lr(optimizer, step)", ("unknown", "unknown")),
    ],
)
def test_a_rate_that_a_loop_sets_itself_is_not_constant(step, expected):
    part = loop(step=step).arguments
    assert (shown(part.scheduler.value), shown(part.warmup_steps.value)) == expected


CHOSEN = """\
if {test}:
    schedule = torch.optim.lr_scheduler.{first}(optimizer, T_max=100)
else:
    schedule = torch.optim.lr_scheduler.{second}
"""


@pytest.mark.parametrize(
    ("test", "first", "second", "expected"),
    [
        ("input() == 'a'", "CosineAnnealingLR", "LambdaLR(optimizer, lambda step: 1.0)", "unknown"),
        ("input() == 'a'", "CosineAnnealingLR", "CosineAnnealingLR(optimizer, T_max=9)", "cosine"),
        ("True", "CosineAnnealingLR", "LambdaLR(optimizer, lambda step: 1.0)", "cosine"),
    ],
)
def test_a_schedule_on_one_branch_is_known_only_if_the_branch_is(test, first, second, expected):
    code = CHOSEN.format(test=test, first=first, second=second)
    assert shown(loop(collator=code + "collate = None").arguments.scheduler.value) == expected


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        ("", "fp16"),
        (", enabled=True", "fp16"),
        (", enabled=False", "none"),
        (", enabled=torch.cuda.is_available()", "fp16"),
        (", enabled=input() == 'y'", "unknown"),
    ],
)
def test_autocast_counts_only_where_it_is_enabled(enabled, expected):
    cast = f"torch.autocast('cuda', dtype=torch.float16{enabled})\ncollate = None"
    assert shown(loop(collator=cast).arguments.mixed_precision.value) == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("'bf16' if torch.cuda.is_bf16_supported(including_emulation=False) else 'fp16'", "bf16 else fp16"),
        ("'bf16' if torch.cuda.get_device_capability()[0] >= 8 else 'no'", "bf16 else none"),
        ("'bf16' if torch.cuda.is_bf16_supported() else 'fp16'", PROBED),
        ("('bf16' if torch.cuda.is_bf16_supported() else 'fp16') if torch.cuda.is_available() else 'no'", "unknown"),
        ("'bf16'", "bf16"),
    ],
)
def test_a_precision_that_a_loop_chooses_by_the_gpu(chosen, expected):
    made = f"from accelerate import Accelerator\nAccelerator(mixed_precision={chosen})\ncollate = None"
    assert shown(loop(collator=made).arguments.mixed_precision.value) == expected


BY_DEVICE = """\
def kind():
    if os.environ.get("KIND"):
        return os.environ["KIND"]
    return "xpu" if torch.xpu.is_available() else "cuda" if torch.cuda.is_available() else "cpu"

DEVICE = kind()

def cast(dtype=None):
    if dtype is None:
        dtype = {chosen}
    if DEVICE == "xpu":
        return torch.autocast(device_type="xpu", dtype=dtype)
    return torch.cuda.amp.autocast(dtype=dtype)

with cast({given}):
    pass
collate = None
"""
BY_KIND = "torch.bfloat16 if DEVICE == 'xpu' else torch.float16"


@pytest.mark.parametrize(
    ("chosen", "given", "expected"),
    [
        (BY_KIND, "", {"bf16", "fp16"}),
        (BY_KIND, "torch.bfloat16", {"bf16"}),  # no dtype is None
        (BY_KIND, "dtypes()[0]", "unknown"),
        ("torch.bfloat16 if card(DEVICE) == 'new' else torch.float16", "", "unknown"),
        (f"{BY_KIND}\n        torch.cuda.is_bf16_supported()", "", "unknown"),  # it may be asked for anywhere
    ],
)
def test_a_dtype_by_the_kind_of_device_follows_no_gpu(chosen, given, expected):
    made = loop(collator=BY_DEVICE.format(chosen=chosen, given=given)).arguments.mixed_precision.value
    assert ({plain(one) for one in options(made)} if not isinstance(made, Unknown) else "unknown") == expected


@pytest.mark.parametrize(
    ("cast", "expected"),
    [
        ("torch.autocast('cuda', {})", "bf16 else fp16"),
        ("torch.cuda.amp.autocast(True, {})", "bf16 else fp16"),
        ("torch.autocast('cuda', dtype={}, enabled=False)", "none"),
        ("torch.cuda.amp.autocast()", "fp16"),
        ("torch.autocast('cuda')", "fp16"),
        ("torch.autocast('xpu')", "unknown"),
        ("torch.autocast('cuda', {}) if os.listdir() else None", "unknown"),
    ],
)
def test_the_dtype_of_autocast_by_the_gpu(cast, expected):
    dtype = "torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16"
    before = f"context = {cast.format(f'({dtype})')}"
    assert shown(loop(before=before).arguments.mixed_precision.value) == expected


def test_autocast_of_the_loop_counts_not_that_of_an_evaluation():
    context = "with torch.autocast('cuda', dtype=torch.bfloat16):"
    judges = f"def judge(model):\n    {context}\n        model()\njudge(model)\ncollate = None"
    trains = "context = torch.autocast('cuda', dtype=torch.float16)"
    assert shown(loop(collator=judges, before=trains).arguments.mixed_precision.value) == "fp16"
    assert shown(loop(collator=judges).arguments.mixed_precision.value) == "bf16"


def test_tables_that_a_function_joins_elsewhere_are_no_mixed_data():
    joins = "import pandas\ndef read(paths):\n    return pandas.concat([pandas.read_csv(p) for p in paths])\n"
    assert "concatenated" not in shown(loop(collator=joins + "collate = None").dataset.mixing.value)


def test_a_loop_over_one_dataset_mixes_nothing():
    plan = loop()
    assert plan.dataset.mixing.why_not and not isinstance(plan.dataset.mixing.value, Unknown)


@pytest.mark.parametrize("loss", ["made(batch)", "{}[step]", "(model if epoch else None)(**batch).loss"])
def test_a_loop_trains_whatever_its_loss_is(loss):
    part = loop(loss=loss).arguments
    assert (shown(part.learning_rate.value), shown(part.per_device_batch_size.value)) == (2e-4, 4)


def test_a_method_called_backward_trains_nothing_without_pytorch():
    source = Source.from_bytes(
        b"import robots\nfor robot in robots.read(open('r')):\n    robot[0][1].backward()\n", "r.py"
    )
    assert not interpret(source, ".").named("torch.Tensor.backward")


@pytest.mark.parametrize(
    ("steps", "clears", "expected"),
    [
        ("(step + 1) % every == 0", "", 4),
        ("step % every == every - 1", "", "unknown"),
        ("(step + 1) % every == 0 or step == len(loader) - 1", "", 4),
        ("(step + 1) % every == 0 or len(batch) > 3", "", "unknown"),
        ("(step + 1) % every == 0", "optimizer.zero_grad()", "unknown"),
        ("(step + 1) % every == 0", "if torch.isnan(loss): optimizer.zero_grad(); continue", 4),
        ("(step + 1) % every == 0", "if step > 1: optimizer.zero_grad()", "unknown"),
        ("(epoch + 1) % every == 0", "", "unknown"),
        ("(step + 1) % every != 0", "", "unknown"),
        ("loss.isfinite()", "", 1),
    ],
)
def test_what_a_loop_accumulates_is_read_in_its_own_file(tmp_path, steps, clears, expected):
    (tmp_path / "loops.py").write_text(
        "import torch\ndef fit(model, loader, optimizer, every):\n  for epoch in range(100):\n"
        "    for step, batch in enumerate(loader):\n"
        f"        loss = model(**batch).loss\n        {clears or 'pass'}\n        loss.backward()\n"
        f"        if {steps}:\n"
        "            optimizer.step()\n            optimizer.zero_grad()\n"
    )
    code = (
        "import torch\nfrom transformers import AutoModelForCausalLM\nfrom loops import fit\n"
        "model = AutoModelForCausalLM.from_pretrained('m')\n"
        "fit(model, torch.utils.data.DataLoader([], 2), torch.optim.AdamW(model.parameters(), lr=1e-4), 4)\n"
    )
    source = Source.from_bytes(code.encode(), str(tmp_path / "train.py"))
    (plan,) = readers.read(interpret(source, tmp_path), source, SimpleNamespace(processes=None, gpu=None))
    assert shown(plan.arguments.gradient_accumulation.value) == expected


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ("part(batch); optimizer.step()", 1),
        ("part(batch); part(batch); optimizer.step()", "unknown"),
        ("for _ in range(4):\n        part(batch)\n    optimizer.step()", "unknown"),
        ("for one in batch:\n        part(one)\n    optimizer.step()", "unknown"),
        ("for one in batch:\n        part(one); optimizer.step()", 1),
        ("for one in batch:\n        model(**one).loss.backward()\n    optimizer.step()", "unknown"),
        ("for _ in range(batch.size):\n        part(batch)\n    optimizer.step()", "unknown"),
        ("part(batch)\n    if len(batch) > 3: optimizer.step()", "unknown"),
        ("part(batch)\n    if args.accum < 2: optimizer.step()", "default 1"),
        ("with model.no_sync(): part(batch)\n    optimizer.step()", "unknown"),
    ],
)
def test_a_loop_that_steps_after_each_backward_accumulates_nothing(turn, expected):
    code = (
        "import argparse, torch\nfrom transformers import AutoModelForCausalLM\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('--accum', type=int, default=1)\n"
        "args = parser.parse_args()\nmodel = AutoModelForCausalLM.from_pretrained('m')\n"
        "optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)\n"
        "def part(rows):\n    model(**rows).loss.backward()\n"
        f"for batch in torch.utils.data.DataLoader([], 2):\n    {turn}\n    optimizer.zero_grad()\n"
    )
    found = plan_of(code).arguments.gradient_accumulation.value
    assert (f"default {found.value}" if isinstance(found, Default) else shown(found)) == expected


@pytest.mark.parametrize(("test", "expected"), [("(step + 1) % 4 == 0", 4), ("step % 4 == 1", "unknown"), ("True", 1)])
def test_a_scaler_steps_the_optimizer_that_it_is_given(test, expected):
    after = f"if {test}:\n            scaler.step(optimizer); scaler.update(); optimizer.zero_grad()"
    code = LOOP.format(
        labels=MASKED,
        loss="model(**batch).loss",
        before="scaler = GradScaler()",
        step="pass",
        epoch="pass",
        after="",
        collator="",
        collate="None",
    )
    code = code.replace("from torch.nn", "from torch.cuda.amp import GradScaler\nfrom torch.nn", 1)
    code = code.replace("loss.backward()", "scaler.scale(loss).backward()").replace("optimizer.step()", after)
    assert shown(plan_of(code).arguments.gradient_accumulation.value) == expected


OWN_FOLDER = "model.save_pretrained(f'out/{epoch}')"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"epoch": OWN_FOLDER}, None),
        ({"step": "if step % 100 == 0: model.save_pretrained(f'out/{step}')"}, None),
        ({"epoch": EVERY}, 1),
        ({"epoch": f"{OWN_FOLDER}; shutil.rmtree(f'out/{{epoch - 3}}')"}, "unknown"),
        ({"epoch": "model.save_pretrained(os.environ['OUT'])"}, "unknown"),
    ],
)
def test_a_loop_keeps_every_checkpoint_that_it_does_not_replace_or_delete(given, expected):
    assert shown(loop(**given).checkpointing.save_total_limit.value) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "never"),
        ({"epoch": OWN_FOLDER}, "never"),
        ({"before": "optimizer.load_state_dict(torch.load('o.pt'))"}, "unknown"),
        ({"before": "skip(resume_step)"}, "unknown"),
        ({"before": "model.eval()  # TODO: resume from the last checkpoint"}, "never"),
    ],
)
def test_a_loop_that_loads_no_state_never_resumes(given, expected):
    assert shown(loop(**given).checkpointing.resume.value) == expected


OPTIONS = """\
import argparse, torch, wandb
from transformers import AutoModelForCausalLM
options = argparse.ArgumentParser()
options.add_argument("--resume_from", help="a directory")
args = options.parse_args()
{started}
model = AutoModelForCausalLM.from_pretrained("m")
model.eval()
for batch in torch.utils.data.DataLoader([], 2):
    model(**batch).loss.backward()
"""


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        ("pass", "never"),
        ("wandb.init(config=vars(args))", "never"),
        ("start(args.resume_from)", "unknown"),
        ("start(**vars(args))", "unknown"),
        ("start(eval('args'))", "unknown"),
    ],
)
def test_an_option_that_nothing_reads_resumes_nothing(tmp_path, started, expected):
    source = Source.from_bytes(OPTIONS.format(started=started).encode(), str(tmp_path / "train.py"))
    (plan,) = readers.read(interpret(source, tmp_path), source, SimpleNamespace(processes=None, gpu=None))
    assert shown(plan.checkpointing.resume.value) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "none"),
        ({"step": "import wandb; wandb.log({'loss': 1})"}, ["wandb"]),
        ({"step": "board.add_scalar('loss', 1)  # tensorboard"}, "unknown"),
        ({"before": "if os.environ.get('W'):\n            import wandb; wandb.init()"}, "none"),
    ],
)
def test_a_loop_tracks_what_it_calls(given, expected):
    assert shown(loop(**given).project.tracker.value) == expected


@pytest.mark.parametrize(
    ("warm", "expected"),
    [
        ("int(total * 0.03)", 0.03),
        ("round(0.03 * total)", 0.03),
        ("total // 10", 0.1),
        ("int(len(loader) * 0.03)", "unknown"),
        ("min(100, int(total * 0.03))", "unknown"),
    ],
)
def test_a_warm_up_may_be_a_share_of_all_steps(warm, expected):
    part = loop(
        before="import transformers; total = len(loader) * int(os.environ['N'])",
        step=f"transformers.get_cosine_schedule_with_warmup(optimizer, {warm}, total)",
    ).arguments
    value = part.warmup.value
    assert value.value == pytest.approx(expected) if isinstance(expected, float) else not hasattr(value, "value")


@pytest.mark.parametrize(("before", "expected"), [("pass", "absent"), ("model.gradient_checkpointing_enable()", True)])
def test_gradient_checkpointing_of_a_full_fine_tune_is_what_the_script_enables(before, expected):
    fact = loop(before=before).lora.gradient_checkpointing
    assert (shown(fact.value), fact.why_not) == (expected, "")


CLASS = """\
from transformers import AutoTokenizer, Trainer
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
class Rows(torch.utils.data.Dataset):
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, index):
        row = self.rows[index]
        prompt = tokenizer(row["q"], return_tensors="pt")["input_ids"][0]
        ids = tokenizer(row["q"] + row["sql"] + tokenizer.eos_token, return_tensors="pt")["input_ids"][0]
        {labels}
        return {{"input_ids": ids, "labels": labels}}
rows = Rows(json.load(open("t.json")))
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
"""
BY_TRAINER = 'Trainer(model=model, args=TrainingArguments("o"), train_dataset=rows).train()\n'
BY_LOOP = """\
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
for batch in DataLoader(rows, batch_size=4, shuffle=True):
    model(**batch).loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("trained", [BY_TRAINER, BY_LOOP], ids=["trainer", "loop"])
@pytest.mark.parametrize(
    ("labels", "loss"),
    [
        ("labels = ids.clone()", "all"),
        ("labels = [-100] * len(prompt) + list(ids[len(prompt) :])", "response"),
        ("labels = ids.clone(); labels[: len(prompt)] = -100", "response"),
        ("labels = read_labels(index)", "unknown"),
    ],
)
def test_the_rows_of_a_dataset_class_are_those_that_it_returns(trained, labels, loss):
    plan = plan_of(CLASS.format(labels=labels) + trained)
    assert (shown(plan["prompt.loss_on"].value), shown(plan["prompt.ending"].value)) == (loss, "eos")


@pytest.mark.parametrize("divided", ["loss = loss / options['steps']", "loss /= options['steps']", "loss = 0.5 * loss"])
def test_a_loss_divided_by_what_is_not_known_is_still_trained_on(divided):
    code = """\
import yaml
options = yaml.safe_load(open("options.yml"))
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
for batch in DataLoader(torch.load("rows.pt"), batch_size=4):
    loss = model(**batch).loss
    {}
    loss.backward()
    optimizer.step()
"""
    plan = plan_of(code.format(divided))
    assert plan["arguments.learning_rate"].value.value == 3e-4
    assert plan["arguments.per_device_batch_size"].value.value == 4


METHOD = """\
import os, torch
from transformers import AutoModelForCausalLM

def on_main(function):
    def wrapper(*given):
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        if rank == 0:
            return function(*given)
    return wrapper

class Runner:
    def __init__(self):
        self.model = AutoModelForCausalLM.from_pretrained("m")
        self.loader = torch.utils.data.DataLoader([], 2)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    {decorator}
    def save(self, turn):
        torch.save(self.model.state_dict(), f"out/{{turn}}.pt")
        {keeping}

    def epoch(self, number):
        for step, batch in enumerate(self.loader):
            self.model(**batch).loss.backward()
            self.optimizer.step()
            {step}

    def train(self):
        for number in range({epochs}):
            self.epoch(number)
            {epoch}

Runner().train()
"""


def saving(**given):
    parts = {"decorator": "", "keeping": "", "step": "pass", "epoch": "pass", "epochs": 100, **given}
    part = plan_of(METHOD.format(**parts)).checkpointing
    return shown(part.save_strategy.value), shown(part.save_total_limit.value)


@pytest.mark.parametrize("epochs", [3, 100])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"epoch": "self.save(number)"}, ("epoch", None)),
        ({"epoch": "self.save(number)", "decorator": "@on_main"}, ("epoch", None)),
        ({"epoch": "self.save('last')"}, ("epoch", 1)),
        ({"epoch": "if number == 2: self.save(number)"}, ("unknown", "unknown")),
        ({"epoch": "if better(): self.save(number)"}, ("unknown", "unknown")),
        ({"epoch": "self.save(number)", "keeping": "os.remove(f'out/{turn - 3}.pt')"}, ("epoch", "unknown")),
        ({"step": "if (step + 1) % 50 == 0: self.save(step)"}, ("steps", None)),
        ({"step": "if better(): self.save(step)"}, ("unknown", "unknown")),
        ({"step": "if (step + 1) % 50 != 0: self.save(step)"}, ("unknown", "unknown")),
    ],
)
def test_a_method_that_the_loop_calls_saves_in_each_turn(given, expected, epochs):
    assert saving(**given, epochs=epochs) == expected


RATE = """\
import math, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("m")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

class Schedule:
    def __init__(self, optimizer, warm, total):
        self.optimizer, self.warm, self.total = optimizer, warm, total

    def step(self, step):
        if step < self.warm:
            self.set(1e-4 * step / self.warm)
        else:
            self.set({decay})

    def set(self, rate):
        for group in self.optimizer.param_groups:
            group["lr"] = rate

schedule = Schedule(optimizer, 100, 5000)
for epoch in range(3):
    for step, batch in enumerate(torch.utils.data.DataLoader([], 2)):
        {each}
        model(**batch).loss.backward()
        optimizer.step()
"""
HALF = "0.5 * 1e-4 * (1 + math.cos(math.pi * step / self.total))"


@pytest.mark.parametrize(
    ("decay", "each", "expected"),
    [
        (HALF, "schedule.step(step)", "cosine"),
        (HALF.replace("1 +", "1.0 +"), "schedule.step(epoch * 5000 + step)", "cosine"),
        ("1e-4 * (1 - step / self.total)", "schedule.step(step)", "unknown"),
        (HALF.replace("1 +", "1 -"), "schedule.step(step)", "unknown"),
        (HALF.replace("math.pi", "4 * math.pi"), "schedule.step(step)", "unknown"),
        (HALF, "schedule.step(step); optimizer.param_groups[0]['lr'] = 1e-4", "unknown"),
        (HALF, "schedule.step(step); schedule.set(1e-4)", "unknown"),
        (HALF, "adjust_lr(optimizer, step)", "unknown"),
    ],
)
def test_a_rate_that_a_class_of_the_script_sets_is_read(decay, each, expected):
    part = plan_of(RATE.format(decay=decay, each=each)).arguments
    assert (shown(part.scheduler.value), shown(part.warmup_steps.value)) == (expected, "unknown")


@pytest.mark.parametrize(
    ("before", "turn", "after", "expected"),
    [
        ("", "pass", "", "no"),
        ("", "keep(model, i)", "", "unknown"),
        ("keeper = Keeper(model)", "keeper.after(i)", "", "unknown"),
        ("", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)", "", "no"),
        ("", "pass", "keep(model)", "no"),
    ],
)
def test_code_that_is_not_known_may_save_the_model_that_it_is_handed(before, turn, after, expected):
    code = (
        "from keeping import Keeper, keep\nmodel = AutoModelForCausalLM.from_pretrained('m')\n"
        f"optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)\n{before}\n"
        "for i, batch in enumerate(DataLoader(torch.load('rows.pt'), 2)):\n"
        f"    model(**batch).loss.backward()\n    optimizer.step()\n    {turn}\n{after}\nmodel.save_pretrained('o')\n"
    )
    assert shown(plan_of(code).checkpointing.save_strategy.value) == expected


LOAD = 'AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-{}")'


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"after": f"model.save_pretrained('o'); tested = {LOAD.format('34b-hf')}"}, "codellama/CodeLlama-7b-hf"),
        ({"before": f"model = {LOAD.format('34b-hf')}"}, "codellama/CodeLlama-34b-hf"),
        ({}, "codellama/CodeLlama-7b-hf"),
    ],
)
def test_the_model_of_a_loop_is_loaded_before_it_ends(given, named):
    assert shown(loop(**given).lora.model_name.value) == named
