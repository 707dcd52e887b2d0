"""Fragments and the facts that are read from them: one table per section. The rules' pages show the verdicts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.readers.derive import derive, for_processes
from nl2sql_review.run.rule_examples import PRELUDE
from nl2sql_review.source import Source
from nl2sql_review.training_plan.facts import SECTIONS
from nl2sql_review.training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown

MORE = """\
from transformers.trainer_utils import get_last_checkpoint
from transformers import TrainerCallback
from pathlib import Path
import glob, math, subprocess
from peft import PeftModel, prepare_model_for_kbit_training
from unsloth import FastModel, FastVisionModel
"""
FIXTURES = Path(__file__).parents[1] / "fixtures"
TRAINER = "trainer = SFTTrainer(model=model, train_dataset=dataset, args=SFTConfig(output_dir='out'))\n"


def plans(code, processes=None):
    source = Source.from_bytes((PRELUDE + MORE + code).encode(), "train.py")
    recording = interpret(source, ".")
    assert not recording.exhausted
    return readers.read(recording, source, SimpleNamespace(processes=processes, gpu=None))


def fact(code, name, processes=None):
    (plan,) = plans(code, processes)
    return plan[name]


def shown(value):
    """`64`, `default 64`, `either 16 64`, `unknown`, `absent`, or the text of a term."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Default):
        return f"default {value.value!r}"
    if isinstance(value, Either):
        return "either " + " ".join(str(shown(o)) for o in value.options)
    return value.text if isinstance(value, Term) else type(value).__name__.lower()


def check(code, name, expected, processes=None):
    found = fact(code, name, processes)
    assert shown(found.value) == expected, found


SCRIPTS = [path for path in sorted(FIXTURES.rglob("*.py")) if "silent" not in path.parts]  # those differ in few lines


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_readers_fill_in_only_what_the_plan_names(path):
    source = Source.from_bytes(path.read_bytes(), str(path))
    for plan in readers.read(interpret(source, path.parent), source, SimpleNamespace(processes=None, gpu=None)):
        for part in (getattr(plan, name) for name in SECTIONS):
            assert set(vars(part)) == set(part.names())


# -- runs --------------------------------------------------------------------------------------------------------


def test_no_training_no_plan():
    assert plans("tokenizer = AutoTokenizer.from_pretrained('x')\n") == []


def test_loading_a_model_to_use_it_is_no_training():
    code = "model, tokenizer = FastLanguageModel.from_pretrained('x')\n"
    assert len(plans(code)) == 1
    assert plans(code + "FastLanguageModel.for_inference(model)\nmodel.generate()\n") == []


EITHER = """
def answer(rows, model):
    if isinstance(model, str):
        model = AutoModelForCausalLM.from_pretrained(model)
    model.USE()
    return [model.generate(**row) for row in rows]
"""


def test_a_model_that_is_loaded_or_given_is_used_without_training_it():
    assert plans(EITHER.replace("USE", "eval")) == []
    assert len(plans(EITHER.replace("USE", "train"))) == 1


def test_one_plan_per_trainer():
    code = """
def run(rank):
    model, tokenizer = FastLanguageModel.from_pretrained("x")
    model = FastLanguageModel.get_peft_model(model, r=rank)
    trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="out"), train_dataset=dataset)
    trainer.train()

run(16)
run(64)
"""
    assert [shown(p["lora.r"].value) for p in plans(code)] == [16, 64]


def test_the_same_plan_twice_is_one_plan():
    code = "for fold in (1, 2, 3):\n    print(fold)\n    " + TRAINER
    assert len(plans(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "config = LoraConfig(r=4)\nmodel = get_peft_model(AutoModelForCausalLM.from_pretrained('x'), config)\n"
        + TRAINER,
        "trainer = SFTTrainer(model='x', peft_config=LoraConfig(r=4), train_dataset=dataset)\n",
        "model = AutoModelForCausalLM.from_pretrained('x')\nmodel = prepare_model_for_kbit_training(model)\n"
        "model = get_peft_model(model, LoraConfig(r=4))\nmodel = model.to('cuda')\n" + TRAINER,
        "model = AutoModelForCausalLM.from_pretrained('x')\nmodel.add_adapter(LoraConfig(r=4))\n" + TRAINER,
        "model, _ = FastVisionModel.from_pretrained('x')\nmodel = FastVisionModel.get_peft_model(model, 4)\n" + TRAINER,
        "config = LoraConfig()\nconfig.r = 4\nmodel = get_peft_model(AutoModelForCausalLM.from_pretrained('x'), "
        "config)\n" + TRAINER,
    ],
)
def test_an_adapter_is_found_however_it_is_applied(code):
    check(code, "lora.r", 4)
    check(code, "lora.model_name", "x")


# -- lora --------------------------------------------------------------------------------------------------------

ADAPTED = "model = FastLanguageModel.get_peft_model(model, {})\n"


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        ("r=16", "alpha", 16),
        ("r=16", "dropout", 0.0),
        ("r=16", "gradient_checkpointing", "unsloth"),
        ("r=16, use_gradient_checkpointing=False", "gradient_checkpointing", False),
        ("r=16, target_modules='all-linear'", "unmatched_modules", []),
        ("r=16, target_modules=['q_proj', 'v_prj']", "unmatched_modules", ["v_prj"]),
        ("r=16, target_modules=['alpha_part', 'beta_part']", "unmatched_modules", []),
        ("r=16, target_modules=r'.*\\.(q_proj|v_proj)$'", "target_modules", ["q_proj", "v_proj"]),
        ("r=16, target_modules=['model.layers.0.self_attn.q_proj']", "target_modules", ["q_proj"]),
        ("r=16, target_modules=[name for name in os.listdir('.')]", "target_modules", "unknown"),
        ("r=16, target_modules=[n for n in ('q_proj', 'v_proj') if os.path.exists(n)]", "target_modules", "unknown"),
        ("r=16, target_modules=list({'q_proj', 'v_proj'})", "target_modules", ["q_proj", "v_proj"]),
    ],
)
def test_lora(arguments, name, expected):
    check(ADAPTED.format(arguments), f"lora.{name}", expected)


def test_all_linear_and_fused_names_are_the_seven():
    seven = fact(ADAPTED.format("r=16"), "lora.target_modules").value.value
    assert fact(ADAPTED.format("target_modules='all-linear'"), "lora.target_modules").value.value == seven
    fused = ADAPTED.format("target_modules=['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj']")
    assert sorted(fact(fused, "lora.target_modules").value.value) == sorted(seven)


def test_vision_models_choose_by_flags():
    code = "model = FastVisionModel.get_peft_model(model, finetune_mlp_modules=False)\n"
    check(code, "lora.target_modules", ["q_proj", "k_proj", "v_proj", "o_proj"])


def test_alpha_says_when_it_is_not_the_rank():
    assert "scaled by 2" in fact(ADAPTED.format("r=16, lora_alpha=32"), "lora.alpha").note
    assert fact(ADAPTED.format("r=16, lora_alpha=16"), "lora.alpha").note == ""


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("FastLanguageModel.from_pretrained('x')[0]", True),
        ("FastLanguageModel.from_pretrained('x', load_in_8bit=True)[0]", False),
        ("FastLanguageModel.from_pretrained('x', full_finetuning=True)[0]", False),
        ("AutoModelForCausalLM.from_pretrained('unsloth/Qwen3-8B-bnb-4bit')", True),
        ("AutoModelForCausalLM.from_pretrained('x')", "absent"),
        ("AutoModelForCausalLM.from_pretrained(unknown_name())", "absent"),  # nobody trains 4-bit weights alone
        ("AutoModelForCausalLM.from_pretrained('x', quantization_config=BitsAndBytesConfig(load_in_4bit=True))", True),
        ("AutoModelForCausalLM.from_pretrained('x', quantization_config=BitsAndBytesConfig(False, True))", True),
        ("AutoModelForCausalLM.from_pretrained('x', quantization_config=get_config())", "unknown"),
        ("load_model()", "unknown"),
    ],
)
def test_four_bit(load, expected):
    check(f"model = {load}\n{TRAINER}", "lora.load_in_4bit", expected)


def test_four_bit_in_one_branch_only():
    code = """
quantization = BitsAndBytesConfig(load_in_4bit=True) if torch.cuda.is_available() else None
model = AutoModelForCausalLM.from_pretrained("x", quantization_config=quantization)
"""
    assert shown(fact(code + TRAINER, "lora.load_in_4bit").value) == "either True False"


def test_quantization_in_model_init_kwargs():
    code = """
quantization = BitsAndBytesConfig(load_in_4bit=True)
args = SFTConfig(output_dir="out", model_init_kwargs={"quantization_config": quantization})
trainer = SFTTrainer(model="x", args=args, train_dataset=dataset)
"""
    check(code, "lora.load_in_4bit", True)


# -- arguments ---------------------------------------------------------------------------------------------------

CONFIG = "config = SFTConfig(output_dir='out', {})\n"


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        ("", "learning_rate", 5e-05),
        ("", "scheduler", "linear"),
        ("", "mixed_precision", "unknown"),
        ("fp16=True", "mixed_precision", "fp16"),
        ("fp16=True, bf16=True", "mixed_precision", "both"),
        ("fp16=True, bf16=is_bfloat16_supported()", "mixed_precision", "both where bfloat16 is supported"),
        ("fp16=is_bfloat16_supported(), bf16=True", "mixed_precision", "both where bfloat16 is supported"),
        ("fp16=False, bf16=False", "mixed_precision", "unknown"),
        ("bf16=is_bfloat16_supported(), fp16=not is_bfloat16_supported()", "mixed_precision", "bf16 else fp16"),
        ("bf16=torch.cuda.is_bf16_supported(), fp16=False", "mixed_precision", "unknown"),
        ("bf16=not is_bfloat16_supported(), fp16=is_bfloat16_supported()", "mixed_precision", "fp16 else bf16"),
        (
            "bf16=torch.cuda.get_device_capability()[0] >= 8, fp16=torch.cuda.get_device_capability()[0] < 8",
            "mixed_precision",
            "bf16 else fp16",
        ),
        ("bf16=bool(input()), fp16=False", "mixed_precision", "unknown"),
        ("warmup_steps=0.03", "warmup", 0.03),
        ("warmup_steps=30, max_steps=1000", "warmup", 0.03),
        ("warmup_steps=30", "warmup", "unknown"),
        ("warmup_ratio=0.03", "warmup", 0.03),
        ("warmup_ratio=0.03", "warmup_spelling", "current"),
        ("warmup_ratio=0.03, warmup_steps=0", "warmup_spelling", "current"),
        ("warmup_ratio=0.03, warmup_steps=10", "warmup_spelling", "both"),
        ("", "warmup_spelling", "current"),
        ("**json.load(open('missing.json'))", "warmup_spelling", "unknown"),
        ("**json.load(open('missing.json'))", "learning_rate", "unknown"),
        ("per_device_train_batch_size=4, gradient_accumulation_steps=4", "effective_batch", "default 16"),
    ],
)
def test_arguments(arguments, name, expected):
    check(CONFIG.format(arguments), f"arguments.{name}", expected)


def test_precision_decided_in_a_branch():
    code = """
if is_bfloat16_supported():
    bf16, fp16 = True, False
else:
    bf16, fp16 = False, True
"""
    check(code + CONFIG.format("bf16=bf16, fp16=fp16"), "arguments.mixed_precision", "bf16 else fp16")


def test_training_arguments_have_other_defaults():
    code = "args = TrainingArguments(output_dir='out')\n"
    check(code, "arguments.learning_rate", 5e-05)
    check(code, "arguments.mixed_precision", "none")
    trace = fact(code, "arguments.learning_rate").value.trace
    assert trace[-1].note == "library default: TrainingArguments.learning_rate"


def test_a_trainer_without_arguments_has_the_defaults_of_its_own():
    check("trainer = SFTTrainer(model=model, train_dataset=dataset)\n", "arguments.learning_rate", 5e-05)


@pytest.mark.parametrize(("processes", "expected"), [(1, 16), (2, 32), (None, "default 16")])
def test_processes_multiply_the_batch(processes, expected):
    code = CONFIG.format("per_device_train_batch_size=4, gradient_accumulation_steps=4")
    check(code, "arguments.effective_batch", expected, processes)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_accumulation_derived_from_the_world_size(processes):
    code = "world = int(os.environ['WORLD_SIZE'])\n" + CONFIG.format(
        "per_device_train_batch_size=4, gradient_accumulation_steps=16 // (4 * world)"
    )
    check(code, "arguments.effective_batch", 16, processes)
    check(code, "arguments.gradient_accumulation", "derived from the world size", processes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16 // (4 * int(os.environ['WORLD_SIZE']))", 2),
        ("max(1, 16 // (4 * torch.distributed.get_world_size()))", 2),
        ("16 // accelerate.Accelerator().num_processes", 8),
        ("16 // unknown", None),
        ("int(os.environ['WORLD_SIZE']) ** 99999", None),
        ("16 // (int(os.environ['WORLD_SIZE']) - 2)", None),
    ],
)
def test_for_processes(text, expected):
    assert for_processes(Term(text), 2) == expected


# -- memory ------------------------------------------------------------------------------------------------------

FAST = "model, tokenizer = FastLanguageModel.from_pretrained('x', max_seq_length=2048)\n"


@pytest.mark.parametrize(
    ("trainer", "length", "conflict"),
    [
        ("SFTTrainer(model=model, args=SFTConfig(max_length=2048))", 2048, False),
        ("SFTTrainer(model=model, args=SFTConfig(max_length=512))", 512, True),
        ("SFTTrainer(model=model, args=SFTConfig())", 2048, False),
        ("SFTTrainer(model=model, args=TrainingArguments('out'))", 2048, False),
        ("SFTTrainer(model=model, args=SFTConfig(max_length=1024))", 2048, False),
        ("SFTTrainer(model=model, max_seq_length=2048, args=TrainingArguments('out'))", 2048, False),
        ("SFTTrainer(model=model, args=SFTConfig(max_length=None))", 2048, False),
        ("Trainer(model=model, args=TrainingArguments('out'))", "unknown", "unknown"),
    ],
)
def test_lengths(trainer, length, conflict):
    code = f"{FAST}trainer = {trainer}\n"
    check(code, "memory.sequence_length", length)
    check(code, "memory.length_conflict", conflict)


def test_one_unknown_length_given_to_both_is_no_conflict():
    code = """
length = int(os.environ["LENGTH"])
model, tokenizer = FastLanguageModel.from_pretrained("x", max_seq_length=length)
trainer = SFTTrainer(model=model, args=SFTConfig(max_length=length))
"""
    check(code, "memory.length_conflict", False)


@pytest.mark.parametrize(
    ("model", "modules"),
    [
        *((name, ["q_proj", "v_proj"]) for name in ("codellama/CodeLlama-7b-hf", "google/codegemma-7b")),
        *((name, ["q_proj", "v_proj"]) for name in ("Qwen/Qwen2.5-Coder-7B", "facebook/opt-350m")),
        *((name, None) for name in ("ours/finance", "google/gemma-3-4b-it", "Qwen/Qwen2.5-VL-7B-Instruct")),
        ("gpt2", ["c_attn", "q_proj", "k_proj", "v_proj"]),
        ("google/flan-t5-base", ["q", "v", "q_proj", "v_proj"]),
    ],
)
def test_modules_that_peft_chooses(model, modules):
    code = f"model = AutoModelForCausalLM.from_pretrained('{model}')\n"
    code += "model = peft.get_peft_model(model, LoraConfig(r=16))\n"
    check(code, "lora.target_modules", modules)


def test_the_trainer_loads_the_model_whose_modules_peft_chooses():
    code = "trainer = SFTTrainer('EleutherAI/gpt-neo-125m', args=SFTConfig('out'), peft_config=LoraConfig(r=16))"
    check(code, "lora.target_modules", ["q_proj", "v_proj"])


def test_a_loaded_adapter_is_an_adapter():
    load = "model = AutoModelForCausalLM.from_pretrained('x')\n"
    check(load + TRAINER, "lora.adapter", "absent")
    check(load + "model.load_adapter('checkpoints/sft')\n" + TRAINER, "lora.adapter", "unknown")


@pytest.mark.parametrize(
    ("asks", "callbacks", "expected"),
    [
        ("control.should_save = True", ", callbacks=[BestReward()]", "unknown"),
        ("control.should_save = False", ", callbacks=[BestReward()]", "no"),
        ("control.should_training_stop = True", ", callbacks=[BestReward()]", "no"),
        ("control.should_save = True", "", "no"),
    ],
)
def test_a_callback_that_asks_for_a_save(asks, callbacks, expected):
    code = f"""
class BestReward(transformers.TrainerCallback):
    def on_log(self, args, state, control, **kwargs):
        {asks}

args = SFTConfig(output_dir="out", save_strategy="no")
trainer = SFTTrainer(model=model, train_dataset=dataset, args=args{callbacks})
"""
    check(code, "checkpointing.save_strategy", expected)


@pytest.mark.parametrize(
    ("method", "writes", "callbacks", "expected"),
    [
        ("on_step_end", "self.policy.save_pretrained('best')", "callbacks=[Keeps()]", "unknown"),
        ("on_epoch_end", "torch.save(self.policy.state_dict(), 'best.pt')", "callbacks=[Keeps()]", "unknown"),
        ("on_step_end", "print(state.global_step)", "callbacks=[Keeps()]", "no"),
        ("on_train_end", "self.policy.save_pretrained('best')", "callbacks=[Keeps()]", "no"),  # all is over by then
        ("on_step_end", "self.policy.save_pretrained('best')", "", "no"),
    ],
)
def test_a_callback_that_writes_the_weights_itself(method, writes, callbacks, expected):
    code = f"""
class Keeps(transformers.TrainerCallback):
    def {method}(self, args, state, control, **kwargs):
        if state.global_step % 50 == 0:

            {writes}

    def keep(self):
        self.policy.save_pretrained("kept")

args = SFTConfig(output_dir="out", save_strategy="no")
trainer = SFTTrainer(model=model, train_dataset=dataset, args=args, {callbacks})
"""
    check(code, "checkpointing.save_strategy", expected)
    if expected == "unknown":
        check(code, "checkpointing.save_total_limit", "unknown")


@pytest.mark.parametrize(
    ("replaces", "expected"),
    [
        ("model._modules[name] = bnb.nn.Linear4bit(child.in_features, child.out_features)", "unknown"),
        ("setattr(model, name, Linear4bit(child.in_features, child.out_features))", "unknown"),
        ("names.append(name) if isinstance(child, bnb.nn.Linear4bit) else None", "absent"),
        ("model._modules[name] = torch.nn.Linear(child.in_features, child.out_features)", "absent"),
    ],
)
def test_layers_that_the_script_quantizes_itself(replaces, expected):
    code = f"""
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-Coder-7B")
for name, child in model.named_children():
    {replaces}
"""
    check(code + TRAINER, "lora.load_in_4bit", expected)


@pytest.mark.parametrize(
    ("code", "sees"),
    [
        ("print(torch.cuda.memory_allocated())", "allocated memory only"),
        ("print(torch.xpu.max_memory_allocated())", "allocated memory only"),
        ("print(log.max_memory_allocated())", "unknown"),
        ("print(torch.cuda.max_memory_reserved())", "reserved memory"),
        ("print(torch.cuda.memory_summary())", "reserved memory"),
        ("import pynvml\npynvml.nvmlDeviceGetMemoryInfo(0)", "reserved memory"),
        ("os.system('nvidia-smi')", "reserved memory"),
        ("subprocess.check_output(['nvidia-smi', '--query-gpu=memory.used'])", "reserved memory"),
        ("if False:\n    os.system('nvidia-smi')", "unknown"),
        ("# where nvidia-smi shows room, or torch.cuda.memory_allocated(), raise the length", "absent"),
        ("", "absent"),
    ],
)
def test_monitoring(code, sees):
    check(TRAINER + code + "\n", "memory.monitoring_sees", sees)


def test_memory_that_another_object_measures_is_said_to_be_of_another_object():
    assert "not known here" in fact(TRAINER + "print(log.max_memory_allocated())\n", "memory.monitoring").value.why
    skipped = TRAINER + "if False:\n    print(torch.cuda.memory_allocated())\n"
    assert "not followed" in fact(skipped, "memory.monitoring").value.why


# -- checkpointing -----------------------------------------------------------------------------------------------

NAMES = "names = [d for d in os.listdir('out') if d.startswith('checkpoint-')]\n"
NUMBER = "key=lambda name: int(name.split('-')[1])"


@pytest.mark.parametrize(
    ("before", "argument", "manner"),
    [
        ("", "", "never"),
        ("", "resume_from_checkpoint=None", "never"),
        ("", "resume_from_checkpoint=False", "never"),
        ("", "resume_from_checkpoint=True", "unguarded"),
        ("", "True", "unguarded"),
        ("", "resume_from_checkpoint='out/checkpoint-500'", "fixed path"),
        ("", "resume_from_checkpoint=get_last_checkpoint('out')", "newest"),  # the trainer has made the directory
        ("", "resume_from_checkpoint=get_last_checkpoint('elsewhere')", "elsewhere"),
        ("", "resume_from_checkpoint='./out/'", "output directory"),
        ("import shutil\nshutil.copytree('/input/out', 'out')\n", "resume_from_checkpoint=True", "unknown"),
        ("import shutil\nshutil.copytree('/input/rows', 'rows')\n", "resume_from_checkpoint=True", "unguarded"),
        ("", "resume_from_checkpoint=get_last_checkpoint('out') if os.path.isdir('out') else None", "newest"),
        ("", "resume_from_checkpoint=os.path.isdir('out')", "unguarded"),
        ("", "resume_from_checkpoint=bool(glob.glob('out/checkpoint-*'))", "newest"),
        ("", "resume_from_checkpoint=any(d.startswith('checkpoint-') for d in os.listdir('out'))", "newest"),
        (NAMES, "resume_from_checkpoint=sorted(names)[-1]", "text order"),
        (NAMES, "resume_from_checkpoint=os.path.join('out', sorted(names)[-1])", "text order"),
        (NAMES, f"resume_from_checkpoint=sorted(names, {NUMBER})[-1]", "bare name"),
        (NAMES, f"resume_from_checkpoint=os.path.join('out', sorted(names, {NUMBER})[-1])", "newest"),
        ("", "resume_from_checkpoint=sorted(glob.glob('out/checkpoint-*'), key=os.path.getmtime)[-1]", "newest"),
        ("", "resume_from_checkpoint=find_checkpoint()", "unknown"),
    ],
)
def test_resume(before, argument, manner):
    check(f"{TRAINER}{before}trainer.train({argument})\n", "checkpointing.resume", manner)


def test_resume_from_a_directory_that_no_trainer_has_made_yet():
    code = "last = get_last_checkpoint('out')\n" + TRAINER + "trainer.train(resume_from_checkpoint=last)\n"
    check(code, "checkpointing.resume", "unguarded")


def test_resume_in_one_of_two_calls():
    code = """
checkpoint = get_last_checkpoint("out") if os.path.isdir("out") else None
if checkpoint is not None:
    trainer.train(resume_from_checkpoint=checkpoint)
else:
    trainer.train()
"""
    check(TRAINER + code, "checkpointing.resume", "newest")


def test_resume_or_start_anew():
    code = """
try:
    trainer.train(resume_from_checkpoint=True)
except ValueError:
    trainer.train()
"""
    check(TRAINER + code, "checkpointing.resume", "newest")


def test_resume_after_masking_the_prompt():
    code = "trainer = train_on_responses_only(trainer, instruction_part='a', response_part='b')\n"
    check(
        TRAINER + code + "trainer.train(resume_from_checkpoint='out/checkpoint-5')\n",
        "checkpointing.resume",
        "fixed path",
    )


def test_resume_in_the_arguments_is_not_read():
    code = (
        "trainer = SFTTrainer(model=model, args=SFTConfig(resume_from_checkpoint='out/checkpoint-5'))\n"
        "trainer.train()\n"
    )
    check(code, "checkpointing.resume", "unread argument")
    assert "not read" in fact(code, "checkpointing.resume").note


@pytest.mark.parametrize(
    ("arguments", "strategy", "conflict"),
    [
        ("", "steps", False),
        ("save_strategy='epoch', save_steps=100", "epoch", False),
        ("save_strategy='no', save_steps=100", "no", True),
        ("save_strategy='no'", "no", False),
        ("save_strategy=input(), save_steps=100", "unknown", "unknown"),
    ],
)
def test_saving(arguments, strategy, conflict):
    check(CONFIG.format(arguments), "checkpointing.save_conflict", conflict)
    if strategy != "unknown":
        check(CONFIG.format(arguments), "checkpointing.save_strategy", strategy)


# -- project -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", "none"),
        ("report_to='wandb'", ["wandb"]),
        ("report_to=['wandb', 'tensorboard']", ["wandb", "tensorboard"]),
        ("report_to='none'", "none"),
        ("report_to='all'", "unknown"),
        ("report_to=None", "none"),
    ],
)
def test_tracker(argument, expected):
    check(CONFIG.format(argument), "project.tracker", expected)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("wandb.init(config={'learning_rate': 5e-5})", []),
        ("wandb.init(config={'learning_rate': 1e-4})", ["learning_rate is recorded as 0.0001, the run uses 5e-05"]),
        ("wandb.init(config={'training': {'lr': '5e-5', 'epochs': 4}})", ["epochs is recorded as 4, the run uses 3.0"]),
        (
            "wandb.config.update({'seed': 1, 'max_steps': 5})",
            ["seed is recorded as 1, the run uses 3407", "max_steps is recorded as 5, the run uses -1"],
        ),
        ("wandb.config.update({'logging_steps': 5, 'seed': 3407})", []),
        ("wandb.config.max_steps = 5", ["max_steps is recorded as 5, the run uses -1"]),
        (
            "logging.info('learning rate: 1e-4, epochs = 3')",
            ["learning_rate is recorded as 0.0001, the run uses 5e-05"],
        ),
        ("print('step 5: lr 1')", []),
    ],
)
def test_tracked_config(code, wrong):
    check(CONFIG.format("") + code + "\n", "project.untracked_truth", wrong)


def test_epochs_that_max_steps_overrides_are_no_setting_of_the_run():
    tracked = "wandb.init(config={'epochs': 4})\n"
    check(CONFIG.format("max_steps=10") + tracked, "project.untracked_truth", [])
    check(
        CONFIG.format("max_steps=-1") + tracked,
        "project.untracked_truth",
        ["epochs is recorded as 4, the run uses 3.0"],
    )


@pytest.mark.parametrize(
    ("recorded", "wrong"),
    [
        ("'target_modules': ['q_proj']", ["target_modules is recorded as q_proj, the run uses q_proj, v_proj"]),
        ("'target_modules': ['v_proj', 'q_proj']", []),
        ("'target_modules': 'all-linear'", []),
        ("'target_modules': MODULES", []),
        ("'load_in_4bit': True", ["load_in_4bit is recorded as True, the run uses False"]),
        ("'load_in_4bit': False", []),
        ("'dataset': 'old/spider.jsonl'", ["dataset is recorded as old/spider.jsonl, the run uses pairs.jsonl"]),
        ("'dataset': '/data/pairs.jsonl'", []),
        ("'dataset': 'spider'", []),
        ("'dataset': 'org/test-pairs'", []),
    ],
)
def test_modules_data_and_quantization_that_are_recorded(recorded, wrong):
    script = (
        "import wandb\nfrom datasets import load_dataset\nfrom peft import LoraConfig\nfrom trl import SFTTrainer\n"
        f"MODULES = ['q_proj', 'v_proj']\nwandb.init(config={{{recorded}}})\n"
        "rows = load_dataset('json', data_files='pairs.jsonl', split='train')\n"
        "test = load_dataset('org/test-pairs')\nlora = LoraConfig(target_modules=['q_proj', 'v_proj'])\n"
        "SFTTrainer('m', train_dataset=rows, peft_config=lora).train()\n"
    )
    check(script, "project.untracked_truth", wrong)


def test_a_fused_projection_is_compared_by_its_own_name():
    script = (
        "import wandb\nfrom peft import LoraConfig\nfrom trl import SFTTrainer\n"
        "wandb.init(config={'target_modules': ['qkv_proj']})\nlora = LoraConfig(target_modules=['qkv_proj'])\n"
        "SFTTrainer('microsoft/Phi-3-mini-4k-instruct', peft_config=lora).train()\n"
    )
    check(script, "project.untracked_truth", [])


def test_data_that_only_the_run_knows_is_compared_with_no_record():
    script = (
        "import sys, wandb\nfrom datasets import load_dataset\nfrom trl import SFTTrainer\n"
        "wandb.init(config={'dataset': 'old/spider.jsonl', 'epochs': 3})\n"
        "rows = load_dataset(sys.argv[1], split='train')\nSFTTrainer('m', train_dataset=rows).train()\n"
    )
    check(script, "project.untracked_truth", [])


def test_nothing_is_tracked():
    assert fact(CONFIG.format(""), "project.untracked_truth").why_not


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("logging.basicConfig(filename='a.log')", "a.log"),
        ("logging.getLogger().addHandler(logging.FileHandler('b.log'))", "b.log"),
        ("logging.basicConfig(handlers=[logging.StreamHandler(), logging.FileHandler('c.log')])", "c.log"),
        ("logging.basicConfig(level=logging.INFO)", "absent"),
    ],
)
def test_log_file(code, expected):
    check(CONFIG.format("") + code + "\n", "project.log_file", expected)


# -- values from values ------------------------------------------------------------------------------------------


def test_derive_keeps_what_is_uncertain():
    def double(x):
        return 2 * x

    assert derive(double, Known(2)) == Known(4)
    assert derive(double, Default(2, "--n")) == Default(4, "--n")
    assert derive(double, Either((Known(1), Known(2)), "c")) == Either((Known(2), Known(4)), "c")
    assert derive(double, Unknown("lost")).why == "lost"
    assert derive(double, Term("f()")).why == "f() is decided at run time"
    assert isinstance(derive(double, Text(("a", Term("b")))), Unknown)
    assert isinstance(derive(lambda x: x / 0, Known(2)), Unknown)
    assert isinstance(derive(lambda x: x, Absent("gone")), Absent)


def test_derive_moves_branches_of_one_condition_together():
    a, b = Either((Known(1), Known(2)), "c"), Either((Known(10), Known(20)), "c")
    assert derive(lambda x, y: x + y, a, b) == Either((Known(11), Known(22)), "c")
    other = Either((Known(10), Known(20)), "d")
    assert len(derive(lambda x, y: x + y, a, other).options) == 4


def test_a_reason_names_values_as_the_script_writes_them():
    code = "flag = torch.first() if input() else torch.second()\n"
    found = fact(code + TRAINER.replace("output_dir='out'", "bf16=flag, fp16=False"), "arguments.mixed_precision")
    assert found.value.why == "torch.first() or torch.second() is decided at run time"


# -- where the model is placed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("torch.device('xpu')", "it is known only at run time which GPU torch.device('xpu') is"),
        ("torch.device(PartialState().process_index)", "on its own card"),
        ("3", "which GPU device_map=3 means depends on the process"),
    ],
)
def test_the_card_that_a_device_map_names(card, expected):
    loaded = (
        f"from accelerate import PartialState\nmodel = AutoModelForCausalLM.from_pretrained('x', device_map={{'': "
        f"{card}}})\n"
    )
    value = fact(loaded + TRAINER, "memory.placement", processes=2).value
    assert (value.why if isinstance(value, Unknown) else value.value) == expected
