"""What the `api/*` rules claim to raise does raise, and what they pass goes through: with the libraries themselves.

Every case is a fragment that the reviewer judges by the versions that are installed, and that is then run. It needs an
interpreter with trl, transformers, peft and torch: this one, or the one that NL2SQL_TRAIN_PYTHON names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.judgement.judge import judge
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer

from . import real

IMPORTS = """\
import transformers, trl, peft
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Seq2SeqTrainingArguments, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer
cpu = dict(output_dir="run", use_cpu=True, bf16=False, report_to="none")
"""
# What stands for the model, the tokenizer and the data when a fragment is run.
STAND_INS = """\
import os, tempfile
os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TRANSFORMERS_VERBOSITY="error")
os.chdir(tempfile.mkdtemp())
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
def new_model():
    sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1)
    sizes |= dict(num_attention_heads=2, num_key_value_heads=2)
    return LlamaForCausalLM(LlamaConfig(vocab_size=64, **sizes))
def new_tokenizer():
    words = ["<unk>", "<s>", "</s>", "<pad>", "SELECT", "1"]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = dict(unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    return PreTrainedTokenizerFast(tokenizer_object=inner, **marks)
def new_dataset():
    return Dataset.from_dict({"text": ["SELECT 1"] * 8})
def new_pairs():
    return Dataset.from_dict({"prompt": ["SELECT "] * 8, "completion": ["1"] * 8})
new_model().save_pretrained("base")
new_tokenizer().save_pretrained("base")
"""
RUNNER = """\
import json, sys, traceback
from importlib.metadata import version
cases = json.load(sys.stdin)
print(end="", flush=True)
out = {"versions": {n: version(n) for n in ("trl", "transformers", "peft")}, "cases": {}}
shared = {}
if "unsloth" in cases["imports"]:
    import unsloth
exec(cases["stand_ins"], shared)
exec(cases["imports"], shared)
for name, code in cases["fragments"].items():
    scope = {**shared, **{name: shared[f"new_{name}"]() for name in ("model", "tokenizer", "dataset", "pairs")}}
    try:
        exec(code, scope)
        out["cases"][name] = ""
    except Exception as error:
        out["cases"][name] = f"{type(error).__name__}: {str(error)[:300]}"
print("\\nOUTCOME " + json.dumps(out))
"""

TRAINER = "SFTTrainer(model=model, args=SFTConfig(**cpu), train_dataset=dataset, processing_class=tokenizer"
CASES = {
    # the trainer of TRL
    "plain": f"{TRAINER})",
    "tokenizer": "SFTTrainer(model=model, args=SFTConfig(**cpu), train_dataset=dataset, tokenizer=tokenizer)",
    "responses only": f"{TRAINER}, train_on_responses_only=True)",
    "text field": f'{TRAINER}, dataset_text_field="text")',
    "length of trainer": f"{TRAINER}, max_seq_length=128)",
    "packing of trainer": f"{TRAINER}, packing=False)",
    "processes of trainer": f"{TRAINER}, dataset_num_proc=1)",
    "kwargs of trainer": f"{TRAINER}, dataset_kwargs=dict())",
    "noise of trainer": f"{TRAINER}, neftune_noise_alpha=5)",
    "infinite": f"{TRAINER}, infinite=True)",
    "learning rate of trainer": f"{TRAINER}, learning_rate=2e-4)",
    "formatting_func": f'{TRAINER}, formatting_func=lambda row: row["text"])',
    "peft_config": f'{TRAINER}, peft_config=LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"))',
    "callbacks": f"{TRAINER}, callbacks=[])",
    "plain arguments": (
        "SFTTrainer(model=model, args=TrainingArguments(**cpu), train_dataset=dataset, processing_class=tokenizer)"
    ),
    # its configuration
    "max_length": "SFTConfig(max_length=128, **cpu)",
    "max_seq_length": "SFTConfig(max_seq_length=128, **cpu)",
    "text field of config": 'SFTConfig(dataset_text_field="text", **cpu)',
    "packing": "SFTConfig(packing=False, **cpu)",
    "use_liger": "SFTConfig(use_liger=False, **cpu)",
    "use_liger_kernel": "SFTConfig(use_liger_kernel=False, **cpu)",
    "dataset_batch_size": "SFTConfig(dataset_batch_size=8, **cpu)",
    "num_of_sequences": "SFTConfig(num_of_sequences=8, **cpu)",
    "chars_per_token": "SFTConfig(chars_per_token=3.6, **cpu)",
    "completion_only_loss": "SFTConfig(completion_only_loss=True, **cpu)",
    "assistant_only_loss": "SFTConfig(assistant_only_loss=False, **cpu)",
    "responses only of config": "SFTConfig(train_on_responses_only=True, **cpu)",
    "typo in config": "SFTConfig(gradient_acumulation_steps=4, **cpu)",
    "peft_config of config": 'SFTConfig(peft_config=LoraConfig(r=4, target_modules=["q_proj"]), **cpu)',
    "warmup_ratio of config": "SFTConfig(warmup_ratio=0.03, **cpu)",
    "warmup share of config": "SFTConfig(warmup_steps=0.03, **cpu)",
    "two half precisions": "SFTConfig(**{**cpu, 'bf16': True, 'fp16': True})",
    # transformers
    "warmup_ratio": "TrainingArguments(warmup_ratio=0.03, **cpu)",
    "warmup_steps": "TrainingArguments(warmup_steps=100, **cpu)",
    "evaluation_strategy": 'TrainingArguments(evaluation_strategy="no", **cpu)',
    "eval_strategy": 'TrainingArguments(eval_strategy="no", **cpu)',
    "logging_dir": 'TrainingArguments(logging_dir="logs", **cpu)',
    "group_by_length": "TrainingArguments(group_by_length=True, **cpu)",
    "overwrite_output_dir": "TrainingArguments(overwrite_output_dir=True, **cpu)",
    "save_safetensors": "TrainingArguments(save_safetensors=True, **cpu)",
    "no_cuda": "TrainingArguments(no_cuda=True, **cpu)",
    "per_gpu": "TrainingArguments(per_gpu_train_batch_size=4, **cpu)",
    "half_precision_backend": 'TrainingArguments(half_precision_backend="auto", **cpu)',
    "adafactor": "TrainingArguments(adafactor=False, **cpu)",
    "push_to_hub_token": 'TrainingArguments(push_to_hub_token="x", **cpu)',
    "gradient_checkpointing": "TrainingArguments(gradient_checkpointing=True, **cpu)",
    "tf32 and more": (
        'TrainingArguments(optim="adamw_torch", lr_scheduler_type="cosine", save_total_limit=3, seed=1, **cpu)'
    ),
    "sequence arguments": "Seq2SeqTrainingArguments(predict_with_generate=True, **cpu)",
    "sequence arguments, old": 'Seq2SeqTrainingArguments(evaluation_strategy="no", **cpu)',
    "Trainer": "Trainer(model=model, args=TrainingArguments(**cpu), train_dataset=dataset, processing_class=tokenizer)",
    "Trainer, tokenizer": (
        "Trainer(model=model, args=TrainingArguments(**cpu), train_dataset=dataset, tokenizer=tokenizer)"
    ),
    "Trainer, rate": "Trainer(model=model, args=TrainingArguments(**cpu), train_dataset=dataset, learning_rate=2e-4)",
    "best model without evaluation": "TrainingArguments(load_best_model_at_end=True, **cpu)",
    "best model": 'TrainingArguments(load_best_model_at_end=True, eval_strategy="epoch", save_strategy="epoch", **cpu)',
    "best model, other strategies": (
        'TrainingArguments(load_best_model_at_end=True, eval_strategy="steps", save_strategy="epoch", **cpu)'
    ),
    "best model, no multiple": (
        'TrainingArguments(load_best_model_at_end=True, eval_strategy="steps", save_strategy="steps", eval_steps=30, '
        "save_steps=100, **cpu)"
    ),
    "best model, a multiple": (
        'TrainingArguments(load_best_model_at_end=True, eval_strategy="steps", save_strategy="steps", eval_steps=50, '
        "save_steps=100, **cpu)"
    ),
    "evaluation without data": (
        'Trainer(model=model, args=TrainingArguments(eval_strategy="steps", **cpu), train_dataset=dataset)'
    ),
    "evaluation without data, TRL": (
        'SFTTrainer(model=model, args=SFTConfig(eval_strategy="epoch", **cpu), train_dataset=dataset, '
        "processing_class=tokenizer)"
    ),
    "evaluation with data": (
        'Trainer(model=model, args=TrainingArguments(eval_strategy="steps", **cpu), train_dataset=dataset, '
        "eval_dataset=dataset)"
    ),
    "two widths": "BitsAndBytesConfig(load_in_4bit=True, load_in_8bit=True)",
    "one width": 'BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)',
    "loader, 4 bit": 'AutoModelForCausalLM.from_pretrained("base", load_in_4bit=True)',
    "loader, 8 bit": 'AutoModelForCausalLM.from_pretrained("base", load_in_8bit=True)',
    "loader, auth token": 'AutoModelForCausalLM.from_pretrained("base", use_auth_token="x")',
    "loader, dtype": 'AutoModelForCausalLM.from_pretrained("base", torch_dtype="float32")',
    "loader": 'AutoModelForCausalLM.from_pretrained("base", device_map=None)',
    # peft
    "LoraConfig": (
        'LoraConfig(r=16, lora_alpha=16, target_modules=["q_proj"], lora_dropout=0, bias="none", task_type="CAUSAL_LM")'
    ),
    "LoraConfig, typo": "LoraConfig(r=16, lora_aplha=16)",
    "LoraConfig, rslora": "LoraConfig(r=16, use_rslora=True)",
    "LoraConfig, foreign": 'LoraConfig(r=16, use_gradient_checkpointing="unsloth")',
    "get_peft_model, foreign": "get_peft_model(model, LoraConfig(r=4, target_modules=['q_proj']), lora_alpha=16)",
    # what SFTTrainer refuses together
    "formatter and completions": (
        "SFTTrainer(model=model, args=SFTConfig(completion_only_loss=True, **cpu), train_dataset=dataset, "
        'processing_class=tokenizer, formatting_func=lambda row: row["text"])'
    ),
    "completions": (
        "SFTTrainer(model=model, args=SFTConfig(completion_only_loss=True, **cpu), train_dataset=pairs, "
        "processing_class=tokenizer)"
    ),
    "two adapters": (
        'SFTTrainer(model=get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"])), args=SFTConfig(**cpu), '
        'train_dataset=dataset, processing_class=tokenizer, peft_config=LoraConfig(r=4, target_modules=["q_proj"]))'
    ),
    "padding free": (
        "SFTTrainer(model=model, args=SFTConfig(padding_free=True, max_length=64, **cpu), train_dataset=dataset, "
        "processing_class=tokenizer)"
    ),
    "adapter on the head": (
        "SFTTrainer(model=model, args=SFTConfig(**cpu), train_dataset=dataset, processing_class=tokenizer, "
        "peft_config=LoraConfig(r=4, target_modules=['q_proj', 'lm_head'], task_type='CAUSAL_LM'))"
    ),
    # imports
    "collator": "from trl import DataCollatorForCompletionOnlyLM",
    "packed dataset": "from trl import ConstantLengthDataset",
    "packed dataset of the trainer": "from trl.trainer import ConstantLengthDataset",
    "moved into a model": "from transformers import BitNetConfig, MambaConfig",
    "cache": "from transformers import MambaCache",
    "chat format": "from trl import setup_chat_format",
    "clone template": "from trl import clone_chat_template",
    "int8": "from peft import prepare_model_for_int8_training",
    "kbit": "from peft import prepare_model_for_kbit_training",
    "AdamW": "from transformers import AdamW",
    "TextDataset": "from transformers import TextDataset",
    "PPO": "from trl import PPOTrainer",
    "DPO": "from trl import DPOConfig, DPOTrainer",
    "value head": "from trl import AutoModelForCausalLMWithValueHead",
    "script arguments": "from trl import ScriptArguments",
}
# With Unsloth imported first its versions of TRL's classes are called. On a CPU they take fewer of the old names than
# on a GPU, so here only what is claimed to raise must raise.
WITH_UNSLOTH = (
    *(
        "plain",
        "tokenizer",
        "responses only",
        "text field",
        "length of trainer",
        "packing of trainer",
        "processes of trainer",
    ),
    *(
        "max_length",
        "typo in config",
        "responses only of config",
        "warmup_ratio",
        "warmup_steps",
        "evaluation_strategy",
        "Trainer",
    ),
    *(
        "LoraConfig, typo",
        "collator",
        "clone template",
        "best model without evaluation",
        "plain arguments",
        "loader, 4 bit",
    ),
)


def run(folder: Path, imports: str, fragments: dict[str, str], alone: bool = False) -> dict:
    """What happened in one process that ran every fragment: the exception of each, or ""."""
    given = {"stand_ins": STAND_INS, "imports": imports, "fragments": fragments}
    return real.outcome(RUNNER, given, folder, alone)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return run(tmp_path_factory.mktemp("plain"), IMPORTS, CASES)


@pytest.fixture(scope="module")
def outcome_with_unsloth(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """In a process of its own: Unsloth is imported before the libraries that it changes."""
    fragments = {name: CASES[name] for name in WITH_UNSLOTH}
    return run(tmp_path_factory.mktemp("unsloth"), "import unsloth\n" + IMPORTS, fragments, alone=True)


def claims(code: str, versions: dict[str, str], imports: str = IMPORTS) -> list[str]:
    """The errors that the api rules find in a fragment under the versions that are installed."""
    reviewer = Reviewer(isolated=True)
    settings = Settings(select=("api", "arguments/warmup"), ignore=("suppression",), versions=versions)
    text = (
        imports
        + "".join(f"{name} = load_{name}()\n" for name in ("model", "tokenizer", "dataset", "pairs"))
        + code
        + "\n"
    )
    source, _, plans = reviewer.plans(text.encode(), "train.py", settings)
    if not plans:  # an import alone is no training script
        source, _, plans = reviewer.plans(
            (text + "TrainingArguments(output_dir='run')\n").encode(), "train.py", settings
        )
    report, faults = judge(source, plans, reviewer.rulebook(settings), settings)
    assert not faults, faults
    return [
        f"{f.rule}: {f.message}"
        for f in report.findings
        if f.severity == "error" and (f.effect == "stops" or "raise ValueError" in f.message)
    ]


@pytest.mark.parametrize("name", CASES)
def test_it_raises_exactly_when_the_rules_say_so(outcome, name):
    told = claims(CASES[name], outcome["versions"])
    happened = outcome["cases"][name]
    if happened.startswith(("ImportError", "PackageNotFoundError")) and "bitsandbytes" in happened:
        pytest.skip(f"bitsandbytes is not installed there: {happened}")
    assert bool(told) == bool(happened), f"claimed: {told}; happened: {happened or 'nothing'}"
    for one in told:
        kind = next((k for k in ("ImportError", "ValueError", "TypeError") if k in one), "")
        assert kind and happened.startswith(kind), f"claimed: {one}; happened: {happened}"


@pytest.mark.parametrize("name", WITH_UNSLOTH)
def test_with_unsloth_what_is_claimed_to_raise_raises(outcome_with_unsloth, name):
    told = claims(CASES[name], outcome_with_unsloth["versions"], "import unsloth\n" + IMPORTS)
    happened = outcome_with_unsloth["cases"][name]
    assert not told or happened, f"claimed: {told}; happened: nothing"


def test_there_are_enough_cases_of_both_kinds(outcome):
    raised = [name for name, error in outcome["cases"].items() if error]
    assert len(CASES) >= 40 and len(raised) >= 20 and len(CASES) - len(raised) >= 15
