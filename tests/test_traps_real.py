"""What the rules say of silent traps is what the libraries do: every case is a whole script that is judged, and run.

Nothing raises in these scripts, so what is compared is the trainer's first batch: how many labels are masked, how many
BOS and EOS tokens a row has, how many rows are left. Models and tokenizers are tiny and random, made for the test; the
names of their folders tell the reviewer the family, as the real names would.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable

import pytest

from nl2sql_review.judgement.judge import judge
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer

from .real import outcome

WORLD = r"""
import contextlib, io, json, os, sys
os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TRANSFORMERS_VERBOSITY="error")
os.environ.update(HF_DATASETS_DISABLE_PROGRESS_BARS="1")
from importlib.metadata import version
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
SCHEMA = "CREATE TABLE singer (id int, name text) " * 60
ROW = {"question": "How many singers?", "sql": "SELECT count(*) FROM singer", "schema": SCHEMA}
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
LLAMA_TURN = "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}<|eot_id|>"
LLAMA = "{{ bos_token }}{% for m in messages %}" + LLAMA_TURN + "{% endfor %}"
def publish(name, special, bos, eos, pad, template=None):
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    texts = [" ".join(ROW.values())] * 3 + ["Question: x\nSQL: SELECT 1"] * 5
    given = dict(special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    inner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=400, **given))
    if bos:
        marks = [(bos, inner.token_to_id(bos))]
        inner.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=marks)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=bos, eos_token=eos, pad_token=pad)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(name)
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1)
    sizes |= dict(num_attention_heads=2, num_key_value_heads=2)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **ids)).save_pretrained(name)
publish("codellama-7b", ["<unk>", "<s>", "</s>", "<pad>"], "<s>", "</s>", "<pad>")
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
publish("qwen2.5-7b-instruct", special, None, "<|im_end|>", "<|endoftext|>", CHATML)
special = ["<|begin_of_text|>", "<|eot_id|>", "<pad>", "<|start_header_id|>", "<|end_header_id|>"]
publish("llama-3.1-8b-instruct", special, "<|begin_of_text|>", "<|eot_id|>", "<pad>", LLAMA)
with open("train.jsonl", "w") as file:
    file.writelines(json.dumps(ROW) + "\n" for _ in range(8))
with open("other.jsonl", "w") as file:
    other = {"sql_prompt": ROW["question"], "sql": ROW["sql"], "schema": ROW["schema"]}
    file.writelines(json.dumps(other) + "\n" for _ in range(8))

def look(scope):
    trainer, tokenizer = scope["trainer"], scope["tokenizer"]
    seen = {"rows": len(trainer.train_dataset), "length": getattr(trainer.args, "max_length", None)}
    layers = [m for m in trainer.model.modules() if type(m).__module__.startswith("peft.tuners.lora")]
    seen["adapted"] = sum(hasattr(m, "lora_A") for m in layers)
    try:
        batch = next(iter(trainer.get_train_dataloader()))
    except ValueError as error:
        return {**seen, "error": str(error)}
    ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
    bos = tokenizer.bos_token_id
    seen |= {"bos": ids.count(bos) if bos is not None else 0, "masked": labels.count(-100)}
    seen["before"] = tokenizer.decode([i for i, label in zip(ids, labels) if label == -100])
    seen |= {"eos": labels.count(tokenizer.eos_token_id), "text": tokenizer.decode(ids), "tokens": len(ids)}
    return seen

out = {"versions": {n: version(n) for n in ("trl", "transformers", "peft")}, "seen": {}}
for name, code in json.load(sys.stdin).items():
    with contextlib.redirect_stdout(io.StringIO()):
        first, again = {}, {}
        try:
            exec(code, first)
        except Exception as error:
            out["seen"][name] = {"raised": f"{type(error).__name__}: {str(error)[:200]}"}
            continue
        out["seen"][name] = look(first)
        if "mixed" in first:
            exec(code, again)
            out["seen"][name]["again"] = first["mixed"]["n"][:] == again["mixed"]["n"][:]
print("\nOUTCOME " + json.dumps(out))
"""

HEAD = """\
from datasets import interleave_datasets, load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer
MODEL = "{model}"
model = AutoModelForCausalLM.from_pretrained(MODEL)
tokenizer = AutoTokenizer.from_pretrained(MODEL)
{extra}
def to_row(row):
    messages = [{{"role": "user", "content": row["question"]}}, {{"role": "assistant", "content": row["sql"]}}]
    return {row}
dataset = load_dataset("json", data_files="train.jsonl", split="train").map(to_row)
args = {config}(output_dir="run", use_cpu=True, bf16=False, report_to="none", per_device_train_batch_size=2{given})
trainer = SFTTrainer(model=model, args=args, train_dataset=dataset, processing_class=tokenizer{handed})
"""


def script(
    row: str, model: str = "codellama-7b", extra: str = "", config: str = "SFTConfig", given: str = "", handed: str = ""
) -> str:
    return HEAD.format(
        row=row, model=model, extra=extra, config=config, given=given and f", {given}", handed=handed and f", {handed}"
    )


@dataclass(frozen=True)
class Case:
    """A script, the rule it is about, and how the trap shows in what the trainer was seen to do."""

    rule: str
    sprung: Callable[[dict], bool]
    code: str


TEXT = '{"text": "Question: " + row["question"] + "\\nSQL: " + row["sql"]'
CHAT = '{"text": tokenizer.apply_chat_template(messages, tokenize=False)}'
PAIR = '{"prompt": "Question: " + row["question"] + "\\nSQL:%s", "completion": row["sql"] + tokenizer.eos_token}'
LONG = (
    '{"text": "Schema: " + row["schema"]%s + "\\nQuestion: " + row["question"] + "\\n### Response:\\n" + row["sql"] + '
    "tokenizer.eos_token}"
)
PADS = "tokenizer.pad_token = tokenizer.eos_token"
HIDES = "data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False)"
MIX = """\
rows = load_dataset("json", data_files="train.jsonl", split="train")
spider = rows.map(lambda row, i: {{"text": row["question"], "n": i}}, with_indices=True)
gretel = rows.map(lambda row, i: {{"text": row["question"], "n": 100 + i}}, with_indices=True)
mixed = interleave_datasets([spider, gretel], probabilities=[0.5, 0.5]{seed})
"""
LATE = """\
def read(row):
    return {{"text": "Question: " + str({read}) + " SQL: " + str(row.get("sql") or row.get("query"))}}
one = load_dataset("json", data_files="train.jsonl", split="train")
two = load_dataset("json", data_files="other.jsonl", split="train")
both = interleave_datasets([two, one], probabilities=[0.99, 0.01], seed=1).map(read)
"""
LORA = (
    'peft_config=LoraConfig(r=4, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", '
    '"down_proj"%s], task_type="CAUSAL_LM")'
)


def whole(code: str, dataset: str) -> str:
    """A script whose trainer gets another dataset than the rows of one file."""
    return (
        script(TEXT + "}")
        .replace("dataset = load_dataset", code + "dataset = load_dataset", 1)
        .replace("train_dataset=dataset", f"train_dataset={dataset}")
    )


CASES = {
    # which tokens the loss is computed on
    "completion_only_loss on a text": Case(
        "prompt/response-only-loss", lambda s: s["masked"] == 0, script(TEXT + "}", given="completion_only_loss=True")
    ),
    "prompt and completion": Case(
        "prompt/response-only-loss", lambda s: s["masked"] == 0, script(PAIR % "\\n", given="completion_only_loss=True")
    ),
    "completion_only_loss off": Case(
        "prompt/response-only-loss",
        lambda s: s["masked"] == 0,
        script(PAIR % "\\n", given="completion_only_loss=False"),
    ),
    # the length
    "TrainingArguments": Case(
        "api/wrong-class", lambda s: s["length"] == 1024, script(TEXT + "}", config="TrainingArguments")
    ),
    "SFTConfig with its length": Case(
        "api/wrong-class", lambda s: s["length"] == 1024, script(TEXT + "}", given="max_length=2048")
    ),
    # the EOS token
    "no EOS token": Case("prompt/eos", lambda s: s["eos"] != 1, script(TEXT + "}")),
    "one EOS token": Case("prompt/eos", lambda s: s["eos"] != 1, script(TEXT + " + tokenizer.eos_token}")),
    "a line feed behind it": Case(
        "prompt/eos",
        lambda s: s["eos"] != 1 or not s["text"].endswith("</s>"),
        script(TEXT + ' + tokenizer.eos_token + "\\n"}'),
    ),
    "two of them": Case(
        "prompt/eos", lambda s: s["eos"] != 1, script(TEXT + " + tokenizer.eos_token + tokenizer.eos_token}")
    ),
    "the literal of another family": Case("prompt/eos", lambda s: s["eos"] != 1, script(TEXT + ' + "<|im_end|>"}')),
    "a text in another column": Case(
        "prompt/eos",
        lambda s: s["eos"] != 1,
        script(TEXT.replace('"text"', '"sample"') + "}", given='dataset_text_field="sample"'),
    ),
    "EOS in a pair": Case("prompt/eos", lambda s: s["eos"] != 1, script(PAIR % "\\n")),
    "cut by characters": Case(
        "prompt/eos",
        lambda s: "SELECT count" not in s["text"],
        script('{"text": ("Question: " + row["question"] + "\\nSQL: " + row["sql"] + tokenizer.eos_token)[:30]}'),
    ),
    "a chat as a text": Case("prompt/second-eos", lambda s: s["eos"] == 3, script(CHAT, "qwen2.5-7b-instruct")),
    "a chat as a text, stripped": Case(
        "prompt/second-eos",
        lambda s: s["eos"] == 3,
        script(CHAT.replace("=False)", "=False).rstrip()"), "qwen2.5-7b-instruct"),
    ),
    "a chat as messages": Case(
        "prompt/second-eos", lambda s: s["eos"] == 3, script('{"messages": messages}', "qwen2.5-7b-instruct")
    ),
    "a chat of Llama": Case("prompt/second-eos", lambda s: s["eos"] == 3, script(CHAT, "llama-3.1-8b-instruct")),
    "a written turn": Case(
        "prompt/second-eos",
        lambda s: s["eos"] == 2,
        script(
            '{"text": "Question: " + row["question"] + "\\n### SQL:\\n" + row["sql"] + "<|im_end|>\\n"}',
            "qwen2.5-7b-instruct",
        ),
    ),
    # padding
    "EOS pads, collator of transformers": Case(
        "prompt/padding", lambda s: s["eos"] == 0, script(TEXT + " + tokenizer.eos_token}", extra=PADS, handed=HIDES)
    ),
    "EOS pads, collator of TRL": Case(
        "prompt/padding", lambda s: s["eos"] == 0, script(TEXT + " + tokenizer.eos_token}", extra=PADS)
    ),
    "its own token pads": Case(
        "prompt/padding",
        lambda s: s["eos"] == 0,
        script(TEXT + " + tokenizer.eos_token}", extra='tokenizer.pad_token = "<pad>"', handed=HIDES),
    ),
    # the BOS token
    "BOS in the text": Case(
        "prompt/bos",
        lambda s: s["bos"] == 2,
        script(TEXT.replace('"Question: "', 'tokenizer.bos_token + "Question: "') + "}"),
    ),
    "BOS as a literal": Case(
        "prompt/bos", lambda s: s["bos"] == 2, script(TEXT.replace('"Question: "', '"<s>Question: "') + "}")
    ),
    "BOS after a line feed": Case(
        "prompt/bos",
        lambda s: s["bos"] == 2,
        script(TEXT.replace('"Question: "', '"\\n" + tokenizer.bos_token + "Question: "') + "}"),
    ),
    "BOS left to the tokenizer": Case("prompt/bos", lambda s: s["bos"] == 2, script(TEXT + "}")),
    "BOS of a template": Case("prompt/bos", lambda s: s["bos"] == 2, script(CHAT, "llama-3.1-8b-instruct")),
    "BOS of messages": Case(
        "prompt/bos", lambda s: s["bos"] == 2, script('{"messages": messages}', "llama-3.1-8b-instruct")
    ),
    "a template without BOS": Case("prompt/bos", lambda s: s["bos"] == 2, script(CHAT, "qwen2.5-7b-instruct")),
    # the boundary of prompt and completion
    "a space at the end": Case(
        "prompt/boundary", lambda s: not s["before"].endswith(("SQL: ", "SQL:\n")), script(PAIR % " ")
    ),
    "a line feed at the end": Case(
        "prompt/boundary", lambda s: not s["before"].endswith(("SQL: ", "SQL:\n")), script(PAIR % "\\n")
    ),
    # truncation
    "an uncut schema": Case(
        "dataset/schema-truncation", lambda s: s["eos"] == 0, script(LONG % "", given="max_length=256")
    ),
    "a cut schema": Case(
        "dataset/schema-truncation", lambda s: s["eos"] == 0, script(LONG % "[:200]", given="max_length=256")
    ),
    "a limit that fills the sequence": Case(
        "dataset/schema-truncation", lambda s: s["eos"] == 0, script(LONG % "[:1000]", given="max_length=64")
    ),
    "rows without an answer": Case(
        "dataset/schema-truncation",
        lambda s: s.get("eos", 0) == 0,  # since trl 1.9 no row is left, and no batch
        script(
            '{"prompt": "Schema: " + row["schema"] + "\\nQuestion: " + row["question"] + "\\n### Response:\\n", '
            '"completion": row["sql"]}',
            given="max_length=64",
        ),
    ),
    # the mix
    "no seed": Case("dataset/weighted-sampling", lambda s: not s["again"], whole(MIX.format(seed=""), "mixed")),
    "a seed": Case("dataset/weighted-sampling", lambda s: not s["again"], whole(MIX.format(seed=", seed=42"), "mixed")),
    "late fallback": Case(
        "dataset/field-fallbacks",
        lambda s: "None" in s["text"],
        whole(LATE.format(read='row.get("question", row.get("sql_prompt"))'), "both"),
    ),
    "late or": Case(
        "dataset/field-fallbacks",
        lambda s: "None" in s["text"],
        whole(LATE.format(read='row.get("question") or row.get("sql_prompt")'), "both"),
    ),
    # the adapter
    "all modules": Case("lora/target-modules", lambda s: s["adapted"] != 7, script(TEXT + "}", handed=LORA % "")),
    "a mistyped module": Case(
        "lora/target-modules",
        lambda s: s["adapted"] != 7,
        script(TEXT + "}", handed=(LORA % "").replace("up_proj", "up_porj")),
    ),
    "misplaced checkpointing": Case(
        "lora/gradient-checkpointing",
        lambda s: s["rows"] == 8,
        script(TEXT + "}", given='gradient_checkpointing="unsloth"'),
    ),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return outcome(WORLD, {name: case.code for name, case in CASES.items()}, tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("name", CASES)
def test_a_trap_springs_exactly_when_the_rule_says_so(ran, name):
    case, seen = CASES[name], ran["seen"][name]
    if "raised" in seen and os.environ.get("NL2SQL_TRAIN_PYTHON"):
        pytest.skip(f"the stack that NL2SQL_TRAIN_PYTHON names does not run it: {seen['raised']}")
    assert "raised" not in seen, seen
    settings = Settings(select=(case.rule,), ignore=("suppression",), versions=ran["versions"])
    reviewer = Reviewer(isolated=True)
    source, _, plans = reviewer.plans(case.code.encode(), "train.py", settings)
    report, faults = judge(source, plans, reviewer.rulebook(settings), settings)
    assert not faults, faults
    (item,) = report.checklist
    told = f"{item.verdict}: {item.evidence} {item.reason}; seen: {seen}"
    assert item.verdict != "unknown", told
    assert (item.verdict == "fail") == case.sprung(seen), told


def test_there_are_enough_of_both_kinds():
    assert len(CASES) >= 35 and len({case.rule for case in CASES.values()}) >= 12
