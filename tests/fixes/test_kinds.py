"""Kinds of fixes that once broke a script: each in the form that is fixed, and in those that are left alone."""

from __future__ import annotations

import pytest

from nl2sql_review.fixes.kinds.dataset import TABLE_CUT

from .repair import IMPORTS, repaired, session

LOAD = (
    "model, tokenizer = FastLanguageModel.from_pretrained("
    '"unsloth/llama-3-8b", max_seq_length=2048, load_in_4bit=True)\n'
)
PLAIN = "from peft import LoraConfig, get_peft_model\nfrom transformers import AutoModelForCausalLM\n"
SEVEN = '["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]'


# -- values where they come from ----------------------------------------------------------------------------------

SETTINGS = """\
from dataclasses import dataclass, field
@dataclass
class Lora:
    r: int = {}
@dataclass
class Settings:
    lora: Lora = field(default_factory=Lora)
"""
LAMBDA = SETTINGS.replace("default_factory=Lora", "default_factory=lambda: Lora(r={})").replace("= {}\n", "= 8\n")
BUILT = "def adapt(model, settings):\n    return FastLanguageModel.get_peft_model(model, r=settings.lora.r)\n"


@pytest.mark.parametrize("above", [SETTINGS, LAMBDA], ids=["class", "lambda"])
@pytest.mark.parametrize("handed", [False, True], ids=["at the call", "handed on"])
def test_a_nested_default_is_changed_in_its_class(above, handed):
    call = (
        "model = adapt(model, Settings())\n"
        if handed
        else ("settings = Settings()\nmodel = FastLanguageModel.get_peft_model(model, r=settings.lora.r)\n")
    )
    script = IMPORTS + above + (BUILT if handed else "") + LOAD + call
    assert repaired(script.replace("{}", "64"), "lora/rank") == script.replace("{}", "16")


def test_settings_that_are_handed_to_who_knows_what_are_left():
    script = (
        IMPORTS
        + SETTINGS.replace("{}", "64")
        + LOAD
        + (
            "settings = Settings()\nreport(settings)\n"
            "model = FastLanguageModel.get_peft_model(model, r=settings.lora.r)\n"
        )
    )
    assert repaired(script, "lora/rank") == script


# -- imports -------------------------------------------------------------------------------------------------------

LATE = """\
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b", max_seq_length=2048, load_in_4bit=True)


def to_text(row):
    return {"text": f"{row['question']}\\n{row['sql']}"}


rows = load_dataset("json", data_files="train.jsonl", split="train").map(to_text)
trainer = SFTTrainer(model=model, processing_class=tokenizer, args=SFTConfig("out"), train_dataset=rows)
"""


@pytest.mark.parametrize("ended", [False, True], ids=["by the trainer", "by the script"])
def test_a_text_that_only_trl_ends_is_ended_where_unsloth_comes_first(ended):
    with_token = "{row['sql']}{tokenizer.eos_token}"
    script = LATE.replace("{row['sql']}", with_token) if ended else LATE
    fixed = repaired(script, "api/import-order", "prompt/eos", unsafe=True)
    assert with_token in fixed and fixed.count("eos_token") == 1
    assert fixed.index("from unsloth") < fixed.index("from trl")


# -- paths ---------------------------------------------------------------------------------------------------------

PATH = IMPORTS + LOAD + 'trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="out"))\n'


@pytest.mark.parametrize(
    "reader",
    [
        'trainer.train(f"out/{step}")\n',
        'trainer.train("./out/checkpoint-7")\n',
        'import glob\nfound = glob.glob("out/checkpoint-*")\n',
        'OUT = "out"\n',
    ],
)
def test_a_path_with_another_reader_stays(reader):
    assert repaired(PATH + reader, "project/paths") == PATH + reader


@pytest.mark.parametrize("other", ["", 'print("without")\n', '"""out"""\n'])
def test_a_path_that_no_one_else_names_moves(other):
    assert 'output_dir="models/nl2sql-unsloth"' in repaired(PATH + other, "project/paths")


# -- layers by architecture ----------------------------------------------------------------------------------------

ADAPTED = PLAIN + (
    'model = AutoModelForCausalLM.from_pretrained("{}")\n'
    "model = get_peft_model(model, LoraConfig(r=16, target_modules={}))\n"
)


@pytest.mark.parametrize(
    ("model", "made"),
    [
        ("codellama/CodeLlama-7b-hf", SEVEN.replace('"q_proj", "k_proj", "v_proj"', '"q_proj", "v_proj", "k_proj"')),
        ("Qwen/Qwen2.5-Coder-7B", SEVEN.replace('"q_proj", "k_proj", "v_proj"', '"q_proj", "v_proj", "k_proj"')),
        ("bigcode/starcoder2-7b", '"all-linear"'),
        ("microsoft/Phi-3-mini-4k-instruct", '"all-linear"'),
    ],
)
def test_target_modules_are_those_of_the_architecture(model, made):
    before = ADAPTED.format(model, '["q_proj", "v_proj"]')
    assert repaired(before, "lora/target-modules") == ADAPTED.format(model, made)


@pytest.mark.parametrize("model", ["bigscience/bloom-7b1", "company/our-own", "mistralai/Mixtral-8x7B-v0.1"])
def test_of_an_unknown_architecture_no_layers_are_named(model):
    before = ADAPTED.format(model, '["q_proj", "v_proj"]')
    assert repaired(before, "lora/target-modules", unsafe=True) == before


def test_a_mistyped_layer_gets_its_name_whatever_the_model():
    before = ADAPTED.format("company/our-own", SEVEN.replace("up_proj", "up_porj"))
    assert '"up_proj"' in repaired(before, "lora/target-modules", unsafe=False)


# -- four bit -------------------------------------------------------------------------------------------------------

WHOLE = PLAIN + (
    'model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf"{})\n'
    "model = get_peft_model(model, LoraConfig(r=16))\n"
)


def test_four_bit_below_an_adapter():
    assert "load_in_4bit=True" in repaired(WHOLE.format(""), "lora/four-bit")


@pytest.mark.parametrize(
    ("given", "more"),
    [("", "model = model.merge_and_unload()\n"), (", load_in_8bit=True", "")],
    ids=["merged", "8 bit"],
)
def test_no_four_bit_where_the_weights_are_wanted_whole(given, more):
    script = WHOLE.format(given) + more
    assert repaired(script, "lora/four-bit", unsafe=True) == script


PARSED = (
    "import argparse\nimport os\nimport sys\n" + PLAIN + "from trl import SFTTrainer\n"
    "parser = argparse.ArgumentParser()\n"
    'parser.add_argument("--full", action="store_true")\n'
    'parser.add_argument("--lora", action="store_true")\n'
    'parser.add_argument("--rank", action="store_true")\n'
    "args = parser.parse_args()\n"
    'model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")\n'
    "config = LoraConfig(r=16)\n"
)
IN_PLACE = "if {}:\n    model = get_peft_model(model, config)\nSFTTrainer(model=model).train()\n"
EXPRESSION = "SFTTrainer(model=model, peft_config=config if {} else None).train()\n"
INLINE = "SFTTrainer(model=model, peft_config=LoraConfig(r=16) if {} else None).train()\n"
KEYWORDS = 'more = {{}}\nif {}:\n    more["peft_config"] = config\nSFTTrainer(model=model, **more).train()\n'
EARLY = (
    "def adapt(model):\n    if not ({}):\n        return model\n    return get_peft_model(model, config)\n"
    "SFTTrainer(model=adapt(model)).train()\n"
)
WITHIN = (
    "if {}:\n    if args.rank:\n        model = get_peft_model(model, LoraConfig(r=8))\n"
    "    else:\n        model = get_peft_model(model, config)\nSFTTrainer(model=model).train()\n"
)
FORMS = pytest.mark.parametrize(
    "form",
    [IN_PLACE, EXPRESSION, INLINE, KEYWORDS, EARLY, WITHIN],
    ids=["if", "None", "inline", "**", "return", "within"],
)


@FORMS
@pytest.mark.parametrize(
    "switch", ["not args.full", 'os.environ.get("LORA", "1") == "1"', '"--lora" in sys.argv', "args.lora"]
)
def test_no_four_bit_where_a_switch_decides_on_the_adapter(form, switch):
    script = PARSED + form.format(switch)
    assert repaired(script, "lora/four-bit", unsafe=True) == script


@FORMS
def test_four_bit_where_the_adapter_is_there_in_any_case(form):
    assert "load_in_4bit=True" in repaired(PARSED + form.format("True"), "lora/four-bit")


@pytest.mark.parametrize(
    "adapted",
    [
        "config = LoraConfig(r=8) if args.full else LoraConfig(r=16)\n"
        "SFTTrainer(model=model, peft_config=config).train()\n",
        "if args.full:\n    model = get_peft_model(model, LoraConfig(r=8))\n"
        "else:\n    model = get_peft_model(model, config)\nSFTTrainer(model=model).train()\n",
        "if not args.full:\n    model = get_peft_model(model, config)\n    SFTTrainer(model=model).train()\n",
        "model = get_peft_model(model, config)\nif args.lora:\n    model = model.float()\n"
        "SFTTrainer(model=model).train()\n",
    ],
    ids=["one of two", "on both sides", "trains there", "another switch"],
)
def test_a_switch_that_leaves_the_adapter_decides_nothing(adapted):
    assert "load_in_4bit=True" in repaired(PARSED + adapted, "lora/four-bit")


# -- imports that may fail -----------------------------------------------------------------------------------------

OPTIONAL = (
    "try:\n    from peft import LoraConfig, get_peft_model\n    from transformers import AutoModelForCausalLM\n"
    "except ImportError:\n    AutoModelForCausalLM = None\n"
    'model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")\n'
    "model = get_peft_model(model, LoraConfig(r=16))\n"
)


def test_a_name_is_imported_where_its_library_may_be_missing():
    made = repaired(OPTIONAL, "lora/four-bit")
    assert "\n    from transformers import AutoModelForCausalLM, BitsAndBytesConfig\n" in made
    assert "\nfrom transformers" not in made


# -- what was not asked for -----------------------------------------------------------------------------------------

BATCHES = IMPORTS + LOAD + "args = SFTConfig(per_device_train_batch_size={}, gradient_accumulation_steps={})\n"


@pytest.mark.parametrize(("batch", "steps", "made"), [(2, 8, (4, 4)), (8, 2, (4, 4)), (16, 2, (8, 4)), (1, 4, (1, 4))])
def test_the_effective_batch_is_kept_though_nobody_asked_for_it(batch, steps, made):
    assert repaired(BATCHES.format(batch, steps), "arguments/gradient-accumulation") == BATCHES.format(*made)


# -- rows and their elements ----------------------------------------------------------------------------------------

BATCHED = (
    IMPORTS
    + LOAD
    + (
        "from datasets import load_dataset\n"
        'PROMPT = "### Instruction:\\nSQL\\n\\n### Schema:\\n{}\\n\\n### Question:\\n{}\\n\\n### Response:\\n{}"\n'
        "def texts(rows):\n    made = []\n%s    return {'text': made}\n"
        "data = load_dataset('json', data_files='a.json', split='train').map(texts, batched=True)\n"
        "trainer = SFTTrainer(model=model, train_dataset=data, args=SFTConfig(dataset_text_field='text'))\n"
    )
)
LOOPS = {
    "zip": "    for s, q, a in zip(rows['schema'], rows['question'], rows['sql']):\n"
    "        made.append(PROMPT.format(s{}, q, a))\n",
    "number": "    for i in range(len(rows['sql'])):\n"
    "        made.append(PROMPT.format(rows['schema'][i]{}, rows['question'][i], rows['sql'][i]))\n",
    "column": "    column = rows['schema']\n    for i, a in enumerate(rows['sql']):\n"
    "        made.append(PROMPT.format(column[i]{}, rows['question'][i], a))\n",
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_the_schema_of_a_row_is_cut_and_not_the_rows_of_a_batch(loop):
    script = BATCHED % loop.replace("{}", "")
    assert repaired(script, "dataset/schema-truncation") == script  # it would import what need not be there
    made = repaired(script, "dataset/schema-truncation", unsafe=True)
    sql = "rows['sql'][i]" if "rows['sql'][i]" in loop else "a"
    assert TABLE_CUT in made.splitlines()
    made = made.replace(TABLE_CUT + "\n", "")
    cut = next(one for one in ("rows['schema'][i]", "column[i]", "(s") if one in script)
    named = f"cut_schema({cut.removeprefix('(')}, 1000, {sql})"
    assert made == script.replace(cut, f"({named}" if cut == "(s" else named)


READS = {
    "a column": ('row["schema"]', 'row["sql"]'),
    "a chain": ('(row.get("schema") or row.get("context") or "")', '(row.get("sql") or row.get("answer") or "")'),
}


@pytest.mark.parametrize(("schema", "sql"), READS.values(), ids=READS)
def test_the_cut_keeps_the_tables_that_the_sql_of_the_same_row_names(schema, sql):
    script = IMPORTS + LOAD + (
        "from datasets import load_dataset\n"
        "def text(row):\n"
        f"    schema = {schema}\n"
        f"    return {{'text': '### Schema:\\n' + schema + '\\n### SQL:\\n' + {sql}}}\n"
        "data = load_dataset('json', data_files='a.json', split='train').map(text)\n"
        "trainer = SFTTrainer(model=model, train_dataset=data, args=SFTConfig(dataset_text_field='text'))\n"
    )  # fmt: skip
    made = repaired(script, "dataset/schema-truncation", unsafe=True)
    assert f"cut_schema({schema.strip('()')}, 1000, {sql.strip('()')})" in made and TABLE_CUT in made


def test_the_cut_within_an_f_string_has_other_quotes_than_the_text_around():
    """Before Python 3.12 no code within an f-string has the quotes of its ends."""
    script = IMPORTS + LOAD + (
        "from datasets import load_dataset\n"
        "def text(row):\n"
        """    return {'text': f"### Schema:\\n{row['schema']}" + '\\n### SQL:\\n' + row["sql"]}\n"""
        "data = load_dataset('json', data_files='a.json', split='train').map(text)\n"
        "trainer = SFTTrainer(model=model, train_dataset=data, args=SFTConfig(dataset_text_field='text'))\n"
    )  # fmt: skip
    made = repaired(script, "dataset/schema-truncation", unsafe=True)
    assert "{cut_schema(row['schema'], 1000, row['sql'])}" in made


# -- kinds ----------------------------------------------------------------------------------------------------------

KINDS = {
    "arguments/warmup": (", warmup_ratio=0.03, warmup_steps=50", "trap"),
    "memory/sequence-length": (", max_length=512", "trap"),  # two lengths
    "checkpointing/save": (', save_strategy="no", save_steps=10', "trap"),
    "arguments/learning-rate": (", learning_rate=1e-3", "policy"),
    "checkpointing/limit": (", save_total_limit=9", "policy"),
}


@pytest.mark.parametrize("rule", KINDS)
def test_a_finding_says_its_kind_by_its_outcome(rule):
    given, kind = KINDS[rule]
    adapted = f"{IMPORTS}{LOAD}model = FastLanguageModel.get_peft_model(model)\n"
    script = f'{adapted}trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="o"{given}))\n'
    found = [f for f in session(script.encode(), select=[rule]).report.findings if f.rule == rule]
    assert kind in [f.kind for f in found]


def test_the_same_rule_is_policy_where_nothing_contradicts():
    script = f'{IMPORTS}{LOAD}trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="o", save_strategy="no"))\n'
    (found,) = session(script.encode(), select=["checkpointing/save"]).report.findings
    assert found.kind == "policy"


def test_a_repair_leaves_the_value_to_the_policy():
    script = PLAIN + (
        "from trl import SFTConfig, SFTTrainer\n"
        'trainer = SFTTrainer("m", args=SFTConfig(warmup_ratio={}), peft_config=LoraConfig(r=16))\n'
    ).replace("{}", "0.1")
    one = session(script.encode(), select=["arguments/warmup", "api"])
    one.apply(unsafe=False, policy=False)
    assert b"warmup_steps=0.1)" in one.data
    one.apply(unsafe=False, policy=True)
    assert b"warmup_steps=0.03)" in one.data


@pytest.mark.parametrize(("stated", "safe"), [(">=4.50", False), (">=5.1", True)])
def test_a_share_as_warmup_steps_is_safe_only_where_each_allowed_version_takes_it(stated, safe):
    script = (
        f'# /// script\n# dependencies = ["transformers{stated}"]\n# ///\n{PLAIN}'
        "from transformers import TrainingArguments, Trainer\n"
        'Trainer("m", args=TrainingArguments("o", warmup_ratio=0.1)).train()\n'
    )
    one = session(script.encode(), select=["arguments/warmup", "api"])
    one.apply(unsafe=False, policy=False)
    assert (b"warmup_steps=0.1" in one.data) is safe


def test_a_number_of_steps_that_the_test_of_the_strategy_chooses_too_contradicts_nothing():
    option = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default=0)\n"
    option += "n = p.parse_args().n\n"
    given = 'save_strategy="steps" if n > 0 else "no", save_steps={}'
    for steps, kinds in (("n if n > 0 else 500", ["policy"]), ("500", ["trap", "policy"])):
        code = f'{option}{IMPORTS}{LOAD}trainer = SFTTrainer(model=model, args=SFTConfig("o", {given.format(steps)}))\n'
        found = session(code.encode(), select=["checkpointing/save"]).report.findings
        assert [f.kind for f in found] == kinds


@pytest.mark.parametrize(
    ("torch", "asks"),
    [
        ("2.6", "not torch.cuda.is_bf16_supported(including_emulation=False)"),
        ("2.0", "torch.cuda.get_device_capability()[0] < 8"),
    ],
)
def test_the_precision_asks_the_gpu_by_what_the_stated_versions_have(torch, asks):
    script = (
        f'# /// script\n# dependencies = ["torch>={torch}", "trl", "transformers"]\n# ///\nimport torch\n{PLAIN}'
        "from transformers import TrainingArguments, Trainer\n"
        'Trainer("m", args=TrainingArguments("o", fp16=True)).train()\n'
    )
    made = repaired(script, "arguments/mixed-precision")
    assert f"fp16={asks}," in made and made.count("torch.cuda.") == 2


@pytest.mark.parametrize(
    ("given", "made"),
    [("bnb_4bit_compute_dtpe", "bnb_4bit_compute_dtype"), ("bnb_8bit_compute_dtype", "bnb_8bit_compute_dtype")],
)
def test_an_argument_with_another_number_is_no_misspelling(given, made):
    script = (
        "import torch\nfrom transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer\n"
        f"bits = BitsAndBytesConfig(load_in_8bit=True, {given}=torch.float16)\n"
        'Trainer(AutoModelForCausalLM.from_pretrained("x/y", quantization_config=bits)).train()\n'
    )
    one = session(script.encode(), select=["api/unknown-argument"])
    (found,) = one.report.findings
    assert ("did you mean" in found.message) == (given != made)
    assert f"{made}=torch.float16" in repaired(script, "api/unknown-argument")


@pytest.mark.parametrize(("guard", "kept"), [("torch.cuda.is_available() and ", 2), ("", 0)])
def test_the_precision_keeps_the_question_whether_there_is_a_gpu(guard, kept):
    probe = "torch.cuda.is_bf16_supported()"
    script = (
        f"import torch\n{PLAIN}from transformers import TrainingArguments, Trainer\n"
        f'Trainer("m", args=TrainingArguments("o", bf16={guard}{probe}, fp16={guard}not {probe})).train()\n'
    )
    made = repaired(script, "arguments/mixed-precision")
    assert made.count(guard) == kept or not guard
    assert made.count("is_bf16_supported(including_emulation=False)") == 2 and probe not in made


@pytest.mark.parametrize(("guard", "kept"), [("torch.cuda.is_available() and ", 4), ("", 0)])
def test_the_precision_keeps_the_question_of_its_variables(guard, kept):
    script = (
        f"import torch\n{PLAIN}from transformers import TrainingArguments, Trainer\n"
        f"half = {guard}torch.cuda.is_bf16_supported()\nother = {guard}not half\n"
        'Trainer("m", args=TrainingArguments("o", bf16=half, fp16=other)).train()\n'
    )
    assert repaired(script, "arguments/mixed-precision").count("torch.cuda.is_available() and ") == kept


def test_the_precision_is_mended_where_its_values_come_from_a_configuration_file(tmp_path):
    (tmp_path / "train.yaml").write_text("fp16: false\nbf16: true\n")
    script = (
        f"import torch, yaml\n{PLAIN}from transformers import TrainingArguments, Trainer\n"
        'cfg = yaml.safe_load(open("train.yaml"))\n'
        'Trainer("m", args=TrainingArguments("o", bf16=cfg["bf16"], fp16=cfg["fp16"])).train()\n'
    )
    made = repaired(script, "arguments/mixed-precision", unsafe=True, path=str(tmp_path / "train.py"))
    assert "torch.cuda.is_available() and " not in made
    assert made.count("is_bf16_supported(including_emulation=False)") == 2


@pytest.mark.parametrize(
    ("model", "asked"), [("google/flan-t5-large", 0), ("Salesforce/codet5-base", 0), ("facebook/bart-large", 2)]
)
def test_no_fp16_for_t5_which_overflows_in_it(model, asked):
    script = (
        "import torch\nfrom transformers import AutoModelForSeq2SeqLM, Trainer, TrainingArguments\n"
        f'model = AutoModelForSeq2SeqLM.from_pretrained("{model}")\n'
        'Trainer(model=model, args=TrainingArguments("o", bf16=True)).train()\n'
    )
    assert repaired(script, "arguments/mixed-precision").count("torch.cuda.") == asked


FULL = PLAIN + (
    "from trl import SFTConfig, SFTTrainer\n"
    'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-1.5B")\n'
    "trainer = SFTTrainer(model, args=SFTConfig(learning_rate=1e-5){})\n"
)


@pytest.mark.parametrize(
    ("more", "rate"), [("", "1e-5"), (", peft_config=choose()", "1e-5"), (", peft_config=LoraConfig(r=16)", "2e-4")]
)
def test_only_an_adapter_is_given_the_rate_of_adapters(more, rate):
    script = FULL.format(more)
    assert repaired(script, "arguments/learning-rate") == script.replace("1e-5", rate)


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ("group_by_length=True", 'train_sampling_strategy="group_by_length"'),
        ("seed=1, group_by_length=False", "seed=1"),
        ("group_by_length=GROUP", "group_by_length=GROUP"),  # who knows how it is started
    ],
)
def test_a_choice_takes_the_place_of_a_switch_that_is_gone(given, after):
    script = (
        "import os\nfrom transformers import Trainer, TrainingArguments\nGROUP = bool(os.environ.get('G'))\n"
        "Trainer('m', args=TrainingArguments({})).train()\n"
    )
    assert repaired(script.format(given), "api/removed-argument") == script.format(after)


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ("peft import prepare_model_for_int8_training as kbit", "peft import prepare_model_for_kbit_training as kbit"),
        ("trl import setup_chat_format as kbit", "trl import setup_chat_format as kbit"),  # the new one takes a source
    ],
)
def test_a_function_takes_the_place_of_one_that_is_gone_if_it_takes_its_arguments(given, after):
    script = IMPORTS + LOAD + "from {}\nmodel = kbit(model)\n"
    assert repaired(script.format(given), "api/removed-import", unsafe=True) == script.format(after)


def test_an_argument_is_renamed_though_its_value_is_not_known():
    text = "import sys\nfrom transformers import Trainer, TrainingArguments\n" + (
        "Trainer(args=TrainingArguments(output_dir='out', {}=sys.argv[1])).train()\n"
    )
    assert repaired(
        text.format("evaluation_strategy"), "api/deprecated-argument", "api/removed-argument"
    ) == text.format("eval_strategy")


OPTION = (
    "import argparse\nimport random\nfrom trl import SFTConfig\n"
    "parser = argparse.ArgumentParser()\n"
    'parser.add_argument("--keep", type=int, default=5)\n'
    'config = {"keep": parser.parse_args().keep}\n'
    'if random.random() > 0.5:\n    config = {"keep": 7}\n'
    'SFTConfig(save_total_limit=config["keep"])\n'
    'for n in range(config["keep"]):\n    work(n)\n'
)


def test_an_option_is_not_overruled_where_it_gives_one_of_two_values():
    assert repaired(OPTION, "checkpointing/limit") == OPTION


def test_a_length_is_not_given_to_the_adapter_which_ignores_it():
    load = LOAD.replace("max_seq_length=2048", "max_seq_length=512")
    made = repaired(IMPORTS + load + "FastLanguageModel.get_peft_model(model, r=16)\n", "memory/sequence-length")
    assert made == IMPORTS + LOAD + "FastLanguageModel.get_peft_model(model, r=16)\n"


def test_of_a_length_that_has_no_effect_and_the_one_that_cuts_neither_is_chosen():
    images = "from unsloth import FastVisionModel\nfrom unsloth.trainer import UnslothVisionDataCollator\n"
    load = 'model, tokenizer = FastVisionModel.from_pretrained("unsloth/Qwen2-VL-2B-Instruct")\n'
    trainer = (
        "SFTTrainer(model=model, train_dataset=rows, args=SFTConfig(output_dir='o', max_seq_length={}), "
        "data_collator=UnslothVisionDataCollator(model, tokenizer)).train()\n"
    )
    for length in (1024, 4096):
        script = IMPORTS + images + load + trainer.format(length)
        assert repaired(script, "memory/sequence-length", unsafe=True) == script


def test_a_long_value_in_place_of_a_short_one_gets_lines_of_its_own():
    script = (
        IMPORTS + "import os\n" + LOAD + "def main():\n    trainer = SFTTrainer(model=model)\n"
        "    trainer.train(resume_from_checkpoint = True)\nmain()\n"
    )
    made = repaired(script, "checkpointing/resume", unsafe=True)
    assert "get_last_checkpoint(" in made and max(map(len, made.splitlines())) <= 120


@pytest.mark.parametrize(
    ("between", "marker"),
    [
        ("### Response:\\n<think>\\n{}\\n</think>\\n", "### Response:\\n"),
        ("### Reasoning:\\n{}\\n### SQL:\\n", ""),
        ("### Schema:\\n{}\\n### SQL:\\n", "### SQL:\\n"),
    ],
)
def test_the_reasoning_before_an_answer_is_not_masked(between, marker):
    second = "schema" if "Schema" in between else "cot"
    script = (
        IMPORTS + "from datasets import load_dataset\n" + LOAD + f'TEMPLATE = "### Question:\\n{{}}\\n{between}{{}}"\n'
        "def write(row):\n"
        f'    return {{"text": TEMPLATE.format(row["question"], row["{second}"], row["sql"]) + tokenizer.eos_token}}\n'
        'rows = load_dataset("json", data_files="t.jsonl", split="train").map(write)\n'
        "trainer = SFTTrainer(model=model, tokenizer=tokenizer, train_dataset=rows, dataset_text_field='text')\n"
        "trainer.train()\n"
    )
    made = repaired(script, "prompt/response-only-loss", unsafe=True)
    assert (f'response_part="{marker}"' in made) if marker else "response_part" not in made


def test_the_collator_of_images_and_texts_masks_the_prompt_itself():
    script = (
        "from unsloth import FastVisionModel\nfrom unsloth.trainer import UnslothVisionDataCollator\n"
        "from datasets import load_dataset\nfrom trl import SFTConfig, SFTTrainer\n"
        'model, tokenizer = FastVisionModel.from_pretrained("unsloth/Qwen2-VL-2B-Instruct")\n'
        'rows = [{"messages": [{"role": "user", "content": r["q"]}, {"role": "assistant", "content": r["sql"]}]} '
        'for r in load_dataset("json", data_files="t.jsonl", split="train")]\n'
        "trainer = SFTTrainer(model=model, train_dataset=rows, args=SFTConfig(output_dir='o'), "
        "data_collator=UnslothVisionDataCollator(model, tokenizer))\n"
        "trainer.train()\n"
    )
    made = repaired(script, "prompt/response-only-loss", unsafe=True)
    assert "train_on_responses_only=True" in made and "import train_on_responses_only" not in made
    assert 'response_part="<|im_start|>assistant\\n"' in made


@pytest.mark.parametrize("guard", ["", "torch.cuda.is_available() and "])
def test_the_precision_may_come_from_a_launch_file(tmp_path, guard):
    script = tmp_path / "train.py"
    script.write_text(
        "import argparse, torch\nfrom transformers import Trainer, TrainingArguments\n"
        "p = argparse.ArgumentParser()\np.add_argument('--half', type=bool, default=False)\na = p.parse_args()\n"
        f'Trainer("m", args=TrainingArguments("o", bf16={guard}a.half)).train()\n'
    )
    (tmp_path / "run.sh").write_text("python train.py --half True\n")
    one = session(script.read_bytes(), str(script), select=["arguments/mixed-precision"])
    one.apply(True)
    assert "is_bf16_supported(including_emulation=False)" in one.data.decode()
    assert one.data.count(b"is_available() and") == (2 if guard else 0)
