"""Kinds of scripts, each with the fact that must be read of it and, where there is one, its twin."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from nl2sql_review import Options, readers, review
from nl2sql_review.flavours import record
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Absent, Default, Known, Unknown

HEAD = """\
import argparse, json, os
import pandas as pd
import torch
from accelerate import Accelerator
from datasets import Dataset, load_dataset
from peft import LoraConfig, get_peft_model
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, TrainingArguments, get_scheduler
from trl import DPOConfig, DPOTrainer, ModelConfig, SFTConfig, SFTTrainer, TrlParser, get_peft_config
"""
SQL = '{"prompt": f"### Question:\\n{r[\'q\']}\\n", "completion": r["sql"]}'
TRAIN = 'SFTTrainer(model="codellama/CodeLlama-7b-hf", train_dataset=rows, args=SFTConfig(output_dir="o")).train()\n'
ROWS = 'rows = load_dataset("json", data_files="t.jsonl", split="train")\n'
SPLITS = (
    "from datasets import DatasetDict\n"
    + ROWS
    + 'splits = DatasetDict({{"train": rows.select(range(9)), "test": rows}})\n'
    + "splits = splits.map({f}).shuffle(seed=1)\n"
)
PAIR = "prompt-completion"
LOOP = """\
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
accelerator = Accelerator({accelerator})
optimizer = torch.optim.AdamW(model.parameters(){lr})
loader = DataLoader(torch.load("rows.pt"), batch_size=4, shuffle=True)
{schedule}
for step, batch in enumerate(loader):
    accelerator.backward(model(**batch).loss)
    optimizer.step()
"""


def plan_of(code: str):
    source = Source.from_bytes((HEAD + code).encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    return plan


def shown(value):
    if isinstance(value, (Known, Default)):
        return value.value
    return type(value).__name__.lower() if isinstance(value, (Unknown, Absent)) else value


def loop(accelerator="", lr=", lr=2e-4", schedule=""):
    return LOOP.format(accelerator=accelerator, lr=lr, schedule=schedule)


@pytest.mark.parametrize(
    ("code", "fact", "expected"),
    [
        # a dict of known splits: `map` and its like change each of them
        (SPLITS.format(f=f"lambda r: {SQL}") + TRAIN.replace("=rows", '=splits["train"]'), "prompt.form", PAIR),
        (SPLITS.format(f="lambda r: r") + TRAIN.replace("=rows", '=splits["train"]'), "prompt.form", "unknown"),
        # a loop written by hand: what its calls say is known, what they do not say is unknown
        (loop(), "arguments.learning_rate", 2e-4),
        (loop(lr=""), "arguments.learning_rate", "unknown"),
        (loop(), "arguments.scheduler", "constant"),
        (loop(schedule="s = get_scheduler('cosine', optimizer, 30, 1000)"), "arguments.scheduler", "cosine"),
        (loop(schedule="s = get_scheduler('cosine', optimizer, 30, 1000)"), "arguments.warmup", 0.03),
        (
            loop(schedule="s = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 9)"),
            "arguments.scheduler",
            "cosine",
        ),
        (loop("gradient_accumulation_steps=4"), "arguments.effective_batch", 4),  # nothing counts: each batch is a step
        (
            loop("gradient_accumulation_steps=4").replace("    acc", "  with accelerator.accumulate(model):\n    acc"),
            "arguments.effective_batch",
            16,
        ),
        (loop(), "arguments.gradient_accumulation", 1),
        (loop("mixed_precision='bf16'"), "arguments.mixed_precision", "bf16"),
        (loop(), "arguments.mixed_precision", "unknown"),
        (loop(), "checkpointing.save_strategy", "no"),
        (loop(), "lora.adapter", "absent"),
        # what is written when training is over does not count
        (
            'a = SFTConfig(output_dir="o", learning_rate=2e-4)\nt = SFTTrainer(model="m", args=a)\nt.train()\n'
            "a.learning_rate = 9.0\n",
            "arguments.learning_rate",
            2e-4,
        ),
        (
            'a = SFTConfig(output_dir="o", learning_rate=2e-4)\na.learning_rate = 3e-4\n'
            't = SFTTrainer(model="m", args=a)\nt.train()\na.learning_rate = 9.0\n',
            "arguments.learning_rate",
            3e-4,
        ),
        (
            'a = SFTConfig(output_dir="o", learning_rate=2e-4)\nt = SFTTrainer(model="m", args=a)\n'
            "a.learning_rate = 9.0\nt.train()\n",
            "arguments.learning_rate",
            9.0,
        ),
        # an object of which only the command line decides leaves the adapter open
        (
            "script, training, model = TrlParser((SFTConfig, SFTConfig, ModelConfig)).parse_args_and_config()\n"
            "SFTTrainer(model=model.model_name_or_path, args=training, peft_config=get_peft_config(model)).train()\n",
            "lora.adapter",
            "unknown",
        ),
        ('SFTTrainer(model="m", args=SFTConfig(output_dir="o"), peft_config=None).train()\n', "lora.adapter", "absent"),
        # rows that the script writes itself
        (
            'frame = pd.read_csv("x.csv")\nframe["prompt"] = frame.apply(lambda r: "### Q\\n" + r["q"], axis=1)\n'
            'frame["completion"] = frame["sql"]\nframe.to_json("t.jsonl", orient="records", lines=True)\n'
            'rows = load_dataset("json", data_files="t.jsonl", split="train")\n' + TRAIN,
            "prompt.form",
            "prompt-completion",
        ),
        (
            f'rows = load_dataset("spider", split="train").map(lambda r: {SQL})\nrows.to_json("t.jsonl")\n'
            'rows = load_dataset("json", data_files={"train": "./t.jsonl"}, split="train")\n' + TRAIN,
            "prompt.form",
            "prompt-completion",
        ),
        (
            'with open("t.jsonl", "w") as file:\n    for r in load_dataset("spider", split="train"):\n'
            f'        file.write(json.dumps({SQL}) + "\\n")\n'
            'rows = load_dataset("json", data_files="t.jsonl", split="train")\n' + TRAIN,
            "prompt.form",
            "prompt-completion",
        ),
        (
            f'rows = load_dataset("spider", split="train").map(lambda r: {SQL})\nrows.to_json("t.jsonl")\n'
            'rows = load_dataset("json", data_files="other.jsonl", split="train")\n' + TRAIN,
            "prompt.form",
            "unknown",
        ),
        # columns that the script demands of its data
        *(
            (ROWS + test + TRAIN, "prompt.form", form)
            for test, form in (
                ('if "prompt" not in rows.column_names or "completion" not in rows.column_names:\n    exit(1)\n', PAIR),
                (
                    'for c in ("prompt", "completion"):\n    if c not in rows.column_names:\n        raise Oh\n',
                    PAIR,
                ),
                ('assert {"prompt", "completion"} <= set(rows.column_names)\n', PAIR),
                ('assert {"prompt", "completion"}.issubset(rows.column_names)\n', PAIR),
                ('assert all(c in rows.column_names for c in ["prompt", "completion"])\n', PAIR),
                (
                    'missing = [c for c in ("prompt", "completion") if c not in rows.column_names]\n'
                    "if missing:\n    raise SystemExit(missing)\n",
                    PAIR,
                ),
                (
                    'missing = {"prompt", "completion"} - set(rows.column_names)\nif missing:\n    raise KeyError\n',
                    PAIR,
                ),
                ('if "prompt" not in rows.column_names:\n    print("odd")\n', "unknown"),
                ('if "prompt" in rows.column_names:\n    raise ValueError\n', "unknown"),
                ('assert "prompt" in rows.column_names or "text" in rows.column_names\n', "unknown"),
            )
        ),
    ],
)
def test_what_is_read(code, fact, expected):
    assert shown(plan_of(code)[fact].value) == expected


def test_a_patch_function_is_no_trainer():
    code = (
        "from unsloth import FastLanguageModel, PatchDPOTrainer\nPatchDPOTrainer()\n"
        'model, tokenizer = FastLanguageModel.from_pretrained("unsloth/zephyr-sft-bnb-4bit")\n'
        'DPOTrainer(model=model, args=DPOConfig(output_dir="o", learning_rate=5e-6)).train()\n'
    )
    plan = plan_of(code)
    assert plan["api.trainer"].value.value == "trl.DPOTrainer"
    # the rate that fine-tuning on answers wants is no measure of another objective
    assert plan["arguments.learning_rate"].why_not and plan["arguments.learning_rate"].value.value == 5e-6


def test_the_settings_may_measure_another_objective():
    source = Source.from_bytes(
        (HEAD + 'DPOTrainer(model="m", args=DPOConfig(output_dir="o")).train()\n').encode(), "t.py"
    )
    settings = SimpleNamespace(processes=None, gpu=None, parameters={"arguments/learning-rate": {}})
    (plan,) = readers.read(interpret(source, "."), source, settings)
    assert not plan["arguments.learning_rate"].why_not


def test_trainers_of_sentence_transformers_are_known():
    code = (
        "from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer\n"
        "from sentence_transformers import SentenceTransformerTrainingArguments\n"
        'model = SentenceTransformer("all-MiniLM-L6-v2")\n'
        'args = SentenceTransformerTrainingArguments(output_dir="o", per_device_train_batch_size=16)\n'
        "SentenceTransformerTrainer(model=model, args=args, train_dataset=rows).train()\n"
    )
    plan = plan_of(code)
    assert plan["arguments.per_device_batch_size"].value.value == 16
    assert plan["arguments.scheduler"].value.value == "linear"  # transformers' own default
    assert plan["lora.model_name"].value.value == "all-MiniLM-L6-v2"
    assert plan["prompt.ending"].why_not


LIBRARY = """\
class Chat:
    def __init__(self, name="one", rank=64):
        self.model = AutoModelForCausalLM.from_pretrained(name)
        self.model = get_peft_model(self.model, LoraConfig(r=rank))
{}
"""


def test_a_default_that_every_caller_overrides_is_none():
    """Of a class that nobody makes here a default holds, unless all who make it give another value."""
    made = "    @classmethod\n    def of(cls, cfg):\n        return cls(\n            rank=cfg.rank,\n        )\n"
    assert shown(plan_of(LIBRARY.format(""))["lora.r"].value) == 64
    assert shown(plan_of(LIBRARY.format(made))["lora.r"].value) == "unknown"
    assert shown(plan_of(LIBRARY.format(made))["lora.model_name"].value) == "one"


SWITCH = """\
parser = argparse.ArgumentParser()
parser.add_argument("--lora", action="store_{}")
args = parser.parse_args()
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
if args.lora:
    model = get_peft_model(model, LoraConfig(r=16))
SFTTrainer(model=model, args=SFTConfig(output_dir="o")).train()
"""


@pytest.mark.parametrize(("kind", "adapter"), [("true", None), ("false", "peft.get_peft_model")])
def test_an_adapter_behind_a_switch_is_what_a_plain_run_makes(kind, adapter):
    assert shown(plan_of(SWITCH.format(kind))["lora.adapter"].value) in (
        adapter,
        "absent" if adapter is None else adapter,
    )


def test_a_value_of_a_file_is_from_its_line(tmp_path):
    (tmp_path / "cfg.yml").write_text("lora:\n  r: 64\n")
    script = tmp_path / "train.py"
    script.write_text(
        'import yaml\nfrom peft import LoraConfig\nfrom trl import SFTTrainer\nwith open("cfg.yml") as f:\n'
        '    cfg = yaml.safe_load(f)\nSFTTrainer(model="m", peft_config=LoraConfig(r=cfg["lora"]["r"])).train()\n'
    )
    (file,) = review(script, Options(isolated=True)).files
    (rank,) = [f for f in file.findings if f.rule == "lora/rank"]
    assert "from r: 64 (" in rank.message and "cfg.yml:2)" in rank.message


T5 = """
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, Seq2SeqTrainer, Seq2SeqTrainingArguments
tokenizer = AutoTokenizer.from_pretrained("google/flan-t5-small")
def make(row):
    made = tokenizer(row["schema"] + row["question"], truncation=True, max_length=384)
    made["labels"] = tokenizer(row["sql"]{padding}).input_ids
    return made
rows = load_dataset("json", data_files="t.jsonl", split="train").map(make)
model = AutoModelForSeq2SeqLM.from_pretrained("google/flan-t5-small")
Seq2SeqTrainer(model=model, args=Seq2SeqTrainingArguments("o"), train_dataset=rows).train()
"""


def test_an_encoder_decoder_reads_the_question_apart() -> None:
    plan = plan_of(T5.format(padding=""))
    for fact in (plan.prompt.ending, plan.prompt.loss_on, plan.prompt.missing_parts, plan.dataset.schema_limit):
        assert "encoder-decoder" in fact.why_not
    assert shown(plan.prompt.labels.value) == []
    padded = plan_of(T5.format(padding=', padding="max_length"'))
    assert shown(padded.prompt.labels.value) == ["labels"]


@pytest.mark.parametrize("words", [", truncation=True, max_length=64", ", max_length=64, truncation=True"])
def test_the_length_is_that_of_the_inputs_and_not_of_the_labels(words: str) -> None:
    code = T5.format(padding=words)
    assert plan_of(code)["memory.sequence_length"].value.value == 384
    target = code.replace('tokenizer(row["sql"]', 'tokenizer(text_target=row["sql"]')
    assert plan_of(target)["memory.sequence_length"].value.value == 384
    uncut = target.replace(", truncation=True, max_length=384", "")
    assert isinstance(plan_of(uncut)["memory.sequence_length"].value, Unknown)


def test_a_seq2seq_trainer_trains_a_decoder_too() -> None:
    code = ROWS + f'rows = rows.map(lambda r: {SQL})\nmodel = AutoModelForCausalLM.from_pretrained("gpt2")\n'
    code += "from transformers import Seq2SeqTrainer\nSeq2SeqTrainer(model=model, train_dataset=rows).train()\n"
    assert "encoder-decoder" not in plan_of(code).prompt.ending.why_not


@pytest.mark.parametrize(("pad", "ending"), [("", "none"), (', padding="max_length"', "unknown")])
def test_padding_that_is_in_the_loss_may_be_the_end(pad: str, ending: str) -> None:
    code = f"""
from transformers import AutoTokenizer, Trainer
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
tokenizer.pad_token = tokenizer.eos_token
def make(row):
    made = tokenizer("### Question: " + row["question"] + " ### SQL: " + row["sql"]{pad})
    made["labels"] = made["input_ids"].copy()
    return made
rows = load_dataset("json", data_files="t.jsonl", split="train").map(make)
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(model=model, args=TrainingArguments("o"), train_dataset=rows).train()
"""
    assert shown(plan_of(code).prompt.ending.value) == ending


def test_labels_that_could_not_be_read_are_not_passed() -> None:
    code = """
from transformers import Trainer
def make(row):
    row["labels"] = row["input_ids"]
    return row
rows = torch.load("rows.pt")
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(model=model, args=TrainingArguments("o"), train_dataset=rows).train()
"""
    assert shown(plan_of(code).prompt.labels.value) == "unknown"


@pytest.mark.parametrize(
    ("kind", "loss"),
    [("alpaca", "response"), ("raw", "unknown"), ("input_output", "unknown"), ("", "unknown"), ("completion", "all")],
)
def test_rows_of_axolotl_that_bring_their_labels(kind: str, loss: str) -> None:
    data = f"datasets:\n  - path: rows.jsonl\n    type: {kind}\n"
    text = f"base_model: gpt2\nadapter: lora\nlora_r: 16\n{data}micro_batch_size: 1\n"
    source = Source.from_bytes(text.encode(), "axolotl.yaml")
    (plan,) = readers.read(record(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    assert shown(plan.prompt.loss_on.value) == loss


LONG = """\
r, alpha, total, late = 8, 16, 0, 0
for turn in range(40):
    for step in range(20):
        total += step
    alpha = 32
    if turn > 2:
        late += 1
LoraConfig(r=r, lora_alpha=alpha, lora_dropout=total, bias=late)
"""


@pytest.mark.parametrize(
    ("steps", "expected"), [(50_000, [8, 32, 7600, 37]), (1_500, [8, 32, "unknown", "unknown"])], ids=["all", "few"]
)
def test_turns_for_which_the_steps_will_not_do_are_covered_by_one(steps, expected):
    recording = interpret(Source.from_bytes((HEAD + LONG).encode(), "train.py"), None, steps)
    (call,) = recording.named("LoraConfig")
    assert [shown(value) for value in call.arguments.values()] == expected
    assert not recording.exhausted


VISION = """\
from unsloth import FastVisionModel
from unsloth.trainer import UnslothVisionDataCollator
model, tokenizer = FastVisionModel.from_pretrained("unsloth/Qwen2-VL-7B-Instruct")
rows = [{row} for row in load_dataset("json", data_files="t.jsonl", split="train")]
{before}
SFTTrainer(
    model=model, train_dataset=rows, args=SFTConfig(output_dir="o", remove_unused_columns=False),
    data_collator=UnslothVisionDataCollator(model, tokenizer{masks}),
).train()
"""
CHAT = '{"messages": [{"role": "user", "content": row["q"]}, {"role": "assistant", "content": row["sql"]}]}'
COMPLETED = '{"prompt": row["q"], "completion": row["sql"]}'
TOLD = ', train_on_responses_only=True, instruction_part="<|im_start|>user", response_part="<|im_start|>assistant"'


@pytest.mark.parametrize(
    ("row", "masks", "loss"),
    [
        (CHAT, "", "all"),
        (CHAT, TOLD, "response"),
        (CHAT, ", train_on_responses_only=False", "all"),
        (CHAT, ", train_on_responses_only=json.load(open('x'))['mask']", "unknown"),
        (COMPLETED, "", "response"),
        (COMPLETED, ", completion_only_loss=False", "all"),
        ("dict(row)", "", "unknown"),
    ],
)
def test_what_the_collator_of_images_and_texts_masks(row, masks, loss):
    plan = plan_of(VISION.replace("{row}", row).replace("{masks}", masks).replace("{before}", ""))
    assert shown(plan["prompt.loss_on"].value) == loss


@pytest.mark.parametrize(
    ("masks", "arguments", "length", "conflict"),
    [
        ("", "", 2048, False),
        ("", ", max_seq_length=1024", 2048, "idle"),
        ("", ", max_seq_length=2048", 2048, False),
        (", max_seq_length=1024", "", 1024, False),
    ],
)
def test_the_collator_of_images_and_texts_cuts_at_its_own_length(masks, arguments, length, conflict):
    code = VISION.replace("{row}", CHAT).replace("{masks}", masks).replace("{before}", "")
    plan = plan_of(code.replace(", remove_unused_columns", arguments + ", remove_unused_columns"))
    assert plan["memory.sequence_length"].value.value == length
    assert plan["memory.length_conflict"].value.value == conflict


@pytest.mark.parametrize(
    ("collator", "prepared", "length"),
    [
        (", data_collator=collate", "", 512),
        (", data_collator=collate", ', dataset_kwargs={"skip_prepare_dataset": True}', "unknown"),
        ("", ', dataset_kwargs={"skip_prepare_dataset": True}', 512),
    ],
)
def test_rows_that_the_trainer_does_not_prepare_are_cut_by_the_collator_or_not_at_all(collator, prepared, length):
    arguments = f'SFTConfig(output_dir="o", max_length=512{prepared})'
    code = f'SFTTrainer(model="codellama/CodeLlama-7b-hf", train_dataset=rows, args={arguments}{collator}).train()\n'
    plan = plan_of(ROWS + "def collate(rows):\n    return processor(rows)\n" + code)
    assert shown(plan["memory.sequence_length"].value) == length


@pytest.mark.parametrize(
    ("body", "length"),
    [
        ('tok([row["text"] for row in rows], truncation=True, padding=True, max_length=256)', 256),
        ('tok([row["text"] for row in rows], truncation=True, max_length=self.longest)', 768),
        ('tok([row["text"] for row in rows], truncation=True, max_length=longest_of(rows))', "unknown"),
        ('tok([row["text"] for row in rows], truncation=True)', "unknown"),
        ("tok.pad(rows, max_length=256)", 512),
        ("pad_sequence(rows)", 512),
    ],
)
def test_a_collator_that_tokenizes_the_rows_cuts_them_and_not_the_trainer(body, length):
    collator = "class Batches:\n    def __init__(self, longest):\n        self.longest = longest\n"
    collator += f"    def __call__(self, rows):\n        return {body}\n"
    arguments = "train_dataset=rows, args=SFTConfig(max_length=512), data_collator=Batches(768)"
    code = f'SFTTrainer(model="m", {arguments}).train()\n'
    plan = plan_of(ROWS + collator + code)
    assert shown(plan["memory.sequence_length"].value) == length
    assert plan["memory.length_conflict"].value.value == ("idle" if length in (256, 768) else False)


@pytest.mark.parametrize(
    ("config", "rank", "bias"),
    [
        ("AdaLoraConfig(init_r=16, target_r=8, r=4, total_step=100)", 16, "none"),
        ("AdaLoraConfig(total_step=100)", 12, "none"),
        ("LoraConfig(r=4)", 4, "none"),
    ],
)
def test_the_rank_of_adalora_is_the_one_it_begins_with(config, rank, bias):
    model = 'model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")\n'
    plan = plan_of(f"from peft import AdaLoraConfig\n{model}model = get_peft_model(model, {config})\n")
    assert (plan["lora.r"].value.value, plan["lora.bias"].value.value) == (rank, bias)


SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"], []),  # Whisper
        (["c_attn", "c_proj", "c_fc"], []),
        (["c_attn", "c_proj", "c_fc", "lm_head", "wte"], []),
        (["lm_head"], SEVEN),
        (["c_attn"], SEVEN[3:]),
        (["c_attn", "lm_head"], SEVEN[3:]),
        (["c_attn", "mlp.c_proj", "c_fc"], ["o_proj"]),
        (["q", "k", "v", "o"], SEVEN[4:]),
        (["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"], []),
        (["query", "value"], ["k_proj", *SEVEN[3:]]),
        (["query", "key", "value", "attention.output.dense"], SEVEN[4:]),
        (["query", "key", "value", "output.dense", "intermediate.dense"], []),  # the first ends both outputs' names
        (["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"], SEVEN[4:]),  # of a vision tower
        (["q_proj", "v_proj", "lm_head"], ["k_proj", *SEVEN[3:]]),
    ],
)
def test_layers_of_other_families_stand_for_the_projections_of_llama(names, missing):
    model = 'model = AutoModelForCausalLM.from_pretrained("x/y")\n'
    plan = plan_of(f"{model}model = get_peft_model(model, LoraConfig(r=16, target_modules={names}))\n")
    found = plan["lora.target_modules"].value.value
    assert [name for name in SEVEN if name not in found] == missing
    assert set(names) <= set(found)


SAVED = "model = PeftModel.from_pretrained(model, 'sft', is_trainable=True)\n"
OPTIMIZER = "optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)\n"
NEW = "model = get_peft_model(model, LoraConfig(r=32, lora_alpha=64))\n"


@pytest.mark.parametrize(
    ("adapted", "overridden"),
    [
        (f"if os.path.exists('sft'):\n    {SAVED}else:\n    {NEW}", True),
        (f"{SAVED}model = model.merge_and_unload()\n{NEW}", False),
        (f"if parser.parse_args().sft:\n    {SAVED}else:\n    {NEW}", False),  # which lora/adapter says
        (NEW, False),
    ],
)
def test_a_saved_adapter_of_another_branch_has_settings_of_its_own(adapted, overridden):
    parser = "parser = argparse.ArgumentParser()\nparser.add_argument('--sft')\n"
    model = 'from peft import PeftModel\nmodel = AutoModelForCausalLM.from_pretrained("x/y")\n'
    loop = "for batch in loader:\n    model(**batch).loss.backward()\n    optimizer.step()\n"
    for trains in ("SFTTrainer(model, train_dataset=[]).train()\n", f"{OPTIMIZER}{loop}"):
        plan = plan_of(f"{parser}{model}{adapted}{trains}")
        for name, number in (("r", 32), ("alpha", 64), ("scaling", 2)):
            value = plan[f"lora.{name}"].value
            assert (value.value, isinstance(value, Default)) == (number, overridden)


@pytest.mark.parametrize("decorator", ["", "@app.function(gpu='A100')\n", "@app\n"])
def test_a_function_that_nobody_calls_gives_another_its_parameters(decorator):
    train = "def _train(d, rate=1e-4):\n    SFTTrainer('x', train_dataset=d, args=SFTConfig(learning_rate=rate))\n"
    caller = "def finetune():\n    _train(load_dataset('json', data_files='t.jsonl', split='train'), rate=5e-4)\n"
    plan = plan_of(f"from .jobs import app\n{train}{decorator}{caller}")
    assert shown(plan["arguments.learning_rate"].value) == 5e-4


@pytest.mark.parametrize("call", ["_train(rate=5e-4)", "print(_train)"])
def test_a_function_that_no_other_calls_has_its_own_defaults(call):
    train = "def _train(rate=1e-4):\n    SFTTrainer('x', args=SFTConfig('o', learning_rate=rate)).train()\n"
    plan = plan_of(f"{train}def dataset_job():\n    {call}\n")
    assert shown(plan["arguments.learning_rate"].value) == (5e-4 if "5e-4" in call else 1e-4)


@pytest.mark.parametrize(("bits", "why"), [("load_in_8bit=True", "in 8 bit"), ("", "without quantization")])
def test_a_model_in_8_bit_is_not_said_to_be_unquantized(bits, why):
    plan = plan_of(f'model = AutoModelForCausalLM.from_pretrained("x/y-7b", {bits})\n' + ROWS)
    assert why in plan["lora.load_in_4bit"].value.why


def test_a_model_named_by_an_option_is_unquantized_for_no_reason_of_its_name():
    named = 'import argparse\np = argparse.ArgumentParser()\np.add_argument("--model", default="x/y-7b")\n'
    plan = plan_of(f"{named}model = AutoModelForCausalLM.from_pretrained(p.parse_args().model)\n" + ROWS)
    fact = plan["lora.load_in_4bit"]
    assert (fact.value.value, fact.value.trace) == (False, ()) and "nothing quantizes the model" in fact.note


@pytest.mark.parametrize(("bits", "told"), [("load_in_8bit=True", "absent"), ("", "unknown")])
def test_a_model_in_8_bit_is_not_in_4_whatever_its_name(bits, told):
    plan = plan_of(f"model = AutoModelForCausalLM.from_pretrained(os.environ['MODEL'], {bits})\n" + ROWS)
    assert shown(plan["lora.load_in_4bit"].value) == told


def test_the_collator_of_images_and_texts_takes_padding_out_of_the_loss():
    code = VISION.replace("{row}", CHAT).replace("{masks}", "")
    plan = plan_of(code.replace("{before}", "tokenizer.pad_token = tokenizer.eos_token"))
    assert shown(plan["prompt.padding"].value) == "the eos token"


@pytest.mark.parametrize(
    ("loaded", "told"),
    [
        ('"x/y-7b"', "absent"),  # PEFT enables it for quantized weights only
        ('"x/y-7b-GPTQ"', True),
        ('"x/y-7b", load_in_8bit=True', True),
        ('"x/y-7b", quantization_config=BitsAndBytesConfig(load_in_8bit=True)', True),
        ('"./y"', True),  # a checkpoint may be quantized
    ],
)
def test_weights_that_are_not_quantized_are_prepared_without_checkpointing(loaded, told):
    code = "from peft import prepare_model_for_kbit_training\nfrom transformers import BitsAndBytesConfig\n"
    code += f"model = AutoModelForCausalLM.from_pretrained({loaded})\nmodel = prepare_model_for_kbit_training(model)\n"
    code += "model = get_peft_model(model, LoraConfig(r=16))\n" + ROWS
    plan = plan_of(code + "SFTTrainer(model=model, train_dataset=rows).train()\n")
    assert shown(plan["lora.gradient_checkpointing"].value) == told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", "", "the eos token"),  # it pads with <|im_end|>, the EOS token that it sets
        ("tokenizer.pad_token = tokenizer.unk_token", "", "the eos token"),
        ("", "tokenizer.pad_token = '<|pad|>'", "its own token"),
    ],
)
def test_setup_chat_format_pads_with_the_end_of_a_turn(before, after, told):
    code = (
        "from transformers import AutoTokenizer\nfrom trl import DataCollatorForCompletionOnlyLM, setup_chat_format\n"
    )
    code += 'tokenizer = AutoTokenizer.from_pretrained("openai-community/gpt2")\n' + before
    code += '\nmodel = AutoModelForCausalLM.from_pretrained("openai-community/gpt2")\n'
    code += "model, tokenizer = setup_chat_format(model, tokenizer)\n" + after + "\n" + ROWS
    code += 'masks = DataCollatorForCompletionOnlyLM("<|im_start|>assistant\\n", tokenizer=tokenizer)\n'
    code += "SFTTrainer(model=model, tokenizer=tokenizer, train_dataset=rows, data_collator=masks).train()\n"
    assert shown(plan_of(code)["prompt.padding"].value) == told


TOKENS = """\
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, DataCollatorForSeq2Seq, Trainer
tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
rows = load_dataset("json", data_files="t.jsonl", split="train").map(json.load(open("x"))["map"])
Trainer(model="m", train_dataset=rows, args=TrainingArguments(output_dir="o"), data_collator={collator}).train()
"""


@pytest.mark.parametrize(
    ("collator", "loss"),
    [
        ("DataCollatorForLanguageModeling(tokenizer, mlm=False)", "all"),
        ("DataCollatorForLanguageModeling(tokenizer, mlm=json.load(open('x'))['mlm'])", "unknown"),
        ("DataCollatorForSeq2Seq(tokenizer)", "unknown"),
    ],
)
def test_labels_of_all_tokens_need_no_reading_of_the_tokens(collator, loss):
    assert shown(plan_of(TOKENS.replace("{collator}", collator))["prompt.loss_on"].value) == loss


GAME = """\
import random


class Settings:
    r = 8


class Board:
    def __init__(self, settings):
        self.cells = [[0] * 9 for _ in range(9)]
        self.settings = settings

    def fits(self, row, column, number):
        return all(self.cells[row][i] != number and self.cells[i][column] != number for i in range(9))

    def solve(self):
        for row in range(9):
            for column in range(9):
                if self.cells[row][column] == 0:
                    for number in random.sample(range(9), 9):
                        if self.fits(row, column, number):
                            self.cells[row][column] = number
                            if self.solve():
                                return True
                            self.cells[row][column] = 0
        self.settings.r = 64
        return True


rank = 16
settings = Settings()
board = Board(settings)
board.solve()
"""
ADAPTER = 'model = get_peft_model(AutoModelForCausalLM.from_pretrained("m"), LoraConfig(r={}, lora_alpha=board.size))\n'


@pytest.mark.parametrize(
    ("rank", "expected"),
    [("rank", 16), ("settings.r", "unknown"), ("board.settings.r", "unknown"), ("Settings.r", "unknown")],
)
def test_a_game_before_the_training_uses_up_its_own_steps_only(rank, expected):
    code = HEAD + GAME + "board.size = 3\n" + ADAPTER.format(rank)
    recording = interpret(Source.from_bytes(code.encode(), "train.py"), None)
    (call,) = recording.named("LoraConfig")
    assert [shown(value) for value in call.arguments.values()] == [expected, 3]
    assert not recording.exhausted


@pytest.mark.parametrize(
    "tokenizer",
    [
        "processor.tokenizer",
        'getattr(processor, "tokenizer", processor)',
        'processor.tokenizer if hasattr(processor, "tokenizer") else processor',
    ],
)
def test_the_tokenizer_of_a_processor_is_its_own(tokenizer):
    code = f"""from unsloth import FastVisionModel
model, processor = FastVisionModel.from_pretrained("unsloth/Qwen2-VL-7B-Instruct")
text = {tokenizer}
text.eos_token = "<|eot|>"
"""
    recording = interpret(Source.from_bytes(code.encode(), "train.py"), None)
    assert [shown(c.get("eos_token")) for c in recording.calls if c.callee.endswith(".eos_token=")] == ["<|eot|>"]


DIVIDED = """\
parser = argparse.ArgumentParser()
parser.add_argument("--accumulate", type=int, default=4)
args = parser.parse_args()
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
loader = DataLoader(torch.load("rows.pt"), batch_size=4, shuffle=True)
for i, batch in enumerate(loader):
    {loss}
    if {every}:
        optimizer.step()
        optimizer.zero_grad()
"""
BACKWARD = "(model(**batch).loss / {}).backward()"


@pytest.mark.parametrize(
    ("loss", "every", "expected"),
    [
        (BACKWARD.format(8), "(i + 1) % 8 == 0", Known(8)),
        (BACKWARD.format("args.accumulate"), "(i + 1) % args.accumulate == 0", Default(4, "--accumulate")),
        (BACKWARD.format("args.accumulate"), "(i + 1) % 8 == 0", Known(8)),
        (BACKWARD.format(8), "(i + 1) % 8 == 0 or i == len(loader) - 1", Known(8)),
        (BACKWARD.format(8), "json.loads(open('x').read()) % 8 == 0", Unknown("")),
        ("model(**batch).loss.backward()", "(i + 1) % 8 == 0", Known(8)),
    ],
)
def test_the_accumulation_of_a_loop_is_what_its_steps_wait_for(loss, every, expected):
    found = plan_of(DIVIDED.format(loss=loss, every=every))["arguments.gradient_accumulation"].value
    assert type(found) is type(expected)
    if not isinstance(expected, Unknown):
        assert found.value == expected.value
        assert getattr(found, "overridden_by", "") == getattr(expected, "overridden_by", "")


def test_an_adapter_that_the_command_line_decides_leaves_nothing_unset() -> None:
    code = ROWS + "config = get_peft_config(TrlParser((ModelConfig,)).parse_args_and_config()[0])\n"
    code += 'SFTTrainer(model="gpt2", train_dataset=rows, peft_config=config).train()\n'
    plan = plan_of(code)
    for name in ("adapter", "r", "alpha", "scaling", "target_modules"):
        assert shown(getattr(plan.lora, name).value) == "unknown", name


@pytest.mark.parametrize("first", ["tools", "datasets", "os", "transformers", "peft"])
def test_of_several_star_imports_the_library_that_offers_a_name_counts(first):
    """Also after one that nobody can look into: the script trains, whatever it imports before."""
    text = f"from {first} import *\nfrom trl import *\nSFTTrainer('m', args=SFTConfig(learning_rate=3e-4)).train()\n"
    calls = [call.callee for call in interpret(Source("train.py", text), ".").calls]
    assert calls == ["trl.SFTConfig", "trl.SFTTrainer", "transformers.Trainer.train"]


@pytest.mark.parametrize("other", ["tools", "datasets", "transformers"])
def test_a_name_that_trl_does_not_offer_is_not_called_its(other):
    text = f"from trl import *\nfrom {other} import *\nhelper_of_ours()\nAutoTokenizer.from_pretrained('m')\n"
    calls = [call.callee for call in interpret(Source("train.py", text), ".").calls]
    assert not any(callee.startswith("trl.") for callee in calls)
    assert other != "transformers" or calls[-1:] == ["transformers.AutoTokenizer.from_pretrained"]


MAKES_A_MODEL = """\
def make(name):
    model = AutoModelForCausalLM.from_pretrained(name)
    return get_peft_model(model, LoraConfig(r=16, target_modules=["q_proj"]))
"""


@pytest.mark.parametrize(
    ("code", "judged"),
    [
        (MAKES_A_MODEL, False),
        (MAKES_A_MODEL + "make('codellama/CodeLlama-7b-hf').save_pretrained('out')\n", False),
        (MAKES_A_MODEL + "from composer import Fitter\nFitter(make('codellama/CodeLlama-7b-hf')).fit()\n", True),
        (MAKES_A_MODEL + "make('codellama/CodeLlama-7b-hf')(**batch).loss.backward()\n", True),
    ],
)
def test_a_file_that_trains_nothing_has_no_training_text(code, judged):
    plan = plan_of(code)
    for fact in (plan.prompt.missing_parts, plan.prompt.ending, plan.prompt.loss_on, plan.dataset.bare_fields):
        assert bool(fact.why_not) is not judged
    assert bool(plan.dataset.mixing.why_not) is not judged
    assert shown(plan.lora.r) == 16 or not plan.lora.r.why_not


def test_reasons_name_files_by_their_path_in_the_project(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(
        HEAD
        + "from pathlib import Path\n"
        + "rows = json.load(open(Path(__file__).parent / 'data' / 'rows.json'))\n"
        + "steps = len(json.load(open(os.path.join(os.path.dirname(__file__), 'data.json')))) // 64\n"
        + "SFTTrainer(model='m', train_dataset=Dataset.from_list([{'text': r['q']} for r in rows]),\n"
        + "           args=SFTConfig(output_dir='o', warmup_steps=steps)).train()\n"
    )
    monkeypatch.chdir(tmp_path)
    (file,) = review(["train.py"], Options(isolated=True)).files
    reasons = " ".join(item.reason + item.evidence for item in file.checklist)
    assert str(tmp_path) not in reasons
    assert "json.load(open('data.json'))" in reasons


OPEN = """\
import torch
from unsloth import FastLanguageModel
name, length = None, 512
if torch.cuda.device_count() > 1:
    name, length = "codellama/CodeLlama-13b-hf", 2048
"""


@pytest.mark.parametrize(
    ("code", "name", "length"),
    [
        ("if name:\n    {load}", "codellama/CodeLlama-13b-hf", "either"),
        ("if name is not None:\n    {load}", "codellama/CodeLlama-13b-hf", "either"),
        ("if not name:\n    name = 'm'\n{load}", "either", "either"),
        ("if not name:\n    raise SystemExit\n{load}", "codellama/CodeLlama-13b-hf", "either"),
        ("if name and length:\n    {load}", "codellama/CodeLlama-13b-hf", "either"),
        ("if name or length:\n    {load}", "either", "either"),
        ("if not name:\n    {load}", None, "either"),
        ("if name:\n    print(name)\n{load}", "either", "either"),
        ("x = {load} if name else 0", "codellama/CodeLlama-13b-hf", "either"),
        ("x = 0 if name is None or not length else {load}", "codellama/CodeLlama-13b-hf", "either"),
        ("x = name and {load}", "codellama/CodeLlama-13b-hf", "either"),
        ("x = name or {load}", None, "either"),
        ("x = name or torch.a or {load}", None, "either"),
        ("x = 1 if name else 0\n{load}", "either", "either"),
        ("x = length and {load}", "either", "either"),
    ],
)
def test_a_branch_keeps_the_options_for_which_its_test_holds(code, name, length):
    load = "FastLanguageModel.from_pretrained(name, max_seq_length=length)"
    source = Source.from_bytes((OPEN + code.format(load=load) + "\n").encode(), "train.py")
    (call,) = interpret(source, ".").named("from_pretrained")
    said = [shown(call.arguments[one]) for one in ("model_name", "max_seq_length")]
    assert [one if isinstance(one, (str, int, type(None))) else "either" for one in said] == [name, length]


@pytest.mark.parametrize(
    ("first", "last", "manner"),
    [
        ("!cp -r /kaggle/input/earlier/o .", "", "unknown"),
        ("!unzip -q backup.zip -d o", "", "unknown"),
        ("!ls o", "", "unguarded"),
        ("!cp -r /kaggle/input/rows .", "", "unguarded"),
        ("", "!cp -r o /content/drive/", "unguarded"),
    ],
)
def test_a_command_before_the_training_may_bring_its_checkpoints(first, last, manner):
    cells = [first, HEAD + ROWS + TRAIN.replace("train()", "train(resume_from_checkpoint=True)"), last]
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    source = Source.from_bytes(json.dumps({"cells": made, "nbformat": 4, "metadata": {}}).encode(), "train.ipynb")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    assert shown(plan["checkpointing.resume"].value) == manner


@pytest.mark.parametrize(
    ("layers", "adapter"),
    [
        ("class LoRALinear(torch.nn.Module):\n    pass\n", "unknown"),
        (
            "class Low:\n    def __init__(self):\n        self.lora_A = torch.nn.Parameter(torch.empty(8, 64))\n",
            "unknown",
        ),
        ("# self.lora_A = none\nclass LoraOptions:\n    rank = 8\n", "absent"),
    ],
)
def test_lora_layers_of_the_project_are_no_full_training(layers, adapter):
    assert shown(plan_of(layers + loop())["lora.adapter"].value) == adapter


def test_an_argument_that_some_possible_versions_no_longer_have_is_not_only_deprecated(tmp_path):
    (tmp_path / "requirements.txt").write_text("trl==0.16.1\n")
    script = tmp_path / "train.py"
    script.write_text("from transformers import Trainer\nTrainer(model=model, tokenizer=tokenizer).train()\n")
    (file,) = review(script, Options()).files
    (finding,) = [f for f in file.findings if f.rule == "api/deprecated-argument"]
    assert "since transformers 4.46 and removed in 5.0" in finding.message
    assert "every version" not in finding.message
