"""Kinds of scripts on which a verdict was wrong, each beside the twin on which it is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, plan, review
from nl2sql_review.report.report import Finding

MODEL = 'model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.2-3B")\n'
TOKENIZER = 'tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.2-3B")\n'
HEAD = """\
import wandb
from datasets import load_dataset
from peft import LoraConfig, PeftConfig, PrefixTuningConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, DataCollatorForSeq2Seq, Trainer,
    TrainingArguments,
)
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
"""
ROWS = 'rows = load_dataset("json", data_files="train.jsonl", split="train")\n'


def items(folder: Path, code: str, **files: str) -> tuple[dict[str, str], list[str]]:
    """The verdict of each item, and the rules of the findings with the start of their messages."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_txt", ".txt")).write_text(text, encoding="utf-8")
    alone = "import unsloth\n"  # which prepares the data only where it comes before TRL
    first = alone if alone in code else ""
    (folder / "train.py").write_text(first + HEAD + code.replace(alone, ""), encoding="utf-8")
    report = review([str(folder / "train.py")], options=Options())
    assert not report.internal_errors
    (file,) = report.files
    return {i.rule: str(i.verdict) for i in file.checklist}, [f"{f.rule} {f.message}" for f in file.findings]


MASKED = """\
def encode(batch):
    ids, labels = [], []
    for question, query in zip(batch["question"], batch["sql"]):
        whole = tokenizer(question + query)["input_ids"]
        asked = len(tokenizer(question)["input_ids"])
        one = {copy}
{mask}
        ids.append(whole)
        labels.append(one)
    return {{"input_ids": ids, "labels": labels}}


rows = rows.map(encode, batched=True, remove_columns=rows.column_names)
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer)).train()
"""


@pytest.mark.parametrize("copy", ["whole.copy()", "list(whole)"])
@pytest.mark.parametrize(
    ("mask", "verdict"),
    [("        for i in range(asked):\n            one[i] = -100", "pass"), ("        pass", "fail")],
)
def test_labels_that_a_loop_replaces_are_not_those_of_all_tokens(tmp_path, copy, mask, verdict):
    found, _ = items(tmp_path, MODEL + TOKENIZER + ROWS + MASKED.format(copy=copy, mask=mask))
    assert found["prompt/response-only-loss"] == verdict


TEXT = """\
def text(row):
    return {"text": "### Question:\\n" + row["question"] + "\\n### SQL:\\n" + row["sql"]}


"""
SFT = "SFTTrainer(model=model, {arguments}train_dataset=rows.map(text), args=SFTConfig(output_dir='out')).train()\n"


@pytest.mark.parametrize(
    ("arguments", "stated", "verdict"),
    [
        ("processing_class=tokenizer, ", "", "pass"),
        ("tokenizer=tokenizer, ", "", "fail"),  # the trl that is assumed refuses it: older ones append nothing
        ("tokenizer=tokenizer, ", "trl", "fail"),
        ("tokenizer=tokenizer, ", "trl==0.15.2", "fail"),
    ],
)
def test_a_script_that_a_version_refuses_is_judged_by_those_that_take_it(tmp_path, arguments, stated, verdict):
    script = MODEL + TOKENIZER + ROWS + TEXT + SFT.format(arguments=arguments)
    found, _ = items(tmp_path, script, requirements_txt=stated)
    assert found["prompt/eos"] == verdict


CLASSES = """\
model = {model}.from_pretrained("bert-base-chinese")
tokenizer = AutoTokenizer.from_pretrained("bert-base-chinese")
rows = rows.map(lambda batch: tokenizer(batch["sentence"], truncation=True), batched=True)
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("model", "verdict"),
    [("AutoModelForSequenceClassification", "not-applicable"), ("AutoModelForCausalLM", "fail")],
)
def test_a_classifier_has_no_prompt_to_mask(tmp_path, model, verdict):
    found, _ = items(tmp_path, ROWS + CLASSES.format(model=model))
    assert found["prompt/response-only-loss"].replace(" ", "-") == verdict


ADAPTED = (
    "SFTTrainer(model=model, peft_config={config}, train_dataset=rows, args=SFTConfig(output_dir='out')).train()\n"
)


@pytest.mark.parametrize(
    ("config", "adapter", "rank"),
    [
        ('PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=20)', "fail", "not applicable"),
        ('PeftConfig.from_pretrained("me/adapter")', "unknown", "unknown"),
        ("LoraConfig(r=8)", "pass", "fail"),
    ],
)
def test_the_rank_is_asked_of_adapters_that_have_one(tmp_path, config, adapter, rank):
    found, _ = items(tmp_path, MODEL + ROWS + ADAPTED.format(config=config))
    assert (found["lora/adapter"], found["lora/rank"].replace("-", " ").replace("_", " ")) == (adapter, rank)


LOGGED = """\
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32))
wandb.init(config={{"optimizer": "{optimizer}"}})
print(f"{line}")
SFTTrainer(model=model, train_dataset=rows, args=SFTConfig(output_dir="out", optim="{optim}")).train()
"""


@pytest.mark.parametrize(
    ("optimizer", "optim", "line", "verdict"),
    [
        ("AdamW_Torch", "adamw_torch", "", "pass"),
        ("sgd", "adamw_torch", "", "fail"),
        ("adamw_torch", "adamw_torch", "LoRA r/alpha: 16/32", "pass"),
        ("adamw_torch", "adamw_torch", "LoRA alpha: 16", "fail"),
    ],
)
def test_what_is_recorded_is_compared_as_it_is_meant(tmp_path, optimizer, optim, line, verdict):
    found, _ = items(tmp_path, MODEL + ROWS + LOGGED.format(optimizer=optimizer, optim=optim, line=line))
    assert found["project/tracked-config"] == verdict


PREFERENCES = "DPOTrainer(model=model, args=DPOConfig(output_dir='o'{precision}), train_dataset=rows).train()\n"


@pytest.mark.parametrize(("precision", "told"), [(", fp16=True", False), (", fp16=False", True), ("", True)])
def test_bf16_stays_off_beside_fp16_in_every_version(tmp_path, precision, told):
    script = MODEL + ROWS + PREFERENCES.format(precision=precision)
    items(tmp_path, script, requirements_txt="transformers>=4.36.0\ntrl>=0.15.2\n")
    changed = plan(str(tmp_path / "train.py")).plan.api["changed_defaults"].value
    assert ("bf16" in changed) is told


ANSWERS = """\
from unsloth import FastModel
from unsloth.chat_templates import train_on_responses_only

model, tokenizer = FastModel.from_pretrained("{model}")
model = FastModel.get_peft_model(model, r=16)


def text(row):
    turns = [{{"role": "user", "content": row["question"]}}, {{"role": "assistant", "content": row["sql"]}}]
    return {{"text": tokenizer.apply_chat_template(turns, tokenize=False)}}


trainer = SFTTrainer(model=model, tokenizer=tokenizer, train_dataset=rows.map(text), args=SFTConfig(output_dir="o"))
{masking}
trainer.train()
"""
CHATML = (
    "trainer = train_on_responses_only("
    'trainer, instruction_part="<|im_start|>user\\n", response_part="<|im_start|>assistant\\n")'
)
MASKING = 'trainer = train_on_responses_only(trainer, instruction_part="{0}user\\n", response_part="{0}model\\n")'


@pytest.mark.parametrize(
    ("model", "masking", "verdict"),
    [
        ("unsloth/gemma-4-E2B-it", MASKING.format("<|turn>"), "pass"),
        ("unsloth/gemma-4-E2B-it", MASKING.format("<start_of_turn>"), "fail"),
        ("unsloth/gemma-3-4b-it", MASKING.format("<start_of_turn>"), "pass"),
        ("unsloth/gemma-3-4b-it", "trainer.train_on_responses_only()", "unknown"),
        ("unsloth/Qwen3-1.7B", CHATML, "pass"),
        ("unsloth/Qwen3-1.7B", MASKING.format("<start_of_turn>"), "fail"),
        ("unsloth/DeepSeek-R1-Distill-Qwen-7B", CHATML, "unknown"),
    ],
)
def test_markers_are_those_that_the_model_writes_and_the_mask_gets(tmp_path, model, masking, verdict):
    found, _ = items(tmp_path, ROWS + ANSWERS.format(model=model, masking=masking))
    assert found["prompt/markers"] == verdict


WAITS = """\
def arguments():
    return SFTConfig(output_dir="out", max_seq_length=1024)


def trainer(model, rows, config):
    return SFTTrainer(model=model, train_dataset=rows, args=config)
"""
STARTS = 'trainer(AutoModelForCausalLM.from_pretrained("gpt2"), load_dataset("rows"), arguments()).train()\n'


@pytest.mark.parametrize(
    ("start", "stated", "told"),
    [
        ("", "trl>=0.9.0\nunsloth>=2026.7.6\n", False),
        ("", "trl>=0.9.0\n", True),
        (STARTS, "trl>=0.9.0\nunsloth\n", True),
    ],
)
def test_a_file_that_another_one_imports_may_get_the_classes_of_unsloth(tmp_path, start, stated, told):
    _, found = items(tmp_path, WAITS + start, requirements_txt=stated)
    assert any("max_seq_length" in one for one in found if one.startswith("api/removed-argument")) is told


@pytest.mark.parametrize(("stated", "name"), [("trl==0.12.2", "max_seq_length"), ("trl==0.19.1", "max_length")])
def test_what_to_use_instead_is_in_the_stated_version(tmp_path, stated, name):
    script = MODEL + ROWS + TEXT + SFT.format(arguments="max_seq_length=1024, ")
    items(tmp_path, script, requirements_txt=stated)
    (file,) = review([str(tmp_path / "train.py")], options=Options()).files
    assert any(f"SFTConfig({name}=…)" in finding.help for finding in file.findings)


ASKED = """\
def encode(row):
    return tokenizer(row["question"] + row["sql"], truncation=True, max_length=384)


Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows.map(encode)).train()
tokenizer("How many?", truncation=True, max_length={length}, return_tensors="pt")
"""


@pytest.mark.parametrize("length", [384, 3800])
def test_a_question_asked_after_training_is_no_training_row(tmp_path, length):
    items(tmp_path, MODEL + TOKENIZER + ROWS + ASKED.format(length=length))
    assert plan(str(tmp_path / "train.py")).plan.memory["sequence_length"].value == 384


@pytest.mark.parametrize(("stated", "told"), [("transformers>=5.0", False), ("transformers>=5.0\ntrl>=0.20", True)])
def test_checkpointing_that_is_off_by_either_name_has_not_changed(tmp_path, stated, told):
    trainer = "SFTTrainer(model=model, args=SFTConfig('o'), train_dataset=rows)\n"
    if not told:
        trainer = "Trainer(model=model, args=TrainingArguments('o'), train_dataset=rows)\n"
    items(tmp_path, MODEL + ROWS + trainer, requirements_txt=stated)
    changed = plan(str(tmp_path / "train.py")).plan.api["changed_defaults"].value
    assert ("gradient_checkpointing" in changed) is told


def test_the_prompts_of_grpo_are_not_the_length_of_its_rows(tmp_path):
    code = "from trl import GRPOConfig, GRPOTrainer\n" + MODEL + TOKENIZER + ROWS
    code += "rows = rows.map(lambda row: tokenizer(row['question'], truncation=True, max_length=256))\n"
    code += "GRPOTrainer(model=model, args=GRPOConfig('out'), train_dataset=rows, reward_funcs=len).train()\n"
    assert items(tmp_path, code)[0]["memory/sequence-length"] in ("not-applicable", "unknown")


PADDED = """\
class Weighted(Trainer):
    def {method}(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        seen = inputs["attention_mask"]
        return (model(**inputs).logits.sum(-1) * seen).mean()


def encode(row):
    made = tokenizer(row["question"] + row["sql"], padding="max_length", truncation=True, max_length=384)
    made["labels"] = made["input_ids"].copy()
    return made


Weighted(model=model, args=TrainingArguments("out"), train_dataset=rows.map(encode)).train()
"""


@pytest.mark.parametrize(("method", "verdict"), [("compute_loss", "pass"), ("prediction_step", "fail")])
def test_a_loss_of_the_scripts_own_may_leave_padding_out(tmp_path, method, verdict):
    found, _ = items(tmp_path, MODEL + TOKENIZER + ROWS + PADDED.format(method=method))
    assert found["prompt/labels"] == verdict


# -- read on forty public scripts that nobody had looked at --------------------------------------------------------

ENDED = """\
def encode(row):
    text = f"### Question: {{row['question']}}\\n### SQL: {{row['sql']}}{end}"
    return {{"text": text}}


SFTTrainer(model=model, args=SFTConfig("out"), processing_class=tokenizer, train_dataset=rows.map(encode)).train()
"""
OWN = """\
import unsloth
model = AutoModelForCausalLM.from_pretrained("{name}")
tokenizer = AutoTokenizer.from_pretrained("{name}")
"""


@pytest.mark.parametrize(
    ("name", "end", "verdict"),
    [
        ("./model_save/pre", "[EOS]", "unknown"),
        ("./model_save/pre", "<|eoa|>", "unknown"),
        ("./model_save/pre", "[/SQL]", "fail"),
        ("meta-llama/Llama-3.2-3B", "[EOS]", "fail"),
    ],
)
def test_an_end_mark_may_be_the_eos_token_of_a_tokenizer_of_ones_own(tmp_path, name, end, verdict):
    found, _ = items(tmp_path, OWN.format(name=name) + ROWS + ENDED.format(end=end))
    assert found["prompt/eos"] == verdict


@pytest.mark.parametrize(("key", "verdict"), [("additional_special_tokens", "unknown"), ("", "fail")])
def test_generation_may_stop_at_a_token_that_the_script_adds(tmp_path, key, verdict):
    added = f'tokenizer.add_special_tokens({{"{key}": ["### End", "### SQL:"]}})\n' if key else ""
    found, _ = items(
        tmp_path, "import unsloth\n" + MODEL + TOKENIZER + added + ROWS + ENDED.format(end="\\n\\n### End")
    )
    assert found["prompt/eos"] == verdict


LAST_ID = """\
def encode(row):
    asked = tokenizer(row["question"], add_special_tokens=False)["input_ids"]
    answer = tokenizer(row["sql"], add_special_tokens=False)["input_ids"]
    return {{"input_ids": asked + answer{last}, "labels": [-100] * len(asked) + answer{last}}}


rows = rows.map(encode, remove_columns=["question", "sql"])
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer)).train()
"""


@pytest.mark.parametrize(
    ("before", "last", "verdict"),
    [
        ("", " + [tokenizer.pad_token_id]", "unknown"),
        ("tokenizer.pad_token = tokenizer.eos_token\n", " + [tokenizer.pad_token_id]", "pass"),
        ("if tokenizer.pad_token is None:\n    tokenizer.pad_token = tokenizer.eos_token\n",
         " + [tokenizer.pad_token_id]", "unknown"),
        ("", " + [tokenizer.eos_token_id]", "pass"),
        ("tokenizer.eos_token_id = 2\n", " + [tokenizer.eos_token_id]", "pass"),
        ("", " + [198]", "unknown"),
        ("", "", "fail"),
    ],
)  # fmt: skip
def test_the_id_put_after_the_text_decides_how_it_ends(tmp_path, before, last, verdict):
    found, _ = items(tmp_path, MODEL + TOKENIZER + before + ROWS + LAST_ID.format(last=last))
    assert found["prompt/eos"] == verdict


PADDED_BY = """\
from transformers import DataCollatorForLanguageModeling
{before}
rows = rows.map(lambda row: tokenizer(row["question"] + row["sql"] + tokenizer.eos_token), remove_columns=["sql"])
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False)).train()
{after}
"""
AGAIN = TOKENIZER + "tokenizer.pad_token = tokenizer.eos_token\n"


@pytest.mark.parametrize(("before", "after", "fails"), [("", AGAIN, False), (AGAIN, "", True), (AGAIN, AGAIN, True)])
def test_a_tokenizer_loaded_after_training_does_not_pad_the_rows(tmp_path, before, after, fails):
    code = MODEL + TOKENIZER + ROWS + PADDED_BY.format(before=before, after=after)
    verdicts, found = items(tmp_path, code)
    assert (verdicts["prompt/padding"] == "fail") is fails
    lines = (tmp_path / "train.py").read_text().splitlines()
    assert all(review_line(tmp_path) <= lines.index(next(x for x in lines if ".train()" in x)) for _ in found if fails)


def review_line(folder: Path) -> int:
    (file,) = review([str(folder / "train.py")], options=Options()).files
    return next(f.location.row for f in file.findings if f.rule == "prompt/padding")


def test_add_eos_token_after_training_does_not_end_the_rows(tmp_path):
    end = 'tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.2-3B", add_eos_token=True)\n'
    script = "import unsloth\n" + MODEL + TOKENIZER + ROWS + ENDED.format(end="")
    assert items(tmp_path, script + end)[0]["prompt/eos"] == "fail"
    assert items(tmp_path, script.replace(TOKENIZER, end))[0]["prompt/eos"] == "pass"


MASKED_ELSEWHERE = """\
import transformers
IGNORE = {ignored}


def preprocess(sources, tokenizer):
    ids = tokenizer(sources, return_tensors="pt", padding="max_length", max_length=512, truncation=True).input_ids
    targets = ids.clone()
    for source, target in zip(sources, targets):
        target[len(source):] = {ignored}
    return dict(input_ids=ids, labels=targets)
"""
FROM_ELSEWHERE = """\
from torch.utils.data import Dataset
from rows import preprocess


class Rows(Dataset):
    def __init__(self, rows):
        made = preprocess([row["sql"] for row in rows], tokenizer)
        self.ids, self.labels = made["input_ids"], made["labels"]

    def __getitem__(self, i):
        return dict(input_ids=self.ids[i], labels=self.labels[i])


Trainer(model=model, args=TrainingArguments("out"), train_dataset=Rows(rows)).train()
"""


@pytest.mark.parametrize(("ignored", "fails"), [("-100", False), ("7", True)])
def test_labels_may_be_masked_in_another_file(tmp_path, ignored, fails):
    files = {"rows.py": MASKED_ELSEWHERE.format(ignored=ignored)}
    _, found = items(tmp_path, MODEL + TOKENIZER + ROWS + FROM_ELSEWHERE, **files)
    assert any(one.startswith("prompt/labels") for one in found) is fails


SAVES = """\
# torchrun --nproc_per_node=2 train.py
def save(model, folder):
    inner = model.module if hasattr(model, "module") else model
    inner.save_pretrained(folder)


trainer = Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows)
trainer.train()
if {test}:
    save(model, "out/last")
"""


@pytest.mark.parametrize(("test", "fails"), [("trainer.is_world_process_zero()", False), ("len(rows) > 1", True)])
def test_the_caller_may_ask_for_the_rank(tmp_path, test, fails):
    _, found = items(tmp_path, MODEL + ROWS + SAVES.format(test=test))
    assert any(one.startswith("project/unguarded-write") for one in found) is fails


RESUMED = """\
import os, time
from transformers.trainer_utils import get_last_checkpoint
job = {job}
out = os.path.join("runs", f"job_{{job}}")
trainer = Trainer(model=model, args=TrainingArguments(out), train_dataset=rows)
last = get_last_checkpoint(out) if os.path.isdir(out) else None
trainer.train(resume_from_checkpoint=last)
"""


@pytest.mark.parametrize(
    ("job", "fails"),
    [('os.environ.get("SLURM_JOB_ID", f"local_{int(time.time())}")', False), ('f"local_{int(time.time())}"', True)],
)
def test_the_environment_may_name_the_run_again(tmp_path, job, fails):
    _, found = items(tmp_path, MODEL + ROWS + RESUMED.format(job=job))
    assert any(one.startswith("checkpointing/resumed-run") for one in found) is fails


@pytest.mark.parametrize(("recorded", "fails"), [(128, False), (48, True), (16, True)])
def test_a_recorded_batch_may_be_that_of_several_processes(tmp_path, recorded, fails):
    code = f'wandb.init(config={{"effective_batch_size": {recorded}}})\n'
    code += 'args = TrainingArguments("out", per_device_train_batch_size=8, gradient_accumulation_steps=4)\n'
    code += "Trainer(model=model, args=args, train_dataset=rows).train()\n"
    _, found = items(tmp_path, MODEL + ROWS + code)
    assert any(one.startswith("project/tracked-config") for one in found) is fails


@pytest.mark.parametrize(
    ("cut", "said"), [("truncation=True, max_length=1024", "the tokenizer cuts"), ("", "nothing truncates")]
)
def test_what_becomes_of_a_long_row_is_said_as_it_is(tmp_path, cut, said):
    code = "rows = rows.map(lambda row: tokenizer(f\"Schema: {row['schema']} Question: {row['question']} "
    code += "SQL: {row['sql']}\", "
    code += f"{cut}), remove_columns=rows.column_names)\n"
    code += 'Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows).train()\n'
    _, found = items(tmp_path, MODEL + TOKENIZER + ROWS + code)
    assert any(one.startswith("dataset/schema-truncation") and said in one for one in found)


PARTS = """\
def encode(row):
    asked = tokenizer(row["question"], truncation=True, max_length=1024)["input_ids"]
    answer = tokenizer({second}, truncation=True, max_length=2048)["input_ids"]
    return {{"input_ids": {ids} + [tokenizer.eos_token_id], "labels": [-100] * len(asked) + answer[len(asked) :]}}


rows = rows.map(encode, remove_columns=["question", "sql"])
Trainer(model=model, args=TrainingArguments("out"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("second", "ids", "verdict"),
    [('row["sql"]', "asked + answer", "unknown"), ('row["question"] + row["sql"]', "answer", "pass")],
)
def test_parts_that_are_truncated_separately_have_no_known_length_together(tmp_path, second, ids, verdict):
    found, _ = items(tmp_path, MODEL + TOKENIZER + ROWS + PARTS.format(second=second, ids=ids))
    assert found["memory/sequence-length"] == verdict


SCHEMA = """\
def text(row):
    return {{"text": "Schema:\\n" + row["schema"] + "\\nQuestion:\\n" + row["question"] + "\\nSQL:\\n" + row["sql"]}}


args = {config}
SFTTrainer(model=model, args=args, train_dataset=rows.map(text){more}).train()
"""


@pytest.mark.parametrize(
    ("stated", "config", "more", "fate"),
    [
        ("trl==0.9.6", "TrainingArguments('out')", ", packing=True, dataset_text_field='text'", "continues"),
        ("trl==0.12.2", "SFTConfig('out', packing=True)", "", "continues"),
        ("trl", "TrainingArguments('out')", ", packing=True, dataset_text_field='text'", "continues"),
        ("trl", "SFTConfig('out', packing=True)", "", "cuts off its end"),
        ("trl==1.9.2", "SFTConfig('out', packing=True, packing_strategy='wrapped')", "", "continues"),
        ("trl==1.9.2", "SFTConfig('out', packing=True)", "", "cuts off its end"),
        ("trl==0.9.6", "TrainingArguments('out')", ", dataset_text_field='text'", "cuts off its end"),
    ],
)
def test_packing_that_joins_all_rows_cuts_none_off(tmp_path, stated, config, more, fate):
    _, found = items(tmp_path, MODEL + ROWS + SCHEMA.format(config=config, more=more), requirements_txt=stated)
    (told,) = [message for message in found if message.startswith("dataset/schema-truncation")]
    assert fate in told


@pytest.mark.parametrize(
    ("kept", "fate"),
    [
        ('len(row["text"]) <= 4000', "may drop a row that is too long"),
        ('row["sql"] != ""', "cuts off its end"),
    ],
)
def test_a_filter_by_length_drops_rows_that_are_too_long(tmp_path, kept, fate):
    script = SCHEMA.replace("rows.map(text)", f"rows.map(text).filter(lambda row: {kept})")
    _, found = items(tmp_path, MODEL + ROWS + script.format(config="SFTConfig('out')", more=""))
    (told,) = [message for message in found if message.startswith("dataset/schema-truncation")]
    assert fate in told


UNSEEN = """\
from unsloth import FastLanguageModel, UnslothTrainer, UnslothTrainingArguments

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen3-4B-Base", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, target_modules=["q_proj", "v_proj"{modules}])
rows = load_dataset({data}, split="train")
args = UnslothTrainingArguments("out", dataset_text_field="text"{rate})
UnslothTrainer(model=model, tokenizer=tokenizer, train_dataset=rows, args=args).train()
"""


@pytest.mark.parametrize(
    ("modules", "data", "rate", "verdict"),
    [
        ("", '"json", data_files="sft.jsonl"', "", "fail"),
        ("", '"tatsu-lab/alpaca"', "", "fail"),
        (', "lm_head"', '"json", data_files="sft.jsonl"', "", "fail"),
        (', "lm_head", "embed_tokens"', '"json", data_files="corpus.jsonl"', "", "unknown"),
        ("", '"json", data_files="corpus.jsonl"', ", embedding_learning_rate=1e-5", "unknown"),
        ("", '"allenai/c4", "hi"', "", "unknown"),
        ("", '"wikimedia/wikipedia", "20231101.hi"', "", "unknown"),
    ],
)
def test_the_plain_text_of_continued_pretraining_has_no_prompt_to_mask(tmp_path, modules, data, rate, verdict):
    found, _ = items(tmp_path, UNSEEN.format(modules=modules, data=data, rate=rate))
    assert found["prompt/response-only-loss"] == verdict


NAMED = """\
import json
from transformers import DataCollatorForLanguageModeling

settings = json.load(open("{name}"))
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen3-4B-Base")
tokens = rows.map(lambda row: tokenizer({text}), remove_columns=rows.column_names)
args = TrainingArguments("{out}", learning_rate=settings["rate"])
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
Trainer(model=model, args=args, train_dataset=tokens, data_collator=collator).train()
"""


@pytest.mark.parametrize(
    ("name", "out", "text", "verdict"),
    [
        ("cpt_config.json", "out", 'row["text"]', "unknown"),
        ("settings.json", "runs/continued-pretraining", 'row["text"]', "unknown"),
        ("settings.json", "out", 'row["text"]', "fail"),
        ("pretrained.json", "runs/pretrained", 'row["text"]', "fail"),
        ("settings.json", "out", 'row["target"]', "unknown"),  # an answer alone has no prompt
        ("settings.json", "out", 'row["source"] + row["target"]', "fail"),
        ("cpt_config.json", "out", '"### Question: " + row["q"] + row["sql"]', "fail"),
    ],
)
def test_names_of_settings_and_output_suggest_continued_pretraining(tmp_path, name, out, text, verdict):
    (tmp_path / name).write_text('{"rate": 1e-5}')
    found, _ = items(tmp_path, MODEL + ROWS + NAMED.format(name=name, out=out, text=text))
    assert found["prompt/response-only-loss"] == verdict


MERGED = """\
from transformers import BitsAndBytesConfig

folder = f"models/{{os.environ['NAME']}}"
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.2-3B"{quantized})
trainer = SFTTrainer(model=model, args=SFTConfig("out"), train_dataset=rows, peft_config=LoraConfig(r=16))
trainer.train()
{save}
"""
FOUR_BIT = ", quantization_config=BitsAndBytesConfig(load_in_4bit=True)"


@pytest.mark.parametrize(
    ("quantized", "save", "verdict"),
    [
        (FOUR_BIT, "trainer.model.merge_and_unload().save_pretrained(folder)", "fail"),
        ("", "trainer.model.merge_and_unload().save_pretrained(folder)", "pass"),
        (FOUR_BIT, "trainer.save_model(folder)", "pass"),
        (FOUR_BIT, "print(folder)", "not-applicable"),
    ],
)
def test_a_model_saved_where_only_the_run_knows_is_saved(tmp_path, quantized, save, verdict):
    found, _ = items(tmp_path, "import os\n" + ROWS + MERGED.format(quantized=quantized, save=save))
    assert found["artifact/quantized-merge"] == verdict


@pytest.mark.parametrize(
    ("length", "said"),
    [("A + B", ", computed from A = 400 (train.py:"), ("A", ", from A = 400 (train.py:"), ("B", ", from B = 1e2 (")],
)
def test_a_message_tells_a_number_from_what_it_is_computed_from(tmp_path, length, said):
    code = f"A = 400\nB = 1e2\nSFTTrainer(model=model, args=SFTConfig('out', max_length={length})).train()\n"
    _, found = items(tmp_path, MODEL + code)
    (told,) = [message for message in found if message.startswith("memory/sequence-length")]
    assert said in told


@pytest.mark.parametrize(
    ("given", "said"),
    [("a.r", "begins at step 0 again (default of --r; the command line may override it)"), ("None", "step 0 again")],
)
def test_a_message_of_the_rules_own_says_what_may_override_a_default(tmp_path, given, said):
    code = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--r')\na = p.parse_args()\n"
    code += f"SFTTrainer(model=model, args=SFTConfig('out')).train(resume_from_checkpoint={given})\n"
    _, found = items(tmp_path, MODEL + code)
    (told,) = [message for message in found if message.startswith("checkpointing/resume")]
    assert told.endswith(said)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("SFTConfig('out')", "GPU: SFTConfig enables it unless fp16 is set, and a T4"),
        ("SFTConfig('out', bf16=True)", "GPU: a T4"),
    ],
)
def test_a_precision_that_nobody_sets_is_said_to_be_the_librarys(tmp_path, config, said):
    _, found = items(tmp_path, MODEL + f"SFTTrainer(model=model, args={config}).train()\n")
    (told,) = [message for message in found if message.startswith("arguments/mixed-precision")]
    assert said in told


@pytest.mark.parametrize(
    ("given", "note"), [("False", "no (by prepare"), ("True", "yes (plain checkpointing, by prep")]
)
def test_checkpointing_that_is_off_is_not_called_plain(tmp_path, given, note):
    code = (
        "from peft import prepare_model_for_kbit_training\nfrom transformers import BitsAndBytesConfig\n"
        + MODEL.replace(")\n", ", quantization_config=BitsAndBytesConfig(load_in_4bit=True))\n")
    )
    code += f"model = prepare_model_for_kbit_training(model, use_gradient_checkpointing={given})\n"
    code += "model = get_peft_model(model, LoraConfig(r=16))\n"
    code += "SFTTrainer(model=model, args=SFTConfig('out', gradient_checkpointing=False)).train()\n"
    _, found = items(tmp_path, code)
    (told,) = [message for message in found if message.startswith("lora/gradient-checkpointing")]
    assert note in told


@pytest.mark.parametrize(
    ("test", "arguments", "note", "certainty"),
    [
        ("True", ", gradient_checkpointing=False", "yes (plain checkpointing, by prep", "certain"),
        ("args.bits4", ", gradient_checkpointing=False", "yes (default of --bits4", "default"),
        ("quantizes()", ", gradient_checkpointing=False", "True or False, depending on", "branch"),
        ("quantizes()", "", "yes (unless an older trl is installed) (plain checkpointing, by default", "default"),
        ("quantizes()", ", gradient_checkpointing=True", "yes (plain checkpointing, by the training", "certain"),
    ],
)
def test_checkpointing_of_one_branch_is_not_that_of_every_run(tmp_path, test, arguments, note, certainty):
    code = (
        "import argparse\nfrom peft import prepare_model_for_kbit_training\nfrom elsewhere import quantizes\n"
        'parser = argparse.ArgumentParser()\nparser.add_argument("--bits4", type=int, default=1)\n'
        "args = parser.parse_args()\nfrom transformers import BitsAndBytesConfig\n"
        + MODEL.replace(")\n", ", quantization_config=BitsAndBytesConfig(load_in_4bit=True))\n")
    )
    code += f"if {test}:\n    model = prepare_model_for_kbit_training(model)\n"
    code += "model = get_peft_model(model, LoraConfig(r=16))\n"
    code += f"SFTTrainer(model=model, args=SFTConfig('out'{arguments})).train()\n"
    (told,) = told_of(tmp_path, code, "lora/gradient-checkpointing")
    assert note in told.message and told.certainty == certainty


@pytest.mark.parametrize(("test", "certainty"), [("not args.data", "default"), ("True", "certain")])
def test_datasets_that_an_option_replaces_are_concatenated_by_default(tmp_path, test, certainty):
    code = (
        "import argparse\nfrom datasets import concatenate_datasets\nparser = argparse.ArgumentParser()\n"
        'parser.add_argument("--data")\nargs = parser.parse_args()\n' + ROWS
    )
    code += "more = load_dataset('json', data_files='b.jsonl', split='train')\n"
    code += f"if {test}:\n    rows = concatenate_datasets([rows, more])\n"
    code += MODEL + "SFTTrainer(model, train_dataset=rows).train()\n"
    (told,) = told_of(tmp_path, code, "dataset/weighted-sampling")
    assert "are concatenated" in told.message and told.certainty == certainty


@pytest.mark.parametrize(
    ("collator", "verdict"),
    [("", "unknown"), (", data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False)", "fail")],
)
def test_padding_is_not_in_the_loss_of_a_collator_that_makes_the_labels_again(tmp_path, collator, verdict):
    """Rows that are filled up with the EOS token end with it, where their labels are the ids."""
    code = "from transformers import DataCollatorForLanguageModeling\n" + TOKENIZER + "def cut(row):\n"
    code += "    text = 'Question: ' + row['question'] + ' SQL: ' + row['sql'] + '\\n'\n"
    code += "    made = tokenizer(text, padding='max_length', truncation=True, max_length=512)\n"
    code += "    made['labels'] = made['input_ids'].copy()\n    return made\n" + ROWS + MODEL
    code += f"Trainer(model, args=TrainingArguments('o'), train_dataset=rows.map(cut){collator}).train()\n"
    assert items(tmp_path, code)[0]["prompt/eos"] == verdict


def told_of(folder: Path, code: str, rule: str) -> list[Finding]:
    """The findings of one rule."""
    items(folder, code)
    (file,) = review([str(folder / "train.py")], options=Options()).files
    return [found for found in file.findings if found.rule == rule]
