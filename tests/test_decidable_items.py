"""Items that the script alone decides, each beside twins that it does not decide, or decides the other way."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review

HEAD = """\
import os, sys
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer
from transformers import TrainingArguments
NAME = "meta-llama/Llama-3.2-3B"
rows = load_dataset("json", data_files="train.jsonl", split="train")
"""


def item(folder: Path, code: str, rule: str, **files: str) -> str:
    """The verdict of one item, with the reason if it is unknown."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_txt", ".txt").replace("_py", ".py")).write_text(text, encoding="utf-8")
    (folder / "train.py").write_text(code, encoding="utf-8")
    report = review([str(folder / "train.py")], options=Options())
    assert not report.internal_errors
    (file,) = report.files
    (found,) = [i for i in file.checklist if i.rule == rule]
    return f"{found.verdict}: {found.reason}" if found.verdict == "unknown" else str(found.verdict)


TEMPLATES = (
    HEAD
    + """\
tokenizer = AutoTokenizer.from_pretrained(NAME)
def render(batch):
    texts = []
    if "question" in batch and "sql" in batch:
        for i in range(len(batch["question"])):
            question = batch["question"][i] if batch["question"][i] is not None else ""
            schema = batch["schema"][i] if batch["schema"][i] is not None else ""
            sql = batch["sql"][i] if batch["sql"][i] is not None else ""
            texts.append(f"{schema}\\n### Question: {question}\\n### SQL: {sql}" + END_A)
    elif "messages" in batch:
        for turns in batch["messages"]:
            texts.append(f"<user>{turns[0]['content']}<model>{turns[1]['content']}" + END_B)
    else:
        raise ValueError("unknown columns")
    tokens = tokenizer(texts, truncation=True, max_length=512)
    tokens["labels"] = tokens["input_ids"].copy()
    return tokens
Trainer(
    model=AutoModelForCausalLM.from_pretrained(NAME),
    args=TrainingArguments("out"),
    train_dataset=rows.map(render, batched=True, remove_columns=rows.column_names),
).train()
"""
)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("tokenizer.eos_token", "tokenizer.eos_token", "pass"),
        ('""', '""', "fail"),
        ("tokenizer.eos_token", '""', "unknown"),
    ],
)
def test_texts_of_many_branches_end_alike_or_not(tmp_path, first, second, verdict):
    """Three optional columns give eight texts; the other template makes one more."""
    code = TEMPLATES.replace("END_A", first).replace("END_B", second)
    assert item(tmp_path, code, "prompt/eos").startswith(verdict)


CARDS = """\
{imports}{visible}
model = {loader}.from_pretrained("unsloth/Qwen2.5-7B", device_map="auto")
from trl import SFTConfig, SFTTrainer
SFTTrainer(model=model[0], train_dataset="train.jsonl", args=SFTConfig("out")).train()
"""
BY_BRANCH = """\
if "CUDA_VISIBLE_DEVICES" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = sys.argv[1]
"""


@pytest.mark.parametrize("visible", [BY_BRANCH, 'os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["CARDS"]\n'])
def test_unsloth_needs_no_launcher_however_many_cards_are_visible(tmp_path, visible):
    unsloth = CARDS.format(imports="import os, sys\nfrom unsloth import FastLanguageModel\n", visible=visible,
                           loader="FastLanguageModel")  # fmt: skip
    plain = CARDS.format(imports=HEAD, visible=visible, loader="AutoModelForCausalLM")
    assert item(tmp_path, unsloth, "arguments/launcher") == "not-applicable"
    assert item(tmp_path, plain.replace(', device_map="auto"', ""), "arguments/launcher").startswith("unknown")


OWN_TEMPLATE = (
    HEAD
    + """\
from trl import DataCollatorForCompletionOnlyLM, SFTConfig, SFTTrainer
tokenizer = AutoTokenizer.from_pretrained(NAME)
{set}
def render(row):
    turns = [{{"role": "user", "content": row["question"]}}, {{"role": "assistant", "content": row["sql"]}}]
    return {{"text": tokenizer.apply_chat_template(turns, tokenize=False)}}
SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(NAME),
    args=SFTConfig("out", dataset_text_field="text"),
    train_dataset=rows.map(render),
    data_collator=DataCollatorForCompletionOnlyLM(response_template={marker!r}, tokenizer=tokenizer),
).train()
"""
)
TURNS = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<ask>\\n' + m.content + '<end>\\n<tell>\\n' }}"
    "{% else %}{{ m.content + '<end>\\n' }}{% endif %}{% endfor %}"
)
SETS = f"tokenizer.chat_template = {TURNS!r}"


@pytest.mark.parametrize(
    ("marker", "sets", "verdict"),
    [
        ("<tell>\n", SETS, "pass"),
        ("<tell>", SETS, "unknown: Llama 3 merges the last character"),
        ("<|assistant|>", SETS, "fail"),
        ("<ask>", SETS, "unknown: the chat template that the script sets writes '<ask>' in another place"),
        ("<end>", SETS, "unknown: the chat template that the script sets writes '<end>' after the answer too"),
        ("SQL please<end>", SETS, "unknown: whether the chat template that the script sets writes"),
        ("<tell>", f"if os.environ.get('OWN'):\n    {SETS}", "unknown"),
        ("<tell>", 'tokenizer.chat_template = open("t.jinja").read()', "unknown"),
    ],
)
def test_markers_are_sought_in_a_template_of_the_scripts_own(tmp_path, marker, sets, verdict):
    assert item(tmp_path, OWN_TEMPLATE.format(set=sets, marker=marker), "prompt/markers").startswith(verdict)


BATCHES = """\
from unsloth import FastLanguageModel
from unsloth.chat_templates import train_on_responses_only
from datasets import load_dataset, load_from_disk
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("{name}", max_seq_length=2048)
def render(batch):
    texts = tokenizer.apply_chat_template(batch["conversations"], tokenize=False)
    return {{"text": [text.removeprefix(tokenizer.bos_token) for text in texts]}}
rows = load_dataset("json", data_files="train.jsonl", split="train")
{rows}
trainer = SFTTrainer(model=model, tokenizer=tokenizer, train_dataset=rows, args=SFTConfig("out"))
trainer = train_on_responses_only(
    trainer, instruction_part="<|im_start|>user\\n", response_part="<|im_start|>assistant\\n"
)
trainer.train()
"""
MAPPED = "rows = rows.map(render, batched=True)"


@pytest.mark.parametrize(
    ("name", "rows", "ending", "markers"),
    [
        ("LiquidAI/LFM2-8B-A1B", MAPPED, "pass", "pass"),
        ("unsloth/Llama-3.2-3B-Instruct", MAPPED, "pass", "fail"),
        ("LiquidAI/LFM2-8B-A1B-Base", MAPPED, "unknown", "unknown"),
        # rows that are no batch: each text is one character of what the template writes
        ("LiquidAI/LFM2-8B-A1B", "rows = rows.map(render)", "unknown", "unknown"),
        # rows of which nothing is known, on one of two paths
        (
            "LiquidAI/LFM2-8B-A1B",
            f'if tokenizer.bos_token:\n    {MAPPED}\nelse:\n    rows = load_from_disk("made")',
            "unknown",
            "unknown",
        ),
    ],
)
def test_a_template_applied_to_a_batch_gives_one_text_per_row(tmp_path, name, rows, ending, markers):
    code = BATCHES.format(name=name, rows=rows)
    assert item(tmp_path, code, "prompt/eos").startswith(ending)
    assert item(tmp_path, code, "prompt/markers").startswith(markers)


TRACKED = """\
import os
from transformers import Trainer, TrainingArguments
{set}
args = TrainingArguments("out"{given})
Trainer(model=model, args=args, train_dataset=rows).train()
"""
OFF = 'os.environ["WANDB_DISABLED"] = "true"'
NONE = ", report_to=None"


@pytest.mark.parametrize(
    ("sets", "given", "stated", "verdict"),
    [
        (OFF, NONE, "transformers==4.52.4", "fail"),  # every installed tracker, without W&B
        (OFF, "", "transformers==4.52.4", "fail"),
        (OFF, ', report_to="all"', "transformers==4.52.4", "fail"),
        (OFF, ', report_to=["wandb", "tensorboard"]', "transformers==4.52.4", "fail"),
        (
            OFF,
            ', report_to=["wandb", "tensorboard"]',
            "transformers==5.0.0",
            "pass",
        ),  # which no longer asks the variable
        (OFF, ', report_to="all"', "transformers==5.0.0", "unknown"),
        ('os.environ["WANDB_MODE"] = "disabled"', ', report_to="all"', "transformers==5.0.0", "fail"),
        (OFF.replace("true", "false"), NONE, "transformers==4.52.4", "unknown"),
        ("", NONE, "transformers==4.52.4", "unknown"),
        ("", NONE, "transformers==5.0.0", "fail"),  # None is refused: nothing is reported
    ],
)
def test_a_tracker_that_is_switched_off_is_not_reported_to(tmp_path, sets, given, stated, verdict):
    code = TRACKED.format(set=sets, given=given)
    assert item(tmp_path, code, "project/tracking", requirements_txt=stated).startswith(verdict)


def test_what_pip_freeze_wrote_states_versions(tmp_path):
    frozen = "accelerate==1.7.0\ntransformers==4.52.4\n"
    code = TRACKED.format(set=OFF, given=', report_to="wandb"')
    assert item(tmp_path, code, "project/tracking") == "pass"
    (tmp_path / "pip-freeze.txt").write_text(frozen, encoding="utf-8")
    assert item(tmp_path, code, "project/tracking", requirements_txt="transformers>=4.38\n") == "fail"


@pytest.mark.parametrize("others", ["tensorboard", "mlflow"])
def test_what_else_is_installed_stays_open(tmp_path, others):
    wanted = f'[tool.nl2sql-review]\n"project/tracking" = {{ includes = ["{others}"] }}\n'
    code = TRACKED.format(set=OFF, given=NONE)
    (tmp_path / "pyproject.toml").write_text(wanted, encoding="utf-8")
    assert item(tmp_path, code, "project/tracking", requirements_txt="transformers==4.52.4").startswith("unknown")


INITIAL = (
    HEAD
    + """\
import torch
from peft import LoraConfig
from transformers import BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer
four = BitsAndBytesConfig(load_in_4bit=True)
given = {"torch_dtype": torch.bfloat16, OPTION}
MORE
args = SFTConfig("out", model_init_kwargs=given)
SFTTrainer(NAME, args=args, train_dataset=rows, peft_config=LoraConfig(r=16)).train()
"""
)


@pytest.mark.parametrize(
    ("option", "more", "verdict"),
    [
        ("", "", "fail"),  # the value of the type is open, no other key is
        ('"quantization_config": four', "", "pass"),
        ('"load_in_4bit": True', "", "pass"),
        ('"quantization_config": four if torch.cuda.is_available() else None', "", "unknown"),
        ("", 'if torch.cuda.is_available():\n    given["quantization_config"] = four', "unknown"),
        ('"quantization_config": read(sys.argv[1])', "", "unknown"),
        ("**read(sys.argv[1])", "", "unknown"),
        ("", "given.update(read(sys.argv[1]))", "unknown"),
    ],
)
def test_what_the_trainer_loads_the_model_with(tmp_path, option, more, verdict):
    code = INITIAL.replace("OPTION", option).replace("MORE", more)
    assert item(tmp_path, code, "lora/four-bit").startswith(verdict)


MADE = """\
from datasets import Dataset, load_dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer
tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.2-3B")
def render(row):
    return f"### Schema: {row['schema']}\\n### Question: {row['question']}\\n### SQL: {row['sql']}" + END
rows = load_dataset("json", data_files="train.jsonl", split="train")
MAP
args = SFTConfig("out", dataset_text_field="made")
SFTTrainer("meta-llama/Llama-3.2-3B", args=args, train_dataset=rows).train()
"""
FRAME = "frame = rows.to_pandas()\nframe['made'] = frame.apply(render, axis=1)\nrows = Dataset.from_pandas(frame)"
BY_ROW = "rows = rows.map(lambda row: {'made': render(row)})"
OR_NONE = "rows = rows.map(lambda row: {'made': render(row)} if row['sql'] else None)"


@pytest.mark.parametrize(
    ("made", "end", "verdict"),
    [
        (FRAME, "tokenizer.eos_token", "pass"),
        (FRAME, "''", "fail"),
        (FRAME.replace("axis=1", "axis=0"), "tokenizer.eos_token", "unknown"),
        (FRAME.replace("rows.to_pandas()", "rows.to_pandas(batched=True)"), "tokenizer.eos_token", "unknown"),
        (BY_ROW, "tokenizer.eos_token", "pass"),
        (OR_NONE, "tokenizer.eos_token", "unknown: the mapped function may return None"),
    ],
)
def test_texts_made_in_a_frame_or_by_a_function_that_may_return_none(tmp_path, made, end, verdict):
    code = MADE.replace("MAP", made).replace("END", end)
    stated = "trl==0.12.0\ntransformers==4.46.0\n"  # which append no EOS token
    assert item(tmp_path, code, "prompt/eos", requirements_txt=stated).startswith(verdict)


LAZY = """\
import sys
from typing import TYPE_CHECKING
from transformers.utils import _LazyModule
_import_structure = {"settings": ["NAME"]}
if TYPE_CHECKING:
    from .settings import RANK
else:
    sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure, module_spec=__spec__)
"""
RANKED = """\
from own import RANK
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
SFTTrainer("m", args=SFTConfig("out"), train_dataset=rows, peft_config=LoraConfig(r=RANK)).train()
"""


@pytest.mark.parametrize(
    ("named", "rank", "verdict"), [("RANK", 16, "pass"), ("RANK", 64, "fail"), ("OTHER", 16, "unknown")]
)
def test_a_lazy_package_gives_the_names_of_its_table(tmp_path, named, rank, verdict):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text(LAZY.replace("NAME", named), encoding="utf-8")
    (tmp_path / "own" / "settings.py").write_text(f"RANK = {rank}\n", encoding="utf-8")
    assert item(tmp_path, RANKED, "lora/rank").startswith(verdict)


LENGTHS = """\
import torch
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen3-4B", max_seq_length=2048)
given = {}
if torch.cuda.device_count() > 1:
    given["NAME"] = LENGTH
SFTTrainer(model=model, args=SFTConfig("out", **given), train_dataset=rows).train()
"""


@pytest.mark.parametrize("name", ["max_length", "max_seq_length"])
@pytest.mark.parametrize(("length", "verdict"), [(2048, "pass"), (512, "unknown"), ("read()", "unknown")])
def test_a_length_on_one_path_that_unsloth_uses_on_the_other_too(tmp_path, name, length, verdict):
    code = LENGTHS.replace("NAME", name).replace("LENGTH", str(length))
    assert item(tmp_path, code, "memory/sequence-length").startswith(verdict)
    assert item(tmp_path, code.replace("from unsloth", "from own"), "memory/sequence-length") != "pass"


BY_MODEL = """\
import argparse
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="meta-llama/Llama-3.1-8B-Instruct")
args = parser.parse_args()
name = {name}
tokenizer = AutoTokenizer.from_pretrained(name)
rows = load_dataset("json", data_files="train.jsonl", split="train")
rows = rows.map(lambda row: {{"text": {text}}}, remove_columns=rows.column_names)
trainer = SFTTrainer(
    AutoModelForCausalLM.from_pretrained(name), args=SFTConfig("out"), train_dataset=rows, processing_class=tokenizer
)
trainer.train()
"""
CHAT = 'tokenizer.apply_chat_template(row["messages"], tokenize=False)'
PLAIN = 'row["question"] + row["sql"] + tokenizer.eos_token'


@pytest.mark.parametrize(
    ("name", "text", "eos", "bos"),
    [
        ("args.model", CHAT, "default", "default"),
        ('"meta-llama/Llama-3.1-8B-Instruct"', CHAT, "certain", "certain"),
        ("args.model", PLAIN, "certain", "certain"),
    ],
)
def test_what_follows_from_a_model_that_an_option_names_is_a_default(tmp_path, name, text, eos, bos):
    (tmp_path / "train.py").write_text(BY_MODEL.format(name=name, text=text), encoding="utf-8")
    (file,) = review([str(tmp_path / "train.py")], options=Options()).files
    found = {i.rule: i for i in file.checklist}
    assert (found["prompt/eos"].verdict, found["prompt/eos"].certainty) == ("pass", eos)
    assert (found["prompt/bos"].verdict, found["prompt/bos"].certainty) == ("fail" if text is CHAT else "pass", bos)
