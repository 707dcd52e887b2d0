"""Values where the script is written: hover, hints, lenses, and the way to the origin."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

from .driver import Editor, drive
from .scripts import CONFIG, SETTINGS, TRAIN


async def project(editor: Editor) -> str:
    editor.write("conf.py", SETTINGS)
    editor.write("conf.yaml", CONFIG)
    return editor.open("train.py", TRAIN)


def test_hover_says_the_value_its_way_and_what_the_rule_wants(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = await project(editor)
        rank = await editor.hover(uri, "r=settings.rank")
        assert rank is not None and "**r** = `64`" in rank
        assert "1. `rank: int = 64` ([conf.py:6]" in rank and "2. `r=settings.rank,` ([train.py:20]" in rank
        assert "lora/rank" in rank and "is broken: it should be 16" in rank
        assert "> The rank is the inner dimension of the two small matrices" in rank
        constant = await editor.hover(uri, "LORA_ALPHA = 16", 2)
        assert constant is not None and "**lora_alpha** = `16`" in constant
        option = await editor.hover(uri, "num_train_epochs=args.epochs")
        assert option is not None and "default of --epochs" in option
        assert await editor.hover(uri, "import yaml", 3) is None
        assert await editor.hover(uri, "model=model") is None  # no value that one could write down

    drive(work, tmp_path)


def test_hover_and_definition_cross_files(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = await project(editor)
        await editor.pull(uri)
        config = editor.open("conf.yaml", CONFIG, "yaml")
        key = await editor.hover(config, "dropout", 1)
        assert key is not None and "**lora_dropout** = `0.1`" in key and "lora/dropout" in key
        found = await editor.definition(uri, 'lora_dropout=cfg["dropout"]')
        assert [(one.uri, one.range.start.line) for one in found] == [(config, 1)]
        found = await editor.definition(uri, "r=settings.rank")
        assert [(one.uri, one.range.start.line) for one in found] == [(editor.uri("conf.py"), 5)]
        assert await editor.definition(uri, "gradient_accumulation_steps=8") is None

    drive(work, tmp_path)


def test_what_a_line_assigns_is_not_repeated_and_a_text_with_holes_is_written(tmp_path: Path) -> None:
    text = """\
import time

from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

SIDE = "left"
folder = f"{time.time()}/run"
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-0.5B")
tokenizer.padding_side = "right"
tokenizer.padding_side = SIDE  # ours
arguments = TrainingArguments(output_dir=folder)
trainer = Trainer(AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B"), args=arguments)
trainer.train()
"""

    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", text)
        hints = {str(one.label): one.position for one in await editor.hints(uri)}
        assert '⟶ "right"' not in hints and hints['⟶ "left"'] == editor.at(uri, "  # ours", len("  # ours"))
        assert hints['⟶ f"{time.time()}/run"'] == editor.at(uri, "output_dir=folder", len("output_dir=folder"))
        assert '**output_dir** = `f"{time.time()}/run"`' in (await editor.hover(uri, "output_dir=") or "")

    drive(work, tmp_path)


def test_what_a_configuration_leaves_out_is_said_after_the_line_that_names_the_model(tmp_path: Path) -> None:
    text = "base_model: Qwen/Qwen2.5-Coder-7B  # ours\nadapter: lora\nlora_r: 16\nmicro_batch_size: 2\n"
    text += "datasets:\n  - path: d.jsonl\n    type: alpaca\n"

    async def work(editor: Editor) -> None:
        uri = editor.open("axolotl.yaml", text, "yaml")
        (hint,) = [one for one in await editor.hints(uri) if str(one.label).startswith("by default ")]
        assert hint.position == editor.at(uri, "# ours", len("# ours"))

    drive(work, tmp_path)


def test_hints_show_values_from_elsewhere_and_what_is_left_out(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = await project(editor)
        hints = [(one.position, str(one.label)) for one in await editor.hints(uri)]
        labels = [label for _, label in hints]
        assert (editor.at(uri, "r=settings.rank,", len("r=settings.rank")), "⟶ 64") in hints
        assert labels.count("⟶ 8") == 0  # written where it arrives
        assert "⟶ 2; effective batch 16" in labels  # what is said at one place is one hint
        defaults = [label for label in labels if label.startswith("by default ")]
        assert any("learning_rate=" in label for label in defaults)
        bracket = editor.at(uri, "fp16=True,\n    ),", len("fp16=True,\n    )"))
        assert any(at == bracket and label.startswith("by default ") for at, label in hints)

    drive(work, tmp_path)


STEPS = [  # what the script says, in place of the loader's line, the rows of the file, and the hint
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train")',
        1000,
        "effective batch 16, 186 to 189 steps",
    ),
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train").shuffle(seed=1)',
        1600,
        "effective batch 16, 300 steps",
    ),
    ('ds = load_dataset("json", data_files="train.jsonl", split="train[:50%]")', 1600, "effective batch 16, 150 steps"),
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train").train_test_split(test_size=0.2)["train"]',
        2000,
        "effective batch 16, 300 steps",
    ),
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train").select(range(160))',
        400,
        "effective batch 16, 30 steps",
    ),
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train")\n'
        'ds = ds.map(lambda b: {"prompt": [t for t in b["text"]]}, batched=True)',
        1600,
        "effective batch 16, 300 steps",
    ),
    # What a filter, a map that may join or split rows, or packing leaves is unknown.
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train").filter(lambda r: r["text"])',
        1600,
        "effective batch 16",
    ),
    (
        'ds = load_dataset("json", data_files="train.jsonl", split="train")\n'
        'ds = ds.map(lambda b: {"text": group(b["text"])}, batched=True)',
        1600,
        "effective batch 16",
    ),
    ('ds = load_dataset("json", data_files="train.jsonl", split="train", streaming=True)', 1600, "effective batch 16"),
    ('ds = load_dataset("json", data_files="elsewhere.jsonl", split="train")', 1600, "effective batch 16"),
]


def test_hints_count_the_steps_where_the_rows_are_known(tmp_path: Path) -> None:
    loader = STEPS[0][0]

    async def work(editor: Editor) -> None:
        await project(editor)
        for number, (line, rows, hint) in enumerate(STEPS):
            editor.write("train.jsonl", '{"text": "SELECT 1"}\n' * rows)
            uri = editor.open(f"train{number}.py", TRAIN.replace(loader, line))
            assert f"⟶ 2; {hint}" in [str(one.label) for one in await editor.hints(uri)], line
        packed = TRAIN.replace("fp16=True", "packing=True")
        uri = editor.open("packed.py", packed)
        assert "⟶ 2; effective batch 16" in [str(one.label) for one in await editor.hints(uri)]

    drive(work, tmp_path)


def test_the_count_of_steps_follows_a_data_file_that_grows(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.write("train.jsonl", '{"text": "SELECT 1"}\n' * 160)
        uri = await project(editor)
        assert "⟶ 2; effective batch 16, 30 steps" in [str(one.label) for one in await editor.hints(uri)]
        editor.write("train.jsonl", '{"text": "SELECT 1"}\n' * 320)
        found = next(one for one in await editor.hints(uri) if str(one.label).endswith("steps"))
        assert found.label == "⟶ 2; effective batch 16, 60 steps"
        assert "320 rows × 3 epochs, 16 a step" in str(found.tooltip)

    drive(work, tmp_path)


def test_lenses_on_the_trainer_show_memory_plan_and_prompt(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = await project(editor)
        lenses = await editor.lenses(uri)
        row = editor.at(uri, "trainer = SFTTrainer").line
        assert {one.range.start.line for one in lenses} == {row}
        titles = [one.command.title for one in lenses if one.command is not None]
        assert titles[0].startswith("≈ ") and "GiB" in titles[0] and "fits" in titles[0]
        assert titles[1:] == ["show the plan", "show the prompt as the model sees it"]
        command = lenses[1].command
        assert command is not None
        text = await editor.command(command.command, *(command.arguments or []))
        assert "r" in text and "64" in text and "conf.py:6" in text
        assert [one.type for one in editor.client.messages] == [types.MessageType.Info]

    drive(work, tmp_path)


def test_a_lens_counts_the_rows_that_are_found_fault_with(tmp_path: Path) -> None:
    mapped = 'ds = ds.map(lambda row: {"text": "### Question:\\n" + row["question"] + "\\n### SQL:\\n" + row["sql"]})\n'
    script = TRAIN.replace("trainer = SFT", f"{mapped}trainer = SFT")

    async def work(editor: Editor) -> None:
        assert len(await editor.lenses(await project(editor))) == 3  # no data are there
        rows = ['{"question": "How many?", "sql": "SELECT 1"}', '{"question": "Who?"}', '{"question": "", "sql": ""}']
        editor.write("train.jsonl", "\n".join(rows) + "\n")
        uri = editor.open("again.py", script)
        lens = (await editor.lenses(uri))[-1]
        assert lens.command is None
        lens = await editor.client.code_lens_resolve_async(lens)
        assert lens.command is not None and lens.command.title.startswith("2 of 3 rows have findings")
        text = await editor.command(lens.command.command, *(lens.command.arguments or []))
        assert "train.jsonl" in text and "rows/columns" in text

    drive(work, tmp_path)


TWICE = """\
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer

COMMON = dict(learning_rate=1e-4, num_train_epochs=2)


def run(r, batch, name):
    model, tokenizer = FastLanguageModel.from_pretrained(name, load_in_4bit=True)
    model = FastLanguageModel.get_peft_model(model, r=r, lora_alpha=16)
    args = SFTConfig(per_device_train_batch_size=batch, gradient_accumulation_steps=4, **COMMON)
    trainer = SFTTrainer(model, args=args)
    trainer.train()


run(16, 2, "unsloth/Qwen2.5-Coder-7B-bnb-4bit")
run(64, 4, "unsloth/Qwen2.5-Coder-1.5B-bnb-4bit")
"""


def test_a_line_that_runs_twice_shows_both_values_each_with_its_own_verdict(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", TWICE)
        labels = [str(one.label) for one in await editor.hints(uri)]
        assert "⟶ 16 or 64" in labels and "⟶ 2 or 4; effective batch 8 or 16" in labels
        assert "⟶ learning_rate=1e-4, num_train_epochs=2" in labels  # the text names neither
        small, large = [text or "" for text in (await editor.hover(uri, "16, 2"), await editor.hover(uri, "64, 4"))]
        assert "**r** = `16`" in small and "is kept" in small and "is broken" not in small
        assert "**r** = `64`" in large and "is broken" in large and "is kept" not in large
        both = await editor.hover(uri, "r=r") or ""
        assert both.index("`16`") < both.index("is kept") < both.index("`64`") < both.index("is broken")
        assert "effective-batch" in str(await editor.hover(uri, '2, "unsloth'))
        assert "effective-batch" not in str(await editor.hover(uri, '4, "unsloth'))
        (lens,) = [one.command.title for one in await editor.lenses(uri) if one.command and "GiB" in one.command.title]
        alone = editor.open("alone.py", TWICE.replace("run(64", "# run(64"))
        (largest,) = [
            one.command.title for one in await editor.lenses(alone) if one.command and "GiB" in one.command.title
        ]
        assert lens == f"up to {largest}"

    drive(work, tmp_path)


def test_each_trainer_has_the_estimate_of_its_own_run(tmp_path: Path) -> None:
    """Of three runs, two of which need the same: equal estimates are one in the report."""
    setup = """\
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-{size}-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
trainer = SFTTrainer(model, args=SFTConfig(per_device_train_batch_size=2))
trainer.train()
"""
    script = "".join(setup.format(size=size) for size in ("7B", "7B", "1.5B"))

    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", "".join(TWICE.splitlines(keepends=True)[:2]) + script)
        titles = [one.command.title for one in await editor.lenses(uri) if one.command]
        first, second, third = [title for title in titles if "GiB" in title]
        assert first == second != third

    drive(work, tmp_path)
