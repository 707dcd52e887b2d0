"""Files that make a model: those that train nothing, and those whose training is not read."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import Options, readers, review
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source

MODEL = """
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model
model = get_peft_model(AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-Coder-7B"), LoraConfig(r=16))
"""
MADE = """
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model

def adapted(name, settings):
    model = AutoModelForCausalLM.from_pretrained(name)
    return get_peft_model(model, LoraConfig(r=settings["r"]))
"""
BENCHMARK = (
    MODEL
    + """
import time, torch
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
ids = torch.randint(0, 32000, (1, 2048))
for _ in range(5):
    model(input_ids=ids, labels={labels}).{loss}.backward()
    optimizer.step()
    print(time.time())
"""
)
FACTS = ("prompt.ending", "prompt.loss_on", "dataset.mixing", "dataset.bare_fields", "dataset.schema_limit")


def plan_of(code: str):
    source = Source.from_bytes(code.encode(), "train.py")
    (plan,) = readers.read(interpret(source, "."), source, SimpleNamespace(processes=None, gpu=None))
    return plan


@pytest.mark.parametrize(
    "code",
    [
        MADE,
        MADE.replace("return ", "model.train()\n    return "),  # a mode, not a run
        MODEL + 'model.merge_and_unload().save_pretrained("merged")\n',
        MODEL + "model(**batch, labels=batch['input_ids']).loss.backward()\nprint(torch.cuda.max_memory_allocated())\n",
        BENCHMARK.format(labels="ids", loss="loss"),
    ],
    ids=["a module of functions", "that sets a mode", "a conversion", "a probe of the memory", "a benchmark"],
)
def test_what_trains_nothing_has_no_training_text(code):
    plan = plan_of(code)
    assert all("nothing is trained in this file" in plan[name].why_not for name in FACTS)


@pytest.mark.parametrize(
    "code",
    [
        MODEL + "from project.loops import Runner\nrunner = Runner(model)\nrunner.train()\n",
        MODEL + "from project.loops import run\nrun(model)\n",
        MODEL + "for batch in batches:\n    model(**batch).loss.backward()\n    optimizer.step()\n",
        MODEL + "model(**batch).loss.backward()\nfor p in model.parameters():\n    p.data -= 1e-4 * p.grad\n",
        MADE + "\n    def forward(self, batch):\n        return self.model(**batch, labels=batch['ids'])\n",
        BENCHMARK.format(labels="read('ids.pt')", loss="loss"),
        BENCHMARK.format(labels="ids", loss="logits.mean()"),
        BENCHMARK.format(labels="ids", loss="loss") + "    model(**batch, labels=batch['ids']).loss.backward()\n",
    ],
    ids=[
        *("its own trainer", "a function that is not in the project", "a loop", "an update", "a loss"),
        *("a benchmark on data", "a loss of its own", "a benchmark that trains too"),
    ],
)
def test_what_may_train_is_unknown(code):
    plan = plan_of(code)
    assert not any(plan[name].why_not for name in FACTS)


CLASSES = """
from transformers import {loader}, Trainer, TrainingArguments
from peft import LoraConfig, TaskType, get_peft_model
model = get_peft_model({loader}.from_pretrained("Qwen/Qwen2.5-7B"), LoraConfig(r=16, task_type={task}))
Trainer(model, TrainingArguments("out"), train_dataset=data).train()
"""


@pytest.mark.parametrize(
    ("loader", "task", "classifies"),
    [
        ("AutoModelForTokenClassification", "None", True),
        ("AutoModel", "TaskType.SEQ_CLS", True),
        ("AutoModel", "'TOKEN_CLS'", True),
        ("AutoModelForCausalLM", "TaskType.CAUSAL_LM", False),
        ("AutoModelForCausalLM", "'SEQ_CLS'", False),  # a slip: the model writes text all the same
    ],
)
def test_a_classifier_writes_no_text(loader, task, classifies):
    plan = plan_of(CLASSES.format(loader=loader, task=task))
    assert bool(plan["prompt.ending"].why_not) == classifies


ROWS = """
import json
from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import SFTTrainer
rows = []
{fill}
SFTTrainer(AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B"), train_dataset=Dataset.from_list(rows)).train()
"""
OPTIONS = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--a", required=True)
parser.add_argument("--b", required=True)
args = parser.parse_args()
"""
LINES = """
for line in open({path}):
    rows.append({{"text": json.loads(line)["text"]}})
"""


@pytest.mark.parametrize(
    ("fill", "single"),
    [
        ("for row in json.load(open('a.json')):\n    rows.append({'text': row['text']})", True),
        ("rows = [{'text': row['text']} for row in json.load(open('a.json'))[:500]]", True),
        (
            "for path in paths:\n    for row in json.load(open(path)):\n        rows.append({'text': row['text']})",
            False,
        ),
        (
            "for row in json.load(open('a.json')) + json.load(open('b.json')):\n    rows.append({'text': row['text']})",
            False,
        ),
        (
            "for path in ('a.json', 'b.json'):\n    for row in json.load(open(path)):\n"
            "        rows.append({'text': row['text']})",
            False,
        ),
        ("rows = more([{'text': row['text']} for row in json.load(open('a.json'))])", False),
        ("rows = [{'text': row['text']} for row in json.load(open('a.json'))]\nrows += more()", False),
        ("rows = [{'text': row['text']} for row in json.load(open('a.json'))]\nrows.extend(more())", False),
        (OPTIONS + LINES.format(path="args.a"), True),
        (OPTIONS + LINES.format(path="args.a") + LINES.format(path="args.b"), False),
        (OPTIONS + LINES.format(path="args.a + 'x'") + LINES.format(path="args.a + 'y'"), False),
        (
            OPTIONS + LINES.format(path="os.path.join(args.a, 'x')") + LINES.format(path="os.path.join(args.a, 'y')"),
            False,
        ),
    ],
    ids=(
        "loop, list, files, two lists, two files, function, more rows, further rows, option, two options, sum, folder"
    ).split(", "),
)
def test_rows_of_one_file_are_one_dataset(fill, single):
    plan = plan_of(ROWS.format(fill=fill))
    assert (getattr(plan["dataset.mixing"].value, "value", None) == "single") == single


TWICE = """
import argparse
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

def main(args):
    model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B")
    Trainer(model, TrainingArguments("out", learning_rate=args.lr), train_dataset=data).train()

def _mp_fn(index):
    main()

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-4)
"""


def test_a_training_that_the_script_starts_is_not_read_again_from_a_function_that_nobody_calls():
    assert plan_of(TWICE + "main(parser.parse_args())\n")["arguments.learning_rate"].value.value == 1e-4


def test_a_training_that_only_such_a_function_starts_is_read():
    assert plan_of(TWICE)["arguments.learning_rate"].value.why.startswith("parameter args of main()")


LOADED = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from peft import PeftModel
base = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-Coder-7B", dtype=torch.bfloat16)
model = PeftModel.from_pretrained(base, "adapter")
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-Coder-7B")
"""
MERGED = LOADED + "model.merge_and_unload().save_pretrained('merged')\ntokenizer.save_pretrained('merged')\n"
EXPORTED = """
from unsloth import FastLanguageModel
from unsloth.save import unsloth_save_pretrained_gguf
model, tokenizer = FastLanguageModel.from_pretrained("Qwen/Qwen2.5-Coder-7B", max_seq_length=4096)
model.load_adapter("adapter")
unsloth_save_pretrained_gguf(model=model, tokenizer=tokenizer, save_directory="gguf")
"""
MEASURED = LOADED + "with torch.no_grad():\n    loss = model(ids, labels=ids).loss\n"
EVALUATED = (
    LOADED
    + """
from transformers import Trainer, TrainingArguments
trainer = Trainer(model, TrainingArguments("out"), eval_dataset=rows)
print(trainer.evaluate())
"""
)
OF_TRAININGS = ("lora/four-bit", "dataset/dataset-config", "memory/monitoring", "project/paths", "lora/target-modules")


def verdicts(code: str, tmp_path) -> dict[str, tuple[str, str]]:
    path = tmp_path / "script.py"
    path.write_text(code)
    (report,) = review(str(path), Options(isolated=True)).files
    return {item.rule: (item.verdict, item.reason) for item in report.checklist}


LISTED = """
from transformers import AutoModelForCausalLM
def main():
    model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-Coder-7B")
    print([name for name, _ in model.named_modules()])
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    "code", [MERGED, EXPORTED, MEASURED, EVALUATED], ids=["merged", "exported", "measured", "evaluated"]
)
def test_no_policy_for_trainings_applies_where_none_is_started(code, tmp_path):
    found = verdicts(code, tmp_path)
    for rule in OF_TRAININGS:
        verdict, reason = found[rule]
        assert verdict == "not-applicable" and "no training is started here" in reason, rule
    assert "fail" not in {verdict for verdict, _ in found.values()}


def test_traps_of_a_file_that_trains_nothing_remain(tmp_path):
    code = MERGED.replace("from peft", "from transformers import AdamW\nfrom peft")
    assert verdicts(code, tmp_path)["api/removed-import"][0] == "fail"


@pytest.mark.parametrize(
    "code",
    [
        MERGED + "import subprocess\nsubprocess.run(['accelerate', 'launch', 'train.py'])\n",
        MEASURED + "    loss.backward()\n    optimizer.step()\n",
        MEASURED + "\nclass Wrapped:\n    def forward(self, ids):\n        return model(ids, labels=ids).loss\n",
        EVALUATED + "trainer.train()\n",
        EVALUATED + "if tuned: trainer.train()\n",
        EVALUATED + "from project.more import resume\nresume_training(trainer)\n",
    ],
    ids=["started elsewhere", "a loop", "a part of a model", "trained", "perhaps trained", "trained elsewhere"],
)
def test_policy_applies_where_a_training_may_be_started(code, tmp_path):
    found = verdicts(code, tmp_path)
    assert not any("no training is started here" in reason for _, reason in found.values())
    assert found["dataset/dataset-config"][0] == "fail"


TRAINED_BEFORE = (
    MODEL
    + """
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments
Trainer(model, TrainingArguments("out"), train_dataset=rows).train()
judge = AutoModelForSequenceClassification.from_pretrained("org/judge")
judge.print_trainable_parameters()
other = Trainer(judge, {given})
print(other.evaluate())
"""
)


@pytest.mark.parametrize(
    ("given", "more", "judged"),
    [
        ("eval_dataset=rows", "", 0),
        ("train_dataset=rows", "", 1),
        ("**given", "", 1),
        ("eval_dataset=rows", "other.train_dataset = rows\n", 1),
    ],
    ids=["no rows to train on", "rows", "rows perhaps", "rows later"],
)
def test_a_second_trainer_that_has_no_rows_to_train_on_only_evaluates(given, more, judged, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(TRAINED_BEFORE.format(given=given) + more)
    (report,) = review(str(path), Options(isolated=True)).files
    assert [f.location.row for f in report.findings if f.rule == "lora/adapter"] == [10] * judged


def test_an_adapter_for_another_file_is_judged(tmp_path):
    found = verdicts(MODEL.replace("r=16", "r=64"), tmp_path)
    assert found["lora/rank"][0] == "fail" and found["lora/four-bit"][0] == "fail"
    verdict, reason = found["dataset/dataset-config"]
    assert verdict == "not-applicable" and reason.startswith("nothing is trained in this file")


@pytest.mark.parametrize(
    ("call", "why"), [("fit(train_objectives=[(loader, loss)])", "SentenceTransformer.fit()"), ("forward(rows)", "")]
)
def test_an_encoder_that_is_fit_learns_no_answer(call, why):
    code = "from sentence_transformers import SentenceTransformer\nSentenceTransformer('x').{}\nother.step()\n"
    assert plan_of(code.format(call))["prompt.ending"].why_not.startswith(why)
    assert bool(plan_of(code.format(call))["prompt.ending"].why_not) == bool(why)


ENCODER = """
import torch
from sentence_transformers import SentenceTransformer
encoder = SentenceTransformer("all-MiniLM-L6-v2")
encoder.eval()

class Scorer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(384, 1)

    def forward(self, seen):
        return self.layer(seen)

scorer = Scorer()
optimizer = torch.optim.AdamW({}, lr=1e-4)
for question in open("questions.txt"):
    loss = scorer({}).sum()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("parameters", "seen", "judged"),
    [
        ("scorer.parameters()", "torch.tensor(encoder.encode(question))", False),
        ("[*scorer.parameters(), *encoder.parameters()]", "torch.tensor(encoder.encode(question))", True),
        ("scorer.parameters()", "encoder(encoder.tokenize([question]))['sentence_embedding']", True),
    ],
)
def test_an_encoder_that_only_embeds_is_a_tool(parameters, seen, judged, tmp_path):
    assert bool(verdicts(ENCODER.format(parameters, seen), tmp_path)) == judged
